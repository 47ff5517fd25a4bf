//! Third-octave bands (IEC 61260-1), relative to 1 kHz.

use serde::Serialize;

/// The level in a band.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Band {
    /// Its middle.
    pub hz: f64,
    /// Its level, in dB relative to the band of 1 kHz.
    pub level_db: f64,
}

/// The middle of band `number`: 0 is 1 kHz, and ten are a factor of ten.
pub(super) fn middle(number: i32) -> f64 {
    1000.0 * 10.0_f64.powf(f64::from(number) / 10.0)
}

/// Its edges.
pub(super) fn edges(number: i32) -> (f64, f64) {
    let half = 10.0_f64.powf(0.05);
    (middle(number) / half, middle(number) * half)
}

/// The bands that lie within `low` to `high` Hz.
pub(super) fn numbers(low: f64, high: f64) -> impl Iterator<Item = i32> {
    (-20..=20).filter(move |number| edges(*number).0 >= low * 0.999 && edges(*number).1 <= high * 1.001)
}

/// From where to where around 1 kHz the level stays above `limit_db`, in Hz; as far as there are bands.
pub(super) fn bandwidth(bands: &[Band], limit_db: f64) -> Option<(f64, f64)> {
    let start = bands.iter().position(|band| (band.hz - 1000.0).abs() < 1.0)?;
    // From the last band above the limit, in logarithms, to the first below.
    let reach = |outwards: &mut dyn Iterator<Item = &Band>| {
        let mut last: Option<Band> = None;
        for band in outwards {
            if let Some(inner) = last.filter(|_| band.level_db < limit_db) {
                let share = (inner.level_db - limit_db) / (inner.level_db - band.level_db);
                return Some(inner.hz * (band.hz / inner.hz).powf(share));
            }
            last = Some(*band);
        }
        last.map(|band| band.hz)
    };
    Some((
        reach(&mut bands[..=start].iter().rev())?,
        reach(&mut bands[start..].iter())?,
    ))
}
