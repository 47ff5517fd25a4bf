//! `sidetone bench echo`: what the voice processing takes away in a room, in virtual time.
//!
//! The engine's own reference and processor between two devices with clocks of their own, in a room that is arithmetic:
//! no device, thread or clock, and the same seed gives the same samples. Echo, near end and noise are known apart, so
//! that each can be told how it fared. `tools/quality/rooms` scores the sound.

mod args;
mod case;
mod devices;
mod measure;
mod report;
mod room;

pub use args::EchoArgs;

use super::file;
use crate::speech;
use args::Part;
use case::{CASES, Case};
use measure::Figures;
use report::{Outcome, Report};
use room::{ALONE, Room};
use sidetone_media::voice::{Processing, RATE};

/// Runs the benchmark and returns what to print.
///
/// # Errors
/// In words, when a file cannot be written or no case has such a name.
pub fn run(args: &EchoArgs) -> Result<String, String> {
    let named =
        |case: &Case| args.case.is_empty() || args.case.iter().any(|name| case.name.starts_with(name));
    let cases: Vec<Case> = CASES.into_iter().filter(named).collect();
    if cases.is_empty() {
        let names = CASES.map(|case| case.name);
        return Err(format!("no such case; there are: {}", names.join(", ")));
    }
    let voice = |bytes| speech::bundled(bytes).map_err(|error| error.to_string());
    let (far, near) = (voice(speech::WOMAN)?, voice(speech::MAN)?);
    let samples = (args.length.as_secs_f64() * f64::from(RATE)) as usize;
    if samples < 2 * ALONE {
        return Err("a case takes at least 24 seconds".into());
    }
    if let Some(folder) = &args.wav {
        file::folder(folder)?;
    }
    let processing = Processing {
        echo_cancellation: !args.off.contains(&Part::Echo),
        noise_suppression: !args.off.contains(&Part::Noise),
        auto_gain_control: !args.off.contains(&Part::Gain),
    };
    let mut report = Report {
        seed: args.seed,
        seconds: args.length.as_secs_f64(),
        processing,
        outcomes: Vec::new(),
    };
    for case in &cases {
        let room = Room::new(case, [&far, &near], samples, args.seed);
        let sent = devices::sent(case, &room, processing, args.seed).map_err(|error| error.to_string())?;
        if let Some(folder) = &args.wav {
            let sounds = [
                ("far", &room.far),
                ("near", &room.near),
                ("mic", &room.mic),
                ("out", &sent),
            ];
            for (name, sound) in sounds {
                file::wav(folder, &format!("{}.{name}", case.name), sound)?;
            }
        }
        report.outcomes.push(Outcome {
            case: case.name,
            far: case.far,
            near: case.near,
            settled_s: ALONE as f64 / f64::from(RATE),
            figures: Figures::new(case, &room, &sent),
        });
    }
    if let Some(path) = &args.json {
        file::json(path, &report)?;
    }
    Ok(report.table())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECONDS: usize = 24;

    fn heard(name: &str, seed: u64) -> (Room, Vec<f32>, Figures) {
        let case = CASES.into_iter().find(|case| case.name == name).unwrap();
        let voices = [speech::WOMAN, speech::MAN].map(|bytes| speech::bundled(bytes).unwrap());
        let room = Room::new(&case, [&voices[0], &voices[1]], SECONDS * RATE as usize, seed);
        let processing = Processing {
            auto_gain_control: false,
            ..Processing::default()
        };
        let sent = devices::sent(&case, &room, processing, seed).unwrap();
        let figures = Figures::new(&case, &room, &sent);
        (room, sent, figures)
    }

    #[test]
    fn the_same_seed_gives_the_same_samples() {
        let (room, sent, figures) = heard("double-64", 3);
        let (again, sent_again, figures_again) = heard("double-64", 3);
        assert!(room.mic == again.mic && sent == sent_again);
        assert_eq!(figures, figures_again);
        let (other, ..) = heard("double-64", 4);
        assert!(room.mic != other.mic, "the seed has a say");
    }

    #[test]
    fn the_echo_goes_whatever_the_clocks_do() {
        for (name, least) in [
            ("far-64", 40.0),
            ("drift-plus-300", 30.0),
            ("drift-minus-300", 30.0),
        ] {
            let (.., figures) = heard(name, 1);
            let erle = figures.erle_db.unwrap();
            assert!(erle >= least, "{name}: {erle:.1} dB");
            assert!(figures.convergence_s.unwrap() < 3.0, "{name}");
        }
    }

    #[test]
    fn a_voice_alone_is_left_alone_from_its_first_syllable_on() {
        let (.., figures) = heard("near", 1);
        for attenuation in [figures.near_attenuation_db, figures.onset_attenuation_db] {
            assert!(attenuation.unwrap().abs() < 1.5, "{figures:?}");
        }
    }
}
