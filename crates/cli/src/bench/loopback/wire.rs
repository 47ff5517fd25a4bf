//! What the conductor and the two ends say to each other: one JSON object a line between processes, the same values
//! between threads.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sidetone::media::transport::TransportStats;
use sidetone::media::voice::VoiceStats;

/// A moment in `CLOCK_MONOTONIC` nanoseconds, the same clock in every process of a machine.
pub type Nanos = i64;

/// How an end is set up.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EndConfig {
    /// The service.
    pub server: String,
    /// The end's token.
    pub token: String,
    /// The recording it speaks, mono `f32` at 48 kHz, little endian.
    pub speech: PathBuf,
    /// Where it writes what it heard, in the same form.
    pub heard: PathBuf,
    /// Longest recording, in seconds.
    pub seconds: u64,
    /// 10 ms frames and the low-delay coder.
    pub low_latency: bool,
    /// Audio in a packet, in milliseconds.
    pub frame_ms: u32,
    /// Echo, noise and gain processing.
    pub processing: bool,
    /// No addresses before the answer.
    pub hide_addresses: bool,
    /// Where media is bound.
    pub bind: SocketAddr,
    /// What is announced instead.
    pub advertise: Option<SocketAddr>,
    /// Sound cards in place of the recording and the memory.
    pub cards: Option<SoundCards>,
}

/// The sound cards of an end, by device id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SoundCards {
    pub microphone: String,
    pub speaker: String,
}

/// Who sits where, when there are sound cards.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RoomConfig {
    /// Caller and callee.
    pub seats: Vec<Seat>,
}

/// The place of one end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Seat {
    /// The recording it speaks, as in [`EndConfig`].
    pub speech: PathBuf,
    /// The card that is spoken to.
    pub mouth: String,
    /// The card that brings what goes into the end's microphone.
    pub microphone: String,
    /// The card that brings what comes out of the end's speaker.
    pub speaker: String,
    /// Where what went into the microphone is written.
    pub said: PathBuf,
    /// Where what came out of the speaker is written.
    pub heard: PathBuf,
}

/// What a process of the benchmark is: its first line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Role {
    End(EndConfig),
    Room(RoomConfig),
}

/// One recording of a room.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Recorded {
    /// The moment of its first sample.
    pub from: Nanos,
    /// Samples that never came, and are silence in it.
    pub lost: u64,
}

/// What the conductor wants of an end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Order {
    /// Call this identity.
    Call { to: String },
    /// Answer the next calls after ringing this long.
    AnswerAfter { ms: u64 },
    /// Count from here.
    Measure,
    /// Report, with what was heard since the call began.
    Report,
    /// End the call.
    HangUp,
    /// Leave.
    Quit,
}

/// What an end tells.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Notice {
    /// Registered at the service.
    Ready,
    /// The call was asked for at this moment.
    Calling { at: Nanos },
    /// The far end rings.
    Ringing { at: Nanos },
    /// It was told to answer at this moment.
    Accepting { at: Nanos },
    /// The call is up.
    Connected { at: Nanos },
    /// The call is over.
    Ended { at: Nanos, reason: String },
    /// A look at the jitter buffer.
    Sample(Sample),
    /// What was measured.
    Report(Box<EndReport>),
    /// What a room recorded for each seat: what was said there, and what was heard.
    Recorded(Vec<[Recorded; 2]>),
    /// It cannot go on.
    Failed { message: String },
}

/// A look at the jitter buffer.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Sample {
    /// When.
    pub at: Nanos,
    /// Mean wait in the buffer, in milliseconds.
    pub delay_ms: f64,
    /// What the buffer aims at, in milliseconds.
    pub target_ms: f64,
}

/// One guarded section of code.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Section {
    pub name: String,
    pub callback: bool,
    pub entries: u64,
    pub allocations: u64,
    pub frees: u64,
    pub locks: u64,
    pub waits: u64,
    pub p99_us: f64,
    pub max_us: f64,
    pub traces: Vec<String>,
}

/// What an end measured of itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EndReport {
    /// Length of the measured time in seconds.
    pub seconds: f64,
    /// Processor time used in it, in seconds.
    pub cpu_seconds: f64,
    /// Memory held, in bytes.
    pub resident: u64,
    /// Processor time of each thread in it, in seconds.
    pub threads: Vec<(String, f64)>,
    /// Whether the guard saw allocations and locks.
    pub guarded: bool,
    /// What the guard saw.
    pub sections: Vec<Section>,
    /// Scheduling the workers got, capture and playout.
    pub real_time: bool,
    /// Samples of the microphone that found no room in the measured time.
    pub overruns: u64,
    /// Samples the speaker missed in the measured time.
    pub underruns: u64,
    /// The voice path.
    pub voice: VoiceStats,
    /// The connection.
    pub transport: TransportStats,
    /// When the first sample of the recording was spoken; zero with sound cards.
    pub spoken_from: Nanos,
    /// When the first sample of what was heard was heard; zero with sound cards.
    pub heard_from: Nanos,
    /// Samples heard.
    pub heard_samples: usize,
}
