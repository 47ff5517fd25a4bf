//! How far a picture is from another one. It refuses to know why.

use crate::picture::{Error, Picture, Plane};

/// What equal pictures are said to have, in dB: more than any pair that differs in one sample.
pub const LOSSLESS: f64 = 100.0;

/// Peak signal-to-noise ratio of luma in dB, at most [`LOSSLESS`].
///
/// # Errors
/// [`Error::OtherSize`].
pub fn psnr(reference: &Picture, other: &Picture) -> Result<f64, Error> {
    same_size(reference, other)?;
    Ok(ratio(
        squares(reference.y(), other.y()),
        reference.size().pixels().into(),
    ))
}

/// Peak signal-to-noise ratio over all samples of Y, U and V in dB, at most [`LOSSLESS`].
///
/// # Errors
/// [`Error::OtherSize`].
pub fn psnr_all(reference: &Picture, other: &Picture) -> Result<f64, Error> {
    same_size(reference, other)?;
    let planes = reference.planes().into_iter().zip(other.planes());
    let (sum, count) = planes.fold((0, 0), |(sum, count), (one, two)| {
        (sum + squares(one, two), count + (one.width * one.height) as u64)
    });
    Ok(ratio(sum, count))
}

fn same_size(reference: &Picture, other: &Picture) -> Result<(), Error> {
    if reference.size() == other.size() {
        return Ok(());
    }
    Err(Error::OtherSize {
        needed: reference.size(),
        got: other.size(),
    })
}

fn squares(one: Plane<'_>, two: Plane<'_>) -> u64 {
    let row = |(one, two): (&[u8], &[u8])| -> u64 {
        one.iter()
            .zip(two)
            .map(|(&one, &two)| u64::from(u32::from(one.abs_diff(two)).pow(2)))
            .sum()
    };
    one.rows().zip(two.rows()).map(row).sum()
}

fn ratio(squares: u64, count: u64) -> f64 {
    if squares == 0 {
        return LOSSLESS;
    }
    let mean = squares as f64 / count as f64;
    (10.0 * (255.0 * 255.0 / mean).log10()).min(LOSSLESS)
}
