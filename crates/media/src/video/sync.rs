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

/// A moment by the clocks that tell of it. Only times of the same clock can be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// By the clock of the device that captured it, where packets say capture times.
    pub captured: Option<NtpTime>,
    /// By the clock of whoever sends the stream, which may be a server, where it reports.
    pub reported: Option<NtpTime>,
}

impl Moment {
    /// Seconds from `earlier` to here, by the capturer's clock if both know that, else by the sender's.
    fn since(&self, earlier: &Self) -> Option<f64> {
        let by = |clock: fn(&Self) -> Option<NtpTime>| Some(clock(self)?.since(clock(earlier)?));
        by(|moment| moment.captured).or_else(|| by(|moment| moment.reported))
    }
}

/// Which times belong to which media timestamp, of one stream.
#[derive(Clone, Copy, Debug)]
pub struct Timeline {
    clock_rate: u32,
    /// The last pairs known.
    captured: Option<(NtpTime, u32)>,
    reported: Option<(NtpTime, u32)>,
}

impl Timeline {
    /// Of a stream with that RTP clock rate, in Hz (not zero).
    pub const fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate,
            captured: None,
            reported: None,
        }
    }

    /// A packet with the media timestamp `rtp` says when it was captured.
    pub fn captured(&mut self, ntp: NtpTime, rtp: u32) {
        self.captured = Some((ntp, rtp));
    }

    /// A sender report says that the media timestamp `rtp` is `ntp`.
    pub fn reported(&mut self, ntp: NtpTime, rtp: u32) {
        self.reported = Some((ntp, rtp));
    }

    /// Somebody else's media follows.
    pub fn forget_capturer(&mut self) {
        self.captured = None;
    }

    /// The times of a media timestamp that lies within some hours of the last pairs.
    pub fn at(&self, rtp: u32) -> Moment {
        let by = |(ntp, known): (NtpTime, u32)| {
            let ticks = i64::from(rtp.wrapping_sub(known) as i32);
            let units = (ticks << 32) / i64::from(self.clock_rate);
            NtpTime(ntp.0.wrapping_add_signed(units))
        };
        Moment {
            captured: self.captured.map(by),
            reported: self.reported.map(by),
        }
    }
}

/// Something that was played, or is going to be: when it was made, and when that is here.
#[derive(Clone, Copy, Debug)]
struct Played {
    made: Moment,
    at: Instant,
}

/// Share of the difference that is mended at a time.
const SHARE: f64 = 0.5;

/// Differences that nobody notices, in seconds: half of what is allowed (ITU-R BT.1359 finds 45 ms noticeable).
const FINE: f64 = 0.010;

/// Longest delays asked of sound and of pictures: a conversation bears less of it than pictures, which are no answer.
const MOST_OF_SOUND: Duration = Duration::from_millis(200);
const MOST_OF_PICTURES: Duration = Duration::from_millis(800);

/// A difference beyond is no delay of the path but of a clock, in seconds.
const ABSURD: f64 = 2.0;

/// How far the least delays move at a time.
const STEP: Duration = Duration::from_millis(40);

/// Sound and pictures are compared that were played so close to each other.
const TOGETHER: Duration = Duration::from_secs(1);

/// Pictures that are shown no more have nothing to do with the sound.
const STALE: Duration = Duration::from_secs(2);

/// What was given back and is not taken yet: sound is hurried in pauses, and when there is more of it than this.
const BACKLOG: Duration = Duration::from_millis(60);

/// Less than this is none.
const REST: Duration = Duration::from_millis(20);

/// The least delay of a stream. It starts from the delay there is, which follows slowly, not from what was asked for, which
/// would run away.
#[derive(Clone, Copy, Debug, Default)]
struct Wait {
    minimum: Duration,
    falls: bool,
}

impl Wait {
    fn rise(&mut self, delay: Duration, amount: Duration, most: Duration) {
        self.minimum = (delay + amount).min(most);
        self.falls = false;
    }

    /// Not below `least`, if it is above.
    fn fall(&mut self, delay: Duration, amount: Duration, least: Duration) {
        let less = self.minimum.min(delay).saturating_sub(amount);
        self.minimum = less.max(least).min(self.minimum);
        self.falls = true;
    }
}

/// Aligns one stream of sound and one of pictures of the same person.
#[derive(Clone, Debug, Default)]
pub struct LipSync {
    heard: Option<Played>,
    seen: Option<Instant>,
    /// Sum of what pictures were behind the sound since the last adjustment, in seconds, and how many.
    sum: f64,
    count: u32,
    behind: Option<f64>,
    audio: Wait,
    video: Wait,
}

impl LipSync {
    /// Sound that was made then is played at `at`.
    pub fn audio_played(&mut self, made: Moment, at: Instant) {
        self.heard = Some(Played { made, at });
    }

    /// A picture that was made then is shown at `at`.
    pub fn video_shown(&mut self, made: Moment, at: Instant) {
        self.seen = Some(at);
        let apart = |heard: &Played| {
            let (apart, sign) = if at >= heard.at {
                (at - heard.at, 1.0)
            } else {
                (heard.at - at, -1.0)
            };
            (apart <= TOGETHER).then_some(apart.as_secs_f64() * sign)
        };
        let behind = self
            .heard
            .and_then(|heard| Some(apart(&heard)? - made.since(&heard.made)?));
        if let Some(behind) = behind.filter(|behind| behind.abs() <= ABSURD) {
            self.sum += behind;
            self.count += 1;
        }
    }

    /// Whether pictures are shown.
    pub fn is_seen(&self, now: Instant) -> bool {
        self.seen
            .is_some_and(|seen| now.saturating_duration_since(seen) < STALE)
    }

    /// By how much pictures were behind the sound before the last adjustment, in seconds; less than nothing where they
    /// were ahead. `None` before both are played and known.
    pub fn video_behind(&self) -> Option<f64> {
        self.behind
    }

    /// Least delays for sound and pictures.
    pub fn minimum_delays(&self) -> (Duration, Duration) {
        (self.audio.minimum, self.video.minimum)
    }

    /// Brings the [least delays](Self::minimum_delays) nearer to where sound and pictures are together, given the delays
    /// they have now, and how much of the sound's the network needs: to be asked some times a second. What has to wait
    /// waits longer; what waits for nothing any more, less.
    pub fn adjust(&mut self, (audio_delay, needed): (Duration, Duration), video_delay: Duration) {
        let count = std::mem::take(&mut self.count);
        let sum = std::mem::take(&mut self.sum);
        if count == 0 {
            return;
        }
        let behind = sum / f64::from(count);
        self.behind = Some(behind);
        if behind.abs() <= FINE {
            // What sound was to give back and still has is right as it is.
            let falls = std::mem::take(&mut self.audio.falls);
            if falls && audio_delay > needed.max(self.audio.minimum) + REST {
                self.audio.minimum = audio_delay.min(MOST_OF_SOUND);
            }
            return;
        }
        let least = Some(audio_delay.saturating_sub(BACKLOG)).filter(|least| *least > needed);
        let amount = Duration::from_secs_f64(behind.abs() * SHARE).min(STEP);
        let audio = (
            &mut self.audio,
            audio_delay,
            MOST_OF_SOUND,
            least.unwrap_or_default(),
        );
        let video = (&mut self.video, video_delay, MOST_OF_PICTURES, Duration::ZERO);
        let (late, early) = if behind > 0.0 {
            (video, audio)
        } else {
            (audio, video)
        };
        if late.0.minimum.is_zero() {
            early.0.rise(early.1, amount, early.2);
            late.0.falls = false;
        } else {
            late.0.fall(late.1, amount, late.3);
        }
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
        assert_eq!(timeline.at(0), Moment::default());
        timeline.reported(ntp(0.0), u32::MAX - 44_999);
        let after = timeline.at(45_000).reported.unwrap();
        assert!((after.since(ntp(0.0)) - 1.0).abs() < 1e-6);
        let before = timeline.at(u32::MAX - 134_999).reported.unwrap();
        assert!((before.since(ntp(0.0)) + 1.0).abs() < 1e-6);
    }

    #[test]
    fn only_times_of_one_clock_are_compared() {
        let by = |captured: Option<f64>, reported: Option<f64>| Moment {
            captured: captured.map(ntp),
            reported: reported.map(ntp),
        };
        let both = by(Some(1.0), Some(500.0));
        assert_eq!(both.since(&by(Some(0.5), Some(100.0))), Some(0.5));
        assert_eq!(both.since(&by(None, Some(100.0))), Some(400.0));
        assert_eq!(by(Some(1.0), None).since(&by(None, Some(0.5))), None);
    }

    #[test]
    fn pictures_that_end_have_nothing_to_do_with_the_sound() {
        let now = Instant::now();
        let mut sync = LipSync::default();
        assert!(!sync.is_seen(now));
        sync.video_shown(Moment::default(), now);
        assert!(sync.is_seen(now + STALE / 2) && !sync.is_seen(now + STALE));
        sync.adjust((Duration::ZERO, Duration::ZERO), Duration::ZERO);
        assert_eq!(sync.video_behind(), None, "no clock tells");
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
        /// Sound and pictures whose own delays differ, and change once: some seconds later they are within 20 ms, neither
        /// waits for longer than it may, and one of them has little more delay than it needs. Both follow slowly; the sound
        /// in steps of a period, down only from far above while somebody speaks, and all the way in a pause.
        #[test]
        fn sound_and_pictures_come_together(
            audio_own in 0.02f64..0.2, video_own in 0.02f64..0.2, later_audio in 0.02f64..0.2, skew in -0.02f64..0.02,
            period in 0.003f64..0.012, above in 0.0f64..0.04,
        ) {
            let start = Instant::now();
            let mut sync = LipSync::default();
            let (mut sound, mut pictures) = (Timeline::new(48_000), Timeline::new(90_000));
            sound.captured(ntp(0.0), 1_000);
            pictures.captured(ntp(skew), 7_000);
            let (mut audio, mut video, mut reached) = (audio_own, video_own, 0.0f64);
            for n in 0..600 {
                let at = n as f64 * 0.1;
                let own = if n < 300 { audio_own } else { later_audio };
                let (audio_minimum, video_minimum) = sync.minimum_delays();
                prop_assert!(audio_minimum <= MOST_OF_SOUND && video_minimum <= MOST_OF_PICTURES);
                let from = reached.max(own.min(audio_minimum.as_secs_f64()));
                reached = from + (audio_minimum.as_secs_f64() - from).clamp(-0.005, 0.005);
                let wanted = own.max(reached);
                if audio < wanted {
                    audio += period;
                } else if n % 20 == 0 {
                    audio = wanted;
                } else if audio > wanted + above.max(period) {
                    audio -= period;
                }
                video += (video_own.max(video_minimum.as_secs_f64()) - video).clamp(-0.01, 0.01);
                sync.audio_played(sound.at((1_000.0 + at * 48_000.0) as u32), start + Duration::from_secs_f64(at + audio));
                sync.video_shown(
                    pictures.at((7_000.0 + (at - skew) * 90_000.0) as u32), start + Duration::from_secs_f64(at + video),
                );
                let sound = (Duration::from_secs_f64(audio), Duration::from_secs_f64(own));
                sync.adjust(sound, Duration::from_secs_f64(video));
                let behind = sync.video_behind().unwrap();
                prop_assert!((behind - (video - audio)).abs() < 0.001);
                if n > 200 && n < 300 || n > 500 {
                    prop_assert!(behind.abs() <= 0.020, "{behind} at {n}");
                }
            }
            prop_assert!(audio <= later_audio + 0.03 || video <= video_own + 0.03);
        }
    }
}
