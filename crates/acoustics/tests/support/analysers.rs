//! Every analyser at once.

use std::time::Duration;

use sidetone_acoustics::SampleRate;
use sidetone_acoustics::echo::Echo;
use sidetone_acoustics::glitch::Glitches;
use sidetone_acoustics::latency::Latency;
use sidetone_acoustics::level::{Following, Levels, Meter};
use sidetone_acoustics::plot::{Envelope, Spectrogram};
use sidetone_acoustics::profile::{Judge, Profile};
use sidetone_acoustics::signal::{Staircase, Sweep};
use sidetone_acoustics::sweep::{Distortion, Response};

pub struct All {
    latency: Latency,
    glitches: Glitches,
    levels: Levels,
    following: Following,
    meter: Meter,
    response: Response,
    distortion: Distortion,
    echo: Echo,
    envelope: Envelope,
    spectrogram: Spectrogram,
}

impl All {
    pub fn new(rate: SampleRate) -> Self {
        let ms = Duration::from_millis;
        let sweep = Sweep::new(rate, 100.0, 3_000.0, ms(300), 0.5).unwrap();
        Self {
            latency: Latency::standard(rate),
            glitches: Glitches::new(rate),
            levels: Levels::new(rate, 3).unwrap(),
            following: Following::new(&Staircase::levels(rate), ms(100)),
            meter: Meter::new(rate),
            response: Response::new(sweep, ms(200), ms(100)).unwrap(),
            distortion: Distortion::new(rate, 997.0).unwrap(),
            echo: Echo::new(rate, ms(200), ms(100)).unwrap(),
            envelope: Envelope::new(100),
            spectrogram: Spectrogram::new(rate, 100, 64),
        }
    }

    pub fn push(&mut self, block: &[f32]) {
        self.latency.push(block);
        self.glitches.push(block);
        self.levels.push(block);
        self.following.push(block);
        self.meter.push(block);
        self.response.push(block);
        self.distortion.push(block);
        self.echo.push(block, block);
        self.envelope.push(block);
        self.spectrogram.push(block);
        while self.latency.poll().is_some() {}
        while self.glitches.poll().is_some() {}
    }

    /// Everything that they say, and all verdicts on it.
    pub fn say(self) -> Vec<String> {
        let (glitches, levels, following) = (
            self.glitches.report(),
            self.levels.report(),
            self.following.report(),
        );
        let (response, distortion, echo) = (
            self.response.report(),
            self.distortion.report(),
            self.echo.report(),
        );
        let latency = self.latency.finish();
        let mut said = vec![
            format!("{latency:?}"),
            format!("{glitches:?}"),
            format!("{levels:?}"),
            format!("{following:?}"),
            format!("{:?}", self.meter.reading()),
            format!("{response:?}"),
            format!("{distortion:?}"),
            format!("{echo:?}"),
            format!("{:?}", self.envelope.columns()),
            format!("{:?}", self.spectrogram.data()),
        ];
        let reports: [&dyn Judge; 7] = [
            &latency,
            &glitches,
            &levels,
            &following,
            &response,
            &distortion,
            &echo,
        ];
        for profile in Profile::ALL {
            said.extend(
                reports
                    .iter()
                    .map(|report| format!("{:?}", report.judge(&profile.limits()))),
            );
        }
        said
    }
}
