//! One direction of a call in virtual time: a microphone's blocks into packets, packets over the network, packets into
//! a speaker's blocks, and the receiver's reports back.

use std::time::{Duration, Instant};

use sidetone_media::bandwidth::{Estimate, Feedback};
use sidetone_media::jitter::JitterConfig;
use sidetone_media::packet::{RtpTimestamp, VoicePacket};
use sidetone_media::transport::rtp::{self, Negotiated, Packet, RED_PAYLOAD_TYPE};
use sidetone_media::voice::{
    Adaptation, BLOCK, Bitrate, Coding, Downlink, Processing, Profile, RATE, Report, Terms, Uplink,
};
use sidetone_netsim::Link;
use sidetone_pipeline::Pool;

use super::matrix::Case;

/// Bytes of the headers of a packet: IPv4, UDP, RTP with its fixed header, and one word for the header of the extensions
/// and two for level and transport-wide number with their padding (RFC 8285 section 4.2).
pub const HEADERS: usize = 20 + 8 + 12 + 12;

/// Bytes that SRTP adds: its authentication tag (RFC 3711 section 5.2).
const SRTP: usize = 10;

/// Source of the stream.
const SSRC: u32 = 7;

/// From one reception report to the next (RFC 3550 section 6.2 has them about so often at our rates).
const REPORT: Duration = Duration::from_secs(1);

/// What both ends agreed on: what two of our engines do.
pub const NEGOTIATED: Negotiated = Negotiated {
    payload_type: rtp::OPUS_PAYLOAD_TYPE,
    level_id: Some(1),
    red_payload_type: Some(RED_PAYLOAD_TYPE),
    capture_id: None,
};

/// A call to run.
pub struct Call<'a> {
    pub case: &'a Case,
    pub seed: u64,
    /// Code so, instead of adapting.
    pub fixed: Option<Coding>,
    /// Most that may be sent, headers included.
    pub cap: Bitrate,
}

/// What came out of one receiver.
#[derive(Default)]
pub struct Heard {
    /// The sound, from the first sample of the stream on.
    pub samples: Vec<f32>,
    /// Mouth to ear, of every block while the stream played.
    pub delays_ms: Vec<f64>,
    pub packets: u64,
    /// With headers.
    pub wire_bytes: u64,
    pub seconds: f64,
    /// Share of the packets that did not arrive.
    pub lost: f64,
    pub concealed: u64,
    pub red: u64,
    pub fec: u64,
    pub dred: u64,
    pub stretched: u64,
    /// What was sent in each second, in kbit/s.
    pub rates: Vec<f64>,
}

impl Heard {
    pub fn wire_kbps(&self) -> f64 {
        self.wire_bytes as f64 * 8.0 / 1000.0 / self.seconds.max(1e-3)
    }

    pub fn srtp_kbps(&self) -> f64 {
        (self.wire_bytes + self.packets * SRTP as u64) as f64 * 8.0 / 1000.0 / self.seconds.max(1e-3)
    }
}

/// What the receiver saw of one interval, for its report (RFC 3550 section 6.4.1).
#[derive(Default)]
struct Reception {
    lowest: Option<u16>,
    highest: Option<u16>,
    received: u16,
    /// Transit of the packet before, and the smoothed difference from one to the next, in seconds.
    transit: Option<f64>,
    jitter: f64,
}

impl Reception {
    fn note(&mut self, sequence: u16, transit: f64) {
        let difference = self
            .transit
            .replace(transit)
            .map_or(0.0, |before| transit - before);
        self.jitter += (difference.abs() - self.jitter) / 16.0;
        let newer = |a: u16, b: u16| (a.wrapping_sub(b) as i16) > 0;
        if self.highest.is_none_or(|highest| newer(sequence, highest)) {
            self.highest = Some(sequence);
        }
        self.lowest.get_or_insert(sequence);
        self.received = self.received.saturating_add(1);
    }

    /// Fraction lost since the report before, in the resolution that RTCP has.
    fn report(&mut self) -> f64 {
        let (Some(lowest), Some(highest)) = (self.lowest, self.highest) else {
            return 0.0;
        };
        let expected = highest.wrapping_sub(lowest);
        let lost = f64::from(expected.saturating_sub(self.received)) / f64::from(expected.max(1));
        (self.lowest, self.received) = (Some(highest), 0);
        (lost * 256.0).floor() / 256.0
    }
}

impl Call<'_> {
    /// Runs it with our receiver.
    ///
    /// # Errors
    /// Whatever the codec refuses when it is made.
    pub fn run(&self, reference: &[f32]) -> Result<Heard, sidetone_opus::Error> {
        let start = Instant::now();
        let pool = Pool::new(512, || VoicePacket::empty(start));
        let profile = Profile::BALANCED;
        let mut uplink = Uplink::new(&profile, Processing::OFF, pool.clone(), self.seed)?;
        let mut downlink = Downlink::new(&profile, JitterConfig::default(), start)?;
        let mut adaptation = Adaptation::default();
        let look_ahead = uplink.look_ahead() as i64;
        let mut terms = Terms {
            profile,
            cap: self.cap,
            limit: Estimate::FIRST.limit,
            congested: false,
            red: true,
            sound: false,
        };
        uplink.set_coding(self.fixed.unwrap_or_else(|| adaptation.choose(&terms)));
        let mut feedback = Feedback::new(self.cap, start);
        let mut link: Link<(u64, Instant, Packet)> = Link::new(self.case.network, self.seed);
        let speed = 1.0 + self.case.drift_ppm * 1e-6;
        let captured =
            |samples: i64| start + Duration::from_secs_f64(samples as f64 / f64::from(RATE) / speed);
        let mut heard = Heard {
            seconds: reference.len() as f64 / f64::from(RATE),
            ..Heard::default()
        };
        let mut reception = Reception::default();
        let (mut first, mut blocks, mut pulled) = (None, 0, 0_u64);
        let mut next_report = start + REPORT;
        // The report travels back; its way is as long as the other.
        let mut reports: Vec<(Instant, Report)> = Vec::new();
        let sound: Vec<&[f32]> = reference.chunks_exact(BLOCK).collect();
        // Until all was heard; the last packet may be lost.
        let end = captured(reference.len() as i64) + Duration::from_secs(2);
        let mut position = 0;
        loop {
            let now = start + Duration::from_secs_f64(pulled as f64 / f64::from(RATE));
            // One more block would be of what was never said.
            if now > end || position + BLOCK as i64 >= reference.len() as i64 {
                break;
            }
            while let Some(block) = sound.get(blocks)
                && captured(((blocks + 1) * BLOCK) as i64) <= now
            {
                blocks += 1;
                let at = captured((blocks * BLOCK) as i64);
                if let Some(estimate) = feedback.estimate(at) {
                    (terms.limit, terms.congested) = (estimate.limit, estimate.congested);
                    if self.fixed.is_none() {
                        uplink.set_coding(adaptation.choose(&terms));
                    }
                }
                reports.retain(|(due, report)| {
                    if *due <= at && self.fixed.is_none() {
                        uplink.set_coding(adaptation.report(report, &terms));
                    }
                    *due > at
                });
                let Ok(block) = <&[f32; BLOCK]>::try_from(*block) else {
                    continue;
                };
                if let Some(packet) = uplink.push(block, at) {
                    first.get_or_insert(packet.timestamp);
                    let packet = rtp::write(&packet, SSRC, NEGOTIATED);
                    let bytes = HEADERS + packet.payload.len();
                    heard.packets += 1;
                    heard.wire_bytes += bytes as u64;
                    let elapsed = at - start;
                    let second = elapsed.as_secs() as usize;
                    heard.rates.resize(heard.rates.len().max(second + 1), 0.0);
                    heard.rates[second] += bytes as f64 * 8e-3;
                    link.set_config(self.case.network_at(elapsed));
                    link.send((feedback.sent(bytes, at), at, packet), bytes, at);
                }
            }
            while let Some(at) = link.next_timeout().filter(|at| *at <= now) {
                while let Some((number, sent, packet)) = link.poll(at) {
                    feedback.came(number, false, at);
                    reception.note(packet.header.sequence_number, (at - sent).as_secs_f64());
                    if let Some(mut voice) = pool.take()
                        && rtp::read(&packet, NEGOTIATED, at, &mut voice).is_ok()
                    {
                        downlink.insert(voice);
                    }
                }
            }
            let there = now + self.case.network.delay;
            feedback.report(now, there);
            if now >= next_report {
                next_report += REPORT;
                let report = Report {
                    fraction_lost: reception.report(),
                    jitter: Duration::from_secs_f64(reception.jitter),
                };
                reports.push((there, report));
            }
            let length = if downlink.is_playing() { BLOCK } else { BLOCK / 4 };
            let mut out = [0.0; BLOCK];
            // What the pull begins with is known before it, and after the first.
            let before = downlink.playout_timestamp();
            downlink.pull(&mut out[..length], now);
            if let (Some(timestamp), Some(first)) = (before, first) {
                position = RtpTimestamp::distance(timestamp, first).into();
                if position > look_ahead {
                    let delay = now.saturating_duration_since(captured(position - look_ahead));
                    heard.delays_ms.push(delay.as_secs_f64() * 1e3);
                }
            }
            heard.samples.extend_from_slice(&out[..length]);
            pulled += length as u64;
        }
        let stats = downlink.stats().jitter;
        let link = link.stats();
        heard.lost = (link.lost + link.dropped) as f64 / link.sent.max(1) as f64;
        heard.concealed = stats.concealed_samples;
        heard.red = stats.red_samples;
        heard.fec = stats.fec_samples;
        heard.dred = stats.dred_samples;
        heard.stretched = stats.inserted_samples_for_deceleration + stats.removed_samples_for_acceleration;
        Ok(heard)
    }
}
