//! The cost that no forwarding unit can do without: receive, open, seal and send, and nothing between.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use sidetone_sfu::net::{Receiving, Sending, Waiter};
use sidetone_sfu::srtp::{MasterKeys, Opener, Profile, Sealer};

use super::cores::Cores;
use super::report::Bare;
use crate::bench::machine;

/// Receivers of each packet.
const FAN_OUT: u16 = 50;

/// Packets a second out.
const RATE: u32 = 80_000;

/// How long it runs.
const LENGTH: Duration = Duration::from_secs(4);

/// RTP header of a packet.
const HEADER: usize = 12;

fn packet(sequence: u16, ssrc: u32, payload: usize, out: &mut [u8]) -> usize {
    out[0] = 0x80;
    out[1] = 111;
    out[2..4].copy_from_slice(&sequence.to_be_bytes());
    out[4..8].fill(0);
    out[8..12].copy_from_slice(&ssrc.to_be_bytes());
    out[HEADER..HEADER + payload].fill(0xa5);
    HEADER + payload
}

/// Runs the loop where the service runs, and what feeds and drains it where the participants are.
///
/// # Errors
/// In words.
pub fn measure(payload: usize, cores: Option<Cores>) -> Result<Bare, String> {
    let broken = |error: std::io::Error| format!("bare loop: {error}");
    let socket = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(broken);
    let (inner, feeder) = (socket()?, socket()?);
    inner.set_nonblocking(true).map_err(broken)?;
    let to = inner.local_addr().map_err(broken)?;
    let keys = MasterKeys::new(Profile::AeadAes128Gcm, &[7; 16], &[9; 12]).ok_or("bare loop: no keys")?;
    let drains: Vec<UdpSocket> = (0..FAN_OUT).map(|_| socket()).collect::<Result<_, _>>()?;
    let addresses: Vec<SocketAddr> = drains
        .iter()
        .map(|drain| drain.local_addr().map_err(broken))
        .collect::<Result<_, _>>()?;
    let stop = Arc::new(AtomicBool::new(false));

    let drained = thread::spawn({
        let stop = Arc::clone(&stop);
        move || {
            let mut receiving = Receiving::default();
            for drain in &drains {
                // A drain that blocks would stop the others.
                let _ = drain.set_nonblocking(true);
            }
            while !stop.load(Relaxed) {
                for drain in &drains {
                    while receiving.receive(drain, &mut 0).is_ok_and(|count| count > 0) {}
                }
                thread::sleep(Duration::from_millis(2));
            }
        }
    });
    let fed = thread::spawn({
        let (stop, keys) = (Arc::clone(&stop), keys.clone());
        move || {
            let Some(mut sealer) = Sealer::new(&keys) else {
                return;
            };
            let every = Duration::from_secs(1) / (RATE / u32::from(FAN_OUT));
            let (started, mut sent) = (Instant::now(), 0_u32);
            let mut buffer = [0; 1_500];
            while !stop.load(Relaxed) {
                while every * sent < started.elapsed() {
                    let length = packet(sent as u16, 1, payload, &mut buffer);
                    if let Ok(length) = sealer.seal_rtp(&mut buffer, length) {
                        let _ = feeder.send_to(&buffer[..length], to);
                    }
                    sent += 1;
                }
                thread::sleep(Duration::from_millis(1));
            }
        }
    });
    let looped = thread::Builder::new().name("bare".into()).spawn({
        let stop = Arc::clone(&stop);
        move || {
            if let Some(cores) = cores {
                cores.with_service();
            }
            forward(&inner, &addresses, &keys, &stop)
        }
    });
    let looped = looped.map_err(broken)?;
    thread::sleep(LENGTH / 4);
    let before = used();
    let started = Instant::now();
    thread::sleep(LENGTH);
    let (after, took) = (used(), started.elapsed());
    stop.store(true, Relaxed);
    let whole = looped.join().map_err(|_| "bare loop: it panicked")?;
    let _ = (drained.join(), fed.join());
    // The loop ran for a little longer than it was looked at; its rate is that of the feeder.
    let packets_per_second = whole as f64 / (took + LENGTH / 4).as_secs_f64();
    let cpu = after
        .zip(before)
        .map(|(after, before)| after.saturating_sub(before));
    let cpu = cpu.ok_or("bare loop: processor time cannot be read")?;
    Ok(Bare {
        packets_per_second,
        us_per_packet: cpu.as_secs_f64() * 1e6 / (packets_per_second * took.as_secs_f64()),
    })
}

fn used() -> Option<Duration> {
    let threads = machine::threads(None);
    threads
        .into_iter()
        .find(|thread| thread.name == "bare")
        .map(|thread| thread.cpu)
}

/// Gives the number of packets sent.
fn forward(socket: &UdpSocket, to: &[SocketAddr], keys: &MasterKeys, stop: &AtomicBool) -> u64 {
    let (Some(mut opener), Ok((waiter, _waker))) = (Opener::new(keys), Waiter::new()) else {
        return 0;
    };
    let mut sealers: Vec<Sealer> = to.iter().filter_map(|_| Sealer::new(keys)).collect();
    let (mut receiving, mut sending) = (Receiving::default(), Sending::new(socket));
    let mut sequence = 0_u16;
    while !stop.load(Relaxed) {
        waiter.wait(socket, Duration::from_millis(20));
        let count = receiving.receive(socket, &mut 0).unwrap_or(0);
        for n in 0..count {
            let Some(incoming) = receiving.get(n) else {
                continue;
            };
            let Ok(length) = opener.open_rtp(incoming.datagram) else {
                continue;
            };
            let payload = incoming.datagram.get(HEADER..length).unwrap_or(&[]);
            for (group, (to, sealer)) in to.iter().zip(&mut sealers).enumerate() {
                sending.queue(socket, *to, group as u32, |buffer| {
                    packet(sequence, 1, 0, buffer);
                    buffer
                        .get_mut(HEADER..HEADER + payload.len())?
                        .copy_from_slice(payload);
                    sealer.seal_rtp(buffer, HEADER + payload.len()).ok()
                });
            }
            sequence = sequence.wrapping_add(1);
        }
        sending.flush(socket);
    }
    sending.sent
}
