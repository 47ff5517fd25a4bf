//! A seeded network emulator: delay, jitter, loss, reordering, duplication, rate and queue.
//!
//! [`Link`] is one direction, [`Duplex`] is two; both are sans-IO, take `now`, and repeat exactly from a seed.
//! [`relay`] puts the same emulator between two real UDP sockets. Nothing here knows what a packet means.
//!
//! The contract: call [`Link::send`] for every packet that enters, then [`Link::poll`] until it returns `None`,
//! then sleep until [`Link::next_timeout`]. Time never goes backwards between calls; if it does, the earlier
//! value counts.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use sidetone_netsim::{Config, Jitter, Link, Loss};
//!
//! let now = Instant::now();
//! let config = Config::IDEAL
//!     .delay(Duration::from_millis(40))
//!     .jitter(Jitter::normal(Duration::from_millis(10)))
//!     .loss(Loss::bursts(0.02, 3.0));
//! let mut link = Link::new(config, 7);
//! link.send("hello", 5, now);
//! assert_eq!(link.poll(now), None);
//! if let Some(due) = link.next_timeout() {
//!     assert_eq!(link.poll(due), Some("hello"));
//! }
//! ```
#![forbid(unsafe_code)]

mod config;
mod dice;
mod duplex;
mod impairment;
mod link;
mod preset;
#[cfg(feature = "relay")]
pub mod relay;

pub use config::{Config, Jitter, Loss, Order, Queue, Rate, Spikes};
pub use duplex::{Duplex, Side};
pub use link::{Link, Stats};
pub use preset::{Preset, UnknownPreset};
