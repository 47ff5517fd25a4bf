//! Makes each picture of a screen out of the one before and of what changed. It refuses to know when one is due.

use sidetone_video::colour::Image;
use sidetone_video::picture::{self, Picture, Pool};

use super::Damage;

/// Pictures in use at a time: the one that waits, those being encoded and looked at, and the next one.
const PICTURES: usize = 6;

/// The picture of a screen as it was painted last.
pub(crate) struct Canvas {
    pool: Pool,
    last: Option<Picture>,
}

impl Canvas {
    pub(crate) fn new() -> Self {
        Self {
            pool: Pool::new(PICTURES),
            last: None,
        }
    }

    /// What is on it, if it was painted on at all.
    pub(crate) fn picture(&self) -> Option<&Picture> {
        self.last.as_ref()
    }

    /// Paints what changed in `image`. The rest is as it was, or everything changed.
    ///
    /// # Errors
    /// [`picture::Error::Exhausted`] while everybody holds on to pictures: it is as it was then.
    pub(crate) fn paint(&mut self, image: &Image<'_>, changed: &Damage) -> Result<(), picture::Error> {
        let size = image.size();
        let is_all = changed.rects() == [size.rect()];
        // Nobody looks at the last one any more: it becomes the next one.
        let free = self
            .last
            .take_if(|last| last.size() == size && last.planes_mut().is_some());
        let mut picture = match (free, &self.last) {
            (Some(last), _) => last,
            (None, Some(last)) if last.size() == size && !is_all => self.pool.copy(last)?,
            _ => self.pool.take(size)?,
        };
        for &rect in changed.rects() {
            image.write_part(rect, &mut picture)?;
        }
        self.last = Some(picture);
        Ok(())
    }
}
