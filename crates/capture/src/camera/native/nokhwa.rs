//! AVFoundation and Media Foundation, through one library. All of it happens on a thread of the camera's own: asking the
//! person takes as long as they like, what the library has for a camera stays on one thread, and it waits for pictures
//! without an end. Compiled and type-checked, but not run by its tests: they have no such system.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::time::Instant;

use ::nokhwa::utils::{
    ApiBackend, CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType,
};
use ::nokhwa::{Camera as Device, NokhwaError, nokhwa_check, nokhwa_initialize};
use sidetone_video::colour::PixelFormat;
use sidetone_video::picture::Size;

use crate::camera::raw::{Developer, RawFormat};
use crate::pace::{FrameRate, Throttle};
use crate::source::{
    CaptureError, CaptureRequest, CaptureStream, Feed, Mode, SourceId, SourceInfo, SourceKind,
};
use crate::thread::{Calls, Thread};

pub(super) const HOST: &str = if cfg!(windows) {
    "mediafoundation"
} else {
    "avfoundation"
};

/// What can be converted here.
const FORMATS: [FrameFormat; 3] = [FrameFormat::MJPEG, FrameFormat::YUYV, FrameFormat::NV12];

/// Pictures in use at a time.
const PICTURES: usize = 6;

/// One camera. Its modes are known once it is opened.
pub(super) struct Camera {
    pub(super) info: SourceInfo,
    index: CameraIndex,
}

/// Those there are, named by what the platform knows them by: that survives restarts.
pub(super) fn cameras() -> Vec<Camera> {
    // On a thread of its own: the library changes how its thread may use COM, and may panic.
    let listed = std::thread::spawn(|| ::nokhwa::query(ApiBackend::Auto)).join();
    let found = match listed {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            tracing::debug!(%error, "cameras cannot be listed");
            return Vec::new();
        }
        Err(_) => return Vec::new(),
    };
    found
        .into_iter()
        .enumerate()
        .map(|(place, camera)| Camera {
            info: SourceInfo {
                id: SourceId(format!("{HOST}:{}", camera.misc())),
                name: camera.human_name(),
                kind: SourceKind::Camera,
                host: HOST,
                is_default: place == 0,
                modes: Vec::new(),
            },
            index: camera.index().clone(),
        })
        .collect()
}

impl Camera {
    /// Returns at once. Whether it can be used is told through `feed`.
    pub(super) fn open(
        &self,
        request: CaptureRequest,
        feed: Feed,
    ) -> Result<Box<dyn CaptureStream>, CaptureError> {
        let id = self.info.id.0.clone();
        let reader = Reader {
            id: id.clone(),
            index: self.index.clone(),
            request,
            feed,
        };
        let thread = Thread::start("camera", move |calls| reader.run(calls));
        let thread = thread.map_err(|error| CaptureError::Unavailable {
            id,
            reason: format!("no thread: {error}"),
        })?;
        Ok(Box::new(thread))
    }
}

struct Reader {
    id: String,
    index: CameraIndex,
    request: CaptureRequest,
    feed: Feed,
}

impl Reader {
    fn run(self, calls: &Calls) {
        let ended = catch_unwind(AssertUnwindSafe(|| self.read(calls)))
            .unwrap_or_else(|_| Err(self.lost("the platform gave an impossible answer")));
        if let Err(error) = ended {
            tracing::debug!(camera = self.id, %error, "a camera ends");
            self.feed.lost(error);
        }
    }

    fn read(&self, calls: &Calls) -> Result<(), CaptureError> {
        if !is_allowed() {
            return Err(CaptureError::Denied {
                id: self.id.clone(),
                reason: "the person has not allowed this program to use cameras".into(),
            });
        }
        let unavailable = |error: NokhwaError| CaptureError::Unavailable {
            id: self.id.clone(),
            reason: error.to_string(),
        };
        let mut device = self.open().map_err(unavailable)?;
        device.open_stream().map_err(unavailable)?;
        let mut throttle = Throttle::new(self.request.frame_rate);
        let mut developer = Developer::new(PICTURES);
        while !calls.is_stopped() {
            let frame = device.frame().map_err(|error| self.lost(&error.to_string()))?;
            let now = Instant::now();
            if !throttle.wait(now).is_zero() {
                continue;
            }
            throttle.took(now);
            let (width, height) = (frame.resolution().width(), frame.resolution().height());
            let size = Size::new(width, height).map_err(|error| CaptureError::Picture {
                id: self.id.clone(),
                error,
            })?;
            let raw = raw_format(frame.source_frame_format()).ok_or_else(|| CaptureError::Format {
                id: self.id.clone(),
                reason: format!("it gives {}", frame.source_frame_format()),
            })?;
            let stride = stride(raw, size, frame.buffer());
            match developer.develop(raw, size, stride, frame.buffer()) {
                Ok(picture) => self.feed.picture(picture, now),
                // Torn on the way, or all pictures are in use.
                Err(_) => self.feed.skipped(),
            }
        }
        Ok(())
    }

    /// Opens it in the mode nearest to what is asked for.
    fn open(&self) -> Result<Device, NokhwaError> {
        let (modes, formats): (Vec<_>, Vec<_>) = formats(&self.index)?
            .into_iter()
            .filter(|format| FORMATS.contains(&format.format()))
            .filter_map(|format| Some((mode(&format)?, format)))
            .unzip();
        let nearest = self.request.nearest(&modes).and_then(|place| formats.get(place));
        let wanted = nearest.map_or(RequestedFormatType::None, |&format| {
            RequestedFormatType::Exact(format)
        });
        Device::new(
            self.index.clone(),
            RequestedFormat::with_formats(wanted, &FORMATS),
        )
    }

    fn lost(&self, reason: &str) -> CaptureError {
        CaptureError::Lost {
            id: self.id.clone(),
            reason: reason.to_owned(),
        }
    }
}

/// Whether this program may use cameras. Where the person was not asked yet (macOS), this asks, and waits for the answer.
fn is_allowed() -> bool {
    if nokhwa_check() {
        return true;
    }
    let (answer, answered) = channel();
    nokhwa_initialize(move |is_allowed| {
        let _ = answer.send(is_allowed);
    });
    answered.recv().unwrap_or(false)
}

/// What the camera can do. (The library's own list is empty for most cameras here: it leaves out what was asked for.)
#[cfg(target_os = "macos")]
fn formats(index: &CameraIndex) -> Result<Vec<CameraFormat>, NokhwaError> {
    nokhwa_bindings_macos::AVCaptureDevice::new(index)?.supported_formats()
}

/// What the camera can do.
#[cfg(not(target_os = "macos"))]
fn formats(index: &CameraIndex) -> Result<Vec<CameraFormat>, NokhwaError> {
    let any = RequestedFormat::with_formats(RequestedFormatType::None, &FORMATS);
    Device::new(index.clone(), any)?.compatible_camera_formats()
}

fn mode(format: &CameraFormat) -> Option<Mode> {
    let size = Size::new(format.resolution().width(), format.resolution().height()).ok()?;
    let frame_rate = FrameRate::new(format.frame_rate(), 1)?;
    Some(Mode { size, frame_rate })
}

fn raw_format(format: FrameFormat) -> Option<RawFormat> {
    Some(match format {
        FrameFormat::MJPEG => RawFormat::Jpeg,
        FrameFormat::YUYV => RawFormat::Pixels(PixelFormat::Yuyv),
        FrameFormat::NV12 => RawFormat::Pixels(PixelFormat::Nv12),
        _ => return None,
    })
}

/// Bytes from one row to the next. The library does not tell, and macOS pads rows; what has more planes has none of that.
fn stride(raw: RawFormat, size: Size, bytes: &[u8]) -> usize {
    match raw {
        RawFormat::Pixels(PixelFormat::Yuyv) => bytes.len() / size.height() as usize,
        RawFormat::Pixels(format) => format.row_bytes(size.width()),
        RawFormat::Jpeg => 0,
    }
}
