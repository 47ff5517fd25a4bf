//! From what the ends measured to the report: the sound is searched for, counters are added up.

use std::collections::BTreeMap;

use sidetone::media::voice::RATE;
use sidetone_netsim::Config;

use super::args::{DevicesArg, Ends, LoopbackArgs, ProfileArg};
use super::conductor::{Relayed, between};
use super::track::{Track, nanos};
use super::wire::{EndReport, Nanos, Sample, Section};
use crate::bench::delay::{Options, mouth_to_ear};
use crate::bench::machine::{Machine, versions};
use crate::bench::percentile::median;
use crate::bench::report::{
    Audio, Cpu, Devices, Direction, Ends as EndsReport, JitterSample, LatencyBudget, Memory, MouthToEar,
    Network, Profile, RealTime, Report, Rtp, Scenario, Setup,
};

/// Times of setting up calls.
#[derive(Default)]
pub struct Setups {
    invite_to_connected: Vec<f64>,
    setup: Setup,
}

fn both(connected: [Option<Nanos>; 2]) -> Option<Nanos> {
    let [caller, callee] = connected;
    Some(caller?.max(callee?))
}

impl Setups {
    /// A call with automatic answer.
    pub fn quick(&mut self, calling: Option<Nanos>, connected: [Option<Nanos>; 2]) {
        self.invite_to_connected.extend(between(calling, both(connected)));
    }

    /// The call that rang.
    pub fn measured(
        &mut self,
        calling: Option<Nanos>,
        ringing: Option<Nanos>,
        accepting: Option<Nanos>,
        connected: [Option<Nanos>; 2],
    ) {
        self.setup.invite_to_ringing = between(calling, ringing);
        self.setup.accept_to_connected = between(accepting, both(connected));
    }
}

/// The measured call.
pub struct Talk<'a> {
    /// What caller and callee said, from the beginning of the measurement on.
    pub said: &'a [Track; 2],
    /// What caller and callee heard.
    pub heard: &'a [Track; 2],
    /// What they measured of themselves.
    pub ends: [EndReport; 2],
    /// Looks at their jitter buffers.
    pub samples: [Vec<Sample>; 2],
    /// When counting began.
    pub from: Nanos,
    /// When it ended.
    pub to: Nanos,
    /// When the callee was told to answer.
    pub accepted: Option<Nanos>,
}

/// A sample above this is no digital silence: 100 dB below full scale.
const SOUND: f32 = 1e-5;

/// The tail of the speech that may not have arrived when the recording ends is not looked for.
const TAIL_S: f64 = 0.5;

/// When an end played its first sound.
fn first_sound(heard: &Track) -> Option<Nanos> {
    let index = heard.samples.iter().position(|sample| sample.abs() > SOUND)?;
    Some(heard.from + nanos(index as i64))
}

/// Puts the report together.
pub fn assemble(
    args: &LoopbackArgs,
    setups: Setups,
    talk: &Talk<'_>,
    network: Option<Config>,
    relayed: Option<Relayed>,
) -> Report {
    let path_s = args.delay.as_secs_f64() + 5.0 * args.jitter.as_secs_f64();
    let seconds = (talk.to - talk.from) as f64 / 1e9;
    let mut measurements = Vec::new();
    let mut series = Vec::new();
    for (speaker, listener, name) in [(0, 1, "Caller to callee"), (1, 0, "Callee to caller")] {
        let reference = talk.said[speaker].cut(talk.from, seconds - TAIL_S - path_s);
        // Only what was heard since, and a little before: the search looks 50 ms back.
        let heard = talk.heard[listener].cut(reference.from - 100_000_000, f64::INFINITY);
        let recording_starts_ms = (heard.from - reference.from) as f64 / 1e6;
        let options = Options {
            recording_starts_ms,
            ..Options::default()
        };
        let measurement = mouth_to_ear(&reference.samples, &heard.samples, RATE, &options);
        let mut direction = Direction::new(
            name,
            &measurement,
            (&reference.samples, &heard.samples),
            RATE,
            recording_starts_ms,
        );
        direction.jitter_buffer = talk.samples[listener]
            .iter()
            .filter(|sample| sample.at >= talk.from)
            .map(|sample| JitterSample {
                at_s: (sample.at - talk.from) as f64 / 1e9,
                delay_ms: sample.delay_ms,
                target_ms: sample.target_ms,
            })
            .collect();
        measurements.push(measurement);
        series.push(direction);
    }

    let mut setup = setups.setup;
    setup.invite_to_connected = median(&setups.invite_to_connected);
    // Through sound cards the recorder's own delay would be in it, and the recording begins later.
    if args.devices == DevicesArg::Headless {
        setup.accept_to_first_audio = between(talk.accepted, first_sound(&talk.heard[0]));
    }
    let levels: Vec<f64> = measurements.iter().filter_map(|m| m.level_error_db).collect();
    Report {
        scenario: scenario(args, network, relayed),
        setup_ms: setup,
        mouth_to_ear_ms: MouthToEar::of(&measurements),
        latency_budget_ms: budget(&talk.ends, relayed),
        cpu: cpu(args, &talk.ends),
        memory: memory(args, &talk.ends),
        realtime: real_time(args, &talk.ends),
        audio: Audio {
            level_error_db: largest(&levels),
            ..audio(&talk.ends)
        },
        rtp: rtp(&talk.ends),
        series,
        machine: Machine::probe(),
        versions: all_versions(),
        ..Report::default()
    }
}

/// The one furthest from zero.
fn largest(values: &[f64]) -> Option<f64> {
    values.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs()))
}

fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0);
    for value in values {
        sum += value;
        count += 1;
    }
    (count > 0).then(|| sum / f64::from(count))
}

fn scenario(args: &LoopbackArgs, network: Option<Config>, relayed: Option<Relayed>) -> Scenario {
    let input = match &args.input {
        Some(path) => path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        None => "bundled speech (a woman, a man)".into(),
    };
    let ms = |duration: std::time::Duration| duration.as_secs_f64() * 1e3;
    Scenario {
        input,
        duration_s: args.duration.as_secs_f64(),
        frame_ms: f64::from(args.frame_ms()),
        profile: match args.profile {
            ProfileArg::Balanced => Profile::Balanced,
            ProfileArg::LowLatency => Profile::LowLatency,
        },
        ends: match args.ends {
            Ends::Process => EndsReport::Process,
            Ends::Thread => EndsReport::Thread,
        },
        devices: match args.devices {
            DevicesArg::Headless => Devices::Headless,
            DevicesArg::Sound => Devices::Sound,
        },
        processing: args.processing,
        warm_up: !args.hide_addresses,
        seed: args.seed,
        network: network.map(|config| Network {
            a_to_b: config,
            b_to_a: config,
            mean_delay_ms: relayed.and_then(|relayed| {
                mean(
                    [relayed.a_to_b.mean_delay(), relayed.b_to_a.mean_delay()]
                        .into_iter()
                        .flatten()
                        .map(ms),
                )
            }),
            relay_lateness_ms: relayed.and_then(|relayed| relayed.lateness.mean()).map(ms),
        }),
    }
}

fn budget(ends: &[EndReport; 2], relayed: Option<Relayed>) -> LatencyBudget {
    let part = |pick: fn(&EndReport) -> f64| mean(ends.iter().map(|end| pick(end) * 1e3));
    let network = relayed
        .and_then(|relayed| relayed.a_to_b.mean_delay())
        .map(|delay| delay.as_secs_f64() * 1e3);
    LatencyBudget {
        // A recording is handed over in whole blocks, and a block's time is part of the frame it fills.
        capture_device: None,
        frame: part(|end| end.voice.latency.frame),
        processing: None,
        codec_lookahead: part(|end| end.voice.latency.look_ahead),
        network: network.or_else(|| {
            let trips = ends.iter().filter_map(|end| end.transport.round_trip_time);
            mean(trips.map(|trip| trip.as_secs_f64() / 2.0 * 1e3))
        }),
        jitter_buffer: part(|end| end.voice.latency.jitter_buffer),
        playout_block: part(|end| end.voice.latency.playout),
        playout_device: part(|end| end.voice.latency.device),
    }
}

/// Ends that share a process share its figures.
fn shares(args: &LoopbackArgs) -> f64 {
    match args.ends {
        Ends::Process => 1.0,
        Ends::Thread => 2.0,
    }
}

fn cpu(args: &LoopbackArgs, ends: &[EndReport; 2]) -> Cpu {
    let percent = |end: &EndReport| 100.0 * end.cpu_seconds / end.seconds.max(1e-9) / shares(args);
    let mut by_thread = BTreeMap::new();
    // Threads of one process are told by both of its ends.
    let told = if args.ends == Ends::Process {
        &ends[..]
    } else {
        &ends[..1]
    };
    for end in told {
        for (name, seconds) in &end.threads {
            *by_thread.entry(name.clone()).or_insert(0.0) += 100.0 * seconds / end.seconds.max(1e-9);
        }
    }
    let own = |end| (args.ends == Ends::Process).then(|| percent(end));
    Cpu {
        percent_of_core_per_end: mean(ends.iter().map(percent)),
        caller: own(&ends[0]),
        callee: own(&ends[1]),
        by_thread,
    }
}

fn memory(args: &LoopbackArgs, ends: &[EndReport; 2]) -> Memory {
    let mib = |end: &EndReport| end.resident as f64 / 1_048_576.0;
    let own = |end| (args.ends == Ends::Process).then(|| mib(end));
    Memory {
        rss_mib_per_end: mean(ends.iter().map(|end| mib(end) / shares(args))),
        caller: own(&ends[0]),
        callee: own(&ends[1]),
    }
}

fn real_time(args: &LoopbackArgs, ends: &[EndReport; 2]) -> RealTime {
    // Sections are counted for a process: two ends in one tell the same twice.
    let told = if args.ends == Ends::Process {
        &ends[..]
    } else {
        &ends[..1]
    };
    let sections = || told.iter().flat_map(|end| &end.sections);
    let guarded = told.iter().all(|end| end.guarded);
    let count = |callback: bool, what: fn(&Section) -> u64| {
        sections()
            .filter(|section| section.callback == callback)
            .map(what)
            .sum::<u64>()
    };
    let blocks = 100.0 * told.iter().map(|end| end.seconds).sum::<f64>() * shares(args);
    RealTime {
        callback_allocations: guarded.then(|| count(true, |section| section.allocations + section.frees)),
        callback_locks: guarded.then(|| count(true, |section| section.locks + section.waits)),
        callback_p99_us: sections()
            .filter(|s| s.callback)
            .map(|s| s.p99_us)
            .max_by(f64::total_cmp),
        overruns: Some(ends.iter().map(|end| end.overruns).sum()),
        underruns: Some(ends.iter().map(|end| end.underruns).sum()),
        worker_allocations_per_10ms: guarded
            .then(|| count(false, |section| section.allocations) as f64 / blocks.max(1.0)),
        priority: Some(ends.iter().all(|end| end.real_time)),
    }
}

fn audio(ends: &[EndReport; 2]) -> Audio {
    let inbound = || {
        ends.iter()
            .filter_map(|end| end.voice.inbound.first())
            .map(|inbound| &inbound.jitter)
    };
    Audio {
        concealed_ratio: mean(inbound().map(|jitter| jitter.concealed_ratio())),
        stretched_ratio: mean(inbound().map(|jitter| jitter.stretched_ratio())),
        level_error_db: None,
    }
}

fn rtp(ends: &[EndReport; 2]) -> Rtp {
    let inbound = || {
        ends.iter()
            .filter_map(|end| end.voice.inbound.first())
            .map(|inbound| &inbound.jitter)
    };
    Rtp {
        sent: Some(ends.iter().map(|end| end.transport.packets_sent).sum()),
        received: Some(ends.iter().map(|end| end.transport.packets_received).sum()),
        lost: Some(ends.iter().map(|end| end.transport.packets_lost).sum()),
        late: Some(inbound().map(|jitter| jitter.packets_late).sum()),
        recovered: Some(inbound().map(|jitter| jitter.fec_packets_received).sum()),
    }
}

fn all_versions() -> BTreeMap<String, String> {
    let mut all = versions();
    all.insert("libopus".into(), sidetone::media::voice::codec_version().into());
    all
}
