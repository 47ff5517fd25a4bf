//! Batches over real sockets.

use std::net::UdpSocket;
use std::time::Duration;

use super::{Receiving, Sending};

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket
}

/// Datagrams of a mix of sizes to three receivers in turn, more than a batch.
fn check(addresses: &str, segmented: bool) {
    let bind = || UdpSocket::bind(addresses).unwrap();
    let sender = bind();
    let mut sending = Sending::new(&sender);
    if !segmented {
        sending.without_segments();
    }
    let receivers: Vec<UdpSocket> = (0..3).map(|_| bind()).collect();
    let size = |n: u32| if n % 10 == 9 { 100 } else { 1_100 };
    for n in 0..600u32 {
        let receiver = n as usize % 3;
        let to = receivers[receiver].local_addr().unwrap();
        sending.queue(&sender, to, receiver as u32, |buffer| {
            buffer[..4].copy_from_slice(&n.to_be_bytes());
            buffer[4..size(n)].fill(n as u8);
            Some(size(n))
        });
        // Nothing to say takes no place.
        sending.queue(&sender, to, receiver as u32, |_| None);
        if n % 150 == 149 {
            sending.flush(&sender);
            for (at, receiver) in receivers.iter().enumerate() {
                receiver.set_nonblocking(true).unwrap();
                let (mut receiving, mut cut, mut got) = (Receiving::default(), 0, Vec::new());
                while got.len() < 50 {
                    let count = receiving.receive(receiver, &mut cut).unwrap();
                    for n in 0..count {
                        let incoming = receiving.get(n).unwrap();
                        assert_eq!(incoming.from, sender.local_addr().unwrap());
                        got.push(incoming.datagram.to_vec());
                    }
                }
                let expected = (n - 149..=n).filter(|n| *n as usize % 3 == at);
                for (datagram, n) in got.iter().zip(expected) {
                    assert_eq!(datagram[..4], n.to_be_bytes(), "in order");
                    assert_eq!(datagram[4..], vec![n as u8; size(n) - 4]);
                }
            }
        }
    }
    assert_eq!((sending.sent, sending.failed, sending.calls), (600, 0, 4));
}

#[test]
fn runs_to_one_receiver_arrive_whole_and_in_order() {
    check("127.0.0.1:0", true);
    check("[::1]:0", true);
}

#[test]
fn so_they_do_where_the_kernel_cannot_segment() {
    check("127.0.0.1:0", false);
}

#[test]
fn what_is_too_long_is_counted_and_empty() {
    let (from, to) = (socket(), socket());
    from.send_to(&[1; 3_000], to.local_addr().unwrap()).unwrap();
    from.send_to(&[2; 10], to.local_addr().unwrap()).unwrap();
    let (mut receiving, mut cut) = (Receiving::default(), 0);
    let mut lengths = Vec::new();
    while lengths.len() < 2 {
        for n in 0..receiving.receive(&to, &mut cut).unwrap() {
            lengths.push(receiving.get(n).unwrap().datagram.len());
        }
    }
    assert_eq!((lengths, cut), (vec![0, 10], 1));
}
