//! The sound server of Linux desktops: PulseAudio, or PipeWire in its place.
//!
//! Each stream that another program plays is recorded by itself, before it is mixed: what a sink plays as a whole has the
//! call in it. The streams come by the clocks of their sinks, and are brought to the system's, which ticks for the device.
//! A thread does all of it. It refuses to change anything in the server but to record.

mod connection;
mod streams;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use sidetone_pipeline::Notifier;

use super::super::convert::ENGINE_RATE;
use super::super::elastic::BLOCK;
use super::super::{
    CaptureCallback, CaptureStream, DeviceError, DeviceId, DeviceInfo, Direction, EventSender, InputDevice,
    LatencyGauge, StreamEvent, StreamFormat, StreamRequest, stream_events,
};
use connection::Connection;
use streams::Streams;

const FORMAT: StreamFormat = StreamFormat {
    sample_rate: ENGINE_RATE,
    channels: 1,
};

/// How long a block is.
const TICK: Duration = Duration::from_millis(10);

/// A thread that is behind by more does not catch up: the sound of that time is gone.
const BEHIND: Duration = Duration::from_millis(200);

/// See [`input`](super::input).
pub fn input() -> Result<Box<dyn InputDevice>, DeviceError> {
    probe()?;
    Ok(Box::new(SystemSound))
}

/// See [`probe`](super::probe).
pub fn probe() -> Result<(), DeviceError> {
    Connection::open().map(drop)
}

struct SystemSound;

impl InputDevice for SystemSound {
    fn info(&self) -> DeviceInfo {
        DeviceInfo {
            id: DeviceId("pulse:system-sound".into()),
            name: "What other programs play".into(),
            host: "pulse".into(),
            direction: Direction::Input,
            is_default: false,
            default_format: Some((FORMAT, "f32".into())),
        }
    }

    fn open(&mut self, _: StreamRequest, wake: Notifier) -> Result<CaptureStream, DeviceError> {
        let streams = Streams::new(Connection::open()?)?;
        let (callback, samples, clock) = CaptureCallback::new(FORMAT, BLOCK as u32, wake);
        let (sender, events) = stream_events();
        let keeper = Keeper::start(streams, callback, sender).map_err(|error| DeviceError::Unavailable {
            id: self.info().id.0,
            reason: format!("no thread: {error}"),
        })?;
        Ok(CaptureStream {
            format: FORMAT,
            period: BLOCK as u32,
            samples,
            clock,
            events,
            hardware_latency: LatencyGauge::default(),
            keep: Box::new(keeper),
        })
    }
}

/// Runs the thread until dropped.
struct Keeper {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    fn start(
        mut streams: Streams,
        mut callback: CaptureCallback,
        events: EventSender,
    ) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = thread::Builder::new()
            .name("system sound".into())
            .spawn(move || {
                let mut due = Instant::now() + TICK;
                while !stopped.load(Ordering::Acquire) {
                    if let Err(error) = streams.work(due) {
                        tracing::warn!(%error, "the sound server is gone");
                        events.send(StreamEvent::Lost);
                        return;
                    }
                    let now = Instant::now();
                    if now > due + BEHIND {
                        due = now;
                    }
                    while due <= now {
                        callback.run_f32(&streams.mix(), now);
                        due += TICK;
                    }
                }
            })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has already said so.
            let _ = thread.join();
        }
    }
}
