//! What the peer says about the stream we send: loss, jitter and round trip out of RTCP reports (RFC 3550
//! section 6.4). The library parses RTCP but keeps neither the round trip nor reports that ride in sender
//! reports, so this looks at them as they pass.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::sansio;
use rtc::shared::error::Error;
use rtc::shared::marshal::MarshalSize;

use super::bandwidth::{AROUND, Bandwidth};
use crate::packet::{CLOCK_RATE, RtpTimestamp};
use crate::transport::pictures::MediaClock;

/// Sender reports remembered: one a second, so this covers a round trip of several seconds.
const REMEMBERED: usize = 8;

/// The latest report about our stream.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct RemoteReport {
    /// Share lost since the report before, 0 to 1.
    pub(super) fraction_lost: f64,
    pub(super) jitter: Duration,
    pub(super) round_trip: Option<Duration>,
}

/// Where the observer leaves it.
#[derive(Clone, Default)]
pub(super) struct Latest(Arc<Mutex<RemoteReport>>);

impl Latest {
    pub(super) fn get(&self) -> RemoteReport {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When the sound that is sent was captured.
#[derive(Clone, Default)]
pub(super) struct Spoken(Arc<Mutex<Option<(RtpTimestamp, Instant)>>>);

impl Spoken {
    /// The sound with that timestamp, which is sent now.
    pub(super) fn set(&self, timestamp: RtpTimestamp, captured: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((timestamp, captured));
    }

    /// The timestamp of what is captured at that moment, where anything was sent before.
    fn at(&self, moment: Instant) -> Option<RtpTimestamp> {
        let (timestamp, captured) = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        let since = moment.saturating_duration_since(captured).as_nanos();
        let samples = since * u128::from(CLOCK_RATE) / 1_000_000_000;
        // The clock goes round.
        Some(timestamp.advanced_by(samples as u32))
    }
}

/// Looks at reports on their way, and lets everything pass.
pub(super) struct ReportObserver {
    ssrc: u32,
    latest: Latest,
    bandwidth: Bandwidth,
    /// The clock of our pictures, where there are any.
    clock: Option<MediaClock>,
    spoken: Spoken,
    /// Bytes sent since the report before, and when that came.
    bytes: usize,
    since: Option<Instant>,
    /// Middle 32 bits of the NTP time of our sender reports, and when they left.
    sent: VecDeque<(u32, Instant)>,
    reads: VecDeque<TaggedPacket>,
    writes: VecDeque<TaggedPacket>,
}

impl ReportObserver {
    /// For the stream we send from `ssrc`.
    pub(super) fn new(
        ssrc: u32,
        latest: Latest,
        (clock, spoken): (Option<MediaClock>, Spoken),
        bandwidth: Bandwidth,
    ) -> Self {
        Self {
            ssrc,
            latest,
            bandwidth,
            clock,
            spoken,
            bytes: 0,
            since: None,
            sent: VecDeque::with_capacity(REMEMBERED),
            reads: VecDeque::new(),
            writes: VecDeque::new(),
        }
    }

    fn on_sender_report(&mut self, report: &SenderReport, now: Instant) {
        if self.sent.len() == REMEMBERED {
            self.sent.pop_front();
        }
        self.sent.push_back(((report.ntp_time >> 16) as u32, now));
    }

    fn on_reception_report(&mut self, report: &ReceptionReport, now: Instant) {
        if report.ssrc != self.ssrc {
            return;
        }
        let held = Duration::from_secs_f64(f64::from(report.delay) / 65_536.0);
        let sent = self
            .sent
            .iter()
            .find(|(ntp, _)| *ntp == report.last_sender_report);
        // A reply that was held longer than it took is a peer with a broken clock.
        let round_trip = sent.and_then(|(_, at)| now.saturating_duration_since(*at).checked_sub(held));
        let mut latest = self.latest.0.lock().unwrap_or_else(PoisonError::into_inner);
        latest.fraction_lost = f64::from(report.fraction_lost) / 256.0;
        latest.jitter = Duration::from_secs_f64(f64::from(report.jitter) / f64::from(CLOCK_RATE));
        latest.round_trip = round_trip.or(latest.round_trip);
        let (jitter, lost) = (latest.jitter, latest.fraction_lost);
        drop(latest);
        let bits = std::mem::take(&mut self.bytes) as f64 * 8.0;
        let elapsed = self.since.replace(now).map(|since| now - since);
        if let (Some(round_trip), Some(elapsed)) = (round_trip, elapsed) {
            let sent = bits / elapsed.as_secs_f64().max(0.1);
            self.bandwidth.on_report(round_trip, jitter, lost, sent, now);
        }
    }
}

impl sansio::Protocol<TaggedPacket, TaggedPacket, ()> for ReportObserver {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, msg: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(packets) = &msg.message.packet {
            for packet in packets {
                let reports = packet
                    .as_any()
                    .downcast_ref::<ReceiverReport>()
                    .map(|report| &report.reports);
                let sender = || {
                    packet
                        .as_any()
                        .downcast_ref::<SenderReport>()
                        .map(|report| &report.reports)
                };
                for report in reports.or_else(sender).into_iter().flatten() {
                    self.on_reception_report(report, msg.now);
                }
            }
        }
        self.reads.push_back(msg);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.reads.pop_front()
    }

    fn handle_write(&mut self, mut msg: TaggedPacket) -> Result<(), Error> {
        let now = msg.now;
        match &mut msg.message.packet {
            Packet::Rtcp(packets) => {
                for packet in packets {
                    let Some(report) = packet.as_any().downcast_ref::<SenderReport>() else {
                        continue;
                    };
                    self.on_sender_report(report, now);
                    // The library takes sound and pictures for captured when their first packet leaves, long after.
                    let captured = if report.ssrc == self.ssrc {
                        self.spoken.at(now)
                    } else {
                        self.clock.map(|clock| clock.at(now))
                    };
                    if let Some(captured) = captured {
                        let mut report = report.clone();
                        report.rtp_time = captured.0;
                        *packet = Box::new(report);
                    }
                }
            }
            Packet::Rtp(packet) => self.bytes += packet.marshal_size() + AROUND,
            _ => {}
        }
        self.writes.push_back(msg);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.writes.pop_front()
    }
}

impl Interceptor for ReportObserver {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_tell_when_sound_was_captured() {
        let (spoken, now) = (Spoken::default(), Instant::now());
        assert_eq!(spoken.at(now), None);
        spoken.set(RtpTimestamp(u32::MAX - 479), now);
        assert_eq!(
            spoken.at(now + Duration::from_millis(30)),
            Some(RtpTimestamp(960))
        );
    }

    #[test]
    fn the_round_trip_is_what_was_not_held() {
        let (latest, now) = (Latest::default(), Instant::now());
        let (signals, _) = tokio::sync::mpsc::unbounded_channel();
        let mut observer = ReportObserver::new(
            7,
            latest.clone(),
            Default::default(),
            Bandwidth::new(signals, false, now),
        );
        observer.on_sender_report(
            &SenderReport {
                ntp_time: 0x1234_5678_9abc_def0,
                ..Default::default()
            },
            now,
        );
        let report = ReceptionReport {
            ssrc: 7,
            fraction_lost: 64,
            jitter: 480,
            last_sender_report: 0x5678_9abc,
            delay: 65_536 / 2,
            ..Default::default()
        };
        observer.on_reception_report(&report, now + Duration::from_millis(620));
        let seen = latest.get();
        assert_eq!(seen.fraction_lost, 0.25);
        assert_eq!(seen.jitter, Duration::from_millis(10));
        assert_eq!(seen.round_trip, Some(Duration::from_millis(120)));

        observer.on_reception_report(
            &ReceptionReport {
                ssrc: 8,
                fraction_lost: 255,
                ..report
            },
            now,
        );
        assert_eq!(latest.get(), seen, "another stream");
        observer.on_reception_report(&report, now);
        assert_eq!(
            latest.get().round_trip,
            seen.round_trip,
            "a reply before the question is ignored"
        );
    }
}
