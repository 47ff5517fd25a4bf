//! What a simulated path does to the sound, and when it fails.

use std::time::Duration;

use crate::error::{Error, within};
use crate::rate::SampleRate;
use crate::sample::SILENCE_DB;

/// A path. [`Config::default`] is a wire.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// From played to recorded; parts of a sample count.
    pub delay: Duration,
    /// How much faster the output's clock runs than the input's, in ppm.
    pub drift_ppm: f64,
    /// Gain of the whole path, in dB.
    pub gain_db: f64,
    /// Level of the direct sound, in dB; less where something is in its way and only reflections arrive in full.
    pub direct_db: f64,
    /// Single reflections, after the direct sound.
    pub reflections: Vec<Reflection>,
    /// Reverberation: seconds in which it falls by 60 dB, and its power against the direct sound in dB.
    pub reverberation: Option<(f64, f64)>,
    /// What is above this is lost, in Hz: a voice path.
    pub low_pass_hz: Option<f64>,
    /// White noise of the input: RMS in dB of full scale.
    pub noise_db: Option<f64>,
    /// Gain control of the system.
    pub gain_control: Option<GainControl>,
    /// A constant that is added, of full scale.
    pub dc: f64,
    /// The input reaches no further than this, of full scale.
    pub clip: Option<f64>,
    /// What goes wrong before the speaker, by the samples the speaker is given.
    pub playback_faults: Vec<Fault>,
    /// What goes wrong behind the microphone, by the samples that are recorded.
    pub capture_faults: Vec<Fault>,
}

/// A wall.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reflection {
    /// How much later than the direct sound.
    pub after: Duration,
    /// Its level, in dB.
    pub gain_db: f64,
}

/// A gain that follows the level, as systems do it to microphones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GainControl {
    /// The RMS it aims at, in dB of full scale.
    pub target_db: f64,
    /// The most it amplifies, in dB.
    pub most_db: f64,
    /// Seconds in which it covers 63 % of the way.
    pub seconds: f64,
}

/// Something that goes wrong at a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    /// Counted in what comes out at this side, from 0.
    pub at: u64,
    /// What.
    pub trouble: Trouble,
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trouble {
    /// So many samples are zeros instead.
    Silence(usize),
    /// So many samples are the one before instead.
    Held(usize),
    /// So many samples are those before once more, instead of what should come. At most a second.
    Repeat(usize),
    /// So many samples are missing: all that follows comes earlier.
    Lost(usize),
    /// So many zeros are put in: all that follows comes later.
    Inserted(usize),
    /// The last so many samples are played once more: all that follows comes later. At most a second.
    Replayed(usize),
    /// This is added to one sample.
    Click(f64),
    /// A switch: nothing but zeros from here.
    Mute,
    /// And back.
    Unmute,
    /// A gain from here on, in dB.
    Gain(f64),
    /// The clocks run apart by so many ppm from here on. Capture only.
    Drift(f64),
    /// The format changes: samples come at this rate. Capture only.
    Rate(SampleRate),
    /// The device vanishes.
    Gone,
}

impl Config {
    pub(super) fn check(&self, rate: SampleRate) -> Result<(), Error> {
        let seconds = |what, value| within(what, value, 0.0, 10.0);
        let db = |what, value| within(what, value, SILENCE_DB, 120.0);
        seconds("a delay in seconds", self.delay.as_secs_f64())?;
        within("a drift in ppm", self.drift_ppm, -100_000.0, 100_000.0)?;
        db("a gain in dB", self.gain_db)?;
        db("a level in dB", self.direct_db)?;
        for reflection in &self.reflections {
            seconds("a reflection in seconds", reflection.after.as_secs_f64())?;
            db("a reflection in dB", reflection.gain_db)?;
        }
        if let Some((decay, level)) = self.reverberation {
            within("a reverberation in seconds", decay, 0.01, 10.0)?;
            db("a reverberation in dB", level)?;
        }
        if let Some(hz) = self.low_pass_hz {
            rate.frequency(hz)?;
        }
        if let Some(level) = self.noise_db {
            db("a noise in dB", level)?;
        }
        if let Some(control) = self.gain_control {
            db("a target in dB", control.target_db)?;
            db("the most gain in dB", control.most_db)?;
            within("a gain control in seconds", control.seconds, 0.001, 100.0)?;
        }
        within("a constant", self.dc, -1.0, 1.0)?;
        if let Some(top) = self.clip {
            within("a clipping level", top, 0.0, 1.0)?;
        }
        for fault in self.playback_faults.iter().chain(&self.capture_faults) {
            match fault.trouble {
                Trouble::Click(height) => within("a click", height, -2.0, 2.0)?,
                Trouble::Gain(gain) => db("a gain in dB", gain)?,
                Trouble::Drift(ppm) => within("a drift in ppm", ppm, -100_000.0, 100_000.0)?,
                Trouble::Silence(n) | Trouble::Held(n) | Trouble::Lost(n) | Trouble::Inserted(n) => {
                    // What is inserted comes out in one piece.
                    within("a fault in seconds", rate.seconds(n as u64), 0.0, 3600.0)?
                }
                Trouble::Repeat(n) | Trouble::Replayed(n) => {
                    within("a repeat in seconds", rate.seconds(n as u64), 0.0, 1.0)?
                }
                Trouble::Mute | Trouble::Unmute | Trouble::Rate(_) | Trouble::Gone => 0.0,
            };
        }
        Ok(())
    }
}
