//! Both ends of the feedback in one place, for paths in memory: what the receiver would tell of single packets, and the
//! sender's side of it.

use std::collections::VecDeque;
use std::time::Instant;

use sidetone_opus::Bitrate;

use super::{BandwidthEstimator, Delivery, Estimate, Reporting};

/// Packets kept of which nothing is told, as when none comes through.
const MOST: usize = 1000;

/// Packets sent and not yet told of, and reports under way.
#[derive(Debug)]
pub struct Feedback {
    estimator: BandwidthEstimator,
    start: Instant,
    sent: VecDeque<Delivery>,
    /// Number of the first of `sent`.
    first: u64,
    /// Come since the last report: number, and when.
    came: Vec<(u64, Instant)>,
    reporting: Reporting,
    reports: VecDeque<(Instant, Vec<(u64, Instant)>)>,
    /// What became of single packets, while somebody fetches it.
    told: Vec<(u64, Delivery)>,
}

impl Feedback {
    /// For a sender that wants at most `cap`.
    pub fn new(cap: Bitrate, start: Instant) -> Self {
        Self {
            estimator: BandwidthEstimator::new(cap, start),
            start,
            sent: VecDeque::new(),
            first: 0,
            came: Vec::new(),
            reporting: Reporting::new(start),
            reports: VecDeque::new(),
            told: Vec::new(),
        }
    }

    /// Numbers a packet that leaves.
    pub fn sent(&mut self, bytes: usize, now: Instant) -> u64 {
        if self.sent.len() == MOST {
            self.sent.pop_front();
            self.first += 1;
        }
        self.sent.push_back(Delivery {
            departed: now,
            arrived: None,
            bytes,
        });
        self.first + self.sent.len() as u64 - 1
    }

    /// A packet came; `padding` is whether it was nothing else.
    pub fn came(&mut self, number: u64, padding: bool, now: Instant) {
        self.reporting.came(padding, now);
        self.came.push((number, now));
    }

    /// The receiver's timer: its report is at the sender at `there`.
    pub fn report(&mut self, now: Instant, there: Instant) {
        if now >= self.reporting.due() {
            self.reporting.reported(now);
            if !self.came.is_empty() {
                self.reports.push_back((there, std::mem::take(&mut self.came)));
            }
        }
    }

    /// What may be sent, when a report that has come by now changes it.
    pub fn estimate(&mut self, now: Instant) -> Option<Estimate> {
        let mut changed = None;
        while self.reports.front().is_some_and(|(due, _)| *due <= now) {
            let Some((_, came)) = self.reports.pop_front() else {
                break;
            };
            let mut known = 0;
            for (number, at) in came {
                // A duplicate, or one that was given up: told of already.
                let Some(index) = number.checked_sub(self.first) else {
                    continue;
                };
                if let Some(packet) = self.sent.get_mut(index as usize) {
                    packet.arrived = Some(at - self.start);
                    known = known.max(index as usize + 1);
                }
            }
            self.first += known as u64;
            let packets: Vec<Delivery> = self.sent.drain(..known).collect();
            let number = self.first - known as u64;
            let room = MOST.saturating_sub(self.told.len());
            self.told
                .extend((number..).zip(packets.iter().copied()).take(room));
            changed = self.estimator.on_feedback(&packets, now).or(changed);
        }
        changed
    }

    /// What became of single packets since the last call, by their numbers; the oldest some, where nobody calls.
    pub fn take_told(&mut self) -> Vec<(u64, Delivery)> {
        std::mem::take(&mut self.told)
    }

    /// See [`BandwidthEstimator::set_wanted`].
    pub fn set_wanted(&mut self, wanted: Bitrate, now: Instant) -> Option<Estimate> {
        self.estimator.set_wanted(wanted, now)
    }

    /// See [`BandwidthEstimator::on_probe`].
    pub fn on_probe(&mut self, found: Bitrate, now: Instant) -> Option<Estimate> {
        self.estimator.on_probe(found, now)
    }

    /// What may be sent now.
    pub fn current(&self) -> Estimate {
        self.estimator.estimate()
    }
}
