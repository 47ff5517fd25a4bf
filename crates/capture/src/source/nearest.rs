//! Which of its modes a camera should be opened in. Pure.

use sidetone_video::picture::Size;

use super::{CaptureRequest, Mode};

/// What is wanted where nothing is said: as large as one of a few faces on a screen is shown.
const WANTED: Size = Size::P720;

impl CaptureRequest {
    /// The place in `modes` of the one nearest to what is asked for, by the fitness distance of the W3C's Media Capture and
    /// Streams: each side, and the rate, count by how much they differ for their size. More pictures than asked for hardly
    /// count: they can be left out.
    pub fn nearest(&self, modes: &[Mode]) -> Option<usize> {
        let wanted = self.size.unwrap_or(WANTED);
        let apart = |one: f64, other: f64| (one - other).abs() / one.max(other);
        let distance = |mode: &Mode| {
            let (has, rate) = (mode.frame_rate.as_f64(), self.frame_rate.as_f64());
            apart(mode.size.width().into(), wanted.width().into())
                + apart(mode.size.height().into(), wanted.height().into())
                + apart(has, rate) * if has < rate { 1.0 } else { 0.01 }
        };
        // The first of equals, which a camera names first.
        let distances = modes.iter().map(distance).enumerate();
        distances
            .min_by(|(_, one), (_, other)| one.total_cmp(other))
            .map(|(place, _)| place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pace::FrameRate;

    fn mode(width: u32, height: u32, hz: u32) -> Mode {
        Mode {
            size: Size::new(width, height).unwrap(),
            frame_rate: FrameRate::hz(hz),
        }
    }

    fn request(size: Option<Size>, hz: u32) -> CaptureRequest {
        CaptureRequest {
            size,
            frame_rate: FrameRate::hz(hz),
            ..CaptureRequest::default()
        }
    }

    #[test]
    fn the_nearest_mode_is_taken() {
        // As cheap cameras have them: raw and large is slow.
        let modes = [
            mode(640, 480, 30),
            mode(1280, 720, 10),
            mode(640, 480, 60),
            mode(1280, 720, 30),
            mode(1920, 1080, 30),
        ];
        for (size, hz, expected) in [
            (None, 30, 3),
            (Some(Size::P720), 60, 3),
            (Some(Size::P720), 5, 1),
            (Some(Size::P360), 30, 0),
            (Some(Size::P360), 50, 2),
            (Some(Size::P1080), 30, 4),
            (Some(Size::new(4000, 3000).unwrap()), 30, 4),
            (Some(Size::new(1, 1).unwrap()), 1, 0),
        ] {
            assert_eq!(
                request(size, hz).nearest(&modes),
                Some(expected),
                "{size:?} at {hz}"
            );
        }
        assert_eq!(request(None, 30).nearest(&[]), None);
    }
}
