//! A call, and one that rings: the objects an app holds.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use sidetone_media::pictures::VideoReportCard;
use sidetone_media::recording::{RecordingOptions, RecordingState};
use sidetone_media::transport::{ConnectionState as MediaState, TransportStats};
use sidetone_media::voice::VoiceStats;
use sidetone_signaling::agent::TransferState;
use sidetone_signaling::call::CallState;
use sidetone_signaling::protocol::chat::ThreadId;
use sidetone_signaling::protocol::meeting::{
    Capabilities, CapabilityCause, LobbyReason, ParticipantId, Reaction, Role, UnlobbiedWhy,
};
use sidetone_signaling::protocol::{CallId, Notice, NoticeKind, NoticeState, Pictures, TransferTarget};
use sidetone_signaling::{Identifier, Reason};
use tokio::sync::mpsc;

use crate::diagnostics::{DiagnosticChanged, Diagnostics};
use crate::driver::Ask;
use crate::events::Source;
use crate::meeting::{
    EngagementEvent, LobbyParticipant, Meeting, MeetingInfo, RaisedHand, RemoteParticipant,
};
use crate::options::AcceptOptions;
use crate::pending::Pending;
use crate::statistics::{CollectorOptions, MediaStatisticsEvent};
use crate::video::{Gallery, RemoteVideoStream};
use crate::{Error, Events, Recording, RecordingNotice};

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
    /// The pictures that they send.
    pub pictures: Pictures,
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
    /// Both ends called each other at once, and the two calls became this one; or a meeting was joined, whose id it is.
    IdChanged(CallId),
    /// The other end answered, or changed its name or mute.
    RemoteParticipantUpdated(Participant),
    /// This end's microphone was switched.
    IsMutedChanged(bool),
    /// The microphone or speaker in use went away; silence stands in until another is picked.
    DeviceLost(sidetone_media::device::Direction),
    /// A device could not be opened. The one before it stays.
    DeviceFailed(String),
    /// A recording of this call was paused, resumed or completed, or failed: the call goes on.
    RecordingStateChanged(RecordingState),
    /// Something that people should be told of is wrong, or right again.
    DiagnosticChanged(DiagnosticChanged),
    /// The recording used as a microphone came to its end.
    InputEnded,
    /// Handing the call over began, or came to its end: see [`Call::transfer`].
    TransferStateChanged(TransferState),
    /// The other end hands the call over to somebody else. The call there is placed already, with this one on hold: its
    /// events tell how that goes. When it is answered, [`CallEvent::Replaced`] follows; when it is not, this call
    /// goes on.
    TransferRequested(Call),
    /// The call goes on as another one, with somebody else at its other end. The end of this one follows.
    Replaced(Call),
    /// What is recorded or transcribed of the call changed, or who has agreed to that. People must be shown this at
    /// once.
    NoticesChanged(Notices),
    /// This end goes to a breakout room of this meeting, whose call this is; the meeting waits on hold. Its end says why it
    /// is back.
    BreakoutRoomJoined(Call),
    /// A meeting or group call is joined, in it or in its lobby; or a call of two became one.
    MeetingJoined(MeetingInfo),
    /// Why this end waits in the lobby: it was let in where there is no reason any more.
    LobbyReasonChanged(Option<LobbyReason>),
    /// The meeting's settings, as they are now.
    MeetingChanged(MeetingInfo),
    /// Others came, changed or left: read [`Call::participants`].
    ParticipantsUpdated {
        /// New ones.
        added: Vec<ParticipantId>,
        /// Those whose entry changed.
        changed: Vec<ParticipantId>,
        /// Those who left, and why, where that was told.
        removed: Vec<(RemoteParticipant, Option<Reason>)>,
    },
    /// Others began to wait in the lobby, or no longer do.
    LobbyUpdated {
        /// They wait.
        added: Vec<LobbyParticipant>,
        /// They no longer do, and what became of them.
        removed: Vec<(LobbyParticipant, UnlobbiedWhy)>,
    },
    /// Who speaks in the meeting, the loudest first.
    DominantSpeakersChanged(Vec<ParticipantId>),
    /// Who is heard at this end, by number: somebody began or stopped.
    SpeakingChanged(Vec<ParticipantId>),
    /// This end is something else in the meeting.
    RoleChanged(Role),
    /// What this end may do changed.
    CapabilitiesChanged {
        /// Those that changed, as they were.
        old: Capabilities,
        /// The same ones, as they are.
        new: Capabilities,
        /// What changed them.
        cause: CapabilityCause,
    },
    /// Hands went up or down, this end's too.
    HandsChanged {
        /// Up.
        raised: Vec<RaisedHand>,
        /// Down.
        lowered: Vec<ParticipantId>,
    },
    /// People showed a reaction.
    Reaction {
        /// Which.
        reaction: Reaction,
        /// How many times.
        count: u32,
        /// By whom, where they are few.
        participants: Vec<ParticipantId>,
    },
    /// Who is in front for everyone, in this order.
    SpotlightChanged(Vec<ParticipantId>),
    /// How many cameras this end's network carries.
    OptimalVideoCountChanged(u16),
    /// Somebody switched this end's microphone off. [`CallEvent::IsMutedChanged`] was told before.
    MutedByOthers(ParticipantId),
    /// This end sends a camera, or no longer.
    IsLocalVideoStartedChanged(bool),
    /// This end shows a screen, or no longer.
    IsScreenSharingOnChanged(bool),
    /// Sound is sent with the screen, or is no more: its source came to its end, went away, or is another call's now.
    IsSharedSoundOnChanged(bool),
    /// Others send pictures, or no longer: read [`Call::remote_video_streams`].
    VideoStreamsUpdated {
        /// They are sent.
        added: Vec<RemoteVideoStream>,
        /// They no longer are.
        removed: Vec<RemoteVideoStream>,
    },
    /// Pictures of a stream come or no longer do, or have another size.
    VideoStreamChanged(RemoteVideoStream),
    /// People do something together beside talking: messages, text, captions, polls, questions, a scene, slides.
    Engagement(EngagementEvent),
    /// The call is over. The last event.
    Ended(Reason),
}

/// What is recorded and transcribed of a call, as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notices {
    /// Recordings and transcriptions, with who makes them. Empty: none.
    pub list: Vec<Notice>,
    /// Nothing of this end is sent until [`Call::consent`]: its microphone, its camera and its screen wait, switched on or not.
    pub consent_needed: bool,
    /// Those who have not agreed yet, where they must.
    pub consent_missing: Vec<Identifier>,
}

impl Notices {
    /// Whether anybody keeps the call's sound right now.
    pub fn is_recording_active(&self) -> bool {
        self.is_active(NoticeKind::Recording)
    }

    /// Whether anybody has the call written down right now.
    pub fn is_transcription_active(&self) -> bool {
        self.is_active(NoticeKind::Transcription)
    }

    fn is_active(&self, kind: NoticeKind) -> bool {
        self.list
            .iter()
            .any(|notice| notice.kind == kind && !notice.paused)
    }
}

/// Statistics of a call, named as in W3C webrtc-stats.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallStats {
    /// The sound at this end.
    pub voice: VoiceStats,
    /// The pictures, both ways.
    pub video: VideoReportCard,
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
    /// What is sent beside the voice.
    pub sends: Pictures,
    /// Sound is sent with the screen.
    pub shares_sound: bool,
    pub remote: Participant,
    pub context: Option<String>,
    pub on_behalf_of: Option<Identifier>,
    pub placed_by: Option<Identifier>,
    pub transferred_by: Option<Identifier>,
    pub thread: Option<ThreadId>,
    pub transfer: TransferState,
    pub notices: Notices,
    /// Where it is a meeting or group call.
    pub meeting: Option<Box<Meeting>>,
    pub end_reason: Option<Reason>,
}

impl Snapshot {
    /// A call at its beginning.
    pub fn new(id: CallId, direction: CallDirection, remote: Participant) -> Self {
        Self {
            id,
            direction,
            state: CallState::None,
            reconnecting: false,
            muted: false,
            sends: Pictures::NONE,
            shares_sound: false,
            remote,
            context: None,
            on_behalf_of: None,
            placed_by: None,
            transferred_by: None,
            thread: None,
            transfer: TransferState::None,
            notices: Notices::default(),
            meeting: None,
            end_reason: None,
        }
    }

    /// Whether nothing may be sent: the microphone is off, or its owner has not agreed to being recorded.
    pub fn is_silent(&self) -> bool {
        self.muted || self.notices.consent_needed
    }
}

/// What the app's handles and the driver share about one call.
pub(crate) struct CallShared {
    snapshot: Mutex<Snapshot>,
    diagnostics: Mutex<Diagnostics>,
    /// What others send.
    pub gallery: Arc<Gallery>,
    pub events: Source<CallEvent>,
}

impl CallShared {
    pub fn new(snapshot: Snapshot) -> Arc<Self> {
        let events = Source::default();
        // The app can only ask for them once it holds the call, and the call does not wait.
        events.keep();
        Arc::new(Self {
            snapshot: Mutex::new(snapshot),
            diagnostics: Mutex::default(),
            gallery: Arc::default(),
            events,
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
            snapshot.sends = Pictures::NONE;
            snapshot.shares_sound = false;
            snapshot.end_reason = Some(reason.clone());
        }
        self.gallery.clear();
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

/// Two handles of one call are equal.
impl PartialEq for Call {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
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

    /// The other end of a call of two. Of a meeting or group call: who asked this end to come, or this end itself; see
    /// [`Call::participants`] for the others.
    pub fn remote_participant(&self) -> Participant {
        self.shared.snapshot().remote.clone()
    }

    /// Free text that the caller's app sent along.
    pub fn context(&self) -> Option<String> {
        self.shared.snapshot().context.clone()
    }

    /// The chat thread that it comes out of, or the conversation beside the meeting that it is: that is known once this end
    /// is in.
    pub fn thread(&self) -> Option<ThreadId> {
        let snapshot = self.shared.snapshot();
        let beside = || {
            let thread = snapshot.meeting.as_deref()?.info.thread.as_deref()?;
            thread.parse().ok().map(ThreadId)
        };
        snapshot.thread.or_else(beside)
    }

    /// Why it ended, once it has.
    pub fn end_reason(&self) -> Option<Reason> {
        self.shared.snapshot().end_reason.clone()
    }

    /// Events from now on; for who asks first also those since the call began, as far as they are among the last 64.
    pub fn events(&self) -> Events<CallEvent> {
        self.shared.events.subscribe()
    }

    /// Calls `handler` for every event that [`Call::events`] has, on a thread of its own.
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
    /// [`Error::State`] when the call is over, [`Error::Refused`] with [`Reason::CONSENT_NEEDED`] while its owner has
    /// not agreed to being recorded: see [`Call::consent`].
    pub fn unmute(&self) -> Result<(), Error> {
        if self.shared.snapshot().notices.consent_needed {
            return Err(Error::Refused(Reason::CONSENT_NEEDED));
        }
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

    /// Hands the call over: to somebody, to somebody's voicemail, or to the other end of another call of this agent, in
    /// which they were asked first. [`CallEvent::TransferStateChanged`] tells how it goes: this call ends with
    /// [`Reason::TRANSFERRED`] when the target has it, and stays when they have not. With `target_only`, rules of the
    /// target that would send the call elsewhere are not followed.
    ///
    /// # Errors
    /// [`Error::State`] when the call is over.
    pub fn transfer(&self, to: TransferTarget, target_only: bool) -> Result<(), Error> {
        self.ask(|call| Ask::Transfer {
            call,
            to,
            target_only,
        })
    }

    /// How handing the call over stands.
    pub fn transfer_state(&self) -> TransferState {
        self.shared.snapshot().transfer.clone()
    }

    /// Tells everyone in the call that this app records or transcribes it, interrupts that, or no longer does. Nothing
    /// may be kept before the outcome is there. With `consent`, the others must agree before they may speak; the
    /// organisation may want that in any case.
    ///
    /// # Errors
    /// [`Error::Refused`] where policy does not allow it, [`Error::State`] when the call is over.
    pub fn set_notice(&self, kind: NoticeKind, state: NoticeState, consent: bool) -> Pending<()> {
        let (reply, pending) = Pending::new();
        let _ = self.driver.send(Ask::SetNotice {
            call: self.id(),
            kind,
            state,
            consent,
            reply,
        });
        pending
    }

    /// Records what this end sends and hears to a file, to the end of the call or until it is stopped. A file that is
    /// cut off by a crash plays up to there; one that cannot be written any more ends the recording and not the call.
    ///
    /// Everyone in the call is told before it begins, and of every interruption and its end: see
    /// [`CallEvent::NoticesChanged`]. When its file is complete, the service sends those who subscribed to events
    /// `RecordingFileStatusUpdated`, unless the agent was closed before.
    ///
    /// # Errors
    /// [`Error::Refused`] where policy does not allow it, [`Error::Recording`] when the file cannot be made,
    /// [`Error::State`] while the call has no media.
    pub fn record(&self, options: RecordingOptions, notice: RecordingNotice) -> Pending<Recording> {
        let (reply, pending) = Pending::new();
        let _ = self.driver.send(Ask::Record {
            call: self.clone(),
            options,
            notice,
            reply,
        });
        pending
    }

    /// What is recorded and transcribed of the call.
    pub fn notices(&self) -> Notices {
        self.shared.snapshot().notices.clone()
    }

    /// Agrees to being recorded and transcribed, or no longer. Where that is needed, nothing is sent before.
    ///
    /// # Errors
    /// [`Error::State`] when the call is over.
    pub fn consent(&self, given: bool) -> Result<(), Error> {
        self.ask(|call| Ask::Consent { call, given })
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

    /// The chat thread that it comes out of.
    pub fn thread(&self) -> Option<ThreadId> {
        self.call.thread()
    }

    /// Whose call this is, where it rings here because they had it forwarded, or others ring with them.
    pub fn on_behalf_of(&self) -> Option<Identifier> {
        self.call.shared.snapshot().on_behalf_of.clone()
    }

    /// Who placed it on behalf of the caller, where that is somebody else.
    pub fn placed_by(&self) -> Option<Identifier> {
        self.call.shared.snapshot().placed_by.clone()
    }

    /// Who handed it over to here.
    pub fn transferred_by(&self) -> Option<Identifier> {
        self.call.shared.snapshot().transferred_by.clone()
    }

    /// Why it stopped ringing, once it has.
    pub fn end_reason(&self) -> Option<Reason> {
        self.call.end_reason()
    }

    /// Events as those of [`Call::events`]; [`CallEvent::Ended`] when it stops ringing without being accepted here.
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
