//! One running capture: looks, no oftener than asked for and for no more than half of its time, and passes on a picture
//! when something changed. What is still to be shown is never forgotten: the last state always comes out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use sidetone_video::picture;

use super::changes::changes;
use super::eye::{Eye, Look, Pixels};
use super::{Target, platform};
use crate::pace::Throttle;
use crate::screen::canvas::Canvas;
use crate::source::{CaptureError, CaptureRequest, Feed};
use crate::thread::{Call, Calls};

/// How long to wait until what is hidden is looked at again.
const HIDDEN: Duration = Duration::from_millis(200);

pub(super) struct Capture {
    target: Target,
    id: String,
    request: CaptureRequest,
    feed: Feed,
    canvas: Canvas,
    /// What was painted last.
    painted: Option<Pixels>,
    /// What was seen since, when there was no picture to paint it on.
    unpainted: Option<Pixels>,
    /// What was painted is to be passed on, changed or not.
    is_wanted: bool,
}

impl Capture {
    pub(super) fn new(target: Target, id: String, request: CaptureRequest, feed: Feed) -> Self {
        Self {
            target,
            id,
            request,
            feed,
            canvas: Canvas::new(),
            painted: None,
            unpainted: None,
            is_wanted: false,
        }
    }

    /// Captures until told to stop, or until there is nothing to capture any more.
    pub(super) fn run(mut self, calls: &Calls) {
        // The library takes some answers of the platform for impossible. What is left of a capture is only dropped.
        let ended = catch_unwind(AssertUnwindSafe(|| self.capture(calls)))
            .unwrap_or_else(|_| Err(self.lost("the platform gave an impossible answer")));
        if let Err(error) = ended {
            tracing::debug!(source = self.id, %error, "a capture ends");
            self.feed.lost(error);
        }
    }

    fn capture(&mut self, calls: &Calls) -> Result<(), CaptureError> {
        platform::see_all_pixels();
        let eye = Eye::open(self.target.clone(), self.request.cursor);
        let eye = eye.map_err(|error| CaptureError::Unavailable {
            id: self.id.clone(),
            reason: error.to_string(),
        })?;
        let mut eye = eye.ok_or_else(|| CaptureError::NotFound(self.id.clone()))?;
        let mut throttle = Throttle::new(self.request.frame_rate);
        let mut due = Instant::now();
        loop {
            match calls.wait(due.saturating_duration_since(Instant::now())) {
                Some(Call::Stop) => return Ok(()),
                Some(Call::Refresh) => {
                    self.is_wanted = true;
                    continue;
                }
                None => {}
            }
            let now = Instant::now();
            throttle.took(now);
            let mut pause = Duration::ZERO;
            match eye.look() {
                Look::Pixels(pixels) => self.show(pixels)?,
                Look::Same => {
                    if let Some(pixels) = self.unpainted.take() {
                        self.show(pixels)?;
                    }
                }
                Look::Hidden => pause = HIDDEN,
                Look::Gone(reason) => return Err(self.lost(reason)),
            }
            if !eye.is_told() {
                pause = pause.max(2 * now.elapsed());
            }
            self.pass_on(now);
            due = now + throttle.wait(now).max(pause);
        }
    }

    /// Paints what changed.
    fn show(&mut self, pixels: Pixels) -> Result<(), CaptureError> {
        let picture = |error| CaptureError::Picture {
            id: self.id.clone(),
            error,
        };
        let image = pixels.image().map_err(picture)?;
        let is_like = |painted: &&Pixels| (painted.width, painted.height) == (pixels.width, pixels.height);
        let before = self.painted.as_ref().filter(is_like);
        let damage = changes(
            image.size(),
            before.map_or(&[], |before| &before.bytes),
            &pixels.bytes,
        );
        if damage.is_empty() {
            return Ok(());
        }
        match self.canvas.paint(&image, &damage) {
            Ok(()) => {
                self.painted = Some(pixels);
                self.is_wanted = true;
                Ok(())
            }
            // Everybody holds on to pictures: this state comes with the next one.
            Err(picture::Error::Exhausted) => {
                self.feed.skipped();
                self.unpainted = Some(pixels);
                Ok(())
            }
            Err(error) => Err(picture(error)),
        }
    }

    fn pass_on(&mut self, now: Instant) {
        if let Some(picture) = self.canvas.picture().filter(|_| self.is_wanted) {
            self.feed.picture(picture.clone(), now);
            self.is_wanted = false;
        }
    }

    fn lost(&self, reason: &str) -> CaptureError {
        CaptureError::Lost {
            id: self.id.clone(),
            reason: reason.to_owned(),
        }
    }
}
