//! Makes pictures of what arrives, and passes them on no oftener than asked for. What is still to be shown is never
//! forgotten: the last state always comes out. The time is an argument.

use std::time::{Duration, Instant};

use sidetone_video::colour::Image;
use sidetone_video::picture::{self, Picture, Pool, Rect, Size};

use super::format::Format;
use super::frame::{self, Region};
use crate::pace::Throttle;
use crate::screen::Damage;
use crate::source::Feed;

/// Pictures in use at a time: the one that waits, those being encoded and looked at, and the next one.
const PICTURES: usize = 6;

/// How long to wait for a picture when all are in use.
const PATIENCE: Duration = Duration::from_millis(10);

pub(super) struct Painter {
    feed: Feed,
    throttle: Throttle,
    pool: Pool,
    /// Where the next picture is made, if not in the last one.
    blank: Option<Picture>,
    /// What the stream shows.
    last: Option<Picture>,
    /// Which part of the stream that is. `None` while it is not known what changes are counted from.
    part: Option<Rect>,
    /// What of it is not painted yet.
    pending: Damage,
    /// The last picture is not passed on yet.
    is_fresh: bool,
}

impl Painter {
    pub(super) fn new(feed: Feed, throttle: Throttle) -> Self {
        Self {
            feed,
            throttle,
            pool: Pool::new(PICTURES),
            blank: None,
            last: None,
            part: None,
            pending: Damage::none(Size::P720),
            is_fresh: false,
        }
    }

    /// From now on, everything is new.
    pub(super) fn begin_anew(&mut self) {
        self.part = None;
    }

    /// A buffer had no picture, or not the whole of it: what it told of changes is not known.
    pub(super) fn lost_one(&mut self) {
        self.feed.skipped();
        self.part = None;
    }

    /// Somebody wants the picture again.
    pub(super) fn refresh(&mut self) {
        self.is_fresh |= self.last.is_some();
    }

    /// Makes room for one more picture of a stream of this format. Otherwise says how long to wait until it is tried
    /// again: all pictures are in use.
    pub(super) fn make_room(&mut self, format: Format) -> Result<(), Duration> {
        if self.blank.is_some() || self.last.as_mut().is_some_and(|last| last.planes_mut().is_some()) {
            return Ok(());
        }
        match self.pool.take(format.size) {
            Ok(blank) => {
                self.blank = Some(blank);
                Ok(())
            }
            Err(_) => Err(PATIENCE),
        }
    }

    /// Takes note of what changed with a frame, which may be painted now or with a later one.
    pub(super) fn note(
        &mut self,
        part: Rect,
        changes: Option<impl Iterator<Item = Region>>,
    ) -> Result<(), picture::Error> {
        if self.part == Some(part) {
            frame::add(&mut self.pending, part, changes);
        } else {
            self.pending = Damage::all(Size::new(part.width, part.height)?);
            self.part = Some(part);
        }
        Ok(())
    }

    /// Paints what changed. There must be room.
    pub(super) fn paint(&mut self, image: &Image<'_>) -> Result<(), picture::Error> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let size = image.size();
        let is_all = self.pending.rects() == [size.rect()];
        let is_ours = |last: &mut Picture| last.size() == size && last.planes_mut().is_some();
        let mut picture = match self.last.take_if(is_ours) {
            // Nobody looks at the last one any more: it becomes the next one.
            Some(last) => last,
            None => self.blank(size)?,
        };
        if let Some(last) = &self.last
            && !is_all
        {
            picture.copy_from(last)?;
        }
        for &rect in self.pending.rects() {
            image.write_part(rect, &mut picture)?;
        }
        self.pending.clear();
        self.last = Some(picture);
        self.is_fresh = true;
        Ok(())
    }

    /// Passes on the last picture, if it is due. Otherwise says how long it still has to wait.
    pub(super) fn pass_on(&mut self, now: Instant) -> Option<Duration> {
        let last = self.last.as_ref().filter(|_| self.is_fresh)?;
        let early = self.throttle.wait(now);
        if early > Duration::ZERO {
            return Some(early);
        }
        self.throttle.took(now);
        self.feed.picture(last.clone(), now);
        self.is_fresh = false;
        None
    }

    /// A picture to paint on, of the size that it turned out to be.
    fn blank(&mut self, size: Size) -> Result<Picture, picture::Error> {
        match self.blank.take() {
            Some(blank) if blank.size() == size => Ok(blank),
            // Goes back first, so that it is there to be taken.
            other => {
                drop(other);
                self.pool.take(size)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;
    use sidetone_video::colour::PixelFormat;

    use super::*;
    use crate::pace::FrameRate;
    use crate::source::Outlet;

    const SIDES: (u32, u32) = (64, 48);

    type Seen = Arc<Mutex<Vec<Picture>>>;

    fn format() -> Format {
        Format {
            pixels: PixelFormat::Bgra,
            size: Size::new(SIDES.0, SIDES.1).unwrap(),
        }
    }

    /// A painter whose pictures are kept, and so never become the next one.
    fn painter(hz: u32, epoch: Instant) -> (Painter, Seen) {
        let seen = Seen::default();
        let sink = {
            let seen = seen.clone();
            move |picture: Picture| seen.lock().unwrap().push(picture)
        };
        let feed = Outlet::new(Box::new(sink), epoch).feed(1);
        (Painter::new(feed, Throttle::new(FrameRate::hz(hz))), seen)
    }

    /// A whole screen of one grey.
    fn grey(level: u8) -> Vec<u8> {
        vec![level; (SIDES.0 * SIDES.1 * 4) as usize]
    }

    fn image(bytes: &[u8]) -> Image<'_> {
        let format = format();
        Image::new(format.pixels, format.size, bytes, SIDES.0 as usize * 4).unwrap()
    }

    fn give(painter: &mut Painter, bytes: &[u8], changes: Option<Vec<Region>>) {
        painter.make_room(format()).unwrap();
        painter
            .note(format().size.rect(), changes.map(Vec::into_iter))
            .unwrap();
        painter.paint(&image(bytes)).unwrap();
    }

    fn luma(picture: &Picture) -> u8 {
        picture.y().data[0]
    }

    #[test]
    fn the_last_state_comes_when_it_is_due() {
        let start = Instant::now();
        let (mut painter, seen) = painter(10, start);
        assert_eq!(painter.pass_on(start), None);
        give(&mut painter, &grey(0), None);
        assert_eq!(painter.pass_on(start), None);
        for (millis, level) in [(10, 100), (20, 200), (30, 255)] {
            let now = start + Duration::from_millis(millis);
            give(&mut painter, &grey(level), None);
            assert_eq!(painter.pass_on(now), Some(Duration::from_millis(100 - millis)));
        }
        assert_eq!(painter.pass_on(start + Duration::from_millis(100)), None);
        assert_eq!(
            seen.lock().unwrap().iter().map(luma).collect::<Vec<_>>(),
            [16, 235]
        );
        // Nothing more to say, unless somebody asks.
        assert_eq!(painter.pass_on(start + Duration::from_secs(9)), None);
        assert_eq!(seen.lock().unwrap().len(), 2);
        painter.refresh();
        painter.pass_on(start + Duration::from_secs(10));
        assert_eq!(seen.lock().unwrap().len(), 3);
    }

    #[test]
    fn a_frame_without_changes_is_no_picture() {
        let start = Instant::now();
        let (mut painter, seen) = painter(1000, start);
        give(&mut painter, &grey(100), None);
        painter.pass_on(start);
        give(&mut painter, &grey(100), Some(Vec::new()));
        painter.pass_on(start + Duration::from_secs(1));
        assert_eq!(seen.lock().unwrap().len(), 1);
    }

    #[test]
    fn after_a_lost_frame_all_is_new() {
        let start = Instant::now();
        let (mut painter, seen) = painter(1000, start);
        give(&mut painter, &grey(0), None);
        painter.lost_one();
        give(&mut painter, &grey(255), Some(Vec::new()));
        painter.pass_on(start);
        assert_eq!(luma(&seen.lock().unwrap()[0]), 235);
    }

    #[test]
    fn there_is_no_room_while_everybody_holds_on_to_pictures() {
        let start = Instant::now();
        let (mut painter, seen) = painter(1000, start);
        for number in 0..PICTURES {
            give(&mut painter, &grey(number as u8), None);
            painter.pass_on(start + Duration::from_secs(number as u64));
        }
        assert!(painter.make_room(format()).is_err());
        seen.lock().unwrap().remove(0);
        assert!(painter.make_room(format()).is_ok());
    }

    proptest! {
        /// What is patched together from changed parts is the whole, whoever still holds the one before.
        #[test]
        fn parts_make_the_whole(
            changes in prop::collection::vec((0u32..64, 0u32..48, 1u32..30, 1u32..30, any::<u8>(), any::<bool>()), 1..20)
        ) {
            let start = Instant::now();
            let (mut painter, seen) = painter(1000, start);
            let mut screen = grey(0);
            give(&mut painter, &screen, None);
            for (index, (left, top, width, height, level, is_shown)) in changes.into_iter().enumerate() {
                for row in top..(top + height).min(SIDES.1) {
                    for column in left..(left + width).min(SIDES.0) {
                        let at = (row * SIDES.0 + column) as usize * 4;
                        screen[at..at + 4].fill(level);
                    }
                }
                let region = Region { left: left as i32, top: top as i32, width, height };
                give(&mut painter, &screen, Some(vec![region]));
                if is_shown {
                    painter.pass_on(start + Duration::from_secs(index as u64 + 1));
                    let mut seen = seen.lock().unwrap();
                    let keep = seen.len().saturating_sub(2);
                    seen.drain(..keep);
                }
            }
            painter.refresh();
            painter.pass_on(start + Duration::from_secs(1000));
            let mut whole = Picture::black(format().size);
            image(&screen).write_to(&mut whole).unwrap();
            let seen = seen.lock().unwrap();
            for (one, other) in seen.last().unwrap().planes().iter().zip(whole.planes()) {
                prop_assert!(one.rows().eq(other.rows()));
            }
        }
    }
}
