//! Where pictures go. A sink is called on the capturing thread and must not block it; [`newest`] is one that keeps the
//! newest picture for another thread and counts what that thread was too slow for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use crossbeam_queue::ArrayQueue;
use sidetone_video::picture::Picture;

/// Takes pictures on the thread that captures them. It must not wait for anything: a camera that is held up loses
/// pictures unseen.
pub trait PictureSink: Send + Sync {
    /// Takes the next picture.
    fn take(&self, picture: Picture);
}

impl<F: Fn(Picture) + Send + Sync> PictureSink for F {
    fn take(&self, picture: Picture) {
        self(picture);
    }
}

/// Pictures that went through a [`newest`], readable at any time.
#[derive(Clone, Debug, Default)]
pub struct Counters(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    pictures: AtomicU64,
    dropped: AtomicU64,
}

impl Counters {
    /// Pictures that came.
    pub fn pictures(&self) -> u64 {
        self.0.pictures.load(Ordering::Relaxed)
    }

    /// Pictures that made way for a newer one before anybody took them.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }
}

/// The capturing thread's side of [`newest`].
pub struct NewestSink {
    slot: Arc<ArrayQueue<Picture>>,
    counters: Counters,
    wake: SyncSender<()>,
}

/// The other thread's side of [`newest`].
pub struct Newest {
    slot: Arc<ArrayQueue<Picture>>,
    counters: Counters,
    wake: Receiver<()>,
}

/// Room for one picture between two threads: a newer one takes the place of one that still waits.
pub fn newest() -> (NewestSink, Newest) {
    let slot = Arc::new(ArrayQueue::new(1));
    let counters = Counters::default();
    let (wake, woken) = sync_channel(1);
    (
        NewestSink {
            slot: slot.clone(),
            counters: counters.clone(),
            wake,
        },
        Newest {
            slot,
            counters,
            wake: woken,
        },
    )
}

impl PictureSink for NewestSink {
    fn take(&self, picture: Picture) {
        self.counters.0.pictures.fetch_add(1, Ordering::Relaxed);
        if self.slot.force_push(picture).is_some() {
            self.counters.0.dropped.fetch_add(1, Ordering::Relaxed);
        }
        // Full means that the other side is told already.
        let _ = self.wake.try_send(());
    }
}

impl Newest {
    /// The newest picture, if one came since the last.
    pub fn take(&self) -> Option<Picture> {
        self.slot.pop()
    }

    /// The newest picture; waits for one at most `patience`.
    pub fn wait(&self, patience: Duration) -> Option<Picture> {
        // A wake-up may be left over from a picture that was taken without waiting: then look once more.
        for _ in 0..2 {
            if let Some(picture) = self.take() {
                return Some(picture);
            }
            let _ = self.wake.recv_timeout(patience);
        }
        self.take()
    }

    /// What came and what was dropped.
    pub fn counters(&self) -> Counters {
        self.counters.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sidetone_video::picture::Size;

    fn picture(millis: u64) -> Picture {
        let mut picture = Picture::black(Size::new(2, 2).unwrap());
        picture.set_time(Duration::from_millis(millis));
        picture
    }

    #[test]
    fn the_newest_wins_and_the_rest_is_counted() {
        let (sink, newest) = newest();
        assert!(newest.take().is_none());
        for millis in 0..5 {
            sink.take(picture(millis));
        }
        assert_eq!(newest.take().unwrap().time(), Duration::from_millis(4));
        assert!(newest.take().is_none());
        assert_eq!(
            (newest.counters().pictures(), newest.counters().dropped()),
            (5, 4)
        );
        // The wake-up of the five is still there; it does not end the wait for the sixth.
        let thread = std::thread::spawn(move || sink.take(picture(6)));
        assert_eq!(
            newest.wait(Duration::from_secs(30)).unwrap().time(),
            Duration::from_millis(6)
        );
        thread.join().unwrap();
    }

    #[test]
    fn a_wait_ends_without_a_picture() {
        let (sink, newest) = newest();
        assert!(newest.wait(Duration::from_millis(1)).is_none());
        drop(sink);
        assert!(newest.wait(Duration::from_secs(30)).is_none());
    }
}
