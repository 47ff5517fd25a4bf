//! The capture worker: a real-time thread between the microphone's ring and the transport's queue.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sidetone_pipeline::{
    ClockReader, Notifier, Pooled, QueueReceiver, QueueSender, Waiter, guard, promote_current_thread,
};

use super::blocks::{BlockReader, request};
use super::engine::{Shared, VoiceEvent};
use super::lead::frames;
use super::shared::{SharedSound, Sharing};
use super::stats::DeviceStats;
use super::{BLOCK, Coding, LinkId, Listener, MicrophoneStats, Processing, ReferenceReader, Uplink};
use crate::device::{
    CaptureStream, DeviceError, DeviceInfo, Direction, InputDevice, LatencyGauge, StreamEvent, StreamEvents,
    headless,
};
use crate::packet::VoicePacket;
use crate::recording::Tap;

/// Name of the guard section of one turn of this worker.
pub const SECTION: &str = "capture worker";

/// How long a block is.
const BLOCK_LENGTH: Duration = Duration::from_millis(10);

/// What the engine tells the worker.
pub enum CaptureCommand {
    /// Packets go here from now on, and to the link that it takes the place of as well, if it does.
    Connect(LinkId, QueueSender<Pooled<VoicePacket>>, Option<LinkId>),
    /// Packets of this link go nowhere from now on.
    Disconnect(LinkId),
    /// Send silence.
    Mute(bool),
    /// Hold sending to a link, or send again.
    Send(LinkId, bool),
    /// Leave what is sent to a link here too, and silence while nothing is.
    Tap(LinkId, Tap),
    /// Change the processing.
    Process(Processing),
    /// Code and protect so.
    Code(Coding),
    /// Send this sound along with the microphone, where packets go to that link.
    Share(LinkId, Box<SharedSound>),
    /// Send it where packets go to this link.
    ShareTo(LinkId),
    /// Let shared sound be heard, or not.
    PassShared(bool),
    /// Send no other sound any more.
    Unshare,
    /// Use another microphone.
    Swap(Box<dyn InputDevice>),
    /// End the thread.
    Stop,
}

/// Where packets go.
struct Outlet {
    link: LinkId,
    queue: QueueSender<Pooled<VoicePacket>>,
    open: bool,
    /// The link that takes the place of this one, which gets the same packets.
    successor: Option<LinkId>,
}

/// An open microphone.
struct Microphone {
    device: Box<dyn InputDevice>,
    blocks: BlockReader,
    clock: ClockReader,
    latency: LatencyGauge,
    events: StreamEvents,
    stats: DeviceStats,
    listener: Listener,
    _keep: Box<dyn Send>,
}

impl Microphone {
    /// When the first sample of the block that was read last was captured, as callbacks see it.
    fn captured(&self, now: Instant) -> Instant {
        let last = self.clock.last_tick().map_or(now, |(_, at)| at);
        let since = frames(u64::from(self.blocks.ready()), self.stats.sample_rate) + BLOCK_LENGTH;
        last.checked_sub(since).unwrap_or(last)
    }

    /// When that sample was spoken: what the platform and the conversion took before.
    fn spoken(&self, captured: Instant) -> Instant {
        let period = frames(self.stats.period.into(), self.stats.sample_rate);
        let device = self.latency.get().unwrap_or_default().saturating_sub(period);
        let before = device + Duration::from_secs_f64(self.blocks.delay());
        captured.checked_sub(before).unwrap_or(captured)
    }
}

fn open(mut device: Box<dyn InputDevice>, period: u32, wake: Notifier) -> Result<Microphone, DeviceError> {
    let CaptureStream {
        format,
        period,
        samples,
        clock,
        hardware_latency,
        events,
        keep,
    } = device.open(request(period), wake)?;
    let DeviceInfo { name, host, .. } = device.info();
    let blocks = BlockReader::new(samples, format).map_err(|error| DeviceError::Format {
        id: name.clone(),
        reason: error.to_string(),
    })?;
    Ok(Microphone {
        device,
        blocks,
        clock,
        latency: hardware_latency,
        events,
        stats: DeviceStats {
            name,
            sample_rate: format.sample_rate,
            period,
            ..DeviceStats::default()
        },
        listener: Listener::new(host != headless::HOST, Instant::now()),
        _keep: keep,
    })
}

/// The worker's state. Built on the caller's thread, so that a device that cannot be opened is the caller's error.
pub struct CaptureWorker {
    microphone: Microphone,
    uplink: Uplink,
    outlets: Vec<Outlet>,
    taps: Vec<(LinkId, Tap)>,
    sharing: Option<Box<Sharing>>,
    passes_shared: bool,
    reference: ReferenceReader,
    commands: QueueReceiver<CaptureCommand>,
    wake: Notifier,
    waiter: Waiter,
    period: u32,
    restarts: u64,
    shared: Arc<Shared>,
}

impl CaptureWorker {
    /// Opens the device and makes everything ready to run.
    #[allow(clippy::too_many_arguments)] // the parts of one worker, put together in one place
    pub fn new(
        device: Box<dyn InputDevice>,
        uplink: Uplink,
        reference: ReferenceReader,
        commands: QueueReceiver<CaptureCommand>,
        (wake, waiter): (Notifier, Waiter),
        period: u32,
        shared: Arc<Shared>,
    ) -> Result<Self, DeviceError> {
        let microphone = open(device, period, wake.clone())?;
        Ok(Self {
            microphone,
            uplink,
            outlets: Vec::with_capacity(8),
            taps: Vec::new(),
            sharing: None,
            passes_shared: true,
            reference,
            commands,
            wake,
            waiter,
            period,
            restarts: 0,
            shared,
        })
    }

    /// Runs until told to stop.
    pub fn run(mut self) {
        self.shared
            .set_capture_priority(promote_current_thread(Duration::from_millis(10)));
        let mut published = Instant::now();
        loop {
            self.waiter.wait(Duration::from_millis(50));
            while let Some(command) = self.commands.pop() {
                if matches!(command, CaptureCommand::Stop) {
                    return;
                }
                self.obey(command);
            }
            while let Some(event) = self.microphone.events.poll() {
                self.handle(event);
            }
            self.look_at_sharing();
            self.turn();
            let now = Instant::now();
            if now.duration_since(published) >= Duration::from_millis(200) {
                published = now;
                self.publish(now);
            }
        }
    }

    /// Sends whatever blocks the device has brought.
    fn turn(&mut self) {
        let _section = guard::enter_worker(SECTION);
        while self.microphone.blocks.has(self.uplink.blocks_wanted())
            && let Some(block) = self.microphone.blocks.next()
        {
            let now = Instant::now();
            let captured = self.microphone.captured(now);
            let far = self.reference.next(captured);
            self.uplink.render(&far);
            self.microphone.listener.hear(&block, now);
            // One microphone, one call that is spoken in: the last outlet that is open.
            let open = self.outlets.iter().rev().find(|outlet| outlet.open);
            let sharing = self.sharing.as_mut();
            let shared = sharing.and_then(|sharing| sharing.next(open.map(|outlet| outlet.link)));
            let spoken = self.microphone.spoken(captured);
            let packet = self.uplink.push_with(&block, shared.as_ref(), spoken);
            for (link, tap) in &mut self.taps {
                match open {
                    Some(outlet) if outlet.link == *link => tap.push(self.uplink.sent(), now),
                    _ => tap.push_silence(BLOCK, now),
                }
            }
            if let (Some(packet), Some(outlet)) = (packet, open) {
                let same = |other: &&Outlet| other.open && other.successor == Some(outlet.link);
                for other in self.outlets.iter().filter(same) {
                    if let Some(copy) = self.uplink.copy(&packet) {
                        other.queue.push(copy);
                    }
                }
                outlet.queue.push(packet);
            }
        }
    }

    fn obey(&mut self, command: CaptureCommand) {
        match command {
            CaptureCommand::Connect(link, queue, before) => {
                for outlet in self
                    .outlets
                    .iter_mut()
                    .filter(|outlet| Some(outlet.link) == before)
                {
                    outlet.successor = Some(link);
                }
                for (tapped, _) in self.taps.iter_mut().filter(|(tapped, _)| Some(*tapped) == before) {
                    *tapped = link;
                }
                self.outlets.push(Outlet {
                    link,
                    queue,
                    open: true,
                    successor: None,
                });
            }
            CaptureCommand::Disconnect(link) => {
                self.outlets.retain(|outlet| outlet.link != link);
                self.taps.retain(|(tapped, _)| *tapped != link);
            }
            CaptureCommand::Tap(link, tap) => self.taps.push((link, tap)),
            CaptureCommand::Mute(muted) => {
                self.uplink.set_muted(muted);
                if muted && !self.outlets.iter().any(|outlet| outlet.open) {
                    self.uplink.forget();
                }
            }
            CaptureCommand::Send(link, open) => {
                for outlet in self.outlets.iter_mut().filter(|outlet| outlet.link == link) {
                    outlet.open = open;
                }
            }
            CaptureCommand::Process(processing) => self.uplink.set_processing(processing),
            CaptureCommand::Code(coding) => self.uplink.set_coding(coding),
            CaptureCommand::Share(link, sound) => {
                self.sharing = Some(Box::new(Sharing::new(link, *sound, self.passes_shared)));
            }
            CaptureCommand::ShareTo(link) => {
                if let Some(sharing) = &mut self.sharing {
                    sharing.link = link;
                }
            }
            CaptureCommand::PassShared(passes) => {
                self.passes_shared = passes;
                if let Some(sharing) = &mut self.sharing {
                    sharing.open = passes;
                }
            }
            CaptureCommand::Unshare => self.sharing.iter_mut().for_each(|sharing| sharing.end()),
            CaptureCommand::Swap(device) => {
                if self.replace(device) {
                    self.shared.emit(VoiceEvent::DeviceReplaced(Direction::Input));
                }
            }
            CaptureCommand::Stop => {}
        }
    }

    /// Tells what happened to shared sound, and lets go of it once it has faded out. Not in the turn: it frees memory.
    fn look_at_sharing(&mut self) {
        let Some(sharing) = &mut self.sharing else { return };
        while let Some(event) = sharing.poll() {
            match event {
                StreamEvent::Lost => self.shared.emit(VoiceEvent::SharedSoundLost),
                StreamEvent::Ended => self.shared.emit(VoiceEvent::SharedSoundEnded),
                StreamEvent::Xrun => {}
            }
        }
        if sharing.is_over() {
            self.sharing = None;
        }
    }

    fn handle(&mut self, event: StreamEvent) {
        match event {
            StreamEvent::Lost => {
                self.shared.emit(VoiceEvent::DeviceLost(Direction::Input));
                // The call goes on with silence until the app picks another microphone.
                self.replace(Box::new(headless::Silence::input()));
            }
            StreamEvent::Ended => self.shared.emit(VoiceEvent::InputEnded),
            StreamEvent::Xrun => {}
        }
    }

    /// Tells whether the device is in use now.
    fn replace(&mut self, device: Box<dyn InputDevice>) -> bool {
        match open(device, self.period, self.wake.clone()) {
            Ok(microphone) => {
                self.microphone = microphone;
                self.reference.reopened();
                self.restarts += 1;
                true
            }
            Err(error) => {
                self.shared
                    .emit(VoiceEvent::DeviceFailed(Direction::Input, error));
                false
            }
        }
    }

    fn publish(&mut self, now: Instant) {
        self.taps.retain(|(_, tap)| !tap.is_closed());
        let drift = self.microphone.clock.estimate(now);
        let microphone = &mut self.microphone;
        let input = DeviceStats {
            name: microphone.device.info().name,
            overruns: microphone.blocks.overruns(),
            drift_ppm: drift.map(|drift| drift.ppm),
            restarts: self.restarts,
            ..microphone.stats.clone()
        };
        let heard = MicrophoneStats {
            muted_voice_duration: self.uplink.muted_voice().as_secs_f64(),
            ..microphone.listener.stats(now)
        };
        let mut outbound = self.uplink.stats();
        outbound.packets_discarded_on_send = self.outlets.iter().map(|o| o.queue.dropped()).sum();
        let look_ahead = self.uplink.look_ahead() as f64 / f64::from(super::RATE) + microphone.blocks.delay();
        self.shared.update(|stats| {
            stats.outbound = outbound;
            stats.input = input;
            stats.microphone = heard;
            stats.latency.look_ahead = look_ahead;
        });
    }
}
