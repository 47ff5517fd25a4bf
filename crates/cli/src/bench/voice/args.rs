//! Options of `sidetone bench voice`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use sidetone_media::voice::{Bitrate, Coding, FrameDuration, Profile, Red};
use sidetone_opus::SampleRate;

/// Send speech over emulated networks in virtual time and tell what became of it.
///
/// Every case of the matrix is heard by this engine and by a receiver that adapts nothing, at the same rate and delay.
/// `tools/quality` scores the written sound.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  sidetone bench voice
  sidetone bench voice --case loss-20 --case burst4-20 --length 2m --json voice.json --wav voice
  sidetone bench voice --case loss --speech me.wav --seed 7")]
pub struct VoiceArgs {
    /// Only cases whose name begins so, such as `loss-20` or `burst4`. May be given several times.
    #[arg(long, value_name = "NAME")]
    pub case: Vec<String>,
    /// What is said: WAV or FLAC files. The bundled recordings where absent. May be given several times.
    #[arg(long, value_name = "FILE")]
    pub speech: Vec<PathBuf>,
    /// Least length of speech in each case.
    #[arg(long, default_value = "1m", value_parser = humantime::parse_duration)]
    pub length: Duration,
    /// Seed of the network's randomness.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Most bits a second on the wire, IP, UDP and RTP headers included.
    #[arg(long, value_name = "KBPS", default_value_t = 65)]
    pub cap_kbps: u32,
    /// Code so instead of adapting, as `bitrate=16,red=2,spacing=1,frame=20,dred=100,loss=5,fec=1`: kbit/s, ms, percent.
    /// What is not named is as on a clean link.
    #[arg(long, value_name = "SETTINGS", value_parser = coding)]
    pub fixed: Option<Coding>,
    /// Write the figures as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write what was said and heard, as WAV files, in this folder.
    #[arg(long, value_name = "FOLDER")]
    pub wav: Option<PathBuf>,
}

impl VoiceArgs {
    /// Most bits a second on the wire.
    pub fn cap(&self) -> Bitrate {
        Bitrate::kbps(self.cap_kbps)
    }
}

/// Settings as `name=number`, with commas between.
fn coding(text: &str) -> Result<Coding, String> {
    let mut coding = Coding::plain(&Profile::BALANCED);
    for setting in text.split(',') {
        let known = setting.split_once('=').and_then(|(name, number)| {
            let number: u32 = number.parse().ok()?;
            let small = u8::try_from(number).ok()?;
            match name {
                "bitrate" => coding.bitrate = Bitrate::kbps(number),
                "red" => {
                    coding.red = Red {
                        copies: small,
                        spacing: coding.red.spacing.max(1),
                    }
                }
                "spacing" => coding.red.spacing = small,
                "frame" => {
                    coding.frame = FrameDuration::from_samples(number as usize * 48, SampleRate::Hz48000)?
                }
                "dred" => coding.dred = Duration::from_millis(number.into()),
                "loss" => coding.loss_percent = small,
                "fec" => coding.fec = number > 0,
                _ => return None,
            }
            Some(())
        });
        known.ok_or_else(|| format!("{setting} is no setting"))?;
    }
    Ok(coding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coding_is_told_in_words() {
        let coding = coding("bitrate=16,red=2,spacing=3,frame=10,dred=100,loss=5,fec=0").unwrap();
        assert_eq!(coding.bitrate, Bitrate::kbps(16));
        assert_eq!(
            coding.red,
            Red {
                copies: 2,
                spacing: 3
            }
        );
        assert_eq!(
            (coding.frame, coding.loss_percent, coding.fec),
            (FrameDuration::Ms10, 5, false)
        );
        for wrong in ["bitrate", "bitrate=x", "red=300", "frame=7", "speed=1"] {
            assert!(super::coding(wrong).is_err(), "{wrong}");
        }
    }
}
