//! JPEG pictures (ITU-T T.81) one behind the other, as many cameras give them. It refuses containers.

use std::ops::Range;

use sidetone_video::colour::{Image, PixelFormat};
use sidetone_video::picture::{MAX_SIDE, Picture, Pool, Size};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::FilmError;

/// Most pictures in a film: more than an hour of them.
const MOST_PICTURES: usize = 1 << 18;

/// Bytes that a JPEG picture has at the very least: its tables and frame header.
const SMALLEST: usize = 64;

/// Most scans of a progressive picture. Each costs as much as a whole picture, however few bytes it has.
const MOST_SCANS: usize = 32;

/// Where in `bytes` whole pictures are. What lies between them is passed over.
pub fn pictures(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = find_start(bytes, at)
        && found.len() < MOST_PICTURES
    {
        match end_of_picture(bytes, start) {
            Some(end) => {
                if end - start >= SMALLEST {
                    found.push(start..end);
                }
                at = end;
            }
            None => at = start + 2,
        }
    }
    found
}

/// Start of image.
fn find_start(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    rest.windows(2)
        .position(|pair| pair == [0xFF, 0xD8])
        .map(|at| from + at)
}

/// Follows the markers of the picture that starts at `start` to its end.
fn end_of_picture(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 2;
    loop {
        // Every marker may have any number of fill bytes before it.
        while bytes.get(at..at + 2)? == [0xFF, 0xFF] {
            at += 1;
        }
        let [0xFF, marker] = *bytes.get(at..at + 2)? else {
            return None;
        };
        at += 2;
        match marker {
            0xD9 => return Some(at),
            // Standalone.
            0x01 | 0xD0..=0xD7 => {}
            // Another picture begins: this one has no end.
            0x00 | 0xD8 => return None,
            _ => {
                let [high, low] = *bytes.get(at..at + 2)? else {
                    return None;
                };
                let length = usize::from(u16::from_be_bytes([high, low]));
                if length < 2 {
                    return None;
                }
                at += length;
                if marker == 0xDA {
                    at = end_of_scan(bytes, at)?;
                }
            }
        }
    }
}

/// The first marker after entropy-coded data, in which 0xFF is followed by zero, or by a restart marker.
fn end_of_scan(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let marker = rest
        .windows(2)
        .position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xD0..=0xD7));
    marker.map(|at| from + at)
}

/// A film that is in memory.
pub struct Mjpeg {
    bytes: Vec<u8>,
    pictures: Vec<Range<usize>>,
    next: usize,
    size: Size,
    /// Pixels of the picture that is decoded.
    pixels: Vec<u8>,
}

impl Mjpeg {
    /// Finds the pictures in `bytes`.
    ///
    /// # Errors
    /// [`FilmError::Empty`] when there is none, and what is wrong with the first one.
    pub fn new(bytes: Vec<u8>) -> Result<Self, FilmError> {
        let pictures = pictures(&bytes);
        let first = pictures.first().ok_or(FilmError::Empty)?;
        let size = size(&mut decoder(&bytes[first.clone()]))?;
        Ok(Self {
            bytes,
            pictures,
            next: 0,
            size,
            pixels: Vec::new(),
        })
    }

    /// Size of the first picture; others may have others.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Pictures there are.
    pub fn len(&self) -> usize {
        self.pictures.len()
    }

    /// Whether there is none: never.
    pub fn is_empty(&self) -> bool {
        self.pictures.is_empty()
    }

    /// Back to the first picture.
    pub fn rewind(&mut self) {
        self.next = 0;
    }

    /// Passes over a picture; `false` at the end.
    pub fn skip(&mut self) -> bool {
        let more = self.next < self.pictures.len();
        self.next += usize::from(more);
        more
    }

    /// The next picture; `None` at the end.
    ///
    /// # Errors
    /// [`FilmError::Torn`] for one that does not decode, [`FilmError::Picture`] when the pool has none. The one after it
    /// comes next.
    pub fn next(&mut self, pool: &Pool) -> Result<Option<Picture>, FilmError> {
        let Some(range) = self.pictures.get(self.next).cloned() else {
            return Ok(None);
        };
        self.next += 1;
        decode(&self.bytes[range], &mut self.pixels, pool).map(Some)
    }
}

fn decoder(jpeg: &[u8]) -> JpegDecoder<ZCursor<&[u8]>> {
    let options = DecoderOptions::default()
        .set_max_width(MAX_SIDE as usize)
        .set_max_height(MAX_SIDE as usize)
        .jpeg_set_max_scans(MOST_SCANS)
        .jpeg_set_out_colorspace(ColorSpace::RGBA);
    JpegDecoder::new_with_options(ZCursor::new(jpeg), options)
}

/// Reads as far as the size.
fn size(decoder: &mut JpegDecoder<ZCursor<&[u8]>>) -> Result<Size, FilmError> {
    decoder
        .decode_headers()
        .map_err(|error| FilmError::Torn(format!("{error:?}")))?;
    let (width, height) = decoder.dimensions().ok_or(FilmError::Syntax("JPEG header"))?;
    let side = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    Ok(Size::new(side(width), side(height))?)
}

/// Decodes one picture. `pixels` is memory to work in.
pub(crate) fn decode(jpeg: &[u8], pixels: &mut Vec<u8>, pool: &Pool) -> Result<Picture, FilmError> {
    let mut decoder = decoder(jpeg);
    let size = size(&mut decoder)?;
    let mut picture = pool.take(size)?;
    let stride = size.width() as usize * 4;
    pixels.resize(stride * size.height() as usize, 0);
    decoder
        .decode_into(pixels)
        .map_err(|error| FilmError::Torn(format!("{error:?}")))?;
    Image::new(PixelFormat::Rgba, size, pixels, stride)?.write_to(&mut picture)?;
    Ok(picture)
}
