//! What a case came to, worked out from what was counted and seen. A figure that was not measured is `null`, never zero.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;
use sidetone_media::pictures::Size;
use sidetone_netsim::Config;

use super::call::{Recorded, Sample, Way};
use super::case::{Case, Course};
use super::end::NETWORK;
use super::eyes::Shown;
use super::look::{Look, look};
use super::reel::Reel;
use super::strip::Pair;
use super::vmaf::Judge;
use crate::bench::percentile::{median, percentile, sorted};

/// Places of a strip.
const PLACES: usize = 6;

/// A picture is as good as before when it is at most so much farther from what was sent, in dB.
const AS_GOOD: f64 = 1.0;

/// One case.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// Name of the case.
    pub case: &'static str,
    /// What it is.
    pub about: &'static str,
    /// Size of what was captured.
    pub size: (u32, u32),
    /// Pictures a second that were captured; of a page that stands still there is one.
    pub frame_rate: u32,
    /// Whether size and rate are the case's own, so that its targets apply.
    pub as_designed: bool,
    /// Length of the measured part.
    pub seconds: f64,
    /// The network from the first end to the second one, at first.
    pub a_to_b: Config,
    /// In the second third of the time, where that is another one.
    pub a_to_b_dip: Option<Config>,
    /// The network back.
    pub b_to_a: Config,
    /// One for each stream.
    pub streams: Vec<Stream>,
    /// Processor time.
    pub cpu: Cpu,
}

/// One stream. Times are from the begin of filming.
#[derive(Debug, Serialize)]
pub struct Stream {
    /// Who to whom.
    pub name: &'static str,
    /// Codec, as in SDP.
    pub codec: String,
    /// From the camera to the eye, of every picture the first time that it was shown.
    pub glass_to_glass_ms: Delay,
    /// Until the first picture was shown.
    pub first_picture_ms: Option<f64>,
    /// Until one was shown that is as sharp as `sharp_db` says.
    pub first_sharp_ms: Option<f64>,
    /// PSNR from which on a picture counts as sharp.
    pub sharp_db: f64,
    /// How far pictures are from what was sent, luma, both at the size that was captured.
    pub psnr_db: Quality,
    /// The same as structural similarity, 1 at best.
    pub ssim: Quality,
    /// The same as VMAF, 100 at best, where the machine has a program that measures it.
    pub vmaf: Quality,
    /// Standstills.
    pub freezes: Freezes,
    /// Pictures by what became of them.
    pub frames: Frames,
    /// Payload sent, retransmissions included, in kbit/s.
    pub kbps: f64,
    /// Packets sent again.
    pub retransmitted: u64,
    /// How soon the picture was full again when the link was: in size, and in quality too.
    pub recovery: Option<Recovery>,
    /// All of this over time.
    pub series: Series,
    /// Pictures for the page.
    #[serde(skip)]
    pub strip: Vec<Pair>,
}

/// A distribution in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Delay {
    /// Median.
    pub p50: Option<f64>,
    /// Exceeded by one in twenty.
    pub p95: Option<f64>,
    /// Longest.
    pub max: Option<f64>,
    /// How many.
    pub n: usize,
}

/// Over the pictures that were looked at closely.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Quality {
    /// Mean.
    pub mean: Option<f64>,
    /// One in twenty is worse.
    pub p5: Option<f64>,
    /// The last one.
    pub last: Option<f64>,
    /// How many.
    pub n: usize,
}

/// Standstills, in the terms of W3C webrtc-stats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Freezes {
    /// `freezeCount`.
    pub count: u64,
    /// `totalFreezesDuration`.
    pub total_s: f64,
    /// Longest time between two pictures, whether a freeze or not; not for a page that stands still.
    pub longest_gap_ms: Option<f64>,
}

/// Pictures by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Frames {
    /// Captured.
    pub captured: u64,
    /// Coded.
    pub encoded: u64,
    /// Sent.
    pub sent: u64,
    /// Shown, those that show the same again (a page gets sharp) included.
    pub shown: u64,
    /// Captured between the first and the last that were shown, and not shown.
    pub missing: u64,
    /// Left out by who films, for want of network or time.
    pub dropped_by_sender: u64,
    /// Received and not shown.
    pub dropped_by_receiver: u64,
    /// Shown with a mark that cannot be read: not in any other figure.
    pub unreadable: u64,
}

/// After the link is wide again, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Recovery {
    /// Until pictures had the size that they had before.
    pub size_s: Option<f64>,
    /// Until they were as good as before too, within a decibel. Known to a quarter of a second.
    pub quality_s: Option<f64>,
    /// What they were before, median.
    pub before_db: Option<f64>,
}

/// What was measured over time: seconds and value.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Series {
    /// Payload sent.
    pub kbps: Vec<(f64, f64)>,
    /// What the encoder was to keep to.
    pub target_kbps: Vec<(f64, f64)>,
    /// Rows of what was shown, where it changes.
    pub height: Vec<(f64, f64)>,
    /// Delay of each picture.
    pub glass_to_glass_ms: Vec<(f64, f64)>,
    /// Likeness of those that were looked at closely.
    pub psnr_db: Vec<(f64, f64)>,
}

/// Processor time in percent of one core. Both ends are in one process, so it is told by the names of their threads: film
/// and emulator are not in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cpu {
    /// Coding: one end's where one films, else half of both's.
    pub encoding: Option<f64>,
    /// The same in the second half of the time.
    pub encoding_late: Option<f64>,
    /// Decoding, and what the benchmark does with each picture, likewise.
    pub decoding: Option<f64>,
    /// The transports of the first and of the second end.
    pub network: [Option<f64>; 2],
    /// All that an end which films, and looks where both film, has to do.
    pub filming_end: Option<f64>,
    /// All threads, the benchmark's own too.
    pub by_thread: BTreeMap<String, f64>,
}

impl Outcome {
    pub fn new(
        case: &Case,
        as_designed: bool,
        recorded: Recorded,
        reel: &Reel,
        judge: Option<&Judge>,
    ) -> Self {
        let seconds = recorded.length.as_secs_f64();
        let cpu = Cpu::new(case, seconds, &recorded.threads);
        let turns = recorded.turns;
        let (length, ways) = (recorded.length, recorded.ways);
        let streams = ways
            .into_iter()
            .map(|way| Stream::new(case, (length, turns), way, (reel, judge)));
        Self {
            case: case.name,
            about: case.about,
            size: (case.size.width(), case.size.height()),
            frame_rate: case.frame_rate,
            as_designed,
            seconds,
            a_to_b: case.there.begin(),
            a_to_b_dip: match case.there {
                Course::Steady(_) => None,
                Course::Dip(_, narrow) => Some(narrow),
            },
            b_to_a: case.back,
            streams: streams.collect(),
            cpu,
        }
    }
}

impl Stream {
    fn new(
        case: &Case,
        (length, turns): (Duration, Option<(Duration, Duration)>),
        mut way: Way,
        (reel, judge): (&Reel, Option<&Judge>),
    ) -> Self {
        let shown = std::mem::take(&mut way.sight.shown);
        let since = |at: Duration| at.saturating_sub(way.begun).as_secs_f64();
        let kept = std::mem::take(&mut way.sight.kept);
        let count = kept.len();
        let places = (0..PLACES).map(|place| (count.max(1) - 1) * place / (PLACES - 1));
        let mut strip = Vec::new();
        let looks = look(kept, reel, judge, &places.collect(), |look, sent, seen| {
            let Look { shown, psnr, .. } = look;
            let caption = format!(
                "{:.2} s, {} × {}, {psnr:.1} dB",
                since(shown.at),
                shown.size.width(),
                shown.size.height(),
            );
            strip.extend(Pair::new(case.scene, caption, sent, seen));
        });
        let delays = first_shown(&shown);
        let (outbound, inbound) = (&way.outbound, &way.inbound);
        let sharp_db = case.scene.sharp();
        let sharp = looks.iter().find(|look| look.psnr >= sharp_db);
        let quality = |value: fn(&Look) -> Option<f64>| {
            let values: Vec<f64> = looks.iter().filter_map(value).collect();
            Quality::of(&values)
        };
        Self {
            name: way.name,
            codec: inbound.codec.clone(),
            glass_to_glass_ms: Delay::of(&delays.iter().map(|(_, delay)| *delay).collect::<Vec<_>>()),
            first_picture_ms: shown.first().map(|first| since(first.at) * 1e3),
            first_sharp_ms: sharp.map(|look| since(look.shown.at) * 1e3),
            sharp_db,
            psnr_db: quality(|look| Some(look.psnr)),
            ssim: quality(|look| Some(look.ssim)),
            vmaf: quality(|look| look.vmaf),
            freezes: Freezes {
                count: inbound.counters.freeze_count,
                total_s: inbound.counters.total_freezes_duration,
                longest_gap_ms: longest_gap(&shown).filter(|_| !case.scene.is_still()),
            },
            frames: Frames {
                captured: outbound.frames,
                encoded: outbound.frames_encoded,
                sent: outbound.frames_sent,
                shown: shown.len() as u64,
                missing: missing(&shown),
                dropped_by_sender: outbound.frames_dropped,
                dropped_by_receiver: inbound.counters.frames_dropped,
                unreadable: way.sight.unreadable,
            },
            kbps: outbound.bytes_sent as f64 * 8e-3 / length.as_secs_f64(),
            retransmitted: outbound.retransmitted_packets_sent,
            recovery: turns.map(|(down, up)| {
                let looks = looks
                    .iter()
                    .map(|look| (since(look.shown.at), look.shown.size, look.psnr));
                let sizes = shown.iter().map(|shown| (since(shown.at), shown.size));
                recovery(
                    (down.as_secs_f64(), up.as_secs_f64()),
                    &sizes.collect::<Vec<_>>(),
                    &looks.collect::<Vec<_>>(),
                )
            }),
            series: Series {
                kbps: rates(&way.samples),
                target_kbps: way
                    .samples
                    .iter()
                    .map(|sample| (sample.at.as_secs_f64(), f64::from(sample.target) / 1e3))
                    .collect(),
                height: heights(&shown, since),
                glass_to_glass_ms: delays.iter().map(|&(at, delay)| (since(at), delay)).collect(),
                psnr_db: looks
                    .iter()
                    .map(|look| (since(look.shown.at), look.psnr))
                    .collect(),
            },
            strip,
        }
    }
}

/// When each picture was shown for the first time, and its delay in milliseconds.
fn first_shown(shown: &[Shown]) -> Vec<(Duration, f64)> {
    let mut known = BTreeSet::new();
    shown
        .iter()
        .filter(|shown| known.insert(shown.stamp.frame))
        .map(|shown| {
            let taken = Duration::from_micros(shown.stamp.micros);
            (shown.at, shown.at.saturating_sub(taken).as_secs_f64() * 1e3)
        })
        .collect()
}

/// Pictures between the first and the last that were never shown.
fn missing(shown: &[Shown]) -> u64 {
    let frames: BTreeSet<u32> = shown.iter().map(|shown| shown.stamp.frame).collect();
    match (frames.first(), frames.last()) {
        (Some(first), Some(last)) => u64::from(last - first) + 1 - frames.len() as u64,
        _ => 0,
    }
}

/// In milliseconds.
fn longest_gap(shown: &[Shown]) -> Option<f64> {
    let gaps = shown.windows(2).map(|pair| pair[1].at.saturating_sub(pair[0].at));
    gaps.max().map(|gap| gap.as_secs_f64() * 1e3)
}

/// Kilobits a second between samples.
fn rates(samples: &[Sample]) -> Vec<(f64, f64)> {
    let rate = |pair: &[Sample]| {
        let (bytes, time) = (
            pair[1].bytes.saturating_sub(pair[0].bytes),
            pair[1].at - pair[0].at,
        );
        (
            pair[1].at.as_secs_f64(),
            bytes as f64 * 8e-3 / time.as_secs_f64().max(1e-3),
        )
    };
    samples.windows(2).map(rate).collect()
}

/// Rows, where they change, and at the end.
fn heights(shown: &[Shown], since: impl Fn(Duration) -> f64) -> Vec<(f64, f64)> {
    let mut heights: Vec<(f64, f64)> = Vec::new();
    for shown in shown {
        let (at, height) = (since(shown.at), f64::from(shown.size.height()));
        match heights.last().copied() {
            Some((_, last)) if last == height => continue,
            // A step, not a slope.
            Some((_, last)) => heights.push((at, last)),
            None => {}
        }
        heights.push((at, height));
    }
    if let (Some(last), Some((_, height))) = (shown.last(), heights.last().copied()) {
        heights.push((since(last.at), height));
    }
    heights
}

/// `shown` and `looks` are when, how large and, of the looks, how alike; the link was narrow from `down` to `up`.
fn recovery((down, up): (f64, f64), shown: &[(f64, Size)], looks: &[(f64, Size, f64)]) -> Recovery {
    // What it had come to by then, not how it began.
    let settled = |at: f64| (down / 2.0..down).contains(&at);
    let size = shown
        .iter()
        .filter(|(at, _)| settled(*at))
        .map(|(_, size)| size.pixels())
        .max();
    let before: Vec<f64> = looks
        .iter()
        .filter(|look| settled(look.0))
        .map(|look| look.2)
        .collect();
    let before_db = median(&before);
    let full = |pixels: u32| size.is_some_and(|size| pixels >= size);
    let size_s = shown
        .iter()
        .find(|(at, size)| *at >= up && full(size.pixels()))
        .map(|(at, _)| at - up);
    let good = |look: &&(f64, Size, f64)| {
        let (at, size, psnr) = **look;
        at >= up && full(size.pixels()) && before_db.is_some_and(|before| psnr >= before - AS_GOOD)
    };
    Recovery {
        size_s,
        quality_s: looks.iter().find(good).map(|look| look.0 - up),
        before_db,
    }
}

impl Delay {
    fn of(values: &[f64]) -> Self {
        let sorted = sorted(values);
        Self {
            p50: percentile(&sorted, 0.5),
            p95: percentile(&sorted, 0.95),
            max: sorted.last().copied(),
            n: sorted.len(),
        }
    }
}

impl Quality {
    fn of(values: &[f64]) -> Self {
        Self {
            mean: (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64),
            p5: percentile(&sorted(values), 0.05),
            last: values.last().copied(),
            n: values.len(),
        }
    }
}

impl Cpu {
    fn new(case: &Case, seconds: f64, [all, late]: &[BTreeMap<String, Duration>; 2]) -> Self {
        let percent = |spent: &Duration, seconds: f64| spent.as_secs_f64() / seconds * 100.0;
        let ends = if case.both { 2.0 } else { 1.0 };
        let of = |name: &str| all.get(name).map(|spent| percent(spent, seconds));
        let encoding = of("video encoder").map(|both| both / ends);
        let decoding = of("viewer").map(|both| both / ends);
        let network = NETWORK.map(of);
        // The thread that plans for encoders sleeps at an end that films nothing.
        let planning = of("pictures").map(|both| both / ends);
        let looks = if case.both { decoding } else { Some(0.0) };
        let carries = if case.both {
            network[0].zip(network[1]).map(|(a, b)| (a + b) / 2.0)
        } else {
            network[0]
        };
        let parts = [encoding, planning, looks, carries];
        Self {
            encoding,
            encoding_late: late
                .get("video encoder")
                .map(|spent| percent(spent, seconds / 2.0) / ends),
            decoding,
            network,
            filming_end: parts.into_iter().sum(),
            by_thread: all
                .iter()
                .map(|(name, spent)| (name.clone(), percent(spent, seconds)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use sidetone_capture::camera::pattern::Stamp;

    use super::*;

    fn shown(frame: u64, taken_ms: u64, at_ms: u64) -> Shown {
        Shown {
            at: Duration::from_millis(at_ms),
            stamp: Stamp::new(frame, Duration::from_millis(taken_ms)),
            size: Size::P720,
        }
    }

    #[test]
    fn a_picture_counts_when_it_is_shown_first_and_what_is_not_shown_is_missing() {
        let all = [
            shown(3, 100, 150),
            shown(4, 133, 190),
            shown(4, 133, 400),
            shown(7, 233, 420),
        ];
        let delays: Vec<f64> = first_shown(&all).iter().map(|(_, delay)| *delay).collect();
        assert_eq!(delays, [50.0, 57.0, 187.0]);
        assert_eq!(missing(&all), 2);
        assert_eq!(longest_gap(&all), Some(210.0));
        assert_eq!((missing(&[]), longest_gap(&[])), (0, None));
    }

    #[test]
    fn recovery_is_size_and_then_quality() {
        let (large, small) = (Size::P720, Size::P360);
        let shown = [
            (6.0, large),
            (9.0, large),
            (15.0, small),
            (20.5, small),
            (21.0, large),
        ];
        let looks = [
            (1.0, small, 25.0),
            (8.0, large, 38.0),
            (15.0, small, 28.0),
            (21.0, large, 33.0),
            (22.5, large, 37.5),
        ];
        let found = recovery((10.0, 20.0), &shown, &looks);
        assert_eq!(found.before_db, Some(38.0));
        assert_eq!((found.size_s, found.quality_s), (Some(1.0), Some(2.5)));
        let never = recovery((10.0, 20.0), &shown[..4], &looks[..3]);
        assert_eq!((never.size_s, never.quality_s), (None, None));
    }

    #[test]
    fn rates_are_between_samples() {
        let sample = |ms, bytes| Sample {
            at: Duration::from_millis(ms),
            bytes,
            target: 0,
        };
        assert_eq!(rates(&[sample(250, 0), sample(500, 31_250)]), [(0.5, 1_000.0)]);
    }
}
