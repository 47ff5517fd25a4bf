//! RTP packets from and to the wire.

use std::time::Instant;

use sidetone_media::packet::{AudioLevel, VoicePacket};
use sidetone_media::transport::rtp::{Negotiated, parse, read, write};

use crate::speech::packets;
use crate::{Error, Step, Workload};

pub const WORKLOADS: &[Workload] = &[
    Workload {
        name: "rtp_read",
        operation: "datagram to voice packet",
        per_step: 1,
        warm_up: 10,
        counted: 500,
        make: reading,
    },
    Workload {
        name: "rtp_write",
        operation: "voice packet to RTP packet",
        per_step: 1,
        warm_up: 10,
        counted: 500,
        make: writing,
    },
];

const NEGOTIATED: Negotiated = Negotiated {
    payload_type: 111,
    red_payload_type: None,
    level_id: Some(1),
    capture_id: None,
};

/// RFC 3550 header with the one-byte extension of RFC 6464, then the payload.
fn datagram(payload: &[u8]) -> Vec<u8> {
    let header = [
        0x90, 111, 0, 1, 0, 0, 3, 0xc0, 0, 0, 0, 1, 0xbe, 0xde, 0, 1, 0x10, 0x9e, 0, 0,
    ];
    [&header, payload].concat()
}

fn reading() -> Result<Step, Error> {
    let now = Instant::now();
    let datagrams: Vec<_> = packets()?.iter().map(|payload| datagram(payload)).collect();
    let mut datagrams = datagrams.into_iter().cycle();
    let mut voice = VoicePacket::empty(now);
    Ok(Box::new(move |meter| {
        let datagram = datagrams.next().unwrap_or_default();
        let read = meter.measure(|| read(&parse(&datagram)?, NEGOTIATED, now, &mut voice));
        assert_eq!(
            (read, voice.level.map(|level| level.minus_dbov)),
            (Ok(()), Some(30))
        );
    }))
}

fn writing() -> Result<Step, Error> {
    let mut payloads = packets()?.into_iter().cycle();
    let mut voice = VoicePacket::empty(Instant::now());
    voice.level = Some(AudioLevel {
        minus_dbov: 30,
        voice: true,
    });
    Ok(Box::new(move |meter| {
        assert!(voice.set_payload(&payloads.next().unwrap_or_default()));
        let packet = meter.measure(|| write(&voice, 1, NEGOTIATED));
        assert_eq!(packet.payload.len(), voice.payload().len());
    }))
}
