//! Options of `sidetone bench loopback`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

/// Place a real call between two engines on this machine and measure it.
///
/// Two headless ends talk through the embedded service over loopback UDP, with real ICE and DTLS-SRTP. Delay is
/// measured from the sound itself: what went into one microphone against what came out of the other speaker.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  sidetone bench loopback
  sidetone bench loopback --profile low-latency --html report.html
  sidetone bench loopback --delay 90ms --jitter 30ms --seed 7 --json report.json
  sidetone bench loopback --delay 50ms --hide-addresses
  sidetone bench loopback --devices sound")]
pub struct LoopbackArgs {
    /// What the caller says: a WAV or FLAC file. The bundled recordings of a woman and a man where absent.
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// How long they talk.
    #[arg(long, default_value = "20s", value_parser = humantime::parse_duration)]
    pub duration: Duration,
    /// Audio in a packet: 10ms, 20ms, 40ms or 60ms. The profile's own where absent.
    #[arg(long, value_parser = humantime::parse_duration)]
    pub frame: Option<Duration>,
    /// Delay against robustness.
    #[arg(long, value_enum, default_value_t = ProfileArg::Balanced)]
    pub profile: ProfileArg,
    /// Share of packets lost each way, such as 5%.
    #[arg(long, default_value = "0%", value_parser = percent)]
    pub loss: f64,
    /// Delay of the path, each way.
    #[arg(long, default_value = "0ms", value_parser = humantime::parse_duration)]
    pub delay: Duration,
    /// Standard deviation of the delay, normally distributed.
    #[arg(long, default_value = "0ms", value_parser = humantime::parse_duration)]
    pub jitter: Duration,
    /// Seed of the network's randomness.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Each end a process of its own, or a thread of this one.
    #[arg(long, value_enum, default_value_t = Ends::Process)]
    pub ends: Ends,
    /// What the ends speak into and listen to.
    #[arg(long, value_enum, default_value_t = DevicesArg::Headless)]
    pub devices: DevicesArg,
    /// Echo cancellation, noise suppression and gain control on.
    #[arg(long)]
    pub processing: bool,
    /// Exchange no addresses before the answer: ICE and DTLS come up after it.
    #[arg(long)]
    pub hide_addresses: bool,
    /// Calls placed before the measured one to time the set-up with automatic answer.
    #[arg(long, default_value_t = 5)]
    pub setups: u32,
    /// Write the report as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the report as a page with plots.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Keep what was spoken and heard, as WAV files, in this folder.
    #[arg(long, value_name = "FOLDER")]
    pub keep: Option<PathBuf>,
}

/// Delay against robustness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProfileArg {
    /// 20 ms frames, speech coder with redundancy.
    Balanced,
    /// 10 ms frames, low-delay coder.
    LowLatency,
}

/// What sound goes into and comes out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DevicesArg {
    /// Recordings and memory, paced by the clock.
    Headless,
    /// Sound cards: null sinks of a PulseAudio server that the benchmark starts, reached through ALSA (Linux).
    Sound,
}

/// Where the ends run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Ends {
    /// Processes: processor and memory are measured of each.
    Process,
    /// Threads of one process: the service and the network emulator are counted too.
    Thread,
}

impl LoopbackArgs {
    /// Whether packets go through the emulated network.
    pub fn impaired(&self) -> bool {
        self.loss > 0.0 || !self.delay.is_zero() || !self.jitter.is_zero()
    }

    /// Audio in a packet, in milliseconds.
    pub fn frame_ms(&self) -> u32 {
        let own = match self.profile {
            ProfileArg::Balanced => 20,
            ProfileArg::LowLatency => 10,
        };
        self.frame.map_or(own, |frame| frame.as_millis().min(1000) as u32)
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let number: f64 = text
        .trim_end_matches('%')
        .trim()
        .parse()
        .map_err(|_| format!("no number: {text}"))?;
    let share = if text.ends_with('%') {
        number / 100.0
    } else {
        number
    };
    if (0.0..=1.0).contains(&share) {
        Ok(share)
    } else {
        Err(format!("{text} is not between 0% and 100%"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_a_share() {
        assert_eq!(percent("5%"), Ok(0.05));
        assert_eq!(percent("0.05"), Ok(0.05));
        assert!(percent("120%").is_err());
        assert!(percent("NaN").is_err());
        assert!(percent("much").is_err());
    }
}
