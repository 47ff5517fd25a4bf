//! An organisation: one tenant of the service.

use serde::{Deserialize, Serialize};
use sidetone_signaling::identifier::Label;
use utoipa::ToSchema;

use crate::{ChatPolicy, DomainError, MeetingPolicy, OrganisationId, Switches, text};

/// An organisation. Its members call each other freely; what else they may do is [`Federation`](crate::Federation),
/// [`ExternalAccessPolicy`](crate::ExternalAccessPolicy) and [`Switches`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Organisation {
    /// Its id, as in `member:<organisation>:<member>`.
    pub id: OrganisationId,
    /// Shown to people.
    pub name: String,
    /// What kind of organisation it is.
    #[serde(default)]
    pub kind: OrganisationKind,
    /// The cloud it lives in. Set once.
    #[schema(value_type = String, example = "public")]
    pub cloud: Label,
    /// What the operator said of it.
    #[serde(default)]
    pub approval: Approval,
    /// Which limits it chose.
    #[serde(default)]
    pub switches: Switches,
    /// Whether people are asked before a call of its members is recorded or transcribed.
    #[serde(default)]
    pub recording_consent: RecordingConsent,
    /// What its meetings may be.
    #[serde(default)]
    pub meetings: MeetingPolicy,
    /// Where the chat of its meetings is kept: the name of a region. Without, the deployment's one region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "eu")]
    pub region: Option<Label>,
    /// What it decided about chat, beside the switches.
    #[serde(default)]
    pub chat: ChatPolicy,
}

/// Whether people are asked before they are recorded or transcribed. They are told in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum RecordingConsent {
    /// Only where who records wants them to be.
    #[default]
    WhereWanted,
    /// In every call of the organisation's members: nobody's sound is sent before they have agreed.
    Always,
}

/// What kind of organisation it is (spec R62).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum OrganisationKind {
    /// A business, a school, an association.
    #[default]
    Work,
    /// A household, or one person.
    Personal,
}

/// What the operator said of an organisation (spec R5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", tag = "state")]
pub enum Approval {
    /// Nothing yet.
    #[default]
    Pending,
    /// It may deal with external users and other organisations.
    Approved,
    /// It may not.
    Refused {
        /// Why, for the organisation's administrators.
        reason: String,
    },
}

impl Organisation {
    pub(crate) fn check(&self) -> Result<(), DomainError> {
        text::name("name", &self.name)?;
        self.meetings.check()?;
        self.chat.check()?;
        match &self.approval {
            Approval::Refused { reason } => text::bounded("reason", reason, 500),
            Approval::Pending | Approval::Approved => Ok(()),
        }
    }
}
