//! Safe bindings to libopus 1.6: encoder, decoder, in-band FEC, deep redundancy (DRED), deep packet loss
//! concealment and speech enhancement, and a look into packets (RFC 6716, RFC 8251).
//!
//! Every buffer is checked here before the C code sees it, so packets may come straight from a hostile
//! network. The crate refuses to know RTP, devices and time: what was lost, and when to play, is decided above.
//!
//! libopus allocates only where a coder is created ([`Encoder::new`], [`Decoder::new`], [`Dred::new`]);
//! everything else here works in place and may run on a real-time thread.
//!
//! ```
//! use sidetone_opus::{Application, Bitrate, Channels, Decoder, Encoder, FrameDuration, SampleRate};
//!
//! # fn main() -> Result<(), sidetone_opus::Error> {
//! let rate = SampleRate::Hz48000;
//! let mut encoder = Encoder::new(rate, Channels::Mono, Application::Voip)?;
//! encoder.set_bitrate(Bitrate::kbps(24))?;
//! let mut decoder = Decoder::new(rate, Channels::Mono)?;
//!
//! let mut pcm = [0.0; 960];
//! let mut packet = [0; 1200];
//! let bytes = encoder.encode(&pcm, &mut packet)?;
//! let samples = decoder.decode(&packet[..bytes], &mut pcm)?;
//! assert_eq!(samples, FrameDuration::Ms20.samples(rate));
//! # Ok(())
//! # }
//! ```

mod decoder;
mod dred;
mod encoder;
mod error;
pub mod packet;
mod units;

pub use decoder::Decoder;
pub use dred::{Dred, MAX_DRED};
pub use encoder::{Encoder, Signal};
pub use error::Error;
pub use units::{Application, Bandwidth, Bitrate, Channels, FrameDuration, SampleRate};

use std::ffi::CStr;

/// Version of the libopus inside, as it names itself, for example `libopus 1.6.1`.
pub fn version() -> &'static str {
    // SAFETY: libopus returns a pointer to a string literal: terminated, never freed, never changed.
    let text = unsafe { CStr::from_ptr(opusic_sys::opus_get_version_string()) };
    text.to_str().unwrap_or("libopus")
}
