//! A camera whose pictures are drawn by whoever makes it, such as a generated clip of `sidetone_video::synthetic`.

use std::time::Duration;

use sidetone_video::picture::{Picture, Pool, Size};

use super::pattern::Stamp;
use super::{Film, HeadlessCamera, Shown};
use crate::source::{CaptureError, Mode};

/// Pictures in use at a time.
const PICTURES: usize = 6;

/// A camera of this name and mode. `draw` is given the time since the camera was opened, and a picture that nobody else
/// holds, with whatever was in its memory. With `marked`, each picture says when it was taken (see [`Stamp`]).
pub fn drawn_camera(
    name: &str,
    mode: Mode,
    draw: impl FnMut(Duration, &mut Picture) + Send + 'static,
    marked: bool,
) -> HeadlessCamera {
    HeadlessCamera::new(
        name,
        Drawn {
            mode,
            draw,
            marked,
            frame: 0,
            pool: Pool::new(PICTURES),
        },
    )
}

struct Drawn<F> {
    mode: Mode,
    draw: F,
    marked: bool,
    frame: u64,
    pool: Pool,
}

impl<F: FnMut(Duration, &mut Picture) + Send> Film for Drawn<F> {
    fn mode(&self) -> Mode {
        self.mode
    }

    fn rewind(&mut self, _: Option<Size>) -> Result<(), CaptureError> {
        self.frame = 0;
        Ok(())
    }

    fn show(&mut self, position: Duration, time: Duration) -> Shown {
        let Ok(mut picture) = self.pool.take(self.mode.size) else {
            return Shown::Nothing;
        };
        (self.draw)(position, &mut picture);
        if self.marked {
            Stamp::new(self.frame, time).write(&mut picture);
        }
        self.frame += 1;
        Shown::Picture(picture)
    }
}
