//! What others show, as a YUV4MPEG2 film that runs in real time: each frame is what was to be seen at its time, repeated
//! while nothing new came. Written on a thread of its own, so that the decoder never waits for a disk.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use sidetone::capture::PictureSink;
use sidetone::media::pictures::coding::Pool;
use sidetone::media::pictures::coding::scale::Scaler;
use sidetone::media::pictures::{Picture, Size};

use crate::exit::{Exit, Failure};

/// Pictures that may wait for the disk: half of those that the decoder has.
const QUEUE: usize = 4;

/// Frames of a film in a second.
const RATE: u32 = 30;

/// Size of a film where none was asked for.
pub const SIZE: Size = Size::P720;

/// Where nothing comes for so long, what stands still is written up to now: not all at once at the end.
const PATIENCE: Duration = Duration::from_millis(500);

/// A film for each call: `seen.y4m`, `seen-2.y4m`, …
pub struct FilmFile {
    path: PathBuf,
    size: Size,
    calls: u32,
    /// Made ahead, so that a path that cannot be written is known before a call is.
    next: Option<File>,
    failure: Option<Failure>,
}

impl FilmFile {
    /// The first, still empty. All are of that size; pictures of another shape are framed in black.
    ///
    /// # Errors
    /// [`Exit::Resource`] when it cannot be created.
    pub fn create(path: &Path, size: Size) -> Result<Self, Failure> {
        Ok(Self {
            path: path.into(),
            size,
            calls: 0,
            next: Some(File::create(path).map_err(|error| failure(path, &error))?),
            failure: None,
        })
    }

    /// The film of the next call. It begins now, with black.
    ///
    /// # Errors
    /// [`io::Error`] when it cannot be created, or there is no thread for it.
    pub fn begin(&mut self) -> io::Result<Film> {
        self.calls += 1;
        match self.next.take() {
            Some(file) => Film::start(self.path.clone(), self.size, file),
            None => {
                let stem = self.path.file_stem().unwrap_or_default().to_string_lossy();
                let path = self.path.with_file_name(format!("{stem}-{}.y4m", self.calls));
                let file = File::create(&path)?;
                Film::start(path, self.size, file)
            }
        }
    }

    /// Remembers why a film is not complete, and gives it in words.
    pub fn failed(&mut self, error: &io::Error) -> String {
        let failure = failure(&self.path, error);
        let words = failure.message.clone();
        self.failure.get_or_insert(failure);
        words
    }

    /// To be called after the last call.
    ///
    /// # Errors
    /// [`Exit::Resource`] with the first thing that went wrong.
    pub fn finish(self) -> Result<(), Failure> {
        self.failure.map_or(Ok(()), Err)
    }
}

fn failure(path: &Path, error: &io::Error) -> Failure {
    let words = format!("{}: the pictures cannot be written: {error}", path.display());
    Failure::new(Exit::Resource, words)
}

/// What a film has become.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Frames in it.
    pub frames: u64,
    /// How long it runs.
    pub length: Duration,
    /// Pictures that came and are in it.
    pub pictures: u64,
    /// Pictures that found no room in the queue, since the disk was too slow.
    pub dropped: u64,
}

/// What is to be seen from some moment on.
enum Scene {
    Picture(Picture),
    Black,
    End,
}

/// A film that is being written.
pub struct Film {
    /// Its file.
    pub path: PathBuf,
    /// Its size.
    pub size: Size,
    queue: SyncSender<(Instant, Scene)>,
    dropped: Arc<AtomicU64>,
    thread: JoinHandle<io::Result<Written>>,
}

impl Film {
    fn start(path: PathBuf, size: Size, file: File) -> io::Result<Self> {
        let (queue, scenes) = sync_channel(QUEUE);
        let start = Instant::now();
        let thread = thread::Builder::new().name("film".into()).spawn(move || {
            let mut reel = Reel::new(BufWriter::new(file), size)?;
            reel.follow(&scenes, start)
        })?;
        Ok(Self {
            path,
            size,
            queue,
            dropped: Arc::default(),
            thread,
        })
    }

    /// What takes its pictures, each at the moment in which it is to be seen.
    pub fn sink(&self) -> Arc<dyn PictureSink> {
        let (queue, dropped) = (self.queue.clone(), self.dropped.clone());
        Arc::new(move |picture: Picture| {
            // After its end, and where it cannot be written, nobody takes any more.
            let scene = (Instant::now(), Scene::Picture(picture));
            if let Err(TrySendError::Full(_)) = queue.try_send(scene) {
                dropped.fetch_add(1, Ordering::Relaxed);
            }
        })
    }

    /// Nothing is to be seen from now on, until a picture comes.
    pub fn black(&self) {
        // Where nobody takes it, the thread is at its end already.
        let _ = self.queue.send((Instant::now(), Scene::Black));
    }

    /// Completes it, up to now. What comes later is not in it.
    ///
    /// # Errors
    /// [`io::Error`] when it could not be written.
    pub fn finish(self) -> io::Result<Written> {
        let _ = self.queue.send((Instant::now(), Scene::End));
        let written = self.thread.join();
        let written = written.map_err(|_| io::Error::other("the writing thread failed"))??;
        Ok(Written {
            dropped: self.dropped.load(Ordering::Relaxed),
            ..written
        })
    }
}

/// Frames one after the other, and the one that is to be seen now.
struct Reel<W> {
    file: W,
    size: Size,
    /// As it stands in the file.
    frame: Vec<u8>,
    /// Whether it is of a picture that is in no frame yet.
    fresh: bool,
    written: Written,
    scaler: Scaler,
    pool: Pool,
}

impl<W: Write> Reel<W> {
    fn new(mut file: W, size: Size) -> io::Result<Self> {
        let (width, height) = (size.width(), size.height());
        writeln!(file, "YUV4MPEG2 W{width} H{height} F{RATE}:1 Ip A1:1 C420mpeg2")?;
        let mut reel = Self {
            file,
            size,
            frame: Vec::new(),
            fresh: false,
            written: Written::default(),
            scaler: Scaler::new(),
            // One that is scaled, and one in which it is framed.
            pool: Pool::new(2),
        };
        reel.keep(&Picture::black(size));
        Ok(reel)
    }

    /// Writes what comes, to its end.
    fn follow(&mut self, scenes: &Receiver<(Instant, Scene)>, start: Instant) -> io::Result<Written> {
        loop {
            let (at, scene) = match scenes.recv_timeout(PATIENCE) {
                Ok(next) => next,
                Err(RecvTimeoutError::Timeout) => {
                    self.run_to(start.elapsed())?;
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => (Instant::now(), Scene::End),
            };
            self.run_to(at.saturating_duration_since(start))?;
            match scene {
                Scene::Picture(picture) => self.show(&picture)?,
                Scene::Black => self.keep(&Picture::black(self.size)),
                Scene::End => {
                    self.file.flush()?;
                    return Ok(std::mem::take(&mut self.written));
                }
            }
        }
    }

    /// What was to be seen up to then is in the film: every frame that began before.
    fn run_to(&mut self, time: Duration) -> io::Result<()> {
        let due = time.as_nanos() * u128::from(RATE);
        while u128::from(self.written.frames) * 1_000_000_000 < due {
            self.file.write_all(b"FRAME\n")?;
            self.file.write_all(&self.frame)?;
            self.written.frames += 1;
            self.written.pictures += u64::from(std::mem::take(&mut self.fresh));
        }
        self.written.length = Duration::from_secs(self.written.frames) / RATE;
        Ok(())
    }

    /// That is to be seen from now on.
    fn show(&mut self, picture: &Picture) -> io::Result<()> {
        let fitted = self.scaler.fitted(picture, self.size, &self.pool);
        self.keep(&fitted.map_err(io::Error::other)?);
        self.fresh = true;
        Ok(())
    }

    fn keep(&mut self, picture: &Picture) {
        self.frame.clear();
        self.fresh = false;
        for plane in picture.planes() {
            plane.rows().for_each(|row| self.frame.extend_from_slice(row));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;
    use sidetone::capture::camera::file::Y4m;

    use super::*;

    fn grey(size: Size, shade: u8) -> Picture {
        let mut picture = Picture::black(size);
        assert!(picture.fill([shade, 128, 128]));
        picture
    }

    /// The luma in the middle of each frame, and in its upper left corner.
    fn shades(file: &[u8]) -> Vec<(u8, u8)> {
        let mut film = Y4m::new(Cursor::new(file)).unwrap();
        let (pool, size) = (Pool::new(1), film.header().size);
        let at = |picture: &Picture, x, y| picture.y().row(y)[x];
        let shades = std::iter::from_fn(|| film.next(&pool).unwrap()).map(|picture| {
            assert_eq!(picture.size(), size);
            let (x, y) = (size.width() as usize / 2, size.height() as usize / 2);
            (at(&picture, x, y), at(&picture, 0, 0))
        });
        shades.collect()
    }

    #[test]
    fn pictures_are_framed_and_stand_as_long_as_they_were_seen() {
        let start = Instant::now();
        let (queue, scenes) = sync_channel(8);
        let at = |millis| start + Duration::from_millis(millis);
        for scene in [
            (at(100), Scene::Picture(grey(Size::P360, 90))),
            // Nobody sees it: the next comes before the frame does.
            (at(201), Scene::Picture(grey(Size::P360, 240))),
            (at(202), Scene::Picture(grey(Size::new(20, 90).unwrap(), 200))),
            (at(300), Scene::Black),
            (at(400), Scene::End),
        ] {
            queue.send(scene).unwrap();
        }
        let mut file = Vec::new();
        let mut reel = Reel::new(&mut file, Size::P180).unwrap();
        let written = reel.follow(&scenes, start).unwrap();
        let expected = Written {
            frames: 12,
            length: at(400) - start,
            pictures: 2,
            dropped: 0,
        };
        assert_eq!(written, expected);
        let shades = shades(&file);
        let runs: Vec<_> = shades
            .chunk_by(|a, b| a == b)
            .map(|run| (run[0], run.len()))
            .collect();
        // An upright picture has black beside it.
        assert_eq!(
            runs,
            [((16, 16), 3), ((90, 90), 4), ((200, 16), 2), ((16, 16), 3)]
        );
    }

    proptest! {
        /// However pictures come: the film is as long as the time that passed, to a frame, and shows each second what was to
        /// be seen then.
        #[test]
        fn a_film_runs_in_real_time(gaps in prop::collection::vec(0u64..400, 0..40)) {
            let mut file = Vec::new();
            let size = Size::new(16, 16).unwrap();
            let mut reel = Reel::new(&mut file, size).unwrap();
            let mut now = Duration::ZERO;
            let mut seen = vec![(now, 16)];
            for (index, gap) in gaps.iter().enumerate() {
                now += Duration::from_millis(*gap);
                let shade = 20 + index as u8;
                reel.run_to(now).unwrap();
                reel.show(&grey(size, shade)).unwrap();
                seen.push((now, shade));
            }
            now += Duration::from_millis(40);
            reel.run_to(now).unwrap();
            let off = reel.written.length.abs_diff(now);
            prop_assert!(off <= Duration::from_secs(1) / RATE, "{off:?}");
            for (frame, (shade, _)) in shades(&file).into_iter().enumerate() {
                let time = Duration::from_secs(frame as u64) / RATE;
                let newest = seen.iter().rev().find(|(at, _)| *at <= time).unwrap();
                prop_assert_eq!(shade, newest.1, "frame {}", frame);
            }
        }
    }

    #[test]
    fn each_call_has_its_own_film_and_what_finds_no_room_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seen.y4m");
        let mut file = FilmFile::create(&path, Size::P180).unwrap();
        for name in ["seen.y4m", "seen-2.y4m"] {
            let film = file.begin().unwrap();
            let sink = film.sink();
            for _ in 0..200 {
                sink.take(Picture::black(Size::P180));
            }
            std::thread::sleep(Duration::from_millis(100));
            let written = film.finish().unwrap();
            assert!(
                written.pictures > 0 && written.pictures + written.dropped <= 200,
                "{written:?}"
            );
            // Nobody takes it any more.
            sink.take(Picture::black(Size::P180));
            assert!(folder.path().join(name).exists());
        }
        file.finish().unwrap();
        assert!(FilmFile::create(&folder.path().join("missing/seen.y4m"), SIZE).is_err());
    }

    #[test]
    fn a_full_disk_is_a_failure_at_the_end() {
        let path = Path::new("/dev/full");
        let mut file = FilmFile::create(path, SIZE).unwrap();
        let film = file.begin().unwrap();
        film.sink().take(Picture::black(Size::P360));
        std::thread::sleep(Duration::from_millis(50));
        let error = film.finish().unwrap_err();
        file.failed(&error);
        assert_eq!(file.finish().unwrap_err().exit, Exit::Resource);
    }
}
