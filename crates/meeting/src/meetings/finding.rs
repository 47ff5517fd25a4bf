//! Finding the call that somebody wants to join, by link, number or id; and beginning the one that is not there yet.

use std::time::Instant;

use rand_chacha::rand_core::Rng as _;
use sidetone_organisation::{Attendee, MeetingId};
use sidetone_signaling::protocol::CallId;
use sidetone_signaling::protocol::chat::ThreadId;
use sidetone_signaling::protocol::meeting::{self as wire, Locator};
use sidetone_signaling::switchboard::Ask;
use sidetone_signaling::{Identifier, Reason, secret};

use super::Meetings;
use crate::link::{self, draw_key};
use crate::people::{Hall, Located, Secret};
use crate::room::{Founding, House, Room, Within};

impl Meetings {
    pub(super) fn join(&mut self, ask: &Ask, join: &wire::Join, now: Instant) -> Result<(), Reason> {
        if self.endpoints.calls(ask.session) >= self.config.calls_per_session {
            return Err(Reason::TOO_MANY_CALLS);
        }
        let wanted = join.display_name.as_deref().unwrap_or(&ask.display_name);
        match &join.locator {
            Locator::Link(text) => match link::read(text) {
                Some(link::Place::Meeting(id, key)) => {
                    let located = self.locate(ask, &id, Secret::Key(key), now)?;
                    self.join_meeting(ask, join, (id, located), wanted, now)
                }
                Some(link::Place::Group(call, key)) => self.join_group_by_link(ask, join, (call, key), now),
                None => {
                    self.guesses.wrong(&ask.identity, None, now);
                    Err(Reason::NO_SUCH_MEETING)
                }
            },
            Locator::Meeting { id, passcode } => {
                let Ok(id) = MeetingId::typed(id) else {
                    return Err(Reason::NO_SUCH_MEETING);
                };
                let located = self.locate(ask, &id, Secret::Passcode(passcode), now)?;
                self.join_meeting(ask, join, (id, located), wanted, now)
            }
            Locator::Call(call) => self.join_running(ask, join, *call, now),
            Locator::Group { call, invite } => self.start_group(ask, join, *call, invite, now),
            Locator::Thread { thread, call } => self.join_thread(ask, join, *thread, *call, now),
        }
    }

    /// The meeting that is meant, for whoever knows its secret.
    fn locate(
        &mut self,
        ask: &Ask,
        id: &MeetingId,
        secret: Secret<'_>,
        now: Instant,
    ) -> Result<Located, Reason> {
        let guessed_at = match secret {
            Secret::Key(_) => None,
            Secret::Passcode(_) => Some(id),
        };
        if !self.guesses.may(&ask.identity, guessed_at, now) {
            return Err(Reason::TOO_MANY_GUESSES);
        }
        self.people.locate(id, secret).ok_or_else(|| {
            self.guesses.wrong(&ask.identity, guessed_at, now);
            Reason::NO_SUCH_MEETING
        })
    }

    fn join_meeting(
        &mut self,
        ask: &Ask,
        join: &wire::Join,
        (id, located): (MeetingId, Located),
        wanted: &str,
        now: Instant,
    ) -> Result<(), Reason> {
        let attendee = self
            .people
            .attendee(&located.organisation, &ask.identity, wanted)?;
        let call = match self.running.get(&id) {
            Some(call) => *call,
            None => self.open_meeting(id, located, now)?,
        };
        self.enter(ask, join, call, attendee, now)
    }

    fn open_meeting(&mut self, id: MeetingId, located: Located, now: Instant) -> Result<CallId, Reason> {
        let hall = self.people.hall(&id).ok_or(Reason::NO_SUCH_MEETING)?;
        let call = self.draw_call();
        self.running.insert(id.clone(), call);
        self.found(Founding::of_meeting(call, id, located, hall), now);
        Ok(call)
    }

    pub(super) fn found(&mut self, founding: Founding, now: Instant) {
        let call = founding.call;
        let (rooms, mut cx) = self.split(now);
        rooms.insert(call, Room::found(founding, &mut cx));
    }

    /// Somebody comes to a call that is there. One that nobody comes to is no call.
    fn enter(
        &mut self,
        ask: &Ask,
        join: &wire::Join,
        call: CallId,
        attendee: Attendee,
        now: Instant,
    ) -> Result<(), Reason> {
        self.with(call, now, |room, cx| {
            let result = room.join(ask, join.clone(), attendee, cx);
            room.end_if_empty(cx);
            result
        })
        .unwrap_or(Err(Reason::NO_SUCH_CALL))
    }

    /// By the id of a call that runs: who was in it, is asked to it, or moves with it.
    fn join_running(
        &mut self,
        ask: &Ask,
        join: &wire::Join,
        call: CallId,
        now: Instant,
    ) -> Result<(), Reason> {
        let room = self.rooms.get(&call).ok_or(Reason::NO_SUCH_CALL)?;
        if let Some(within) = room.within() {
            return self.join_breakout(ask, join, call, within, now);
        }
        if !room.knows(&ask.identity) && !room.rings(ask.session) {
            return Err(Reason::NOT_INVITED);
        }
        self.enter_known(ask, join, call, now)
    }

    fn enter_known(
        &mut self,
        ask: &Ask,
        join: &wire::Join,
        call: CallId,
        now: Instant,
    ) -> Result<(), Reason> {
        let wanted = join.display_name.as_deref().unwrap_or(&ask.display_name);
        let attendee = self
            .with(call, now, |room, cx| room.attendee(&ask.identity, wanted, cx))
            .unwrap_or(Err(Reason::NO_SUCH_CALL))?;
        self.enter(ask, join, call, attendee, now)
    }

    /// A breakout room, for whoever is in its meeting and may go there.
    fn join_breakout(
        &mut self,
        ask: &Ask,
        join: &wire::Join,
        call: CallId,
        within: Within,
        now: Instant,
    ) -> Result<(), Reason> {
        let main = self.rooms.get(&within.main).ok_or(Reason::NO_SUCH_CALL)?;
        let visitor = main.visitor(ask, join, call)?;
        self.with(call, now, |room, cx| {
            room.come_over(ask, join.clone(), visitor, cx)
        })
        .unwrap_or(Err(Reason::NO_SUCH_CALL))
    }

    fn join_group_by_link(
        &mut self,
        ask: &Ask,
        join: &wire::Join,
        (call, key): (CallId, &str),
        now: Instant,
    ) -> Result<(), Reason> {
        if !self.guesses.may(&ask.identity, None, now) {
            return Err(Reason::TOO_MANY_GUESSES);
        }
        let room = self
            .rooms
            .get(&call)
            .filter(|room| secret::is_same(room.key(), key));
        let Some(starter) = room.and_then(Room::starter) else {
            self.guesses.wrong(&ask.identity, None, now);
            return Err(Reason::NO_SUCH_MEETING);
        };
        self.people.may_join_group(starter, &ask.identity)?;
        self.enter_known(ask, join, call, now)
    }

    /// A new group call (L31).
    fn start_group(
        &mut self,
        ask: &Ask,
        join: &wire::Join,
        call: CallId,
        invite: &[Identifier],
        now: Instant,
    ) -> Result<(), Reason> {
        if !ask.may_start_calls {
            return Err(Reason::scope_missing("voip"));
        }
        if self.rooms.contains_key(&call) {
            return Err(Reason::CALL_EXISTS);
        }
        // Before there is a call: one refusal is better than a call that half of those wanted cannot come to.
        for to in invite {
            self.people.may_add(&ask.identity, to)?;
        }
        self.found_group(call, ask.identity.clone(), None, String::new(), now);
        self.enter_known(ask, join, call, now)?;
        self.ring(ask, call, invite, now);
        Ok(())
    }

    /// The call of a conversation (L15): the one that runs, or a new one.
    fn join_thread(
        &mut self,
        ask: &Ask,
        join: &wire::Join,
        thread: ThreadId,
        call: CallId,
        now: Instant,
    ) -> Result<(), Reason> {
        let company = self.people.company(&ask.identity, thread)?;
        if let Some(running) = self.threads.get(&thread) {
            return self.enter_known(ask, join, *running, now);
        }
        if !ask.may_start_calls {
            return Err(Reason::scope_missing("voip"));
        }
        if self.rooms.contains_key(&call) {
            return Err(Reason::CALL_EXISTS);
        }
        // One of many who may not be called is no reason against a call with the others.
        let mut refusal = None;
        let mut invite = company.others;
        invite.retain(|to| match self.people.may_add(&ask.identity, to) {
            Ok(()) => true,
            Err(reason) => {
                refusal.get_or_insert(reason);
                false
            }
        });
        if invite.is_empty() {
            return Err(refusal.unwrap_or(Reason::NO_SUCH_THREAD_PARTICIPANT));
        }
        self.found_group(call, ask.identity.clone(), Some(thread), company.topic, now);
        self.enter_known(ask, join, call, now)?;
        self.ring(ask, call, &invite, now);
        Ok(())
    }

    fn ring(&mut self, ask: &Ask, call: CallId, invite: &[Identifier], now: Instant) {
        self.with(call, now, |room, cx| {
            for to in invite {
                // Who has no endpoint does not ring; the others do.
                let _ = room.ring(&ask.identity, to, super::way_to(ask, to), cx);
            }
        });
    }

    /// Opens a group call, which may come out of a conversation.
    pub(super) fn found_group(
        &mut self,
        call: CallId,
        starter: Identifier,
        thread: Option<ThreadId>,
        subject: String,
        now: Instant,
    ) {
        if let Some(thread) = thread {
            self.threads.entry(thread).or_insert(call);
        }
        let key = draw_key(&mut self.rng);
        self.found(
            Founding {
                call,
                house: House::Group { starter, thread },
                hall: Hall::group(),
                subject,
                key,
                thread: None,
                within: None,
            },
            now,
        );
    }

    fn draw_call(&mut self) -> CallId {
        let mut bytes = [0; 16];
        self.rng.fill_bytes(&mut bytes);
        CallId(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }
}
