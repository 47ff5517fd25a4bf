//! Access tokens of voice applications: an administrator issues the first, and the application that runs renews its own
//! with one that is good still. Revoking takes back all of them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use sidetone_organisation::access::Operation;
use sidetone_organisation::{ApplicationId, EntityKey, EntityName, OrganisationId};
use sidetone_signaling::Identifier;
use utoipa::ToSchema;

use super::http::Shared;
use super::{Scope, TokenRequest};
use crate::api::audit::{AuditEntry, AuditScope};
use crate::api::caller::Caller;
use crate::api::input::{Body, Names};
use crate::api::problem::Problem;
use crate::clock::wall_now;
use crate::identity::{Token, Unkept, minutes, unkept};

/// What a token is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ApplicationTokenWish {
    /// How long it shall be valid, in minutes; a day without.
    #[schema(minimum = 60, maximum = 1440)]
    expires_in_minutes: Option<u32>,
}

type Name = (OrganisationId, ApplicationId);

impl Shared {
    /// Writes down what is about to be done, if there is such an application.
    async fn audit_application(&self, caller: &Caller, action: &str, name: &Name) -> Result<(), Problem> {
        if self.registry.world().application(&name.0, &name.1).is_none() {
            return Err(Problem::not_found("application"));
        }
        let key = EntityKey::from(EntityName::Application(name.0.clone(), name.1.clone()));
        let now = wall_now();
        let entry = AuditEntry::new(caller.actor.clone(), action, key.as_str(), now);
        let scope = AuditScope::of(&key);
        Ok(self.registry.audit().append(&scope, &entry, now).await?)
    }
}

/// The raw id of a voice application.
fn identifier((organisation, application): &Name) -> Identifier {
    Identifier::Application {
        organisation: organisation.clone().into(),
        application: application.clone().into(),
    }
}

/// Issues a token for a voice application, good for calls and for what its kind may do here. An application renews its
/// own with the one it has.
#[utoipa::path(post, path = "/v1/organisations/{organisation}/applications/{application}/tokens", tag = "directory",
    params(("organisation" = OrganisationId, Path), ("application" = ApplicationId, Path)),
    request_body = ApplicationTokenWish, responses((status = 201, body = Token)))]
pub(super) async fn issue_application_token(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, ApplicationId)>,
    body: Body,
) -> Result<(StatusCode, Unkept<Token>), Problem> {
    caller.may(&Operation::IssueApplicationTokens(name.0.clone(), name.1.clone()))?;
    let wish: ApplicationTokenWish = body.read()?;
    let request = TokenRequest {
        scopes: vec![Scope::Voip],
        lifetime: minutes(wish.expires_in_minutes),
        ..TokenRequest::new(identifier(&name))
    };
    shared.tokens.check(&request, wall_now())?;
    shared
        .audit_application(&caller, "application.token", &name)
        .await?;
    let issued = shared.tokens.issue(request, wall_now())?;
    Ok((StatusCode::CREATED, unkept(issued.into())))
}

/// Takes back every token of a voice application that was issued up to now. Its sessions end within 5 seconds.
#[utoipa::path(post, path = "/v1/organisations/{organisation}/applications/{application}/revoke-tokens",
    tag = "directory", params(("organisation" = OrganisationId, Path), ("application" = ApplicationId, Path)),
    responses((status = 204)))]
pub(super) async fn revoke_application_tokens(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, ApplicationId)>,
) -> Result<StatusCode, Problem> {
    caller.may(&Operation::RevokeApplicationTokens(name.0.clone()))?;
    shared
        .audit_application(&caller, "application.revoke-tokens", &name)
        .await?;
    shared
        .tokens
        .revoke(&*shared.kv, &identifier(&name), wall_now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
