//! What is agreed with PipeWire about a stream: its pixels, its buffers, and what is told along with each. Pure: it
//! makes and reads the objects ("pods") that are exchanged.

use std::io::Cursor;
use std::mem::size_of;

use pipewire::spa::buffer::DataType;
use pipewire::spa::param::ParamType;
use pipewire::spa::param::format::{FormatProperties, MediaSubtype, MediaType};
use pipewire::spa::param::video::{VideoFormat, VideoInfoRaw};
use pipewire::spa::pod::serialize::PodSerializer;
use pipewire::spa::pod::{ChoiceValue, Object, Pod, Property, Value, object, property};
use pipewire::spa::sys;
use pipewire::spa::utils::{Choice, ChoiceEnum, ChoiceFlags, Fraction, Id, Rectangle, SpaTypes};
use sidetone_video::colour::PixelFormat;
use sidetone_video::picture::{self, MAX_SIDE, Size};

use crate::pace::FrameRate;

/// Buffers of a stream: one in our hands, one being written, one that waits; more where the server likes.
const BUFFERS: (i32, i32, i32) = (4, 3, 16);

/// Changed parts that are told apart. The server joins them where there are more.
const CHANGES: i32 = 16;

/// How the pixels of a stream lie in its buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) pixels: PixelFormat,
    pub(super) size: Size,
}

/// Why a server's format is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadFormat {
    #[error("it is no video that was asked for")]
    Unknown,
    #[error(transparent)]
    Size(#[from] picture::Error),
}

/// A pod as it is exchanged.
pub(super) struct Param(Vec<u8>);

impl Param {
    fn new(object: Object) -> Self {
        let bytes = PodSerializer::serialize(Cursor::new(Vec::new()), &Value::Object(object));
        // Memory takes whatever is written; a failure would leave nothing, which the server refuses.
        Self(bytes.map_or_else(|_| Vec::new(), |(bytes, _)| bytes.into_inner()))
    }

    pub(super) fn as_pod(&self) -> Option<&Pod> {
        Pod::from_bytes(&self.0)
    }
}

impl Format {
    /// What we can read, at most at `rate`: a server that is told so copies no more than that.
    pub(super) fn offer(rate: FrameRate) -> Param {
        let side = |side| Rectangle {
            width: side,
            height: side,
        };
        let per_second = |num| Fraction { num, denom: 1 };
        let (num, denom) = rate.as_fraction();
        // Servers offer from one a second. What is slower is left to our own pacing.
        let most = if num < denom {
            per_second(1)
        } else {
            Fraction { num, denom }
        };
        Param::new(object!(
            SpaTypes::ObjectParamFormat,
            ParamType::EnumFormat,
            property!(FormatProperties::MediaType, Id, MediaType::Video),
            property!(FormatProperties::MediaSubtype, Id, MediaSubtype::Raw),
            property!(
                FormatProperties::VideoFormat,
                Choice,
                Enum,
                Id,
                VideoFormat::BGRx,
                VideoFormat::BGRx,
                VideoFormat::BGRA,
                VideoFormat::RGBx,
                VideoFormat::RGBA
            ),
            property!(
                FormatProperties::VideoSize,
                Choice,
                Range,
                Rectangle,
                side(1080),
                side(1),
                side(MAX_SIDE)
            ),
            // Zero: as things change.
            property!(
                FormatProperties::VideoFramerate,
                Choice,
                Range,
                Fraction,
                per_second(0),
                per_second(0),
                per_second(1000)
            ),
            property!(
                FormatProperties::VideoMaxFramerate,
                Choice,
                Range,
                Fraction,
                most,
                per_second(1),
                most
            )
        ))
    }

    /// What the server chose of it.
    ///
    /// # Errors
    /// [`BadFormat`] when it chose something else.
    pub(super) fn read(pod: &Pod) -> Result<Self, BadFormat> {
        let mut info = VideoInfoRaw::new();
        info.parse(pod).map_err(|_| BadFormat::Unknown)?;
        let pixels = match info.format() {
            VideoFormat::BGRx | VideoFormat::BGRA => PixelFormat::Bgra,
            VideoFormat::RGBx | VideoFormat::RGBA => PixelFormat::Rgba,
            _ => return Err(BadFormat::Unknown),
        };
        let Rectangle { width, height } = info.size();
        Ok(Self {
            pixels,
            size: Size::new(width, height)?,
        })
    }

    /// The buffers that we want for it: in memory that a processor can read.
    pub(super) fn buffers(self) -> Param {
        let row = i32::try_from(self.pixels.row_bytes(self.size.width())).unwrap_or(i32::MAX);
        let rows = i32::try_from(self.size.height()).unwrap_or(i32::MAX);
        let kinds = 1 << DataType::MemFd.as_raw() | 1 << DataType::MemPtr.as_raw();
        let (default, min, max) = BUFFERS;
        let number = ChoiceEnum::Range { default, min, max };
        let kinds = ChoiceEnum::Flags {
            default: kinds,
            flags: vec![kinds],
        };
        // At least so far apart, and so much; a server may like its rows wider.
        let at_least = |default| ChoiceEnum::Range {
            default,
            min: default,
            max: i32::MAX,
        };
        Param::new(Object {
            type_: SpaTypes::ObjectParamBuffers.as_raw(),
            id: ParamType::Buffers.as_raw(),
            properties: vec![
                choice(sys::SPA_PARAM_BUFFERS_buffers, number),
                Property::new(sys::SPA_PARAM_BUFFERS_blocks, Value::Int(1)),
                choice(sys::SPA_PARAM_BUFFERS_size, at_least(row.saturating_mul(rows))),
                choice(sys::SPA_PARAM_BUFFERS_stride, at_least(row)),
                choice(sys::SPA_PARAM_BUFFERS_dataType, kinds),
            ],
        })
    }

    /// What is to be told with each buffer: whether it is torn, which part of it is the picture, and what changed.
    pub(super) fn metas() -> [Param; 3] {
        let changes = size_of::<sys::spa_meta_region>() as i32;
        [
            meta(
                sys::SPA_META_Header,
                ChoiceEnum::None(size_of::<sys::spa_meta_header>() as i32),
            ),
            meta(
                sys::SPA_META_VideoCrop,
                ChoiceEnum::None(size_of::<sys::spa_meta_region>() as i32),
            ),
            meta(
                sys::SPA_META_VideoDamage,
                ChoiceEnum::Range {
                    default: changes * CHANGES,
                    min: changes,
                    max: changes * CHANGES,
                },
            ),
        ]
    }
}

fn meta(kind: u32, size: ChoiceEnum<i32>) -> Param {
    let size = match size {
        ChoiceEnum::None(size) => Property::new(sys::SPA_PARAM_META_size, Value::Int(size)),
        size => choice(sys::SPA_PARAM_META_size, size),
    };
    Param::new(Object {
        type_: SpaTypes::ObjectParamMeta.as_raw(),
        id: ParamType::Meta.as_raw(),
        properties: vec![Property::new(sys::SPA_PARAM_META_type, Value::Id(Id(kind))), size],
    })
}

fn choice(key: u32, choice: ChoiceEnum<i32>) -> Property {
    let choice = Choice(ChoiceFlags::empty(), choice);
    Property::new(key, Value::Choice(ChoiceValue::Int(choice)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreed(format: VideoFormat, width: u32, height: u32) -> Param {
        Param::new(object!(
            SpaTypes::ObjectParamFormat,
            ParamType::Format,
            property!(FormatProperties::MediaType, Id, MediaType::Video),
            property!(FormatProperties::MediaSubtype, Id, MediaSubtype::Raw),
            property!(FormatProperties::VideoFormat, Id, format),
            property!(
                FormatProperties::VideoSize,
                Rectangle,
                Rectangle { width, height }
            )
        ))
    }

    fn read(param: &Param) -> Result<Format, BadFormat> {
        Format::read(param.as_pod().unwrap())
    }

    #[test]
    fn what_was_offered_is_read_and_nothing_else() {
        let size = Size::new(641, 7).unwrap();
        for (format, pixels) in [
            (VideoFormat::BGRx, PixelFormat::Bgra),
            (VideoFormat::BGRA, PixelFormat::Bgra),
            (VideoFormat::RGBx, PixelFormat::Rgba),
            (VideoFormat::RGBA, PixelFormat::Rgba),
        ] {
            assert_eq!(read(&agreed(format, 641, 7)), Ok(Format { pixels, size }));
        }
        for format in [VideoFormat::RGB, VideoFormat::NV12, VideoFormat::xBGR] {
            assert_eq!(read(&agreed(format, 641, 7)), Err(BadFormat::Unknown));
        }
        for (width, height) in [(0, 7), (7, 0), (MAX_SIDE + 1, 7), (u32::MAX, u32::MAX)] {
            let sizes = matches!(
                read(&agreed(VideoFormat::BGRx, width, height)),
                Err(BadFormat::Size(_))
            );
            assert!(sizes, "{width}x{height}");
        }
    }

    #[test]
    fn whatever_is_asked_for_is_a_pod() {
        let size = Size::new(MAX_SIDE, 1).unwrap();
        let pixels = PixelFormat::Bgra;
        let [header, crop, damage] = Format::metas();
        let (slowest, fastest) = FrameRate::LIMITS;
        let offers = [Format::offer(slowest), Format::offer(fastest)];
        for param in [header, crop, damage, Format { pixels, size }.buffers()]
            .iter()
            .chain(&offers)
        {
            assert!(param.as_pod().unwrap().is_object());
        }
    }
}
