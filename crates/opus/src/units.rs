//! The quantities of the codec as types: rate, channels, frame duration, bit rate, audio bandwidth.
//!
//! Each has exactly the values Opus knows, so nothing further in has to check them.

use opusic_sys as sys;
use std::ffi::c_int;
use std::fmt;
use std::time::Duration;

/// Sample rates Opus encodes from and decodes to (RFC 6716 section 2.1.3). Both ends choose freely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SampleRate {
    /// 8 kHz.
    Hz8000,
    /// 12 kHz.
    Hz12000,
    /// 16 kHz.
    Hz16000,
    /// 24 kHz.
    Hz24000,
    /// 48 kHz.
    Hz48000,
}

impl SampleRate {
    /// All rates, lowest first.
    pub const ALL: [Self; 5] = [
        Self::Hz8000,
        Self::Hz12000,
        Self::Hz16000,
        Self::Hz24000,
        Self::Hz48000,
    ];

    /// The rate in Hz.
    pub const fn hz(self) -> u32 {
        match self {
            Self::Hz8000 => 8_000,
            Self::Hz12000 => 12_000,
            Self::Hz16000 => 16_000,
            Self::Hz24000 => 24_000,
            Self::Hz48000 => 48_000,
        }
    }

    /// The rate of `hz` Hz, if Opus has it.
    pub fn from_hz(hz: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|rate| rate.hz() == hz)
    }

    pub(crate) const fn raw(self) -> i32 {
        self.hz() as i32
    }

    /// Samples per channel in 2.5 ms, the unit in which Opus counts time.
    pub(crate) const fn quantum(self) -> usize {
        self.hz() as usize / 400
    }
}

/// One or two channels. Two are interleaved, left first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channels {
    /// One channel.
    Mono,
    /// Two interleaved channels.
    Stereo,
}

impl Channels {
    /// How many.
    pub const fn count(self) -> usize {
        match self {
            Self::Mono => 1,
            Self::Stereo => 2,
        }
    }

    pub(crate) const fn raw(self) -> c_int {
        self.count() as c_int
    }
}

/// What the encoder is tuned for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Application {
    /// Conversation: intelligibility first, all three coding modes.
    Voip,
    /// Anything: faithful to the input first.
    Audio,
    /// Shortest look-ahead; only the transform mode, so neither in-band FEC nor the speech mode.
    LowDelay,
}

impl Application {
    pub(crate) const fn raw(self) -> c_int {
        match self {
            Self::Voip => sys::OPUS_APPLICATION_VOIP,
            Self::Audio => sys::OPUS_APPLICATION_AUDIO,
            Self::LowDelay => sys::OPUS_APPLICATION_RESTRICTED_LOWDELAY,
        }
    }
}

/// A bit rate in bit/s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bitrate(pub u32);

impl Bitrate {
    /// `n` thousand bit/s.
    pub const fn kbps(n: u32) -> Self {
        Self(n * 1000)
    }

    /// The rate in bit/s.
    pub const fn bits_per_second(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Bitrate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bit/s", self.0)
    }
}

/// How much sound one call of the encoder takes (RFC 6716 section 2.1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FrameDuration {
    /// 2.5 ms.
    Ms2_5,
    /// 5 ms.
    Ms5,
    /// 10 ms.
    Ms10,
    /// 20 ms, the default of WebRTC (RFC 7587 section 4.2).
    Ms20,
    /// 40 ms.
    Ms40,
    /// 60 ms.
    Ms60,
}

impl FrameDuration {
    /// All durations, shortest first.
    pub const ALL: [Self; 6] = [
        Self::Ms2_5,
        Self::Ms5,
        Self::Ms10,
        Self::Ms20,
        Self::Ms40,
        Self::Ms60,
    ];

    /// The duration.
    pub const fn duration(self) -> Duration {
        Duration::from_micros(2_500 * self.quanta() as u64)
    }

    /// Samples per channel at `rate`.
    pub const fn samples(self, rate: SampleRate) -> usize {
        rate.quantum() * self.quanta()
    }

    /// The duration that has `samples` samples per channel at `rate`.
    pub fn from_samples(samples: usize, rate: SampleRate) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|duration| duration.samples(rate) == samples)
    }

    /// Length in units of 2.5 ms.
    const fn quanta(self) -> usize {
        match self {
            Self::Ms2_5 => 1,
            Self::Ms5 => 2,
            Self::Ms10 => 4,
            Self::Ms20 => 8,
            Self::Ms40 => 16,
            Self::Ms60 => 24,
        }
    }
}

/// Audio bandwidth: how high the coded spectrum reaches (RFC 6716 table 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bandwidth {
    /// 4 kHz.
    Narrow,
    /// 6 kHz.
    Medium,
    /// 8 kHz.
    Wide,
    /// 12 kHz.
    SuperWide,
    /// 20 kHz.
    Full,
}

impl Bandwidth {
    pub(crate) const fn raw(self) -> c_int {
        match self {
            Self::Narrow => sys::OPUS_BANDWIDTH_NARROWBAND,
            Self::Medium => sys::OPUS_BANDWIDTH_MEDIUMBAND,
            Self::Wide => sys::OPUS_BANDWIDTH_WIDEBAND,
            Self::SuperWide => sys::OPUS_BANDWIDTH_SUPERWIDEBAND,
            Self::Full => sys::OPUS_BANDWIDTH_FULLBAND,
        }
    }
}
