//! The jitter buffer alone: its decoder copies 8-bit samples, so that the codec costs nothing.

use std::time::Instant;

use sidetone_media::jitter::{JitterBuffer, JitterConfig, VoiceDecoder};
use sidetone_media::voice::BLOCK;

use crate::meter::Meter;
use crate::speech::frames;
use crate::voice::{Packets, Part, TICK};
use crate::{Error, Step, Workload};

pub const WORKLOADS: &[Workload] = &[
    Workload {
        name: "jitter_insert",
        operation: "packet of 20 ms",
        per_step: 1,
        warm_up: 100,
        counted: 500,
        make: || jitter(Part::Insert),
    },
    Workload {
        name: "jitter_pull",
        operation: "block of 10 ms",
        per_step: 2,
        warm_up: 100,
        counted: 500,
        make: || jitter(Part::Pull),
    },
];

/// Linear samples of 8 bits.
struct EightBits;

impl VoiceDecoder for EightBits {
    fn samples(&self, payload: &[u8]) -> Option<usize> {
        Some(payload.len())
    }

    fn decode(&mut self, payload: &[u8], out: &mut [f32]) -> Option<usize> {
        for (sample, byte) in out.iter_mut().zip(payload) {
            *sample = f32::from(byte.cast_signed()) / 128.0;
        }
        Some(payload.len())
    }

    fn conceal(&mut self, out: &mut [f32]) -> Option<usize> {
        out.fill(0.0);
        Some(out.len())
    }

    fn reset(&mut self) {}
}

/// Delays of the packets on their way, in ms: a mild jitter, always the same.
const DELAYS: [u32; 10] = [3, 0, 5, 1, 2, 8, 0, 4, 1, 2];

fn jitter(part: Part) -> Result<Step, Error> {
    let bytes = |frame: Vec<f32>| frame.iter().map(|sample| (sample * 127.0) as i8 as u8).collect();
    let payloads = frames()?.into_iter().map(bytes).collect();
    let mut now = Instant::now();
    let mut stream = Packets::new(payloads, now);
    let mut buffer = JitterBuffer::new(JitterConfig::default(), EightBits, now);
    let mut delays = DELAYS.into_iter().cycle();
    let mut out = [0.0; BLOCK];
    Ok(Box::new(move |meter| {
        let (mut idle_insert, mut idle_pull) = (Meter::Idle, Meter::Idle);
        let (insert, pull) = match part {
            Part::Insert => (meter, &mut idle_pull),
            Part::Pull => (&mut idle_insert, meter),
        };
        let arrived = now + TICK / 10 * delays.next().unwrap_or_default();
        let packet = stream.next(arrived);
        insert.measure(|| buffer.insert(packet, arrived));
        for _ in 0..2 {
            now += TICK;
            pull.measure(|| buffer.pull(&mut out, now));
        }
        assert!(buffer.is_playing());
    }))
}
