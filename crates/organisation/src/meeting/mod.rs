//! Meetings as an organisation keeps them: whose they are, who is invited, where they are found and what they choose.
//! Who is in one right now is nothing that is kept here.

mod policy;
mod standing;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sidetone_signaling::identifier::{IdentifierError, Label};
use sidetone_signaling::{Identifier, secret};
use utoipa::ToSchema;

pub use policy::{
    Bypass, ExternalMedia, MAX_PARTICIPANTS, MAX_VOICES, MeetingOptions, MeetingPolicy, MeetingRules,
    Presenters,
};
pub use standing::{Attendee, Origin};

use crate::{DomainError, MemberId, text};

const MAX_NAMED: usize = 1_000;
const MAX_SECRET: usize = 64;

/// A meeting's number: 12 digits. People read it out, and it is no secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "482193507112")]
pub struct MeetingId(Label);

impl MeetingId {
    /// How many digits it has.
    pub const DIGITS: usize = 12;

    /// The digits.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// As people write it: blanks and dashes do not count.
    ///
    /// # Errors
    /// [`IdentifierError::BadNumber`].
    pub fn typed(text: &str) -> Result<Self, IdentifierError> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        digits.parse()
    }
}

impl FromStr for MeetingId {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        if text.len() != Self::DIGITS || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(IdentifierError::BadNumber);
        }
        text.parse().map(Self)
    }
}

impl TryFrom<String> for MeetingId {
    type Error = IdentifierError;

    fn try_from(text: String) -> Result<Self, IdentifierError> {
        text.parse()
    }
}

impl From<MeetingId> for String {
    fn from(id: MeetingId) -> Self {
        id.0.to_string()
    }
}

impl fmt::Display for MeetingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What kind of meeting it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum MeetingKind {
    /// People meet.
    #[default]
    Standard,
    /// The people of a channel meet, and the conversation is the channel's.
    Channel,
    /// Few speak, many listen, and may be given the word.
    Webinar,
    /// Few speak, very many listen.
    TownHall,
}

/// A meeting of an organisation (spec R59, R68, tables 1.3 and 1.5).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Meeting {
    /// Its number.
    pub id: MeetingId,
    /// What it is about.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// What kind of meeting it is.
    #[serde(default)]
    pub kind: MeetingKind,
    /// Whose it is.
    pub organiser: MemberId,
    /// Who else may do what the organiser may.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub co_organisers: BTreeSet<Identifier>,
    /// Who presents.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub presenters: BTreeSet<Identifier>,
    /// Who else is invited.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub attendees: BTreeSet<Identifier>,
    /// When it is to begin, in milliseconds since 1970. Nobody is kept out before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_ms: Option<u64>,
    /// When it is to end. Nobody is put out then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_ms: Option<u64>,
    /// What it chooses.
    #[serde(default)]
    pub options: MeetingOptions,
    /// The secret in its link. Whoever has it may knock.
    pub key: String,
    /// The secret that is read out with its number.
    pub passcode: String,
    /// The conversation beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
}

impl fmt::Debug for Meeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Key and passcode are secrets.
        f.debug_struct("Meeting")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("organiser", &self.organiser)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Meeting {
    pub(crate) fn check(&self) -> Result<(), DomainError> {
        text::bounded("subject", &self.subject, 256)?;
        text::count("coOrganisers", self.co_organisers.len(), MAX_NAMED)?;
        text::count("presenters", self.presenters.len(), MAX_NAMED)?;
        text::count("attendees", self.attendees.len(), MAX_NAMED)?;
        for (field, secret) in [("key", &self.key), ("passcode", &self.passcode)] {
            if secret.is_empty() {
                return Err(DomainError::BadText {
                    field,
                    rule: "must not be empty",
                });
            }
            text::bounded(field, secret, MAX_SECRET)?;
        }
        if let (Some(start), Some(end)) = (self.start_ms, self.end_ms)
            && end < start
        {
            return Err(DomainError::BadText {
                field: "endMs",
                rule: "must not be before the start",
            });
        }
        self.options.check()
    }

    /// Whether it was named to somebody, in whatever role.
    pub fn invites(&self, identity: &Identifier) -> bool {
        self.co_organisers.contains(identity)
            || self.presenters.contains(identity)
            || self.attendees.contains(identity)
    }

    /// Whether this is the secret of its link. Takes as long for a wrong one.
    pub fn has_key(&self, key: &str) -> bool {
        secret::is_same(&self.key, key)
    }

    /// Whether this is its passcode: blanks, dashes and capitals do not count. Takes as long for a wrong one.
    pub fn has_passcode(&self, passcode: &str) -> bool {
        let typed: String = passcode
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .map(|c| c.to_ascii_lowercase())
            .collect();
        secret::is_same(&self.passcode, &typed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_people_write_it() {
        let id: MeetingId = "482193507112".parse().unwrap();
        assert_eq!(MeetingId::typed(" 482 193-507 112 ").unwrap(), id);
        for bad in ["", "48219350711", "4821935071123", "48219350711a", "٤82193507112"] {
            assert!(MeetingId::typed(bad).is_err(), "{bad}");
        }
    }
}
