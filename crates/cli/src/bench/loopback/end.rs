//! One end of the measured call: an agent with a recording for a microphone and a memory for a speaker.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use sidetone::media::device::DeviceId;
use sidetone::media::device::headless::{
    HeadlessInput, Recording, Source, TimelineHandle, memory_output, monotonic_nanos,
};
use sidetone::media::voice::{Processing, Profile, RATE, VOICE_FORMAT, VoiceStats};
use sidetone::{
    AcceptOptions, AgentEvent, AgentOptions, AudioInput, AudioOptions, AudioOutput, Call, CallAgent,
    CallClient, CallEvent, CallState, Credential, Identifier, IncomingCall, NetworkOptions, StartCallOptions,
};
use sidetone_pipeline::guard;

use super::samples;
use super::wire::{EndConfig, EndReport, Nanos, Notice, Order, Sample, Section};
use crate::bench::machine;

/// Period of the headless speaker. Its buffer is part of the measured delay and told in the budget; a real card's is
/// its own affair.
const HEADLESS_PERIOD: Duration = Duration::from_micros(2500);

/// How often the jitter buffer is looked at while a call is up.
const LOOK: Duration = Duration::from_millis(250);

/// What an end waits for.
enum Input {
    Order(Order),
    Agent(AgentEvent),
    Answer(IncomingCall),
    Call(CallEvent, Nanos),
}

/// Runs an end until it is told to leave or the conductor is gone.
pub fn run(config: EndConfig, orders: Receiver<Order>, notices: Sender<Notice>) {
    if let Err(message) = End::start(config, orders, notices.clone()).and_then(End::run) {
        // A conductor that is gone is not interested.
        let _ = notices.send(Notice::Failed { message });
    }
}

fn now() -> Nanos {
    monotonic_nanos(Instant::now()).unwrap_or_default()
}

/// The recording, over and over.
struct Speech {
    samples: Arc<[f32]>,
    position: usize,
}

impl Source for Speech {
    fn fill(&mut self, out: &mut [f32]) -> bool {
        for out in out {
            *out = self.samples[self.position];
            self.position = (self.position + 1) % self.samples.len();
        }
        true
    }

    fn rewind(&mut self) {
        self.position = 0;
    }
}

/// The devices of the call that is on.
#[derive(Clone, Default)]
struct Bench {
    spoken: Arc<Mutex<Option<TimelineHandle>>>,
    heard: Arc<Mutex<Option<Recording>>>,
}

fn set<T>(slot: &Mutex<Option<T>>, value: T) {
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
}

impl Bench {
    fn microphone(&self, samples: Arc<[f32]>) -> AudioInput {
        let slot = self.spoken.clone();
        AudioInput::custom(move || {
            let speech = Speech {
                samples: samples.clone(),
                position: 0,
            };
            let device = HeadlessInput::new("recording", VOICE_FORMAT, speech)?;
            set(&slot, device.timeline());
            Ok(Box::new(device))
        })
    }

    fn speaker(&self, seconds: u64) -> AudioOutput {
        let slot = self.heard.clone();
        AudioOutput::custom(move || {
            let (device, recording) = memory_output(VOICE_FORMAT, RATE as usize * seconds as usize)?;
            set(&slot, recording);
            Ok(Box::new(device))
        })
    }
}

/// Where counting began.
struct Mark {
    at: Instant,
    cpu: Duration,
    threads: Vec<machine::ThreadUsage>,
    voice: VoiceStats,
}

struct End {
    config: EndConfig,
    inputs: Receiver<Input>,
    inbox: Sender<Input>,
    notices: Sender<Notice>,
    bench: Bench,
    agent: CallAgent,
    /// Last to be dropped: it joins the network thread.
    _client: CallClient,
    call: Option<Call>,
    connected: bool,
    answer_after: Duration,
    mark: Option<Mark>,
}

impl End {
    fn start(config: EndConfig, orders: Receiver<Order>, notices: Sender<Notice>) -> Result<Self, String> {
        let say = |error: sidetone::Error| error.to_string();
        let speech = samples::read(&config.speech).map_err(|error| format!("the recording: {error}"))?;
        if speech.is_empty() {
            return Err("the recording is empty".into());
        }
        let client = CallClient::new().map_err(say)?;
        let bench = Bench::default();
        let (microphone, speaker) = match &config.cards {
            Some(cards) => (
                AudioInput::Device(DeviceId(cards.microphone.clone())),
                AudioOutput::Device(DeviceId(cards.speaker.clone())),
            ),
            None => (bench.microphone(speech.into()), bench.speaker(config.seconds)),
        };
        client.device_manager().select_microphone(microphone);
        client.device_manager().select_speaker(speaker);
        let base = if config.low_latency {
            AudioOptions::low_latency()
        } else {
            AudioOptions::default()
        };
        let options = AgentOptions {
            audio: AudioOptions {
                output_period: if config.cards.is_some() {
                    base.output_period
                } else {
                    HEADLESS_PERIOD
                },
                profile: Profile {
                    frame: frame(config.frame_ms)?,
                    ..base.profile
                },
                processing: if config.processing {
                    Processing::default()
                } else {
                    Processing::OFF
                },
                ..base
            },
            network: NetworkOptions {
                bind: vec![config.bind],
                advertise: config.advertise,
                hide_addresses: config.hide_addresses,
                relay_only: false,
            },
            ..AgentOptions::default()
        };
        let agent = client
            .create_call_agent(&config.server, Credential::new(&config.token), options)
            .wait()
            .map_err(say)?;
        let (inbox, inputs) = channel();
        let forward = inbox.clone();
        agent.on_event(move |event| drop(forward.send(Input::Agent(event))));
        let forward = inbox.clone();
        thread::spawn(move || {
            for order in orders {
                if forward.send(Input::Order(order)).is_err() {
                    return;
                }
            }
            // The conductor is gone.
            let _ = forward.send(Input::Order(Order::Quit));
        });
        Ok(Self {
            config,
            inputs,
            inbox,
            notices,
            bench,
            agent,
            _client: client,
            call: None,
            connected: false,
            answer_after: Duration::ZERO,
            mark: None,
        })
    }

    fn run(mut self) -> Result<(), String> {
        self.tell(Notice::Ready);
        loop {
            match self.inputs.recv_timeout(LOOK) {
                Ok(Input::Order(Order::Quit)) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(Input::Order(order)) => self.obey(order)?,
                Ok(Input::Agent(AgentEvent::IncomingCall(incoming))) => self.ring(incoming),
                Ok(Input::Agent(_)) => {}
                Ok(Input::Answer(incoming)) => self.answer(&incoming)?,
                Ok(Input::Call(event, at)) => self.call_event(event, at),
                Err(RecvTimeoutError::Timeout) => self.look(),
            }
        }
        // Gives the service time to hear of it; it would find out by itself.
        let _ = self.agent.dispose().wait();
        Ok(())
    }

    fn tell(&self, notice: Notice) {
        // A conductor that is gone is noticed by the closed orders.
        let _ = self.notices.send(notice);
    }

    fn obey(&mut self, order: Order) -> Result<(), String> {
        match order {
            Order::Call { to } => {
                let to: Identifier = to.parse().map_err(|error| format!("{error}"))?;
                self.tell(Notice::Calling { at: now() });
                let call = self.agent.start_call(to, StartCallOptions::default()).wait();
                self.take(call.map_err(|error| error.to_string())?);
            }
            Order::AnswerAfter { ms } => self.answer_after = Duration::from_millis(ms),
            Order::Measure => {
                let stats = self
                    .call
                    .as_ref()
                    .and_then(|call| call.stats().wait().ok())
                    .unwrap_or_default();
                guard::reset();
                let cpu = machine::usage(None).map(|usage| usage.cpu).unwrap_or_default();
                self.mark = Some(Mark {
                    at: Instant::now(),
                    cpu,
                    threads: machine::threads(None),
                    voice: stats.voice,
                });
            }
            Order::Report => {
                let report = self.report()?;
                self.tell(Notice::Report(Box::new(report)));
            }
            Order::HangUp => {
                if let Some(call) = &self.call {
                    // It may have ended by itself; then its end is on the way already.
                    let _ = call.hang_up();
                }
            }
            Order::Quit => {}
        }
        Ok(())
    }

    fn ring(&mut self, incoming: IncomingCall) {
        let (inbox, after) = (self.inbox.clone(), self.answer_after);
        if after.is_zero() {
            let _ = inbox.send(Input::Answer(incoming));
            return;
        }
        thread::spawn(move || {
            thread::sleep(after);
            // Nobody listens once the end is closed.
            let _ = inbox.send(Input::Answer(incoming));
        });
    }

    fn answer(&mut self, incoming: &IncomingCall) -> Result<(), String> {
        self.tell(Notice::Accepting { at: now() });
        let call = incoming
            .accept(AcceptOptions::default())
            .wait()
            .map_err(|error| error.to_string())?;
        self.take(call);
        Ok(())
    }

    fn take(&mut self, call: Call) {
        self.connected = false;
        let inbox = self.inbox.clone();
        call.on_event(move |event| drop(inbox.send(Input::Call(event, now()))));
        // What happened before the handler was there.
        let state = call.state();
        if matches!(state, CallState::Ringing | CallState::Connected) {
            let _ = self.inbox.send(Input::Call(
                CallEvent::StateChanged {
                    state,
                    reconnecting: false,
                },
                now(),
            ));
        }
        self.call = Some(call);
    }

    fn call_event(&mut self, event: CallEvent, at: Nanos) {
        match event {
            CallEvent::StateChanged {
                state: CallState::Ringing,
                ..
            } => self.tell(Notice::Ringing { at }),
            CallEvent::StateChanged {
                state: CallState::Connected,
                ..
            } if !self.connected => {
                self.connected = true;
                self.tell(Notice::Connected { at });
            }
            CallEvent::Ended(reason) => {
                self.call = None;
                self.connected = false;
                self.tell(Notice::Ended {
                    at,
                    reason: reason.to_string(),
                });
            }
            _ => {}
        }
    }

    fn look(&self) {
        let Some(call) = self.call.as_ref().filter(|_| self.mark.is_some()) else {
            return;
        };
        let Ok(stats) = call.stats().wait() else { return };
        if let Some(inbound) = stats.voice.inbound.first() {
            self.tell(Notice::Sample(Sample {
                at: now(),
                delay_ms: inbound.jitter.recent_delay * 1e3,
                target_ms: inbound.jitter.target_delay * 1e3,
            }));
        }
    }

    fn report(&mut self) -> Result<EndReport, String> {
        let mark = self
            .mark
            .take()
            .ok_or("a report was asked for before a measurement")?;
        let used = machine::usage(None).unwrap_or_default();
        let seconds = mark.at.elapsed().as_secs_f64();
        let guarded = guard::report();
        let call = self.call.as_ref().ok_or("the call is over")?;
        let stats = call.stats().wait().map_err(|error| error.to_string())?;
        let from = |handle: Option<TimelineHandle>| {
            handle
                .and_then(|handle| handle.get())
                .and_then(|line| monotonic_nanos(line.epoch()))
                .unwrap_or_default()
        };
        let spoken = self
            .bench
            .spoken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let (heard_from, heard_samples) = match self.config.cards {
            // What comes out of a sound card is recorded in the room.
            Some(_) => (0, 0),
            None => {
                let mut slot = self.bench.heard.lock().unwrap_or_else(PoisonError::into_inner);
                let recording = slot.as_mut().ok_or("nothing was recorded")?;
                let heard = recording.take();
                samples::write(&self.config.heard, &heard)
                    .map_err(|error| format!("what was heard: {error}"))?;
                (from(Some(recording.timeline())), heard.len())
            }
        };
        Ok(EndReport {
            seconds,
            cpu_seconds: used.cpu.saturating_sub(mark.cpu).as_secs_f64(),
            resident: used.resident,
            threads: machine::since(&mark.threads, &machine::threads(None))
                .map(|(name, used)| (name, used.as_secs_f64()))
                .collect(),
            guarded: guarded.available(),
            sections: guarded.sections.iter().map(section).collect(),
            real_time: stats.voice.real_time,
            // Holes while the devices were being opened are no holes in the call. Another device counts anew.
            overruns: stats
                .voice
                .input
                .overruns
                .saturating_sub(mark.voice.input.overruns),
            underruns: stats
                .voice
                .output
                .underruns
                .saturating_sub(mark.voice.output.underruns),
            voice: stats.voice,
            transport: stats.transport,
            spoken_from: from(spoken),
            heard_from,
            heard_samples,
        })
    }
}

fn frame(ms: u32) -> Result<sidetone::media::voice::FrameDuration, String> {
    use sidetone::media::voice::FrameDuration::{Ms10, Ms20, Ms40, Ms60};
    match ms {
        10 => Ok(Ms10),
        20 => Ok(Ms20),
        40 => Ok(Ms40),
        60 => Ok(Ms60),
        other => Err(format!("frames of {other} ms: there are 10, 20, 40 and 60")),
    }
}

fn section(section: &guard::SectionReport) -> Section {
    let micros = |duration: Duration| duration.as_secs_f64() * 1e6;
    Section {
        name: section.name.into(),
        callback: section.kind == guard::Kind::Callback,
        entries: section.entries,
        allocations: section.allocations,
        frees: section.frees,
        locks: section.locks,
        waits: section.waits + section.io,
        p99_us: micros(section.p99),
        max_us: micros(section.max),
        traces: section.traces.clone(),
    }
}
