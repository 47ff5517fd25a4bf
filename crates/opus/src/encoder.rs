//! The encoder: one frame of sound in, one packet out.
//!
//! It turns settings into libopus controls and checks lengths; it refuses to know why a setting is right.

use crate::error::{Error, counted};
use crate::units::{Application, Bandwidth, Bitrate, Channels, FrameDuration, SampleRate};
use opusic_sys as sys;
use std::ffi::c_int;
use std::ptr::NonNull;
use std::time::Duration;

/// What the input is, where the caller knows better than the encoder's own detector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Signal {
    /// The encoder finds out.
    #[default]
    Auto,
    /// Speech: leans towards the linear-prediction mode.
    Voice,
    /// Music: leans towards the transform mode.
    Music,
}

/// An Opus encoder. Allocates when created, never after; [`encode`](Self::encode) may run on a real-time thread.
#[derive(Debug)]
pub struct Encoder {
    raw: NonNull<sys::OpusEncoder>,
    rate: SampleRate,
    channels: Channels,
}

// SAFETY: the state is one heap block that libopus touches only through this pointer, which only this value
// holds; it has no thread affinity.
unsafe impl Send for Encoder {}

impl Encoder {
    /// A new encoder with the defaults of libopus: automatic bit rate, constrained VBR, complexity 9, no DTX, no FEC.
    ///
    /// # Errors
    /// [`Error::NoMemory`].
    pub fn new(rate: SampleRate, channels: Channels, application: Application) -> Result<Self, Error> {
        let mut code = sys::OPUS_OK;
        // SAFETY: the arguments are values libopus accepts, and `code` outlives the call.
        let raw =
            unsafe { sys::opus_encoder_create(rate.raw(), channels.raw(), application.raw(), &raw mut code) };
        match NonNull::new(raw) {
            Some(raw) => Ok(Self { raw, rate, channels }),
            None => Err(Error::from_code(code)),
        }
    }

    /// Sample rate of the input.
    pub fn rate(&self) -> SampleRate {
        self.rate
    }

    /// Channels of the input.
    pub fn channels(&self) -> Channels {
        self.channels
    }

    /// Target bit rate; libopus keeps it between 500 bit/s and 750 kbit/s a channel. Speech is fine from 16 to
    /// 32 kbit/s. In-band FEC is paid out of it, DRED partly on top.
    ///
    /// # Errors
    /// [`Error::Setting`] for 0 or more than libopus can count.
    pub fn set_bitrate(&mut self, bitrate: Bitrate) -> Result<(), Error> {
        let refused = Error::Setting {
            name: "bit rate",
            value: i64::from(bitrate.0),
        };
        let value = i32::try_from(bitrate.0).map_err(|_| refused)?;
        // Zero is refused here because negative numbers have meanings of their own to libopus.
        if value == 0 {
            return Err(refused);
        }
        self.set("bit rate", sys::OPUS_SET_BITRATE_REQUEST, value)
    }

    /// Computation spent, 0 to 10. More sounds better at the same bit rate; above 9 the gain is small.
    ///
    /// # Errors
    /// [`Error::Setting`] above 10.
    pub fn set_complexity(&mut self, complexity: u8) -> Result<(), Error> {
        self.set("complexity", sys::OPUS_SET_COMPLEXITY_REQUEST, complexity.into())
    }

    /// Variable bit rate (the default) or constant. Constant hides what is said from who sees packet sizes
    /// (RFC 6562), at the price of quality.
    ///
    /// # Errors
    /// None known; kept fallible like its siblings.
    pub fn set_vbr(&mut self, on: bool) -> Result<(), Error> {
        self.set("VBR", sys::OPUS_SET_VBR_REQUEST, on.into())
    }

    /// Whether variable bit rate stays within one frame of buffering (the default) or follows the sound freely.
    ///
    /// # Errors
    /// None known; kept fallible like its siblings.
    pub fn set_vbr_constraint(&mut self, on: bool) -> Result<(), Error> {
        self.set("VBR constraint", sys::OPUS_SET_VBR_CONSTRAINT_REQUEST, on.into())
    }

    /// Discontinuous transmission: in silence packets shrink to one or two bytes, which need not be sent.
    ///
    /// # Errors
    /// None known; kept fallible like its siblings.
    pub fn set_dtx(&mut self, on: bool) -> Result<(), Error> {
        self.set("DTX", sys::OPUS_SET_DTX_REQUEST, on.into())
    }

    /// In-band FEC (LBRR, RFC 6716 section 2.1.7): each packet repeats the frame before it at low quality.
    /// Takes effect once [`set_packet_loss`](Self::set_packet_loss) names a loss, in the speech modes only.
    ///
    /// # Errors
    /// None known; kept fallible like its siblings.
    pub fn set_inband_fec(&mut self, on: bool) -> Result<(), Error> {
        self.set("in-band FEC", sys::OPUS_SET_INBAND_FEC_REQUEST, on.into())
    }

    /// Expected packet loss in percent. Robustness grows with it, quality without loss shrinks. FEC and DRED
    /// are sent only when it is above zero.
    ///
    /// # Errors
    /// [`Error::Setting`] above 100.
    pub fn set_packet_loss(&mut self, percent: u8) -> Result<(), Error> {
        self.set(
            "packet loss",
            sys::OPUS_SET_PACKET_LOSS_PERC_REQUEST,
            percent.into(),
        )
    }

    /// How much past speech each packet carries as deep redundancy, in steps of 10 ms up to [`MAX_DRED`];
    /// zero (the default) sends none. How much really fits depends on bit rate and loss; below about 24 kbit/s
    /// nothing does.
    ///
    /// [`MAX_DRED`]: crate::MAX_DRED
    ///
    /// # Errors
    /// [`Error::Setting`] above [`MAX_DRED`].
    pub fn set_dred_duration(&mut self, duration: Duration) -> Result<(), Error> {
        let steps = duration.as_millis() / 10;
        // Anything that does not fit an i32 is far beyond the maximum, which libopus refuses.
        let steps = i32::try_from(steps).unwrap_or(i32::MAX);
        self.set(
            "DRED duration in steps of 10 ms",
            sys::OPUS_SET_DRED_DURATION_REQUEST,
            steps,
        )
    }

    /// Tells the encoder what the input is.
    ///
    /// # Errors
    /// None known; kept fallible like its siblings.
    pub fn set_signal(&mut self, signal: Signal) -> Result<(), Error> {
        let value = match signal {
            Signal::Auto => sys::OPUS_AUTO,
            Signal::Voice => sys::OPUS_SIGNAL_VOICE,
            Signal::Music => sys::OPUS_SIGNAL_MUSIC,
        };
        self.set("signal", sys::OPUS_SET_SIGNAL_REQUEST, value)
    }

    /// Tunes it for something else from the next frame on, and [forgets](Self::reset) the sound so far: libopus changes
    /// it before a first frame only.
    ///
    /// # Errors
    /// None known; kept fallible like its siblings.
    pub fn set_application(&mut self, application: Application) -> Result<(), Error> {
        self.reset();
        self.set(
            "application",
            sys::OPUS_SET_APPLICATION_REQUEST,
            application.raw(),
        )
    }

    /// Whether a frame may be told by those before it (the default). Without, each can be decoded by itself, at a higher
    /// rate for the same quality.
    ///
    /// # Errors
    /// None known; kept fallible like its siblings.
    pub fn set_prediction(&mut self, on: bool) -> Result<(), Error> {
        self.set(
            "prediction",
            sys::OPUS_SET_PREDICTION_DISABLED_REQUEST,
            (!on).into(),
        )
    }

    /// Never codes above this bandwidth (RFC 7587 `maxplaybackrate` maps here).
    ///
    /// # Errors
    /// None known; kept fallible like its siblings.
    pub fn set_max_bandwidth(&mut self, bandwidth: Bandwidth) -> Result<(), Error> {
        self.set(
            "maximum bandwidth",
            sys::OPUS_SET_MAX_BANDWIDTH_REQUEST,
            bandwidth.raw(),
        )
    }

    /// The delay the encoder adds, in samples per channel at its own rate: what is heard at sample `n` of the
    /// decoder's output went in at sample `n - lookahead`.
    pub fn lookahead(&self) -> usize {
        self.get(sys::OPUS_GET_LOOKAHEAD_REQUEST).try_into().unwrap_or(0)
    }

    /// Whether the last frame was silence in discontinuous transmission.
    pub fn in_dtx(&self) -> bool {
        self.get(sys::OPUS_GET_IN_DTX_REQUEST) != 0
    }

    /// Encodes one frame: `pcm` interleaved, full scale at ±1.0, exactly one [`FrameDuration`] long. Returns the
    /// bytes written to `out`. The room in `out` also caps the packet, so it must suit the bit rate; 1275 bytes
    /// a 20 ms frame always do.
    ///
    /// # Errors
    /// [`Error::FrameLength`], [`Error::NotFinite`], [`Error::OutputTooSmall`].
    pub fn encode(&mut self, pcm: &[f32], out: &mut [u8]) -> Result<usize, Error> {
        let channels = self.channels.count();
        let samples = pcm.len() / channels;
        if !pcm.len().is_multiple_of(channels) || FrameDuration::from_samples(samples, self.rate).is_none() {
            return Err(Error::FrameLength {
                got: pcm.len(),
                channels,
                rate: self.rate.hz(),
            });
        }
        if out.is_empty() {
            return Err(Error::OutputTooSmall { needed: 1, got: 0 });
        }
        if !pcm.iter().all(|sample| sample.is_finite()) {
            return Err(Error::NotFinite);
        }
        let room = i32::try_from(out.len()).unwrap_or(i32::MAX);
        // SAFETY: `pcm` holds `samples` samples for each of the encoder's channels, checked above; `out` has at
        // least `room` bytes; the state is ours alone through `&mut self`.
        let written = unsafe {
            sys::opus_encode_float(
                self.raw.as_ptr(),
                pcm.as_ptr(),
                samples as c_int,
                out.as_mut_ptr(),
                room,
            )
        };
        match written {
            sys::OPUS_BUFFER_TOO_SMALL => Err(Error::OutputTooSmall {
                needed: 0,
                got: out.len(),
            }),
            other => counted(other),
        }
    }

    /// Forgets the sound so far; the settings stay.
    pub fn reset(&mut self) {
        // SAFETY: the request takes no argument, and the state is ours alone through `&mut self`.
        unsafe { sys::opus_encoder_ctl(self.raw.as_ptr(), sys::OPUS_RESET_STATE) };
    }

    fn set(&mut self, name: &'static str, request: c_int, value: i32) -> Result<(), Error> {
        // SAFETY: every request passed here is one that takes a single `opus_int32`.
        let code = unsafe { sys::opus_encoder_ctl(self.raw.as_ptr(), request, value) };
        match code {
            sys::OPUS_OK => Ok(()),
            sys::OPUS_BAD_ARG => Err(Error::Setting {
                name,
                value: value.into(),
            }),
            other => Err(Error::from_code(other)),
        }
    }

    fn get(&self, request: c_int) -> i32 {
        let mut value: i32 = 0;
        // SAFETY: every request passed here is one that takes a pointer to `opus_int32` and only reads the state.
        unsafe { sys::opus_encoder_ctl(self.raw.as_ptr(), request, &raw mut value) };
        value
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `opus_encoder_create` and is not used after this.
        unsafe { sys::opus_encoder_destroy(self.raw.as_ptr()) };
    }
}
