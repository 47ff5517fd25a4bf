//! Measuring a call: what the benchmark computes from recordings, and how it tells the result.
//!
//! The parts here are pure: recordings and counters in, a [`report::Report`] out, then [`table`], [`html`] or JSON.
//! Running the call is not their business.

pub mod delay;
pub mod echo;
pub mod figures;
pub mod file;
pub mod html;
pub mod loopback;
pub mod machine;
pub mod meeting;
pub mod origin;
pub mod page;
pub mod percentile;
pub mod pictures;
pub mod report;
pub mod sound_server;
pub mod svg;
pub mod table;
pub mod target;
pub mod voice;
