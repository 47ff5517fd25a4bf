//! The clock of a headless device: calls its body once a period.
//!
//! Deadlines are absolute, computed from the sample number, so lateness never adds up; a late thread catches up
//! by calling several times. It refuses to know what a call does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sidetone_pipeline::promote_current_thread;

use super::manual::ManualClock;
use super::timeline::Timeline;
use crate::device::{DeviceError, DeviceInfo};

/// Longest sleep in one piece, so that a device which waits for a distant start can still be closed.
const NAP: Duration = Duration::from_millis(50);

/// What happens once a period.
pub(super) trait Tick: Send {
    fn tick(&mut self, at: Instant);
}

/// When the ticks come: tick `k` at sample `first + k * period` of the timeline.
#[derive(Clone, Copy)]
pub(super) struct Schedule {
    pub(super) timeline: Timeline,
    pub(super) period: u32,
    pub(super) first: i64,
}

impl Schedule {
    pub(super) fn deadline(&self, tick: u64) -> Instant {
        self.timeline
            .at(self.first.saturating_add((tick * u64::from(self.period)) as i64))
    }
}

/// Which clock drives a headless device.
#[derive(Clone)]
pub enum Pacing {
    /// A thread on the machine's clock, at real-time priority where the system grants it.
    Real {
        /// Moment of sample 0. `None`: as soon as the device is opened. A moment in the past is caught up with.
        epoch: Option<Instant>,
        /// How much faster than nominal the device's crystal runs, in millionths.
        skew_ppm: f64,
        /// Filled in while it runs.
        lateness: Lateness,
    },
    /// Nothing happens until the test steps it.
    Manual(ManualClock),
}

impl Default for Pacing {
    fn default() -> Self {
        Self::Real {
            epoch: None,
            skew_ppm: 0.0,
            lateness: Lateness::default(),
        }
    }
}

impl Pacing {
    /// Real time with sample 0 at `epoch`.
    pub fn starting_at(epoch: Instant) -> Self {
        Self::Real {
            epoch: Some(epoch),
            skew_ppm: 0.0,
            lateness: Lateness::default(),
        }
    }

    /// Real time with a crystal that is off by `skew_ppm` millionths.
    pub fn skewed(skew_ppm: f64) -> Self {
        Self::Real {
            epoch: None,
            skew_ppm,
            lateness: Lateness::default(),
        }
    }

    /// The timeline of a stream that is opened now. `lead` is how long before the epoch the first tick comes.
    pub(super) fn timeline(&self, rate: u32, lead: Duration) -> Timeline {
        match self {
            Self::Real { epoch, skew_ppm, .. } => {
                Timeline::new(epoch.unwrap_or_else(|| Instant::now() + lead), rate, *skew_ppm)
            }
            Self::Manual(clock) => Timeline::new(clock.now() + lead, rate, 0.0),
        }
    }

    /// Starts ticking. Dropping the result stops it, and drops the body, before it returns.
    pub(super) fn run(
        &self,
        name: &'static str,
        schedule: Schedule,
        body: Box<dyn Tick>,
        info: &DeviceInfo,
    ) -> Result<Box<dyn Send>, DeviceError> {
        match self {
            Self::Manual(clock) => Ok(Box::new(clock.register(schedule, body))),
            Self::Real { lateness, .. } => {
                let thread = PacerThread::start(name, schedule, body, lateness.clone());
                let thread = thread.map_err(|error| DeviceError::Unavailable {
                    id: info.id.0.clone(),
                    reason: format!("no thread: {error}"),
                })?;
                Ok(Box::new(thread))
            }
        }
    }
}

/// How late the ticks of a real clock came, readable while it runs.
#[derive(Clone, Debug, Default)]
pub struct Lateness {
    inner: Arc<LatenessCounters>,
}

#[derive(Debug, Default)]
struct LatenessCounters {
    ticks: AtomicU64,
    total_nanos: AtomicU64,
    max_nanos: AtomicU64,
}

impl Lateness {
    fn record(&self, late: Duration) {
        let nanos = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX);
        self.inner.ticks.fetch_add(1, Ordering::Relaxed);
        self.inner.total_nanos.fetch_add(nanos, Ordering::Relaxed);
        self.inner.max_nanos.fetch_max(nanos, Ordering::Relaxed);
    }

    /// Ticks so far.
    pub fn ticks(&self) -> u64 {
        self.inner.ticks.load(Ordering::Relaxed)
    }

    /// Mean time from deadline to call.
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(self.inner.total_nanos.load(Ordering::Relaxed) / self.ticks().max(1))
    }

    /// Worst time from deadline to call.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.inner.max_nanos.load(Ordering::Relaxed))
    }
}

struct PacerThread {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl PacerThread {
    fn start(
        name: &'static str,
        schedule: Schedule,
        mut body: Box<dyn Tick>,
        lateness: Lateness,
    ) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::Builder::new().name(name.into()).spawn(move || {
            let rate = schedule.timeline.rate();
            promote_current_thread(Duration::from_secs_f64(f64::from(schedule.period) / rate));
            sharpen_timer();
            for tick in 0.. {
                let deadline = schedule.deadline(tick);
                loop {
                    if stopped.load(Ordering::Acquire) {
                        return;
                    }
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        break;
                    }
                    std::thread::sleep(left.min(NAP));
                }
                let now = Instant::now();
                lateness.record(now.saturating_duration_since(deadline));
                body.tick(now);
            }
        })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for PacerThread {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Asks the kernel for exact wake-ups. Normal threads may otherwise be woken 50 us late to save power; spinning
/// until the deadline would be as exact but would burn what the benchmark measures.
fn sharpen_timer() {
    #[cfg(target_os = "linux")]
    {
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
    }
}
