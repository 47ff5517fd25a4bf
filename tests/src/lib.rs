//! The whole system in one thread and in virtual time: the agents and the switchboard of the signaling crate, the
//! in-memory transport and the voice path of the media crate. All of it is the code that real calls run on; what is
//! made here are the wires between, the clock, and the trouble.
//!
//! Everything follows from the seed: the same world does the same things again. It refuses to know what a test wants
//! to see.

#![forbid(unsafe_code)]

mod leg;
mod wire;
mod world;

pub use leg::{Leg, Talk};
pub use world::{CallView, Client, ClientId, Happening, World};
