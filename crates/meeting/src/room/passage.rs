//! What becomes of somebody whose media was asked for: in, before the door, or refused after all.

use std::time::Duration;

use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::{
    CapabilityCause, Ended, Joined, LobbyReason, ParticipantId, Passage, Restarted, State, UnlobbiedWhy,
};
use sidetone_signaling::protocol::{Event, SessionId};

use super::participant::{Asking, Media, Participant, Place};
use super::{Context, Room, Timer};
use crate::api::{Attempt, MediaError, Place as StayPlace, Rights, Stay};
use crate::fact::Fact;

impl Room {
    /// Media has answered an offer, or not.
    pub(crate) fn answered(
        &mut self,
        attempt: Attempt,
        result: Result<String, MediaError>,
        cx: &mut Context<'_>,
    ) {
        let asked = |participant: &&mut Participant| {
            participant.asking.is_some_and(|asking| asking.attempt == attempt)
        };
        let Some(participant) = self.participants.values_mut().find(asked) else {
            // Whoever asked is gone, and its media with it.
            return;
        };
        let id = participant.id;
        let Some(asking) = participant.asking.take() else {
            return;
        };
        match result {
            Err(error) => self.refused_by_media(id, asking, error, cx),
            Ok(answer) if asking.restart => {
                cx.answer(asking.session, asking.id, Ok(Restarted { answer }));
            }
            Ok(answer) => self.came(id, asking, answer, cx),
        }
    }

    fn refused_by_media(
        &mut self,
        id: ParticipantId,
        asking: Asking,
        error: MediaError,
        cx: &mut Context<'_>,
    ) {
        cx.answer::<()>(asking.session, asking.id, Err(error.reason()));
        if asking.restart {
            return;
        }
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        participant.media = Media::Never;
        participant.rights = Rights::NONE;
        if participant.session != Some(asking.session) {
            self.by_session.remove(&asking.session);
            cx.endpoints.left(asking.session, self.call);
        }
        if participant.place == Place::Knocking {
            self.participants.remove(&id);
            cx.cancel_timers(self.call, id);
            self.end_if_empty(cx);
        } else {
            self.watch(id, cx);
        }
    }

    /// Somebody's media is answered: they are in, or before the door, or refused after all.
    fn came(&mut self, id: ParticipantId, asking: Asking, answer: String, cx: &mut Context<'_>) {
        let Some(participant) = self.participants.get(&id) else {
            return;
        };
        let passage = match &participant.place {
            Place::Inside => Ok(Passage::Connected),
            Place::Waiting { reason, .. } => Ok(Passage::InLobby { reason: *reason }),
            // Asked to come.
            Place::Ringing(_) => Ok(Passage::Connected),
            // Much may have happened since they knocked.
            Place::Knocking => self.decide(participant),
        };
        let passage = match passage {
            Ok(passage) => passage,
            Err(reason) => {
                if let Some(participant) = self.participants.get_mut(&id) {
                    participant.asking = Some(asking);
                }
                self.take_out(id, &reason, cx);
                return self.end_if_empty(cx);
            }
        };
        self.settle(id, asking.session, cx);
        self.stop_ringing_others(id, asking.session, cx);
        let reason = match passage {
            Passage::Connected => None,
            Passage::InLobby { reason } => Some(reason),
        };
        let was = self
            .participants
            .get(&id)
            .map(|participant| participant.place.clone());
        match (was, reason) {
            (Some(Place::Inside | Place::Waiting { .. }), _) => {
                self.came_back_to_stay(id, cx);
                self.refresh_rights(id, CapabilityCause::Admitted, cx);
                self.touch(id, cx);
            }
            (_, None) => self.enter(id, cx),
            (_, Some(reason)) => self.wait(id, reason, cx),
        }
        let Some(participant) = self.participants.get(&id) else {
            return;
        };
        let inside = participant.is_inside();
        let joined = Joined {
            call: self.call,
            participant: id,
            passage,
            answer,
            kind: self.kind(),
            subject: self.subject.clone(),
            link: self.link(cx).filter(|_| inside),
            thread: inside
                .then(|| self.thread_for(&participant.identity, cx))
                .flatten(),
            breakout_of: self.within.map(|within| within.main),
            display_name: participant.display_name.clone(),
            role: participant.role,
            capabilities: participant.capabilities.clone(),
        };
        cx.answer(asking.session, asking.id, Ok(joined));
        if inside {
            self.welcome(id, cx);
        }
        self.watch(id, cx);
    }

    /// The participant is at this endpoint from now on, and at no other.
    fn settle(&mut self, id: ParticipantId, session: SessionId, cx: &mut Context<'_>) {
        let call = self.call;
        let attached = cx.endpoints.is_attached(session);
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        let (before, live) = (participant.endpoint, participant.session);
        let was = participant.who();
        participant.session = Some(session);
        participant.endpoint = Some(session);
        participant.attached = attached;
        participant.welcomed = false;
        let is_counted = participant.joined.is_some() || participant.waited.is_some();
        if before == Some(session) {
            return;
        }
        participant.shown_before = false;
        if let Some(live) = live {
            self.by_session.remove(&live);
            cx.endpoints.left(live, call);
            let reason = Reason::JOINED_ELSEWHERE;
            cx.tell_one(live, Event::MeetingEnded(Ended { call, reason }));
        }
        if is_counted && before.is_some() {
            // The same stay on the roster; another endpoint for those who count endpoints.
            cx.fact(Fact::Left {
                call,
                who: was,
                reason: Reason::JOINED_ELSEWHERE,
            });
            if let Some(participant) = self.participants.get(&id) {
                let who = participant.who();
                cx.fact(match participant.place {
                    Place::Waiting { .. } => Fact::Waits { call, who },
                    _ => Fact::Joined { call, who },
                });
            }
        }
    }

    /// Somebody is in.
    pub(super) fn enter(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        let (call, now) = (self.call, cx.now);
        self.started(id, cx);
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        let waited = participant.is_waiting();
        participant.place = Place::Inside;
        participant.joined = Some(now);
        cx.timers.cancel(Timer::Lobby(call, id));
        cx.timers.cancel(Timer::Ring(call, id));
        let (who, is_member) = (participant.who(), participant.is_own_member());
        let fresh = participant.new_stay();
        match self.stay(id) {
            Some(stay) => {
                stay.joined = Some(now);
                stay.place = StayPlace::Inside;
            }
            None => self.add_stay(fresh, cx),
        }
        cx.fact(Fact::Joined { call, who });
        self.tell_entered(id, cx);
        if waited {
            self.board.unlobbied(id, UnlobbiedWhy::Admitted);
        }
        self.refresh_rights(id, CapabilityCause::Admitted, cx);
        self.touch(id, cx);
        if is_member {
            self.reconsider(cx);
        }
    }

    /// Somebody waits before the door.
    pub(super) fn wait(&mut self, id: ParticipantId, reason: LobbyReason, cx: &mut Context<'_>) {
        let (call, now) = (self.call, cx.now);
        self.started(id, cx);
        let most = Duration::from_secs(self.hall.rules.lobby_seconds.into());
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        participant.place = Place::Waiting { since: now, reason };
        participant.waited = Some(now);
        let (who, stay) = (participant.who(), participant.new_stay());
        self.add_stay(stay, cx);
        cx.timers.set(Timer::Lobby(call, id), now + most);
        cx.fact(Fact::Waits { call, who });
        self.refresh_rights(id, CapabilityCause::Admitted, cx);
        self.board.lobbied(id);
        self.schedule(cx);
    }

    fn add_stay(&mut self, stay: Stay, cx: &Context<'_>) {
        if self.stays.len() >= cx.config.stays
            && let Some(oldest) = self.stays.iter().position(|stay| stay.left.is_some())
        {
            self.stays.remove(oldest);
        }
        self.stays.push(stay);
    }

    pub(super) fn tell_passage(&self, id: ParticipantId, passage: Passage, cx: &mut Context<'_>) {
        let session = self
            .participants
            .get(&id)
            .and_then(|participant| participant.session);
        let inside = passage == Passage::Connected;
        if let Some(session) = session {
            cx.tell_one(
                session,
                Event::MeetingState(State {
                    call: self.call,
                    passage,
                    link: self.link(cx).filter(|_| inside),
                    thread: self.thread.clone().filter(|_| inside),
                }),
            );
        }
    }
}
