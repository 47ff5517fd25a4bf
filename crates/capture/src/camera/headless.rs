//! A camera without hardware: shows a [`Film`] at a steady beat, on a thread of its own. It refuses to know what is shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sidetone_video::picture::{Picture, Size};

use super::HEADLESS;
use crate::pace::{FrameRate, Metronome};
use crate::source::{
    CaptureError, CaptureRequest, CaptureStream, Feed, Mode, PictureSource, SourceId, SourceInfo, SourceKind,
};

/// What a camera without hardware sees.
pub trait Film: Send {
    /// Size and rate it has by itself.
    fn mode(&self) -> Mode;

    /// Back to the start, to be shown `size` large where the film can be: when the camera is opened.
    ///
    /// # Errors
    /// When there is nothing to show any more.
    fn rewind(&mut self, size: Option<Size>) -> Result<(), CaptureError>;

    /// What is seen at `position` after the start, which is later than that of the call before. `time` is the time the
    /// picture will have.
    fn show(&mut self, position: Duration, time: Duration) -> Shown;
}

/// What a film shows at a moment.
#[derive(Debug)]
pub enum Shown {
    /// A picture.
    Picture(Picture),
    /// Nothing that could be seen: all pictures are in use, or one is torn.
    Nothing,
    /// The end. Nothing follows.
    End,
    /// What went wrong. Nothing follows.
    Failure(CaptureError),
}

/// A camera that sees a film.
pub struct HeadlessCamera {
    info: SourceInfo,
    /// Lent to the thread while the camera is open.
    film: Option<Box<dyn Film>>,
    lent: Option<std::sync::mpsc::Receiver<Box<dyn Film>>>,
}

impl HeadlessCamera {
    /// A camera of this name; its id is made from it.
    pub fn new(name: &str, film: impl Film + 'static) -> Self {
        Self {
            info: SourceInfo {
                id: SourceId(format!("{HEADLESS}:camera:{name}")),
                name: name.to_owned(),
                kind: SourceKind::Camera,
                host: HEADLESS,
                is_default: false,
                modes: vec![film.mode()],
            },
            film: Some(Box::new(film)),
            lent: None,
        }
    }

    /// The film, if no stream has it.
    fn take_film(&mut self) -> Option<Box<dyn Film>> {
        let returned = self.lent.as_ref().and_then(|lent| lent.try_recv().ok());
        self.film.take().or(returned)
    }
}

impl PictureSource for HeadlessCamera {
    fn info(&self) -> SourceInfo {
        self.info.clone()
    }

    /// Never faster than the film is.
    fn open(&mut self, request: CaptureRequest, feed: Feed) -> Result<Box<dyn CaptureStream>, CaptureError> {
        let id = self.info.id.0.clone();
        let unavailable = |reason: String| CaptureError::Unavailable { id, reason };
        let Some(mut film) = self.take_film() else {
            return Err(unavailable("it is open already".into()));
        };
        if let Err(error) = film.rewind(request.size) {
            self.film = Some(film);
            return Err(error);
        }
        let own = film.mode().frame_rate;
        let wanted = request.frame_rate;
        let rate = if wanted.as_f64() < own.as_f64() {
            wanted
        } else {
            own
        };
        let (give_back, lent) = std::sync::mpsc::channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::Builder::new().name("camera".into()).spawn(move || {
            run(film.as_mut(), rate, &feed, &stopped);
            let _ = give_back.send(film);
        });
        let thread = thread.map_err(|error| unavailable(format!("no thread: {error}")))?;
        self.lent = Some(lent);
        Ok(Box::new(Stream {
            stop,
            thread: Some(thread),
        }))
    }
}

fn run(film: &mut dyn Film, rate: FrameRate, feed: &Feed, stopped: &AtomicBool) {
    let start = Instant::now();
    let mut metronome = Metronome::new(rate, start);
    while !stopped.load(Ordering::Acquire) {
        let now = Instant::now();
        let Some(beat) = metronome.beat(now) else {
            // Unparked when it is time to stop.
            std::thread::park_timeout(metronome.deadline().saturating_duration_since(now));
            continue;
        };
        match film.show(rate.after(beat), feed.time(now)) {
            Shown::Picture(picture) => feed.picture(picture, now),
            Shown::Nothing => feed.skipped(),
            Shown::End => return feed.ended(),
            Shown::Failure(error) => return feed.lost(error),
        }
    }
}

struct Stream {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl CaptureStream for Stream {}

impl Drop for Stream {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}
