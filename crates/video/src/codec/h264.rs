//! H.264 by openh264: one layer, constrained baseline. The encoder takes pictures of even sides, 16 to 3840x2160.

use super::{Codec, ContentHint, Effort, EncodedFrame, Error, Limits, Settings, VideoDecoder, VideoEncoder};
use crate::picture::{self, Picture, Plane, Pool, Size};
use openh264::OpenH264API;
use openh264::decoder::{Decoder as Library, DecoderConfig, Flush};
use openh264::encoder::{
    self, BitRate, Complexity, EncoderConfig, FrameRate, FrameType, IntraFramePeriod, RateControlMode,
    UsageType,
};
use openh264::formats::YUVSource;
use openh264_sys2::{
    ENCODER_OPTION, ENCODER_OPTION_BITRATE, ENCODER_OPTION_FRAME_RATE, ENCODER_OPTION_MAX_BITRATE,
    SBitrateInfo, SPATIAL_LAYER_ALL,
};
use std::time::Duration;

const IMPLEMENTATION: &str = "openh264";

pub(super) struct Encoder {
    library: encoder::Encoder,
    settings: Settings,
    /// A frame was coded since the library was set up.
    begun: bool,
}

impl Encoder {
    pub(super) fn new(settings: Settings) -> Result<Self, Error> {
        settings.check()?;
        Ok(Self {
            library: library(&settings)?,
            settings,
            begun: false,
        })
    }

    fn set<T>(&mut self, option: ENCODER_OPTION, mut value: T) -> Result<(), Error> {
        // SAFETY: only bit rate and frame rate are set so, which the wrapper does not rely on; `value` is of the type
        // that the option takes (see the two callers) and outlives the call.
        let code = unsafe { self.library.raw_api().set_option(option, (&raw mut value).cast()) };
        if code == 0 { Ok(()) } else { Err(Error::Internal) }
    }
}

fn library(settings: &Settings) -> Result<encoder::Encoder, Error> {
    let (width, height) = (settings.size.width(), settings.size.height());
    for (name, side) in [("width", width), ("height", height)] {
        if !side.is_multiple_of(2) || side < 16 {
            return Err(Error::Setting {
                name,
                value: side.into(),
            });
        }
    }
    if width.max(height) > 3840 || width.min(height) > 2160 {
        return Err(Error::Setting {
            name: "size",
            value: settings.size.pixels().into(),
        });
    }
    let screen = settings.hint != ContentHint::Motion;
    let config = EncoderConfig::new()
        .bitrate(BitRate::from_bps(settings.bitrate))
        .max_frame_rate(FrameRate::from_hz(settings.frame_rate.min(60.0)))
        .rate_control_mode(RateControlMode::Bitrate)
        .skip_frames(true)
        // For a camera, each change of scene would be a key frame that nobody asked for; for a screen the library
        // insists, and does not know the other two.
        .scene_change_detect(screen)
        .adaptive_quantization(!screen)
        .background_detection(!screen)
        .intra_frame_period(IntraFramePeriod::from_num_frames(0))
        .num_threads(settings.threads.into())
        .usage_type(if screen {
            UsageType::ScreenContentRealTime
        } else {
            UsageType::CameraVideoRealTime
        })
        .complexity(match settings.effort {
            Effort::Least => Complexity::Low,
            Effort::Usual => Complexity::Medium,
            Effort::Most => Complexity::High,
        });
    encoder::Encoder::with_api_config(OpenH264API::from_source(), config).map_err(|_| Error::NoMemory)
}

/// A picture as the library likes to see it.
struct Source<'a>(&'a Picture);

impl YUVSource for Source<'_> {
    fn dimensions(&self) -> (usize, usize) {
        (self.0.y().width, self.0.y().height)
    }

    fn strides(&self) -> (usize, usize, usize) {
        let [y, u, v] = self.0.planes();
        (y.stride, u.stride, v.stride)
    }

    fn y(&self) -> &[u8] {
        self.0.y().data
    }

    fn u(&self) -> &[u8] {
        self.0.u().data
    }

    fn v(&self) -> &[u8] {
        self.0.v().data
    }
}

impl VideoEncoder for Encoder {
    fn codec(&self) -> Codec {
        Codec::H264
    }

    fn implementation(&self) -> &'static str {
        IMPLEMENTATION
    }

    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn configure(&mut self, settings: Settings) -> Result<(), Error> {
        settings.check()?;
        if settings == self.settings {
            return Ok(());
        }
        if self.begun && settings.same_stream(&self.settings) {
            // An `SBitrateInfo` each, and a float: `codec_app_def.h`.
            let rate = SBitrateInfo {
                iLayer: SPATIAL_LAYER_ALL,
                iBitrate: settings.bitrate as i32,
            };
            // The rate must never be above its maximum in between.
            let mut options = [ENCODER_OPTION_MAX_BITRATE, ENCODER_OPTION_BITRATE];
            if settings.bitrate < self.settings.bitrate {
                options.reverse();
            }
            for option in options {
                self.set(option, rate)?;
            }
            self.set(ENCODER_OPTION_FRAME_RATE, settings.frame_rate.min(60.0))?;
            // The complexity stays as it is until there is another reason for a new encoder.
        } else {
            self.library = library(&settings)?;
            self.begun = false;
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
        if key && self.begun {
            self.library.force_intra_frame();
        }
        let millis = u64::try_from(picture.time().as_millis()).unwrap_or(u64::MAX) & (i64::MAX as u64);
        let stream = self
            .library
            .encode_at(&Source(picture), openh264::Timestamp::from_millis(millis))
            .map_err(|_| Error::Internal)?;
        self.begun = true;
        let key = match stream.frame_type() {
            FrameType::IDR => true,
            FrameType::I | FrameType::P | FrameType::IPMixed => false,
            FrameType::Skip => return Ok(None),
            FrameType::Invalid => return Err(Error::Internal),
        };
        let data = stream.to_vec();
        if data.is_empty() {
            return Ok(None);
        }
        Ok(Some(EncodedFrame {
            codec: Codec::H264,
            data,
            key,
            size: picture.size(),
            time: picture.time(),
            layer: 0,
            temporal: 0,
            temporal_layers: 1,
            sync: key,
            discardable: false,
            leans_on: [u8::from(!key), 0],
            quantizer: 0,
        }))
    }
}

pub(super) struct Decoder {
    library: Library,
    limits: Limits,
}

impl Decoder {
    pub(super) fn new(limits: Limits) -> Result<Self, Error> {
        // Frames are shown as they come; and nothing is made up for what is missing.
        let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
        let library =
            Library::with_api_config(OpenH264API::from_source(), config).map_err(|_| Error::NoMemory)?;
        Ok(Self { library, limits })
    }

    fn shown(&mut self, data: &[u8], time: Duration, pool: &Pool) -> Result<Option<Picture>, Error> {
        // The library itself takes no picture above level 5.2: 36 864 macroblocks.
        let Some(found) = self.library.decode(data).map_err(|_| Error::Corrupt)? else {
            return Ok(None);
        };
        let (width, height) = found.dimensions_i32();
        let side = |side| u32::try_from(side).map_err(|_| Error::Corrupt);
        let size = Size::new(side(width)?, side(height)?).map_err(|_| Error::TooLarge)?;
        if size.pixels() > self.limits.max_pixels {
            return Err(Error::TooLarge);
        }
        let mut picture = pool.take(size)?;
        picture.set_time(time);
        let (y, u, v) = found.strides();
        let planes = picture.planes_mut().ok_or(picture::Error::Shared)?;
        for (mut to, (data, stride)) in
            planes
                .into_iter()
                .zip([(found.y(), y), (found.u(), u), (found.v(), v)])
        {
            let from = Plane {
                data,
                stride,
                width: to.width,
                height: to.height,
            };
            for (row, to) in to.rows_mut().enumerate() {
                let row = from.row(row);
                // An odd last row of chroma may be missing.
                if row.len() == to.len() {
                    to.copy_from_slice(row);
                }
            }
        }
        Ok(Some(picture))
    }
}

impl VideoDecoder for Decoder {
    fn codec(&self) -> Codec {
        Codec::H264
    }

    fn implementation(&self) -> &'static str {
        IMPLEMENTATION
    }

    fn decode(&mut self, data: &[u8], time: Duration, pool: &Pool) -> Result<Option<Picture>, Error> {
        if data.is_empty() || data.len() > (i32::MAX / 2) as usize {
            return Err(Error::Corrupt);
        }
        let result = self.shown(data, time, pool);
        if matches!(result, Err(Error::Corrupt | Error::TooLarge)) {
            // What a damaged frame leaves inside would spoil the next ones too.
            *self = Self::new(self.limits)?;
        }
        result
    }
}
