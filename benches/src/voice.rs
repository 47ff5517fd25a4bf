//! The two halves of the voice path as its workers drive them, in virtual time.

use std::time::{Duration, Instant};

use sidetone_media::jitter::JitterConfig;
use sidetone_media::packet::{RtpTimestamp, SequenceNumber, VoicePacket};
use sidetone_media::voice::{BLOCK, Downlink, Processing, Profile, Uplink};
use sidetone_pipeline::{Pool, Pooled};

use crate::meter::Meter;
use crate::speech::{blocks, packets};
use crate::{Error, Step, Workload};

/// Time of a block.
pub const TICK: Duration = Duration::from_millis(10);

pub const WORKLOADS: &[Workload] = &[
    Workload {
        name: "uplink_push",
        operation: "block of 10 ms to packets of 20 ms",
        per_step: 2,
        warm_up: 25,
        counted: 100,
        make: || uplink(Profile::BALANCED, Processing::OFF),
    },
    Workload {
        name: "uplink_push_low_latency",
        operation: "block of 10 ms to packets of 10 ms",
        per_step: 2,
        warm_up: 25,
        counted: 100,
        make: || uplink(Profile::LOW_LATENCY, Processing::OFF),
    },
    Workload {
        name: "uplink_push_processed",
        operation: "block of 10 ms with echo, noise and gain processed",
        per_step: 2,
        warm_up: 25,
        counted: 50,
        make: || uplink(Profile::BALANCED, Processing::default()),
    },
    Workload {
        name: "downlink_insert",
        operation: "packet of 20 ms",
        per_step: 1,
        warm_up: 50,
        counted: 150,
        make: || downlink(Part::Insert),
    },
    Workload {
        name: "downlink_pull",
        operation: "block of 10 ms",
        per_step: 2,
        warm_up: 50,
        counted: 150,
        make: || downlink(Part::Pull),
    },
];

fn uplink(profile: Profile, processing: Processing) -> Result<Step, Error> {
    let mut now = Instant::now();
    let pool = Pool::new(8, || VoicePacket::empty(now));
    let mut uplink = Uplink::new(&profile, processing, pool, 1)?;
    let recording = blocks()?;
    // Both talk at once: what the echo canceller has most work with.
    let mut far_end = recording.clone().into_iter().cycle().skip(150);
    let mut blocks = recording.into_iter().cycle();
    Ok(Box::new(move |meter| {
        let mut sent = 0;
        for _ in 0..2 {
            let block = blocks.next().unwrap_or([0.0; BLOCK]);
            let heard = far_end.next().unwrap_or([0.0; BLOCK]);
            now += TICK;
            let packet = meter.measure(|| {
                uplink.render(&heard);
                uplink.push(&block, now)
            });
            sent += usize::from(packet.is_some());
        }
        assert!(sent > 0);
    }))
}

/// What of a receiver is measured.
#[derive(Clone, Copy, PartialEq)]
pub enum Part {
    Insert,
    Pull,
}

fn downlink(part: Part) -> Result<Step, Error> {
    let mut now = Instant::now();
    let mut stream = Packets::new(packets()?, now);
    let mut downlink = Downlink::new(&Profile::BALANCED, JitterConfig::default(), now)?;
    let mut out = [0.0; BLOCK];
    Ok(Box::new(move |meter| {
        let (mut idle_insert, mut idle_pull) = (Meter::Idle, Meter::Idle);
        let (insert, pull) = match part {
            Part::Insert => (meter, &mut idle_pull),
            Part::Pull => (&mut idle_insert, meter),
        };
        let packet = stream.next(now);
        insert.measure(|| downlink.insert(packet));
        for _ in 0..2 {
            pull.measure(|| downlink.pull(&mut out, now));
            now += TICK;
        }
        assert!(downlink.is_playing());
    }))
}

/// A stream of packets of 20 ms from a recording that is played round and round.
pub struct Packets {
    payloads: Vec<Vec<u8>>,
    pool: Pool<VoicePacket>,
    count: usize,
}

impl Packets {
    pub fn new(payloads: Vec<Vec<u8>>, now: Instant) -> Self {
        Self {
            payloads,
            pool: Pool::new(256, || VoicePacket::empty(now)),
            count: 0,
        }
    }

    /// The next packet, which arrives now.
    pub fn next(&mut self, now: Instant) -> Pooled<VoicePacket> {
        let Some(mut packet) = self.pool.take() else {
            unreachable!("the receiver keeps fewer than the pool has")
        };
        packet.sequence = SequenceNumber(self.count as u16);
        packet.timestamp = RtpTimestamp((self.count * 2 * BLOCK) as u32);
        packet.ssrc = 1;
        packet.marker = self.count == 0;
        packet.at = now;
        assert!(packet.set_payload(&self.payloads[self.count % self.payloads.len()]));
        self.count += 1;
        packet
    }
}
