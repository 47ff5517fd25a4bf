//! The client's side of a call.

mod state;

pub use state::CallState;
