//! Keeps one sink supplied while sources change, and tells what becomes of them.
//!
//! Whoever encodes the pictures never learns that their source is another one: they may only change in size. It refuses
//! to open anything by itself, and to read a clock.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use crate::diagnostics::{DiagnosticChange, Monitor};
use crate::sink::PictureSink;
use crate::source::{
    CaptureError, CaptureRequest, CaptureStream, Feed, Outlet, PictureSource, SourceId, SourceInfo,
};

/// What happens to the sources of a [`Capturer`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CaptureEvent {
    /// The first picture of a source came: from now on the sink sees this one.
    Started(SourceId),
    /// A source came to its end (films that do not repeat).
    Ended(SourceId),
    /// The source went away, or never came. What showed before it goes on, if that still runs.
    Lost(SourceId, CaptureError),
    /// What is wrong, or right again.
    Diagnostic(DiagnosticChange),
}

/// A source that was opened.
struct Running {
    info: SourceInfo,
    feed: Feed,
    stream: Box<dyn CaptureStream>,
    /// Pictures the monitor has been told of.
    told: u64,
    ended: bool,
}

/// Pictures for one sink. Poll it ten times a second; dropping it stops what runs.
pub struct Capturer {
    outlet: Arc<Outlet>,
    monitor: Monitor,
    /// Sources opened so far.
    opened: u64,
    current: Option<Running>,
    /// What shows until `current` has a picture.
    before: Option<Running>,
    events: VecDeque<CaptureEvent>,
}

impl Capturer {
    /// Pictures go to `sink`, which must not call back; their time is counted from `epoch`.
    pub fn new(sink: impl PictureSink + 'static, epoch: Instant) -> Self {
        Self {
            outlet: Outlet::new(Box::new(sink), epoch),
            monitor: Monitor::default(),
            opened: 0,
            current: None,
            before: None,
            events: VecDeque::new(),
        }
    }

    /// Starts `source`, in place of what runs now, if anything does: that goes on until the new one has a picture, so
    /// nobody looks at nothing. A device that is opened anew is closed first, since most can be opened once only.
    ///
    /// Takes as long as the platform takes to open it. `now` is the time of the call.
    ///
    /// # Errors
    /// What [`PictureSource::open`] gives; also told as a diagnostic. What ran before goes on, but for the same device.
    pub fn start(
        &mut self,
        source: &mut dyn PictureSource,
        request: CaptureRequest,
        now: Instant,
    ) -> Result<(), CaptureError> {
        let info = source.info();
        let is_same =
            |running: &Option<Running>| running.as_ref().is_some_and(|running| running.info.id == info.id);
        if is_same(&self.current) {
            self.current = None;
        }
        if is_same(&self.before) {
            self.before = None;
        }
        self.opened += 1;
        let feed = self.outlet.feed(self.opened);
        let stream = source.open(request, feed.clone()).inspect_err(|error| {
            tracing::debug!(source = info.id.0, %error, "a source does not open");
            self.monitor.start_failed(info.kind, error);
        })?;
        self.monitor.started(info.kind, now);
        let starting = Running {
            info,
            feed,
            stream,
            told: 0,
            ended: false,
        };
        let replaced = self.current.replace(starting);
        // One that has shown nothing yet leaves what shows alone.
        if replaced
            .as_ref()
            .is_some_and(|running| running.feed.progress().is_some())
        {
            self.before = replaced;
        }
        Ok(())
    }

    /// Stops what runs. No picture comes after this returns.
    pub fn stop(&mut self) {
        self.outlet.close(self.opened);
        self.current = None;
        self.before = None;
        self.monitor.stopped();
    }

    /// What is shown, or about to be.
    pub fn source(&self) -> Option<&SourceInfo> {
        self.current.as_ref().map(|running| &running.info)
    }

    /// Pictures that this source could not give: torn, or while whoever looks held on to all there are.
    pub fn skipped(&self) -> u64 {
        self.current.as_ref().map_or(0, |running| running.feed.skips())
    }

    /// Asks for a picture although nothing may have changed. See [`CaptureStream::refresh`].
    pub fn refresh(&self) {
        for running in self.current.iter().chain(&self.before) {
            running.stream.refresh();
        }
    }

    /// Lets `preview` see the pictures too, such as for the person they are of; `None` ends that. Like the sink, it must
    /// not call back.
    pub fn set_preview(&self, preview: Option<Arc<dyn PictureSink>>) {
        self.outlet.set_preview(preview);
    }

    /// What happened until `now`, one at a time. Poll until `None`.
    pub fn poll(&mut self, now: Instant) -> Option<CaptureEvent> {
        if self.events.is_empty() {
            self.look();
            self.monitor.tick(now);
            let changes = std::iter::from_fn(|| self.monitor.poll());
            self.events.extend(changes.map(CaptureEvent::Diagnostic));
        }
        self.events.pop_front()
    }

    /// What is wrong now.
    pub fn diagnostics(&self) -> &Monitor {
        &self.monitor
    }

    fn look(&mut self) {
        // What shows while another is starting may go away meanwhile. The monitor watches the other.
        if let Some(before) = self.before.take_if(|before| before.feed.loss().is_some())
            && let Some(error) = before.feed.loss().cloned()
        {
            self.events.push_back(CaptureEvent::Lost(before.info.id, error));
        }
        let Some(running) = &mut self.current else {
            return;
        };
        // Read before the pictures: none follows a loss, so none is missed.
        let loss = running.feed.loss().cloned();
        let ended = running.feed.has_ended();
        if let Some((pictures, newest)) = running.feed.progress() {
            if running.told == 0 {
                self.before = None;
                self.events
                    .push_back(CaptureEvent::Started(running.info.id.clone()));
            }
            if pictures > running.told {
                self.monitor.picture(newest);
            }
            running.told = pictures;
        }
        if ended && !running.ended {
            running.ended = true;
            self.monitor.ended();
            self.events
                .push_back(CaptureEvent::Ended(running.info.id.clone()));
        }
        if let Some(error) = loss {
            self.monitor.lost(&error);
            self.events
                .push_back(CaptureEvent::Lost(running.info.id.clone(), error));
            // What showed before goes on, where the new one never had a picture.
            self.current = self.before.take();
            if let Some(running) = &self.current
                && let Some((_, newest)) = running.feed.progress()
            {
                self.monitor.resumed(running.info.kind, newest);
            }
        }
    }
}
