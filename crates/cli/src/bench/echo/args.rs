//! Options of `sidetone bench echo`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

/// Put the voice processing in rooms of virtual time and tell what it takes away: echo, noise, and of the voice.
///
/// A far end is played by a speaker with a clock and a delay of its own, and comes back into the microphone with what is
/// said and what makes noise there. `tools/quality/rooms` scores the written sound.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  sidetone bench echo
  sidetone bench echo --case far --case double-64 --json rooms.json --wav rooms
  sidetone bench echo --case near --off gain")]
pub struct EchoArgs {
    /// Only cases whose name begins so, such as `far` or `drift`. May be given several times.
    #[arg(long, value_name = "NAME")]
    pub case: Vec<String>,
    /// Part of the processing to leave out. May be given several times.
    #[arg(long, value_name = "PART")]
    pub off: Vec<Part>,
    /// Length of each case.
    #[arg(long, default_value = "40s", value_parser = humantime::parse_duration)]
    pub length: Duration,
    /// Seed of rooms, noises and the lateness of callbacks.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Write the figures as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write what was played, said, captured and sent, as WAV files, in this folder.
    #[arg(long, value_name = "FOLDER")]
    pub wav: Option<PathBuf>,
}

/// A part of the processing.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Echo cancellation
    Echo,
    /// Noise suppression
    Noise,
    /// Gain control
    Gain,
}
