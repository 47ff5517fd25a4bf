//! One line: an endpoint that takes one call after the other.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sidetone::media::voice::Processing;
use sidetone::{
    AcceptOptions, AgentEvent, AgentOptions, AudioFeed, AudioInput, AudioOptions, AudioOutput, Call,
    CallAgent, CallClient, CallEvent, CallState, ConnectionState, Credential, Events, IncomingCall,
    NetworkOptions, RecordingContent, RecordingNotice, RecordingOptions, RecordingState,
};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::args::VoicemailArgs;
use super::desk::{Desk, Mailbox};
use super::greeting::beep;
use crate::commands::conversation::tell_connection;
use crate::commands::journal::Journal;
use crate::exit::{Exit, Failure};

/// How often is listened whether somebody still talks.
const LISTEN: Duration = Duration::from_millis(200);
/// Louder than this, as a share of full scale, is a voice: -50 dB.
const VOICE: f64 = 0.003;
/// A message in which is less than this of a voice is none.
const LEAST: Duration = Duration::from_millis(400);
/// How long media may take to come up after the answer.
const CONNECT: Duration = Duration::from_secs(20);

/// A line that is online.
pub struct Line {
    longest: Duration,
    silence: Duration,
    agent: CallAgent,
    events: Events<AgentEvent>,
    feed: AudioFeed,
    desk: Arc<Desk>,
    journal: Arc<Journal>,
    stop: watch::Receiver<bool>,
    /// Calls that ring, the longest first.
    ringing: VecDeque<IncomingCall>,
    /// Keeps the devices.
    _client: CallClient,
}

/// Why a call was ended.
enum End {
    /// By the caller, or by the network.
    Over,
    /// Nobody talked any more.
    Silent,
    /// It was long enough.
    Longest,
    /// The program ends.
    Stopped,
}

impl Line {
    /// Goes online.
    ///
    /// # Errors
    /// As the service refuses.
    pub async fn open(
        args: &VoicemailArgs,
        desk: Arc<Desk>,
        journal: Arc<Journal>,
        stop: watch::Receiver<bool>,
    ) -> Result<Self, Failure> {
        // A client for each line: its devices are those of one call.
        let client = CallClient::new()?;
        let (input, feed) = AudioInput::raw();
        let devices = client.device_manager();
        devices.select_microphone(input);
        devices.select_speaker(AudioOutput::Null);
        let renewing = desk.clone();
        let credential = Credential::new(desk.token())
            .refreshed_by(move || renewing.renew().map_err(|failure| failure.message));
        let options = AgentOptions {
            audio: AudioOptions {
                // Nobody sits at this end: there is no echo, and no noise.
                processing: Processing::OFF,
                ..AudioOptions::default()
            },
            network: NetworkOptions {
                bind: args.media_bind.clone(),
                ..NetworkOptions::default()
            },
            ..AgentOptions::default()
        };
        let agent = client
            .create_call_agent(&args.server.socket(), credential, options)
            .await?;
        if let Some(identity) = agent.identity() {
            desk.is_known(identity);
        }
        Ok(Self {
            longest: args.longest,
            silence: args.silence,
            events: agent.events(),
            agent,
            feed,
            desk,
            journal,
            stop,
            ringing: VecDeque::new(),
            _client: client,
        })
    }

    /// Takes calls until it is stopped.
    ///
    /// # Errors
    /// As the service refuses.
    pub async fn run(mut self) -> Result<(), Failure> {
        loop {
            let stopping = *self.stop.borrow();
            if stopping {
                let _ = self.agent.dispose().await;
                return Ok(());
            }
            match self.next().await? {
                Some(call) => self.take(call).await,
                None => continue,
            }
        }
    }

    /// A call to answer; `None` when it is time to look again.
    async fn next(&mut self) -> Result<Option<IncomingCall>, Failure> {
        while let Some(call) = self.ringing.pop_front() {
            if call.end_reason().is_none() && self.desk.claim(call.id()) {
                return Ok(Some(call));
            }
        }
        let event = tokio::select! {
            event = self.events.recv() => event,
            _ = self.stop.changed() => return Ok(None),
        };
        match event {
            Some(AgentEvent::IncomingCall(call)) => self.ringing.push_back(call),
            Some(AgentEvent::ConnectionStateChanged(state)) if state != ConnectionState::Connecting => {
                tell_connection(&state, &self.journal)?;
            }
            Some(_) => {}
            None => return Err(Failure::new(Exit::Failed, "the connection to the service ended")),
        }
        Ok(None)
    }

    async fn take(&mut self, incoming: IncomingCall) {
        let id = incoming.id();
        if let Err(failure) = self.answer(&incoming).await {
            // One bad call is no reason to be deaf to the next.
            let fields = json!({ "call": id, "error": failure.message });
            self.journal.event("failed", &failure.message, fields);
            // It would ring on, or go on with nobody.
            let _ = incoming.reject();
            for call in self.agent.calls() {
                let _ = call.hang_up();
            }
        }
        self.desk.release(id);
    }

    async fn answer(&mut self, incoming: &IncomingCall) -> Result<(), Failure> {
        let id = incoming.id();
        let caller = incoming.caller();
        let callee = incoming.on_behalf_of();
        let Some(mailbox) = callee.as_ref().and_then(Mailbox::of) else {
            return Err(Failure::new(Exit::Call, "a call on nobody's behalf: declined"));
        };
        let fields = json!({
            "call": id,
            "from": caller.identifier,
            "displayName": caller.display_name,
            "mailbox": callee,
        });
        let words = format!("call from {} ({})", caller.display_name, caller.identifier);
        self.journal.event("incoming", &words, fields);
        let mut events = incoming.events();
        let (desk, of) = (self.desk.clone(), mailbox.clone());
        let (mut sound, whose) = blocking(move || desk.greeting(&of)).await?;
        sound.extend(beep());
        let call = incoming.accept(AcceptOptions::default()).await?;
        if !connected(&call, &mut events).await {
            let fields = json!({ "call": id, "said": false });
            self.journal.event("ended", "the caller was gone", fields);
            return Ok(());
        }
        let fields = json!({ "call": id, "greeting": whose });
        self.journal.event("greeting", "greeting the caller", fields);
        let file = self.desk.file(id);
        let mut said = Duration::ZERO;
        let recording = if self.play(&sound, &mut events).await {
            let options = RecordingOptions {
                content: RecordingContent::FarEnd,
                ..RecordingOptions::new(file.clone())
            };
            let recording = call.record(options, RecordingNotice::default()).await?;
            self.journal
                .event("recording", "recording", json!({ "call": id }));
            let end;
            (end, said) = self.listen(&call, &mut events).await;
            if !matches!(end, End::Over) {
                let _ = call.hang_up();
            }
            let why = match end {
                End::Over => "hungUp",
                End::Silent => "silence",
                End::Longest => "longest",
                End::Stopped => "stopped",
            };
            self.journal
                .event("ended", "the caller is done", json!({ "call": id, "why": why }));
            Some(recording)
        } else {
            None
        };
        let Some(recording) = recording.filter(|_| said >= LEAST) else {
            let _ = std::fs::remove_file(&file);
            self.journal
                .event("nothing", "nothing was said", json!({ "call": id }));
            return Ok(());
        };
        // Whatever was written is worth keeping.
        if let Err(error) = recording.stop().await {
            crate::output::complain(&error.to_string());
        }
        let (desk, at) = (self.desk.clone(), file.clone());
        let left = blocking(move || desk.leave(&mailbox, id, &caller, &at)).await?;
        let left = left.map_err(|failure| {
            let message = format!("{}; what was said is in {}", failure.message, file.display());
            Failure::new(failure.exit, message)
        })?;
        let _ = std::fs::remove_file(&file);
        let fields = json!({ "call": id, "mailbox": callee, "message": left });
        self.journal
            .event("message", "the message is in the mailbox", fields);
        Ok(())
    }

    /// Plays a sound to the caller; false when the call ended meanwhile.
    async fn play(&self, sound: &[f32], events: &mut Events<CallEvent>) -> bool {
        let mut rest = sound;
        while !rest.is_empty() || self.feed.waiting() > 0 {
            rest = &rest[self.feed.write(rest)..];
            tokio::select! {
                () = sleep(Duration::from_millis(20)) => {}
                over = over(events) => if over { return false; },
            }
        }
        true
    }

    /// Listens until the caller is done; tells how long a voice was heard.
    async fn listen(&mut self, call: &Call, events: &mut Events<CallEvent>) -> (End, Duration) {
        let began = Instant::now();
        let mut quiet_since = began;
        let mut said = Duration::ZERO;
        let mut before: Option<(f64, f64)> = None;
        let mut tick = interval(LISTEN);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                over = over(events) => if over { return (End::Over, said); },
                _ = self.stop.changed() => return (End::Stopped, said),
                _ = tick.tick() => {}
            }
            let level = call.stats().await.ok();
            let level = level.and_then(|stats| stats.voice.inbound.first().map(|inbound| inbound.level));
            if let Some(level) = level {
                let now = (level.total_audio_energy, level.total_samples_duration);
                if let Some((energy, duration)) = before
                    && now.1 > duration
                    && ((now.0 - energy) / (now.1 - duration)).max(0.0).sqrt() > VOICE
                {
                    quiet_since = Instant::now();
                    said += Duration::from_secs_f64(now.1 - duration);
                }
                before = Some(now);
            }
            if began.elapsed() >= self.longest {
                return (End::Longest, said);
            }
            if quiet_since.elapsed() >= self.silence {
                return (End::Silent, said);
            }
        }
    }
}

/// Waits for the next event; true when it is the last. What does not matter here is looked over.
async fn over(events: &mut Events<CallEvent>) -> bool {
    match events.recv().await {
        None | Some(CallEvent::Ended(_)) => true,
        Some(CallEvent::RecordingStateChanged(RecordingState::Failed(error))) => {
            crate::output::complain(&error.to_string());
            false
        }
        Some(_) => false,
    }
}

/// Waits until both can hear each other; false when it comes to nothing.
async fn connected(call: &Call, events: &mut Events<CallEvent>) -> bool {
    let wait = async {
        while call.state() != CallState::Connected {
            if call.end_reason().is_some() || over(events).await {
                return false;
            }
        }
        true
    };
    timeout(CONNECT, wait).await.unwrap_or(false)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Failure::new(Exit::Failed, error.to_string()))
}
