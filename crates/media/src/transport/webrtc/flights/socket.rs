//! A socket of the library with [`Flights`] in front.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, ready};

use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

use super::wire::dtls;
use super::{Flights, Heard, REPEATS};

/// A socket over which a handshake comes through.
#[derive(Debug)]
pub(in super::super) struct PatientSocket {
    socket: Arc<dyn AsyncUdpSocket>,
    flights: Arc<Mutex<Flights>>,
    /// The handshake is over: nothing is looked at any more.
    done: AtomicBool,
}

impl PatientSocket {
    pub(in super::super) fn new(socket: Arc<dyn AsyncUdpSocket>) -> Self {
        Self {
            socket,
            flights: Arc::default(),
            done: AtomicBool::new(false),
        }
    }

    fn look<T>(&self, look: impl FnOnce(&mut Flights) -> T) -> T {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = look(&mut flights);
        self.done.store(flights.is_done(), Ordering::Relaxed);
        seen
    }

    fn is_done(&self) -> bool {
        self.done.load(Ordering::Relaxed)
    }

    /// Whether anything in a buffer is for the library to see.
    fn is_news(&self, datagrams: &[u8], meta: &RecvMeta) -> bool {
        let datagrams = || datagrams.chunks(meta.stride.max(1));
        if self.is_done() || datagrams().all(|datagram| dtls(datagram).is_none()) {
            return true;
        }
        self.look(|flights| {
            // Every one is looked at, whatever the others are.
            datagrams().fold(false, |news, datagram| {
                news | (flights.heard(datagram, meta.addr) == Heard::News)
            })
        })
    }
}

/// Sends a flight again until it is answered, for as long as the socket is there.
async fn repeat(socket: Arc<dyn AsyncUdpSocket>, flights: Weak<Mutex<Flights>>, number: u64) {
    for wait in REPEATS {
        tokio::time::sleep(wait).await;
        let Some(flights) = flights.upgrade() else { return };
        let again = flights
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .repeat(number);
        let Some((flight, peer)) = again else { return };
        for datagram in flight {
            // As good as lost.
            let _ = socket.send_to(&datagram, peer).await;
        }
    }
    if let Some(flights) = flights.upgrade() {
        flights
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .wait_is_over(number);
    }
}

impl AsyncUdpSocket for PatientSocket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let sent = ready!(self.socket.poll_send(cx, transmit));
        if !self.is_done()
            && dtls(transmit.contents).is_some()
            && let Some(number) = self.look(|flights| flights.sent(transmit.contents, transmit.destination))
        {
            let flights = Arc::downgrade(&self.flights);
            tokio::spawn(repeat(Arc::clone(&self.socket), flights, number));
        }
        Poll::Ready(sent)
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        loop {
            // One at a time, as the library asks for them, so that none needs to be taken out of the middle.
            let (bufs, meta) = (&mut bufs[..1], &mut meta[..1]);
            let count = ready!(self.socket.poll_recv(cx, bufs, meta))?;
            if count == 0 || self.is_news(&bufs[0][..meta[0].len], &meta[0]) {
                return Poll::Ready(Ok(count));
            }
        }
    }

    fn max_gso_segments(&self) -> usize {
        self.socket.max_gso_segments()
    }

    fn max_gro_segments(&self) -> usize {
        self.socket.max_gro_segments()
    }
}
