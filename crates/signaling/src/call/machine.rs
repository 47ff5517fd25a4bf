//! One call of one endpoint.
//!
//! Inputs: from the application *accept*, *decline or hang up*, *mute*, *hold*, *resume*; from the service *calling*,
//! *ringing*, *description*, *candidates*, *restart*, *leg ended*, *accepted*, *confirmed*, *muted*, *shown*, *held*, *peer*,
//! *ended*; from media *local description*, *local candidate*, *state*, *error*; from the session *online*,
//! *offline*; from the clock *dialling too long*, *set-up too long*, *media lost too long*, *time to restart*.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::CallState;
use super::recovery::Recovery;
use crate::agent::{AgentEvent, AgentTiming, MediaAction, Role};
use crate::end_reason::Reason;
use crate::identifier::Identifier;
use crate::protocol::{
    CallId, CandidateLine, DescriptionType, HangUp, IceServer, Incoming, LegId, MediaFailure, MediaState,
    Mute, Pictures, Request, SessionDescription, Show,
};
use crate::timers::Timers;

/// What a call needs to know of its agent.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) hide_addresses: bool,
    pub(crate) warm_legs: usize,
    pub(crate) timing: AgentTiming,
    pub(crate) media_lease: Duration,
    pub(crate) ice_servers: Vec<IceServer>,
    /// Streams that a meeting can send here at the same time.
    pub(crate) slots: usize,
}

/// What a call wants done.
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
    /// The service says nothing about a call that was placed.
    Dial,
    /// Answered, and no media.
    Setup,
    /// Media is lost for too long.
    Lost,
    /// Time for an ICE restart.
    Restart,
}

/// What the call is doing.
#[derive(Debug)]
pub(super) enum Phase {
    Outgoing(Outgoing),
    Incoming(Ringing),
    Talking(Talking),
    Ended,
}

/// Placed, not answered.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// The service rings the callee's endpoints.
    pub(super) taken: bool,
    pub(super) ringing: bool,
    pub(super) legs: BTreeMap<LegId, Leg>,
}

/// A leg of an outgoing call.
#[derive(Debug)]
pub(super) enum Leg {
    /// Its media comes up while it rings.
    Warm(Option<MediaState>),
    /// One too many to warm up: what its endpoint said, for when it answers.
    Parked {
        offer: SessionDescription,
        candidates: Vec<Option<CandidateLine>>,
    },
    /// Its media failed.
    Broken,
}

/// Ringing here.
#[derive(Debug)]
pub(super) struct Ringing {
    pub(super) leg: LegId,
    pub(super) warm: bool,
    pub(super) media: Option<MediaState>,
    pub(super) offer_open: bool,
}

/// Answered.
#[derive(Debug)]
pub(super) struct Talking {
    pub(super) leg: LegId,
    pub(super) role: Role,
    /// The service agreed that this endpoint answered first.
    pub(super) confirmed: bool,
    /// The leg's media was made.
    pub(super) created: bool,
    pub(super) media: Option<MediaState>,
    pub(super) media_was_up: bool,
    pub(super) local_hold: bool,
    pub(super) remote_hold: bool,
    pub(super) peer_present: bool,
    pub(super) recovery: Recovery,
}

pub(crate) struct ClientCall {
    pub(super) id: CallId,
    peer: Identifier,
    /// The leg on which it rang here.
    rang_on: Option<LegId>,
    pub(super) settings: Settings,
    pub(super) phase: Phase,
    pub(super) muted: bool,
    pub(super) pictures: Pictures,
    /// What the application is still to be told of it, before anything else.
    pub(super) unannounced: Option<AgentEvent>,
    pub(super) told: Option<(CallState, bool)>,
    pub(super) online: bool,
    pub(super) timers: Timers<Timer>,
    pub(super) outputs: VecDeque<Output>,
}

impl ClientCall {
    /// A call that the application places.
    pub(crate) fn outgoing(
        id: CallId,
        peer: Identifier,
        settings: Settings,
        online: bool,
        now: Instant,
    ) -> Self {
        let dial = settings.timing.media_setup;
        let mut call = Self::new(id, peer, settings, Phase::Outgoing(Outgoing::default()), online);
        call.timers.set(Timer::Dial, now + dial);
        call.report();
        call
    }

    /// A call that rings here. The application knows nothing of it before [`ClientCall::surface`].
    pub(crate) fn incoming(incoming: Incoming, settings: Settings, online: bool) -> Self {
        let Incoming {
            call: id,
            leg,
            from,
            display_name,
            context,
            on_behalf_of,
            placed_by,
            transferred_by,
            replaces: _,
            thread,
            warm,
        } = incoming;
        let phase = Phase::Incoming(Ringing {
            leg,
            warm,
            media: None,
            offer_open: warm,
        });
        let mut call = Self::new(id, from.clone(), settings, phase, online);
        call.rang_on = Some(leg);
        call.unannounced = Some(AgentEvent::IncomingCall {
            call: id,
            from,
            display_name,
            context,
            on_behalf_of,
            placed_by,
            transferred_by,
            thread,
        });
        if warm {
            let hold = call.settings.hide_addresses;
            call.create(leg, Role::Offerer, hold);
        }
        call
    }

    fn new(id: CallId, peer: Identifier, settings: Settings, phase: Phase, online: bool) -> Self {
        Self {
            id,
            peer,
            rang_on: None,
            settings,
            phase,
            muted: false,
            pictures: Pictures::NONE,
            unannounced: None,
            told: None,
            online,
            timers: Timers::new(),
            outputs: VecDeque::new(),
        }
    }

    pub(crate) fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    pub(crate) fn peer(&self) -> &Identifier {
        &self.peer
    }

    pub(crate) fn rang_on(&self) -> Option<LegId> {
        self.rang_on
    }

    pub(crate) fn is_talking(&self) -> bool {
        matches!(self.phase, Phase::Talking(_))
    }

    /// The leg it is talked over.
    pub(crate) fn talking_leg(&self) -> Option<LegId> {
        match &self.phase {
            Phase::Talking(talking) => Some(talking.leg),
            _ => None,
        }
    }

    pub(crate) fn pictures(&self) -> Pictures {
        self.pictures
    }

    pub(crate) fn is_muted(&self) -> bool {
        self.muted
    }

    /// Whether the application knows of it.
    pub(crate) fn is_surfaced(&self) -> bool {
        self.unannounced.is_none()
    }

    pub(crate) fn is_ringing_here(&self) -> bool {
        matches!(self.phase, Phase::Incoming(_))
    }

    pub(crate) fn can_hold(&self) -> bool {
        matches!(&self.phase, Phase::Talking(talking) if !talking.local_hold)
    }

    /// Tells the application of the call.
    pub(crate) fn surface(&mut self) {
        if let Some(event) = self.unannounced.take() {
            self.event(event);
            self.report();
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.expired(now) {
            match timer {
                Timer::Dial => self.finish(Some(None), Reason::NETWORK_LOST),
                Timer::Setup => self.fail(MediaFailure::Setup),
                Timer::Lost => self.lost_for_good(now),
                Timer::Restart => self.restart_due(now),
            }
        }
        self.report();
    }

    pub(crate) fn set_online(&mut self, online: bool, now: Instant) {
        self.online = online;
        if online {
            self.restart_postponed(now);
        }
        self.report();
    }

    pub(super) fn begin_talking(&mut self, now: Instant) {
        if self.muted {
            self.request(Request::Mute(Mute {
                call: self.id,
                muted: true,
            }));
        }
        if !self.pictures.is_none() {
            self.request(Request::Show(Show {
                call: self.id,
                pictures: self.pictures,
            }));
        }
        let media = self.talking().and_then(|talking| talking.media);
        if media != Some(MediaState::Connected) {
            self.timers
                .set(Timer::Setup, now + self.settings.timing.media_setup);
        }
        if let Some(state) = media {
            self.media_changed(state, now);
        }
        self.report();
    }

    pub(super) fn talking(&mut self) -> Option<&mut Talking> {
        match &mut self.phase {
            Phase::Talking(talking) => Some(talking),
            _ => None,
        }
    }

    /// Makes the media of an answered leg that was not warmed up.
    pub(super) fn create_talking_leg(&mut self) {
        let Some(talking) = self.talking() else { return };
        talking.recovery.offer_open = talking.role == Role::Offerer;
        let (leg, role) = (talking.leg, talking.role);
        self.create(leg, role, false);
        self.open_leg();
    }

    pub(super) fn open_leg(&mut self) {
        if let Some(talking) = self.talking() {
            talking.created = true;
            self.set_audio();
        }
    }

    pub(super) fn set_audio(&mut self) {
        let Some(talking) = self.talking() else { return };
        if talking.created {
            let held = talking.local_hold || talking.remote_hold;
            let leg = talking.leg;
            self.media(
                leg,
                if held {
                    MediaAction::PauseAudio
                } else {
                    MediaAction::OpenAudio
                },
            );
        }
    }

    pub(super) fn create(&mut self, leg: LegId, role: Role, hold_candidates: bool) {
        let ice_servers = self.settings.ice_servers.clone();
        self.media(
            leg,
            MediaAction::Create {
                role,
                hold_candidates,
                ice_servers,
                slots: 0,
            },
        );
    }

    pub(super) fn fail(&mut self, failure: MediaFailure) {
        self.finish(Some(Some(failure)), failure.reason());
    }

    /// Ends the call here; `tell` is the hang-up to send, if one is due.
    pub(super) fn finish(&mut self, tell: Option<Option<MediaFailure>>, reason: Reason) {
        if let Some(failure) = tell {
            self.request(Request::HangUp(HangUp {
                call: self.id,
                failure,
            }));
            self.tell(CallState::Disconnecting, false);
        }
        match std::mem::replace(&mut self.phase, Phase::Ended) {
            Phase::Outgoing(outgoing) => {
                for (leg, state) in outgoing.legs {
                    if let Leg::Warm(_) = state {
                        self.media(leg, MediaAction::Close);
                    }
                }
            }
            Phase::Incoming(Ringing { leg, warm: true, .. })
            | Phase::Talking(Talking {
                leg, created: true, ..
            }) => self.media(leg, MediaAction::Close),
            Phase::Incoming(_) | Phase::Talking(_) => {}
            Phase::Ended => return,
        }
        self.timers.clear();
        self.tell(CallState::Disconnected, false);
        self.outputs.push_back(Output::Ended(reason));
    }

    pub(super) fn report(&mut self) {
        let (state, reconnecting) = match &self.phase {
            Phase::Outgoing(Outgoing { ringing: true, .. }) | Phase::Incoming(_) => {
                (CallState::Ringing, false)
            }
            Phase::Outgoing(outgoing) if outgoing.taken || self.online => (CallState::Connecting, false),
            Phase::Outgoing(_) => (CallState::None, false),
            Phase::Talking(talking) => (talking.state(), talking.is_reconnecting()),
            Phase::Ended => return,
        };
        self.tell(state, reconnecting);
    }

    fn tell(&mut self, state: CallState, reconnecting: bool) {
        if self.is_surfaced() && self.told != Some((state, reconnecting)) {
            self.told = Some((state, reconnecting));
            self.event(AgentEvent::CallStateChanged {
                call: self.id,
                state,
                reconnecting,
            });
        }
    }

    pub(super) fn event(&mut self, event: AgentEvent) {
        self.outputs.push_back(Output::Event(event));
    }

    pub(super) fn request(&mut self, request: Request) {
        self.outputs.push_back(Output::Request(request));
    }

    pub(super) fn media(&mut self, leg: LegId, action: MediaAction) {
        self.outputs.push_back(Output::Media(leg, action));
    }
}

impl Talking {
    pub(super) fn new(
        leg: LegId,
        role: Role,
        confirmed: bool,
        media: Option<MediaState>,
        offer_open: bool,
    ) -> Self {
        Self {
            leg,
            role,
            confirmed,
            created: false,
            media,
            media_was_up: media == Some(MediaState::Connected),
            local_hold: false,
            remote_hold: false,
            peer_present: true,
            recovery: Recovery::new(offer_open),
        }
    }

    fn state(&self) -> CallState {
        if self.local_hold {
            CallState::LocalHold
        } else if self.remote_hold {
            CallState::RemoteHold
        } else if self.confirmed && self.media_was_up {
            CallState::Connected
        } else {
            CallState::Connecting
        }
    }

    fn is_reconnecting(&self) -> bool {
        !self.peer_present || (self.media_was_up && self.media != Some(MediaState::Connected))
    }
}

impl Role {
    /// Which descriptions of the peer's this end can use.
    pub(super) fn expects(self, kind: DescriptionType) -> bool {
        match self {
            Self::Offerer => kind == DescriptionType::Answer,
            Self::Answerer => kind == DescriptionType::Offer,
        }
    }
}
