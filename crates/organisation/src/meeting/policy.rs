//! What an organisation lets its meetings be, and what a meeting chooses within that.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::DomainError;
use crate::text::number;

/// Most participants that any meeting may be given.
pub const MAX_PARTICIPANTS: u32 = 10_000;
/// Most voices that anybody may be sent at a time.
pub const MAX_VOICES: u8 = 64;
const MAX_LOBBY_SECONDS: u32 = 24 * 3600;

/// Who need not wait in the lobby (spec table 1.3). Each lets in all that those before it do, but for the first two,
/// which are about the meeting and not about the organisation.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Bypass {
    /// The organiser, and co-organisers.
    OrganizerOnly,
    /// Those who were invited by name.
    InvitedUsers,
    /// Members, guests in the directory aside.
    EveryoneInCompanyExcludingGuests,
    /// Members.
    #[default]
    EveryoneInCompany,
    /// Members, and members of organisations that this one deals with.
    EveryoneInSameAndFederatedCompany,
    /// Everyone.
    Everyone,
}

/// Who presents without having been named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Presenters {
    /// Only those who were named.
    NamedOnly,
    /// Members, too.
    #[default]
    EveryoneInCompany,
    /// Everyone who comes.
    Everyone,
}

/// What people from outside may do in an organisation's meetings, where their role lets them (spec R67).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ExternalMedia {
    /// Speak.
    pub audio: bool,
    /// Be seen.
    pub video: bool,
    /// Show a screen.
    pub share: bool,
    /// Take part in the conversation beside the meeting.
    pub chat: bool,
}

impl Default for ExternalMedia {
    fn default() -> Self {
        Self {
            audio: true,
            video: true,
            share: true,
            chat: true,
        }
    }
}

/// What an organisation lets its meetings be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct MeetingPolicy {
    /// People who are members of no organisation may join (spec R65, R66).
    pub anonymous_join: bool,
    /// They may be let in before a member is there, where the lobby would not hold them (spec table 1.3, row m).
    pub anonymous_start: bool,
    /// Who need not wait in the lobby, where a meeting says nothing else.
    pub bypass: Bypass,
    /// The widest that a meeting may choose instead.
    pub widest_bypass: Bypass,
    /// Who presents, where a meeting says nothing else.
    pub presenters: Presenters,
    /// How long somebody may wait in the lobby, in seconds.
    #[schema(minimum = 1, maximum = 86400)]
    pub lobby_seconds: u32,
    /// How many a meeting holds at most.
    #[schema(minimum = 1, maximum = 10000)]
    pub max_participants: u32,
    /// What people from outside may do.
    pub external: ExternalMedia,
}

impl Default for MeetingPolicy {
    fn default() -> Self {
        Self {
            anonymous_join: true,
            anonymous_start: false,
            bypass: Bypass::default(),
            widest_bypass: Bypass::Everyone,
            presenters: Presenters::default(),
            lobby_seconds: 30 * 60,
            max_participants: 1_000,
            external: ExternalMedia::default(),
        }
    }
}

impl MeetingPolicy {
    pub(crate) fn check(&self) -> Result<(), DomainError> {
        number("lobbySeconds", self.lobby_seconds, 1, MAX_LOBBY_SECONDS)?;
        number("maxParticipants", self.max_participants, 1, MAX_PARTICIPANTS)
    }
}

/// What a meeting chooses. What is absent is as the organisation's policy has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct MeetingOptions {
    /// Who need not wait in the lobby. Nobody whom the policy would not permit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bypass: Option<Bypass>,
    /// People who are members of no organisation may be let in before a member is there, where the policy permits it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anonymous_start: Option<bool>,
    /// Who presents without having been named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presenters: Option<Presenters>,
    /// How many it holds, and not more than the policy permits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_participants: Option<u32>,
    /// How many voices each is sent at a time, and not more than the operator permits; where it is not said, what the
    /// operator says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 64)]
    pub voices: Option<u8>,
    /// Attendees may not switch their microphones on.
    pub attendee_audio_forbidden: bool,
    /// Attendees may not switch their cameras on.
    pub attendee_video_forbidden: bool,
    /// Nobody sends reactions.
    pub reactions_forbidden: bool,
    /// There is no conversation beside it.
    pub chat_forbidden: bool,
}

impl MeetingOptions {
    pub(crate) fn check(&self) -> Result<(), DomainError> {
        if let Some(most) = self.max_participants {
            number("maxParticipants", most, 1, MAX_PARTICIPANTS)?;
        }
        match self.voices {
            Some(voices) => number("voices", voices.into(), 1, MAX_VOICES.into()),
            None => Ok(()),
        }
    }
}

/// What holds for a meeting: its options within the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeetingRules {
    /// Who need not wait in the lobby.
    pub bypass: Bypass,
    /// People who are members of no organisation may join.
    pub anonymous_join: bool,
    /// They may be let in before a member is there.
    pub anonymous_start: bool,
    /// Who presents without having been named.
    pub presenters: Presenters,
    /// How long somebody may wait in the lobby, in seconds.
    pub lobby_seconds: u32,
    /// How many it holds.
    pub max_participants: u32,
    /// What people from outside may do.
    pub external: ExternalMedia,
    /// What else the meeting chose.
    pub options: MeetingOptions,
}

impl MeetingPolicy {
    /// What holds for a meeting with these options.
    pub fn rules(&self, options: MeetingOptions) -> MeetingRules {
        MeetingRules {
            bypass: options
                .bypass
                .unwrap_or(self.bypass)
                .min(self.widest_bypass.max(self.bypass)),
            anonymous_join: self.anonymous_join,
            anonymous_start: self.anonymous_start && options.anonymous_start.unwrap_or(true),
            presenters: options.presenters.unwrap_or(self.presenters),
            lobby_seconds: self.lobby_seconds,
            max_participants: options
                .max_participants
                .unwrap_or(self.max_participants)
                .min(self.max_participants),
            external: self.external,
            options,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meeting_chooses_within_the_policy() {
        let policy = MeetingPolicy {
            widest_bypass: Bypass::EveryoneInCompany,
            max_participants: 350,
            ..MeetingPolicy::default()
        };
        let with = |bypass, most| {
            let rules = policy.rules(MeetingOptions {
                bypass,
                max_participants: most,
                anonymous_start: Some(true),
                ..MeetingOptions::default()
            });
            (rules.bypass, rules.max_participants, rules.anonymous_start)
        };
        assert_eq!(with(None, None), (Bypass::EveryoneInCompany, 350, false));
        assert_eq!(
            with(Some(Bypass::OrganizerOnly), Some(5)),
            (Bypass::OrganizerOnly, 5, false)
        );
        assert_eq!(
            with(Some(Bypass::Everyone), Some(1_000)),
            (Bypass::EveryoneInCompany, 350, false)
        );
    }

    #[test]
    fn a_new_organisation_lets_everybody_knock() {
        let rules = MeetingPolicy::default().rules(MeetingOptions::default());
        assert!(rules.anonymous_join && !rules.anonymous_start);
        assert_eq!((rules.max_participants, rules.lobby_seconds), (1_000, 1_800));
    }
}
