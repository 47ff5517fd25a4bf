//! Datagrams out, by the batch: written in place, sorted by receiver, and those of one size to one receiver handed to
//! the kernel as one.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use super::DATAGRAM;
use super::datagrams::{Headers, Message, Name, segments, send};
use super::wake::wait_for_room;

/// Datagrams of a batch: those of a picture's frame to a hundred receivers, so that each gets its own as one run.
const BATCH: usize = 1_024;

/// Most segments of a run (`UDP_MAX_SEGMENTS` of Linux before 6.9), and most bytes.
const MAX_SEGMENTS: usize = 64;
const MAX_RUN: usize = 60_000;

/// How often, and for how long, a batch waits for room in the buffer of the socket.
const MAX_WAITS: u32 = 4;
const WAIT: Duration = Duration::from_millis(1);

/// A datagram that waits.
#[derive(Clone, Copy)]
struct Waiting {
    to: Name,
    group: u32,
    start: u32,
    length: u16,
}

/// A run of datagrams of [`Sending::order`].
#[derive(Clone, Copy)]
struct Run {
    start: u16,
    count: u16,
}

/// A batch of datagrams to send.
pub struct Sending {
    /// One datagram behind the other, so that small ones touch little memory.
    bytes: Box<[u8]>,
    used: usize,
    waiting: Vec<Waiting>,
    order: Vec<u16>,
    runs: Vec<Run>,
    headers: Headers,
    segments: bool,
    /// Datagrams the kernel took.
    pub sent: u64,
    /// System calls it took.
    pub calls: u64,
    /// Datagrams it did not take.
    pub failed: u64,
}

impl Sending {
    /// For a socket.
    pub fn new(socket: &UdpSocket) -> Self {
        Self {
            bytes: vec![0; BATCH * DATAGRAM].into(),
            used: 0,
            waiting: Vec::with_capacity(BATCH),
            order: Vec::with_capacity(BATCH),
            runs: Vec::with_capacity(BATCH),
            headers: Headers::new(BATCH),
            segments: segments(socket),
            sent: 0,
            calls: 0,
            failed: 0,
        }
    }

    /// As with a kernel that cannot.
    #[cfg(test)]
    pub fn without_segments(&mut self) {
        self.segments = false;
    }

    /// Queues what `write` puts into the buffer; it gives the length, or none where nothing is to be sent. `group` is a
    /// number of the receiver. Sends first where the batch is full.
    pub fn queue(
        &mut self,
        socket: &UdpSocket,
        to: SocketAddr,
        group: u32,
        write: impl FnOnce(&mut [u8; DATAGRAM]) -> Option<usize>,
    ) {
        if self.waiting.len() == BATCH {
            self.flush(socket);
        }
        let rest = self.bytes.get_mut(self.used..);
        let Some(buffer) = rest.and_then(|rest| rest.first_chunk_mut()) else {
            return;
        };
        if let Some(length) = write(buffer).filter(|length| *length <= DATAGRAM) {
            self.waiting.push(Waiting {
                to: Name::new(to),
                group,
                start: self.used as u32,
                length: length as u16,
            });
            self.used += length;
        }
    }

    /// Sends what waits.
    pub fn flush(&mut self, socket: &UdpSocket) {
        if self.waiting.is_empty() {
            return;
        }
        self.arrange();
        let mut done = 0;
        let mut waits = 0;
        while done < self.runs.len() {
            let runs = self.runs.get(done..).unwrap_or(&[]);
            let datagrams = self.order.get(usize::from(runs[0].start)..).unwrap_or(&[]);
            let messages = runs.iter().map(|run| {
                let first = &self.waiting[usize::from(self.order[usize::from(run.start)])];
                Message {
                    to: &first.to,
                    segment: (run.count > 1).then_some(first.length),
                    pieces: usize::from(run.count),
                }
            });
            let pieces = datagrams.iter().map(|at| {
                let waiting = &self.waiting[usize::from(*at)];
                &self.bytes[waiting.start as usize..][..usize::from(waiting.length)]
            });
            self.calls += 1;
            match send(socket, &mut self.headers, messages, pieces) {
                Ok(sent) => {
                    let sent = &runs[..sent.min(runs.len())];
                    self.sent += sent.iter().map(|run| u64::from(run.count)).sum::<u64>();
                    // A call that sends nothing and tells no error must not be repeated for ever.
                    done += sent.len().max(1);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // The buffer of the socket is full. Voices that wait are worth less than those that come.
                    if waits == MAX_WAITS {
                        self.failed += runs.iter().map(|run| u64::from(run.count)).sum::<u64>();
                        break;
                    }
                    waits += 1;
                    wait_for_room(socket, WAIT);
                }
                Err(error) if runs[0].count > 1 => {
                    // A network card or a tunnel that cannot; or one datagram too long for it, of which we know no more.
                    if error.raw_os_error() == Some(libc::EIO) {
                        self.segments = false;
                    }
                    let run = runs[0];
                    let singles = (run.start..run.start + run.count).map(|start| Run { start, count: 1 });
                    self.runs.splice(done..=done, singles);
                }
                Err(_) => {
                    self.failed += u64::from(runs[0].count);
                    done += 1;
                }
            }
        }
        self.waiting.clear();
        self.used = 0;
    }

    /// Sorts by receiver, in order for each.
    fn arrange(&mut self) {
        self.order.clear();
        self.order.extend(0..self.waiting.len() as u16);
        if self.segments {
            let waiting = &self.waiting;
            self.order
                .sort_unstable_by_key(|at| (waiting[usize::from(*at)].group, *at));
        }
        self.arrange_runs();
    }

    fn arrange_runs(&mut self) {
        self.runs.clear();
        let mut open = None::<(u32, u16, usize)>;
        for (n, at) in self.order.iter().enumerate() {
            let next = self.waiting[usize::from(*at)];
            let bytes = usize::from(next.length);
            let fits = open.is_some_and(|(group, length, total)| {
                self.segments && group == next.group && next.length <= length && total + bytes <= MAX_RUN
            });
            match self.runs.last_mut() {
                Some(run) if fits && usize::from(run.count) < MAX_SEGMENTS => {
                    run.count += 1;
                    // Only the last may be shorter.
                    open = open
                        .filter(|(_, length, _)| *length == next.length)
                        .map(|(group, length, total)| (group, length, total + bytes));
                }
                _ => {
                    self.runs.push(Run {
                        start: n as u16,
                        count: 1,
                    });
                    open = Some((next.group, next.length, bytes));
                }
            }
        }
    }
}
