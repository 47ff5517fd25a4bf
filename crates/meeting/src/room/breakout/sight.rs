//! What each is told of breakout rooms: those who manage them all of each, everyone else the one that is theirs and those
//! that they may choose.

use std::collections::BTreeMap;
use std::time::Instant;

use sidetone_signaling::protocol::SessionId;
use sidetone_signaling::protocol::meeting::{Breakout, BreakoutSettings, News, ParticipantId, Which};

use crate::room::participant::Participant;
use crate::room::{Context, Room};

/// What somebody sees of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sight {
    /// It is there no longer for them.
    Gone,
    /// That it is there.
    Seen { assigned: bool },
    /// Who is in it, too.
    All { assigned: bool },
}

impl Room {
    /// A room is to be told of.
    pub(super) fn mark_breakout(&mut self, room: u32, cx: &mut Context<'_>) {
        self.breakouts.dirty.insert(room);
        self.schedule(cx);
    }

    /// What holds for all of them is to be told.
    pub(super) fn mark_settings(&mut self, cx: &mut Context<'_>) {
        self.breakouts.settings_dirty = true;
        self.schedule(cx);
    }

    fn sight(&self, viewer: &Participant, room: u32) -> Sight {
        let assigned = self.breakouts.assigned.get(&viewer.identity) == Some(&room);
        match self.breakouts.rooms.get(&room) {
            None => Sight::Gone,
            Some(_) if self.manages(viewer) => Sight::All { assigned },
            Some(one) => {
                let there = viewer.away.is_some_and(|away| away.room == room);
                let chosen = self.breakouts.self_select && one.call.is_some();
                if assigned || there || chosen {
                    Sight::Seen { assigned }
                } else {
                    Sight::Gone
                }
            }
        }
    }

    fn seen(&self, room: u32, sight: Sight) -> News {
        let (assigned, all) = match sight {
            Sight::Gone => return News::BreakoutRemoved(Which { id: room }),
            Sight::Seen { assigned } => (assigned, false),
            Sight::All { assigned } => (assigned, true),
        };
        let Some(one) = self.breakouts.rooms.get(&room) else {
            return News::BreakoutRemoved(Which { id: room });
        };
        let invitees = self
            .breakouts
            .assigned
            .iter()
            .filter(|(_, of)| all && **of == room);
        let present = self
            .participants
            .values()
            .filter(|known| all && known.breakout() == Some(room));
        News::Breakout(Box::new(Breakout {
            id: room,
            display_name: one.display_name.clone(),
            thread: self.thread.as_ref().map(|_| one.thread.to_string()),
            call: one.call,
            by_hand: one.by_hand,
            assigned,
            invitees: invitees.map(|(identity, _)| identity.clone()).collect(),
            present: present.map(|known| known.id).collect(),
            help: one.help.iter().copied().filter(|_| all).collect(),
        }))
    }

    fn breakout_settings(&self, now: Instant) -> BreakoutSettings {
        let all = &self.breakouts;
        BreakoutSettings {
            ends_in_ms: all.ends.map(|ends| ends.saturating_duration_since(now).into()),
            return_forbidden: all.return_forbidden,
            self_select: all.self_select,
            managers: all.managers.iter().cloned().collect(),
        }
    }

    /// Tells what changed.
    pub(in crate::room) fn flush_breakouts(&mut self, cx: &mut Context<'_>) {
        for room in std::mem::take(&mut self.breakouts.dirty) {
            let mut sorts: BTreeMap<Sight, Vec<SessionId>> = BTreeMap::new();
            let mut seen: Vec<(ParticipantId, bool)> = Vec::new();
            for viewer in self.participants.values() {
                let Some(session) = viewer.welcomed_session() else {
                    continue;
                };
                let sight = self.sight(viewer, room);
                let shows = sight != Sight::Gone;
                if shows || viewer.shown_breakouts.contains(&room) {
                    sorts.entry(sight).or_default().push(session);
                    seen.push((viewer.id, shows));
                }
            }
            for (sight, sessions) in sorts {
                cx.tell(sessions, self.engagement(self.seen(room, sight)));
            }
            for (id, shows) in seen {
                if let Some(viewer) = self.participants.get_mut(&id) {
                    if shows {
                        viewer.shown_breakouts.insert(room);
                    } else {
                        viewer.shown_breakouts.remove(&room);
                    }
                }
            }
        }
        if std::mem::take(&mut self.breakouts.settings_dirty) {
            let settings = News::BreakoutSettings(self.breakout_settings(cx.now));
            cx.tell(self.audience(), self.engagement(settings));
        }
    }

    /// All of it, for somebody who comes. Whatever they may not see any more is gone with what they were shown before.
    pub(in crate::room) fn breakouts_for(&self, viewer: &Participant, cx: &Context<'_>) -> Vec<News> {
        let all = &self.breakouts;
        if all.rooms.is_empty() && all.ends.is_none() && !all.return_forbidden && !all.self_select {
            return Vec::new();
        }
        let rooms = all.rooms.keys().map(|room| (*room, self.sight(viewer, *room)));
        let seen = rooms.filter(|(_, sight)| *sight != Sight::Gone);
        seen.map(|(room, sight)| self.seen(room, sight))
            .chain([News::BreakoutSettings(self.breakout_settings(cx.now))])
            .collect()
    }

    /// Somebody was shown all of it.
    pub(in crate::room) fn showed_breakouts(&mut self, id: ParticipantId) {
        let Some(viewer) = self.participants.get(&id) else {
            return;
        };
        let rooms = self.breakouts.rooms.keys().copied();
        let seen = rooms
            .filter(|room| self.sight(viewer, *room) != Sight::Gone)
            .collect();
        if let Some(viewer) = self.participants.get_mut(&id) {
            viewer.shown_breakouts = seen;
        }
    }

    /// All of it, as those see it who manage it.
    pub(crate) fn breakouts_now(&self, now: Instant) -> (BreakoutSettings, Vec<Breakout>) {
        let all = &self.breakouts;
        let rooms =
            all.rooms
                .keys()
                .filter_map(|room| match self.seen(*room, Sight::All { assigned: false }) {
                    News::Breakout(breakout) => Some(*breakout),
                    _ => None,
                });
        (self.breakout_settings(now), rooms.collect())
    }
}
