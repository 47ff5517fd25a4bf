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

/// Side of the squares that [`ssim`] compares, and the step from one to the next.
const WINDOW: usize = 8;
const STEP: usize = 4;

/// Structural similarity of luma (Wang, Bovik, Sheikh and Simoncelli 2004), 1 for equal pictures: the mean over squares of
/// eight pixels, all weighing the same, four apart. Pictures smaller than a square are one.
///
/// # Errors
/// [`Error::OtherSize`].
pub fn ssim(reference: &Picture, other: &Picture) -> Result<f64, Error> {
    same_size(reference, other)?;
    let (one, two) = (reference.y(), other.y());
    let starts = |length: usize| (0..=length.saturating_sub(WINDOW)).step_by(STEP);
    let (mut sum, mut count) = (0.0, 0);
    for top in starts(one.height) {
        for left in starts(one.width) {
            sum += similarity(one, two, left, top);
            count += 1;
        }
    }
    Ok(sum / f64::from(count))
}

/// Of one square.
fn similarity(one: Plane<'_>, two: Plane<'_>, left: usize, top: usize) -> f64 {
    // (0.01 * 255)² and (0.03 * 255)²: they keep flat squares from dividing by nothing.
    const C1: f64 = 6.5025;
    const C2: f64 = 58.5225;
    let columns = left..(left + WINDOW).min(one.width);
    let (mut a, mut b, mut aa, mut bb, mut ab, mut count) = (0_u32, 0_u32, 0_u32, 0_u32, 0_u32, 0_u32);
    for row in top..(top + WINDOW).min(one.height) {
        for (&x, &y) in one.row(row)[columns.clone()]
            .iter()
            .zip(&two.row(row)[columns.clone()])
        {
            let (x, y) = (u32::from(x), u32::from(y));
            (a, b) = (a + x, b + y);
            (aa, bb, ab) = (aa + x * x, bb + y * y, ab + x * y);
            count += 1;
        }
    }
    let mean = |sum: u32| f64::from(sum) / f64::from(count);
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (variance_a, variance_b) = (mean(aa) - mean_a * mean_a, mean(bb) - mean_b * mean_b);
    let covariance = mean(ab) - mean_a * mean_b;
    (2.0 * mean_a * mean_b + C1) * (2.0 * covariance + C2)
        / ((mean_a * mean_a + mean_b * mean_b + C1) * (variance_a + variance_b + C2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Size;

    /// Columns of 40 and 200, `contrast` around their middle.
    fn stripes(size: Size, contrast: i32) -> Picture {
        let mut picture = Picture::black(size);
        let [mut y, ..] = picture.planes_mut().unwrap();
        for row in y.rows_mut() {
            for (x, sample) in row.iter_mut().enumerate() {
                *sample = (120 + if x / 2 % 2 == 0 { contrast } else { -contrast }) as u8;
            }
        }
        picture
    }

    #[test]
    fn structure_that_is_gone_costs_more_than_one_that_is_weaker() {
        let full = stripes(Size::P180, 80);
        let against = |contrast| ssim(&full, &stripes(Size::P180, contrast)).unwrap();
        assert_eq!(against(80), 1.0);
        assert!(against(60) > 0.9 && against(60) < 1.0, "{}", against(60));
        assert!(against(0) < 0.02, "{}", against(0));
        assert!(against(-80) < -0.9, "{}", against(-80));
    }

    #[test]
    fn pictures_of_any_size_have_one() {
        for (width, height) in [(1, 1), (3, 200), (9, 7)] {
            let picture = stripes(Size::new(width, height).unwrap(), 50);
            assert_eq!(ssim(&picture, &picture), Ok(1.0));
        }
        let (small, large) = (stripes(Size::P180, 1), stripes(Size::P360, 1));
        assert!(ssim(&small, &large).is_err());
    }
}
