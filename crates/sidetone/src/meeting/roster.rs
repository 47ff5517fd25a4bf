//! Who is in a meeting.

use std::collections::BTreeMap;

use sidetone_signaling::protocol::Pictures;
use sidetone_signaling::protocol::meeting::{
    self, Participant, ParticipantId, ParticipantState, PersonKind, Role,
};
use sidetone_signaling::{Identifier, Reason};

use crate::call::{Call, CallEvent};

/// Somebody else in a meeting or group call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteParticipant {
    /// Their number, the same as long as the meeting runs.
    pub participant: ParticipantId,
    /// Who.
    pub identifier: Identifier,
    /// Their name, stamped by the service: with `(External)` for external users.
    pub display_name: String,
    /// What kind of person.
    pub kind: PersonKind,
    /// What they are here.
    pub role: Role,
    /// Ringing, connected, or coming back after a lost network.
    pub state: ParticipantState,
    /// Their microphone is off.
    pub is_muted: bool,
    /// The pictures that they send.
    pub pictures: Pictures,
    /// They are heard here, right now.
    pub is_speaking: bool,
    /// Their hand is up: lower numbers went up before higher ones.
    pub raised_hand: Option<u32>,
    /// They are in front for everyone.
    pub is_spotlighted: bool,
    /// Presenters keep their microphone off.
    pub audio_forbidden: bool,
    /// Presenters keep their camera off.
    pub video_forbidden: bool,
    /// The breakout room in which they are meanwhile.
    pub breakout_room: Option<u32>,
}

/// The roster as the service tells it, this end included.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roster {
    total: u32,
    entries: BTreeMap<ParticipantId, Participant>,
}

/// What the service's word changed in it.
pub(super) struct Change {
    added: Vec<ParticipantId>,
    changed: Vec<ParticipantId>,
    removed: Vec<(Participant, Option<Reason>)>,
    /// Others are in it now, listed or not.
    counted: bool,
}

impl Roster {
    pub(super) fn apply(&mut self, roster: meeting::Roster) -> Change {
        let before = if roster.snapshot {
            std::mem::take(&mut self.entries)
        } else {
            BTreeMap::new()
        };
        let counted = std::mem::replace(&mut self.total, roster.total) != roster.total;
        let (mut added, mut changed) = (Vec::new(), Vec::new());
        for participant in roster.present {
            let number = participant.participant;
            let known = before.get(&number).or(self.entries.get(&number));
            match known {
                None => added.push(number),
                Some(known) if *known != participant => changed.push(number),
                Some(_) => {}
            }
            self.entries.insert(number, participant);
        }
        let mut removed = Vec::new();
        for left in roster.left {
            let known = self.entries.remove(&left.participant);
            removed.extend(known.map(|known| (known, Some(left.reason))));
        }
        // Who went while this end was away is told by nobody.
        let gone = before
            .into_iter()
            .filter(|(number, _)| !self.entries.contains_key(number));
        removed.extend(gone.map(|(_, known)| (known, None)));
        Change {
            added,
            changed,
            removed,
            counted,
        }
    }

    /// Who has this identity.
    pub fn number_of(&self, identity: &Identifier) -> Option<ParticipantId> {
        let mut entries = self.entries.values();
        entries
            .find(|entry| entry.identity == *identity)
            .map(|entry| entry.participant)
    }
}

impl super::Meeting {
    /// What the app is told of it.
    pub(super) fn people_changed(&self, change: Change) -> Option<CallEvent> {
        let Change {
            added,
            changed,
            removed,
            counted,
        } = change;
        let nobody = added.is_empty() && changed.is_empty() && removed.is_empty();
        let removed = removed.into_iter();
        (counted || !nobody).then(|| CallEvent::ParticipantsUpdated {
            added,
            changed,
            removed: removed.map(|(entry, why)| (self.remote(&entry), why)).collect(),
        })
    }

    /// Everybody else.
    fn participants(&self) -> Vec<RemoteParticipant> {
        let others = self.roster.entries.values();
        let others = others.filter(|entry| entry.participant != self.info.participant);
        others.map(|entry| self.remote(entry)).collect()
    }

    fn remote(&self, entry: &Participant) -> RemoteParticipant {
        let number = entry.participant;
        let hand = self.hands.iter().find(|hand| hand.participant == number);
        RemoteParticipant {
            participant: number,
            identifier: entry.identity.clone(),
            display_name: entry.display_name.clone(),
            kind: entry.kind,
            role: entry.role,
            state: entry.state,
            is_muted: entry.muted,
            pictures: entry.pictures,
            is_speaking: self.speakers.is_heard(number),
            raised_hand: hand.map(|hand| hand.order),
            is_spotlighted: self.spotlight.contains(&number),
            audio_forbidden: entry.audio_forbidden,
            video_forbidden: entry.video_forbidden,
            breakout_room: entry.breakout,
        }
    }
}

impl Call {
    /// Everybody else in the meeting or group call, by number; empty in a call of two, see
    /// [`Call::remote_participant`]. In large meetings those who only listen may not be listed.
    pub fn participants(&self) -> Vec<RemoteParticipant> {
        self.in_meeting(super::Meeting::participants).unwrap_or_default()
    }

    /// Somebody else in the meeting or group call, if they are listed.
    pub fn participant(&self, number: ParticipantId) -> Option<RemoteParticipant> {
        self.in_meeting(|meeting| {
            let entry = meeting.roster.entries.get(&number)?;
            Some(meeting.remote(entry))
        })?
    }

    /// How many are in the meeting or group call in all, listed or not, this end included.
    pub fn total_participants(&self) -> u32 {
        self.in_meeting(|meeting| meeting.roster.total)
            .unwrap_or_default()
    }
}
