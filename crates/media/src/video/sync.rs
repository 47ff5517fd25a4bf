//! Lip sync: by how much sound must wait for pictures, or they for it, so that what was captured together is played
//! together. The common clock is the sender's, as its reports (RFC 3550 section 6.4.1) or each packet's capture time
//! (abs-capture-time) tell.

use std::time::{Duration, Instant};

/// URI of the absolute capture time header extension.
pub const ABSOLUTE_CAPTURE_TIME_URI: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";

/// A time of a sender's clock, in units of 2^-32 s since 1900 (RFC 5905 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NtpTime(pub u64);

impl NtpTime {
    /// Seconds from `earlier` to here; negative where that is later.
    fn since(self, earlier: Self) -> f64 {
        self.0.wrapping_sub(earlier.0) as i64 as f64 / (1u64 << 32) as f64
    }
}

/// The absolute capture time extension: when the picture or sound was captured, by the clock of the device that did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbsoluteCaptureTime {
    /// By the capturer's clock.
    pub captured: NtpTime,
    /// What that clock is ahead of the sender's, in units of 2^-32 s, where somebody between them tells.
    pub clock_offset: Option<i64>,
}

impl AbsoluteCaptureTime {
    /// Reads the extension: 8 bytes, or 16.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (captured, rest) = bytes.split_first_chunk()?;
        Some(Self {
            captured: NtpTime(u64::from_be_bytes(*captured)),
            clock_offset: rest.first_chunk().map(|offset| i64::from_be_bytes(*offset)),
        })
    }

    /// Writes it, without an offset.
    pub fn write(captured: NtpTime) -> [u8; 8] {
        captured.0.to_be_bytes()
    }
}

/// Which of the sender's times belongs to which media timestamp, of one stream.
#[derive(Clone, Copy, Debug)]
pub struct Timeline {
    clock_rate: u32,
    /// Last pair known.
    pair: Option<(NtpTime, u32)>,
}

impl Timeline {
    /// Of a stream with that RTP clock rate, in Hz (not zero).
    pub const fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate,
            pair: None,
        }
    }

    /// A sender report, or a capture time, says that the media timestamp `rtp` is `ntp`.
    pub fn note(&mut self, ntp: NtpTime, rtp: u32) {
        self.pair = Some((ntp, rtp));
    }

    /// The sender's time of a media timestamp that lies within some hours of the last pair.
    pub fn at(&self, rtp: u32) -> Option<NtpTime> {
        let (ntp, known) = self.pair?;
        let ticks = i64::from(rtp.wrapping_sub(known) as i32);
        let units = (ticks << 32) / i64::from(self.clock_rate);
        Some(NtpTime(ntp.0.wrapping_add_signed(units)))
    }
}

/// Something that was played, or is going to be: its place in its stream and when.
#[derive(Clone, Copy, Debug)]
pub struct Played {
    /// Sender's time.
    captured: NtpTime,
    /// Here.
    at: Instant,
}

/// Share of the difference that is mended at a time.
const SHARE: f64 = 0.5;

/// Differences that nobody notices, in seconds: half of what is allowed (ITU-R BT.1359 finds 45 ms noticeable).
const FINE: f64 = 0.010;

/// Longest delay asked of either. A difference that needs more is no delay of the path but of a clock.
const MOST: Duration = Duration::from_millis(800);

/// How far the least delays move at a time.
const STEP: Duration = Duration::from_millis(40);

/// Aligns one stream of sound and one of pictures of the same sender.
#[derive(Clone, Debug)]
pub struct LipSync {
    audio: Timeline,
    video: Timeline,
    heard: Option<Played>,
    seen: Option<Played>,
    audio_minimum: Duration,
    video_minimum: Duration,
}

impl LipSync {
    /// For streams with those RTP clock rates, in Hz.
    pub const fn new(audio_clock_rate: u32, video_clock_rate: u32) -> Self {
        Self {
            audio: Timeline::new(audio_clock_rate),
            video: Timeline::new(video_clock_rate),
            heard: None,
            seen: None,
            audio_minimum: Duration::ZERO,
            video_minimum: Duration::ZERO,
        }
    }

    /// The sound's timeline, to note what reports say.
    pub fn audio(&mut self) -> &mut Timeline {
        &mut self.audio
    }

    /// The pictures' timeline, to note what reports say.
    pub fn video(&mut self) -> &mut Timeline {
        &mut self.video
    }

    /// Sound with the media timestamp `rtp` is played at `at`.
    pub fn audio_played(&mut self, rtp: u32, at: Instant) {
        self.heard = self.audio.at(rtp).map(|captured| Played { captured, at });
    }

    /// The picture with the media timestamp `rtp` is shown at `at`.
    pub fn video_shown(&mut self, rtp: u32, at: Instant) {
        self.seen = self.video.at(rtp).map(|captured| Played { captured, at });
    }

    /// By how much pictures are behind the sound now, in seconds; negative where they are ahead. `None` before both
    /// timelines are known.
    pub fn video_behind(&self) -> Option<f64> {
        let (heard, seen) = (self.heard?, self.seen?);
        let passed = if seen.at >= heard.at {
            (seen.at - heard.at).as_secs_f64()
        } else {
            -(heard.at - seen.at).as_secs_f64()
        };
        Some(passed - seen.captured.since(heard.captured))
    }

    /// Least delays for sound and pictures that bring them together, given those they have now: to be asked some times a
    /// second. What has to wait waits longer; what waits for nothing any more, less. `None` where nothing should change.
    pub fn adjust(&mut self, audio_delay: Duration, video_delay: Duration) -> Option<(Duration, Duration)> {
        let behind = self.video_behind()?;
        if behind.abs() <= FINE || behind.abs() > 2.0 * MOST.as_secs_f64() {
            return None;
        }
        let amount = Duration::from_secs_f64(behind.abs() * SHARE).min(STEP);
        let (late, early, early_delay) = if behind > 0.0 {
            (&mut self.video_minimum, &mut self.audio_minimum, audio_delay)
        } else {
            (&mut self.audio_minimum, &mut self.video_minimum, video_delay)
        };
        if late.is_zero() {
            *early = ((*early).max(early_delay) + amount).min(MOST);
        } else {
            *late = late.saturating_sub(amount);
        }
        Some((self.audio_minimum, self.video_minimum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NTP_START: u64 = 0xe000_0000_0000_0000;

    fn ntp(seconds: f64) -> NtpTime {
        NtpTime(NTP_START.wrapping_add_signed((seconds * (1u64 << 32) as f64) as i64))
    }

    #[test]
    fn timelines_go_over_the_turn_of_their_counters() {
        let mut timeline = Timeline::new(90_000);
        assert_eq!(timeline.at(0), None);
        timeline.note(ntp(0.0), u32::MAX - 44_999);
        let after = timeline.at(45_000).unwrap();
        assert!((after.since(ntp(0.0)) - 1.0).abs() < 1e-6);
        let before = timeline.at(u32::MAX - 134_999).unwrap();
        assert!((before.since(ntp(0.0)) + 1.0).abs() < 1e-6);
    }

    #[test]
    fn capture_times_are_read_in_both_lengths() {
        let short = AbsoluteCaptureTime::write(ntp(1.5));
        let read = AbsoluteCaptureTime::read(&short).unwrap();
        assert_eq!((read.captured, read.clock_offset), (ntp(1.5), None));
        let long = [short, (-3i64).to_be_bytes()].concat();
        assert_eq!(AbsoluteCaptureTime::read(&long).unwrap().clock_offset, Some(-3));
        assert_eq!(AbsoluteCaptureTime::read(&short[..7]), None);
    }

    proptest! {
        /// Sound and pictures whose own delays differ by up to half a second, and change once: some seconds later they are
        /// within 20 ms, and one of them has no more delay than it needs.
        #[test]
        fn sound_and_pictures_come_together(
            audio_own in 0.02f64..0.5, video_own in 0.02f64..0.5, later_audio in 0.02f64..0.5, skew in -0.02f64..0.02,
        ) {
            let start = Instant::now();
            let mut sync = LipSync::new(48_000, 90_000);
            sync.audio().note(ntp(0.0), 1_000);
            sync.video().note(ntp(skew), 7_000);
            let (mut audio_minimum, mut video_minimum) = (0.0f64, 0.0f64);
            for n in 0..240 {
                let at = n as f64 * 0.1;
                let own = if n < 120 { audio_own } else { later_audio };
                let (audio, video) = (own.max(audio_minimum), video_own.max(video_minimum));
                sync.audio_played((1_000.0 + at * 48_000.0) as u32, start + Duration::from_secs_f64(at + audio));
                sync.video_shown((7_000.0 + (at - skew) * 90_000.0) as u32, start + Duration::from_secs_f64(at + video));
                let behind = sync.video_behind().unwrap();
                prop_assert!((behind - (video - audio)).abs() < 0.001);
                if n > 100 && n < 120 || n > 220 {
                    prop_assert!(behind.abs() <= 0.020, "{behind} at {n}");
                }
                let (audio, video) = (Duration::from_secs_f64(audio), Duration::from_secs_f64(video));
                if let Some((audio, video)) = sync.adjust(audio, video) {
                    (audio_minimum, video_minimum) = (audio.as_secs_f64(), video.as_secs_f64());
                }
            }
            prop_assert!(audio_minimum <= later_audio + 0.02 || video_minimum <= video_own + 0.02);
        }
    }
}
