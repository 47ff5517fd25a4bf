//! Pictures as cameras give them: compressed each by itself, or raw. For the machine's cameras, and for apps that have
//! pictures of their own.

use sidetone_video::colour::{Image, PixelFormat};
use sidetone_video::picture::{Picture, Pool, Size};

use super::file::FilmError;
use super::file::decode_jpeg;

/// How the bytes of a picture are to be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RawFormat {
    /// One JPEG picture (ITU-T T.81).
    Jpeg,
    /// Pixels, row by row.
    Pixels(PixelFormat),
}

impl RawFormat {
    /// The one that V4L2, DirectShow and AVFoundation call by these four letters.
    pub fn of_fourcc(code: [u8; 4]) -> Option<Self> {
        Some(match &code {
            b"MJPG" | b"JPEG" => Self::Jpeg,
            b"YUYV" | b"YUY2" => Self::Pixels(PixelFormat::Yuyv),
            b"NV12" => Self::Pixels(PixelFormat::Nv12),
            b"YU12" | b"I420" => Self::Pixels(PixelFormat::I420),
            _ => return None,
        })
    }
}

/// Makes pictures of what a camera gives.
#[derive(Debug)]
pub struct Developer {
    pool: Pool,
    pixels: Vec<u8>,
}

impl Developer {
    /// One that has at most `pictures` in use at a time.
    pub fn new(pictures: usize) -> Self {
        Self {
            pool: Pool::new(pictures),
            pixels: Vec::new(),
        }
    }

    /// Makes a picture of `bytes`. `size` is that of raw pixels, whose rows are `stride` bytes apart; JPEG pictures say
    /// theirs themselves.
    ///
    /// # Errors
    /// [`FilmError::Torn`] for a JPEG picture that does not decode, [`FilmError::Picture`] for too few bytes, and when all
    /// pictures are in use.
    pub fn develop(
        &mut self,
        format: RawFormat,
        size: Size,
        stride: usize,
        bytes: &[u8],
    ) -> Result<Picture, FilmError> {
        match format {
            RawFormat::Jpeg => decode_jpeg(bytes, &mut self.pixels, &self.pool),
            RawFormat::Pixels(format) => {
                let image = Image::new(format, size, bytes, stride)?;
                let mut picture = self.pool.take(size)?;
                image.write_to(&mut picture)?;
                Ok(picture)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pixels_become_a_picture() {
        let size = Size::new(4, 2).unwrap();
        let mut developer = Developer::new(2);
        let yuyv = RawFormat::of_fourcc(*b"YUYV").unwrap();
        let picture = developer
            .develop(yuyv, size, 8, &[50, 90, 60, 200].repeat(4))
            .unwrap();
        assert_eq!(picture.y().row(1), [50, 60, 50, 60]);
        assert_eq!(
            (picture.u().row(0), picture.v().row(0)),
            (&[90, 90][..], &[200, 200][..])
        );
        let i420 = RawFormat::of_fourcc(*b"YU12").unwrap();
        let picture = developer
            .develop(i420, size, 4, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
            .unwrap();
        assert_eq!(picture.v().row(0), [11, 12]);
        assert!(matches!(
            developer.develop(i420, size, 4, &[0; 11]),
            Err(FilmError::Picture(_))
        ));
        assert!(matches!(
            developer.develop(RawFormat::Jpeg, size, 0, b"\xFF\xD8"),
            Err(FilmError::Torn(_))
        ));
        assert_eq!(RawFormat::of_fourcc(*b"H264"), None);
    }

    proptest! {
        #[test]
        fn nothing_a_camera_gives_is_trusted(
            bytes in prop::collection::vec(any::<u8>(), 0..600), width in 1u32..20, height in 1u32..20, stride in 0usize..90,
            code in prop::sample::select(vec![*b"MJPG", *b"YUYV", *b"NV12", *b"YU12"])
        ) {
            let format = RawFormat::of_fourcc(code).unwrap();
            let size = Size::new(width, height).unwrap();
            if let Ok(picture) = Developer::new(1).develop(format, size, stride, &bytes) {
                prop_assert!(format == RawFormat::Jpeg || picture.size() == size);
            }
        }
    }
}
