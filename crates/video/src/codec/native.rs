//! Encoders and decoders of the C libraries (libvpx, libaom), behind the few calls of `shim/codec.h`. Rust sees that
//! header's structs only, so versions of the libraries may come and go.

use super::layers::{Pattern, Place};
use super::{Codec, ContentHint, Effort, EncodedFrame, Error, Limits, Settings, VideoDecoder, VideoEncoder};
use crate::picture::{self, ColourSpace, Matrix, Picture, Plane, Pool, Range, Size};
use std::ffi::{c_int, c_void};
use std::ptr::{self, NonNull};
use std::slice;
use std::time::Duration;

/// `settings` of `shim/codec.h`.
#[repr(C)]
struct RawSettings {
    codec: u32,
    width: u32,
    height: u32,
    kilobits: u32,
    millihertz: u32,
    hint: u32,
    temporal_layers: u32,
    effort: u32,
    threads: u32,
    bt709: u32,
    full_range: u32,
}

/// `image` of `shim/codec.h`.
#[repr(C)]
struct RawImage {
    planes: [*const u8; 3],
    strides: [u32; 3],
    width: u32,
    height: u32,
    bt709: u32,
    full_range: u32,
}

/// `packet` of `shim/codec.h`.
#[repr(C)]
struct RawPacket {
    data: *const u8,
    size: usize,
    key: i32,
    quantizer: i32,
}

/// `frame` of `shim/codec.h`.
#[repr(C)]
struct RawFrame {
    key: i32,
    temporal: u32,
    reads: u32,
    writes: u32,
}

/// The functions of one library.
struct Library {
    implementation: &'static str,
    encoder_new: unsafe extern "C" fn(*const RawSettings, *mut *mut c_void) -> c_int,
    encoder_rate: unsafe extern "C" fn(*mut c_void, *const RawSettings) -> c_int,
    encode: unsafe extern "C" fn(*mut c_void, *const RawImage, i64, *const RawFrame, *mut RawPacket) -> c_int,
    encoder_free: unsafe extern "C" fn(*mut c_void),
    decoder_new: unsafe extern "C" fn(u32, u32, u32, *mut *mut c_void) -> c_int,
    decode: unsafe extern "C" fn(*mut c_void, *const u8, usize, *mut RawImage) -> c_int,
    decoder_free: unsafe extern "C" fn(*mut c_void),
}

macro_rules! library {
    ($name:ident, $implementation:literal, $encoder_new:ident, $encoder_rate:ident, $encode:ident, $encoder_free:ident,
     $decoder_new:ident, $decode:ident, $decoder_free:ident) => {
        static $name: Library = {
            unsafe extern "C" {
                fn $encoder_new(settings: *const RawSettings, made: *mut *mut c_void) -> c_int;
                fn $encoder_rate(encoder: *mut c_void, settings: *const RawSettings) -> c_int;
                fn $encode(
                    encoder: *mut c_void,
                    picture: *const RawImage,
                    ticks: i64,
                    how: *const RawFrame,
                    out: *mut RawPacket,
                ) -> c_int;
                fn $encoder_free(encoder: *mut c_void);
                fn $decoder_new(codec: u32, threads: u32, max_pixels: u32, made: *mut *mut c_void) -> c_int;
                fn $decode(decoder: *mut c_void, data: *const u8, size: usize, out: *mut RawImage) -> c_int;
                fn $decoder_free(decoder: *mut c_void);
            }
            Library {
                implementation: $implementation,
                encoder_new: $encoder_new,
                encoder_rate: $encoder_rate,
                encode: $encode,
                encoder_free: $encoder_free,
                decoder_new: $decoder_new,
                decode: $decode,
                decoder_free: $decoder_free,
            }
        };
    };
}

#[cfg(any(feature = "vp8", feature = "vp9"))]
library!(
    VPX,
    "libvpx",
    sidetone_vpx_encoder_new,
    sidetone_vpx_encoder_rate,
    sidetone_vpx_encode,
    sidetone_vpx_encoder_free,
    sidetone_vpx_decoder_new,
    sidetone_vpx_decode,
    sidetone_vpx_decoder_free
);

#[cfg(feature = "av1")]
library!(
    AOM,
    "libaom",
    sidetone_aom_encoder_new,
    sidetone_aom_encoder_rate,
    sidetone_aom_encode,
    sidetone_aom_encoder_free,
    sidetone_aom_decoder_new,
    sidetone_aom_decode,
    sidetone_aom_decoder_free
);

// Brings the static library into the link.
#[cfg(feature = "av1")]
use libaom_sys as _;

impl Library {
    /// The library for `codec`, and the codec's number in the header.
    fn of(codec: Codec) -> Result<(&'static Self, u32), Error> {
        match codec {
            #[cfg(feature = "vp8")]
            Codec::Vp8 => Ok((&VPX, 0)),
            #[cfg(feature = "vp9")]
            Codec::Vp9 => Ok((&VPX, 1)),
            #[cfg(feature = "av1")]
            Codec::Av1 => Ok((&AOM, 2)),
            #[allow(unreachable_patterns)]
            other => Err(Error::Unavailable(other)),
        }
    }
}

/// A negative result of the header.
fn failure(code: c_int) -> Error {
    match code {
        -2 => Error::Corrupt,
        -3 => Error::NoMemory,
        -4 => Error::TooLarge,
        -5 => Error::Format,
        _ => Error::Internal,
    }
}

/// An encoder inside a library.
struct Handle {
    library: &'static Library,
    raw: NonNull<c_void>,
}

// SAFETY: the state is one heap block that the library touches only through this pointer, which only this value
// holds; the libraries have no thread affinity.
unsafe impl Send for Handle {}

impl Handle {
    fn new(codec: Codec, settings: &Settings) -> Result<Self, Error> {
        let (library, number) = Library::of(codec)?;
        let wanted = raw(number, settings);
        let mut made = ptr::null_mut();
        // SAFETY: `wanted` is a checked `settings` of the header and `made` a place for a pointer; both outlive the
        // call.
        let code = unsafe { (library.encoder_new)(&raw const wanted, &raw mut made) };
        match NonNull::new(made) {
            Some(raw) if code == 0 => Ok(Self { library, raw }),
            _ => Err(failure(code)),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: made by `encoder_new` of the same library, freed once, not used after.
        unsafe { (self.library.encoder_free)(self.raw.as_ptr()) }
    }
}

fn raw(codec: u32, settings: &Settings) -> RawSettings {
    RawSettings {
        codec,
        width: settings.size.width(),
        height: settings.size.height(),
        kilobits: (settings.bitrate / 1000).max(1),
        millihertz: (settings.frame_rate * 1000.0) as u32,
        hint: match settings.hint {
            ContentHint::Motion => 0,
            ContentHint::Detail => 1,
            ContentHint::Text => 2,
        },
        temporal_layers: settings.temporal_layers.into(),
        effort: match settings.effort {
            Effort::Least => 0,
            Effort::Usual => 1,
            Effort::Most => 2,
        },
        threads: settings.threads.into(),
        bt709: (settings.colour.matrix == Matrix::Bt709).into(),
        full_range: (settings.colour.range == Range::Full).into(),
    }
}

/// VP8, VP9 or AV1.
pub(super) struct Encoder {
    handle: Handle,
    codec: Codec,
    settings: Settings,
    pattern: Pattern,
    /// Time stamp of the picture before, in 1/90000 s: they must rise.
    ticks: i64,
}

impl Encoder {
    pub(super) fn new(codec: Codec, settings: Settings) -> Result<Self, Error> {
        settings.check()?;
        Ok(Self {
            handle: Handle::new(codec, &settings)?,
            codec,
            settings,
            pattern: Pattern::new(settings.temporal_layers),
            ticks: -1,
        })
    }

    fn run(&mut self, picture: &Picture, place: &Place) -> Result<RawPacket, Error> {
        let planes = picture.planes();
        let image = RawImage {
            planes: planes.map(|plane| plane.data.as_ptr()),
            strides: planes.map(|plane| plane.stride as u32),
            width: picture.size().width(),
            height: picture.size().height(),
            // Said in the settings.
            bt709: 0,
            full_range: 0,
        };
        let how = RawFrame {
            key: place.key.into(),
            temporal: place.temporal.into(),
            reads: place.reads,
            writes: place.writes,
        };
        let ticks = i64::try_from(picture.time().as_micros() * 9 / 100).unwrap_or(i64::MAX - 1);
        self.ticks = ticks.max(self.ticks + 1);
        let mut packet = RawPacket {
            data: ptr::null(),
            size: 0,
            key: 0,
            quantizer: 0,
        };
        // SAFETY: the handle is live and not in use elsewhere (`&mut self`); the planes are at least as long as
        // stride and height say, have the size the encoder was made for (checked by the caller), and are only
        // read; all structs outlive the call.
        let code = unsafe {
            (self.handle.library.encode)(
                self.handle.raw.as_ptr(),
                &raw const image,
                self.ticks,
                &raw const how,
                &raw mut packet,
            )
        };
        if code == 0 { Ok(packet) } else { Err(failure(code)) }
    }
}

impl VideoEncoder for Encoder {
    fn codec(&self) -> Codec {
        self.codec
    }

    fn implementation(&self) -> &'static str {
        self.handle.library.implementation
    }

    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn configure(&mut self, settings: Settings) -> Result<(), Error> {
        settings.check()?;
        if settings == self.settings {
            return Ok(());
        }
        if settings.same_stream(&self.settings) {
            let (library, number) = Library::of(self.codec)?;
            let wanted = raw(number, &settings);
            // SAFETY: the handle is live and not in use elsewhere, `wanted` outlives the call.
            let code = unsafe { (library.encoder_rate)(self.handle.raw.as_ptr(), &raw const wanted) };
            if code != 0 {
                return Err(failure(code));
            }
        } else {
            // A new encoder begins with a key frame. Time goes on.
            self.handle = Handle::new(self.codec, &settings)?;
            self.pattern = Pattern::new(settings.temporal_layers);
        }
        self.settings = settings;
        Ok(())
    }

    fn encode(&mut self, picture: &Picture, key: bool) -> Result<Option<EncodedFrame>, Error> {
        if picture.size() != self.settings.size {
            return Err(Error::Picture(picture::Error::OtherSize {
                needed: self.settings.size,
                got: picture.size(),
            }));
        }
        let place = self.pattern.next(key);
        let packet = self.run(picture, &place)?;
        if packet.size == 0 || packet.data.is_null() {
            return Ok(None);
        }
        // SAFETY: the library says so many bytes are there; they are valid until its next call, and copied before.
        let data = unsafe { slice::from_raw_parts(packet.data, packet.size) };
        // AV1: a transport leaves out the temporal delimiter that the library begins with.
        let data = match (self.codec, data) {
            (Codec::Av1, [0x12, 0x00, rest @ ..]) => rest,
            _ => data,
        };
        let key = packet.key != 0;
        self.pattern.coded(&place, key);
        Ok(Some(EncodedFrame {
            codec: self.codec,
            data: data.to_vec(),
            key,
            size: picture.size(),
            time: picture.time(),
            layer: 0,
            temporal: if key { 0 } else { place.temporal },
            temporal_layers: self.settings.temporal_layers,
            sync: key || place.sync,
            discardable: !key && place.discardable(),
            leans_on: if key { [0; 2] } else { place.leans_on },
            quantizer: packet.quantizer.clamp(0, 255) as u8,
        }))
    }
}

/// A decoder of VP8, VP9 or AV1.
pub(super) struct Decoder {
    library: &'static Library,
    raw: NonNull<c_void>,
    codec: Codec,
}

// SAFETY: as for `Handle`.
unsafe impl Send for Decoder {}

impl Decoder {
    pub(super) fn new(codec: Codec, limits: Limits) -> Result<Self, Error> {
        let (library, number) = Library::of(codec)?;
        let mut made = ptr::null_mut();
        // SAFETY: plain numbers, and `made`, a place for a pointer, outlives the call.
        let code = unsafe {
            (library.decoder_new)(
                number,
                limits.threads.clamp(1, 16).into(),
                limits.max_pixels,
                &raw mut made,
            )
        };
        match NonNull::new(made) {
            Some(raw) if code == 0 => Ok(Self { library, raw, codec }),
            _ => Err(failure(code)),
        }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: made by `decoder_new` of the same library, freed once, not used after.
        unsafe { (self.library.decoder_free)(self.raw.as_ptr()) }
    }
}

impl VideoDecoder for Decoder {
    fn codec(&self) -> Codec {
        self.codec
    }

    fn implementation(&self) -> &'static str {
        self.library.implementation
    }

    fn decode(&mut self, data: &[u8], time: Duration, pool: &Pool) -> Result<Option<Picture>, Error> {
        let mut image = RawImage {
            planes: [ptr::null(); 3],
            strides: [0; 3],
            width: 0,
            height: 0,
            bt709: 0,
            full_range: 0,
        };
        // SAFETY: the decoder is live and not in use elsewhere (`&mut self`); `data` is valid for its length, and
        // `image` outlives the call.
        let code =
            unsafe { (self.library.decode)(self.raw.as_ptr(), data.as_ptr(), data.len(), &raw mut image) };
        match code {
            0 => return Ok(None),
            1 => {}
            _ => return Err(failure(code)),
        }
        let size = Size::new(image.width, image.height).map_err(|_| Error::TooLarge)?;
        let mut picture = pool.take(size)?;
        picture.set_time(time);
        picture.set_colour(ColourSpace {
            matrix: if image.bt709 == 0 {
                Matrix::Bt601
            } else {
                Matrix::Bt709
            },
            range: if image.full_range == 0 {
                Range::Limited
            } else {
                Range::Full
            },
        });
        let planes = picture.planes_mut().ok_or(picture::Error::Shared)?;
        for ((mut to, start), stride) in planes.into_iter().zip(image.planes).zip(image.strides) {
            let stride = stride as usize;
            // A stride of zero repeats one row.
            if start.is_null() || (stride != 0 && stride < to.width) {
                return Err(Error::Internal);
            }
            // SAFETY: the library holds the plane, `height` rows of `stride` bytes from `start`, the last one
            // `width` long at least, until its next call on this decoder.
            let data = unsafe { slice::from_raw_parts(start, stride * (to.height - 1) + to.width) };
            let from = Plane {
                data,
                stride,
                width: to.width,
                height: to.height,
            };
            for (row, to) in to.rows_mut().enumerate() {
                to.copy_from_slice(from.row(row));
            }
        }
        Ok(Some(picture))
    }
}
