//! The closer look at what was seen: how alike it is to what was sent, at the size that was sent. What a smaller picture
//! lacks counts.

use std::collections::BTreeSet;
use std::io;

use sidetone_media::pictures::Picture;
use sidetone_media::pictures::coding::quality::{psnr, ssim};
use sidetone_media::pictures::coding::scale::Scaler;

use super::eyes::Shown;
use super::reel::Reel;
use super::vmaf::{Judge, Sitting};
use crate::output;

/// Likeness of a picture that was looked at closely.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub shown: Shown,
    /// Of luma, in dB.
    pub psnr: f64,
    pub ssim: f64,
    /// 0 to 100, where it was measured.
    pub vmaf: Option<f64>,
}

/// Looks at all that was kept. Those at `places` are handed to `pair` with what was sent: the rest would be gigabytes.
pub fn look(
    kept: Vec<(Shown, Picture)>,
    reel: &Reel,
    judge: Option<&Judge>,
    places: &BTreeSet<usize>,
    mut pair: impl FnMut(&Look, &Picture, &Picture),
) -> Vec<Look> {
    let mut scaler = Scaler::new();
    let mut sitting = None;
    let mut looks = Vec::new();
    for (index, (shown, seen)) in kept.into_iter().enumerate() {
        let sent = reel.sent(shown.stamp);
        let Some(seen) = full(&mut scaler, seen, &sent) else {
            continue;
        };
        let (Ok(psnr), Ok(ssim)) = (psnr(&sent, &seen), ssim(&sent, &seen)) else {
            continue;
        };
        if let Some(judge) = judge {
            let begun = sitting.get_or_insert_with(|| judge.begin(sent.size()));
            if let Ok(open) = begun
                && let Err(error) = open.compare(&sent, &seen)
            {
                *begun = Err(error);
            }
        }
        let look = Look {
            shown,
            psnr,
            ssim,
            vmaf: None,
        };
        if places.contains(&index) {
            pair(&look, &sent, &seen);
        }
        looks.push(look);
    }
    match sitting.map(|sitting| scores(sitting, looks.len())) {
        None => {}
        Some(Ok(scores)) => {
            for (look, score) in looks.iter_mut().zip(scores) {
                look.vmaf = Some(score);
            }
        }
        Some(Err(error)) => output::complain(&format!("VMAF was not measured: {error}")),
    }
    looks
}

fn scores(sitting: io::Result<Sitting>, pairs: usize) -> io::Result<Vec<f64>> {
    let scores = sitting?.scores()?;
    if scores.len() != pairs {
        return Err(io::Error::other(format!(
            "{} scores of {pairs} pairs",
            scores.len()
        )));
    }
    Ok(scores)
}

/// The picture in the size that was sent.
fn full(scaler: &mut Scaler, seen: Picture, sent: &Picture) -> Option<Picture> {
    if seen.size() == sent.size() {
        return Some(seen);
    }
    let mut full = Picture::black(sent.size());
    scaler.scale(&seen, &mut full).ok()?;
    Some(full)
}
