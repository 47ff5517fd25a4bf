//! Deep redundancy: up to a second of past speech, coded in a few bytes and carried in the packet's padding.
//!
//! This module reads it out of a packet; [`Decoder::decode_dred`](crate::Decoder::decode_dred) turns it into
//! sound. Reading needs no decoder and may run on another thread.

use crate::error::{Error, counted};
use crate::packet;
use crate::units::SampleRate;
use opusic_sys as sys;
use std::ptr::NonNull;
use std::time::Duration;

/// The furthest back redundancy can reach.
pub const MAX_DRED: Duration = Duration::from_millis(1040);

/// The deep redundancy of one packet, reusable: parse one packet after another into it. Allocates when created,
/// never after.
///
/// The redundancy covers the time from `available()` to `nearest()` samples before the packet's first sample.
#[derive(Debug)]
pub struct Dred {
    model: NonNull<sys::OpusDREDDecoder>,
    state: NonNull<sys::OpusDRED>,
    rate: SampleRate,
    available: usize,
    nearest: usize,
}

// SAFETY: both are heap blocks that libopus touches only through these pointers, which only this value holds;
// the network weights they refer to are constants. Nothing has thread affinity.
unsafe impl Send for Dred {}

impl Dred {
    /// An empty one, counting time in samples at `rate`, which must be the rate of the decoder it is used with.
    ///
    /// # Errors
    /// [`Error::NoMemory`].
    pub fn new(rate: SampleRate) -> Result<Self, Error> {
        let mut code = sys::OPUS_OK;
        // SAFETY: `code` outlives the call.
        let model = unsafe { sys::opus_dred_decoder_create(&raw mut code) };
        let model = NonNull::new(model).ok_or_else(|| Error::from_code(code))?;
        // SAFETY: `code` outlives the call.
        let state = unsafe { sys::opus_dred_alloc(&raw mut code) };
        let Some(state) = NonNull::new(state) else {
            // SAFETY: the pointer came from `opus_dred_decoder_create` and is not used after this.
            unsafe { sys::opus_dred_decoder_destroy(model.as_ptr()) };
            return Err(Error::from_code(code));
        };
        Ok(Self {
            model,
            state,
            rate,
            available: 0,
            nearest: 0,
        })
    }

    /// Reads the redundancy of `packet`, as far back as `max_samples` samples before it, and returns how far back
    /// it really reaches, at most `max_samples`: 0 when there is none. What was parsed before is gone, also on an
    /// error. Costs less than decoding a frame.
    ///
    /// # Errors
    /// [`Error::InvalidPacket`].
    pub fn parse(&mut self, packet: &[u8], max_samples: usize) -> Result<usize, Error> {
        self.clear();
        packet::samples(packet, self.rate)?;
        let len = i32::try_from(packet.len()).map_err(|_| Error::InvalidPacket)?;
        // Twice what libopus ever keeps: its arithmetic on this number must not overflow.
        let max_samples = max_samples.min(2 * self.rate.hz() as usize);
        let mut end = 0;
        // SAFETY: model and state are live and ours alone through `&mut self`; `packet` has `len` bytes; `end`
        // outlives the call.
        let result = unsafe {
            sys::opus_dred_parse(
                self.model.as_ptr(),
                self.state.as_ptr(),
                packet.as_ptr(),
                len,
                max_samples as i32,
                self.rate.raw(),
                &raw mut end,
                0,
            )
        };
        // A packet may claim to reach back twenty seconds, and libopus takes the maximum as a mere hint.
        let available = counted(result)?.min(max_samples);
        let nearest = usize::try_from(end).unwrap_or(0);
        if nearest < available {
            (self.available, self.nearest) = (available, nearest);
        }
        Ok(self.available)
    }

    /// Forgets what was parsed.
    pub fn clear(&mut self) {
        self.available = 0;
        self.nearest = 0;
    }

    /// The rate its samples are counted at.
    pub fn rate(&self) -> SampleRate {
        self.rate
    }

    /// How far before the packet the redundancy begins, in samples per channel; 0 when there is none.
    pub fn available(&self) -> usize {
        self.available
    }

    /// How far before the packet the redundancy ends, in samples per channel: 0 when it reaches up to the packet.
    pub fn nearest(&self) -> usize {
        self.nearest
    }

    /// Whether the redundancy has any of the `samples` samples that begin `offset` before the packet.
    pub fn covers(&self, offset: usize, samples: usize) -> bool {
        offset.saturating_sub(samples) < self.available && offset > self.nearest
    }

    /// The state for decoding, once a packet with redundancy was parsed. Before that libopus has never written it.
    pub(crate) fn parsed(&self) -> Option<*const sys::OpusDRED> {
        (self.available > 0).then(|| self.state.as_ptr().cast_const())
    }
}

impl Drop for Dred {
    fn drop(&mut self) {
        // SAFETY: the pointers came from `opus_dred_decoder_create` and `opus_dred_alloc` and are not used after.
        unsafe {
            sys::opus_dred_decoder_destroy(self.model.as_ptr());
            sys::opus_dred_free(self.state.as_ptr());
        }
    }
}
