//! The voice engine: one microphone, one speaker, two real-time threads, any number of links.
//!
//! It refuses to know calls. A link is a transport's pair of queues with a number the caller picks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sidetone_pipeline::{Notifier, Pool, Priority, QueueSender, notifier, queue};

use super::capture::{CaptureCommand, CaptureWorker};
use super::inlet::Inlet;
use super::playout::{PlayoutCommand, PlayoutWorker};
use super::{BLOCK, Coding, Downlink, Heard, Processing, Profile, SharedSound, Uplink, VoiceStats};
use crate::device::convert::ResampleError;
use crate::device::{DeviceError, Direction, InputDevice, OutputDevice};
use crate::jitter::JitterConfig;
use crate::packet::VoicePacket;
use crate::recording::Taps;
use crate::transport::{MAX_SLOTS, VoicePort};

/// Names a link. Chosen by the caller, unique within an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LinkId(pub u64);

/// How an engine is set up.
#[derive(Clone, Debug)]
pub struct VoiceConfig {
    /// Delay against robustness.
    pub profile: Profile,
    /// Echo, noise and gain processing.
    pub processing: Processing,
    /// Jitter buffer limits.
    pub jitter: JitterConfig,
    /// Wanted frames a callback of the microphone, at 48 kHz.
    pub input_period: u32,
    /// Wanted frames a callback of the speaker, at 48 kHz. Smaller is less delay and more wake-ups.
    pub output_period: u32,
    /// Randomness for the first RTP sequence number and timestamp (RFC 3550 section 5.1).
    pub rtp_start: u64,
}

impl Default for VoiceConfig {
    fn default() -> Self {
        Self {
            profile: Profile::BALANCED,
            processing: Processing::default(),
            jitter: JitterConfig::default(),
            input_period: BLOCK as u32,
            output_period: BLOCK as u32 / 2,
            rtp_start: 0,
        }
    }
}

/// Why an engine could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VoiceError {
    /// A device could not be opened: which way, and why.
    #[error("{1}")]
    Device(Direction, DeviceError),
    /// The codec refused its settings.
    #[error("codec: {0}")]
    Codec(#[from] sidetone_opus::Error),
    /// A resampler could not be made: for the reference of the echo canceller, or for shared sound.
    #[error(transparent)]
    Resample(#[from] ResampleError),
    /// The system gave no thread.
    #[error("no thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// What an engine tells without being asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VoiceEvent {
    /// The device went away. The engine goes on with silence in its place.
    DeviceLost(Direction),
    /// A device given to a swap could not be opened. The one before it stays.
    DeviceFailed(Direction, DeviceError),
    /// A device given to a swap is in use.
    DeviceReplaced(Direction),
    /// The input file came to its end.
    InputEnded,
    /// The source of shared sound went away: nothing more comes of it.
    SharedSoundLost,
    /// The source of shared sound came to its end.
    SharedSoundEnded,
}

/// What the workers share with the engine's handle. Workers only ever try the lock, so a slow reader cannot hold
/// a real-time thread up.
pub(super) struct Shared {
    stats: Mutex<VoiceStats>,
    heard: Mutex<Heard>,
    events: Mutex<mpsc::Sender<VoiceEvent>>,
    priorities: Mutex<[Option<Priority>; 2]>,
    on_event: Notify,
}

type Notify = Box<dyn Fn() + Send + Sync>;

impl Shared {
    pub fn update(&self, change: impl FnOnce(&mut VoiceStats)) {
        if let Ok(mut stats) = self.stats.try_lock() {
            change(&mut stats);
        }
    }

    pub fn update_heard(&self, change: impl FnOnce(&mut Heard)) {
        if let Ok(mut heard) = self.heard.try_lock() {
            change(&mut heard);
        }
    }

    pub fn emit(&self, event: VoiceEvent) {
        // Rare, and the channel is unbounded: the lock is held for a push.
        let _ = lock(&self.events).send(event);
        (self.on_event)();
    }

    pub fn set_capture_priority(&self, priority: Priority) {
        lock(&self.priorities)[0] = Some(priority);
    }

    pub fn set_playout_priority(&self, priority: Priority) {
        lock(&self.priorities)[1] = Some(priority);
    }
}

/// A panicking holder cannot leave half a value in any of these, so poison is no reason to stop.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Worker<C> {
    commands: QueueSender<C>,
    wake: Notifier,
    thread: Option<JoinHandle<()>>,
}

impl<C: Send> Worker<C> {
    fn tell(&self, command: C) {
        self.commands.push(command);
        self.wake.notify();
    }

    fn stop(&mut self, command: C) {
        self.tell(command);
        if let Some(thread) = self.thread.take() {
            // A worker that panicked has already said so; there is nothing to add.
            let _ = thread.join();
        }
    }
}

/// Makes decoders off the real-time threads.
struct Maker {
    profile: Profile,
    jitter: JitterConfig,
}

impl Maker {
    fn make(&self) -> Result<Box<Downlink>, sidetone_opus::Error> {
        Downlink::new(&self.profile, self.jitter.clone(), Instant::now()).map(Box::new)
    }

    /// Makes one whenever the returned queue asks, until nobody can ask any more.
    fn start(self, link: LinkId, playout: &Worker<PlayoutCommand>) -> Result<QueueSender<()>, VoiceError> {
        let (wanted, requests) = queue(MAX_SLOTS);
        let (bell, waiter) = notifier();
        requests.set_notifier(bell);
        let (commands, wake) = (playout.commands.clone(), playout.wake.clone());
        thread::Builder::new().name("decoders".into()).spawn(move || {
            while !requests.is_closed() {
                while requests.pop().is_some() {
                    match self.make() {
                        Ok(downlink) => drop(commands.push(PlayoutCommand::Supply(link, downlink))),
                        Err(error) => tracing::warn!(%error, "no memory for a decoder"),
                    }
                    wake.notify();
                }
                waiter.wait(IDLE);
            }
        })?;
        Ok(wanted)
    }
}

/// How long the maker sleeps when nobody asks. It is woken.
const IDLE: Duration = Duration::from_secs(60);

/// Commands a worker can be behind by. It looks every few milliseconds.
const COMMANDS: usize = 256;

/// A running engine. Dropping it stops both threads and closes the devices.
pub struct VoiceEngine {
    config: VoiceConfig,
    capture: Worker<CaptureCommand>,
    playout: Worker<PlayoutCommand>,
    shared: Arc<Shared>,
    events: mpsc::Receiver<VoiceEvent>,
}

impl VoiceEngine {
    /// Opens both devices and starts. Packets are taken from `pool`, which the transports share. `on_event` is called whenever [`VoiceEngine::poll_event`] has something new;
    /// it runs on a worker, so it must only wake somebody.
    ///
    /// # Errors
    /// [`VoiceError`] when a device, the codec or a thread cannot be had.
    pub fn start(
        config: VoiceConfig,
        pool: Pool<VoicePacket>,
        input: Box<dyn InputDevice>,
        output: Box<dyn OutputDevice>,
        on_event: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, VoiceError> {
        let (sender, events) = mpsc::channel();
        let shared = Arc::new(Shared {
            stats: Mutex::new(VoiceStats::default()),
            heard: Mutex::default(),
            events: Mutex::new(sender),
            priorities: Mutex::default(),
            on_event: Box::new(on_event),
        });
        shared.update(|stats| stats.latency.frame = config.profile.frame_duration().as_secs_f64());
        let uplink = Uplink::new(&config.profile, config.processing, pool, config.rtp_start)?;
        let (reference_writer, reference_reader) = super::reference(Instant::now())?;

        let (commands, receiver) = queue(COMMANDS);
        let (wake, waiter) = notifier();
        let worker = CaptureWorker::new(
            input,
            uplink,
            reference_reader,
            receiver,
            (wake.clone(), waiter),
            config.input_period,
            shared.clone(),
        )
        .map_err(|error| VoiceError::Device(Direction::Input, error))?;
        let thread = thread::Builder::new()
            .name("capture".into())
            .spawn(move || worker.run())?;
        let mut capture = Worker {
            commands,
            wake,
            thread: Some(thread),
        };

        let (commands, receiver) = queue(COMMANDS);
        let (wake, waiter) = notifier();
        let playout = PlayoutWorker::new(
            output,
            reference_writer,
            receiver,
            waiter,
            config.output_period,
            shared.clone(),
        )
        .map_err(|error| VoiceError::Device(Direction::Output, error))
        .and_then(|worker| {
            Ok(thread::Builder::new()
                .name("playout".into())
                .spawn(move || worker.run())?)
        });
        let thread = match playout {
            Ok(thread) => thread,
            Err(error) => {
                capture.stop(CaptureCommand::Stop);
                return Err(error);
            }
        };
        let playout = Worker {
            commands,
            wake,
            thread: Some(thread),
        };
        Ok(Self {
            config,
            capture,
            playout,
            shared,
            events,
        })
    }

    /// Joins a transport's queues to the microphone and the speaker. Of the links that are sent to, the last one
    /// connected gets the packets; all links that are played are heard.
    ///
    /// # Errors
    /// [`VoiceError::Codec`] when there is no memory for a decoder.
    pub fn connect(&self, link: LinkId, port: VoicePort) -> Result<(), VoiceError> {
        self.join(link, port, None)
    }

    /// Joins another transport to the same call in place of the link `from`, without a gap. Both are sent to until `from`
    /// is [taken off](Self::disconnect), since the other end may not be there yet; `from` is heard until `source` (the
    /// other end's number in the meeting; anybody, where none is named) is heard over `to`. A recording of `from` goes on
    /// with `to`.
    ///
    /// # Errors
    /// [`VoiceError::Codec`] when there is no memory for a decoder.
    pub fn hand_over(
        &self,
        from: LinkId,
        to: LinkId,
        port: VoicePort,
        source: Option<u32>,
    ) -> Result<(), VoiceError> {
        self.join(to, port, Some((from, source)))
    }

    fn join(
        &self,
        link: LinkId,
        port: VoicePort,
        after: Option<(LinkId, Option<u32>)>,
    ) -> Result<(), VoiceError> {
        let maker = Maker {
            profile: self.config.profile,
            jitter: self.config.jitter.clone(),
        };
        let spare = maker.make()?;
        let wanted = (port.slots > 1)
            .then(|| maker.start(link, &self.playout))
            .transpose()?;
        let inlet = Inlet::new(link, (port.incoming, port.slots, port.lips), spare, wanted);
        self.playout.tell(PlayoutCommand::Connect(inlet, after));
        let after = after.map(|(from, _)| from);
        self.capture
            .tell(CaptureCommand::Connect(link, port.outgoing, after));
        Ok(())
    }

    /// Takes a link off again.
    pub fn disconnect(&self, link: LinkId) {
        self.capture.tell(CaptureCommand::Disconnect(link));
        self.playout.tell(PlayoutCommand::Disconnect(link));
    }

    /// Leaves what is sent to a link, and what comes from it, to a recording until the link is taken off or the
    /// recording is over.
    pub fn record(&self, link: LinkId, taps: Taps) {
        self.capture.tell(CaptureCommand::Tap(link, taps.this_end));
        self.playout.tell(PlayoutCommand::Tap(link, taps.far_end));
    }

    /// Sends silence instead of the microphone.
    pub fn set_muted(&self, muted: bool) {
        self.capture.tell(CaptureCommand::Mute(muted));
    }

    /// Whether a link may be sent to (`false` on hold).
    pub fn set_sending(&self, link: LinkId, sending: bool) {
        self.capture.tell(CaptureCommand::Send(link, sending));
    }

    /// Whether a link is heard (`false` on hold).
    pub fn set_playing(&self, link: LinkId, playing: bool) {
        self.playout.tell(PlayoutCommand::Play(link, playing));
    }

    /// Silences the speaker (`muteIncomingAudio`).
    pub fn set_incoming_muted(&self, muted: bool) {
        self.playout.tell(PlayoutCommand::Mute(muted));
    }

    /// Changes echo, noise and gain processing.
    pub fn set_processing(&self, processing: Processing) {
        self.capture.tell(CaptureCommand::Process(processing));
    }

    /// Codes and protects so from now on.
    pub fn set_coding(&self, coding: Coding) {
        self.capture.tell(CaptureCommand::Code(coding));
    }

    /// How the voice path trades delay, rate and robustness.
    pub fn profile(&self) -> &Profile {
        &self.config.profile
    }

    /// Sends that sound too, from now on, where the microphone is sent to `link`. It is added to the microphone's after all
    /// processing, and not muted with it. How it is coded is up to [`set_coding`](Self::set_coding). There is one at a time.
    pub fn share_sound(&self, link: LinkId, sound: SharedSound) {
        self.capture.tell(CaptureCommand::Share(link, Box::new(sound)));
    }

    /// The link that shared sound goes to is another one from now on.
    pub fn share_sound_to(&self, link: LinkId) {
        self.capture.tell(CaptureCommand::ShareTo(link));
    }

    /// Whether shared sound is heard (`false` while its owner has yet to agree to being recorded). At first it is.
    pub fn pass_shared_sound(&self, passes: bool) {
        self.capture.tell(CaptureCommand::PassShared(passes));
    }

    /// Sends no other sound any more. Its keeper may be dropped.
    pub fn unshare_sound(&self) {
        self.capture.tell(CaptureCommand::Unshare);
    }

    /// Uses another microphone from now on. Failure comes as [`VoiceEvent::DeviceFailed`].
    pub fn swap_input(&self, device: Box<dyn InputDevice>) {
        self.capture.tell(CaptureCommand::Swap(device));
    }

    /// Uses another speaker from now on. Failure comes as [`VoiceEvent::DeviceFailed`].
    pub fn swap_output(&self, device: Box<dyn OutputDevice>) {
        self.playout.tell(PlayoutCommand::Swap(device));
    }

    /// Statistics, at most a quarter of a second old.
    pub fn stats(&self) -> VoiceStats {
        let real_time = self
            .priorities()
            .iter()
            .all(|p| p.as_ref().is_some_and(Priority::is_real_time));
        VoiceStats {
            real_time,
            ..lock(&self.shared.stats).clone()
        }
    }

    /// Who is heard now and how loud, at most a tenth of a second old. Cheap enough to be asked ten times a second.
    pub fn heard(&self) -> Heard {
        lock(&self.shared.heard).clone()
    }

    /// Scheduling the two workers got, capture first, once they run.
    pub fn priorities(&self) -> [Option<Priority>; 2] {
        lock(&self.shared.priorities).clone()
    }

    /// Next event, if any.
    pub fn poll_event(&self) -> Option<VoiceEvent> {
        self.events.try_recv().ok()
    }
}

impl Drop for VoiceEngine {
    fn drop(&mut self) {
        self.capture.stop(CaptureCommand::Stop);
        self.playout.stop(PlayoutCommand::Stop);
    }
}
