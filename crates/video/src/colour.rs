//! Raw images of cameras, screens and windows (packed pixels, other planar orders) to pictures and back. It refuses
//! to know who gave the image and who shows it; what a picture's samples mean is said by the picture.

use crate::picture::{ColourSpace, Error, Matrix, Picture, Plane, PlaneMut, Range, Rect, Size};
use yuv::{
    BufferStoreMut, YuvConversionMode, YuvError, YuvPlanarImage, YuvPlanarImageMut, YuvRange,
    YuvStandardMatrix,
};

/// How the bytes of a raw image are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// Four bytes a pixel: blue, green, red, one that is not looked at.
    Bgra,
    /// Four bytes a pixel: red, green, blue, one that is not looked at.
    Rgba,
    /// Two bytes a pixel: Y, U, Y, V for each pair; an odd last pixel brings a whole pair along.
    Yuyv,
    /// A plane of Y, then one of U and V in turns, half as high; rows of both are one stride apart.
    Nv12,
    /// Planes of Y, U and V one behind the other; rows of U and V are half a stride apart, rounded up.
    I420,
}

impl PixelFormat {
    /// Bytes of one row of the first plane.
    pub fn row_bytes(self, width: u32) -> usize {
        let width = width as usize;
        match self {
            Self::Bgra | Self::Rgba => width * 4,
            Self::Yuyv => width.next_multiple_of(2) * 2,
            Self::Nv12 => width.next_multiple_of(2),
            Self::I420 => width,
        }
    }

    /// Bytes of an image of `size` whose rows are `stride` bytes apart; what follows the very last row is not
    /// counted.
    pub fn bytes(self, size: Size, stride: usize) -> usize {
        let (rows, chroma_rows) = (size.height() as usize, size.chroma_height() as usize);
        match self {
            Self::Bgra | Self::Rgba | Self::Yuyv => stride * (rows - 1) + self.row_bytes(size.width()),
            Self::Nv12 => stride * (rows + chroma_rows - 1) + self.row_bytes(size.width()),
            Self::I420 => {
                stride * rows + stride.div_ceil(2) * (2 * chroma_rows - 1) + size.chroma_width() as usize
            }
        }
    }
}

/// A raw image, borrowed from whoever made it.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    format: PixelFormat,
    size: Size,
    data: &'a [u8],
    stride: usize,
}

impl<'a> Image<'a> {
    /// An image of `size` in `data`, its rows `stride` bytes apart.
    ///
    /// # Errors
    /// [`Error::Stride`], [`Error::Buffer`].
    pub fn new(format: PixelFormat, size: Size, data: &'a [u8], stride: usize) -> Result<Self, Error> {
        check(format, size, data.len(), stride)?;
        Ok(Self {
            format,
            size,
            data,
            stride,
        })
    }

    /// Width and height.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Order of the bytes.
    pub fn format(&self) -> PixelFormat {
        self.format
    }

    /// Writes the image into `picture`, which is of the same size. Red, green and blue become what the picture's
    /// [`ColourSpace`] says; luma and chroma are taken as they are.
    ///
    /// # Errors
    /// [`Error::OtherSize`], [`Error::Shared`].
    pub fn write_to(&self, picture: &mut Picture) -> Result<(), Error> {
        self.write_part(self.size.rect(), picture)
    }

    /// Writes only the pixels of `rect` (a damaged part of the screen) into a picture that holds the rest
    /// already. The rectangle is widened to whole chroma samples.
    ///
    /// # Errors
    /// [`Error::OtherSize`], [`Error::Outside`], [`Error::Shared`].
    pub fn write_part(&self, rect: Rect, picture: &mut Picture) -> Result<(), Error> {
        if picture.size() != self.size {
            return Err(Error::OtherSize {
                needed: self.size,
                got: picture.size(),
            });
        }
        let colour = picture.colour();
        let size = self.size;
        if !rect.is_inside(size) {
            return Err(Error::Outside { rect, size });
        }
        let rect = rect.widened(size);
        let planes = picture.part_mut(rect)?;
        let (left, top) = (rect.left as usize, rect.top as usize);
        let (rows, stride) = (size.height() as usize, self.stride);
        match self.format {
            PixelFormat::Bgra | PixelFormat::Rgba => {
                let source = Rows {
                    data: &self.data[top * stride + left * 4..],
                    stride,
                    bytes: self.format.row_bytes(rect.width),
                };
                from_rgb(self.format, source, planes, colour)
            }
            PixelFormat::Yuyv => {
                from_yuyv(&self.data[top * stride + left * 2..], stride, planes);
                Ok(())
            }
            PixelFormat::Nv12 => {
                let [mut y, mut u, mut v] = planes;
                copy(&self.data[top * stride + left..], stride, &mut y);
                let chroma = &self.data[stride * rows + top / 2 * stride + left..];
                for ((pairs, u), v) in chroma.chunks(stride).zip(u.rows_mut()).zip(v.rows_mut()) {
                    for ((pair, u), v) in pairs.as_chunks::<2>().0.iter().zip(u).zip(v) {
                        [*u, *v] = *pair;
                    }
                }
                Ok(())
            }
            PixelFormat::I420 => {
                let [mut y, mut u, mut v] = planes;
                let half = stride.div_ceil(2);
                let chroma = stride * rows + top / 2 * half + left / 2;
                copy(&self.data[top * stride + left..], stride, &mut y);
                copy(&self.data[chroma..], half, &mut u);
                copy(
                    &self.data[chroma + half * size.chroma_height() as usize..],
                    half,
                    &mut v,
                );
                Ok(())
            }
        }
    }
}

/// Writes `picture` into `out` as `format`, rows `stride` bytes apart; the fourth byte of a pixel becomes 255.
/// Bytes between rows stay as they are.
///
/// # Errors
/// [`Error::Stride`], [`Error::Buffer`].
pub fn read(picture: &Picture, format: PixelFormat, out: &mut [u8], stride: usize) -> Result<(), Error> {
    let size = picture.size();
    check(format, size, out.len(), stride)?;
    let [y, u, v] = picture.planes();
    let rows = size.height() as usize;
    match format {
        PixelFormat::Bgra | PixelFormat::Rgba => to_rgb(picture, format, out, stride),
        PixelFormat::Yuyv => {
            let bytes = format.row_bytes(size.width());
            for (row, out) in out.chunks_mut(stride).take(rows).enumerate() {
                let (luma, u, v) = (y.row(row).chunks(2), u.row(row / 2), v.row(row / 2));
                let quads = out[..bytes].as_chunks_mut::<4>().0;
                for (((quad, luma), &u), &v) in quads.iter_mut().zip(luma).zip(u).zip(v) {
                    *quad = [luma[0], u, luma[luma.len() - 1], v];
                }
            }
            Ok(())
        }
        PixelFormat::Nv12 => {
            let (luma, chroma) = out.split_at_mut(stride * rows);
            copy_out(y, luma, stride);
            for ((pairs, u), v) in chroma.chunks_mut(stride).zip(u.rows()).zip(v.rows()) {
                for ((pair, &u), &v) in pairs.as_chunks_mut::<2>().0.iter_mut().zip(u).zip(v) {
                    *pair = [u, v];
                }
            }
            Ok(())
        }
        PixelFormat::I420 => {
            let half = stride.div_ceil(2);
            let (luma, chroma) = out.split_at_mut(stride * rows);
            let (blue, red) = chroma.split_at_mut(half * size.chroma_height() as usize);
            copy_out(y, luma, stride);
            copy_out(u, blue, half);
            copy_out(v, red, half);
            Ok(())
        }
    }
}

fn check(format: PixelFormat, size: Size, got: usize, stride: usize) -> Result<(), Error> {
    let row = format.row_bytes(size.width());
    // Far beyond any real padding, and small enough that no product below overflows.
    if stride < row || stride > row + (1 << 20) {
        return Err(Error::Stride {
            needed: row,
            got: stride,
        });
    }
    let needed = format.bytes(size, stride);
    if got < needed {
        return Err(Error::Buffer { needed, got });
    }
    Ok(())
}

fn copy(from: &[u8], stride: usize, to: &mut PlaneMut<'_>) {
    for (to, from) in to.rows_mut().zip(from.chunks(stride)) {
        to.copy_from_slice(&from[..to.len()]);
    }
}

fn copy_out(from: Plane<'_>, to: &mut [u8], stride: usize) {
    for (from, to) in from.rows().zip(to.chunks_mut(stride)) {
        to[..from.len()].copy_from_slice(from);
    }
}

/// Rows of packed pixels.
#[derive(Clone, Copy)]
struct Rows<'a> {
    data: &'a [u8],
    stride: usize,
    bytes: usize,
}

/// The library below works on pairs of rows and leaves out a last one whose stride is not all there. So it gets all
/// rows but the last one or two, and those in a copy without anything between them.
fn body_rows(height: usize) -> usize {
    (height - 1) & !1
}

fn from_rgb(
    format: PixelFormat,
    from: Rows<'_>,
    to: [PlaneMut<'_>; 3],
    colour: ColourSpace,
) -> Result<(), Error> {
    let [mut y, mut u, mut v] = to;
    let (width, height) = (y.width, y.height);
    let body = body_rows(height);
    if body > 0 {
        let mut planes = YuvPlanarImageMut {
            y_plane: BufferStoreMut::Borrowed(&mut y.data[..body * y.stride]),
            y_stride: y.stride as u32,
            u_plane: BufferStoreMut::Borrowed(&mut u.data[..body / 2 * u.stride]),
            u_stride: u.stride as u32,
            v_plane: BufferStoreMut::Borrowed(&mut v.data[..body / 2 * v.stride]),
            v_stride: v.stride as u32,
            width: width as u32,
            height: body as u32,
        };
        convert_in(
            format,
            &from.data[..body * from.stride],
            from.stride,
            &mut planes,
            colour,
        )?;
    }

    let rows: Vec<u8> = (body..height)
        .flat_map(|row| &from.data[row * from.stride..][..from.bytes])
        .copied()
        .collect();
    let half = width.div_ceil(2);
    let (mut last_y, mut last_u, mut last_v) =
        (vec![0; width * (height - body)], vec![0; half], vec![0; half]);
    let mut planes = YuvPlanarImageMut {
        y_plane: BufferStoreMut::Borrowed(&mut last_y),
        y_stride: width as u32,
        u_plane: BufferStoreMut::Borrowed(&mut last_u),
        u_stride: half as u32,
        v_plane: BufferStoreMut::Borrowed(&mut last_v),
        v_stride: half as u32,
        width: width as u32,
        height: (height - body) as u32,
    };
    convert_in(format, &rows, from.bytes, &mut planes, colour)?;
    for (to, from) in y.rows_mut().skip(body).zip(last_y.chunks(width)) {
        to.copy_from_slice(from);
    }
    for (to, from) in [(&mut u, &last_u), (&mut v, &last_v)] {
        to.rows_mut()
            .skip(body / 2)
            .for_each(|row| row.copy_from_slice(from));
    }
    Ok(())
}

fn convert_in(
    format: PixelFormat,
    rows: &[u8],
    stride: usize,
    planes: &mut YuvPlanarImageMut<'_, u8>,
    colour: ColourSpace,
) -> Result<(), Error> {
    let (range, matrix) = named(colour);
    let stride = stride as u32;
    let mode = YuvConversionMode::Balanced;
    match format {
        PixelFormat::Rgba => yuv::rgba_to_yuv420(planes, rows, stride, range, matrix, mode),
        _ => yuv::bgra_to_yuv420(planes, rows, stride, range, matrix, mode),
    }
    .map_err(refused)
}

fn to_rgb(picture: &Picture, format: PixelFormat, out: &mut [u8], stride: usize) -> Result<(), Error> {
    let [y, u, v] = picture.planes();
    let (width, height) = (y.width, y.height);
    let body = body_rows(height);
    if body > 0 {
        let planes = YuvPlanarImage {
            y_plane: &y.data[..body * y.stride],
            y_stride: y.stride as u32,
            u_plane: &u.data[..body / 2 * u.stride],
            u_stride: u.stride as u32,
            v_plane: &v.data[..body / 2 * v.stride],
            v_stride: v.stride as u32,
            width: width as u32,
            height: body as u32,
        };
        convert_out(
            format,
            &planes,
            &mut out[..body * stride],
            stride,
            picture.colour(),
        )?;
    }
    let last_y: Vec<u8> = (body..height).flat_map(|row| y.row(row)).copied().collect();
    let planes = YuvPlanarImage {
        y_plane: &last_y,
        y_stride: width as u32,
        u_plane: u.row(body / 2),
        u_stride: u.width as u32,
        v_plane: v.row(body / 2),
        v_stride: v.width as u32,
        width: width as u32,
        height: (height - body) as u32,
    };
    let bytes = format.row_bytes(width as u32);
    let mut rows = vec![0; bytes * (height - body)];
    convert_out(format, &planes, &mut rows, bytes, picture.colour())?;
    for (to, from) in out[body * stride..].chunks_mut(stride).zip(rows.chunks(bytes)) {
        to[..bytes].copy_from_slice(from);
    }
    Ok(())
}

fn convert_out(
    format: PixelFormat,
    planes: &YuvPlanarImage<'_, u8>,
    rows: &mut [u8],
    stride: usize,
    colour: ColourSpace,
) -> Result<(), Error> {
    let (range, matrix) = named(colour);
    let stride = stride as u32;
    match format {
        PixelFormat::Rgba => yuv::yuv420_to_rgba(planes, rows, stride, range, matrix),
        _ => yuv::yuv420_to_bgra(planes, rows, stride, range, matrix),
    }
    .map_err(refused)
}

/// Luma as it is; chroma of two rows averaged.
fn from_yuyv(from: &[u8], stride: usize, to: [PlaneMut<'_>; 3]) {
    let [mut y, mut u, mut v] = to;
    let bytes = PixelFormat::Yuyv.row_bytes(y.width as u32);
    for (to, from) in y.rows_mut().zip(from.chunks(stride)) {
        for (pair, quad) in to.chunks_mut(2).zip(from[..bytes].as_chunks::<4>().0) {
            pair.copy_from_slice(&[quad[0], quad[2]][..pair.len()]);
        }
    }
    for ((u, v), pair) in u.rows_mut().zip(v.rows_mut()).zip(from.chunks(stride * 2)) {
        let upper = &pair[..bytes];
        // An odd last row stands alone.
        let lower = pair.get(stride..stride + bytes).unwrap_or(upper);
        let quads = upper.as_chunks::<4>().0.iter().zip(lower.as_chunks::<4>().0);
        for (((upper, lower), u), v) in quads.zip(u).zip(v) {
            let mean = |a: u8, b: u8| (u16::from(a) + u16::from(b)).div_ceil(2) as u8;
            (*u, *v) = (mean(upper[1], lower[1]), mean(upper[3], lower[3]));
        }
    }
}

fn named(colour: ColourSpace) -> (YuvRange, YuvStandardMatrix) {
    let range = match colour.range {
        Range::Limited => YuvRange::Limited,
        Range::Full => YuvRange::Full,
    };
    let matrix = match colour.matrix {
        Matrix::Bt601 => YuvStandardMatrix::Bt601,
        Matrix::Bt709 => YuvStandardMatrix::Bt709,
    };
    (range, matrix)
}

/// Everything the library checks was checked before; should it find more, it is about the buffer.
fn refused(error: YuvError) -> Error {
    match error {
        YuvError::MinimumStrideSizeMismatch(sizes) => Error::Stride {
            needed: sizes.expected,
            got: sizes.received,
        },
        YuvError::DestinationSizeMismatch(sizes)
        | YuvError::LumaPlaneSizeMismatch(sizes)
        | YuvError::LumaPlaneMinimumSizeMismatch(sizes)
        | YuvError::ChromaPlaneMinimumSizeMismatch(sizes)
        | YuvError::ChromaPlaneSizeMismatch(sizes)
        | YuvError::PackedFrameSizeMismatch(sizes) => Error::Buffer {
            needed: sizes.expected,
            got: sizes.received,
        },
        _ => Error::Buffer { needed: 0, got: 0 },
    }
}
