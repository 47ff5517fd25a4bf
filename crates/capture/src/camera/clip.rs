//! A camera that sees a generated clip, for tests and benchmarks.

use std::time::Duration;

use sidetone_video::picture::{Pool, Size};
use sidetone_video::synthetic::Clip;

use super::pattern::Stamp;
use super::{Film, HeadlessCamera, Shown};
use crate::pace::FrameRate;
use crate::source::{CaptureError, Mode};

/// A camera of this name that sees `clip`, at most `rate` pictures a second. With `marked`, each picture says when it was
/// taken (see [`Stamp`]).
pub fn clip_camera(
    name: &str,
    clip: impl Clip + Send + 'static,
    rate: FrameRate,
    marked: bool,
) -> HeadlessCamera {
    HeadlessCamera::new(
        name,
        ClipFilm {
            clip,
            rate,
            marked,
            frame: 0,
            pool: Pool::new(6),
        },
    )
}

struct ClipFilm<C> {
    clip: C,
    rate: FrameRate,
    marked: bool,
    frame: u64,
    pool: Pool,
}

impl<C: Clip + Send> Film for ClipFilm<C> {
    fn mode(&self) -> Mode {
        Mode {
            size: self.clip.size(),
            frame_rate: self.rate,
        }
    }

    fn rewind(&mut self, _: Option<Size>) -> Result<(), CaptureError> {
        self.frame = 0;
        Ok(())
    }

    fn show(&mut self, position: Duration, time: Duration) -> Shown {
        let Ok(mut picture) = self.pool.take(self.clip.size()) else {
            return Shown::Nothing;
        };
        self.clip.draw(position, &mut picture);
        if self.marked {
            Stamp::new(self.frame, time).write(&mut picture);
        }
        self.frame += 1;
        Shown::Picture(picture)
    }
}
