//! Selective forwarding of RTP for meetings (RFC 7667 section 3.7): everybody sends its voice and picture once, and gets
//! those of the others that matter in a few slots.
//!
//! [`Sfu`] is the handle of the service: threads with a socket each, on which rooms live. Underneath are parts that
//! stand alone: [`link`] makes a transport to one peer, [`srtp`] protects packets, [`sdp`] reads offers and writes
//! answers, [`room`] decides which packet goes to whom. The crate refuses to know calls, accounts and chat. Linux only.
#![deny(unsafe_code)]

pub mod caller;
mod config;
pub mod link;
mod net;
pub mod room;
pub mod rtp;
pub mod sdp;
mod sfu;
mod shard;
mod slab;
pub mod srtp;

pub use config::{Config, Limits, RoomSettings};
pub use room::Rights;
pub use sfu::{Event, JoinError, Number, ParticipantStats, RoomId, RoomStats, Sfu, SfuError, ShardStats};
