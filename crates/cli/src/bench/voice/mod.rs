//! `sidetone bench voice`: what is heard over bad networks, in virtual time.
//!
//! The real encoder, packetiser, jitter buffer and decoder, with the network emulator between them and no clock, socket
//! or thread: the same seed gives the same samples. Beside every case runs a receiver that adapts nothing, at the same
//! rate and delay. Sound and delay come out of here; `tools/quality` scores the sound.

mod args;
mod call;
mod matrix;
mod plain;
mod report;

pub use args::VoiceArgs;

use super::file;
use crate::speech;
use call::Call;
use matrix::Case;
use report::{Outcome, Report};
use sidetone_media::voice::RATE;

/// Runs the benchmark and returns what to print.
///
/// # Errors
/// In words, when a recording cannot be read, a file cannot be written, or no case has such a name.
pub fn run(args: &VoiceArgs) -> Result<String, String> {
    let reference = said(args)?;
    let cases: Vec<Case> = matrix::cases()
        .into_iter()
        .filter(|case| args.case.is_empty() || args.case.iter().any(|name| case.is_named(name)))
        .collect();
    if cases.is_empty() {
        let names: Vec<String> = matrix::cases().into_iter().map(|case| case.name).collect();
        return Err(format!("no such case; there are: {}", names.join(", ")));
    }
    if let Some(folder) = &args.wav {
        file::folder(folder)?;
        file::wav(folder, "reference", &reference)?;
    }

    let mut report = Report::new(args.seed, reference.len());
    for case in &cases {
        let call = Call {
            case,
            seed: args.seed,
            fixed: args.fixed,
            cap: args.cap(),
        };
        let ours = call.run(&reference).map_err(|error| error.to_string())?;
        let plain = plain::run(&call, &reference, &ours).map_err(|error| error.to_string())?;
        for (receiver, heard) in [("sidetone", ours), ("plain", plain)] {
            if let Some(folder) = &args.wav {
                file::wav(folder, &format!("{}.{receiver}", case.name), &heard.samples)?;
            }
            report.outcomes.push(Outcome::new(case, receiver, &heard));
        }
    }
    if let Some(path) = &args.json {
        file::json(path, &report)?;
    }
    Ok(report.table())
}

/// What is said: the recordings one after the other, half a second of silence around each, until it is long enough.
fn said(args: &VoiceArgs) -> Result<Vec<f32>, String> {
    let mut voices = Vec::new();
    for path in &args.speech {
        voices.push(speech::read(path).map_err(|error| error.to_string())?);
    }
    if voices.is_empty() {
        for bytes in [speech::WOMAN, speech::MAN] {
            voices.push(speech::bundled(bytes).map_err(|error| error.to_string())?);
        }
    }
    let pause = vec![0.0; RATE as usize / 2];
    let length = (args.length.as_secs_f64() * f64::from(RATE)) as usize;
    let mut said = pause.clone();
    for voice in voices.iter().cycle() {
        said.extend_from_slice(voice);
        said.extend_from_slice(&pause);
        if said.len() >= length || voice.is_empty() {
            break;
        }
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use sidetone_media::voice::VOICE_RATE;

    use super::call::Heard;
    use super::*;

    /// Some seconds of speech over a case, heard by us and by the plain receiver.
    fn heard(name: &str, seed: u64) -> (Heard, Heard) {
        heard_for(6, name, seed)
    }

    fn heard_for(seconds: usize, name: &str, seed: u64) -> (Heard, Heard) {
        let reference = speech::bundled(speech::WOMAN).unwrap();
        let length = seconds * RATE as usize;
        let reference: Vec<f32> = reference.iter().copied().cycle().take(length).collect();
        let reference = &reference[..];
        let case = matrix::cases()
            .into_iter()
            .find(|case| case.name == name)
            .unwrap();
        let call = Call {
            case: &case,
            seed,
            fixed: None,
            cap: VOICE_RATE,
        };
        let ours = call.run(reference).unwrap();
        let plain = plain::run(&call, reference, &ours).unwrap();
        (ours, plain)
    }

    #[test]
    fn the_same_seed_gives_the_same_samples() {
        let (ours, plain) = heard("burst4-20", 7);
        let (again, plain_again) = heard("burst4-20", 7);
        assert!(ours.samples == again.samples && plain.samples == plain_again.samples);
        assert_eq!(ours.delays_ms, again.delays_ms);
        let (other, _) = heard("burst4-20", 8);
        assert!(ours.samples != other.samples, "the seed has a say");
    }

    #[test]
    fn on_a_clean_path_nothing_is_made_up_and_the_delay_is_the_parts() {
        let (ours, plain) = heard("loss-0", 1);
        for (name, heard) in [("sidetone", &ours), ("plain", &plain)] {
            assert_eq!(heard.concealed, 0, "{name}");
            // Frame of 10 or 20 ms, look-ahead of 6.5 ms, path of 20 ms, and little more.
            let worst = heard.delays_ms.iter().copied().fold(0.0, f64::max);
            let best = heard.delays_ms.iter().copied().fold(f64::MAX, f64::min);
            assert!(best >= 36.0 && worst <= 60.0, "{name}: {best} to {worst} ms");
        }
    }

    #[test]
    fn a_link_that_narrows_is_followed_down_and_up_again() {
        let (ours, _) = heard_for(26, "dip", 1);
        let sent = |second: usize| ours.rates[second];
        // 100 kbit/s for ten seconds, then 30 for ten. One second to notice, some tenths to drain the queue.
        assert!(
            sent(8) > 50.0 && sent(12) < 30.0 && sent(18) < 30.0,
            "{:?}",
            ours.rates
        );
        assert!(
            sent(23) > 50.0,
            "three seconds later all is back: {:?}",
            ours.rates
        );
        let share = ours.concealed as f64 / ours.samples.len() as f64;
        assert!(share < 0.03, "{share} made up");
    }

    #[test]
    fn what_is_lost_is_counted_by_both() {
        let (ours, plain) = heard("loss-20", 3);
        let share = plain.concealed as f64 / plain.samples.len() as f64;
        assert!((0.1..0.3).contains(&share), "{share} of 20 % lost");
        assert!(
            ours.concealed < plain.concealed,
            "{} / {}",
            ours.concealed,
            plain.concealed
        );
        assert!(ours.wire_kbps() <= 65.0, "{} kbit/s", ours.wire_kbps());
    }
}
