//! The roster as each is shown it: who they may see, in pages, and what changed since.

use sidetone_signaling::protocol::Event;
use sidetone_signaling::protocol::SessionId;
use sidetone_signaling::protocol::meeting::{
    self, Capability, Hands, Left, ParticipantId, PersonKind, Roster,
};

use super::board::is_capable;
use super::participant::Participant;
use super::{Context, Room};
use crate::rights::on_stage;

/// Whom somebody sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    /// Everyone.
    All,
    /// Those who speak.
    Stage,
    /// Those who are not from outside (L30: bots, in the source).
    Insiders,
}

/// An entry that was told.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) entry: meeting::Participant,
    /// It is, or was, one that everyone sees.
    staged: bool,
}

impl Shown {
    fn is_seen(&self, sight: Sight) -> bool {
        match sight {
            Sight::All => true,
            Sight::Stage => self.staged,
            Sight::Insiders => !matches!(self.entry.kind, PersonKind::ExternalUser | PersonKind::Anonymous),
        }
    }
}

impl Participant {
    fn sight(&self) -> Sight {
        if self.kind == PersonKind::Application && !self.sees_external {
            Sight::Insiders
        } else if is_capable(&self.capabilities, Capability::ViewAttendeeNames) {
            Sight::All
        } else {
            Sight::Stage
        }
    }
}

impl Participant {
    /// Whether they are told of somebody like that.
    pub(super) fn may_know(&self, external: bool, staged: bool) -> bool {
        match self.sight() {
            Sight::All => true,
            Sight::Stage => staged,
            Sight::Insiders => !external,
        }
    }
}

impl Room {
    /// Whether somebody is told of somebody.
    pub(super) fn sees(&self, viewer: &Participant, subject: ParticipantId) -> bool {
        self.participants.get(&subject).is_some_and(|subject| {
            let external = matches!(subject.kind, PersonKind::ExternalUser | PersonKind::Anonymous);
            viewer.may_know(external, on_stage(subject.role))
        })
    }

    pub(super) fn entry(&self, participant: &Participant) -> Option<meeting::Participant> {
        let seat = self.seat(participant);
        let forbidden = crate::rights::may_be_forbidden(participant.role);
        participant.entry(
            seat.audio_forbidden && forbidden,
            seat.video_forbidden && forbidden,
        )
    }

    /// Tells what changed since it was told last.
    pub(super) fn flush_roster(&mut self, cx: &mut Context<'_>) {
        let mut changed: Vec<ParticipantId> = Vec::new();
        for id in std::mem::take(&mut self.board.dirty) {
            let Some(entry) = self.participants.get(&id).and_then(|known| self.entry(known)) else {
                continue;
            };
            let before = self.board.shown.get(&id);
            if before.is_some_and(|shown| shown.entry == entry) {
                continue;
            }
            let staged = on_stage(entry.role) || before.is_some_and(|shown| shown.staged);
            self.board.shown.insert(id, Shown { entry, staged });
            changed.push(id);
        }
        let mut gone: Vec<(Shown, Left)> = Vec::new();
        for (participant, reason) in std::mem::take(&mut self.board.gone) {
            if let Some(shown) = self.board.shown.remove(&participant) {
                gone.push((shown, Left { participant, reason }));
            }
        }
        let total = self.total();
        let counted = std::mem::replace(&mut self.board.total, total) != total;
        for sight in [Sight::All, Sight::Stage, Sight::Insiders] {
            let viewers = self.viewers(sight);
            if viewers.is_empty() {
                continue;
            }
            let changed = changed.iter().filter_map(|id| self.board.shown.get(id));
            let present: Vec<_> = changed
                .filter(|shown| shown.is_seen(sight))
                .map(|shown| shown.entry.clone())
                .collect();
            let left: Vec<_> = gone
                .iter()
                .filter(|(shown, _)| shown.is_seen(sight))
                .map(|(_, left)| left.clone())
                .collect();
            // Who sees everyone can count.
            if (counted && sight != Sight::All) || !present.is_empty() || !left.is_empty() {
                self.tell_roster(viewers, false, present, left, cx);
            }
        }
    }

    /// Those with this sight who are shown changes.
    fn viewers(&self, sight: Sight) -> Vec<SessionId> {
        self.participants
            .values()
            .filter(|participant| participant.sight() == sight)
            .filter_map(Participant::welcomed_session)
            .collect()
    }

    /// Those who see every hand that is up.
    pub(super) fn viewers_of_all(&self) -> Vec<SessionId> {
        self.viewers(Sight::All)
    }

    /// In pages, so that no frame is longer than a client reads.
    fn tell_roster(
        &self,
        sessions: Vec<SessionId>,
        snapshot: bool,
        present: Vec<meeting::Participant>,
        left: Vec<Left>,
        cx: &mut Context<'_>,
    ) {
        let mut page = Roster {
            call: self.call,
            snapshot,
            total: self.board.total,
            present: Vec::new(),
            left,
        };
        for entry in present {
            if page.present.len() + page.left.len() >= cx.config.page.max(1) {
                let full = std::mem::replace(
                    &mut page,
                    Roster {
                        call: self.call,
                        snapshot: false,
                        total: self.board.total,
                        present: Vec::new(),
                        left: Vec::new(),
                    },
                );
                cx.tell(sessions.clone(), Event::MeetingRoster(full));
            }
            page.present.push(entry);
        }
        cx.tell(sessions, Event::MeetingRoster(page));
    }

    /// Shows somebody all whom they may see.
    pub(super) fn show_roster(&self, id: ParticipantId, session: SessionId, cx: &mut Context<'_>) {
        let Some(participant) = self.participants.get(&id) else {
            return;
        };
        let sight = participant.sight();
        let shown = self.board.shown.values().filter(|shown| shown.is_seen(sight));
        let present = shown.map(|shown| shown.entry.clone()).collect();
        self.tell_roster(vec![session], true, present, Vec::new(), cx);
        if sight == Sight::All && !self.board.hands.is_empty() {
            let raised = self.board.hands.iter();
            let raised = raised
                .map(|(participant, order)| meeting::HandRaised {
                    participant: *participant,
                    order: *order,
                })
                .collect();
            let hands = Hands {
                call: self.call,
                raised,
                lowered: Vec::new(),
            };
            cx.tell_one(session, Event::MeetingHands(hands));
        }
    }
}
