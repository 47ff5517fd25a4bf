//! What the path carries: feeds the estimator what the library sees, and tells the session what it says.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rtc::interceptor::{BandwidthEstimator as Follower, PacketReport};
use sidetone_opus::Bitrate;
use tokio::sync::mpsc::UnboundedSender;

use super::signals::Signal;

use crate::bandwidth::{BandwidthEstimator, Delivery, Estimate};
use crate::packet::SequenceNumber;
use crate::video::Report;
use crate::voice::VOICE_RATE;

/// Bytes around an RTP packet: IPv4, UDP, and the tag of SRTP (RFC 3711 section 5.2).
pub(super) const AROUND: usize = 20 + 8 + 10;

/// Most reports kept for pictures: they are fetched as they come.
const MOST: usize = 4096;

/// The estimator of one connection, shared by those that feed it and those that ask.
#[derive(Clone)]
pub(super) struct Bandwidth {
    estimator: Arc<Mutex<Estimation>>,
    signals: UnboundedSender<Signal>,
}

struct Estimation {
    estimator: BandwidthEstimator,
    wanted: Bitrate,
    /// What became of single packets, for pictures to see; `None` where there are none.
    reports: Option<Vec<Report>>,
}

impl Bandwidth {
    /// `pictures` is whether somebody fetches reports.
    pub(super) fn new(signals: UnboundedSender<Signal>, pictures: bool, now: Instant) -> Self {
        Self {
            estimator: Arc::new(Mutex::new(Estimation {
                estimator: BandwidthEstimator::new(VOICE_RATE, now),
                wanted: VOICE_RATE,
                reports: pictures.then(Vec::new),
            })),
            signals,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Estimation> {
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
        self.lock().estimator.estimate()
    }

    /// What became of single packets since the last call.
    pub(super) fn take_reports(&self) -> Vec<Report> {
        self.lock()
            .reports
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// What sound and pictures together can use.
    pub(super) fn set_wanted(&self, wanted: Bitrate, now: Instant) {
        let mut estimation = self.lock();
        if estimation.wanted != wanted {
            estimation.wanted = wanted;
            let changed = estimation.estimator.set_wanted(wanted, now);
            drop(estimation);
            self.tell(changed);
        }
    }

    /// What a burst of padding has found.
    pub(super) fn on_probe(&self, found: Bitrate, now: Instant) {
        let changed = self.lock().estimator.on_probe(found, now);
        self.tell(changed);
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
        let changed = self
            .lock()
            .estimator
            .on_report(round_trip, jitter, lost, sent, now);
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
        let mut estimation = self.lock();
        let changed = estimation.estimator.on_feedback(&packets, now);
        if let Some(kept) = &mut estimation.reports {
            let told = reports.iter().zip(&packets).map(|(report, delivery)| Report {
                ssrc: report.ssrc,
                sequence: SequenceNumber(report.rtp_sequence_number),
                delivery: *delivery,
            });
            let room = MOST.saturating_sub(kept.len());
            kept.extend(told.take(room));
        }
        drop(estimation);
        self.tell(changed);
    }

    fn target_bitrate(&self) -> f64 {
        // For a pacer; voice has none.
        f64::from(VOICE_RATE.bits_per_second())
    }
}
