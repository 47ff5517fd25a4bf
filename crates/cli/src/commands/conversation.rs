//! Follows a call from the moment it exists to its end, and tells what happens.

use std::future;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use serde_json::json;
use sidetone::{
    AgentEvent, Call, CallEvent, CallId, CallState, CallStats, Category, ConnectionState, Error, Events,
    Identifier, Pending, Reason, Recording, RecordingNotice, RecordingOptions, ScreenSharingOptions,
    TransferTarget,
};
use sidetone_media::device::Direction;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::breakout::BreakoutRoom;
use super::devices::InUse;
use super::end::End;
use super::journal::Journal;
use super::video::Sight;
use super::{meet, notices, statistics};
use crate::args::EndArgs;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output;
use crate::video::Video;

/// How often statistics are kept, so that there are some when the other end hangs up.
const KEEP_STATS: Duration = Duration::from_millis(500);

/// How a call came to its end.
pub struct Ended {
    call: CallId,
    reason: Reason,
    /// Nobody can complain about its end: the people talked, or this end said no on purpose.
    fulfilled: bool,
    interrupted: bool,
    /// Why there is no recording that was asked for, or not all of it.
    unrecorded: Option<Failure>,
}

impl Ended {
    /// It stopped ringing before it was answered here.
    pub fn missed(call: CallId, reason: Reason) -> Self {
        Self {
            call,
            reason,
            fulfilled: false,
            interrupted: false,
            unrecorded: None,
        }
    }

    /// It was watched to its end.
    pub fn of(call: CallId, reason: Reason, connected: bool, interrupted: bool) -> Self {
        Self {
            call,
            reason,
            fulfilled: connected,
            interrupted,
            unrecorded: None,
        }
    }

    /// It was declined here, as asked.
    pub fn declined(call: CallId, reason: Reason) -> Self {
        Self {
            call,
            reason,
            fulfilled: true,
            interrupted: false,
            unrecorded: None,
        }
    }

    /// The exit code it deserves.
    ///
    /// # Errors
    /// [`Exit::Call`] when it did not come about or broke, [`Exit::Interrupted`]; of a call that went well, that it was
    /// not recorded as asked.
    pub fn verdict(self) -> Result<Exit, Failure> {
        if self.interrupted {
            return Err(Failure::interrupted());
        }
        if self.fulfilled && self.reason.category == Category::Success {
            return self.unrecorded.map_or(Ok(Exit::Done), Err);
        }
        Err(Failure::call(&self.reason, self.call))
    }
}

fn unrecorded(error: &Error, words: String) -> Failure {
    let exit = match error {
        Error::Recording(_) => Exit::Resource,
        _ => Exit::Failed,
    };
    Failure::new(exit, words)
}

/// What was asked of the service or the engine, in words of what is not the case where it is refused, and the answer.
type Asked = LocalBoxFuture<'static, (&'static str, Result<(), Error>)>;

/// Code and subcode of an error that has some.
fn codes(error: &Error) -> (Option<u16>, Option<u32>) {
    match error {
        Error::Refused(reason) => (Some(reason.code), Some(reason.subcode)),
        Error::Video(error) => {
            let (code, subcode) = error.code();
            (Some(code), Some(subcode))
        }
        _ => (None, None),
    }
}

/// A call under way.
pub struct Conversation {
    call: Call,
    events: Events<CallEvent>,
    /// Length of the talk, from being connected.
    length: Option<Duration>,
    /// To whom to hand the call over, and how long after being connected.
    transfer: Option<(TransferTarget, Duration)>,
    consent: bool,
    /// Let in everyone who waits in the lobby.
    pub admit: bool,
    /// Raise a hand once inside.
    pub raise_hand: bool,
    /// Read captions once inside, in this language; as they are spoken where it is empty.
    pub captions: Option<String>,
    /// Where to record it, and what everyone is told of that.
    record: Option<(PathBuf, RecordingNotice)>,
    recording: Option<Recording>,
    unrecorded: Option<Failure>,
    /// The breakout room in which this end is meanwhile.
    breakout: BreakoutRoom,
    connected: bool,
    told: Option<(CallState, bool)>,
    remote: Option<(String, bool)>,
    stats: Option<CallStats>,
    /// Whom to bring in, once connected.
    pub add: Vec<Identifier>,
    /// What was asked, of which only a refusal is news.
    asked: FuturesUnordered<Asked>,
    sight: Sight,
    in_use: InUse,
}

impl Conversation {
    /// Follows `call`; `events` are its own, from its beginning or from its answer here.
    pub fn new(call: Call, events: Events<CallEvent>, args: &EndArgs) -> Self {
        Self {
            call,
            events,
            length: args.duration,
            transfer: args.transfer_to.clone().map(|to| (to, args.transfer_after)),
            consent: args.consent,
            admit: false,
            raise_hand: false,
            captions: None,
            record: args.record.clone().map(|file| {
                let notice = RecordingNotice {
                    consent: args.ask_consent,
                    content_location: args.record_location.clone(),
                };
                (file, notice)
            }),
            recording: None,
            unrecorded: None,
            breakout: BreakoutRoom::default(),
            connected: false,
            told: None,
            remote: None,
            stats: None,
            add: Vec::new(),
            asked: FuturesUnordered::new(),
            sight: Sight::default(),
            in_use: InUse::default(),
        }
    }

    /// Tells what happens until the call is over; hangs up when its time is over or somebody interrupts.
    pub async fn follow(mut self, end: &mut End, journal: &Journal, interrupt: &mut Interrupt) -> Ended {
        let mut hang_up_at: Option<Instant> = None;
        let mut transfer_at: Option<Instant> = None;
        let mut interrupted = false;
        let mut keep = interval(KEEP_STATS);
        keep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The one state of which no event tells.
        if self.call.state() == CallState::None {
            self.tell_state(CallState::None, false, journal);
        }
        let reason = loop {
            if !self.connected && self.call.state() == CallState::Connected {
                self.connected = true;
                hang_up_at = self.length.map(|length| Instant::now() + length);
                transfer_at = self.transfer.as_ref().map(|(_, after)| Instant::now() + *after);
                end.microphone.begin();
                if self.raise_hand {
                    self.ask("your hand is not up", self.call.raise_hand().raise());
                }
                if let Some(language) = &self.captions {
                    let language = Some(language.as_str()).filter(|language| !language.is_empty());
                    self.ask("no captions", self.call.captions().receive(language));
                }
                for who in std::mem::take(&mut self.add) {
                    self.ask("not brought in", self.call.add_participant(who));
                }
                self.start_video(&end.video);
                if let Some((file, notice)) = self.record.take() {
                    self.start_recording(file, notice, journal).await;
                }
            }
            tokio::select! {
                biased;
                () = interrupt.raised() => {
                    if interrupted {
                        break Reason::HUNG_UP;
                    }
                    interrupted = true;
                    self.hang_up("interrupted", journal).await;
                }
                // Before what follows from it in the meeting.
                event = self.breakout.next() => self.breakout.tell(event, self.consent, journal),
                event = self.events.recv() => match event {
                    Some(CallEvent::Ended(reason)) => break reason,
                    Some(CallEvent::Replaced(call)) => {
                        self.go_on_as(call, journal);
                        self.sight.go_on_as(&self.call, &mut end.video, journal);
                        self.start_video(&end.video);
                    }
                    Some(CallEvent::BreakoutRoomJoined(call)) => self.breakout.enter(call, journal),
                    Some(event) => {
                        self.sight.tell(&self.call, &event, &mut end.video, journal);
                        self.tell(event, journal);
                    }
                    None => break self.call.end_reason().unwrap_or(Reason::HUNG_UP),
                },
                Some(event) = end.events.recv() => {
                    match event {
                        // A refusal ends the call as well, with its own reason.
                        AgentEvent::ConnectionStateChanged(state) => {
                            let _ = tell_connection(&state, journal);
                        }
                        AgentEvent::MailboxChanged { unheard, heard } => tell_mailbox(unheard, heard, journal),
                        _ => {}
                    }
                }
                () = until(hang_up_at) => {
                    hang_up_at = None;
                    self.hang_up("time is over", journal).await;
                }
                () = until(transfer_at) => {
                    transfer_at = None;
                    if let Some((to, _)) = self.transfer.take() {
                        // Over already is as good.
                        let _ = self.call.transfer(to, false);
                    }
                }
                Some((words, answer)) = self.asked.next() => if let Err(error) = answer {
                    let (code, subcode) = codes(&error);
                    let fields = json!({ "error": error.to_string(), "code": code, "subcode": subcode });
                    journal.event("refused", &format!("{words}: {error}"), fields);
                },
                _ = keep.tick() => {
                    self.in_use.tell(&end.devices, journal);
                    self.keep_stats().await;
                }
            }
        };
        self.finish_recording(journal).await;
        self.sight.finish(&mut end.video, journal);
        tell_end(self.call.id(), &reason, journal);
        if let Some(stats) = &self.stats {
            let video = &self.sight.tally;
            let fields = json!({ "stats": stats, "video": video });
            journal.summary("stats", &statistics::table(stats, video), fields);
        }
        Ended {
            call: self.call.id(),
            reason,
            fulfilled: self.connected,
            interrupted,
            unrecorded: self.unrecorded,
        }
    }

    /// Asks for something, of which only a refusal is news: `words` are what is not the case then.
    fn ask<T: 'static>(&self, words: &'static str, pending: Pending<T>) {
        let answer = pending.map(move |answer| (words, answer.map(drop)));
        self.asked.push(answer.boxed_local());
    }

    /// Shows what was chosen, in place of nothing.
    fn start_video(&self, video: &Video) {
        if let Some(camera) = &video.camera {
            self.ask("your camera is not sent", self.call.start_video(camera));
        }
        if let Some(share) = &video.share {
            let options = ScreenSharingOptions {
                with_sound: video.sound.clone(),
            };
            let sharing = self.call.start_screen_sharing_with(share, options);
            self.ask("nothing is shared", sharing);
        }
    }

    async fn start_recording(&mut self, file: PathBuf, notice: RecordingNotice, journal: &Journal) {
        match self.call.record(RecordingOptions::new(&file), notice).await {
            Ok(recording) => {
                let words = format!("recording to {}", file.display());
                journal.event("recording", &words, json!({ "path": file }));
                self.recording = Some(recording);
            }
            // The call is worth more than its recording.
            Err(error) => {
                let (code, subcode) = codes(&error);
                let fields = json!({ "error": error.to_string(), "code": code, "subcode": subcode });
                let words = format!("not recorded: {error}");
                journal.event("recordingFailed", &words, fields);
                self.unrecorded = Some(unrecorded(&error, words));
            }
        }
    }

    /// Waits until the file is complete.
    async fn finish_recording(&mut self, journal: &Journal) {
        let Some(recording) = self.recording.take() else {
            return;
        };
        match recording.stop().await {
            Ok(file) => {
                let seconds = file.duration.as_secs_f64();
                let words = format!("recorded {seconds:.1} s to {}", file.path.display());
                journal.event(
                    "recorded",
                    &words,
                    json!({ "path": file.path, "seconds": seconds }),
                );
            }
            Err(error) => {
                let words = format!("the recording is not complete: {error}");
                journal.event("recordingFailed", &words, json!({ "error": error.to_string() }));
                self.unrecorded = Some(unrecorded(&error, words));
            }
        }
    }

    /// The call was handed over: another one takes its place.
    fn go_on_as(&mut self, call: Call, journal: &Journal) {
        let events = call.events();
        let with = call.remote_participant();
        journal.event(
            "replaced",
            &format!("handed over: this goes on with {}", with.identifier),
            json!({ "call": call.id(), "remote": with.identifier }),
        );
        (self.call, self.events) = (call, events);
        self.tell_state(self.call.state(), self.call.is_reconnecting(), journal);
    }

    async fn keep_stats(&mut self) {
        // None before media exists and after it is gone.
        if self.connected
            && let Ok(stats) = self.call.stats().await
        {
            self.sight.tally.take(std::time::Instant::now(), &stats.video);
            self.stats = Some(stats);
        }
    }

    async fn hang_up(&mut self, why: &str, journal: &Journal) {
        self.keep_stats().await;
        journal.event("hangingUp", &format!("hanging up: {why}"), json!({ "why": why }));
        // Over already is as good.
        let _ = self.call.hang_up();
    }

    fn tell(&mut self, event: CallEvent, journal: &Journal) {
        match event {
            CallEvent::StateChanged { state, reconnecting } => self.tell_state(state, reconnecting, journal),
            CallEvent::RemoteParticipantUpdated(remote) => {
                let fields = json!({
                    "remote": remote.identifier,
                    "displayName": remote.display_name,
                    "isMuted": remote.is_muted,
                });
                let who = if remote.display_name.is_empty() {
                    remote.identifier.to_string()
                } else {
                    format!("{} ({})", remote.display_name, remote.identifier)
                };
                let words = match self.remote.replace((who.clone(), remote.is_muted)) {
                    Some((before, was_muted)) if before == who => match (was_muted, remote.is_muted) {
                        (false, true) => format!("{who} is muted"),
                        (true, false) => format!("{who} is no longer muted"),
                        // Of its pictures is told with the rest of them.
                        _ => String::new(),
                    },
                    _ if remote.is_muted => format!("with {who}, who is muted"),
                    _ => format!("with {who}"),
                };
                journal.event("remote", &words, fields);
            }
            // A meeting's is told with the rest of it.
            CallEvent::IdChanged(_) if self.call.meeting().is_some() => {}
            CallEvent::IdChanged(id) => {
                journal.event(
                    "merged",
                    "both called at once: one call goes on",
                    json!({ "call": id }),
                );
            }
            CallEvent::IsMutedChanged(muted) => {
                let words = if muted { "microphone off" } else { "microphone on" };
                journal.event("muted", words, json!({ "isMuted": muted }));
            }
            CallEvent::DeviceLost(direction) => {
                let device = match direction {
                    Direction::Input => "microphone",
                    Direction::Output => "speaker",
                };
                journal.event(
                    "deviceLost",
                    &format!("the {device} is gone"),
                    json!({ "device": device }),
                );
            }
            CallEvent::DeviceFailed(error) => {
                journal.event("deviceFailed", &error, json!({ "error": error }))
            }
            CallEvent::TransferRequested(call) => {
                let to = call.remote_participant().identifier;
                let fields = json!({ "call": call.id(), "to": to });
                journal.event("transferRequested", &format!("being handed over to {to}"), fields);
            }
            CallEvent::TransferStateChanged(state) => notices::tell_transfer(&state, journal),
            CallEvent::NoticesChanged(notices) => {
                if notices.consent_needed && self.consent {
                    // Over already is as good.
                    let _ = self.call.consent(true);
                }
                notices::tell(&notices, journal);
            }
            CallEvent::DiagnosticChanged(changed) => {
                // Both ways of being wrong read alike: "noNetwork: yes", "networkSendQuality: poor".
                let fields = json!({ "name": changed.name, "value": changed.value });
                let name = fields["name"].as_str().unwrap_or_default().to_owned();
                journal.event("diagnostic", &format!("{name}: {}", changed.value), fields);
            }
            CallEvent::InputEnded => journal.event("inputEnded", "the recording is over", json!({})),
            other => {
                match &other {
                    CallEvent::LobbyUpdated { added, .. } if added.is_empty() => {}
                    CallEvent::LobbyUpdated { .. } if self.admit => {
                        self.ask("nobody let in", self.call.lobby().admit_all());
                    }
                    // Somebody has to do something.
                    CallEvent::LobbyUpdated { .. } if !journal.is_json() => output::ring(),
                    _ => {}
                }
                meet::tell(&self.call, &other, journal);
            }
        }
    }

    fn tell_state(&mut self, state: CallState, reconnecting: bool, journal: &Journal) {
        let before = self.told.replace((state, reconnecting));
        if before == Some((state, reconnecting)) {
            return;
        }
        let (name, words) = describe(state);
        let words = match before {
            _ if reconnecting => "connection lost, getting it back",
            Some((was, true)) if was == state => "the connection is back",
            _ => match (state, self.call.lobby_reason()) {
                (CallState::InLobby, Some(reason)) => meet::lobby_reason(reason),
                _ => words,
            },
        };
        // The end is told with its reason.
        if state != CallState::Disconnected {
            journal.event(
                "state",
                words,
                json!({ "state": name, "reconnecting": reconnecting }),
            );
        }
    }
}

/// For ever, when there is no instant.
async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => future::pending().await,
    }
}

/// A state, for programs and in words.
pub fn describe(state: CallState) -> (&'static str, &'static str) {
    match state {
        CallState::None => ("none", "waiting for the service"),
        CallState::Connecting => ("connecting", "connecting"),
        CallState::Ringing => ("ringing", "ringing"),
        CallState::EarlyMedia => ("earlyMedia", "hearing the far end before the answer"),
        CallState::InLobby => ("inLobby", "in the lobby"),
        CallState::Connected => ("connected", "connected"),
        CallState::LocalHold => ("localHold", "on hold"),
        CallState::RemoteHold => ("remoteHold", "put on hold by the other end"),
        CallState::Disconnecting => ("disconnecting", "ending"),
        CallState::Disconnected => ("disconnected", "ended"),
    }
}

/// Tells how a call ended.
pub fn tell_end(call: CallId, reason: &Reason, journal: &Journal) {
    let fields = json!({
        "call": call,
        "code": reason.code,
        "subcode": reason.subcode,
        "category": reason.category,
        "message": reason.message,
    });
    journal.event("ended", &format!("ended: {reason}"), fields);
}

/// Tells how many voice messages wait.
pub fn tell_mailbox(unheard: u32, heard: u32, journal: &Journal) {
    let words = match unheard {
        1 => "1 new voice message".to_owned(),
        _ => format!("{unheard} new voice messages"),
    };
    journal.event(
        "mailbox",
        &format!("{words}, {heard} heard"),
        json!({ "unheard": unheard, "heard": heard }),
    );
}

/// Tells how the connection to the service stands.
///
/// # Errors
/// [`Exit::Service`] when the service refuses: nothing more will come.
pub fn tell_connection(state: &ConnectionState, journal: &Journal) -> Result<(), Failure> {
    let (name, words) = match state {
        ConnectionState::Connecting => ("connecting", "connecting to the service"),
        ConnectionState::Online => ("online", "back at the service"),
        ConnectionState::Reconnecting => ("reconnecting", "lost the service, trying again"),
        ConnectionState::Refused(reason) => {
            let words = format!("the service refuses: {reason}");
            journal.event(
                "service",
                &words,
                json!({ "connection": "refused", "code": reason.code, "subcode": reason.subcode }),
            );
            return Err(Failure::new(Exit::Service, words));
        }
        ConnectionState::Closed => ("closed", "left the service"),
    };
    journal.event("service", words, json!({ "connection": name }));
    Ok(())
}
