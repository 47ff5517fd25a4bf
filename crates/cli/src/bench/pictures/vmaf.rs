//! VMAF, as a foreign program measures it: an ffmpeg that was built with libvmaf. No other part of the benchmark needs one.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::Value;
use sidetone_media::pictures::{Picture, Size};
use tempfile::TempDir;

/// Where the program leaves its scores.
const LOG: &str = "scores.json";

/// A program that can measure.
pub struct Judge {
    program: PathBuf,
}

impl Judge {
    /// `program`, or the one of the path.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub fn find(program: Option<&Path>) -> Result<Self, String> {
        let program = program.unwrap_or(Path::new("ffmpeg"));
        let asked = Command::new(program)
            .args(["-hide_banner", "-loglevel", "error", "-filters"])
            .stdin(Stdio::null())
            .output();
        match asked {
            Err(error) => Err(format!("{}: {error}", program.display())),
            Ok(said) if String::from_utf8_lossy(&said.stdout).contains(" libvmaf ") => Ok(Self {
                program: program.to_owned(),
            }),
            Ok(_) => Err(format!("{} was built without libvmaf", program.display())),
        }
    }

    /// Begins to compare pictures of that size.
    ///
    /// # Errors
    /// When the program does not start.
    pub fn begin(&self, size: Size) -> io::Result<Sitting> {
        let place = TempDir::new()?;
        let (width, height) = (size.width(), size.height());
        if !height.is_multiple_of(2) {
            return Err(io::Error::other("an odd number of rows cannot be compared"));
        }
        // Both come in one picture, what was seen below what was sent.
        let graph = format!(
            "[0]split[a][b];[a]crop={width}:{height}:0:0[sent];[b]crop={width}:{height}:0:{height}[seen];\
             [seen][sent]libvmaf=log_fmt=json:log_path={LOG}"
        );
        let mut program = Command::new(&self.program)
            .args(["-hide_banner", "-loglevel", "error", "-f", "rawvideo"])
            .args(["-pixel_format", "yuv420p", "-framerate", "25"])
            .args(["-video_size", &format!("{width}x{}", height * 2), "-i", "pipe:0"])
            .args(["-lavfi", &graph, "-f", "null", "-"])
            .current_dir(&place)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let pictures = program
            .stdin
            .take()
            .ok_or_else(|| io::Error::other("no way in"))?;
        Ok(Sitting {
            program: Running(program),
            pictures: BufWriter::new(pictures),
            place,
        })
    }
}

/// Ended with whoever waits for it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Pictures on their way to being compared.
pub struct Sitting {
    program: Running,
    pictures: BufWriter<ChildStdin>,
    place: TempDir,
}

impl Sitting {
    /// Compares what was seen with what was sent; both are of the size that was begun with.
    ///
    /// # Errors
    /// When the program is gone.
    pub fn compare(&mut self, sent: &Picture, seen: &Picture) -> io::Result<()> {
        for (sent, seen) in sent.planes().iter().zip(seen.planes()) {
            for plane in [sent, &seen] {
                for row in plane.data.chunks(plane.stride).take(plane.height) {
                    self.pictures.write_all(&row[..plane.width])?;
                }
            }
        }
        Ok(())
    }

    /// The score of each pair, 0 to 100.
    ///
    /// # Errors
    /// When the program failed, or left no scores.
    pub fn scores(self) -> io::Result<Vec<f64>> {
        let Self {
            mut program,
            pictures,
            place,
        } = self;
        drop(pictures.into_inner().map_err(io::IntoInnerError::into_error)?);
        let status = program.0.wait()?;
        if !status.success() {
            return Err(io::Error::other(format!("the program ended with {status}")));
        }
        let log: Value = serde_json::from_slice(&std::fs::read(place.path().join(LOG))?)?;
        let frames = log["frames"].as_array().map(Vec::as_slice).unwrap_or_default();
        let scores = frames.iter().map(|frame| frame["metrics"]["vmaf"].as_f64());
        scores
            .collect::<Option<Vec<f64>>>()
            .ok_or_else(|| io::Error::other("there are no scores"))
    }
}
