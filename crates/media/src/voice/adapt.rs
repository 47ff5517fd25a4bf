//! What the sender does about loss and a thin link: bitrate, frame length, in-band FEC, repeated frames and deep
//! redundancy, chosen together from what the peer reports. The whole policy, sans-IO.

use std::time::Duration;

use sidetone_opus::{Application, Bitrate, FrameDuration};

use super::Profile;

/// Which earlier frames every packet repeats (RED, RFC 2198).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Red {
    /// How many.
    pub copies: u8,
    /// How many frames apart: the nearest is that many before the packet's own. Bursts of loss take copies that are
    /// near; those that are far cost delay.
    pub spacing: u8,
}

/// How to code and protect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coding {
    /// What the codec is tuned for.
    pub application: Application,
    /// Rate of the codec, of one frame without its repetitions.
    pub bitrate: Bitrate,
    /// Audio in a packet.
    pub frame: FrameDuration,
    /// Loss the encoder plans for, in percent: what is left when copies were used.
    pub loss_percent: u8,
    /// In-band FEC, sent when `loss_percent` is above 0.
    pub fec: bool,
    /// Repeated frames.
    pub red: Red,
    /// Reach of the deep redundancy.
    pub dred: Duration,
    /// Whether pauses of speech are left out (discontinuous transmission).
    pub dtx: bool,
}

impl Coding {
    /// Without any redundancy, as the profile says.
    pub fn plain(profile: &Profile) -> Self {
        Self {
            application: profile.application,
            bitrate: profile.bitrate,
            frame: profile.frame,
            loss_percent: 0,
            fec: true,
            red: Red::default(),
            dred: Duration::ZERO,
            dtx: false,
        }
    }

    /// Bits a second beside the codec's: headers, and what repeating takes.
    fn overhead(&self) -> f64 {
        let blocks = match self.red.copies {
            0 => 0,
            copies => u32::from(copies) * BLOCK_HEADER + 8,
        };
        f64::from(HEADERS + blocks) / self.frame.duration().as_secs_f64()
    }
}

/// What the choice has to keep to.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// What the app chose: how to code on a clean link.
    pub profile: Profile,
    /// Most that may be sent, with the headers of IP, UDP and RTP.
    pub cap: Bitrate,
    /// What the path carries is less than that, and how much: see [`bandwidth`](crate::bandwidth).
    pub limit: Option<Bitrate>,
    /// A queue that we fill is being drained.
    pub congested: bool,
    /// Whether the peer takes repeated frames.
    pub red: bool,
    /// Whether other sound is sent along with the voice, such as a film's. What is made for speech is then left: FEC and
    /// deep redundancy, which code nothing else, and pauses.
    pub sound: bool,
}

/// What the peer reports about once a second.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    /// Share of the packets lost since the last report, 0 to 1.
    pub fraction_lost: f64,
    /// Interarrival jitter of what we send (RFC 3550 section 6.4.1).
    pub jitter: Duration,
}

/// Most that a call's voice may take of the network, headers included.
pub const VOICE_RATE: Bitrate = Bitrate::kbps(65);

/// The same where other sound is sent along with the voice.
pub const SOUND_RATE: Bitrate = Bitrate::kbps(90);

/// Bits of the headers of a packet: IPv4 20 bytes, UDP 8, RTP 12, level and transport-wide number 12.
const HEADERS: u32 = (20 + 8 + 12 + 12) * 8;
/// Bits of the header of a repeated frame (RFC 2198 section 3).
const BLOCK_HEADER: u32 = 4 * 8;
/// Share of the cap that is planned: variable bitrate overshoots by two to three percent over a minute.
const PLANNED: f64 = 0.97;

/// A report that is worse than chance explains counts for this much: two of them reach 90 % of it.
const RISE: f64 = 0.7;
/// Any other counts for this much: about ten reports to forget. Bursts come back.
const FALL: f64 = 0.2;
/// Standard deviations of a report of single losses that are called chance. With 2, one report in forty is an alarm, which
/// changes for seconds how is coded.
const CHANCE: f64 = 3.0;
/// Below this the link is called clean: redundancy would only cost quality.
const CLEAN: f64 = 0.005;
/// From this jitter on some packets come too late, which the reports do not count: in-band FEC stands in for them. Off
/// again at half of it.
const LATE: f64 = 0.004;
/// Loss that the encoder then plans for, in percent. More changes nothing that was measured.
const LATE_PERCENT: u8 = 3;
/// What in-band FEC may take beside the frame, which else would pay for it: at 36 kbit/s, 0.08 of PESQ-WB.
const WITH_FEC: f64 = 1.25;
/// FEC is planned for this much more loss than there is: 0.02 of PESQ-WB at 10 %, 0.15 for the worst 5 % of sentences.
const FEC_PLANS: f64 = 1.5;
/// From here whole frames are repeated where losses come in pairs, of which in-band FEC brings back the second only: at
/// 5 %, PESQ-WB 3.66 against 3.42. And where packets come late as well, of which it is the same.
const ONE_COPY: f64 = 0.02;
/// From here each is repeated twice, when losses come in pairs or singly. Up to here FEC serves single losses, for it
/// leaves the frame itself its rate: at 10 %, PESQ-WB 3.92 against 3.90 of one copy and 3.80 of two; at 20 % two copies
/// measure 3.69, FEC 3.03.
const TWO_COPIES: f64 = 0.14;
/// From here bursts are answered by a copy. Below, neither copies nor FEC bring back what their delay and rate cost: in
/// bursts of 4, at 5 %, PESQ-WB 3.15 without, 2.66 with a copy; at 10 %, 2.6 with FEC and 3.1 with a copy.
const FAR_COPY: f64 = 0.08;
/// From here by two: in bursts of 4, at 30 %, PESQ-WB 2.7 against 2.0 of one. At 20 % the delay is not worth it.
const TWO_FAR_COPIES: f64 = 0.25;
/// Frames from a copy to the next, where losses come in pairs, and in bursts. One more frame brings back 1 % in bursts
/// of 4 at 20 %, for 20 ms.
const PAIRS_APART: u8 = 2;
const BURSTS_APART: u8 = 4;
/// A copy cannot lie farther back: its offset has 14 bits (RFC 2198 section 3).
const FARTHEST_COPY: Duration = Duration::from_millis(340);
/// Bursts are rare: what a report of them counts for. With more, copies come and go with every burst.
const SLOW: f64 = 0.1;
/// From here three times: at 50 % two copies still leave holes in 12 %.
const THREE_COPIES: f64 = 0.4;
/// The loss must be this much smaller than what a step was taken at before it is taken back.
const STEP_BACK: f64 = 0.75;

/// What is kept of older reports when it is told how losses follow each other: 20 s of reports count. Fewer see bursts
/// in chance.
const KEEP: f64 = 0.95;
/// Reports of single losses that are believed to have gone before.
const BELIEF: f64 = 3.0;
/// Variance of the reports over that of as many losses that come singly (index of dispersion), from which losses are
/// said to come in pairs and threes, and in longer bursts. A chain with mean burst 2 at 20 % has 2.2, with mean burst
/// 4 it has 5.4; independent losses have 1, give or take 0.3.
const PAIRS: f64 = 1.9;
const BURSTS: f64 = 3.2;
/// A burstiness once seen is believed until the index falls to this share of its limit.
const CALM: f64 = 0.75;

/// Rate below which the codec leaves the top of the spectrum out, unasked below 14 kbit/s: 40 ms frames give it more.
const LOW: f64 = 12_000.0;
/// Least rate of the codec: intelligible, in wide band.
const LEAST: f64 = 8_000.0;
/// On a path that carries less than this pauses are not sent: queues drain in them. On others they would save nothing that
/// is missed, and cost the sound of the room.
const THIN: Bitrate = Bitrate::kbps(32);
/// Short frames come back when the codec would have so much more than that: else they flap.
const SHORT_AGAIN: f64 = 1.2;
/// Packets that have been overtaken when a report is made count as lost in it, and as found in the next. In delays of
/// the jitter, from packet to packet.
const OVERTAKEN: f64 = 2.0;

/// How losses follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Pattern {
    #[default]
    Single,
    Pairs,
    Bursts,
}

/// Follows the reports: quick to protect, slow to stop.
#[derive(Clone, Debug, Default)]
pub struct Adaptation {
    loss: f64,
    /// The same, slower to rise and to fall.
    mean: f64,
    /// The report before.
    before: f64,
    /// Variance from report to report, and what single losses would have, both summed with forgetting.
    variance: f64,
    single: f64,
    pattern: Pattern,
    copies: u8,
    late: bool,
    /// What was chosen last.
    frame: Option<FrameDuration>,
}

impl Adaptation {
    /// Takes a report, and says how to code from now on.
    pub fn report(&mut self, report: &Report, terms: &Terms) -> Coding {
        let fraction = report.fraction_lost;
        let fraction = if fraction.is_finite() {
            fraction.clamp(0.0, 1.0)
        } else {
            0.0
        };
        // What a queue that we fill lets fall is mended by sending less, not by sending it again.
        let limit = if self.late { LATE / 2.0 } else { LATE };
        self.late = report.jitter.as_secs_f64() > limit;
        if !terms.congested {
            self.learn(fraction, self.frame.unwrap_or(terms.profile.frame), report.jitter);
            self.copies = self.copies();
        }
        self.choose(terms)
    }

    /// Says how to code under other terms.
    pub fn choose(&mut self, terms: &Terms) -> Coding {
        let profile = if terms.sound {
            terms.profile.with_sound()
        } else {
            terms.profile
        };
        let mut coding = Coding::plain(&profile);
        let most = terms.limit.map_or(terms.cap, |limit| limit.min(terms.cap));
        let cap = f64::from(most.bits_per_second()) * PLANNED;
        coding.dtx = !terms.sound && terms.limit.is_some_and(|limit| limit < THIN);
        // A thin link makes jitter of its own, of large packets and small ones.
        let late = self.late && terms.limit.is_none();

        let mut copies = if terms.red { self.copies } else { 0 };
        let mut spacing = match self.pattern {
            Pattern::Single => 1,
            Pattern::Pairs => PAIRS_APART,
            Pattern::Bursts => BURSTS_APART,
        };
        // Copies must leave something of the frame.
        loop {
            coding.red = Red {
                copies,
                spacing: match copies {
                    0 => 0,
                    copies => {
                        let apart = FARTHEST_COPY.as_millis()
                            / (coding.frame.duration().as_millis() * u128::from(copies));
                        spacing.min(apart as u8).max(1)
                    }
                },
            };
            let rate = (cap - coding.overhead()) / f64::from(1 + copies);
            if rate < LEAST && copies > 0 {
                copies -= 1;
                spacing = spacing.min(PAIRS_APART);
                continue;
            }
            let low = if self.frame.is_some_and(|frame| coding.frame < frame) {
                LOW * SHORT_AGAIN
            } else {
                LOW
            };
            if rate < low && coding.frame < FrameDuration::Ms60 {
                coding.frame = match coding.frame {
                    frame if frame < FrameDuration::Ms20 => FrameDuration::Ms20,
                    FrameDuration::Ms20 => FrameDuration::Ms40,
                    _ => FrameDuration::Ms60,
                };
                continue;
            }
            let fec = !terms.sound && copies == 0 && (late || self.loss >= CLEAN);
            let most = f64::from(profile.bitrate.bits_per_second()) * if fec { WITH_FEC } else { 1.0 };
            coding.bitrate = Bitrate(rate.clamp(LEAST, most) as u32);
            break;
        }
        self.frame = Some(coding.frame);
        if self.loss >= CLEAN {
            coding.fec = copies == 0;
            let planned = match copies {
                // Where copies would not pay, FEC does not either.
                0 if terms.red && self.pattern == Pattern::Bursts => 0.0,
                0 => self.loss * FEC_PLANS,
                // What copies do not bring back, were losses independent.
                copies => self.loss.powi(1 + i32::from(copies)),
            };
            coding.loss_percent = (planned * 100.0).ceil().min(100.0) as u8;
            // For peers that take no copies, deep redundancy is what helps against bursts.
            let deep = !terms.red && self.loss >= ONE_COPY && self.pattern > Pattern::Single;
            coding.dred = Duration::from_millis(if deep { 300 } else { 0 });
        }
        if terms.sound {
            (coding.fec, coding.dred) = (false, Duration::ZERO);
        }
        if late {
            coding.loss_percent = coding.loss_percent.max(LATE_PERCENT);
        }
        coding
    }

    fn learn(&mut self, fraction: f64, frame: FrameDuration, jitter: Duration) {
        // Of as many packets as a report counts, lost one by one with the same chance. The overtaken count as well:
        // as many packets as lie in the jitter, of those that come in the second of a report.
        let packets = 1.0 / frame.duration().as_secs_f64();
        let overtaken = OVERTAKEN * jitter.as_secs_f64() - frame.duration().as_secs_f64();
        let overtaken = overtaken.max(0.0) / 2.0;
        let single = |loss: f64| loss * (1.0 - loss) / packets + overtaken.powi(2);
        // From one report to the next, so that loss that begins or ends is not taken for bursts.
        if self.loss >= CLEAN {
            self.variance = self.variance * KEEP + (fraction - self.before).powi(2) / 2.0;
            self.single = self.single * KEEP + single((fraction + self.before) / 2.0);
        }
        self.before = fraction;
        let chance = CHANCE * single(self.loss).sqrt();
        self.loss += (fraction - self.loss) * if fraction > self.loss + chance { RISE } else { FALL };
        self.mean += (fraction - self.mean) * SLOW;
        let belief = BELIEF * single(self.loss) + 1e-6;
        let index = (self.variance + belief) / (self.single + belief);
        let held = |pattern: Pattern, limit: f64| {
            if self.pattern >= pattern {
                limit * CALM
            } else {
                limit
            }
        };
        self.pattern = if index >= held(Pattern::Bursts, BURSTS) {
            Pattern::Bursts
        } else if index >= held(Pattern::Pairs, PAIRS) {
            Pattern::Pairs
        } else {
            Pattern::Single
        };
    }

    /// How often each frame shall be repeated.
    fn copies(&self) -> u8 {
        let (loss, from) = match self.pattern {
            Pattern::Single if !self.late => (self.loss, [TWO_COPIES, TWO_COPIES, THREE_COPIES]),
            Pattern::Single | Pattern::Pairs => (self.loss, [ONE_COPY, TWO_COPIES, THREE_COPIES]),
            Pattern::Bursts => (self.mean, [FAR_COPY, TWO_FAR_COPIES, THREE_COPIES]),
        };
        let wanted = |loss: f64| from.iter().take_while(|from| loss >= **from).count() as u8;
        let (up, down) = (wanted(loss), wanted(loss / STEP_BACK));
        // The first loss of all looks like a burst, of which the mean knows nothing yet: no more than one step at a time.
        self.copies.clamp(up, down.max(self.copies.saturating_sub(1)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bandwidth::Estimate;

    const TERMS: Terms = Terms {
        profile: Profile::BALANCED,
        cap: Bitrate::kbps(65),
        limit: None,
        congested: false,
        red: true,
        sound: false,
    };

    fn lossy(fraction_lost: f64) -> Report {
        Report {
            fraction_lost,
            jitter: Duration::ZERO,
        }
    }

    /// After that many reports of the same loss.
    fn settled(adaptation: &mut Adaptation, fraction: f64, reports: usize) -> Coding {
        (0..reports)
            .map(|_| adaptation.report(&lossy(fraction), &TERMS))
            .last()
            .unwrap()
    }

    #[test]
    fn a_clean_link_carries_no_redundancy() {
        let coding = settled(&mut Adaptation::default(), 0.0, 3);
        assert_eq!(coding, Coding::plain(&Profile::BALANCED));
    }

    #[test]
    fn rises_at_once_and_falls_slowly() {
        let mut adaptation = Adaptation::default();
        adaptation.report(&lossy(0.0), &TERMS);
        assert_eq!(adaptation.report(&lossy(0.25), &TERMS).red.copies, 2);
        assert!(
            adaptation.report(&lossy(0.0), &TERMS).red.copies > 0,
            "one good report does not call off the alarm"
        );
        assert_eq!(
            settled(&mut adaptation, 0.0, 40),
            Coding::plain(&Profile::BALANCED)
        );
    }

    #[test]
    fn more_loss_is_more_copies_and_none_for_peers_that_take_none() {
        let copies: Vec<u8> = [0.01, 0.1, 0.2, 0.5]
            .map(|loss| settled(&mut Adaptation::default(), loss, 30).red.copies)
            .into();
        assert_eq!(copies, [0, 0, 2, 3]);
        let mut adaptation = Adaptation::default();
        let coding = adaptation.report(&lossy(0.2), &Terms { red: false, ..TERMS });
        assert!(
            coding.red.copies == 0 && coding.fec && coding.loss_percent >= 14,
            "{coding:?}"
        );
    }

    #[test]
    fn loss_around_a_limit_does_not_flap() {
        let mut adaptation = Adaptation::default();
        settled(&mut adaptation, 0.15, 10);
        let copies: Vec<u8> = (0..40)
            .map(|i| {
                adaptation
                    .report(&lossy(if i % 2 == 0 { 0.13 } else { 0.15 }), &TERMS)
                    .red
                    .copies
            })
            .collect();
        assert!(copies.iter().all(|copies| *copies == 2), "{copies:?}");
    }

    #[test]
    fn bursts_are_told_by_how_the_reports_vary() {
        let mut adaptation = Adaptation::default();
        for i in 0..40 {
            adaptation.report(&lossy([0.0, 0.4, 0.1, 0.3][i % 4]), &TERMS);
        }
        let bursty = adaptation.report(&lossy(0.2), &TERMS);
        assert!(bursty.red.spacing > 1, "{bursty:?}");
        let even = settled(&mut Adaptation::default(), 0.2, 40);
        assert_eq!(even.red.spacing, 1);
    }

    #[test]
    fn a_thin_link_gets_longer_frames_and_does_not_flap() {
        let mut adaptation = Adaptation::default();
        let at = |adaptation: &mut Adaptation, kbps| {
            adaptation.choose(&Terms {
                limit: Some(Bitrate::kbps(kbps)),
                ..TERMS
            })
        };
        let (wide, thin) = (at(&mut adaptation, 50), at(&mut adaptation, 28));
        assert_eq!((wide.frame, wide.dtx), (FrameDuration::Ms20, false));
        assert_eq!((thin.frame, thin.dtx), (FrameDuration::Ms40, true));
        assert_eq!(
            at(&mut adaptation, 33).frame,
            FrameDuration::Ms40,
            "not for a little more"
        );
        assert_eq!(adaptation.choose(&TERMS), Coding::plain(&Profile::BALANCED));
    }

    #[test]
    fn shared_sound_is_coded_as_what_it_is_and_never_left_out() {
        let mut adaptation = Adaptation::default();
        let sound = Terms {
            sound: true,
            cap: SOUND_RATE,
            ..TERMS
        };
        let clean = adaptation.choose(&sound);
        assert_eq!(
            (clean.application, clean.bitrate, clean.fec, clean.dtx),
            (Application::Audio, Bitrate::kbps(64), false, false)
        );
        let thin = Terms {
            limit: Some(Bitrate::kbps(28)),
            red: false,
            ..sound
        };
        for loss in [0.0, 0.1, 0.4, 0.0, 0.3] {
            let coding = adaptation.report(&lossy(loss), &thin);
            assert_eq!(
                (coding.fec, coding.dtx, coding.dred),
                (false, false, Duration::ZERO)
            );
        }
        let after = Adaptation::default().choose(&TERMS);
        assert_eq!(after, Coding::plain(&Profile::BALANCED));
    }

    #[test]
    fn the_first_packets_are_not_longer_than_they_must_be() {
        for profile in [Profile::BALANCED, Profile::LOW_LATENCY] {
            let coding = Adaptation::default().choose(&Terms {
                profile,
                limit: Estimate::FIRST.limit,
                ..TERMS
            });
            assert!(
                coding.frame <= FrameDuration::Ms20 && coding.bitrate >= Bitrate::kbps(14),
                "{coding:?}"
            );
        }
    }

    #[test]
    fn what_falls_out_of_our_own_queue_is_not_sent_again() {
        let mut adaptation = Adaptation::default();
        for _ in 0..5 {
            let coding = adaptation.report(
                &lossy(0.3),
                &Terms {
                    congested: true,
                    ..TERMS
                },
            );
            assert_eq!(coding.red.copies, 0);
        }
    }

    proptest! {
        #[test]
        fn the_rate_keeps_to_the_cap(
            reports in proptest::collection::vec((-1.0..2.0_f64, 0_u32..100, any::<bool>(), any::<bool>()), 1..60),
            cap in 30_u32..200,
        ) {
            let mut adaptation = Adaptation::default();
            for (fraction_lost, limit, red, congested) in reports {
                let limit = (limit > 0).then(|| Bitrate::kbps(limit));
                let terms = Terms { cap: Bitrate::kbps(cap), limit, red, congested, ..TERMS };
                let coding = adaptation.report(&lossy(fraction_lost), &terms);
                let rate = f64::from(coding.bitrate.bits_per_second()) * f64::from(1 + coding.red.copies);
                let most = limit.map_or(terms.cap, |limit| limit.min(terms.cap));
                prop_assert!(rate + coding.overhead() <= f64::from(most.bits_per_second()) || coding.bitrate.bits_per_second() <= LEAST as u32);
                let back = coding.frame.duration() * u32::from(coding.red.copies) * u32::from(coding.red.spacing);
                prop_assert!(back <= FARTHEST_COPY, "{coding:?} is not sent whole");
                prop_assert!(red || coding.red.copies == 0);
                prop_assert!(coding.loss_percent <= 100);
            }
        }

        #[test]
        fn nonsense_reports_are_bounded(bits: u64) {
            let coding = Adaptation::default().report(&lossy(f64::from_bits(bits)), &TERMS);
            prop_assert!(coding.loss_percent <= 100 && coding.red.copies <= 3);
        }
    }
}
