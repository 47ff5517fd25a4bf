//! Voice applications: identities of an organisation that no person stands behind.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ApplicationId, DomainError, MemberId, PolicyName, text};

/// Most agents of one application.
const MAX_AGENTS: usize = 100;

/// A voice application (spec R26): it can be called as `application:<organisation>:<id>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// Its id within the organisation.
    pub id: ApplicationId,
    /// Shown to people.
    pub name: String,
    /// What it does.
    pub kind: ApplicationKind,
    /// The policy that decides whether external users may call it; `global` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyName>,
    /// Members who are rung while the application has no endpoint of its own online. Who is not a member is passed
    /// over.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub agents: BTreeSet<MemberId>,
}

/// What a voice application does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ApplicationKind {
    /// Greets callers and lets them choose.
    Attendant,
    /// Lets callers wait for an agent.
    Queue,
    /// A program that talks.
    Bot,
    /// Records messages.
    Voicemail,
}

impl Application {
    pub(crate) fn check(&self) -> Result<(), DomainError> {
        text::name("name", &self.name)?;
        text::count("agents", self.agents.len(), MAX_AGENTS)
    }
}
