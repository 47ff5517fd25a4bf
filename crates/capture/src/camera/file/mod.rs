//! A camera that sees a film from a file: YUV4MPEG2, or JPEG pictures one behind the other (`ffmpeg -f mjpeg`).
//!
//! The file's own rate decides how fast it is seen; a lower rate that is asked for leaves pictures out.

mod mjpeg;
mod y4m;

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;
use std::time::Duration;

use sidetone_video::picture::{Picture, Pool, Size};

pub(crate) use mjpeg::decode as decode_jpeg;
pub use mjpeg::{Mjpeg, pictures};
pub use y4m::{Header, Y4m};

use super::{Film, HeadlessCamera, Shown};
use crate::pace::FrameRate;
use crate::source::{CaptureError, Mode};

/// What a film does when it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterEnd {
    /// From the start again.
    Repeat,
    /// No more pictures, and one [`CaptureEvent::Ended`](crate::CaptureEvent::Ended).
    Stop,
}

/// Why a file is no film. The file is at fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FilmError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It does not begin as any film does that is known here.
    #[error("neither YUV4MPEG2 nor a row of JPEG pictures")]
    Unknown,
    /// A line of the file is not what it has to be, or longer than any should be.
    #[error("bad {0}")]
    Syntax(&'static str),
    /// It has another layout than 8-bit 4:2:0, or is interlaced.
    #[error("{0}; only progressive 4:2:0 with 8 bits is known here")]
    Layout(String),
    /// Its pictures are of no size that a picture has.
    #[error(transparent)]
    Picture(#[from] sidetone_video::picture::Error),
    /// A picture does not decode.
    #[error("a picture does not decode: {0}")]
    Torn(String),
    /// There is not a single whole picture in it.
    #[error("no picture in it")]
    Empty,
    /// There is more in it than is kept in memory.
    #[error("more than {0} bytes")]
    Large(u64),
}

/// Pictures in use at a time.
const PICTURES: usize = 6;

/// Rate of a film that does not say.
const RATE: u32 = 30;

/// Largest film of JPEG pictures, in bytes: they are kept in memory.
const LARGEST_MJPEG: u64 = 512 << 20;

/// Most pictures passed over for one that is shown. Whoever was asleep for longer sees the film slowed down.
const MOST_SKIPPED: u64 = 300;

/// A camera that sees the film at `path`.
///
/// # Errors
/// [`CaptureError::File`] when it is no film, or there is no whole picture in it.
pub fn file_camera(path: &Path, after: AfterEnd) -> Result<HeadlessCamera, CaptureError> {
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned();
    let shown = path.display().to_string();
    let failed = |error: FilmError| CaptureError::File {
        path: shown.clone(),
        reason: error.to_string(),
    };
    let reel = Reel::open(path).map_err(failed)?;
    Ok(HeadlessCamera::new(
        &name,
        FileFilm::new(reel, after, shown.clone()).map_err(failed)?,
    ))
}

/// A film, whichever way it is stored.
enum Reel {
    Y4m(Y4m<BufReader<File>>),
    Mjpeg(Mjpeg),
}

impl Reel {
    fn open(path: &Path) -> Result<Self, FilmError> {
        let mut file = File::open(path)?;
        let mut start = [0; 2];
        file.read_exact(&mut start).map_err(|_| FilmError::Unknown)?;
        file.rewind()?;
        match &start {
            b"YU" => Ok(Self::Y4m(Y4m::new(BufReader::new(file))?)),
            [0xFF, 0xD8] => {
                let mut bytes = Vec::new();
                file.take(LARGEST_MJPEG + 1).read_to_end(&mut bytes)?;
                if bytes.len() as u64 > LARGEST_MJPEG {
                    return Err(FilmError::Large(LARGEST_MJPEG));
                }
                Ok(Self::Mjpeg(Mjpeg::new(bytes)?))
            }
            _ => Err(FilmError::Unknown),
        }
    }

    fn mode(&self) -> Mode {
        let (size, rate) = match self {
            Self::Y4m(film) => (film.header().size, film.header().frame_rate),
            Self::Mjpeg(film) => (film.size(), None),
        };
        Mode {
            size,
            frame_rate: rate.unwrap_or(FrameRate::hz(RATE)),
        }
    }

    fn rewind(&mut self) -> Result<(), FilmError> {
        match self {
            Self::Y4m(film) => film.rewind(),
            Self::Mjpeg(film) => {
                film.rewind();
                Ok(())
            }
        }
    }

    /// Passes over a picture; `false` at the end.
    fn skip(&mut self) -> Result<bool, FilmError> {
        match self {
            Self::Y4m(film) => film.skip(),
            Self::Mjpeg(film) => Ok(film.skip()),
        }
    }

    /// The next picture; `None` at the end.
    fn next(&mut self, pool: &Pool) -> Result<Option<Picture>, FilmError> {
        match self {
            Self::Y4m(film) => film.next(pool),
            Self::Mjpeg(film) => film.next(pool),
        }
    }
}

struct FileFilm {
    reel: Reel,
    after: AfterEnd,
    path: String,
    pool: Pool,
    mode: Mode,
    /// Pictures that are behind us, all rounds together.
    passed: u64,
}

impl FileFilm {
    fn new(mut reel: Reel, after: AfterEnd, path: String) -> Result<Self, FilmError> {
        let pool = Pool::new(PICTURES);
        // What cannot be shown is told to whoever picks it, not later.
        if reel.next(&pool)?.is_none() {
            return Err(FilmError::Empty);
        }
        reel.rewind()?;
        Ok(Self {
            mode: reel.mode(),
            reel,
            after,
            path,
            pool,
            passed: 0,
        })
    }

    fn failure(&self, error: &FilmError) -> CaptureError {
        CaptureError::File {
            path: self.path.clone(),
            reason: error.to_string(),
        }
    }

    /// The picture with this number, or none where the film is over.
    fn picture(&mut self, number: u64) -> Result<Option<Picture>, FilmError> {
        let mut skips = number.saturating_sub(self.passed).min(MOST_SKIPPED);
        self.passed = number + 1;
        // Twice round without a picture is a film that has none any more.
        let mut ends = 0;
        loop {
            let more = if skips > 0 {
                self.reel.skip()?
            } else if let Some(picture) = self.reel.next(&self.pool)? {
                return Ok(Some(picture));
            } else {
                false
            };
            if more {
                skips -= 1;
                ends = 0;
                continue;
            }
            ends += 1;
            if self.after == AfterEnd::Stop || ends > 1 {
                return Ok(None);
            }
            self.reel.rewind()?;
        }
    }
}

impl Film for FileFilm {
    fn mode(&self) -> Mode {
        self.mode
    }

    fn rewind(&mut self, _: Option<Size>) -> Result<(), CaptureError> {
        self.passed = 0;
        self.reel.rewind().map_err(|error| self.failure(&error))
    }

    fn show(&mut self, position: Duration, _: Duration) -> Shown {
        match self.picture(self.mode.frame_rate.within(position)) {
            Ok(Some(picture)) => Shown::Picture(picture),
            Ok(None) => Shown::End,
            // Cameras give a torn picture now and then; and whoever keeps all pictures gets no more.
            Err(FilmError::Torn(_) | FilmError::Picture(sidetone_video::picture::Error::Exhausted)) => {
                Shown::Nothing
            }
            Err(error) => Shown::Failure(self.failure(&error)),
        }
    }
}
