//! A tone among voices.

use std::time::Duration;

use super::Phone;

/// Hz of the tone; a device that plays it does so at a quarter of full scale, -12 dB.
pub const TONE: f64 = 3000.0;

const TRIES: usize = 12;

/// Levels of the tone and of all the rest, in dB below full scale: the median of hundredths of a second, for a machine
/// under load has gaps, and clocks that are apart make a tone of another pitch.
fn levels(of: &[f32]) -> (f64, f64) {
    let parts = of.chunks_exact(480).map(|part| {
        let (mut re, mut im, mut all) = (0.0, 0.0, 0.0);
        for (n, sample) in part.iter().enumerate() {
            let phase = std::f64::consts::TAU * TONE * n as f64 / 48_000.0;
            let sample = f64::from(*sample);
            re += sample * phase.cos();
            im += sample * phase.sin();
            all += sample * sample;
        }
        let tone = 2.0 * re.hypot(im) / part.len() as f64;
        (
            tone,
            (2.0 * all / part.len() as f64 - tone * tone).max(0.0).sqrt(),
        )
    });
    let (mut tones, mut rests): (Vec<f64>, Vec<f64>) = parts.unzip();
    let median = |of: &mut Vec<f64>| {
        of.sort_by(f64::total_cmp);
        20.0 * of[of.len() / 2].max(1e-6).log10()
    };
    (median(&mut tones), median(&mut rests))
}

fn wait(phone: &Phone, what: &str, wanted: impl Fn(f64, f64) -> bool) {
    let mut heard = Vec::new();
    for _ in 0..TRIES {
        let (tone, rest) = levels(&phone.listen(Duration::from_secs(1)));
        heard.push(format!("{tone:.1} and {rest:.1} dB"));
        if wanted(tone, rest) {
            return;
        }
    }
    panic!("{what}: {heard:?}");
}

/// Waits until the tone is heard, as loud as it was played.
pub fn heard(phone: &Phone) {
    wait(phone, "the tone is heard", |tone, _| tone > -13.5);
}

/// Waits until it is, and somebody speaks.
pub fn heard_with_a_voice(phone: &Phone) {
    wait(phone, "the tone is heard with a voice", |tone, rest| {
        tone > -13.5 && rest > -28.0
    });
}

/// Waits until it is, and nobody speaks.
pub fn heard_alone(phone: &Phone) {
    wait(phone, "the tone is heard alone", |tone, rest| {
        tone > -13.5 && rest < -33.0
    });
}

/// Waits until it is not.
pub fn not_heard(phone: &Phone) {
    wait(phone, "the tone is not heard", |tone, _| tone < -40.0);
}
