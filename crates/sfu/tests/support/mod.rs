//! Headless participants over real sockets.
#![allow(dead_code, reason = "each test uses what it needs")]

use std::net::UdpSocket;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use sidetone_sfu::caller::{Answered, Caller};
use sidetone_sfu::link::{Certificate, Link, LinkConfig, Received};
use sidetone_sfu::room::AudioLevel;
use sidetone_sfu::rtp::Writer;
use sidetone_sfu::{Rights, RoomId, RoomStats, Sfu};

/// One participant.
pub struct Phone {
    pub caller: Caller,
    pub link: Link,
    pub socket: UdpSocket,
    pub answered: Answered,
    pub sequence: u16,
    /// Payloads heard.
    pub heard: u64,
}

pub fn link_config() -> LinkConfig {
    LinkConfig::new(Certificate::generate().unwrap(), Duration::from_secs(15)).unwrap()
}

pub fn join(sfu: &Sfu, room: RoomId, number: u32, offer: &str, rights: Rights) -> String {
    let (answer, answered) = channel();
    sfu.join(room, number, offer, rights, move |result| {
        answer.send(result).unwrap()
    });
    answered.recv().unwrap().unwrap()
}

pub fn stats(sfu: &Sfu, room: RoomId) -> RoomStats {
    let (answer, answered) = channel();
    sfu.stats(room, move |stats| answer.send(stats).unwrap()).unwrap();
    answered.recv().unwrap().unwrap()
}

impl Phone {
    pub fn join(
        sfu: &Sfu,
        config: &LinkConfig,
        room: RoomId,
        number: u32,
        slots: usize,
        rights: Rights,
    ) -> Self {
        Self::join_as(sfu, config, room, number, Caller::new(config, slots), rights)
    }

    pub fn join_as(
        sfu: &Sfu,
        config: &LinkConfig,
        room: RoomId,
        number: u32,
        caller: Caller,
        rights: Rights,
    ) -> Self {
        let answered = Answered::parse(&join(sfu, room, number, &caller.offer(), rights)).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let link = caller.link(config, &answered, socket.local_addr().unwrap());
        Self {
            caller,
            link,
            socket,
            answered,
            sequence: 0,
            heard: 0,
        }
    }

    /// Takes what has come, and lets time pass.
    pub fn poll(&mut self) {
        let mut buffer = [0; 1500];
        let now = Instant::now();
        let socket = &self.socket;
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let send = &mut |to, datagram: &[u8]| _ = socket.send_to(datagram, to);
            if let Ok(Received::Rtp(length)) = self.link.receive(now, from, &mut buffer[..length], send) {
                // Announced pauses are one byte behind a header of 24.
                self.heard += u64::from(length > 25);
            }
        }
        if self.link.poll_timeout().is_none_or(|at| at <= now) {
            let send = &mut |to, datagram: &[u8]| _ = socket.send_to(datagram, to);
            self.link.timeout(now, send);
        }
        while self.link.poll_event().is_some() {}
    }

    /// Sends 20 ms of something.
    pub fn talk(&mut self) {
        let level = AudioLevel {
            minus_dbov: 30,
            voice: true,
        };
        let mut buffer = [0; 1500];
        let timestamp = u32::from(self.sequence) * 960;
        let length = self
            .caller
            .packet(self.sequence, timestamp, level, &[7; 60], &mut buffer)
            .unwrap();
        let length = self.link.seal_rtp(&mut buffer, length).unwrap();
        self.sequence += 1;
        self.socket
            .send_to(&buffer[..length], self.answered.addresses[0])
            .unwrap();
    }

    /// Sends a frame of a picture in so many packets, as a keyframe or not.
    pub fn show(&mut self, frame: u32, packets: u16, keyframe: bool) {
        let mut buffer = [0; 1500];
        for piece in 0..packets {
            let mut payload = [7; 1100];
            payload[0] = if piece == 0 { 0x10 } else { 0 };
            payload[1] = u8::from(!keyframe);
            let (timestamp, last) = (frame * 3_000, piece + 1 == packets);
            let length = self
                .caller
                .picture(self.sequence, timestamp, last, &payload, &mut buffer)
                .unwrap();
            let length = self.link.seal_rtp(&mut buffer, length).unwrap();
            self.sequence += 1;
            self.socket
                .send_to(&buffer[..length], self.answered.addresses[0])
                .unwrap();
        }
    }

    /// Reports, having received nothing.
    pub fn report(&mut self) {
        let mut buffer = [0; 100];
        let mut writer = Writer::new(&mut buffer);
        assert!(writer.receiver_report(self.caller.ssrc, &[]));
        let length = writer.len();
        let length = self.link.seal_rtcp(&mut buffer, length).unwrap();
        self.socket
            .send_to(&buffer[..length], self.answered.addresses[0])
            .unwrap();
    }

    pub fn is_connected(&self) -> bool {
        self.link.is_connected()
    }
}

/// Polls until all are connected.
pub fn connect(phones: &mut [Phone]) {
    let start = Instant::now();
    while !phones.iter().all(Phone::is_connected) {
        phones.iter_mut().for_each(Phone::poll);
        std::thread::sleep(Duration::from_millis(1));
        assert!(start.elapsed() < Duration::from_secs(60), "it hangs");
    }
}
