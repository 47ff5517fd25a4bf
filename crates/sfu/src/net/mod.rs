//! Sockets of a shard, by the batch. Linux only: `recvmmsg`, `sendmmsg` and UDP segmentation.

mod datagrams;
mod receiving;
mod sending;
#[cfg(test)]
mod tests;
mod wake;

pub use receiving::{Incoming, Receiving};
pub use sending::Sending;
pub use wake::{Waiter, Waker};

/// Room for one datagram: an Ethernet frame's.
pub const DATAGRAM: usize = 1500;
