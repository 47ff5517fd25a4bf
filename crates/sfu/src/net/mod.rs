//! Sockets of a shard, by the batch. Linux only: `recvmmsg`, `sendmmsg` and UDP segmentation.

mod datagrams;
mod many;
mod receiving;
mod sending;
#[cfg(test)]
mod tests;
mod wake;

pub use many::Many;
pub use receiving::{Incoming, Receiving};
pub use sending::Sending;
pub use wake::{Waiter, Waker};

use std::net::UdpSocket;

use rustix::net::sockopt;

/// Room for one datagram: an Ethernet frame's.
pub const DATAGRAM: usize = 1500;

/// Lets the kernel keep `bytes` each of what arrives and of what leaves while a thread is late: beyond the system's bound
/// where the process may do that, up to it elsewhere. Less is no reason to fail.
pub fn enlarge(socket: &UdpSocket, bytes: usize) {
    let _ = sockopt::set_socket_recv_buffer_size_force(socket, bytes)
        .or_else(|_| sockopt::set_socket_recv_buffer_size(socket, bytes));
    let _ = sockopt::set_socket_send_buffer_size_force(socket, bytes)
        .or_else(|_| sockopt::set_socket_send_buffer_size(socket, bytes));
}
