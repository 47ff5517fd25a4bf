//! What a receiver says of single packets, taken apart (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1).

/// Unit of the reference time, in ticks of 250 us.
const REFERENCE: i64 = 256;

/// Bits of the reference time.
const REFERENCE_BITS: u32 = 24;

/// Iterates over sequence numbers, each with its arrival in ticks of 250 us on the receiver's clock, none for what did
/// not come. Ends at anything malformed.
#[derive(Clone, Copy, Debug)]
pub struct Arrivals<'a> {
    sequence: u16,
    left: u16,
    chunks: &'a [u8],
    deltas: &'a [u8],
    /// Symbols of the chunk that is being told, the next one first, two bits each; or all alike.
    symbols: Symbols,
    ticks: i64,
}

#[derive(Clone, Copy, Debug)]
enum Symbols {
    Run { symbol: u8, left: u16 },
    Vector { bits: u16, width: u8, left: u8 },
}

impl Symbols {
    fn of(chunk: u16) -> Self {
        match chunk >> 14 {
            0 | 1 => Self::Run {
                symbol: (chunk >> 13) as u8 & 3,
                left: chunk & 0x1fff,
            },
            2 => Self::Vector {
                bits: chunk << 2,
                width: 1,
                left: 14,
            },
            _ => Self::Vector {
                bits: chunk << 2,
                width: 2,
                left: 7,
            },
        }
    }

    fn next(&mut self) -> Option<u8> {
        match self {
            Self::Run { symbol, left } => {
                *left = left.checked_sub(1)?;
                Some(*symbol)
            }
            Self::Vector { bits, width, left } => {
                *left = left.checked_sub(1)?;
                let symbol = (*bits >> (16 - *width)) as u8;
                *bits <<= *width;
                Some(symbol)
            }
        }
    }

    const fn len(self) -> usize {
        match self {
            Self::Run { left, .. } => left as usize,
            Self::Vector { left, .. } => left as usize,
        }
    }
}

impl<'a> Arrivals<'a> {
    /// Over the body of a feedback, from its sender's source on. None where it is cut short.
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        let head = body.first_chunk::<16>()?;
        let rest = &body[16..];
        let sequence = u16::from_be_bytes([head[8], head[9]]);
        let count = u16::from_be_bytes([head[10], head[11]]);
        let reference = u32::from_be_bytes([0, head[12], head[13], head[14]]);
        let (mut told, mut bytes) = (0, 0);
        while told < usize::from(count) {
            let chunk = rest.get(bytes..bytes + 2)?;
            told += Symbols::of(u16::from_be_bytes([chunk[0], chunk[1]])).len();
            bytes += 2;
        }
        let (chunks, deltas) = rest.split_at(bytes);
        Some(Self {
            sequence,
            left: count,
            chunks,
            deltas,
            symbols: Symbols::Run { symbol: 0, left: 0 },
            ticks: i64::from(reference) * REFERENCE,
        })
    }

    /// How far the receiver's clock goes, in ticks, until it begins anew.
    pub const TURN: i64 = REFERENCE << REFERENCE_BITS;
}

impl Iterator for Arrivals<'_> {
    type Item = (u16, Option<i64>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let symbol = loop {
            if let Some(symbol) = self.symbols.next() {
                break symbol;
            }
            let (chunk, rest) = self.chunks.split_first_chunk()?;
            self.chunks = rest;
            self.symbols = Symbols::of(u16::from_be_bytes(*chunk));
        };
        let delta = match symbol {
            0 => None,
            1 => {
                let (delta, rest) = self.deltas.split_first()?;
                self.deltas = rest;
                Some(i64::from(*delta))
            }
            2 => {
                let (delta, rest) = self.deltas.split_first_chunk()?;
                self.deltas = rest;
                Some(i64::from(i16::from_be_bytes(*delta)))
            }
            _ => {
                self.left = 0;
                return None;
            }
        };
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        self.left -= 1;
        let arrived = delta.map(|delta| {
            self.ticks += delta;
            self.ticks
        });
        Some((sequence, arrived))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::super::{TransportFeedback, Writer};
    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(
            first in any::<u16>(),
            packets in prop::collection::vec((any::<bool>(), 0u64..20_000), 1..100),
        ) {
            let start = Instant::now();
            let mut feedback = TransportFeedback::new(start);
            let (mut now, mut expected) = (start, Vec::new());
            for (n, (comes, gap)) in (0u16..).zip(&packets) {
                now += Duration::from_micros(*gap);
                let sequence = first.wrapping_add(n);
                // The first and the last come: what lies outside is not told.
                let comes = *comes || n == 0 || usize::from(n) + 1 == packets.len();
                expected.push((sequence, comes.then(|| now.duration_since(start).as_micros() as i64 / 250)));
                if comes {
                    feedback.packet(now, sequence);
                }
            }
            let mut buffer = [0; 2_000];
            let mut writer = Writer::new(&mut buffer);
            feedback.write(&mut writer, 1, 2);
            let length = writer.len();
            let read: Vec<_> = Arrivals::parse(&buffer[4..length]).unwrap().collect();
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn anything_is_read_without_harm(body in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(arrivals) = Arrivals::parse(&body) {
                prop_assert!(arrivals.count() <= usize::from(u16::from_be_bytes([body[10], body[11]])));
            }
        }
    }

    #[test]
    fn runs_and_vectors_of_one_bit_are_read() {
        let mut body = vec![0; 8];
        // From 65535 on, 17 packets: three lost in a run, then fourteen of which the first and the last came.
        body.extend([0xff, 0xff, 0, 17, 0, 0, 1, 9]);
        body.extend([0x00, 0x03, 0b1010_0000, 0b0000_0001]);
        body.extend([4, 8]);
        let read: Vec<_> = Arrivals::parse(&body).unwrap().collect();
        assert_eq!(read.len(), 17);
        assert_eq!(read[0], (65_535, None));
        assert_eq!(read[3], (2, Some(256 + 4)));
        assert_eq!(read[16], (15, Some(256 + 12)));
        assert_eq!(read.iter().filter(|(_, arrived)| arrived.is_some()).count(), 2);
    }
}
