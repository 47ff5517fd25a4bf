//! The way from a source to the sink that stays when sources change.
//!
//! Several sources may be open during a change; the sink sees the pictures of the newest that has any, and never one of
//! an older source after that. It refuses to decide what is wrong: it keeps the facts.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use sidetone_video::picture::Picture;

use super::CaptureError;
use crate::sink::PictureSink;

/// Where the pictures of all sources of one capturer come out.
pub(crate) struct Outlet {
    sink: Box<dyn PictureSink>,
    /// Zero of the pictures' time.
    epoch: Instant,
    valve: Mutex<Valve>,
}

/// Held while a picture is handed over, which takes no time to speak of: sinks do not wait.
struct Valve {
    /// The youngest source that gave a picture.
    turn: u64,
    preview: Option<Arc<dyn PictureSink>>,
}

/// What became of one source, written by its thread.
#[derive(Default)]
struct Health {
    pictures: AtomicU64,
    skipped: AtomicU64,
    /// Nanoseconds from the epoch to the newest picture.
    newest: AtomicU64,
    ended: AtomicBool,
    lost: OnceLock<CaptureError>,
}

impl Outlet {
    pub(crate) fn new(sink: Box<dyn PictureSink>, epoch: Instant) -> Arc<Self> {
        Arc::new(Self {
            sink,
            epoch,
            valve: Mutex::new(Valve {
                turn: 0,
                preview: None,
            }),
        })
    }

    /// A feed for a source that is older than source `number + 1` and younger than source `number - 1`.
    pub(crate) fn feed(self: &Arc<Self>, number: u64) -> Feed {
        Feed {
            outlet: self.clone(),
            number,
            health: Arc::default(),
        }
    }

    /// Lets a second sink see the pictures too, or no longer.
    pub(crate) fn set_preview(&self, preview: Option<Arc<dyn PictureSink>>) {
        let before = std::mem::replace(&mut self.valve().preview, preview);
        // Not while the valve is held: it is not ours to say what dropping a sink does.
        drop(before);
    }

    /// Nothing comes out of source `number` and older ones any more.
    pub(crate) fn close(&self, number: u64) {
        let mut valve = self.valve();
        valve.turn = valve.turn.max(number + 1);
    }

    fn valve(&self) -> MutexGuard<'_, Valve> {
        self.valve.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a source's pictures, and word of what happens to it. Clones are the same feed.
#[derive(Clone)]
pub struct Feed {
    outlet: Arc<Outlet>,
    number: u64,
    health: Arc<Health>,
}

impl Feed {
    /// Passes on a picture that was taken at `taken`, unless a younger source has given one.
    pub fn picture(&self, mut picture: Picture, taken: Instant) {
        let time = taken.saturating_duration_since(self.outlet.epoch);
        picture.set_time(time);
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.health.newest.store(nanos, Ordering::Relaxed);
        self.health.pictures.fetch_add(1, Ordering::Release);
        let mut valve = self.outlet.valve();
        if valve.turn > self.number {
            return;
        }
        valve.turn = self.number;
        if let Some(preview) = &valve.preview {
            preview.take(picture.clone());
        }
        self.outlet.sink.take(picture);
    }

    /// There should have been a picture, and there is none: torn, or no room for it.
    pub fn skipped(&self) {
        self.health.skipped.fetch_add(1, Ordering::Relaxed);
    }

    /// The source came to its end (films that do not repeat).
    pub fn ended(&self) {
        self.health.ended.store(true, Ordering::Release);
    }

    /// The source went away, or never came; no picture will follow. Only the first time counts.
    pub fn lost(&self, error: CaptureError) {
        let _ = self.health.lost.set(error);
    }

    /// Time from the pictures' zero to `moment`.
    pub fn time(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.outlet.epoch)
    }

    /// Pictures passed so far, and when the newest was taken.
    pub(crate) fn progress(&self) -> Option<(u64, Instant)> {
        let pictures = self.health.pictures.load(Ordering::Acquire);
        let newest = Duration::from_nanos(self.health.newest.load(Ordering::Relaxed));
        (pictures > 0).then(|| (pictures, self.outlet.epoch + newest))
    }

    pub(crate) fn skips(&self) -> u64 {
        self.health.skipped.load(Ordering::Relaxed)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.health.ended.load(Ordering::Acquire)
    }

    pub(crate) fn loss(&self) -> Option<&CaptureError> {
        self.health.lost.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sidetone_video::picture::Size;

    type Seen = Arc<Mutex<Vec<u64>>>;

    fn sink() -> (impl PictureSink, Seen) {
        let seen = Seen::default();
        let sink = {
            let seen = seen.clone();
            move |picture: Picture| seen.lock().unwrap().push(picture.time().as_millis() as u64)
        };
        (sink, seen)
    }

    fn give(feed: &Feed, epoch: Instant, millis: u64) {
        let picture = Picture::black(Size::new(2, 2).unwrap());
        feed.picture(picture, epoch + Duration::from_millis(millis));
    }

    #[test]
    fn the_older_source_shows_until_the_younger_has_a_picture_and_never_after() {
        let epoch = Instant::now();
        let (sink, seen) = sink();
        let outlet = Outlet::new(Box::new(sink), epoch);
        let (old, young) = (outlet.feed(1), outlet.feed(2));
        assert_eq!(young.progress(), None);
        give(&old, epoch, 1);
        give(&old, epoch, 2);
        give(&young, epoch, 3);
        give(&old, epoch, 4);
        give(&young, epoch, 5);
        assert_eq!(*seen.lock().unwrap(), [1, 2, 3, 5]);
        assert_eq!(young.progress(), Some((2, epoch + Duration::from_millis(5))));
        outlet.close(2);
        give(&young, epoch, 6);
        assert_eq!(*seen.lock().unwrap(), [1, 2, 3, 5]);
    }

    #[test]
    fn a_preview_sees_what_the_sink_sees_while_it_is_there() {
        let epoch = Instant::now();
        let (sink, seen) = sink();
        let (preview, previewed) = self::sink();
        let outlet = Outlet::new(Box::new(sink), epoch);
        let feed = outlet.feed(1);
        give(&feed, epoch, 1);
        outlet.set_preview(Some(Arc::new(preview)));
        give(&feed, epoch, 2);
        outlet.set_preview(None);
        give(&feed, epoch, 3);
        assert_eq!(*seen.lock().unwrap(), [1, 2, 3]);
        assert_eq!(*previewed.lock().unwrap(), [2]);
    }
}
