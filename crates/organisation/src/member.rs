//! Members: the people of an organisation, as its directory has them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sidetone_signaling::Identifier;
use utoipa::ToSchema;

use crate::{DomainError, GroupId, MemberId, PolicyName, Routing, chat, text};

const MAX_ATTRIBUTES: usize = 64;
const MAX_GROUPS: usize = 64;
const MAX_DELEGATES: usize = 64;
const MAX_SOURCE: usize = 256;

/// A member (spec R22 to R25, R108 to R112): `member:<organisation>:<id>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The directory's object id. Never changes.
    pub id: MemberId,
    /// The name everybody sees. No application can override it (spec R109).
    pub display_name: String,
    /// Whatever else the directory has: department, city, telephone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// A guest in the directory: somebody whom the organisation knows, and who is not one of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub guest: bool,
    /// Which clients the member uses.
    #[serde(default)]
    pub mode: MemberMode,
    /// The policy assigned to the member itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyName>,
    /// The groups the member is in.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<GroupId>,
    /// What the member may do in the organisation.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub roles: BTreeSet<OrganisationRole>,
    /// Where the member's calls go.
    #[serde(default)]
    pub routing: Routing,
    /// Who may call on the member's behalf (L39).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub delegates: BTreeSet<Identifier>,
    /// After how many days chat in which the member takes part is deleted, 1 to 36,500. The organisation's own
    /// retention holds besides: the shorter one counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 36_500)]
    pub chat_retention_days: Option<u32>,
    /// Where the entry comes from, so that the next import finds it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<ExternalKey>,
}

/// Which clients a member uses (L2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum MemberMode {
    /// Only clients of this service.
    #[default]
    NativeOnly,
    /// Also an older system.
    Legacy,
}

/// What a member may do in the organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum OrganisationRole {
    /// Configure it.
    Administrator,
}

/// The key of an entry in the directory that members are imported from: 1 to 256 visible characters. One member has
/// it, so that a second import changes the same member instead of making another (spec R24).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "uid=mia,ou=people,dc=example")]
pub struct ExternalKey(String);

impl ExternalKey {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ExternalKey {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        if text.trim().is_empty() {
            return Err(DomainError::BadText {
                field: "source",
                rule: "must not be empty",
            });
        }
        text::bounded("source", text, MAX_SOURCE)?;
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for ExternalKey {
    type Error = DomainError;

    fn try_from(text: String) -> Result<Self, DomainError> {
        text.parse()
    }
}

impl From<ExternalKey> for String {
    fn from(key: ExternalKey) -> Self {
        key.0
    }
}

impl fmt::Display for ExternalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Member {
    /// A member of this id and name, and otherwise the defaults.
    pub fn new(id: MemberId, display_name: impl Into<String>) -> Self {
        Self {
            id,
            display_name: display_name.into(),
            attributes: BTreeMap::new(),
            guest: false,
            mode: MemberMode::default(),
            policy: None,
            groups: BTreeSet::new(),
            roles: BTreeSet::new(),
            routing: Routing::default(),
            delegates: BTreeSet::new(),
            chat_retention_days: None,
            source: None,
        }
    }

    pub(crate) fn check(&self) -> Result<(), DomainError> {
        text::name("displayName", &self.display_name)?;
        text::count("attributes", self.attributes.len(), MAX_ATTRIBUTES)?;
        for (key, value) in &self.attributes {
            text::name("attributes", key)?;
            text::bounded("attributes", value, 1_024)?;
        }
        text::count("groups", self.groups.len(), MAX_GROUPS)?;
        text::count("delegates", self.delegates.len(), MAX_DELEGATES)?;
        chat::days("chatRetentionDays", self.chat_retention_days)?;
        self.routing.check()
    }
}
