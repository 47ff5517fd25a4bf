//! Who looks at what comes: notes which picture was shown when, and keeps copies of some for a closer look.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sidetone_capture::camera::pattern::Stamp;
use sidetone_media::pictures::{Audience, Picture, Seen, Size};

/// Every picture is kept for so long at first, then one in each time of this length.
const CLOSELY: Duration = Duration::from_millis(1_500);
const SELDOM: Duration = Duration::from_millis(250);

/// Most pictures kept.
const MOST: usize = 300;

/// A picture that was shown.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// When, since the zero of the stamps.
    pub at: Duration,
    /// What its mark says.
    pub stamp: Stamp,
    /// Size it came in.
    pub size: Size,
}

/// All that was shown of a stream.
#[derive(Default)]
pub struct Sight {
    /// What could be read, in order.
    pub shown: Vec<Shown>,
    /// Copies of some.
    pub kept: Vec<(Shown, Picture)>,
    /// Pictures with no mark that could be read.
    pub unreadable: u64,
}

/// An audience of one.
pub struct Eyes {
    epoch: Instant,
    sight: Mutex<Sight>,
}

impl Eyes {
    /// Stamps count from `epoch`.
    pub fn new(epoch: Instant) -> Self {
        Self {
            epoch,
            sight: Mutex::default(),
        }
    }

    /// What was shown until now; from here on anew.
    pub fn take(&self) -> Sight {
        std::mem::take(&mut *self.sight.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Audience for Eyes {
    fn show(&self, seen: Seen) {
        let at = self.epoch.elapsed();
        let mut sight = self.sight.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(stamp) = Stamp::read(&seen.picture) else {
            sight.unreadable += 1;
            return;
        };
        let size = seen.picture.size();
        let shown = Shown { at, stamp, size };
        sight.shown.push(shown);
        let first = sight.shown[0].at;
        let last = sight.kept.last().map(|(shown, _)| shown.at);
        let due = at < first + CLOSELY || last.is_none_or(|last| at >= last + SELDOM);
        if due && sight.kept.len() < MOST {
            // The decoder wants its own back.
            let mut copy = Picture::black(size);
            if copy.copy_from(&seen.picture).is_ok() {
                sight.kept.push((shown, copy));
            }
        }
    }
}
