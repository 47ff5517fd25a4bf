//! A stream of pictures that this end sends: one source, which can be changed, to any number of calls.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::Instant;

use sidetone_capture::{CaptureError, CaptureEvent, CaptureRequest, Capturer, PictureSink, SourceInfo};
use sidetone_media::pictures::{ContentHint, Inlet, Picture, VideoSource};

use super::source::VideoInput;
use super::{MediaStreamType, VideoError};
use crate::Error;
use crate::pending::Pending;

/// Pictures that this end sends: a camera, a screen, a window, or the app's own. Cheap to clone.
///
/// The source runs while a call sends it.
#[derive(Clone)]
pub struct LocalVideoStream {
    shared: Arc<Shared>,
}

struct Shared {
    kind: MediaStreamType,
    hint: ContentHint,
    request: CaptureRequest,
    /// Zero of the pictures' time.
    epoch: Instant,
    outlets: Arc<Outlets>,
    /// Held as long as a source takes to open.
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    input: Option<VideoInput>,
    capturer: Option<Capturer>,
    /// Calls that send it.
    users: usize,
    preview: Option<Arc<dyn PictureSink>>,
}

/// Where pictures go.
#[derive(Default)]
struct Outlets(Mutex<Open>);

#[derive(Default)]
struct Open {
    /// Names of inlets so far.
    keys: u64,
    inlets: Vec<(u64, Inlet)>,
    /// For calls that come later: what stands still is not given again.
    newest: Option<Picture>,
}

impl PictureSink for Outlets {
    fn take(&self, picture: Picture) {
        let mut open = lock(&self.0);
        for (_, inlet) in &open.inlets {
            inlet.take(picture.clone());
        }
        open.newest = Some(picture);
    }
}

impl LocalVideoStream {
    /// Pictures of `input`, sent as what they are: those of a screen as a screen, all others as a camera.
    pub fn new(input: VideoInput) -> Self {
        let kind = match input {
            VideoInput::Screen(_) => MediaStreamType::ScreenSharing,
            _ => MediaStreamType::Video,
        };
        Self::with(kind, input, CaptureRequest::default())
    }

    /// Pictures of `input`, sent as `kind`, in this size and rate where the source has them.
    pub fn with(kind: MediaStreamType, input: VideoInput, request: CaptureRequest) -> Self {
        let hint = match kind {
            MediaStreamType::ScreenSharing => ContentHint::Text,
            _ => ContentHint::Motion,
        };
        Self::made(kind, hint, Some(input), request)
    }

    /// Pictures that the app makes, and what takes them. `hint` says what they show.
    pub fn raw(hint: ContentHint, request: CaptureRequest) -> (Self, VideoFeed) {
        let stream = Self::made(MediaStreamType::RawMedia, hint, None, request);
        let feed = VideoFeed {
            outlets: stream.shared.outlets.clone(),
            epoch: stream.shared.epoch,
        };
        (stream, feed)
    }

    fn made(
        kind: MediaStreamType,
        hint: ContentHint,
        input: Option<VideoInput>,
        request: CaptureRequest,
    ) -> Self {
        let running = Running {
            input,
            ..Running::default()
        };
        Self {
            shared: Arc::new(Shared {
                kind,
                hint,
                request,
                epoch: Instant::now(),
                outlets: Arc::default(),
                running: Mutex::new(running),
            }),
        }
    }

    /// What it is.
    pub fn media_stream_type(&self) -> MediaStreamType {
        self.shared.kind
    }

    /// The source that runs, or is about to.
    pub fn source(&self) -> Option<SourceInfo> {
        let running = lock(&self.shared.running);
        running.capturer.as_ref()?.source().cloned()
    }

    /// Lets `preview` see the pictures too, such as for the person they are of; `None` ends that. It is called on the
    /// capturing thread and must not wait. Not for pictures of the app's.
    pub fn set_preview(&self, preview: Option<Arc<dyn PictureSink>>) {
        let mut running = lock(&self.shared.running);
        if let Some(capturer) = &running.capturer {
            capturer.set_preview(preview.clone());
        }
        running.preview = preview;
    }

    /// Takes the pictures from another source from now on. Those who look see the one before until the new one has a
    /// picture.
    ///
    /// # Errors
    /// [`VideoError::NoSwitch`] for pictures of the app's, [`VideoError::Capture`] when it cannot be opened: the one before
    /// goes on.
    pub fn switch_source(&self, input: VideoInput) -> Pending<()> {
        let (reply, pending) = Pending::new();
        let stream = self.clone();
        // As long as the platform takes to open it.
        let switched = thread::Builder::new().name("video source".into()).spawn(move || {
            let _ = reply.send(stream.switch(input).map_err(Error::Video));
        });
        if let Err(error) = switched {
            tracing::error!(%error, "no thread to open a source");
        }
        pending
    }

    fn switch(&self, input: VideoInput) -> Result<(), VideoError> {
        if self.shared.kind == MediaStreamType::RawMedia {
            return Err(VideoError::NoSwitch);
        }
        let mut running = lock(&self.shared.running);
        if let Some(capturer) = running.capturer.as_mut() {
            let mut source = input.make()?;
            capturer.start(&mut *source, self.shared.request, Instant::now())?;
        }
        running.input = Some(input);
        Ok(())
    }

    /// One more call sends it. Opens the source for the first, as long as the platform takes for that.
    pub(crate) fn open(&self) -> Result<(), VideoError> {
        let mut running = lock(&self.shared.running);
        if running.users == 0
            && let Some(input) = &running.input
        {
            let mut source = input.make()?;
            let outlets = self.shared.outlets.clone();
            let mut capturer =
                Capturer::new(move |picture: Picture| outlets.take(picture), self.shared.epoch);
            capturer.set_preview(running.preview.clone());
            capturer.start(&mut *source, self.shared.request, Instant::now())?;
            running.capturer = Some(capturer);
        }
        running.users += 1;
        Ok(())
    }

    /// One call less sends it. Takes as long as the platform takes to stop it.
    pub(crate) fn close(&self) {
        let mut running = lock(&self.shared.running);
        running.users = running.users.saturating_sub(1);
        if running.users == 0 {
            running.capturer = None;
            lock(&self.shared.outlets.0).newest = None;
        }
    }

    /// What an encoder has to know.
    pub(crate) fn description(&self) -> VideoSource {
        VideoSource {
            hint: self.shared.hint,
            frame_rate: self.shared.request.frame_rate.as_f64() as f32,
            epoch: self.shared.epoch,
        }
    }

    /// A name for an inlet that nobody else has: calls of several agents may send it.
    pub(crate) fn key(&self) -> u64 {
        let mut open = lock(&self.shared.outlets.0);
        open.keys += 1;
        open.keys
    }

    /// Pictures go there too, from now on.
    pub(crate) fn attach(&self, key: u64, inlet: Inlet) {
        let mut open = lock(&self.shared.outlets.0);
        if let Some(mut picture) = open.newest.clone() {
            // It is so now as well.
            picture.set_time(self.shared.epoch.elapsed());
            inlet.take(picture);
        }
        open.inlets.retain(|(known, _)| *known != key);
        open.inlets.push((key, inlet));
    }

    /// Pictures no longer go there.
    pub(crate) fn detach(&self, key: u64) {
        let mut open = lock(&self.shared.outlets.0);
        open.inlets.retain(|(known, _)| *known != key);
    }

    /// What happened to the source.
    pub(crate) fn events(&self, now: Instant) -> Vec<CaptureEvent> {
        let mut running = match self.shared.running.try_lock() {
            Ok(running) => running,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // A source is being opened: soon.
            Err(TryLockError::WouldBlock) => return Vec::new(),
        };
        let Some(capturer) = &mut running.capturer else {
            return Vec::new();
        };
        std::iter::from_fn(|| capturer.poll(now)).collect()
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

/// Two handles of one stream are equal.
impl PartialEq for LocalVideoStream {
    fn eq(&self, other: &Self) -> bool {
        self.is(other)
    }
}

impl fmt::Debug for LocalVideoStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalVideoStream")
            .field("kind", &self.shared.kind)
            .finish_non_exhaustive()
    }
}

/// Takes pictures that the app makes. See [`LocalVideoStream::raw`].
#[derive(Clone)]
pub struct VideoFeed {
    outlets: Arc<Outlets>,
    epoch: Instant,
}

impl VideoFeed {
    /// Sends a picture, taken now. Never waits: what nobody wants is dropped.
    pub fn send(&self, mut picture: Picture) {
        picture.set_time(self.epoch.elapsed());
        self.outlets.take(picture);
    }
}

/// No holder of these locks can leave half a value behind.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a failure to open a source means to people.
pub(crate) fn is_denied(error: &CaptureError) -> bool {
    matches!(error, CaptureError::Denied { .. })
}
