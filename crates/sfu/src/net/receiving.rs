//! Datagrams in, by the batch.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use super::DATAGRAM;
use super::datagrams::{Headers, Name, receive};

const BATCH: usize = Receiving::BATCH;

/// A batch of received datagrams.
pub struct Receiving {
    buffers: Vec<[u8; DATAGRAM]>,
    names: Vec<Name>,
    lengths: [usize; BATCH],
    headers: Headers,
}

/// A datagram of a batch.
pub struct Incoming<'a> {
    /// Where it came from.
    pub from: SocketAddr,
    /// What it says.
    pub datagram: &'a mut [u8],
}

impl Default for Receiving {
    fn default() -> Self {
        Self {
            buffers: vec![[0; DATAGRAM]; BATCH],
            names: vec![Name::EMPTY; BATCH],
            lengths: [0; BATCH],
            headers: Headers::new(BATCH),
        }
    }
}

impl Receiving {
    /// Datagrams taken with one system call.
    pub const BATCH: usize = 64;

    /// Takes what is there, up to [`Receiving::BATCH`] datagrams. Longer ones than [`DATAGRAM`] are counted in `cut` and come as empty.
    ///
    /// # Errors
    /// That of the socket, other than that nothing is there.
    pub fn receive(&mut self, socket: &UdpSocket, cut: &mut u64) -> io::Result<usize> {
        let lengths = &mut self.lengths;
        let result = receive(
            socket,
            &mut self.headers,
            &mut self.buffers,
            &mut self.names,
            |n, taken| {
                *cut += u64::from(taken.cut);
                lengths[n] = if taken.cut { 0 } else { taken.length };
            },
        );
        match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            result => result,
        }
    }

    /// A datagram of the batch.
    pub fn get(&mut self, n: usize) -> Option<Incoming<'_>> {
        let from = self.names.get(n)?.address()?;
        let datagram = self.buffers.get_mut(n)?.get_mut(..*self.lengths.get(n)?)?;
        Some(Incoming { from, datagram })
    }
}
