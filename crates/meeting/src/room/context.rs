//! What a room works with that is not its own: the people, the clock, the deadlines, the endpoints, and where its outputs
//! go.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng as _;
use serde::Serialize;
use sidetone_signaling::protocol::meeting::ParticipantId;
use sidetone_signaling::protocol::{CallId, Event, SessionId};
use sidetone_signaling::timers::Timers;
use sidetone_signaling::{Identifier, Reason};

use super::breakout::{Across, Within, fact_within};
use crate::api::{Attempt, Config, MediaOrder, Output};
use crate::fact::Fact;
use crate::people::People;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A participant is without media.
    Lease(CallId, ParticipantId),
    /// A participant is without a session.
    Grace(CallId, ParticipantId),
    /// Somebody waits in the lobby.
    Lobby(CallId, ParticipantId),
    /// Somebody rings.
    Ring(CallId, ParticipantId),
    /// There is something to tell.
    Flush(CallId),
    /// Breakout rooms close, or everyone is warned that they will.
    Breakouts(CallId),
    /// It may be told again how many cameras somebody's network carries.
    VideoCount(CallId, ParticipantId),
}

/// An endpoint.
#[derive(Debug)]
struct Endpoint {
    identity: Identifier,
    attached: bool,
    calls: BTreeSet<CallId>,
    /// Whether it was told that it is in any.
    occupied: bool,
}

/// Every endpoint there is.
#[derive(Debug, Default)]
pub(crate) struct Endpoints {
    by_session: BTreeMap<SessionId, Endpoint>,
    /// Those that came into a call or went.
    moved: BTreeSet<SessionId>,
}

impl Endpoints {
    pub(crate) fn opened(&mut self, session: SessionId, identity: Identifier) {
        let endpoint = Endpoint {
            identity,
            attached: true,
            calls: BTreeSet::new(),
            occupied: false,
        };
        self.by_session.insert(session, endpoint);
    }

    /// Forgets an endpoint, and gives the calls it was in.
    pub(crate) fn ended(&mut self, session: SessionId) -> BTreeSet<CallId> {
        let gone = self.by_session.remove(&session);
        gone.map(|endpoint| endpoint.calls).unwrap_or_default()
    }

    /// Marks whether it has a socket, and gives the calls it is in.
    pub(crate) fn attach(&mut self, session: SessionId, attached: bool) -> Vec<CallId> {
        match self.by_session.get_mut(&session) {
            Some(endpoint) => {
                endpoint.attached = attached;
                endpoint.calls.iter().copied().collect()
            }
            None => Vec::new(),
        }
    }

    pub(crate) fn is_attached(&self, session: SessionId) -> bool {
        self.by_session
            .get(&session)
            .is_some_and(|endpoint| endpoint.attached)
    }

    pub(crate) fn joined(&mut self, session: SessionId, call: CallId) {
        if let Some(endpoint) = self.by_session.get_mut(&session) {
            endpoint.calls.insert(call);
            self.moved.insert(session);
        }
    }

    pub(crate) fn left(&mut self, session: SessionId, call: CallId) {
        if let Some(endpoint) = self.by_session.get_mut(&session) {
            endpoint.calls.remove(&call);
            self.moved.insert(session);
        }
    }

    pub(crate) fn calls(&self, session: SessionId) -> usize {
        self.by_session
            .get(&session)
            .map_or(0, |endpoint| endpoint.calls.len())
    }

    /// An endpoint that is in a call and was in none, or the other way round.
    pub(crate) fn news(&mut self) -> Option<(SessionId, bool)> {
        while let Some(session) = self.moved.pop_first() {
            if let Some(endpoint) = self.by_session.get_mut(&session) {
                let occupied = !endpoint.calls.is_empty();
                if std::mem::replace(&mut endpoint.occupied, occupied) != occupied {
                    return Some((session, occupied));
                }
            }
        }
        None
    }

    /// Whose endpoint it is.
    pub(crate) fn owner(&self, session: SessionId) -> Option<&Identifier> {
        self.by_session.get(&session).map(|endpoint| &endpoint.identity)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_session.is_empty()
    }
}

/// What a room works with.
pub(crate) struct Context<'a> {
    pub(crate) config: &'a Config,
    pub(crate) people: &'a dyn People,
    pub(crate) endpoints: &'a mut Endpoints,
    pub(crate) timers: &'a mut Timers<Timer>,
    pub(crate) outputs: &'a mut VecDeque<Output>,
    /// The last try that was named, and whose room it was of.
    pub(crate) attempts: &'a mut u64,
    pub(crate) rng: &'a mut ChaCha20Rng,
    pub(crate) now: Instant,
    /// What is wanted of other rooms.
    pub(crate) across: &'a mut VecDeque<Across>,
    /// The breakout room whose turn it is.
    pub(crate) within: Option<Within>,
}

impl Context<'_> {
    pub(crate) fn draw_uuid(&mut self) -> uuid::Uuid {
        let mut bytes = [0; 16];
        self.rng.fill_bytes(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    pub(crate) fn tell(&mut self, sessions: Vec<SessionId>, event: Event) {
        if !sessions.is_empty() {
            self.outputs.push_back(Output::Tell {
                sessions,
                event: Box::new(event),
            });
        }
    }

    pub(crate) fn tell_one(&mut self, session: SessionId, event: Event) {
        self.tell(vec![session], event);
    }

    pub(crate) fn answer<T: Serialize>(&mut self, session: SessionId, id: u64, result: Result<T, Reason>) {
        let result = result.map(|answer| serde_json::to_value(answer).unwrap_or_default());
        self.outputs.push_back(Output::Answer { session, id, result });
    }

    pub(crate) fn media(&mut self, call: CallId, order: MediaOrder) {
        self.outputs.push_back(Output::Media(call, order));
    }

    pub(crate) fn fact(&mut self, fact: Fact) {
        let fact = match self.within {
            Some(within) => fact_within(within, fact),
            None => Some(fact),
        };
        let fact = fact.map(|fact| Output::Fact(Box::new(fact)));
        self.outputs.extend(fact);
    }

    pub(crate) fn next_attempt(&mut self) -> Attempt {
        *self.attempts += 1;
        Attempt(*self.attempts)
    }

    pub(crate) fn cancel_timers(&mut self, call: CallId, id: ParticipantId) {
        for timer in [
            Timer::Lease(call, id),
            Timer::Grace(call, id),
            Timer::Lobby(call, id),
            Timer::Ring(call, id),
            Timer::VideoCount(call, id),
        ] {
            self.timers.cancel(timer);
        }
    }
}
