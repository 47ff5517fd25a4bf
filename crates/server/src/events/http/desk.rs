//! What is done at the addresses of subscriptions and events, the same for both kinds of tenant.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderName, StatusCode, header};
use serde::{Deserialize, Serialize};
use sidetone_ledger::{EventKind, Notification, Scope, Timestamp};
use sidetone_organisation::access::Operation;
use sidetone_store::Sequence;
use url::Url;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::accounting::http::{LogPage, asked};
use crate::api::audit::{Audit, AuditEntry, AuditScope};
use crate::api::caller::Caller;
use crate::api::input::{Body, Query};
use crate::api::page;
use crate::api::problem::{Problem, ProblemType};
use crate::clock::wall_now;
use crate::events::{DeadLetter, From, Health, MAX_SUBSCRIPTIONS, Subscription, SubscriptionId, Webhooks};
use crate::outbound::new_secret;

/// Longest description, in characters.
const MAX_DESCRIPTION: usize = 256;
/// Longest address, in bytes.
const MAX_URL: usize = 2_048;

/// What the handlers share.
pub(crate) struct Desk {
    pub(crate) webhooks: Arc<Webhooks>,
    pub(crate) audit: Audit,
}

/// A new subscription.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewSubscription {
    /// Where events are sent: an https address on the internet.
    #[schema(
        format = "uri",
        max_length = 2048,
        example = "https://app.example/webhooks/calls"
    )]
    url: String,
    /// Which events; all without, or where empty.
    #[serde(default)]
    types: BTreeSet<EventKind>,
    /// For people.
    #[serde(default)]
    #[schema(max_length = 256)]
    description: String,
    /// Begin with the event of this number of the tenant's log; with the next to come without.
    #[serde(default, deserialize_with = "page::number")]
    from_sequence: Option<u64>,
}

/// What shall change; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SubscriptionChange {
    /// Where events are sent.
    #[schema(format = "uri", max_length = 2048)]
    url: Option<String>,
    /// Which events; all where empty.
    types: Option<BTreeSet<EventKind>>,
    /// For people.
    #[schema(max_length = 256)]
    description: Option<String>,
    /// Whether events are sent. While they are not, they are kept, and sent later.
    enabled: Option<bool>,
}

/// A subscription.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SubscriptionView {
    /// Its id.
    id: SubscriptionId,
    /// Where events are sent.
    #[schema(format = "uri")]
    url: String,
    /// Which events; all where empty.
    types: BTreeSet<EventKind>,
    /// For people.
    description: String,
    /// Whether events are sent. Switched off by itself when the receiver answers 410.
    enabled: bool,
    /// When it was made.
    created: Timestamp,
    /// How deliveries go; absent while none are made.
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<Health>,
}

/// A subscription that was made, with the secret that its deliveries are signed with. It is shown this once.
#[derive(Serialize, ToSchema)]
pub(super) struct MadeSubscription {
    #[serde(flatten)]
    subscription: SubscriptionView,
    /// Signs deliveries: HMAC-SHA-256 of `id.timestamp.body`, as the Standard Webhooks specification has it.
    #[schema(example = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")]
    secret: String,
}

/// A new secret. It is shown this once.
#[derive(Serialize, ToSchema)]
pub(super) struct NewSecret {
    /// Signs every delivery from now on.
    secret: String,
}

/// The subscriptions of a tenant.
#[derive(Serialize, ToSchema)]
pub(super) struct SubscriptionList {
    /// By id.
    items: Vec<SubscriptionView>,
}

/// Where to begin sending again. Exactly one of both.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Replay {
    /// At this number of the tenant's log.
    #[serde(default, deserialize_with = "page::number")]
    from_sequence: Option<u64>,
    /// At the first event written at this time or later (RFC 3339, in UTC).
    #[schema(value_type = Option<String>, example = "2026-03-01T00:00:00Z",
        pattern = "^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$")]
    from_time: Option<Timestamp>,
}

/// Where sending began again.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Replaying {
    /// The number of the first event that is sent again.
    from_sequence: u64,
}

/// Which part of a log.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct LogQuery {
    /// Entries on the page, 1 to 200; 50 without.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The number of the last entry seen; from the oldest on without.
    #[serde(default, deserialize_with = "page::number")]
    after: Option<u64>,
}

pub(super) type Secretly<T> = ([(HeaderName, &'static str); 1], Json<T>);

fn secretly<T>(value: T) -> Secretly<T> {
    ([(header::CACHE_CONTROL, "no-store")], Json(value))
}

impl LogQuery {
    fn range(&self) -> Result<(Sequence, usize), Problem> {
        let from = Sequence(self.after.unwrap_or(0).saturating_add(1));
        Ok((from, page::limit(self.limit)?))
    }
}

impl Desk {
    fn view(&self, subscription: Subscription) -> SubscriptionView {
        SubscriptionView {
            id: subscription.id,
            url: subscription.url.into(),
            types: subscription.types,
            description: subscription.description,
            enabled: subscription.enabled,
            created: subscription.created,
            health: self.webhooks.health(subscription.id),
        }
    }

    pub(super) async fn list(
        &self,
        caller: &Caller,
        scope: &Scope,
    ) -> Result<Json<SubscriptionList>, Problem> {
        caller.may(&Operation::ReadSubscriptions(asked(scope)))?;
        let subscriptions = self.webhooks.list(scope).await?;
        let items = subscriptions
            .into_iter()
            .map(|subscription| self.view(subscription))
            .collect();
        Ok(Json(SubscriptionList { items }))
    }

    pub(super) async fn create(
        &self,
        caller: &Caller,
        scope: Scope,
        body: Body,
    ) -> Result<(StatusCode, Secretly<MadeSubscription>), Problem> {
        caller.may(&Operation::WriteSubscriptions(asked(&scope)))?;
        let new: NewSubscription = body.read()?;
        let subscription = Subscription {
            id: SubscriptionId(Uuid::new_v4()),
            url: self.address(&new.url)?,
            types: new.types,
            description: description(new.description)?,
            enabled: true,
            created: now(),
            secret: new_secret(),
            scope,
        };
        let from = new
            .from_sequence
            .map_or(From::Now, |number| From::Sequence(Sequence(number)));
        self.enter(
            caller,
            "subscription.create",
            &subscription.scope,
            subscription.id,
        )
        .await?;
        if !self.webhooks.create(&subscription, from).await? {
            let detail = format!("there are {MAX_SUBSCRIPTIONS} subscriptions already");
            return Err(Problem::new(ProblemType::CONFLICT, detail));
        }
        let made = MadeSubscription {
            secret: subscription.secret.expose().to_owned(),
            subscription: self.view(subscription),
        };
        Ok((StatusCode::CREATED, secretly(made)))
    }

    pub(super) async fn show(
        &self,
        caller: &Caller,
        scope: &Scope,
        id: SubscriptionId,
    ) -> Result<Json<SubscriptionView>, Problem> {
        caller.may(&Operation::ReadSubscriptions(asked(scope)))?;
        let found = self.webhooks.find(scope, id).await?;
        found.map(|found| Json(self.view(found))).ok_or_else(no_such)
    }

    pub(super) async fn change(
        &self,
        caller: &Caller,
        scope: &Scope,
        id: SubscriptionId,
        body: Body,
    ) -> Result<Json<SubscriptionView>, Problem> {
        caller.may(&Operation::WriteSubscriptions(asked(scope)))?;
        let change: SubscriptionChange = body.read()?;
        let url = change.url.map(|url| self.address(&url)).transpose()?;
        let about = change.description.map(description).transpose()?;
        self.webhooks.find(scope, id).await?.ok_or_else(no_such)?;
        self.enter(caller, "subscription.change", scope, id).await?;
        let edit = |subscription: &mut Subscription| {
            if let Some(url) = url {
                subscription.url = url;
            }
            if let Some(types) = change.types {
                subscription.types = types;
            }
            if let Some(about) = about {
                subscription.description = about;
            }
            if let Some(enabled) = change.enabled {
                subscription.enabled = enabled;
            }
        };
        let changed = self.webhooks.change(scope, id, edit).await?;
        changed
            .map(|changed| Json(self.view(changed)))
            .ok_or_else(no_such)
    }

    pub(super) async fn rotate(
        &self,
        caller: &Caller,
        scope: &Scope,
        id: SubscriptionId,
    ) -> Result<Secretly<NewSecret>, Problem> {
        caller.may(&Operation::WriteSubscriptions(asked(scope)))?;
        self.webhooks.find(scope, id).await?.ok_or_else(no_such)?;
        self.enter(caller, "subscription.rotateSecret", scope, id).await?;
        let secret = new_secret();
        let fresh = secret.clone();
        let changed = self
            .webhooks
            .change(scope, id, |subscription| subscription.secret = fresh)
            .await?;
        changed.ok_or_else(no_such)?;
        Ok(secretly(NewSecret {
            secret: secret.into_exposed(),
        }))
    }

    pub(super) async fn delete(
        &self,
        caller: &Caller,
        scope: &Scope,
        id: SubscriptionId,
    ) -> Result<StatusCode, Problem> {
        caller.may(&Operation::WriteSubscriptions(asked(scope)))?;
        self.webhooks.find(scope, id).await?.ok_or_else(no_such)?;
        self.enter(caller, "subscription.delete", scope, id).await?;
        if self.webhooks.delete(scope, id).await? {
            Ok(StatusCode::NO_CONTENT)
        } else {
            Err(no_such())
        }
    }

    pub(super) async fn replay(
        &self,
        caller: &Caller,
        scope: &Scope,
        id: SubscriptionId,
        body: Body,
    ) -> Result<(StatusCode, Json<Replaying>), Problem> {
        caller.may(&Operation::ReplayEvents(asked(scope)))?;
        let wish: Replay = body.read()?;
        let from = match (wish.from_sequence, wish.from_time) {
            (Some(number), None) => From::Sequence(Sequence(number.max(1))),
            (None, Some(time)) => From::Time(time),
            _ => {
                let detail = "exactly one of fromSequence and fromTime is needed";
                return Err(Problem::new(ProblemType::INVALID, detail));
            }
        };
        self.webhooks.find(scope, id).await?.ok_or_else(no_such)?;
        self.enter(caller, "subscription.replay", scope, id).await?;
        let disabled = || Problem::new(ProblemType::CONFLICT, "the subscription is disabled");
        let start = self
            .webhooks
            .replay(scope, id, from)
            .await?
            .ok_or_else(disabled)?;
        let replaying = Replaying {
            from_sequence: start.0,
        };
        Ok((StatusCode::ACCEPTED, Json(replaying)))
    }

    pub(super) async fn dead(
        &self,
        caller: &Caller,
        scope: &Scope,
        id: SubscriptionId,
        query: &Query,
    ) -> Result<Json<LogPage<DeadLetter>>, Problem> {
        caller.may(&Operation::ReadSubscriptions(asked(scope)))?;
        let (from, limit) = query.read::<LogQuery>()?.range()?;
        self.webhooks.find(scope, id).await?.ok_or_else(no_such)?;
        Ok(Json(LogPage::new(
            self.webhooks.dead_letters(id, from, limit).await?,
        )))
    }

    pub(super) async fn events(
        &self,
        caller: &Caller,
        scope: &Scope,
        query: &Query,
    ) -> Result<Json<LogPage<Notification>>, Problem> {
        caller.may(&Operation::ReadSubscriptions(asked(scope)))?;
        let (from, limit) = query.read::<LogQuery>()?.range()?;
        Ok(Json(LogPage::new(
            self.webhooks.events(scope, from, limit).await?,
        )))
    }

    /// An address that events may be sent to.
    fn address(&self, text: &str) -> Result<Url, Problem> {
        let invalid = |why: String| Problem::new(ProblemType::INVALID, format!("url: {why}"));
        if text.len() > MAX_URL {
            return Err(invalid(format!("it is longer than {MAX_URL} bytes")));
        }
        let url: Url = text.parse().map_err(|_| invalid("it is no address".to_owned()))?;
        self.webhooks
            .outbound
            .check(&url)
            .map_err(|error| invalid(error.to_string()))?;
        Ok(url)
    }

    async fn enter(
        &self,
        caller: &Caller,
        action: &str,
        scope: &Scope,
        id: SubscriptionId,
    ) -> Result<(), Problem> {
        let whose = match scope {
            Scope::Resource(id) => AuditScope::Resource(id.clone()),
            Scope::Organisation(id) => AuditScope::Organisation(id.clone()),
        };
        let now = wall_now();
        let entry = AuditEntry::new(caller.actor.clone(), action, format!("subscription.{id}"), now);
        Ok(self.audit.append(&whose, &entry, now).await?)
    }
}

fn now() -> Timestamp {
    Timestamp::from_millis(wall_now().as_millis())
}

fn no_such() -> Problem {
    Problem::not_found("subscription")
}

fn description(text: String) -> Result<String, Problem> {
    if text.chars().count() > MAX_DESCRIPTION || text.chars().any(char::is_control) {
        let detail = format!("description: at most {MAX_DESCRIPTION} characters, and no control characters");
        return Err(Problem::new(ProblemType::INVALID, detail));
    }
    Ok(text)
}
