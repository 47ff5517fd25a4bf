//! Subscriptions: which events of a tenant go where. Kept under the tenant's name; the secret is kept as it is, since
//! every delivery is signed with it, and shown once.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sidetone_ledger::{EventKind, Scope, Timestamp};
use sidetone_store::{Key, LogName, StoreError};
use url::Url;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Secret;
use crate::accounting::names;

/// What the keys of all subscriptions begin with.
pub(super) const ALL: &str = "subscription.";

/// Names a subscription, for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Uuid)]
pub(crate) struct SubscriptionId(pub(crate) Uuid);

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for SubscriptionId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// A subscription, as kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Subscription {
    pub(crate) id: SubscriptionId,
    pub(crate) scope: Scope,
    pub(crate) url: Url,
    /// Which events; all where empty.
    pub(crate) types: BTreeSet<EventKind>,
    pub(crate) description: String,
    pub(crate) enabled: bool,
    pub(crate) created: Timestamp,
    #[serde(with = "exposed")]
    pub(crate) secret: Secret,
}

impl Subscription {
    pub(super) fn wants(&self, kind: EventKind) -> bool {
        self.types.is_empty() || self.types.contains(&kind)
    }

    pub(super) fn key(&self) -> Result<Key, StoreError> {
        key(&self.scope, self.id)
    }
}

/// Where a subscription is kept.
pub(super) fn key(scope: &Scope, id: SubscriptionId) -> Result<Key, StoreError> {
    Key::new(format!("{}{id}", prefix(scope)))
}

/// What the keys of a tenant's subscriptions begin with.
pub(super) fn prefix(scope: &Scope) -> String {
    format!("{ALL}{}.", names::part(scope))
}

/// Where it is kept how far a subscription was served.
pub(super) fn cursor(id: SubscriptionId) -> Result<Key, StoreError> {
    Key::new(format!("delivery.{id}"))
}

/// Where the events are kept that a subscription's receiver never took.
pub(super) fn dead_letters(id: SubscriptionId) -> Result<LogName, StoreError> {
    LogName::new(format!("dead.{id}"))
}

/// A secret in the store. Nowhere else is it written out.
mod exposed {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::Secret;

    pub(super) fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}
