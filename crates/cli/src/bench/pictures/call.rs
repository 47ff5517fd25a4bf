//! One case, from two ends that are not connected to what was counted and seen.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use sidetone_media::pictures::{InboundStream, OutboundStream, VideoReportCard};
use sidetone_media::video::Content;

use super::case::{Case, Course};
use super::end;
use super::eyes::Sight;
use super::reel::Reel;
use crate::bench::machine::{self, ThreadUsage};

/// How often counters are read.
const SAMPLE: Duration = Duration::from_millis(250);

/// The transport's counters are as old as this at most.
const STALE: Duration = Duration::from_millis(350);

/// What was counted and seen of a call.
pub struct Recorded {
    /// Length of what was measured.
    pub length: Duration,
    /// From the first end to the second one, and back where both show something.
    pub ways: Vec<Way>,
    /// Processor time of threads by their name, over the whole time and over the second half of it.
    pub threads: [BTreeMap<String, Duration>; 2],
    /// When the link got narrow, and wide again.
    pub turns: Option<(Duration, Duration)>,
}

/// One stream, from who films to who looks.
pub struct Way {
    /// Who to whom.
    pub name: &'static str,
    /// When filming began, on the clock of the stamps.
    pub begun: Duration,
    /// What was seen.
    pub sight: Sight,
    /// Counters of who films.
    pub outbound: OutboundStream,
    /// Counters of who looks.
    pub inbound: InboundStream,
    /// Counters over time.
    pub samples: Vec<Sample>,
}

/// Counters at one time.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Since filming began.
    pub at: Duration,
    /// Payload sent until then.
    pub bytes: u64,
    /// What the encoder is to keep to, in bit/s.
    pub target: u32,
}

/// Runs a case.
///
/// # Errors
/// In words, when the ends do not connect, or the system has not what they need.
pub fn run(case: &Case, part: Duration, seed: u64, reel: &Arc<Reel>) -> Result<Recorded, String> {
    let content = case.scene.content().0;
    let epoch = Instant::now();
    let (relay, ends) = end::pair(case, seed, epoch)?;
    let length = case.length(part);
    let turns = match case.there {
        Course::Steady(_) => None,
        Course::Dip(..) => Some((part, part * 2)),
    };
    let pairs: &[(usize, usize, &'static str)] = if case.both {
        &[(0, 1, "a to b"), (1, 0, "b to a")]
    } else {
        &[(0, 1, "a to b")]
    };
    thread::sleep(case.after);
    let before = machine::threads(None);
    let begun = epoch.elapsed();
    let filming = pairs
        .iter()
        .map(|&(from, ..)| ends[from].film(case, reel))
        .collect::<Result<Vec<_>, _>>()?;
    let mut samples = vec![Vec::new(); pairs.len()];
    let (mut half, mut network) = (None, case.there.begin());
    for tick in 1.. {
        let next = begun + SAMPLE * tick;
        thread::sleep(next.min(begun + length).saturating_sub(epoch.elapsed()));
        let now = epoch.elapsed() - begun;
        for (samples, &(from, ..)) in samples.iter_mut().zip(pairs) {
            let sent = outbound(ends[from].card(), content);
            samples.push(Sample {
                at: now,
                bytes: sent.bytes_sent,
                target: sent.target_bitrate,
            });
        }
        if now * 2 >= length && half.is_none() {
            half = Some(machine::threads(None));
        }
        if let (Course::Dip(wide, narrow), Some((down, up))) = (case.there, turns) {
            let wanted = if (down..up).contains(&now) { narrow } else { wide };
            if wanted != network {
                network = wanted;
                relay.set_config(network, case.back);
            }
        }
        if now >= length {
            break;
        }
    }
    let after = machine::threads(None);
    let half = half.unwrap_or_else(|| after.clone());
    drop(filming);
    // What is on its way arrives, and counters are up to date.
    thread::sleep(STALE);
    let ways = pairs.iter().zip(samples).map(|(&(from, to, name), samples)| Way {
        name,
        begun,
        sight: ends[to].eyes.take(),
        outbound: outbound(ends[from].card(), content),
        inbound: inbound(ends[to].card(), content),
        samples,
    });
    Ok(Recorded {
        length,
        ways: ways.collect(),
        threads: [used(&before, &after), used(&half, &after)],
        turns,
    })
}

fn name(content: Content) -> &'static str {
    match content {
        Content::Camera => "camera",
        Content::Screen => "screen",
    }
}

fn outbound(card: VideoReportCard, content: Content) -> OutboundStream {
    let mut streams = card.outbound.into_iter();
    streams
        .find(|stream| stream.content_type == name(content))
        .unwrap_or_default()
}

fn inbound(card: VideoReportCard, content: Content) -> InboundStream {
    let mut streams = card.inbound.into_iter();
    streams
        .find(|stream| stream.content_type == name(content))
        .unwrap_or_default()
}

/// Processor time between two looks, by name of the thread.
fn used(before: &[ThreadUsage], after: &[ThreadUsage]) -> BTreeMap<String, Duration> {
    let mut used = BTreeMap::new();
    for (name, spent) in machine::since(before, after) {
        *used.entry(name).or_default() += spent;
    }
    used
}
