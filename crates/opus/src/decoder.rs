//! The decoder: packets in, sound out, and sound where packets are missing.
//!
//! It offers the four ways to fill a stretch of time (a packet, the next packet's in-band FEC, deep redundancy,
//! plain concealment); it refuses to know which one is right, that is the jitter buffer's business.

use crate::dred::Dred;
use crate::error::{Error, counted};
use crate::packet;
use crate::units::{Channels, SampleRate};
use opusic_sys as sys;
use std::ffi::c_int;
use std::ptr::{self, NonNull};

/// Longest stretch one call produces, in units of 2.5 ms: 120 ms, as in RFC 6716 section 3.2.5.
const MAX_QUANTA: usize = 48;

/// An Opus decoder. Allocates when created, never after; decoding may run on a real-time thread.
///
/// All decoding calls write interleaved samples, full scale at ±1.0 (overshoot is possible), to the front of
/// `out` and return samples per channel.
#[derive(Debug)]
pub struct Decoder {
    raw: NonNull<sys::OpusDecoder>,
    rate: SampleRate,
    channels: Channels,
}

// SAFETY: the state is one heap block that libopus touches only through this pointer, which only this value
// holds; it has no thread affinity.
unsafe impl Send for Decoder {}

impl Decoder {
    /// A new decoder at complexity 0: no neural processing. Mono and stereo packets both play on either layout.
    ///
    /// # Errors
    /// [`Error::NoMemory`].
    pub fn new(rate: SampleRate, channels: Channels) -> Result<Self, Error> {
        let mut code = sys::OPUS_OK;
        // SAFETY: the arguments are values libopus accepts, and `code` outlives the call.
        let raw = unsafe { sys::opus_decoder_create(rate.raw(), channels.raw(), &raw mut code) };
        match NonNull::new(raw) {
            Some(raw) => Ok(Self { raw, rate, channels }),
            None => Err(Error::from_code(code)),
        }
    }

    /// Sample rate of the output.
    pub fn rate(&self) -> SampleRate {
        self.rate
    }

    /// Channels of the output.
    pub fn channels(&self) -> Channels {
        self.channels
    }

    /// Computation allowed, 0 to 10: from 5 up losses are concealed by a neural vocoder (deep PLC), at 6 speech
    /// is enhanced by LACE, from 7 up by NoLACE. A frame costs three to four times the plain one at 7,
    /// a concealed frame ten times a decoded one from 5 up.
    ///
    /// # Errors
    /// [`Error::Setting`] above 10.
    pub fn set_complexity(&mut self, complexity: u8) -> Result<(), Error> {
        self.set("complexity", sys::OPUS_SET_COMPLEXITY_REQUEST, complexity.into())
    }

    /// Extends wide-band speech to the full band by a neural network. Acts at 48 kHz output, complexity 4 and
    /// up, and on speech-mode packets only.
    ///
    /// # Errors
    /// None known; kept fallible like its siblings.
    pub fn set_bandwidth_extension(&mut self, on: bool) -> Result<(), Error> {
        self.set("bandwidth extension", sys::OPUS_SET_OSCE_BWE_REQUEST, on.into())
    }

    /// Decodes one packet. `out` needs room for all its frames ([`packet::samples`]), at most 120 ms.
    ///
    /// # Errors
    /// [`Error::InvalidPacket`] (the decoder can go on with the next one), [`Error::OutputTooSmall`].
    pub fn decode(&mut self, packet: &[u8], out: &mut [f32]) -> Result<usize, Error> {
        let samples = packet::samples(packet, self.rate)?;
        let needed = samples * self.channels.count();
        if out.len() < needed {
            return Err(Error::OutputTooSmall {
                needed,
                got: out.len(),
            });
        }
        self.run(Some(packet), samples, &mut out[..needed], false)
    }

    /// Fills the stretch just before `packet` from the in-band FEC that `packet` carries. Call it before decoding
    /// `packet` itself. `out` is exactly the lost time; where it is longer than what FEC covers (one packet's
    /// frame), the front is concealed, and where there is no FEC ([`packet::has_fec`]) all of it is.
    ///
    /// # Errors
    /// [`Error::InvalidPacket`], [`Error::LostLength`].
    pub fn decode_fec(&mut self, packet: &[u8], out: &mut [f32]) -> Result<usize, Error> {
        packet::samples(packet, self.rate)?;
        let samples = self.lost_samples(out)?;
        self.run(Some(packet), samples, out, true)
    }

    /// Makes up sound for a lost stretch: `out` is exactly the lost time. Fades to silence as the loss goes on.
    ///
    /// # Errors
    /// [`Error::LostLength`].
    pub fn conceal(&mut self, out: &mut [f32]) -> Result<usize, Error> {
        let samples = self.lost_samples(out)?;
        self.run(None, samples, out, false)
    }

    /// Rebuilds a lost stretch from the deep redundancy of a later packet. `out` is exactly the stretch (whole
    /// multiples of 10 ms serve best); `offset` says how long before the first sample of that packet it begins,
    /// in samples per channel at this decoder's rate. For a gap of three 20 ms frames at 48 kHz the offsets are
    /// 2880, 1920, 960, in this order, and then the packet itself is decoded. What the redundancy does not
    /// reach ([`Dred::covers`]) is concealed.
    ///
    /// # Errors
    /// [`Error::LostLength`], [`Error::RateMismatch`].
    pub fn decode_dred(&mut self, dred: &Dred, offset: usize, out: &mut [f32]) -> Result<usize, Error> {
        let samples = self.lost_samples(out)?;
        if dred.rate() != self.rate {
            return Err(Error::RateMismatch {
                dred: dred.rate().hz(),
                decoder: self.rate.hz(),
            });
        }
        let Some(state) = dred.parsed() else {
            return self.run(None, samples, out, false);
        };
        // Nothing reaches back further than two seconds; the bound keeps the arithmetic of libopus in range.
        let offset = offset.min(2 * self.rate.hz() as usize);
        // SAFETY: `state` was filled by a successful `opus_dred_parse` and stays borrowed; `out` holds `samples`
        // samples for each channel, checked by `lost_samples`; the decoder is ours alone through `&mut self`.
        let result = unsafe {
            sys::opus_decoder_dred_decode_float(
                self.raw.as_ptr(),
                state,
                offset as i32,
                out.as_mut_ptr(),
                samples as i32,
            )
        };
        counted(result)
    }

    /// Pitch period of the last decoded frame, in samples at 48 kHz, if it had one.
    pub fn pitch(&self) -> Option<usize> {
        match self.get(sys::OPUS_GET_PITCH_REQUEST) {
            period @ 1.. => Some(period as usize),
            _ => None,
        }
    }

    /// Samples per channel of the last packet decoded or stretch concealed.
    pub fn last_packet_duration(&self) -> usize {
        self.get(sys::OPUS_GET_LAST_PACKET_DURATION_REQUEST)
            .try_into()
            .unwrap_or(0)
    }

    /// Forgets the sound so far, as when another stream begins; the settings stay.
    pub fn reset(&mut self) {
        // SAFETY: the request takes no argument, and the state is ours alone through `&mut self`.
        unsafe { sys::opus_decoder_ctl(self.raw.as_ptr(), sys::OPUS_RESET_STATE) };
    }

    /// Checks that `out` is a stretch that can be concealed, and returns its samples per channel.
    fn lost_samples(&self, out: &[f32]) -> Result<usize, Error> {
        let quantum = self.rate.quantum() * self.channels.count();
        let quanta = out.len() / quantum;
        if !out.len().is_multiple_of(quantum) || quanta == 0 || quanta > MAX_QUANTA {
            return Err(Error::LostLength { got: out.len() });
        }
        Ok(quanta * self.rate.quantum())
    }

    /// Runs the decoder. `out` must hold `samples` samples for each channel, and a packet must not be empty.
    fn run(
        &mut self,
        packet: Option<&[u8]>,
        samples: usize,
        out: &mut [f32],
        fec: bool,
    ) -> Result<usize, Error> {
        debug_assert_eq!(samples * self.channels.count(), out.len());
        let (data, len) = match packet {
            Some(packet) => (
                packet.as_ptr(),
                i32::try_from(packet.len()).map_err(|_| Error::InvalidPacket)?,
            ),
            None => (ptr::null(), 0),
        };
        // SAFETY: `data` is null with length 0 or a live slice of `len` bytes; all three callers pass an `out`
        // of exactly `samples` samples for each channel; the state is ours alone through `&mut self`.
        let result = unsafe {
            sys::opus_decode_float(
                self.raw.as_ptr(),
                data,
                len,
                out.as_mut_ptr(),
                samples as c_int,
                fec.into(),
            )
        };
        counted(result)
    }

    fn set(&mut self, name: &'static str, request: c_int, value: i32) -> Result<(), Error> {
        // SAFETY: every request passed here is one that takes a single `opus_int32`.
        let code = unsafe { sys::opus_decoder_ctl(self.raw.as_ptr(), request, value) };
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
        unsafe { sys::opus_decoder_ctl(self.raw.as_ptr(), request, &raw mut value) };
        value
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `opus_decoder_create` and is not used after this.
        unsafe { sys::opus_decoder_destroy(self.raw.as_ptr()) };
    }
}
