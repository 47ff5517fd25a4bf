//! Video4Linux: lists, opens and reads cameras. A thread waits for the device, and looks up now and then whether it is
//! still wanted.

use std::io::{Error, ErrorKind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use sidetone_video::picture::Size;
use v4l::buffer::Type;
use v4l::capability::Flags;
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::io::traits::{CaptureStream as _, Stream as _};
use v4l::prelude::MmapStream;
use v4l::video::Capture as _;
use v4l::video::capture::Parameters;
use v4l::{Device, Format, FourCC, Fraction};

use crate::camera::raw::{Developer, RawFormat};
use crate::pace::{FrameRate, Throttle};
use crate::source::{
    CaptureError, CaptureRequest, CaptureStream, Feed, Mode, SourceId, SourceInfo, SourceKind,
};
use crate::thread::{Calls, Thread};

pub(super) const HOST: &str = "v4l2";

/// How often a waiting thread looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(200);

/// The one event that is waited for, as the library wants it.
const POLLIN: i16 = PollFlags::IN.bits() as i16;

/// Buffers that the driver fills: one in our hands, one being filled, two for a thread that comes late.
const BUFFERS: u32 = 4;

/// Pictures in use at a time.
const PICTURES: usize = 6;

/// One camera, and what the driver says of it.
pub(super) struct Camera {
    pub(super) info: SourceInfo,
    path: PathBuf,
    /// The format of each of the info's modes.
    formats: Vec<(FourCC, RawFormat)>,
}

/// Those that can be read and give something that is known here.
pub(super) fn cameras() -> Vec<Camera> {
    let mut nodes = v4l::context::enum_devices();
    nodes.sort_by_key(v4l::context::Node::index);
    let mut cameras: Vec<Camera> = Vec::new();
    for node in nodes {
        // Of a device that is denied no more is known than its name; it is listed, so that opening it says why.
        let (bus, modes) = match Device::with_path(node.path()) {
            Ok(device) => {
                let Ok(capabilities) = device.query_caps() else {
                    continue;
                };
                let modes = modes(&device);
                // Most cameras have a second node, for metadata.
                if !capabilities.capabilities.contains(Flags::VIDEO_CAPTURE) || modes.is_empty() {
                    continue;
                }
                (capabilities.bus, modes)
            }
            Err(_) => (node.path().display().to_string(), Vec::new()),
        };
        // The plug it is in: that survives restarts. Some cameras show two pictures there.
        let twins = cameras
            .iter()
            .filter(|camera| camera.info.id.0.contains(&bus))
            .count();
        let twin = if twins > 0 {
            format!("#{}", twins + 1)
        } else {
            String::new()
        };
        let (modes, formats) = modes.into_iter().unzip();
        cameras.push(Camera {
            info: SourceInfo {
                id: SourceId(format!("{HOST}:{bus}{twin}")),
                name: node.name().unwrap_or_else(|| node.path().display().to_string()),
                kind: SourceKind::Camera,
                host: HOST,
                is_default: cameras.is_empty(),
                modes,
            },
            path: node.path().to_owned(),
            formats,
        });
    }
    cameras
}

type Found = (Mode, (FourCC, RawFormat));

fn modes(device: &Device) -> Vec<Found> {
    let mut modes = Vec::new();
    for format in device.enum_formats().unwrap_or_default() {
        let Some(raw) = RawFormat::of_fourcc(format.fourcc.repr) else {
            continue;
        };
        for size in device.enum_framesizes(format.fourcc).unwrap_or_default() {
            let (width, height) = match size.size {
                FrameSizeEnum::Discrete(size) => (size.width, size.height),
                // Any size up to this one: rare, and then the largest is scaled by the driver anyhow.
                FrameSizeEnum::Stepwise(steps) => (steps.max_width, steps.max_height),
            };
            let Ok(size) = Size::new(width, height) else {
                continue;
            };
            let intervals = device.enum_frameintervals(format.fourcc, width, height);
            for interval in intervals.unwrap_or_default() {
                let shortest = match interval.interval {
                    FrameIntervalEnum::Discrete(interval) => interval,
                    FrameIntervalEnum::Stepwise(steps) => steps.min,
                };
                if let Some(frame_rate) = FrameRate::new(shortest.denominator, shortest.numerator) {
                    modes.push((Mode { size, frame_rate }, (format.fourcc, raw)));
                }
            }
        }
    }
    modes
}

impl Camera {
    pub(super) fn open(
        &self,
        request: CaptureRequest,
        feed: Feed,
    ) -> Result<Box<dyn CaptureStream>, CaptureError> {
        let id = self.info.id.0.clone();
        let failed = |error: Error| failure(&id, &error, false);
        let device = Device::with_path(&self.path).map_err(failed)?;
        let place = request.nearest(&self.info.modes);
        let chosen = place.and_then(|place| Some((self.info.modes.get(place)?, self.formats.get(place)?)));
        let (mode, (fourcc, raw)) = chosen.ok_or_else(|| CaptureError::Format {
            id: id.clone(),
            reason: "it names no mode that is known here".into(),
        })?;
        let wanted = Format::new(mode.size.width(), mode.size.height(), *fourcc);
        let format = device.set_format(&wanted).map_err(failed)?;
        if format.fourcc != *fourcc {
            return Err(CaptureError::Format {
                id,
                reason: format!("it gives {} where {fourcc} was asked for", format.fourcc),
            });
        }
        let size = Size::new(format.width, format.height).map_err(|error| CaptureError::Picture {
            id: id.clone(),
            error,
        })?;
        // Cameras whose rate cannot be set have one of their own, and too many pictures are left out below.
        let (pictures, seconds) = mode.frame_rate.as_fraction();
        let _ = device.set_params(&Parameters::new(Fraction::new(seconds, pictures)));
        let reader = Reader {
            id: id.clone(),
            raw: *raw,
            size,
            stride: format.stride as usize,
            throttle: Throttle::new(request.frame_rate),
            feed,
        };
        let thread = Thread::start("camera", move |calls| reader.run(&device, calls));
        Ok(Box::new(thread.map_err(failed)?))
    }
}

struct Reader {
    id: String,
    raw: RawFormat,
    size: Size,
    stride: usize,
    throttle: Throttle,
    feed: Feed,
}

impl Reader {
    fn run(mut self, device: &Device, calls: &Calls) {
        if let Err(error) = self.read(device, calls) {
            self.feed.lost(failure(&self.id, &error, true));
        }
    }

    fn read(&mut self, device: &Device, calls: &Calls) -> Result<(), Error> {
        let mut stream = MmapStream::with_buffers(device, Type::VideoCapture, BUFFERS)?;
        // The library gives the first one to the driver with the first picture. A driver may have fewer than asked for.
        for index in 1..BUFFERS as usize {
            let _ = stream.queue(index);
        }
        stream.start()?;
        let mut developer = Developer::new(PICTURES);
        while !calls.is_stopped() {
            if !wait(&stream)? {
                continue;
            }
            let (bytes, metadata) = stream.next()?;
            let now = Instant::now();
            if !self.throttle.wait(now).is_zero() {
                continue;
            }
            self.throttle.took(now);
            let filled = bytes.get(..metadata.bytesused as usize).unwrap_or(bytes);
            match developer.develop(self.raw, self.size, self.stride, filled) {
                Ok(picture) => self.feed.picture(picture, now),
                // Torn on the way, or all pictures are in use.
                Err(_) => self.feed.skipped(),
            }
        }
        Ok(())
    }
}

/// Waits for a picture; `false` when it is time to look up.
fn wait(stream: &MmapStream<'_>) -> Result<bool, Error> {
    match stream.handle().poll(POLLIN, LOOK.as_millis() as i32) {
        Ok(ready) => Ok(ready > 0),
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(false),
        Err(error) => Err(error),
    }
}

fn failure(id: &str, error: &Error, running: bool) -> CaptureError {
    let (id, reason) = (id.to_owned(), error.to_string());
    match error.kind() {
        ErrorKind::PermissionDenied => CaptureError::Denied { id, reason },
        _ if running => CaptureError::Lost { id, reason },
        ErrorKind::NotFound => CaptureError::NotFound(id),
        _ => CaptureError::Unavailable { id, reason },
    }
}
