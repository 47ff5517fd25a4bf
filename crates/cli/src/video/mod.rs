//! What `--camera`, `--share` and `--video-output` can name, and the streams made of it.
//!
//! Everything that can be wrong with a choice is found out before a call is placed: films are read, cameras, screens and
//! windows looked up, and the file created at the start. A source runs once the call is connected.

mod film;

use std::path::{Path, PathBuf};

use clap::Args;
use sidetone::capture::{CaptureError, CaptureRequest, SourceId, SourceInfo};
use sidetone::media::pictures::Size;
use sidetone::{DeviceManager, LocalVideoStream, MediaStreamType, SharedSound, VideoInput};

use crate::exit::{Exit, Failure};
use crate::sound::{SoundChoice, shared_sound};
pub use film::{Film, FilmFile};

/// Pictures of an end of a call.
#[derive(Args, Debug, Default)]
pub struct PictureArgs {
    /// Send a camera once connected: pattern[:WIDTHxHEIGHT] (a test picture), a film (.y4m, or JPEG pictures in a row; again
    /// and again), default, device:ID
    #[arg(long, value_name = "SOURCE", value_parser = camera)]
    pub camera: Option<VideoChoice>,
    /// Share once connected: screen (the first; a Wayland desktop asks which), screen:NAME, window:ID,
    /// pattern[:WIDTHxHEIGHT], a film
    #[arg(long, value_name = "SOURCE", value_parser = share)]
    pub share: Option<VideoChoice>,
    /// Send sound with the share: system (all other programs, where the platform gives it), or what --input takes: tone[:HZ],
    /// speech, a recording (once), device:ID. It goes to the others as it is, whatever becomes of the microphone
    #[arg(long, value_name = "SOUND", requires = "share")]
    pub share_sound: Option<SoundChoice>,
    /// Write what others show to this .y4m film, which runs in real time from the first camera or screen to the end of the
    /// call: the first that comes, a screen before a camera, and the next where that ends; 41 MB a second at 1280x720.
    /// Without, nobody looks
    #[arg(long, value_name = "FILE", value_parser = film_path)]
    pub video_output: Option<PathBuf>,
    /// Size of the film, and of what others are asked to send for it: pictures are scaled to it, and framed in black where
    /// they have another shape (1280x720)
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = picture_size, requires = "video_output")]
    pub video_size: Option<Size>,
}

/// What to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VideoChoice {
    /// The camera that the system would pick.
    Camera,
    /// A particular one.
    Device(String),
    /// The first screen, or the one of this name.
    Screen(Option<String>),
    /// A window.
    Window(String),
    /// A test picture, in this size where one is given.
    Pattern(Option<Size>),
    /// A film.
    Film(PathBuf),
}

fn camera(text: &str) -> Result<VideoChoice, String> {
    match text.split_once(':') {
        None if text == "default" => Ok(VideoChoice::Camera),
        Some(("device", id)) => named("device", id).map(VideoChoice::Device),
        _ => drawn(text),
    }
}

fn share(text: &str) -> Result<VideoChoice, String> {
    match text.split_once(':') {
        None if text == "screen" => Ok(VideoChoice::Screen(None)),
        Some(("screen", name)) => named("screen", name).map(|name| VideoChoice::Screen(Some(name))),
        Some(("window", id)) => named("window", id).map(VideoChoice::Window),
        _ => drawn(text),
    }
}

fn named(kind: &str, name: &str) -> Result<String, String> {
    match name {
        "" => Err(format!("{kind}: without a name; see `sidetone devices list`")),
        name => Ok(name.to_owned()),
    }
}

fn drawn(text: &str) -> Result<VideoChoice, String> {
    Ok(match text.split_once(':') {
        _ if text.is_empty() => return Err("expected a source of pictures or a file".into()),
        None if text == "pattern" => VideoChoice::Pattern(None),
        Some(("pattern", size)) => VideoChoice::Pattern(Some(picture_size(size)?)),
        _ => VideoChoice::Film(text.into()),
    })
}

/// `WIDTHxHEIGHT`.
///
/// # Errors
/// In words, when it is none.
pub fn picture_size(text: &str) -> Result<Size, String> {
    let sides = text.split_once('x').and_then(|(width, height)| {
        let side = |text: &str| text.parse().ok();
        Some((side(width)?, side(height)?))
    });
    let (width, height) = sides.ok_or_else(|| format!("`{text}` is no size (such as 640x360)"))?;
    Size::new(width, height).map_err(|error| error.to_string())
}

fn film_path(text: &str) -> Result<PathBuf, String> {
    let is_film = |end: &std::ffi::OsStr| end.eq_ignore_ascii_case("y4m");
    match Path::new(text).extension() {
        Some(end) if is_film(end) => Ok(text.into()),
        _ => Err("expected a file that ends in .y4m".into()),
    }
}

/// The pictures of an end, prepared.
#[derive(Default)]
pub struct Video {
    /// What it sends as a camera.
    pub camera: Option<LocalVideoStream>,
    /// What it shares.
    pub share: Option<LocalVideoStream>,
    /// The sound that goes with it.
    pub sound: Option<SharedSound>,
    /// Where what others show is written.
    pub output: Option<FilmFile>,
}

impl Video {
    /// Prepares what was chosen; the file is created at once.
    ///
    /// # Errors
    /// [`Exit::Resource`] when there is no such source, or a file cannot be used.
    pub fn new(args: &PictureArgs, devices: &DeviceManager) -> Result<Self, Failure> {
        let stream = |choice: &Option<VideoChoice>, kind| {
            let stream = choice.as_ref().map(|choice| prepare(choice, kind, devices));
            stream.transpose()
        };
        let size = args.video_size.unwrap_or(film::SIZE);
        let output = args.video_output.as_deref();
        let output = output.map(|path| FilmFile::create(path, size));
        Ok(Self {
            camera: stream(&args.camera, MediaStreamType::Video)?,
            share: stream(&args.share, MediaStreamType::ScreenSharing)?,
            sound: args.share_sound.as_ref().map(shared_sound).transpose()?,
            output: output.transpose()?,
        })
    }

    /// To be called after the last call.
    ///
    /// # Errors
    /// [`Exit::Resource`] when what others showed could not be written.
    pub fn finish(self) -> Result<(), Failure> {
        self.output.map_or(Ok(()), FilmFile::finish)
    }
}

fn prepare(
    choice: &VideoChoice,
    kind: MediaStreamType,
    devices: &DeviceManager,
) -> Result<LocalVideoStream, Failure> {
    let mut request = CaptureRequest::default();
    let input = match choice {
        VideoChoice::Camera => VideoInput::Camera(None),
        VideoChoice::Device(id) => VideoInput::Camera(Some(SourceId(id.clone()))),
        VideoChoice::Screen(None) => VideoInput::Screen(None),
        VideoChoice::Screen(Some(name)) => {
            VideoInput::Screen(Some(find("screen", devices.screens()?, name)?))
        }
        VideoChoice::Window(id) => VideoInput::Screen(Some(find("window", devices.windows()?, id)?)),
        VideoChoice::Pattern(size) => {
            request.size = *size;
            VideoInput::Pattern
        }
        VideoChoice::Film(path) => VideoInput::Film {
            path: path.clone(),
            repeat: true,
        },
    };
    input.info()?;
    Ok(LocalVideoStream::with(kind, input, request))
}

/// By the whole id, or by its last part.
fn find(kind: &str, sources: Vec<SourceInfo>, wanted: &str) -> Result<SourceId, Failure> {
    let is_it = |id: &str| id == wanted || id.rsplit(':').next() == Some(wanted);
    let found = sources
        .into_iter()
        .map(|source| source.id)
        .find(|id| is_it(&id.0));
    found.ok_or_else(|| {
        let words = format!("there is no {kind} {wanted}; see `sidetone devices list`");
        Failure::new(Exit::Resource, words)
    })
}

impl From<CaptureError> for Failure {
    fn from(error: CaptureError) -> Self {
        Self::new(Exit::Resource, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_what_they_say() {
        assert_eq!(camera("pattern"), Ok(VideoChoice::Pattern(None)));
        assert_eq!(
            share("pattern:640x360"),
            Ok(VideoChoice::Pattern(Some(Size::P360)))
        );
        assert_eq!(camera("a/b.y4m"), Ok(VideoChoice::Film("a/b.y4m".into())));
        assert_eq!(
            camera("device:v4l2:usb:1"),
            Ok(VideoChoice::Device("v4l2:usb:1".into()))
        );
        assert_eq!(share("screen"), Ok(VideoChoice::Screen(None)));
        assert_eq!(share("screen:DP-1"), Ok(VideoChoice::Screen(Some("DP-1".into()))));
        assert_eq!(share("window:0x2a"), Ok(VideoChoice::Window("0x2a".into())));
        for bad in [
            "",
            "pattern:",
            "pattern:9",
            "pattern:0x9",
            "pattern:4294967295x2",
            "pattern:65536x65536",
        ] {
            assert!(camera(bad).is_err() && share(bad).is_err(), "{bad:?}");
        }
        assert!(camera("device:").is_err() && share("screen:").is_err() && share("window:").is_err());
        assert!(film_path("x.Y4M").is_ok());
        for bad in ["", "x.mp4", ".y4m"] {
            assert!(film_path(bad).is_err(), "{bad:?}");
        }
    }
}
