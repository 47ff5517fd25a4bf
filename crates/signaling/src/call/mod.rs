//! The client's side of a call: what the application, the service and the media of its legs say, and what follows.

mod application;
mod machine;
mod media;
mod recovery;
mod service;
mod state;

pub(crate) use machine::{ClientCall, Output, Settings};
pub use state::CallState;
