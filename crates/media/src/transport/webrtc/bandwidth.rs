//! What the path carries: feeds the estimator what the library sees, and tells the session what it says.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rtc::interceptor::{BandwidthEstimator as Follower, PacketReport};
use tokio::sync::mpsc::UnboundedSender;

use super::signals::Signal;
use crate::bandwidth::{BandwidthEstimator, Delivery, Estimate};
use crate::voice::VOICE_RATE;

/// Bytes around an RTP packet: IPv4, UDP, and the tag of SRTP (RFC 3711 section 5.2).
pub(super) const AROUND: usize = 20 + 8 + 10;

/// The estimator of one connection, shared by those that feed it and those that ask.
#[derive(Clone)]
pub(super) struct Bandwidth {
    estimator: Arc<Mutex<BandwidthEstimator>>,
    signals: UnboundedSender<Signal>,
}

impl Bandwidth {
    pub(super) fn new(signals: UnboundedSender<Signal>, now: Instant) -> Self {
        Self {
            estimator: Arc::new(Mutex::new(BandwidthEstimator::new(VOICE_RATE, now))),
            signals,
        }
    }

    fn lock(&self) -> MutexGuard<'_, BandwidthEstimator> {
        self.estimator.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, changed: Option<Estimate>) {
        if let Some(estimate) = changed {
            // Nobody listens while closing.
            let _ = self.signals.send(Signal::Estimate(estimate));
        }
    }

    /// What may be sent now.
    pub(super) fn estimate(&self) -> Estimate {
        self.lock().estimate()
    }

    /// A reception report, for peers that say nothing of single packets.
    pub(super) fn on_report(
        &self,
        round_trip: Duration,
        jitter: Duration,
        lost: f64,
        sent: f64,
        now: Instant,
    ) {
        let changed = self.lock().on_report(round_trip, jitter, lost, sent, now);
        self.tell(changed);
    }
}

impl Follower for Bandwidth {
    fn on_reports(&mut self, now: Instant, reports: &[PacketReport]) {
        let packets: Vec<Delivery> = reports
            .iter()
            .map(|report| Delivery {
                departed: report.departure,
                arrived: report.arrival.filter(|_| report.arrived),
                bytes: report.size + AROUND,
            })
            .collect();
        let changed = self.lock().on_feedback(&packets, now);
        self.tell(changed);
    }

    fn target_bitrate(&self) -> f64 {
        // For a pacer; voice has none.
        f64::from(VOICE_RATE.bits_per_second())
    }
}
