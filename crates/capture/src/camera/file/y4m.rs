//! YUV4MPEG2, the plainest film there is: a line of text, then for each picture a line and its planes. It refuses
//! everything but progressive 4:2:0 with 8 bits, and believes no line.

use std::io::{BufRead, Read, Seek, SeekFrom};

use sidetone_video::picture::{Picture, PlaneMut, Pool, Size};

use super::FilmError;
use crate::pace::FrameRate;

/// Longest line, in bytes: the longest that is in use has a tenth of that.
const LONGEST_LINE: u64 = 1024;

/// What the first line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Size of every picture.
    pub size: Size,
    /// Pictures in a second; `None` where the file does not say, or says what cannot be.
    pub frame_rate: Option<FrameRate>,
}

impl Header {
    /// Reads the line, without its end.
    ///
    /// # Errors
    /// [`FilmError::Syntax`], [`FilmError::Layout`] and [`FilmError::Picture`].
    pub fn parse(line: &[u8]) -> Result<Self, FilmError> {
        let line = std::str::from_utf8(line).map_err(|_| FilmError::Syntax("header"))?;
        let mut words = line.split(' ');
        if words.next() != Some("YUV4MPEG2") {
            return Err(FilmError::Unknown);
        }
        let (mut width, mut height, mut frame_rate) = (None, None, None);
        for word in words {
            let Some(key) = word.chars().next() else {
                continue;
            };
            let value = &word[key.len_utf8()..];
            match key {
                'W' => width = Some(value.parse().map_err(|_| FilmError::Syntax("width"))?),
                'H' => height = Some(value.parse().map_err(|_| FilmError::Syntax("height"))?),
                'F' => frame_rate = rate(value),
                'I' if !matches!(value, "p" | "?") => {
                    return Err(FilmError::Layout("interlaced".to_owned()));
                }
                // Where the chroma samples lie exactly does not matter here.
                'C' if !matches!(value, "420" | "420jpeg" | "420mpeg2" | "420paldv") => {
                    return Err(FilmError::Layout(format!("layout {value:?}")));
                }
                _ => {}
            }
        }
        let (Some(width), Some(height)) = (width, height) else {
            return Err(FilmError::Syntax("header: no size"));
        };
        Ok(Self {
            size: Size::new(width, height)?,
            frame_rate,
        })
    }

    /// Bytes of one picture.
    fn bytes(self) -> u64 {
        let chroma = u64::from(self.size.chroma_width()) * u64::from(self.size.chroma_height());
        u64::from(self.size.pixels()) + 2 * chroma
    }
}

fn rate(value: &str) -> Option<FrameRate> {
    let (numerator, denominator) = value.split_once(':')?;
    FrameRate::new(numerator.parse().ok()?, denominator.parse().ok()?)
}

/// A film that is read as it is shown. A last picture that is not whole counts as the end.
pub struct Y4m<R> {
    reader: R,
    header: Header,
    /// Where the first picture begins.
    start: u64,
    /// Where the file ends.
    end: u64,
}

impl<R: BufRead + Seek> Y4m<R> {
    /// Reads the first line.
    ///
    /// # Errors
    /// [`FilmError`], when it is none.
    pub fn new(mut reader: R) -> Result<Self, FilmError> {
        let end = reader.seek(SeekFrom::End(0))?;
        reader.rewind()?;
        let line = line(&mut reader)?.ok_or(FilmError::Unknown)?;
        let header = Header::parse(&line)?;
        let start = reader.stream_position()?;
        Ok(Self {
            reader,
            header,
            start,
            end,
        })
    }

    /// What the first line says.
    pub fn header(&self) -> Header {
        self.header
    }

    /// Back to the first picture.
    ///
    /// # Errors
    /// [`FilmError::Io`].
    pub fn rewind(&mut self) -> Result<(), FilmError> {
        self.reader.seek(SeekFrom::Start(self.start))?;
        Ok(())
    }

    /// Passes over a picture; `false` at the end.
    ///
    /// # Errors
    /// [`FilmError::Syntax`] and [`FilmError::Io`].
    pub fn skip(&mut self) -> Result<bool, FilmError> {
        if !self.frame()? {
            return Ok(false);
        }
        // A picture is far smaller than 2^63 bytes.
        self.reader.seek_relative(self.header.bytes() as i64)?;
        Ok(true)
    }

    /// The next picture; `None` at the end.
    ///
    /// # Errors
    /// [`FilmError::Syntax`], [`FilmError::Io`], and [`FilmError::Picture`] when the pool has none.
    pub fn next(&mut self, pool: &Pool) -> Result<Option<Picture>, FilmError> {
        // Before anything is read: what is not read now can be read later.
        let mut picture = pool.take(self.header.size)?;
        if !self.frame()? {
            return Ok(None);
        }
        let planes = picture
            .planes_mut()
            .ok_or(sidetone_video::picture::Error::Shared)?;
        for mut plane in planes {
            self.read(&mut plane)?;
        }
        Ok(Some(picture))
    }

    /// Reads the line before a picture; `false` when no whole picture follows.
    fn frame(&mut self) -> Result<bool, FilmError> {
        let Some(line) = line(&mut self.reader)? else {
            return Ok(false);
        };
        if line != b"FRAME" && !line.starts_with(b"FRAME ") {
            return Err(FilmError::Syntax("frame header"));
        }
        let left = self.end.saturating_sub(self.reader.stream_position()?);
        Ok(left >= self.header.bytes())
    }

    fn read(&mut self, plane: &mut PlaneMut<'_>) -> Result<(), FilmError> {
        for row in plane.rows_mut() {
            self.reader.read_exact(row)?;
        }
        Ok(())
    }
}

/// The next line without its end; `None` at the end of the file, and where it ends within the line.
fn line(reader: &mut impl BufRead) -> Result<Option<Vec<u8>>, FilmError> {
    let mut line = Vec::new();
    reader.take(LONGEST_LINE).read_until(b'\n', &mut line)?;
    match line.pop() {
        Some(b'\n') => Ok(Some(line)),
        _ if line.len() as u64 + 1 >= LONGEST_LINE => Err(FilmError::Syntax("line: too long")),
        _ => Ok(None),
    }
}
