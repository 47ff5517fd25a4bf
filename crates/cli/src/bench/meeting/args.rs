//! Options of `sidetone bench meeting`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

/// Fill meetings with headless participants and measure the service that forwards between them.
///
/// The service is a process of its own with one forwarding thread on one core; all participants are one thread on
/// another. Each has its own connection with real ICE and DTLS-SRTP, over loopback UDP. What it costs at least to
/// receive, decrypt, encrypt and send is measured in the same run.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  sidetone bench meeting
  sidetone bench meeting --case one-to-400 --duration 30s --html meeting.html
  sidetone bench meeting --case thousand --duration 10m --json thousand.json")]
pub struct MeetingArgs {
    /// Only cases whose name begins so, such as `one-to` or `thousand`. May be given several times.
    #[arg(long, value_name = "NAME")]
    pub case: Vec<String>,
    /// Length of the measured part of each meeting.
    #[arg(long, default_value = "10s", value_parser = humantime::parse_duration)]
    pub duration: Duration,
    /// Bytes of voice in a packet, on average.
    #[arg(long, value_name = "BYTES", default_value_t = 80, value_parser = clap::value_parser!(u16).range(24..=1000))]
    pub payload: u16,
    /// Most by which the size of a packet differs from the average, in percent. With 0 all are of one size, and the service
    /// can hand several to the kernel as one.
    #[arg(long, value_name = "PERCENT", default_value_t = 25, value_parser = clap::value_parser!(u8).range(0..=50))]
    pub vary: u8,
    /// Leave out the bare loop that the figures are set beside.
    #[arg(long)]
    pub without_bare: bool,
    /// Write the report as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the report as a page with plots.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}
