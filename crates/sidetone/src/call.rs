//! A call, and one that rings: the objects an app holds.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use sidetone_media::transport::{ConnectionState as MediaState, TransportStats};
use sidetone_media::voice::VoiceStats;
use sidetone_signaling::call::CallState;
use sidetone_signaling::protocol::CallId;
use sidetone_signaling::{Identifier, Reason};
use tokio::sync::mpsc;

use crate::diagnostics::{DiagnosticChanged, Diagnostics};
use crate::driver::Ask;
use crate::events::Source;
use crate::options::AcceptOptions;
use crate::pending::Pending;
use crate::statistics::{CollectorOptions, MediaStatisticsEvent};
use crate::{Error, Events};

/// Who placed a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CallDirection {
    /// The other end.
    Incoming,
    /// This end.
    Outgoing,
}

/// Somebody at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    /// Who.
    pub identifier: Identifier,
    /// Their name, as the service vouches for it; may be empty.
    pub display_name: String,
    /// Whether their microphone is off.
    pub is_muted: bool,
}

/// What happens in a call.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CallEvent {
    /// The state changed; `reconnecting` tells whether media or the peer is being recovered.
    StateChanged {
        /// The new state.
        state: CallState,
        /// Whether something is being recovered.
        reconnecting: bool,
    },
    /// Both ends called each other at once, and the two calls became this one.
    IdChanged(CallId),
    /// The other end answered, or changed its name or mute.
    RemoteParticipantUpdated(Participant),
    /// This end's microphone was switched.
    IsMutedChanged(bool),
    /// The microphone or speaker in use went away; silence stands in until another is picked.
    DeviceLost(sidetone_media::device::Direction),
    /// A device could not be opened. The one before it stays.
    DeviceFailed(String),
    /// Something that people should be told of is wrong, or right again.
    DiagnosticChanged(DiagnosticChanged),
    /// The recording used as a microphone came to its end.
    InputEnded,
    /// The call is over. The last event.
    Ended(Reason),
}

/// Statistics of a call, named as in W3C webrtc-stats.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallStats {
    /// The sound at this end.
    pub voice: VoiceStats,
    /// The connection.
    pub transport: TransportStats,
    /// State of the connection.
    pub connection_state: Option<MediaState>,
}

#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub id: CallId,
    pub direction: CallDirection,
    pub state: CallState,
    pub reconnecting: bool,
    pub muted: bool,
    pub remote: Participant,
    pub context: Option<String>,
    pub on_behalf_of: Option<Identifier>,
    pub end_reason: Option<Reason>,
}

/// What the app's handles and the driver share about one call.
pub(crate) struct CallShared {
    snapshot: Mutex<Snapshot>,
    diagnostics: Mutex<Diagnostics>,
    pub events: Source<CallEvent>,
}

impl CallShared {
    pub fn new(snapshot: Snapshot) -> Arc<Self> {
        Arc::new(Self {
            snapshot: Mutex::new(snapshot),
            diagnostics: Mutex::default(),
            events: Source::default(),
        })
    }

    pub fn snapshot(&self) -> MutexGuard<'_, Snapshot> {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn diagnostics(&self) -> MutexGuard<'_, Diagnostics> {
        self.diagnostics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the snapshot first and tells of it after, so that an event never runs ahead of what can be read.
    pub fn update(&self, event: CallEvent, change: impl FnOnce(&mut Snapshot)) {
        change(&mut self.snapshot());
        self.events.emit(event);
    }

    pub fn end(&self, reason: Reason) {
        {
            let mut snapshot = self.snapshot();
            if snapshot.end_reason.is_some() {
                return;
            }
            snapshot.state = CallState::Disconnected;
            snapshot.reconnecting = false;
            snapshot.end_reason = Some(reason.clone());
        }
        self.events.emit(CallEvent::Ended(reason));
        self.events.close();
    }
}

/// A call of this agent. Cheap to clone; dropping it does not hang up.
#[derive(Clone)]
pub struct Call {
    pub(crate) shared: Arc<CallShared>,
    pub(crate) driver: mpsc::UnboundedSender<Ask>,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let snapshot = self.shared.snapshot();
        f.debug_struct("Call")
            .field("id", &snapshot.id)
            .field("direction", &snapshot.direction)
            .field("state", &snapshot.state)
            .field("end_reason", &snapshot.end_reason)
            .finish_non_exhaustive()
    }
}

impl Call {
    /// The call's id, the same at both ends and in every record of the service.
    pub fn id(&self) -> CallId {
        self.shared.snapshot().id
    }

    /// Who placed it.
    pub fn direction(&self) -> CallDirection {
        self.shared.snapshot().direction
    }

    /// Its state.
    pub fn state(&self) -> CallState {
        self.shared.snapshot().state
    }

    /// Whether media, or the other end's connection to the service, is being recovered.
    pub fn is_reconnecting(&self) -> bool {
        self.shared.snapshot().reconnecting
    }

    /// Whether this end's microphone is off.
    pub fn is_muted(&self) -> bool {
        self.shared.snapshot().muted
    }

    /// The other end.
    pub fn remote_participant(&self) -> Participant {
        self.shared.snapshot().remote.clone()
    }

    /// Free text that the caller's app sent along.
    pub fn context(&self) -> Option<String> {
        self.shared.snapshot().context.clone()
    }

    /// Why it ended, once it has.
    pub fn end_reason(&self) -> Option<Reason> {
        self.shared.snapshot().end_reason.clone()
    }

    /// Events from now on. What happened before is not told again: ask for the events first, then look at the state.
    pub fn events(&self) -> Events<CallEvent> {
        self.shared.events.subscribe()
    }

    /// Calls `handler` for every event from now on, on a thread of its own.
    pub fn on_event(&self, handler: impl FnMut(CallEvent) + Send + 'static) {
        self.shared.events.callback("call events", handler);
    }

    /// Switches the microphone off. The other end is told.
    ///
    /// # Errors
    /// [`Error::State`] when the call is over.
    pub fn mute(&self) -> Result<(), Error> {
        self.ask(|call| Ask::Mute { call, muted: true })
    }

    /// Switches the microphone on.
    ///
    /// # Errors
    /// [`Error::State`] when the call is over.
    pub fn unmute(&self) -> Result<(), Error> {
        self.ask(|call| Ask::Mute { call, muted: false })
    }

    /// Silences the speaker for this agent's calls, or lets it play again. Nobody is told.
    ///
    /// # Errors
    /// [`Error::State`] when the call is over.
    pub fn mute_incoming_audio(&self, muted: bool) -> Result<(), Error> {
        self.ask(|_| Ask::MuteIncoming { muted })
    }

    /// Puts the call on hold: neither end sends or plays. Both must resume if both hold.
    ///
    /// # Errors
    /// [`Error::State`] when the call is over.
    pub fn hold(&self) -> Result<(), Error> {
        self.ask(|call| Ask::Hold { call })
    }

    /// Takes the call back from hold. Another call of this agent goes on hold for it.
    ///
    /// # Errors
    /// [`Error::State`] when the call is over.
    pub fn resume(&self) -> Result<(), Error> {
        self.ask(|call| Ask::Resume { call })
    }

    /// Ends the call: cancels it while it rings. Works without a network; the other end is told when there is one.
    ///
    /// # Errors
    /// [`Error::State`] when the call is over.
    pub fn hang_up(&self) -> Result<(), Error> {
        self.ask(|call| Ask::HangUp { call })
    }

    /// Statistics as of now.
    pub fn stats(&self) -> Pending<CallStats> {
        let (reply, pending) = Pending::new();
        // When the driver is gone, `reply` is dropped with the message, and the outcome is `Closed`.
        let _ = self.driver.send(Ask::Stats {
            call: self.id(),
            reply,
        });
        pending
    }

    /// How the diagnostics stand: what people at this end should be told is wrong. Changes come as
    /// [`CallEvent::DiagnosticChanged`].
    pub fn diagnostics(&self) -> Diagnostics {
        self.shared.diagnostics().clone()
    }

    /// Collects statistics from now on, to the end of the call: a sample each second while there is media, and
    /// summaries of many. Dropping the events ends it.
    pub fn media_statistics(&self, options: CollectorOptions) -> Events<MediaStatisticsEvent> {
        let (events, collected) = Events::channel();
        // For a call that is over, `events` is dropped, and they are at their end.
        let _ = self.driver.send(Ask::Collect {
            call: self.id(),
            options,
            events,
        });
        collected
    }

    fn ask(&self, ask: impl FnOnce(CallId) -> Ask) -> Result<(), Error> {
        let (id, over) = {
            let snapshot = self.shared.snapshot();
            (snapshot.id, snapshot.end_reason.is_some())
        };
        if over {
            return Err(Error::State("over"));
        }
        self.driver.send(ask(id)).map_err(|_| Error::Closed)
    }
}

/// A call that rings here.
#[derive(Clone, Debug)]
pub struct IncomingCall {
    pub(crate) call: Call,
}

impl IncomingCall {
    /// The call's id.
    pub fn id(&self) -> CallId {
        self.call.id()
    }

    /// Who calls.
    pub fn caller(&self) -> Participant {
        self.call.remote_participant()
    }

    /// Free text of the caller's app.
    pub fn context(&self) -> Option<String> {
        self.call.context()
    }

    /// Whose call this is, where it rings here because they had it forwarded, or others ring with them.
    pub fn on_behalf_of(&self) -> Option<Identifier> {
        self.call.shared.snapshot().on_behalf_of.clone()
    }

    /// Why it stopped ringing, once it has.
    pub fn end_reason(&self) -> Option<Reason> {
        self.call.end_reason()
    }

    /// Events from now on; [`CallEvent::Ended`] when it stops ringing without being accepted here.
    pub fn events(&self) -> Events<CallEvent> {
        self.call.events()
    }

    /// Answers. Opens the microphone and the speaker.
    ///
    /// # Errors
    /// [`Error::State`] when it no longer rings, [`Error::Device`] when a device cannot be opened: the call rings on.
    pub fn accept(&self, options: AcceptOptions) -> Pending<Call> {
        let (reply, pending) = Pending::new();
        let _ = self.call.driver.send(Ask::Accept {
            call: self.call.clone(),
            options,
            reply,
        });
        pending
    }

    /// Declines.
    ///
    /// # Errors
    /// [`Error::State`] when it no longer rings.
    pub fn reject(&self) -> Result<(), Error> {
        self.call.ask(|call| Ask::Decline { call })
    }
}
