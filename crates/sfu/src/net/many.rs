//! One socket for many local addresses: a thousand peers for the price of one.
//!
//! For those who put load on a service. Each address of 127.0.0.0/8 is a peer of its own to who receives from it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use super::datagrams::{Headers, Name, receive, send_from, tell_local};
use super::{DATAGRAM, enlarge};

/// A socket that is bound to every local address.
pub struct Many {
    socket: UdpSocket,
    port: u16,
    buffers: Vec<[u8; DATAGRAM]>,
    names: Vec<Name>,
    taken: Vec<(usize, Option<Ipv4Addr>)>,
    headers: Headers,
}

impl Many {
    /// Datagrams taken with one system call.
    pub const BATCH: usize = 256;

    /// Binds any free port. The system keeps up to `bytes` of what waits, where it allows that.
    ///
    /// # Errors
    /// That of the socket.
    pub fn bind(bytes: usize) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.set_nonblocking(true)?;
        tell_local(&socket)?;
        enlarge(&socket, bytes);
        Ok(Self {
            port: socket.local_addr()?.port(),
            socket,
            buffers: vec![[0; DATAGRAM]; Self::BATCH],
            names: vec![Name::EMPTY; Self::BATCH],
            taken: vec![(0, None); Self::BATCH],
            headers: Headers::new(Self::BATCH),
        })
    }

    /// To wait for.
    pub const fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// The port, of every address.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Sends a datagram from one of the addresses. One that the system does not take is lost, as on any network.
    pub fn send(&self, from: Ipv4Addr, to: SocketAddr, datagram: &[u8]) {
        let _ = send_from(&self.socket, from, &Name::new(to), datagram);
    }

    /// Takes what is there, up to [`Many::BATCH`] datagrams.
    ///
    /// # Errors
    /// That of the socket, other than that nothing is there.
    pub fn receive(&mut self) -> io::Result<usize> {
        let places = &mut self.taken;
        let result = receive(
            &self.socket,
            &mut self.headers,
            &mut self.buffers,
            &mut self.names,
            |n, taken| places[n] = (if taken.cut { 0 } else { taken.length }, taken.local),
        );
        match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            result => result,
        }
    }

    /// A datagram of those taken last: the address that it came to, where it came from, and what it says.
    pub fn get(&mut self, n: usize) -> Option<(Ipv4Addr, SocketAddr, &mut [u8])> {
        let (length, local) = *self.taken.get(n)?;
        let from = self.names.get(n)?.address()?;
        Some((local?, from, self.buffers.get_mut(n)?.get_mut(..length)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_a_peer() {
        let mut many = Many::bind(1 << 20).unwrap();
        let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let to = peer.local_addr().unwrap();
        let mut buffer = [0; 100];
        for last in 1..=100 {
            let from = Ipv4Addr::new(127, 1, 2, last);
            many.send(from, to, &[last; 20]);
            let (length, seen) = peer.recv_from(&mut buffer).unwrap();
            assert_eq!(seen, SocketAddr::from((from, many.port())));
            assert_eq!(buffer[..length], [last; 20]);
            peer.send_to(&[last; 30], seen).unwrap();
        }
        let mut next = 1;
        while next <= 100 {
            for n in 0..many.receive().unwrap() {
                let (local, from, datagram) = many.get(n).unwrap();
                assert_eq!((local, from), (Ipv4Addr::new(127, 1, 2, next), to));
                assert_eq!(datagram, [next; 30]);
                next += 1;
            }
        }
    }
}
