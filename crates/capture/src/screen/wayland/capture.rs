//! One running capture: asks the person, connects to what was allowed, and paints until told to stop. One thread does
//! all of it: it sleeps in one runtime, which waits for the portal, for PipeWire, and for our own side.

use std::future::pending;
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;

use super::portal::{self, Cast};
use super::stream::Stream;
use super::wake::Wake;
use super::{Desktop, painter::Painter};
use crate::pace::Throttle;
use crate::screen::stop::Control;
use crate::source::{CaptureError, CaptureRequest, Feed};

pub(super) struct Capture {
    pub(super) desktop: Desktop,
    /// Stands for an earlier choice.
    pub(super) token: Option<String>,
    pub(super) id: String,
    pub(super) request: CaptureRequest,
    pub(super) feed: Feed,
}

impl Capture {
    /// Captures until told to stop, or until there is nothing to capture any more.
    pub(super) fn run(self, control: &Arc<Control>) {
        let ended = match portal::runtime() {
            // Dropped at its end: that closes the connection to the portal, and with it whatever is still asked.
            Ok(runtime) => {
                let shared = AssertUnwindSafe(|| runtime.block_on(self.share(control)));
                // The portal's library takes some answers for impossible. What is left of a capture is only dropped.
                catch_unwind(shared)
                    .unwrap_or_else(|_| Err(self.lost("the portal gave an impossible answer")))
            }
            Err(error) => Err(self.unavailable(error)),
        };
        if let Err(error) = ended {
            tracing::debug!(source = self.id, %error, "a capture ends");
            self.feed.lost(error);
        }
    }

    async fn share(&self, control: &Control) -> Result<(), CaptureError> {
        let calls = Wake::new(control.as_fd()).map_err(|error| self.unavailable(error))?;
        let (bus, token) = (self.desktop.bus.as_deref(), self.token.as_deref());
        let cast = tokio::select! {
            biased;
            () = stopped(&calls, control) => return Ok(()),
            cast = Cast::ask(&self.id, bus, token, self.request.cursor) => cast?,
        };
        self.desktop.set_token(cast.token.clone());
        let shared = self.show(&cast, &calls, control).await;
        cast.close().await;
        shared
    }

    async fn show(&self, cast: &Cast, calls: &Wake<'_>, control: &Control) -> Result<(), CaptureError> {
        let stream = cast
            .remote()
            .map_err(|error| error.to_string())
            .and_then(|remote| {
                Stream::open(remote, cast.node, self.request.frame_rate).map_err(|error| error.to_string())
            })
            .map_err(|error| self.unavailable(error))?;
        let file = Wake::new(stream.file()).map_err(|error| self.unavailable(error))?;
        let mut closed = cast.closed().await.map_err(|error| self.lost(error))?;
        let mut painter = Painter::new(self.feed.clone(), Throttle::new(self.request.frame_rate));
        stream.turn();
        loop {
            if let Some(reason) = stream.end() {
                return Err(self.lost(reason));
            }
            if control.is_stopped() {
                return Ok(());
            }
            if control.take_refresh() {
                painter.refresh();
            }
            let due = stream.show(&mut painter, Instant::now());
            tokio::select! {
                ready = file.readable() => {
                    let mut ready = ready.map_err(|error| self.lost(error))?;
                    stream.turn();
                    ready.clear_ready();
                }
                // Looked at above, which quietens it.
                called = calls.readable() => called.map_err(|error| self.lost(error))?.clear_ready(),
                _ = closed.next() => return Err(self.lost("the desktop ended it")),
                () = nap(due) => {}
            }
        }
    }

    fn unavailable(&self, reason: impl ToString) -> CaptureError {
        CaptureError::Unavailable {
            id: self.id.clone(),
            reason: reason.to_string(),
        }
    }

    fn lost(&self, reason: impl ToString) -> CaptureError {
        CaptureError::Lost {
            id: self.id.clone(),
            reason: reason.to_string(),
        }
    }
}

/// Comes back when it is time to stop.
async fn stopped(calls: &Wake<'_>, control: &Control) {
    while !control.is_stopped() {
        match calls.readable().await {
            Ok(mut ready) => {
                // Nobody can be shown anything yet.
                control.take_refresh();
                ready.clear_ready();
            }
            // The runtime is ending.
            Err(_) => return,
        }
    }
}

/// Sleeps so long; for ever without a time.
async fn nap(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => pending().await,
    }
}
