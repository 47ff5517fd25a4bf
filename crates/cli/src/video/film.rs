//! What others show, as a YUV4MPEG2 film: written on a thread of its own, so that the decoder never waits for a disk.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use sidetone::capture::PictureSink;
use sidetone::media::pictures::coding::Pool;
use sidetone::media::pictures::coding::scale::Scaler;
use sidetone::media::pictures::{Picture, Size};

use crate::exit::{Exit, Failure};

/// Pictures that may wait for the disk: half of those that the decoder has.
const QUEUE: usize = 4;
/// What the file names as its rate. Pictures come as they come.
const RATE: u32 = 30;

/// A film for each call: `seen.y4m`, `seen-2.y4m`, …
pub struct FilmFile {
    path: PathBuf,
    calls: u32,
    /// Made ahead, so that a path that cannot be written is known before a call is.
    next: Option<File>,
    failure: Option<Failure>,
}

impl FilmFile {
    /// The first, still empty.
    ///
    /// # Errors
    /// [`Exit::Resource`] when it cannot be created.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        Ok(Self {
            path: path.into(),
            calls: 0,
            next: Some(File::create(path).map_err(|error| failure(path, &error))?),
            failure: None,
        })
    }

    /// The film of the next call.
    ///
    /// # Errors
    /// [`io::Error`] when it cannot be created, or there is no thread for it.
    pub fn begin(&mut self) -> io::Result<Film> {
        self.calls += 1;
        match self.next.take() {
            Some(file) => Film::start(self.path.clone(), file),
            None => {
                let stem = self.path.file_stem().unwrap_or_default().to_string_lossy();
                let path = self.path.with_file_name(format!("{stem}-{}.y4m", self.calls));
                let file = File::create(&path)?;
                Film::start(path, file)
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
    /// Its size; that of its first picture.
    pub size: Option<Size>,
    /// Pictures in it.
    pub pictures: u64,
    /// Pictures that found no room in the queue, since the disk was too slow.
    pub dropped: u64,
}

/// A film that is being written.
pub struct Film {
    /// Its file.
    pub path: PathBuf,
    queue: SyncSender<Option<Picture>>,
    dropped: Arc<AtomicU64>,
    thread: JoinHandle<io::Result<Written>>,
}

impl Film {
    fn start(path: PathBuf, file: File) -> io::Result<Self> {
        let (queue, pictures) = sync_channel(QUEUE);
        let thread = thread::Builder::new()
            .name("film".into())
            .spawn(move || write(&pictures, BufWriter::new(file)))?;
        Ok(Self {
            path,
            queue,
            dropped: Arc::default(),
            thread,
        })
    }

    /// What takes its pictures.
    pub fn sink(&self) -> Arc<dyn PictureSink> {
        let (queue, dropped) = (self.queue.clone(), self.dropped.clone());
        Arc::new(move |picture: Picture| {
            // After its end, and where it cannot be written, nobody takes any more.
            if let Err(TrySendError::Full(_)) = queue.try_send(Some(picture)) {
                dropped.fetch_add(1, Ordering::Relaxed);
            }
        })
    }

    /// Completes it. What comes later is not in it.
    ///
    /// # Errors
    /// [`io::Error`] when it could not be written.
    pub fn finish(self) -> io::Result<Written> {
        // Where nobody takes it, the thread is at its end already.
        let _ = self.queue.send(None);
        let written = self.thread.join();
        let written = written.map_err(|_| io::Error::other("the writing thread failed"))??;
        Ok(Written {
            dropped: self.dropped.load(Ordering::Relaxed),
            ..written
        })
    }
}

fn write(pictures: &Receiver<Option<Picture>>, mut file: impl Write) -> io::Result<Written> {
    let (mut scaler, pool) = (Scaler::new(), Pool::new(1));
    let mut written = Written::default();
    while let Ok(Some(picture)) = pictures.recv() {
        let size = match written.size {
            Some(size) => size,
            None => {
                let size = picture.size();
                let (width, height) = (size.width(), size.height());
                writeln!(file, "YUV4MPEG2 W{width} H{height} F{RATE}:1 Ip A1:1 C420mpeg2")?;
                *written.size.insert(size)
            }
        };
        let picture = scaler.scaled(&picture, size, &pool).map_err(io::Error::other)?;
        file.write_all(b"FRAME\n")?;
        for plane in picture.planes() {
            plane.rows().try_for_each(|row| file.write_all(row))?;
        }
        written.pictures += 1;
    }
    file.flush()?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use sidetone::capture::camera::file::Y4m;

    use super::*;

    #[test]
    fn pictures_of_other_sizes_are_scaled_to_the_first() {
        let (queue, pictures) = sync_channel(8);
        let grey = |size, shade| {
            let mut picture = Picture::black(size);
            assert!(picture.fill([shade, 128, 128]));
            picture
        };
        let odd = Size::new(97, 55).unwrap();
        for picture in [
            grey(odd, 40),
            grey(Size::P360, 90),
            grey(Size::new(2, 2).unwrap(), 200),
        ] {
            queue.send(Some(picture)).unwrap();
        }
        queue.send(None).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        let written = write(&pictures, file.reopen().unwrap()).unwrap();
        assert_eq!((written.size, written.pictures), (Some(odd), 3));
        let mut film = Y4m::new(BufReader::new(file.reopen().unwrap())).unwrap();
        assert_eq!(film.header().size, odd);
        let pool = Pool::new(1);
        for shade in [40, 90, 200] {
            let picture = film.next(&pool).unwrap().unwrap();
            assert!(picture.y().rows().flatten().all(|&luma| luma == shade));
        }
        assert!(film.next(&pool).unwrap().is_none());
    }

    #[test]
    fn each_call_has_its_own_film_and_what_finds_no_room_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seen.y4m");
        let mut file = FilmFile::create(&path).unwrap();
        for name in ["seen.y4m", "seen-2.y4m"] {
            let film = file.begin().unwrap();
            let sink = film.sink();
            for _ in 0..200 {
                sink.take(Picture::black(Size::P180));
            }
            let written = film.finish().unwrap();
            assert_eq!(written.pictures + written.dropped, 200, "{written:?}");
            assert!(written.pictures > 0);
            // Nobody takes it any more.
            sink.take(Picture::black(Size::P180));
            assert!(folder.path().join(name).exists());
        }
        file.finish().unwrap();
        assert!(FilmFile::create(&folder.path().join("missing/seen.y4m")).is_err());
    }

    #[test]
    fn a_full_disk_is_a_failure_at_the_end() {
        let path = Path::new("/dev/full");
        let mut file = FilmFile::create(path).unwrap();
        let film = file.begin().unwrap();
        film.sink().take(Picture::black(Size::P360));
        let error = film.finish().unwrap_err();
        file.failed(&error);
        assert_eq!(file.finish().unwrap_err().exit, Exit::Resource);
    }
}
