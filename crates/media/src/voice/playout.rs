//! The playout worker: a real-time thread between the transports' queues and the speaker's ring.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sidetone_pipeline::{
    ClockReader, Pooled, QueueReceiver, Waiter, guard, notifier, promote_current_thread,
};

use super::blocks::{BlockWriter, QUARTER, request};
use super::engine::{Shared, VoiceEvent};
use super::lead::{RingState, frames};
use super::stats::{DeviceStats, PlayoutStats};
use super::{BLOCK, Downlink, Lead, LinkId, Mixer, RATE, ReferenceWriter};
use crate::device::{
    DeviceError, Direction, LatencyGauge, OutputDevice, PlayoutStream, StreamEvent, StreamEvents, headless,
};
use crate::packet::VoicePacket;
use crate::recording::Tap;

/// Name of the guard section of one turn of this worker.
pub const SECTION: &str = "playout worker";

/// Longest sleep: commands and device events are looked at this often even when no sound is due.
const NAP: Duration = Duration::from_millis(20);

/// What the engine tells the worker.
pub enum PlayoutCommand {
    /// Play this stream.
    Connect(LinkId, QueueReceiver<Pooled<VoicePacket>>, Box<Downlink>),
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

struct Inlet {
    link: LinkId,
    queue: QueueReceiver<Pooled<VoicePacket>>,
    downlink: Box<Downlink>,
    playing: bool,
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
    inlets: Vec<Inlet>,
    taps: Vec<(LinkId, Tap)>,
    mixer: Mixer,
    lead: Lead,
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
            inlets: Vec::with_capacity(8),
            taps: Vec::new(),
            mixer: Mixer::default(),
            lead: Lead::default(),
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
            self.waiter.wait(due.saturating_duration_since(now).min(NAP));
        }
    }

    /// Takes what arrived, makes ready what is due, and returns when to come back.
    fn turn(&mut self) -> Instant {
        let _section = guard::enter_worker(SECTION);
        loop {
            let now = Instant::now();
            for inlet in &mut self.inlets {
                while let Some(packet) = inlet.queue.pop() {
                    inlet.downlink.insert(packet);
                }
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
        self.inlets.iter().any(|inlet| inlet.downlink.is_playing())
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

    /// Samples that every stream has decoded, in whole quarters of a block.
    fn decoded(&self) -> usize {
        let streams = self.inlets.iter().map(|inlet| inlet.downlink.decoded());
        streams.min().unwrap_or(0) / QUARTER * QUARTER
    }

    /// Pulls from every stream, mixes, and writes to the speaker, which takes the first sample at `due`.
    fn pull(&mut self, len: usize, due: Instant, now: Instant) {
        let mut block = [0.0; BLOCK];
        for inlet in &mut self.inlets {
            inlet.downlink.pull(&mut block[..len], now);
            if inlet.playing {
                let taps = self.taps.iter_mut().filter(|(link, _)| *link == inlet.link);
                taps.for_each(|(_, tap)| tap.push(&block[..len], now));
            }
            if inlet.playing && !self.muted {
                self.mixer.add(&block[..len]);
            }
        }
        for (link, tap) in &mut self.taps {
            let silent = !self
                .inlets
                .iter()
                .any(|inlet| inlet.link == *link && inlet.playing);
            if silent {
                tap.push_silence(len, now);
            }
        }
        self.mixer.finish(&mut block[..len]);
        self.speaker.blocks.write(&block[..len]);
        self.reference.write(&block[..len], due);
        self.stats.total_samples_count += len as u64;
    }

    fn obey(&mut self, command: PlayoutCommand) {
        match command {
            PlayoutCommand::Connect(link, queue, downlink) => {
                self.inlets.retain(|inlet| inlet.link != link);
                self.inlets.push(Inlet {
                    link,
                    queue,
                    downlink,
                    playing: true,
                });
            }
            PlayoutCommand::Disconnect(link) => {
                self.inlets.retain(|inlet| inlet.link != link);
                self.taps.retain(|(tapped, _)| *tapped != link);
            }
            PlayoutCommand::Tap(link, tap) => self.taps.push((link, tap)),
            PlayoutCommand::Play(link, playing) => {
                for inlet in self.inlets.iter_mut().filter(|inlet| inlet.link == link) {
                    inlet.playing = playing;
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
        let inbound: Vec<_> = self.inlets.iter().map(|inlet| inlet.downlink.stats()).collect();
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
