//! Somebody in a call, before its door, or on the way to it.

use std::collections::BTreeSet;
use std::time::Instant;

use sidetone_organisation::Origin;
use sidetone_signaling::Identifier;
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::{
    self, Capabilities, LobbyReason, ParticipantId, ParticipantState, PersonKind, Role, UnlobbiedWhy,
};
use sidetone_signaling::protocol::{CallId, Pictures, SessionId};

use super::breakout::Away;
use super::engage::Bucket;
use super::watching::Watching;
use crate::api::{Attempt, Place as StayPlace, Rights, Stay};
use crate::fact::Who;

/// Where somebody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Asked to come: these endpoints ring.
    Ringing(BTreeSet<SessionId>),
    /// Their media is being brought up; then it is decided where they are.
    Knocking,
    /// Before the door.
    Waiting { since: Instant, reason: LobbyReason },
    /// In.
    Inside,
}

/// What somebody's media does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// None was asked for yet.
    Never,
    /// It comes up for the first time.
    Coming,
    /// It is up.
    Up,
    /// It is lost, and may come back.
    Lost,
}

impl Media {
    /// Whether whoever carries media knows of it.
    pub(super) fn is_there(self) -> bool {
        self != Self::Never
    }
}

/// A request that waits for media's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asking {
    pub(super) attempt: Attempt,
    pub(super) session: SessionId,
    pub(super) id: u64,
    pub(super) restart: bool,
}

/// Somebody.
#[derive(Debug)]
pub(super) struct Participant {
    pub(super) id: ParticipantId,
    pub(super) identity: Identifier,
    pub(super) display_name: String,
    pub(super) kind: PersonKind,
    pub(super) origin: Origin,
    pub(super) role: Role,
    /// They were named so, or somebody inside asked them to come.
    pub(super) named: bool,
    pub(super) invited: bool,
    pub(super) fetched: bool,
    /// Whose endpoints ring, where they are asked to come: their own, or others' in their place.
    pub(super) rung: Vec<Identifier>,
    /// They were in when the service was cut off, and have not come back since.
    pub(super) recalled: bool,
    /// Who asked them to come.
    pub(super) asked_by: Option<Identifier>,
    /// They are told of people from outside: all but bots of organisations that want it otherwise.
    pub(super) sees_external: bool,
    pub(super) place: Place,
    /// Their endpoint. None: it is over, and they may come back at another.
    pub(super) session: Option<SessionId>,
    /// The last one they were at.
    pub(super) endpoint: Option<SessionId>,
    pub(super) attached: bool,
    pub(super) media: Media,
    pub(super) asking: Option<Asking>,
    pub(super) muted: bool,
    pub(super) pictures: Pictures,
    /// What was said of their microphone and camera in particular.
    pub(super) audio_forbidden: Option<bool>,
    pub(super) video_forbidden: Option<bool>,
    /// As they were told last.
    pub(super) capabilities: Capabilities,
    /// As they were ordered last.
    pub(super) rights: Rights,
    /// Their endpoint was shown the whole, and is shown changes.
    pub(super) welcomed: bool,
    /// It was before, and may still show what is no longer so.
    pub(super) shown_before: bool,
    pub(super) waited: Option<Instant>,
    pub(super) joined: Option<Instant>,
    pub(super) reactions: Bucket,
    pub(super) watching: Watching,
    /// Where they are meanwhile, while they are in.
    pub(super) away: Option<Away>,
    /// The breakout room's call from which they came back themselves: they are not sent there again.
    pub(super) returned: Option<CallId>,
    /// The breakout rooms that their endpoint was shown.
    pub(super) shown_breakouts: BTreeSet<u32>,
}

impl Participant {
    /// Somebody who is not there yet.
    pub(super) fn new(
        id: ParticipantId,
        identity: Identifier,
        display_name: String,
        kind: PersonKind,
        origin: Origin,
        role: Role,
    ) -> Self {
        Self {
            id,
            identity,
            display_name,
            kind,
            origin,
            role,
            named: false,
            invited: false,
            fetched: false,
            rung: Vec::new(),
            recalled: false,
            asked_by: None,
            sees_external: true,
            place: Place::Knocking,
            session: None,
            endpoint: None,
            attached: false,
            media: Media::Never,
            asking: None,
            muted: false,
            pictures: Pictures::NONE,
            audio_forbidden: None,
            video_forbidden: None,
            capabilities: Capabilities::default(),
            rights: Rights::NONE,
            welcomed: false,
            shown_before: false,
            waited: None,
            joined: None,
            reactions: Bucket::default(),
            watching: Watching::default(),
            away: None,
            returned: None,
            shown_breakouts: BTreeSet::new(),
        }
    }

    pub(super) fn is_inside(&self) -> bool {
        self.place == Place::Inside
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.place, Place::Waiting { .. })
    }

    /// Whether they count towards the limit: those who wait do not.
    pub(super) fn counts(&self) -> bool {
        !self.is_waiting()
    }

    /// Whether they come by an application, as the source counts them (L22).
    pub(super) fn by_application(&self) -> bool {
        matches!(
            self.kind,
            PersonKind::MemberByApplication | PersonKind::ExternalUser | PersonKind::Anonymous
        )
    }

    /// Whether they are one of the organisation's own people.
    pub(super) fn is_own_member(&self) -> bool {
        matches!(self.kind, PersonKind::Member | PersonKind::MemberByApplication)
            && self.origin == Origin::Own
    }

    /// Whether nobody is there for it at the moment.
    pub(super) fn is_lost(&self) -> bool {
        !self.attached
    }

    pub(super) fn welcomed_session(&self) -> Option<SessionId> {
        self.session.filter(|_| self.welcomed)
    }

    pub(super) fn ringing_sessions(&self) -> Vec<SessionId> {
        match &self.place {
            Place::Ringing(sessions) => sessions.iter().copied().collect(),
            _ => Vec::new(),
        }
    }

    pub(super) fn state(&self) -> ParticipantState {
        match self.place {
            Place::Ringing(_) => ParticipantState::Ringing,
            _ if !self.attached || self.media == Media::Lost => ParticipantState::Reconnecting,
            _ => ParticipantState::Connected,
        }
    }

    pub(super) fn shown_place(&self) -> StayPlace {
        match self.place {
            Place::Ringing(_) => StayPlace::Ringing,
            Place::Waiting { reason, .. } => StayPlace::InLobby(reason),
            Place::Knocking | Place::Inside => match self.state() {
                ParticipantState::Reconnecting => StayPlace::Reconnecting,
                _ => StayPlace::Inside,
            },
        }
    }

    /// The entry that others see. None: they are not on the roster.
    pub(super) fn entry(&self, audio_forbidden: bool, video_forbidden: bool) -> Option<meeting::Participant> {
        if !matches!(self.place, Place::Inside | Place::Ringing(_)) {
            return None;
        }
        Some(meeting::Participant {
            participant: self.id,
            identity: self.identity.clone(),
            display_name: self.display_name.clone(),
            kind: self.kind,
            role: self.role,
            state: self.state(),
            muted: self.muted,
            pictures: if self.away.is_some() {
                Pictures::NONE
            } else {
                self.pictures
            },
            audio_forbidden,
            video_forbidden,
            breakout: self.breakout(),
        })
    }

    /// What became of somebody who waited, by why they went.
    pub(super) fn unlobbied_by(&self, reason: &Reason) -> UnlobbiedWhy {
        match reason {
            r if r.is(&Reason::LOBBY_DENIED) => UnlobbiedWhy::Rejected,
            r if r.is(&Reason::LOBBY_TIMEOUT) => UnlobbiedWhy::TimedOut,
            _ => UnlobbiedWhy::Left,
        }
    }

    pub(super) fn who(&self) -> Who {
        Who {
            participant: self.id,
            identity: self.identity.clone(),
            session: self.endpoint,
            display_name: self.display_name.clone(),
            role: self.role,
        }
    }

    pub(super) fn new_stay(&self) -> Stay {
        Stay {
            participant: self.id,
            identity: self.identity.clone(),
            display_name: self.display_name.clone(),
            kind: self.kind,
            role: self.role,
            place: self.shown_place(),
            waited: self.waited,
            joined: self.joined,
            left: None,
        }
    }
}
