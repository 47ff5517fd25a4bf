//! What a path does to sound of each frequency: response, bandwidth, distortion.
//!
//! [`Response`] takes a recording of a [`Sweep`](crate::signal::Sweep) and divides it by what was played; what is left is
//! the impulse response of the path, and, each at a time of its own before it, those of its distortion (Farina 2000).
//! [`Distortion`] listens to a single tone.

mod bands;
mod distortion;
mod response;

pub use bands::Band;
pub use distortion::{Distortion, DistortionReport};
pub use response::{Harmonics, Response, ResponseReport};
