//! What outlives the service: a meeting that ran when it was cut off goes on, with everyone who was in it on its roster.
//! They are gone from it unless they come back, as after any lost network.

use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::{CapabilityCause, ParticipantId};

use super::participant::Place;
use super::{Context, House, Room};
use crate::api::{Fact, Memory, Place as StayPlace, Stay};

impl Room {
    /// What must be kept of it.
    pub(crate) fn memory(&self) -> Option<Memory> {
        let House::Meeting { organisation, id, .. } = &self.house else {
            return None;
        };
        let mut stays = self.roster();
        stays.retain(|stay| stay.place != StayPlace::Ringing);
        Some(Memory {
            call: self.call,
            organisation: organisation.clone(),
            meeting: id.clone(),
            numbered: self.numbered,
            roles: self.given.clone(),
            put_out: self.put_out.clone(),
            locked: self.locked,
            attendee_audio: self.attendee_audio,
            attendee_video: self.attendee_video,
            hands: self.hands.in_order(),
            spotlight: self.spotlight.clone(),
            notices: self.notices.list.clone(),
            agreed: self.notices.agreed.clone(),
            stays,
        })
    }

    /// It is as it was remembered, and nobody is there yet.
    pub(crate) fn recall(&mut self, memory: Memory, pieces: &[Vec<u8>], cx: &mut Context<'_>) {
        self.numbered = memory.numbered;
        self.given = memory.roles;
        self.put_out = memory.put_out;
        self.locked = memory.locked;
        self.attendee_audio = memory.attendee_audio;
        self.attendee_video = memory.attendee_video;
        let mut back = Vec::new();
        for mut stay in memory.stays {
            if let Some(came) = stay.waited.or(stay.joined) {
                self.together.began(came);
            }
            let inside = matches!(stay.place, StayPlace::Inside | StayPlace::Reconnecting);
            if stay.left.is_none() && !(inside && self.recall_one(&stay, cx)) {
                // Whoever waited knocks again.
                stay.place = StayPlace::Gone;
                stay.left = Some((cx.now, Reason::NETWORK_LOST));
            }
            if stay.left.is_none() {
                back.push(stay.participant);
            }
            self.stays.push(stay);
        }
        let Some(first) = back.first() else {
            return self.end_if_empty(cx);
        };
        let there = |id: &ParticipantId| back.contains(id);
        for id in memory.hands.into_iter().filter(there) {
            self.raise(id, cx);
        }
        self.spotlight = memory.spotlight.into_iter().filter(there).collect();
        self.notices.agreed = memory.agreed.into_iter().filter(there).collect();
        let notices = memory.notices.into_iter().filter(|one| there(&one.by));
        self.notices.list = notices.collect();
        self.recall_engagement(pieces);
        if !self.spotlight.is_empty() {
            self.tell_spotlight(cx);
        }
        // To those who count it begins again, and everyone joins again who comes back.
        self.started(*first, cx);
        for id in back {
            self.refresh_rights(id, CapabilityCause::Admitted, cx);
            self.watch(id, cx);
            self.touch(id, cx);
        }
    }

    /// Whether somebody who was in may still come back.
    fn recall_one(&mut self, stay: &Stay, cx: &mut Context<'_>) -> bool {
        let Ok(attendee) = self.attendee(&stay.identity, &stay.display_name, cx) else {
            return false;
        };
        let naming = self.naming(&stay.identity, cx);
        let mut participant = self.prepare(&stay.identity, attendee, naming);
        participant.id = stay.participant;
        participant.display_name.clone_from(&stay.display_name);
        participant.kind = stay.kind;
        participant.role = stay.role;
        participant.sees_external = cx.people.sees_external(&stay.identity);
        participant.place = Place::Inside;
        participant.muted = true;
        participant.recalled = true;
        (participant.waited, participant.joined) = (stay.waited, stay.joined);
        self.numbered = self.numbered.max(stay.participant.0);
        self.participants.insert(stay.participant, participant);
        true
    }

    /// Somebody is back who was in when the service was cut off.
    pub(super) fn came_back_to_stay(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        if std::mem::take(&mut participant.recalled) {
            let (call, who) = (self.call, participant.who());
            cx.fact(Fact::Joined { call, who });
        }
    }
}
