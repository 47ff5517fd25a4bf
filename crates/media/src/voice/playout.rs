//! The playout worker: a real-time thread between the transports' queues and the speaker's ring.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sidetone_pipeline::{ClockReader, QueueReceiver, Waiter, guard, notifier, promote_current_thread};

use super::blocks::{BlockWriter, QUARTER, request};
use super::engine::{Shared, VoiceEvent};
use super::inlet::Inlet;
use super::lead::{RingState, frames};
use super::stats::{DeviceStats, PlayoutStats};
use super::{BLOCK, Downlink, Lead, Level, LevelMeter, LinkId, Mixer, RATE, ReferenceWriter};
use crate::device::{
    DeviceError, Direction, LatencyGauge, OutputDevice, PlayoutStream, StreamEvent, StreamEvents, headless,
};
use crate::recording::Tap;

/// Name of the guard section of one turn of this worker.
pub const SECTION: &str = "playout worker";

/// How often it is told who is heard.
const HEARD: Duration = Duration::from_millis(100);

/// How often pictures are told when sound is heard.
const TOGETHER: Duration = Duration::from_millis(50);

/// Longest sleep: commands and device events are looked at this often even when no sound is due.
const NAP: Duration = Duration::from_millis(20);

/// What the engine tells the worker.
pub enum PlayoutCommand {
    /// Play what comes over this link. It may take the place of another, once this source is heard over it.
    Connect(Inlet, Option<(LinkId, Option<u32>)>),
    /// A decoder for a link that asked.
    Supply(LinkId, Box<Downlink>),
    /// Stop playing it.
    Disconnect(LinkId),
    /// Keep receiving a stream but do not let it be heard (hold).
    Play(LinkId, bool),
    /// Leave what comes from a link here too, and silence while nothing does. A muted speaker changes nothing.
    Tap(LinkId, Tap),
    /// Silence everything (`muteIncomingAudio`).
    Mute(bool),
    /// Use another speaker.
    Swap(Box<dyn OutputDevice>),
    /// End the thread.
    Stop,
}

/// A link that is played.
struct Source {
    inlet: Inlet,
    playing: bool,
    /// The link that takes its place, and who has to be heard over that.
    successor: Option<(LinkId, Option<u32>)>,
}

impl Source {
    fn link(&self) -> LinkId {
        self.inlet.link()
    }
}

/// An open speaker.
struct Speaker {
    device: Box<dyn OutputDevice>,
    blocks: BlockWriter,
    clock: ClockReader,
    events: StreamEvents,
    stats: DeviceStats,
    latency: LatencyGauge,
    opened: Instant,
    _keep: Box<dyn Send>,
}

fn open(mut device: Box<dyn OutputDevice>, period: u32) -> Result<Speaker, DeviceError> {
    // The worker knows from the device's clock when it is needed next. Being woken by every callback as well would
    // double its wake-ups for nothing.
    let (unheard, _) = notifier();
    let PlayoutStream {
        format,
        period,
        samples,
        clock,
        events,
        hardware_latency,
        keep,
    } = device.open(request(period), unheard)?;
    let name = device.info().name;
    let blocks = BlockWriter::new(samples, format).map_err(|error| DeviceError::Format {
        id: name.clone(),
        reason: error.to_string(),
    })?;
    Ok(Speaker {
        device,
        blocks,
        clock,
        events,
        stats: DeviceStats {
            name,
            sample_rate: format.sample_rate,
            period,
            ..DeviceStats::default()
        },
        latency: hardware_latency,
        opened: Instant::now(),
        _keep: keep,
    })
}

/// The worker's state.
pub struct PlayoutWorker {
    speaker: Speaker,
    sources: Vec<Source>,
    taps: Vec<(LinkId, Tap)>,
    mixer: Mixer,
    /// The level of the mix, now and when it was last told.
    mix: LevelMeter,
    before: Level,
    lead: Lead,
    /// When pictures are told again.
    together: Instant,
    muted: bool,
    reference: ReferenceWriter,
    commands: QueueReceiver<PlayoutCommand>,
    waiter: Waiter,
    period: u32,
    restarts: u64,
    stats: PlayoutStats,
    shared: Arc<Shared>,
}

impl PlayoutWorker {
    /// Opens the device and makes everything ready to run.
    pub fn new(
        device: Box<dyn OutputDevice>,
        reference: ReferenceWriter,
        commands: QueueReceiver<PlayoutCommand>,
        waiter: Waiter,
        period: u32,
        shared: Arc<Shared>,
    ) -> Result<Self, DeviceError> {
        let speaker = open(device, period)?;
        Ok(Self {
            speaker,
            sources: Vec::with_capacity(8),
            taps: Vec::new(),
            mixer: Mixer::default(),
            mix: LevelMeter::default(),
            before: Level::default(),
            lead: Lead::default(),
            together: Instant::now(),
            muted: false,
            reference,
            commands,
            waiter,
            period,
            restarts: 0,
            stats: PlayoutStats::default(),
            shared,
        })
    }

    /// Runs until told to stop.
    pub fn run(mut self) {
        self.shared
            .set_playout_priority(promote_current_thread(Duration::from_millis(10)));
        let mut published = Instant::now();
        let mut told = published;
        loop {
            while let Some(command) = self.commands.pop() {
                if matches!(command, PlayoutCommand::Stop) {
                    return;
                }
                self.obey(command);
            }
            while let Some(event) = self.speaker.events.poll() {
                self.handle(event);
            }
            let due = self.turn();
            let now = Instant::now();
            if now.duration_since(published) >= Duration::from_millis(200) {
                published = now;
                self.publish(now);
            }
            if now.duration_since(told) >= HEARD {
                told = now;
                self.tell_heard();
            }
            self.waiter.wait(due.saturating_duration_since(now).min(NAP));
        }
    }

    /// Takes what arrived, makes ready what is due, and returns when to come back.
    fn turn(&mut self) -> Instant {
        let _section = guard::enter_worker(SECTION);
        loop {
            let now = Instant::now();
            for source in &mut self.sources {
                source.inlet.receive();
            }
            let ring = self.ring(now);
            let due = self.lead.next_pull(ring, now);
            if now < due {
                return due;
            }
            if !self.speaker.blocks.has_room() {
                // The device stands still, and would be found wanting for ever: pulling on would only burn streams.
                return now + NAP;
            }
            self.play(ring, now);
        }
    }

    fn ring(&self, now: Instant) -> RingState {
        let speaker = &self.speaker;
        RingState {
            ready: speaker.blocks.ready(),
            period: speaker.stats.period,
            last_callback: speaker
                .clock
                .last_tick()
                .map_or(speaker.opened.min(now), |(_, at)| at),
            rate: speaker.stats.sample_rate,
            underruns: speaker.blocks.underruns(),
            playing: self.is_playing(),
        }
    }

    fn is_playing(&self) -> bool {
        self.sources.iter().any(|source| source.inlet.is_playing())
    }

    /// Makes ready what the next callback needs, but at least 5 ms; the least there is while nothing plays, so that a
    /// stream can start at once.
    ///
    /// A packet must be here when its block is pulled, so larger blocks make packets wait for their block. But what
    /// is decoded waits for nothing: the rest of the frame goes along and saves the wake-ups for it.
    fn play(&mut self, ring: RingState, now: Instant) {
        let callback =
            (u64::from(ring.period) * u64::from(RATE)).div_ceil(u64::from(ring.rate.max(1))) as usize;
        let needed = if ring.playing {
            callback.next_multiple_of(QUARTER).clamp(2 * QUARTER, BLOCK)
        } else {
            QUARTER
        };
        // The first of these samples is played when everything before it in the ring has been.
        let due = ring.last_callback + frames(u64::from(ring.ready + ring.period), ring.rate);
        if now >= self.together {
            self.together = now + TOGETHER;
            self.keep_with_pictures(due, now);
        }
        self.pull(needed, due, now);
        let mut pulled = needed;
        let mut rest = self.decoded();
        while rest > 0 && self.speaker.blocks.has_room() {
            let len = rest.min(BLOCK);
            self.pull(len, due + frames(pulled as u64, RATE), now);
            pulled += len;
            rest -= len;
        }
        self.stats.total_playout_delay += due.saturating_duration_since(now).as_secs_f64();
        self.stats.blocks += 1;
    }

    /// Has streams wait for the pictures that belong to them. The device takes the next sample at `due`.
    fn keep_with_pictures(&mut self, due: Instant, now: Instant) {
        let speaker = &self.speaker;
        let device = speaker.latency.get().unwrap_or_default();
        let at = due + device + Duration::from_secs_f64(speaker.blocks.delay());
        for source in self.sources.iter_mut().filter(|source| source.playing) {
            source.inlet.keep_with_pictures(at, now);
        }
    }

    /// Samples that every stream has decoded, in whole quarters of a block. A stream that begins meanwhile is heard that
    /// much later, at most a frame, and its buffer works that off.
    fn decoded(&self) -> usize {
        let streams = self.sources.iter().filter_map(|source| source.inlet.decoded());
        streams.min().unwrap_or(0) / QUARTER * QUARTER
    }

    /// Pulls from every stream, mixes, and writes to the speaker, which takes the first sample at `due`.
    fn pull(&mut self, len: usize, due: Instant, now: Instant) {
        let mut block = [0.0; BLOCK];
        for at in 0..self.sources.len() {
            let fades = self.is_replaced(at);
            let source = &mut self.sources[at];
            let block = &mut block[..len];
            block.fill(0.0);
            source.inlet.pull(block, now);
            if source.playing {
                let taps = self
                    .taps
                    .iter_mut()
                    .filter(|(link, _)| *link == source.inlet.link());
                taps.for_each(|(_, tap)| tap.push(block, now));
            }
            if fades {
                let samples = block.iter_mut().enumerate();
                samples.for_each(|(i, sample)| *sample *= 1.0 - (i + 1) as f32 / len as f32);
            }
            if source.playing && !self.muted {
                self.mixer.add(block);
            }
            if fades {
                self.replace_source(at);
            }
        }
        for (link, tap) in &mut self.taps {
            let silent = !self
                .sources
                .iter()
                .any(|source| source.link() == *link && source.playing);
            if silent {
                tap.push_silence(len, now);
            }
        }
        self.mixer.finish(&mut block[..len]);
        self.mix.measure(&block[..len]);
        self.speaker.blocks.write(&block[..len]);
        self.reference.write(&block[..len], due);
        self.stats.total_samples_count += len as u64;
    }

    /// Whether what takes the place of a link is heard by now, and the link itself still is.
    fn is_replaced(&self, at: usize) -> bool {
        let source = &self.sources[at];
        source.playing
            && source.successor.is_some_and(|(link, who)| {
                let successor = self.sources.iter().find(|source| source.link() == link);
                successor.is_some_and(|successor| successor.playing && successor.inlet.plays(who))
            })
    }

    /// A link is heard no more, since another has taken its place. Its recording goes on there.
    fn replace_source(&mut self, at: usize) {
        let source = &mut self.sources[at];
        source.playing = false;
        let link = source.link();
        if let Some((to, _)) = source.successor.take() {
            let taps = self.taps.iter_mut().filter(|(tapped, _)| *tapped == link);
            taps.for_each(|(tapped, _)| *tapped = to);
        }
    }

    fn obey(&mut self, command: PlayoutCommand) {
        match command {
            PlayoutCommand::Connect(inlet, before) => {
                let link = inlet.link();
                self.sources.retain(|source| source.link() != link);
                for source in &mut self.sources {
                    if let Some((from, who)) = before
                        && source.link() == from
                    {
                        source.successor = Some((link, who));
                    }
                }
                self.sources.push(Source {
                    inlet,
                    playing: true,
                    successor: None,
                });
            }
            PlayoutCommand::Supply(link, downlink) => {
                if let Some(source) = self.sources.iter_mut().find(|source| source.link() == link) {
                    source.inlet.supply(downlink);
                }
            }
            PlayoutCommand::Disconnect(link) => {
                if let Some(at) = self.sources.iter().position(|source| source.link() == link) {
                    self.replace_source(at);
                    self.sources.remove(at);
                }
                self.taps.retain(|(tapped, _)| *tapped != link);
            }
            PlayoutCommand::Tap(link, tap) => self.taps.push((link, tap)),
            PlayoutCommand::Play(link, playing) => {
                for source in self.sources.iter_mut().filter(|source| source.link() == link) {
                    source.playing = playing;
                }
            }
            PlayoutCommand::Mute(muted) => self.muted = muted,
            PlayoutCommand::Swap(device) => {
                if self.replace(device) {
                    self.shared.emit(VoiceEvent::DeviceReplaced(Direction::Output));
                }
            }
            PlayoutCommand::Stop => {}
        }
    }

    fn handle(&mut self, event: StreamEvent) {
        if event == StreamEvent::Lost {
            self.shared.emit(VoiceEvent::DeviceLost(Direction::Output));
            // Streams must go on being pulled, or they would be stale when a speaker comes back.
            self.replace(Box::new(headless::Silence::output()));
        }
    }

    /// Tells whether the device is in use now.
    fn replace(&mut self, device: Box<dyn OutputDevice>) -> bool {
        match open(device, self.period) {
            Ok(speaker) => {
                self.speaker = speaker;
                self.reference.reopened();
                self.lead = Lead::default();
                self.restarts += 1;
                true
            }
            Err(error) => {
                self.shared
                    .emit(VoiceEvent::DeviceFailed(Direction::Output, error));
                false
            }
        }
    }

    fn tell_heard(&mut self) {
        let level = self.mix.level();
        let audio_level = level.since(&self.before);
        self.before = level;
        let sources = &mut self.sources;
        self.shared.update_heard(|heard| {
            heard.audio_level = audio_level;
            heard.speaking.clear();
            for source in sources.iter_mut() {
                let playing = source.playing;
                heard.speaking.extend(source.inlet.heard().filter(|_| playing));
            }
        });
    }

    fn publish(&mut self, now: Instant) {
        self.taps.retain(|(_, tap)| !tap.is_closed());
        let speaker = &mut self.speaker;
        let output = DeviceStats {
            name: speaker.device.info().name,
            underruns: speaker.blocks.underruns(),
            drift_ppm: speaker.clock.estimate(now).map(|drift| drift.ppm),
            restarts: self.restarts,
            ..speaker.stats.clone()
        };
        let device = speaker.latency.get().unwrap_or_default().as_secs_f64() + speaker.blocks.delay();
        let mut playout = self.stats.clone();
        playout.lead = self.lead.current().as_secs_f64();
        let inbound: Vec<_> = self
            .sources
            .iter()
            .flat_map(|source| source.inlet.stats())
            .collect();
        self.shared.update(|stats| {
            stats.latency.device = device;
            stats.latency.playout = playout.total_playout_delay / playout.blocks.max(1) as f64;
            stats.latency.jitter_buffer = inbound.first().map_or(0.0, |inbound| inbound.jitter.recent_delay);
            stats.playout = playout;
            stats.output = output;
            stats.inbound = inbound;
        });
    }
}
