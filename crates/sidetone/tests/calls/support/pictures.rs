//! Test pictures, and who looks at them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use sidetone::capture::camera::pattern::Stamp;
use sidetone::capture::{CaptureRequest, FrameRate};
use sidetone::media::pictures::{Picture, Size};
use sidetone::{LocalVideoStream, MediaStreamType, RemoteVideoStream, VideoInput};

use super::until;

/// What a picture said, and its size.
type Glance = (Option<Stamp>, Size);

/// Somebody who looks.
#[derive(Clone, Default)]
pub struct Eyes {
    seen: Arc<AtomicUsize>,
    last: Arc<Mutex<Option<Glance>>>,
}

impl Eyes {
    /// Looks at a stream from now on.
    pub fn on(stream: &RemoteVideoStream) -> Self {
        let eyes = Self::default();
        let (seen, last) = (eyes.seen.clone(), eyes.last.clone());
        stream.set_sink(Some(Arc::new(move |picture: Picture| {
            *last.lock().unwrap() = Some((Stamp::read(&picture), picture.size()));
            seen.fetch_add(1, Ordering::Relaxed);
        })));
        eyes
    }

    pub fn count(&self) -> usize {
        self.seen.load(Ordering::Relaxed)
    }

    pub fn size(&self) -> Option<Size> {
        self.last.lock().unwrap().map(|(_, size)| size)
    }

    /// Sees the test picture move.
    pub fn see(&self) {
        let before = self.count();
        until("something is seen", || self.count() > before + 20);
        assert!(self.last.lock().unwrap().unwrap().0.is_some(), "the test picture");
    }
}

/// A camera that sees the test picture.
pub fn camera(size: Size) -> LocalVideoStream {
    film(MediaStreamType::Video, size, 30)
}

pub fn film(kind: MediaStreamType, size: Size, rate: u32) -> LocalVideoStream {
    let request = CaptureRequest {
        size: Some(size),
        frame_rate: FrameRate::hz(rate),
        cursor: false,
    };
    LocalVideoStream::with(kind, VideoInput::Pattern, request)
}
