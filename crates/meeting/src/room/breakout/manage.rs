//! What people want of breakout rooms: making them, saying who goes to which, opening and closing them.

use std::collections::{BTreeMap, BTreeSet};

use rand_chacha::rand_core::Rng as _;
use sidetone_signaling::protocol::CallId;
use sidetone_signaling::protocol::chat::ThreadId;
use sidetone_signaling::protocol::meeting::{
    Act, Announce, Announcement, AssignBreakout, Capability, CapabilityCause, ChangeBreakout,
    CreateBreakouts, NewBreakout, News, ParticipantId, Role, SetBreakouts, Which,
};
use sidetone_signaling::{Identifier, Reason};

use super::{Across, BURST, LATEST, LONGEST_NAME, LONGEST_TEXT, MOST, MOST_ASSIGNED, One, REFILL};
use crate::room::engagement::text;
use crate::room::{Context, Room};

impl Room {
    /// Somebody inside wants something of breakout rooms, or somebody outside who may. Gives the number of what was made.
    pub(crate) fn manage_breakouts(
        &mut self,
        by: Option<ParticipantId>,
        act: &Act,
        cx: &mut Context<'_>,
    ) -> Result<Option<u32>, Reason> {
        if !self.is_meeting() {
            return Err(Reason::NOT_IN_THIS_CALL_TYPE);
        }
        if let Some(by) = by {
            self.require(by, Capability::ManageBreakouts)?;
        }
        match act {
            Act::CreateBreakouts(create) => return self.create_breakouts(create, cx).map(Some),
            Act::ChangeBreakout(change) => self.change_breakout(change, cx)?,
            Act::RemoveBreakout(which) => self.remove_breakout(*which, cx)?,
            Act::AssignBreakout(assign) => self.assign_breakout(assign, cx)?,
            Act::OpenBreakouts(some) => self.open_some(&some.rooms, cx)?,
            Act::CloseBreakouts(some) => {
                some.rooms
                    .iter()
                    .try_for_each(|room| self.breakouts.one(*room).map(drop))?;
                self.close_some(&some.rooms, &Reason::BREAKOUT_CLOSED, cx);
            }
            Act::SetBreakouts(set) => self.set_breakouts(by, set, cx)?,
            Act::Announce(announce) => {
                // Somebody's word, and not the service's.
                let by = by.ok_or(Reason::NOT_IN_THIS_CALL_TYPE)?;
                self.announce(by, announce, cx)?;
            }
            _ => return Err(Reason::UNKNOWN_REQUEST),
        }
        Ok(None)
    }

    fn create_breakouts(&mut self, create: &CreateBreakouts, cx: &mut Context<'_>) -> Result<u32, Reason> {
        if create.rooms.is_empty() {
            return Err(Reason::BAD_PARAMETERS);
        }
        if self.breakouts.rooms.len() + create.rooms.len() > MOST {
            return Err(Reason::TOO_MANY_OBJECTS);
        }
        let mut named = BTreeSet::new();
        for new in &create.rooms {
            text(&new.display_name, LONGEST_NAME)?;
            self.assignable(&new.invitees)?;
            if !new.invitees.iter().all(|identity| named.insert(identity)) {
                // Nobody goes to two.
                return Err(Reason::BAD_PARAMETERS);
            }
        }
        self.has_assignments_for(create.rooms.iter().flat_map(|new| &new.invitees))?;
        let first = self.breakouts.last + 1;
        for new in &create.rooms {
            self.create_breakout(new, cx);
        }
        if create.distribute {
            self.distribute(first, cx);
        }
        Ok(first)
    }

    fn create_breakout(&mut self, new: &NewBreakout, cx: &mut Context<'_>) {
        self.breakouts.last += 1;
        let room = self.breakouts.last;
        let one = One {
            display_name: new.display_name.clone(),
            thread: ThreadId(cx.draw_uuid()),
            by_hand: new.by_hand,
            call: None,
            help: BTreeSet::new(),
            visits: Vec::new(),
        };
        self.breakouts.rooms.insert(room, one);
        for identity in &new.invitees {
            self.assign(identity, Some(room), cx);
        }
        self.mark_breakout(room, cx);
    }

    /// Everyone who is there goes to one of the rooms from this one on, as evenly as can be.
    fn distribute(&mut self, first: u32, cx: &mut Context<'_>) {
        let goes = |participant: &&crate::room::Participant| {
            participant.is_inside()
                && !self.manages(participant)
                && self
                    .standing(participant.id, Capability::JoinBreakouts)
                    .is_capable()
                && self
                    .breakouts
                    .assigned
                    .get(&participant.identity)
                    .is_none_or(|room| *room < first)
        };
        let people: BTreeSet<Identifier> = self
            .participants
            .values()
            .filter(goes)
            .map(|participant| participant.identity.clone())
            .collect();
        let mut people: Vec<Identifier> = people.into_iter().collect();
        // Fisher and Yates: who comes together is not who is called alike.
        for last in (1..people.len()).rev() {
            let other = cx.rng.next_u64() % (last as u64 + 1);
            people.swap(last, usize::try_from(other).unwrap_or_default());
        }
        let mut sizes: BTreeMap<u32, usize> = self
            .breakouts
            .rooms
            .range(first..)
            .map(|(room, _)| (*room, 0))
            .collect();
        for room in self.breakouts.assigned.values() {
            if let Some(size) = sizes.get_mut(room) {
                *size += 1;
            }
        }
        for identity in people {
            let emptiest = sizes.iter_mut().min_by_key(|(_, size)| **size);
            let Some((room, size)) = emptiest else { return };
            *size += 1;
            let room = *room;
            self.assign(&identity, Some(room), cx);
        }
    }

    fn change_breakout(&mut self, change: &ChangeBreakout, cx: &mut Context<'_>) -> Result<(), Reason> {
        let one = self.breakouts.one_mut(change.room)?;
        if let Some(name) = &change.display_name {
            text(name, LONGEST_NAME)?;
            one.display_name.clone_from(name);
        }
        if let Some(by_hand) = change.by_hand {
            one.by_hand = by_hand;
        }
        self.mark_breakout(change.room, cx);
        Ok(())
    }

    fn remove_breakout(&mut self, which: Which, cx: &mut Context<'_>) -> Result<(), Reason> {
        self.breakouts.one(which.id)?;
        self.close_breakout(which.id, &Reason::BREAKOUT_CLOSED, cx);
        self.breakouts.assigned.retain(|_, room| *room != which.id);
        self.breakouts.rooms.remove(&which.id);
        self.mark_breakout(which.id, cx);
        self.settle_away(cx);
        Ok(())
    }

    /// Whether these people can be in breakout rooms.
    fn assignable(&self, identities: &[Identifier]) -> Result<(), Reason> {
        // L25: in the source only members are.
        let open = self.hall.switches.engagement.is_open();
        let external = |identity: &Identifier| {
            matches!(
                identity,
                Identifier::ExternalUser { .. } | Identifier::Guest { .. }
            )
        };
        if !open && identities.iter().any(external) {
            return Err(Reason::POLICY_RESTRICTED);
        }
        Ok(())
    }

    fn has_assignments_for<'a>(&self, more: impl Iterator<Item = &'a Identifier>) -> Result<(), Reason> {
        let new = more.filter(|identity| !self.breakouts.assigned.contains_key(*identity));
        if self.breakouts.assigned.len() + new.count() > MOST_ASSIGNED {
            return Err(Reason::TOO_MANY_OBJECTS);
        }
        Ok(())
    }

    fn assign_breakout(&mut self, assign: &AssignBreakout, cx: &mut Context<'_>) -> Result<(), Reason> {
        if let Some(room) = assign.room {
            self.breakouts.one(room)?;
            self.assignable(&assign.identities)?;
            self.has_assignments_for(assign.identities.iter())?;
        }
        for identity in &assign.identities {
            self.assign(identity, assign.room, cx);
        }
        Ok(())
    }

    /// Somebody's room is another. Where they are in one, they are moved.
    fn assign(&mut self, identity: &Identifier, room: Option<u32>, cx: &mut Context<'_>) {
        let before = match room {
            Some(room) => self.breakouts.assigned.insert(identity.clone(), room),
            None => self.breakouts.assigned.remove(identity),
        };
        for changed in before.into_iter().chain(room) {
            self.mark_breakout(changed, cx);
        }
        let theirs = self.participants.values().filter(|one| one.identity == *identity);
        let theirs: Vec<ParticipantId> = theirs.map(|one| one.id).collect();
        for id in theirs {
            self.move_to(id, room, cx);
        }
    }

    /// Somebody is to be in the room that is theirs now.
    fn move_to(&mut self, id: ParticipantId, room: Option<u32>, cx: &mut Context<'_>) {
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        participant.returned = None;
        let there = participant.breakout();
        if there.is_some() && there == room {
            return;
        }
        let open = room.and_then(|room| self.breakouts.call(room));
        match (there, open) {
            // They go over by themselves, and are in the one until they are in the other.
            (Some(_), Some(_)) => self.send_over(id, true, cx),
            (Some(there), None) => self.bring_back(id, there, &Reason::BREAKOUT_LEFT, cx),
            (None, _) => {
                if room.is_none() {
                    // Also out of the one in which they were kept.
                    self.set_away(id, None, cx);
                }
                self.send_over(id, false, cx);
                self.settle_away(cx);
            }
        }
    }

    /// Somebody who is in a room is back in the meeting.
    fn bring_back(&mut self, id: ParticipantId, room: u32, reason: &Reason, cx: &mut Context<'_>) {
        if let Some(call) = self.breakouts.call(room) {
            self.set_away(id, None, cx);
            cx.across.push_back(Across::PutOut(call, id, reason.clone()));
        }
    }

    fn open_some(&mut self, rooms: &[u32], cx: &mut Context<'_>) -> Result<(), Reason> {
        rooms
            .iter()
            .try_for_each(|room| self.breakouts.one(*room).map(drop))?;
        let meant = |room: &u32| rooms.is_empty() || rooms.contains(room);
        let closed = self.breakouts.rooms.iter().filter(|(_, one)| one.call.is_none());
        let closed: Vec<u32> = closed.map(|(room, _)| *room).filter(meant).collect();
        for room in closed {
            let call = CallId(cx.draw_uuid());
            self.open_breakout(room, call, Vec::new(), cx);
            let assigned =
                |one: &&crate::room::Participant| self.breakouts.assigned.get(&one.identity) == Some(&room);
            let theirs: Vec<ParticipantId> = self
                .participants
                .values()
                .filter(assigned)
                .map(|one| one.id)
                .collect();
            for id in theirs {
                if let Some(participant) = self.participants.get_mut(&id) {
                    participant.returned = None;
                }
                self.send_over(id, false, cx);
            }
        }
        Ok(())
    }

    fn set_breakouts(
        &mut self,
        by: Option<ParticipantId>,
        set: &SetBreakouts,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        let ends_in = set.ends_in_ms.map(std::time::Duration::from);
        if ends_in.is_some_and(|ends_in| ends_in > LATEST) {
            return Err(Reason::BAD_PARAMETERS);
        }
        if let Some(managers) = &set.managers {
            let organises = |id| {
                self.participants
                    .get(&id)
                    .is_some_and(|one| matches!(one.role, Role::Organiser | Role::CoOrganiser))
            };
            if !by.is_none_or(organises) {
                return Err(Reason::ROLE_RESTRICTED);
            }
            if managers.len() > MOST {
                return Err(Reason::TOO_MANY_OBJECTS);
            }
            self.breakouts.managers = managers.iter().cloned().collect();
        }
        if let Some(ends_in) = ends_in {
            self.breakouts.ends = (!ends_in.is_zero()).then(|| cx.now + ends_in);
            self.watch_breakouts(cx);
        }
        if let Some(forbidden) = set.return_forbidden {
            self.breakouts.return_forbidden = forbidden;
        }
        if let Some(self_select) = set.self_select {
            self.breakouts.self_select = self_select;
            self.breakouts.all_dirty();
        }
        self.mark_settings(cx);
        if set.managers.is_some() {
            self.refresh_all(CapabilityCause::MeetingChanged, cx);
        }
        self.settle_away(cx);
        Ok(())
    }

    fn announce(
        &mut self,
        by: ParticipantId,
        announce: &Announce,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        text(&announce.text, LONGEST_TEXT)?;
        announce
            .rooms
            .iter()
            .try_for_each(|room| self.breakouts.one(*room).map(drop))?;
        if !self.breakouts.said.take(cx.now, BURST, REFILL) {
            return Err(Reason::ENGAGED_TOO_FAST);
        }
        let display_name = self.participants.get(&by).map(|one| one.display_name.clone());
        let announcement = Announcement {
            from: by,
            display_name: display_name.unwrap_or_default(),
            text: announce.text.clone(),
        };
        let meant = |room: u32| announce.rooms.is_empty() || announce.rooms.contains(&room);
        let told = self.participants.values().filter(|one| {
            // Whoever speaks sees what was said.
            one.id == by || one.away.is_some_and(|away| meant(away.room))
        });
        let told = told.filter_map(|one| one.welcomed_session()).collect();
        cx.tell(told, self.engagement(News::Announcement(announcement)));
        Ok(())
    }

    /// Somebody in a breakout room asks those who manage them to come, or no longer.
    pub(in crate::room) fn call_for_help(
        &mut self,
        me: ParticipantId,
        wanted: bool,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        let room = self.participants.get(&me).and_then(|one| one.breakout());
        let room = room.ok_or(Reason::WRONG_STATE)?;
        let one = self.breakouts.one_mut(room)?;
        let changed = if wanted {
            one.help.insert(me)
        } else {
            one.help.remove(&me)
        };
        if changed {
            self.mark_breakout(room, cx);
        }
        Ok(())
    }

    /// Somebody comes back to the meeting.
    pub(in crate::room) fn leave_breakout(
        &mut self,
        me: ParticipantId,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        let away = self.participants.get(&me).and_then(|one| one.away);
        let away = away.ok_or(Reason::WRONG_STATE)?;
        if self.must_stay(me, away.room) {
            return Err(Reason::MEETING_RESTRICTED);
        }
        if let Some(participant) = self.participants.get_mut(&me) {
            participant.returned = self.breakouts.call(away.room);
        }
        self.bring_back(me, away.room, &Reason::BREAKOUT_LEFT, cx);
        Ok(())
    }
}
