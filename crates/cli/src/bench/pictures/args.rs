//! Options of `sidetone bench video` and `sidetone bench screen`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use sidetone_media::pictures::Size;

use crate::video::picture_size;

/// Show a camera from one end to the other over emulated networks, and measure what is seen.
///
/// Two picture engines with real codecs are connected by real ICE and DTLS-SRTP over loopback UDP, with the network emulator
/// between. A mark in each picture tells when it was taken, so the delay is from glass to glass; what is seen is compared
/// with what was sent. No sound goes along.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  sidetone bench video
  sidetone bench video --case loss-3 --duration 30s --html video.html
  sidetone bench video --case dip --json dip.json
  sidetone bench video --ffmpeg ./ffmpeg-with-libvmaf")]
pub struct VideoArgs {
    #[command(flatten)]
    pub common: Common,
}

/// Share a screen from one end to the other over emulated networks, and measure what is seen.
///
/// As `bench video`, with text: on which nothing moves, and which scrolls.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  sidetone bench screen
  sidetone bench screen --case idle --html screen.html
  sidetone bench screen --case scroll --size 1280x720 --frame-rate 15")]
pub struct ScreenArgs {
    #[command(flatten)]
    pub common: Common,
}

/// What both have.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// Only cases whose name begins so. May be given several times.
    #[arg(long, value_name = "NAME")]
    pub case: Vec<String>,
    /// Length of each case, or of each part of one in which the network changes.
    #[arg(long, default_value = "10s", value_parser = crate::args::duration)]
    pub duration: Duration,
    /// Size of what is captured, in place of the case's own. Nothing is held against targets then.
    #[arg(long, value_name = "WxH", value_parser = size)]
    pub size: Option<Size>,
    /// Pictures a second, in place of the case's own. Nothing is held against targets then.
    #[arg(long, value_name = "RATE", value_parser = clap::value_parser!(u32).range(1..=60))]
    pub frame_rate: Option<u32>,
    /// Seed of the network's randomness.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// An ffmpeg that was built with libvmaf, to measure VMAF with. Without, the one of the path is asked.
    #[arg(long, value_name = "PROGRAM")]
    pub ffmpeg: Option<PathBuf>,
    /// Write the report as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the report as a page with plots and pictures.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Sides that a mark can be read in, and that a benchmark has memory for.
fn size(text: &str) -> Result<Size, String> {
    let size = picture_size(text)?;
    if !(160..=1920).contains(&size.width()) || !(90..=1080).contains(&size.height()) {
        return Err("there is room for 160x90 to 1920x1080".into());
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_two_numbers_within_bounds() {
        assert_eq!(size("1280x720"), Ok(Size::P720));
        for wrong in ["1280", "x", "1280x", "-1x5", "100x100", "4000x2000", "1280x720x2"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
