//! One meeting of one endpoint.
//!
//! Inputs: from the application *leave*, *mute*, *hold*, *resume*; from the service *joined*, *restarted*, *let in or to
//! wait*, *ended*; from media *local description*, *state*, *error*; from the session *online*, *offline*, *lost*,
//! *opened*; from the clock *set-up too long*, *media lost too long*, *time to restart*, *away too long*, *the old
//! connection has served*.
//!
//! The offer needs no candidates: the service has public addresses, is the lite end of ICE, and learns ours from their
//! checks (RFC 8445 section 2.5).

use std::collections::VecDeque;
use std::time::Instant;

use super::media::MEDIA_TIMERS;
use crate::agent::{AgentEvent, MediaAction, Role};
use crate::call::{CallState, Settings};
use crate::end_reason::Reason;
use crate::protocol::meeting::{self, Join, Joined, Locator, ParticipantId, Passage, Restarted};
use crate::protocol::{CallId, LegId, MediaState, Pictures, Request, Show};
use crate::timers::Timers;

/// Connections to the service are numbered from here, so that they are not mistaken for the legs of a call that went
/// before.
const FIRST_LEG: u32 = 1 << 31;

/// What a meeting wants done.
#[derive(Debug)]
pub(crate) enum Output {
    Request(Request),
    Media(LegId, MediaAction),
    Event(AgentEvent),
    /// The last one.
    Ended(Reason),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// No media since it was begun.
    Setup,
    /// Media is lost for too long.
    Lost,
    /// Time for an ICE restart.
    Restart,
    /// There is no session for too long.
    Away,
    /// What came over the connection before has come.
    Overlap,
}

/// What is under way with the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The connection makes its offer.
    Offering,
    /// The offer went to the service with the wish to join.
    Asking,
    /// Joined.
    In,
    /// The session is lost; with the next one it is joined again, as the same participant.
    Away,
    Ended,
}

/// How a meeting is entered.
pub(crate) struct Entry {
    pub(crate) locator: Locator,
    pub(crate) display_name: Option<String>,
    pub(crate) muted: bool,
    pub(crate) pictures: Pictures,
    /// The leg of a call of two that goes on as this.
    pub(crate) after: Option<LegId>,
}

pub(crate) struct ClientMeeting {
    pub(super) id: CallId,
    locator: Locator,
    display_name: Option<String>,
    pub(super) settings: Settings,
    /// The connection in use.
    pub(super) leg: LegId,
    /// The one before, until nothing more comes over it.
    pub(super) old: Option<LegId>,
    pub(super) phase: Phase,
    /// The number in it, once it was joined: it comes back as the same.
    participant: Option<ParticipantId>,
    /// In or before the door, as last known.
    passage: Option<Passage>,
    muted: bool,
    /// What the service was told of the microphone.
    told_muted: bool,
    pictures: Pictures,
    /// What the service was told of them.
    told_pictures: Pictures,
    held: bool,
    pub(super) media: Option<MediaState>,
    /// Media was up once, over whatever connection.
    pub(super) was_up: bool,
    /// It is joined again, and media is not up yet.
    pub(super) rejoining: bool,
    /// A restart's offer was made and not answered.
    pub(super) offer_open: bool,
    /// A restart is due as soon as it can be told.
    pub(super) postponed: bool,
    pub(super) online: bool,
    told: Option<(CallState, bool)>,
    pub(super) timers: Timers<Timer>,
    pub(super) outputs: VecDeque<Output>,
}

impl ClientMeeting {
    /// Begins to enter. `id` is a number of the caller's where the locator does not name the call.
    pub(crate) fn new(id: CallId, entry: Entry, settings: Settings, online: bool, now: Instant) -> Self {
        let Entry {
            locator,
            display_name,
            muted,
            pictures,
            after,
        } = entry;
        let moves = after.is_some();
        let mut meeting = Self {
            id,
            locator,
            display_name,
            settings,
            leg: LegId(FIRST_LEG),
            old: after,
            phase: Phase::Offering,
            participant: None,
            passage: moves.then_some(Passage::Connected),
            muted,
            told_muted: muted,
            pictures,
            told_pictures: Pictures::NONE,
            held: false,
            media: None,
            was_up: moves,
            rejoining: false,
            offer_open: false,
            postponed: false,
            online,
            told: moves.then_some((CallState::Connected, false)),
            timers: Timers::new(),
            outputs: VecDeque::new(),
        };
        meeting.connect(now);
        meeting.report();
        meeting
    }

    pub(crate) fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// The call's id, as the service has it once it is joined.
    pub(crate) fn id(&self) -> CallId {
        self.id
    }

    /// Makes the connection, whose offer is sent as soon as it is there.
    pub(super) fn connect(&mut self, now: Instant) {
        self.phase = Phase::Offering;
        self.media = None;
        self.offer_open = false;
        self.postponed = false;
        self.timers
            .set(Timer::Setup, now + self.settings.timing.media_setup);
        let ice_servers = self.settings.ice_servers.clone();
        let slots = self.settings.slots;
        self.media(
            self.leg,
            MediaAction::Create {
                role: Role::Offerer,
                hold_candidates: false,
                ice_servers,
                slots,
            },
        );
    }

    /// The connection's offer is there.
    pub(super) fn offered(&mut self, offer: String) {
        match self.phase {
            Phase::Offering => {
                self.phase = Phase::Asking;
                self.told_muted = self.muted;
                self.request(Request::MeetingJoin(Join {
                    locator: self.locator.clone(),
                    display_name: self.display_name.clone(),
                    offer,
                    muted: self.muted,
                    rejoin: self.participant,
                }));
            }
            Phase::In => {
                let call = self.id;
                self.request(Request::MeetingRestart(meeting::Restart { call, offer }));
            }
            Phase::Asking | Phase::Away | Phase::Ended => {}
        }
    }

    /// The service's answer to the wish to join.
    pub(crate) fn joined(&mut self, answer: Result<Joined, Reason>) {
        if self.phase != Phase::Asking {
            return;
        }
        let joined = match answer {
            Ok(joined) => joined,
            Err(reason) => return self.finish(reason),
        };
        self.phase = Phase::In;
        let call = std::mem::replace(&mut self.id, joined.call);
        self.locator = Locator::Call(joined.call);
        self.participant = Some(joined.participant);
        self.passage = Some(joined.passage);
        // First of all its id.
        let answer = joined.answer.clone();
        self.event(AgentEvent::MeetingJoined {
            call,
            joined: Box::new(joined),
        });
        self.answer(answer);
        self.told_pictures = Pictures::NONE;
        self.tell_ways();
        self.set_audio();
        self.report();
    }

    /// The service's answer to a restart.
    pub(crate) fn restarted(&mut self, answer: Result<Restarted, Reason>) {
        if self.phase != Phase::In {
            return;
        }
        self.offer_open = false;
        // Where it was refused, the clock asks again.
        if let Ok(restarted) = answer {
            self.answer(restarted.answer);
        }
        self.restart_postponed();
    }

    /// Let in, or to wait for something else.
    pub(crate) fn passage(&mut self, passage: Passage) {
        self.passage = Some(passage);
        self.tell_ways();
        self.set_audio();
        self.report();
    }

    /// The application leaves.
    pub(crate) fn leave(&mut self) {
        let reason = if self.is_known() {
            self.request(Request::MeetingLeave(meeting::Call { call: self.id }));
            Reason::HUNG_UP
        } else {
            Reason::CANCELLED
        };
        self.tell(CallState::Disconnecting, false);
        self.finish(reason);
    }

    /// It is over.
    pub(crate) fn ended(&mut self, reason: Reason) {
        self.finish(reason);
    }

    /// It cannot go on here.
    pub(super) fn fail(&mut self, reason: Reason) {
        if self.is_known() {
            self.request(Request::MeetingLeave(meeting::Call { call: self.id }));
        }
        self.finish(reason);
    }

    /// Whether the service knows of this endpoint's presence under this id.
    fn is_known(&self) -> bool {
        self.phase == Phase::In || self.passage.is_some()
    }

    pub(crate) fn mute(&mut self, muted: bool) {
        self.muted = muted;
        self.tell_ways();
    }

    /// Somebody switched the microphone off.
    pub(crate) fn muted_by_others(&mut self) {
        (self.muted, self.told_muted) = (true, true);
    }

    pub(crate) fn show(&mut self, pictures: Pictures) {
        self.pictures = pictures;
        self.tell_ways();
    }

    /// Tells what this end sends, once inside: before the door nobody is asked.
    fn tell_ways(&mut self) {
        if self.phase != Phase::In || self.passage != Some(Passage::Connected) {
            return;
        }
        if std::mem::replace(&mut self.told_muted, self.muted) != self.muted {
            self.request(Request::MeetingMute(meeting::Mute {
                call: self.id,
                muted: self.muted,
            }));
        }
        if std::mem::replace(&mut self.told_pictures, self.pictures) != self.pictures {
            self.request(Request::MeetingShow(Show {
                call: self.id,
                pictures: self.pictures,
            }));
        }
    }

    /// On hold is local: the others go on.
    pub(crate) fn hold(&mut self, held: bool) {
        self.held = held;
        self.set_audio();
        self.report();
    }

    pub(crate) fn is_held(&self) -> bool {
        self.held
    }

    pub(crate) fn can_hold(&self) -> bool {
        self.passage == Some(Passage::Connected) && !self.held
    }

    /// Sound passes in the meeting only, and not before its door.
    fn set_audio(&mut self) {
        let open = self.passage == Some(Passage::Connected) && !self.held;
        match (self.phase, open) {
            (Phase::In, true) => self.media(self.leg, MediaAction::OpenAudio),
            (Phase::In, false) if self.was_up => self.media(self.leg, MediaAction::PauseAudio),
            _ => {}
        }
    }

    pub(crate) fn set_online(&mut self, online: bool) {
        self.online = online;
        if online {
            self.restart_postponed();
        }
        self.report();
    }

    /// The session is over, and with it what was asked in it.
    pub(crate) fn session_lost(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Away | Phase::Ended) {
            return;
        }
        self.phase = Phase::Away;
        self.rejoining |= self.was_up;
        for timer in MEDIA_TIMERS {
            self.timers.cancel(timer);
        }
        self.timers
            .set_if_unset(Timer::Away, now + self.settings.media_lease);
        self.report();
    }

    /// There is a new session.
    pub(crate) fn session_opened(&mut self, now: Instant) {
        if self.phase != Phase::Away {
            return;
        }
        self.timers.cancel(Timer::Away);
        // Whatever still comes over the connection is heard until the new one is up.
        if let Some(older) = self.old.replace(self.leg) {
            self.media(older, MediaAction::Close);
        }
        self.leg = LegId(self.leg.0.wrapping_add(1).max(FIRST_LEG));
        self.connect(now);
        self.report();
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.expired(now) {
            match timer {
                Timer::Setup => self.fail(Reason::MEDIA_SETUP_FAILED),
                Timer::Lost => self.fail(Reason::MEDIA_DROPPED),
                Timer::Away => self.finish(Reason::NETWORK_LOST),
                Timer::Restart => self.restart_due(now),
                Timer::Overlap => self.close_old(),
            }
        }
        self.report();
    }

    pub(super) fn close_old(&mut self) {
        self.timers.cancel(Timer::Overlap);
        if let Some(old) = self.old.take() {
            self.media(old, MediaAction::Close);
        }
    }

    fn finish(&mut self, reason: Reason) {
        if std::mem::replace(&mut self.phase, Phase::Ended) == Phase::Ended {
            return;
        }
        self.close_old();
        self.media(self.leg, MediaAction::Close);
        self.timers.clear();
        self.tell(CallState::Disconnected, false);
        self.outputs.push_back(Output::Ended(reason));
    }

    pub(super) fn report(&mut self) {
        if self.phase == Phase::Ended {
            return;
        }
        let state = match self.passage {
            None if self.online => CallState::Connecting,
            None => CallState::None,
            Some(Passage::InLobby { .. }) => CallState::InLobby,
            Some(Passage::Connected) if self.held => CallState::LocalHold,
            Some(Passage::Connected) if self.was_up => CallState::Connected,
            Some(Passage::Connected) => CallState::Connecting,
        };
        let is_up = self.media == Some(MediaState::Connected);
        // A call that moves has its old connection until then.
        let moves = self.old.is_some() && !self.rejoining;
        let reconnecting = self.phase == Phase::Away || self.was_up && !is_up && !moves || self.rejoining;
        self.tell(state, reconnecting);
    }

    fn tell(&mut self, state: CallState, reconnecting: bool) {
        if self.told != Some((state, reconnecting)) {
            self.told = Some((state, reconnecting));
            self.event(AgentEvent::CallStateChanged {
                call: self.id,
                state,
                reconnecting,
            });
        }
    }

    fn event(&mut self, event: AgentEvent) {
        self.outputs.push_back(Output::Event(event));
    }

    fn request(&mut self, request: Request) {
        self.outputs.push_back(Output::Request(request));
    }

    pub(super) fn media(&mut self, leg: LegId, action: MediaAction) {
        self.outputs.push_back(Output::Media(leg, action));
    }
}
