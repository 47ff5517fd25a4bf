//! The benchmark's result as data: schema `sidetone.bench.loopback/1`.
//!
//! A figure that was not measured is `null`, never zero. Names end in their unit. Fields may be added; none will
//! change its meaning under this schema's number.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sidetone_netsim::Config;

use super::delay::Measurement;
use super::machine::Machine;
use super::percentile::{percentile, sorted};
use super::target::Target;

/// Name and number of the schema.
pub const SCHEMA: &str = "sidetone.bench.loopback/1";

/// One run of the loopback benchmark.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// When the run ended, RFC 3339.
    pub finished_at: String,
    /// The command that repeats the run.
    pub command: String,
    /// What was run.
    pub scenario: Scenario,
    /// Setting up the call.
    pub setup_ms: Setup,
    /// Delay from the microphone device to the far speaker device, over all directions.
    pub mouth_to_ear_ms: MouthToEar,
    /// Where the delay comes from.
    pub latency_budget_ms: LatencyBudget,
    /// Processor use.
    pub cpu: Cpu,
    /// Memory use.
    pub memory: Memory,
    /// Real-time behaviour of the device callbacks and their rings.
    pub realtime: RealTime,
    /// What happened to the sound.
    pub audio: Audio,
    /// RTP packets, both ways together.
    pub rtp: Rtp,
    /// What the figures are held against, and how they came out. Filled by [`Report::judge`].
    pub targets: Vec<Target>,
    /// Curves behind the figures.
    pub series: Vec<Direction>,
    /// The machine.
    pub machine: Machine,
    /// Versions of the program and its libraries.
    pub versions: BTreeMap<String, String>,
}

/// Where the two ends lived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ends {
    /// Threads of the benchmark's process.
    #[default]
    Thread,
    /// A process each.
    Process,
}

/// What the sound went into and came out of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Devices {
    /// Files and memory, paced by the clock.
    #[default]
    Headless,
    /// Sound devices of the system.
    Sound,
}

/// Latency profile of the engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// The default.
    #[default]
    Balanced,
    /// Less delay for more packets and processor time.
    LowLatency,
}

/// What was run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scenario {
    /// Name of the speech that was played.
    pub input: String,
    /// Length of the measured part of the call.
    pub duration_s: f64,
    /// Voice in a packet.
    pub frame_ms: f64,
    /// Latency profile.
    pub profile: Profile,
    /// Where the ends lived.
    pub ends: Ends,
    /// What the sound went through.
    pub devices: Devices,
    /// Whether echo cancellation, noise suppression and gain control ran.
    pub processing: bool,
    /// Whether ICE and DTLS came up while it rang.
    pub warm_up: bool,
    /// Seed of everything random.
    pub seed: u64,
    /// The emulated network; `None` for bare loopback.
    pub network: Option<Network>,
}

/// An emulated network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Network {
    /// From the caller to the callee.
    pub a_to_b: Config,
    /// From the callee to the caller.
    pub b_to_a: Config,
    /// Mean one-way delay that the packets really had, over both directions.
    pub mean_delay_ms: Option<f64>,
    /// Mean time by which the relay was late itself.
    pub relay_lateness_ms: Option<f64>,
}

/// Times of setting up the call, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Setup {
    /// From the caller's invitation until it hears that the callee rings.
    pub invite_to_ringing: Option<f64>,
    /// From the callee's answer until both ends are connected.
    pub accept_to_connected: Option<f64>,
    /// From the callee's answer until the first sample of the other end is played.
    pub accept_to_first_audio: Option<f64>,
    /// From the invitation until both ends are connected, with automatic answer.
    pub invite_to_connected: Option<f64>,
}

/// Mouth-to-ear delay, in milliseconds, measured from the sound itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MouthToEar {
    /// Median.
    pub p50: Option<f64>,
    /// 95 % of the windows are at most this late.
    pub p95: Option<f64>,
    /// 99 % of the windows are at most this late.
    pub p99: Option<f64>,
    /// Number of windows of speech found again.
    pub n: usize,
    /// Shortest.
    pub min: Option<f64>,
    /// Longest.
    pub max: Option<f64>,
    /// Windows of speech that were not found again.
    pub rejected: usize,
    /// Median above the mean delay of the emulated network.
    pub above_path_p50: Option<f64>,
}

/// The delay by its parts, in milliseconds, in the order sound passes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LatencyBudget {
    /// Buffer of the microphone device.
    pub capture_device: Option<f64>,
    /// Collecting a frame, from its first sample to its last.
    pub frame: Option<f64>,
    /// Voice processing.
    pub processing: Option<f64>,
    /// Look-ahead of the codec.
    pub codec_lookahead: Option<f64>,
    /// From the encoder to the socket of the other end.
    pub network: Option<f64>,
    /// From arrival until the samples are pulled.
    pub jitter_buffer: Option<f64>,
    /// Block of playout that is made ahead of the device.
    pub playout_block: Option<f64>,
    /// Buffer of the speaker device.
    pub playout_device: Option<f64>,
}

impl LatencyBudget {
    /// Every part with its name, in order.
    pub fn parts(&self) -> [(&'static str, Option<f64>); 8] {
        [
            ("Capture device", self.capture_device),
            ("Frame", self.frame),
            ("Voice processing", self.processing),
            ("Codec look-ahead", self.codec_lookahead),
            ("Network", self.network),
            ("Jitter buffer", self.jitter_buffer),
            ("Playout block", self.playout_block),
            ("Playout device", self.playout_device),
        ]
    }

    /// Sum of the parts that are known; `None` when none is.
    pub fn total(&self) -> Option<f64> {
        self.parts()
            .into_iter()
            .filter_map(|(_, part)| part)
            .reduce(|a, b| a + b)
    }
}

/// Processor use of an end during the measured part, in percent of one core.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cpu {
    /// Mean of both ends.
    pub percent_of_core_per_end: Option<f64>,
    /// The caller's process, where it has one.
    pub caller: Option<f64>,
    /// The callee's process, where it has one.
    pub callee: Option<f64>,
    /// By thread name, both ends together.
    pub by_thread: BTreeMap<String, f64>,
}

/// Memory of an end at the close of the run, in mebibytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Resident set, mean of both ends (of one process that holds both: half of it).
    pub rss_mib_per_end: Option<f64>,
    /// The caller's process, where it has one.
    pub caller: Option<f64>,
    /// The callee's process, where it has one.
    pub callee: Option<f64>,
}

/// Real-time behaviour, both ends together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RealTime {
    /// Calls of an allocator inside device callbacks.
    pub callback_allocations: Option<u64>,
    /// Locks taken and waits inside device callbacks.
    pub callback_locks: Option<u64>,
    /// 99 % of the callbacks took at most this long, in microseconds.
    pub callback_p99_us: Option<f64>,
    /// Samples the capture rings had no room for.
    pub overruns: Option<u64>,
    /// Samples the playout rings could not give.
    pub underruns: Option<u64>,
    /// Calls of an allocator by the workers, for each 10 ms of sound.
    pub worker_allocations_per_10ms: Option<f64>,
    /// Whether the workers were granted real-time priority.
    pub priority: Option<bool>,
}

/// What happened to the sound, both ends together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Audio {
    /// Share of played samples that were made up for missing ones.
    pub concealed_ratio: Option<f64>,
    /// Share of played samples that were inserted or removed to change the delay.
    pub stretched_ratio: Option<f64>,
    /// Level of the speech that came out against that which went in.
    pub level_error_db: Option<f64>,
}

/// RTP packets, both ways together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rtp {
    /// Sent.
    pub sent: Option<u64>,
    /// Received.
    pub received: Option<u64>,
    /// Never came.
    pub lost: Option<i64>,
    /// Came too late to be played.
    pub late: Option<u64>,
    /// Rebuilt from redundancy in other packets.
    pub recovered: Option<u64>,
}

/// The curves of one direction of the call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Direction {
    /// Who speaks to whom.
    pub name: String,
    /// Delay of each window of speech: time into the call in seconds, delay in milliseconds.
    pub mouth_to_ear: Vec<(f64, f64)>,
    /// Jitter buffer over time.
    pub jitter_buffer: Vec<JitterSample>,
    /// Loudest sample of each piece of what was spoken, 0 to 1.
    pub spoken: Vec<f32>,
    /// Loudest sample of each piece of what was heard, 0 to 1, on the same clock.
    pub heard: Vec<f32>,
    /// Seconds that `spoken` and `heard` cover.
    pub waveform_s: f64,
}

/// The jitter buffer at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JitterSample {
    /// Time into the call, in seconds.
    pub at_s: f64,
    /// Delay it adds now.
    pub delay_ms: f64,
    /// Delay it steers for.
    pub target_ms: f64,
}

impl MouthToEar {
    /// Pools the windows of all directions.
    pub fn of(measurements: &[Measurement]) -> Self {
        let delays: Vec<f64> = measurements.iter().flat_map(Measurement::delays_ms).collect();
        let sorted = sorted(&delays);
        Self {
            p50: percentile(&sorted, 0.50),
            p95: percentile(&sorted, 0.95),
            p99: percentile(&sorted, 0.99),
            n: sorted.len(),
            min: sorted.first().copied(),
            max: sorted.last().copied(),
            rejected: measurements.iter().map(|measurement| measurement.rejected).sum(),
            above_path_p50: None,
        }
    }
}

impl Direction {
    /// The curves of one direction from its recordings, which begin `recording_starts_ms` apart
    /// (see [`super::delay::Options::recording_starts_ms`]).
    pub fn new(
        name: &str,
        measurement: &Measurement,
        (reference, recorded): (&[f32], &[f32]),
        rate: u32,
        recording_starts_ms: f64,
    ) -> Self {
        let seconds = reference.len() as f64 / f64::from(rate.max(1));
        let shift = (recording_starts_ms / 1e3 * f64::from(rate)).round() as isize;
        Self {
            name: name.to_owned(),
            mouth_to_ear: measurement
                .windows
                .iter()
                .map(|window| (window.at.as_secs_f64(), window.delay_ms))
                .collect(),
            jitter_buffer: Vec::new(),
            spoken: envelope(reference, 0, reference.len()),
            heard: envelope(recorded, -shift, reference.len()),
            waveform_s: seconds,
        }
    }
}

/// Pieces a waveform is shown in: a pixel each on a wide page.
const PIECES: usize = 600;

/// Peak of each of [`PIECES`] equal pieces of the `len` samples from `first` on; outside the signal is silence.
fn envelope(samples: &[f32], first: isize, len: usize) -> Vec<f32> {
    let bound = |index: usize| {
        let position = first + (len * index / PIECES) as isize;
        usize::try_from(position).unwrap_or(0).min(samples.len())
    };
    (0..PIECES)
        .map(|piece| {
            let peak = samples[bound(piece)..bound(piece + 1)]
                .iter()
                .fold(0.0_f32, |peak, s| peak.max(s.abs()));
            // Three digits are finer than a pixel.
            (peak * 1e3).round() / 1e3
        })
        .collect()
}

impl Report {
    /// Fills in what follows from other fields: the schema, the delay above the path, the targets.
    pub fn judge(&mut self) {
        SCHEMA.clone_into(&mut self.schema);
        let path = self
            .scenario
            .network
            .as_ref()
            .and_then(|network| network.mean_delay_ms);
        self.mouth_to_ear_ms.above_path_p50 = self
            .mouth_to_ear_ms
            .p50
            .zip(path)
            .map(|(delay, path)| delay - path);
        self.targets = super::target::targets(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_null() {
        let mut report = Report::default();
        report.judge();
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["schema"], SCHEMA);
        for pointer in [
            "/setup_ms/invite_to_ringing",
            "/setup_ms/accept_to_connected",
            "/setup_ms/accept_to_first_audio",
            "/mouth_to_ear_ms/p50",
            "/mouth_to_ear_ms/p95",
            "/mouth_to_ear_ms/p99",
            "/cpu/percent_of_core_per_end",
            "/memory/rss_mib_per_end",
            "/realtime/callback_allocations",
            "/realtime/callback_locks",
            "/realtime/callback_p99_us",
            "/realtime/overruns",
            "/realtime/underruns",
            "/audio/concealed_ratio",
            "/audio/stretched_ratio",
            "/audio/level_error_db",
            "/rtp/sent",
            "/rtp/received",
            "/rtp/lost",
            "/rtp/late",
        ] {
            assert_eq!(json.pointer(pointer), Some(&serde_json::Value::Null), "{pointer}");
        }
        assert_eq!(json["mouth_to_ear_ms"]["n"], 0);
        assert_eq!(serde_json::from_value::<Report>(json).unwrap(), report);
        assert!(report.targets.iter().all(|target| target.met.is_none()));
    }

    #[test]
    fn a_waveform_is_cut_into_pieces() {
        let ramp: Vec<f32> = (0..6000).map(|n| n as f32 / 6000.0).collect();
        let shown = envelope(&ramp, 0, ramp.len());
        assert_eq!(shown.len(), PIECES);
        assert!(shown.is_sorted() && shown[PIECES - 1] > 0.99);
        // Started late: the first half is silence.
        let late = envelope(&ramp, -3000, ramp.len());
        assert!(late[..PIECES / 2].iter().all(|&peak| peak == 0.0) && late[PIECES - 1] > 0.49);
        assert!(envelope(&[], 10, 100).iter().all(|&peak| peak == 0.0));
    }

    #[test]
    fn a_budget_sums_what_is_known() {
        assert_eq!(LatencyBudget::default().total(), None);
        let budget = LatencyBudget {
            frame: Some(20.0),
            codec_lookahead: Some(6.5),
            ..Default::default()
        };
        assert_eq!(budget.total(), Some(26.5));
    }
}
