//! H.264 (RFC 6184), packetization mode 1: single units, aggregates (STAP-A) and fragments (FU-A). Frames are access units
//! in Annex B format, before and after.

use std::ops::Range;

use bytes::{BufMut, BytesMut};

use super::split::{evenly, least_limit};
use super::{Mtu, PayloadError};

const IDR: u8 = 5;
const SPS: u8 = 7;
const DELIMITER: u8 = 9;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// Of the unit header: its type, and NRI.
const TYPE: u8 = 0x1f;
const IMPORTANCE: u8 = 0x60;
/// F: the unit is damaged.
const FORBIDDEN: u8 = 0x80;
/// Of the fragment header.
const START: u8 = 0x80;
const END: u8 = 0x40;

/// Indicator and header of a fragment, the header of an aggregate, and the size of each unit in it, in bytes.
const FRAGMENT: usize = 2;
const AGGREGATE: usize = 1;
const SIZE: usize = 2;

/// What a packet has in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Units {
    /// A slice of an IDR picture, or the beginning of one.
    pub idr: bool,
    /// What an access unit begins with, where it is there: a delimiter or a sequence parameter set (ITU-T H.264 section
    /// 7.4.1.2.3).
    pub begins: bool,
}

impl Units {
    fn note(&mut self, header: u8) {
        self.idr |= header & TYPE == IDR;
        self.begins |= matches!(header & TYPE, SPS | DELIMITER);
    }

    /// Reads it, and checks that the payload is whole.
    pub fn read(payload: &[u8]) -> Result<Self, PayloadError> {
        let mut units = Self::default();
        match Structure::read(payload)? {
            Structure::Single(unit) => units.note(unit[0]),
            Structure::Aggregate(rest) => each_unit(rest, |unit| units.note(unit[0]))?,
            Structure::Fragment { header, .. } => units.note(header),
        }
        Ok(units)
    }
}

/// The structures of packetization mode 1 (RFC 6184 section 5.4).
enum Structure<'a> {
    Single(&'a [u8]),
    /// The units behind the header, each with its size.
    Aggregate(&'a [u8]),
    Fragment {
        /// That of the unit.
        header: u8,
        start: bool,
        end: bool,
        body: &'a [u8],
    },
}

impl<'a> Structure<'a> {
    /// The slices in it are not empty.
    fn read(payload: &'a [u8]) -> Result<Self, PayloadError> {
        let (&first, rest) = payload.split_first().ok_or(PayloadError::Empty)?;
        match first & TYPE {
            1..=23 => Ok(Self::Single(payload)),
            STAP_A if rest.is_empty() => Err(PayloadError::Empty),
            STAP_A => Ok(Self::Aggregate(rest)),
            FU_A => {
                let (&header, body) = rest.split_first().ok_or(PayloadError::Truncated)?;
                let (start, end) = (header & START != 0, header & END != 0);
                if start && end {
                    return Err(PayloadError::Fragment);
                }
                if body.is_empty() {
                    return Err(PayloadError::Empty);
                }
                Ok(Self::Fragment {
                    header: first & !TYPE | header & TYPE,
                    start,
                    end,
                    body,
                })
            }
            other => Err(PayloadError::Structure(other)),
        }
    }
}

/// The units of an aggregate. None of them is empty.
fn each_unit<'a>(mut rest: &'a [u8], mut unit: impl FnMut(&'a [u8])) -> Result<(), PayloadError> {
    while !rest.is_empty() {
        let (size, tail) = rest.split_first_chunk().ok_or(PayloadError::Truncated)?;
        let size = usize::from(u16::from_be_bytes(*size));
        let (of, tail) = tail.split_at_checked(size).ok_or(PayloadError::Truncated)?;
        if of.is_empty() {
            return Err(PayloadError::Empty);
        }
        unit(of);
        rest = tail;
    }
    Ok(())
}

/// Puts payloads together to an access unit.
pub(super) fn join<'a>(
    payloads: impl IntoIterator<Item = &'a [u8]>,
    out: &mut Vec<u8>,
) -> Result<(), PayloadError> {
    const START_CODE: [u8; 4] = [0, 0, 0, 1];
    // Header of the unit whose fragments come.
    let mut open: Option<u8> = None;
    for payload in payloads {
        let structure = Structure::read(payload)?;
        if open.is_some() != matches!(structure, Structure::Fragment { start: false, .. }) {
            return Err(PayloadError::Fragment);
        }
        match structure {
            Structure::Single(unit) => {
                out.extend_from_slice(&START_CODE);
                out.extend_from_slice(unit);
            }
            Structure::Aggregate(rest) => each_unit(rest, |unit| {
                out.extend_from_slice(&START_CODE);
                out.extend_from_slice(unit);
            })?,
            Structure::Fragment {
                header,
                start,
                end,
                body,
            } => {
                if start {
                    out.extend_from_slice(&START_CODE);
                    out.push(header);
                } else if open.is_some_and(|open| open & TYPE != header & TYPE) {
                    return Err(PayloadError::Fragment);
                }
                out.extend_from_slice(body);
                open = (!end).then_some(header);
            }
        }
    }
    if open.is_some() {
        return Err(PayloadError::Fragment);
    }
    Ok(())
}

/// Where the units of a byte stream lie (ITU-T H.264 Annex B). None of them is empty.
fn units(stream: &[u8]) -> Vec<Range<usize>> {
    let mut units: Vec<Range<usize>> = Vec::new();
    let end_last = |units: &mut Vec<Range<usize>>, mut end: usize| {
        let Some(last) = units.last_mut() else { return };
        // Zeros behind a unit belong to the stream.
        while end > last.start && stream[end - 1] == 0 {
            end -= 1;
        }
        last.end = end;
        if last.end == last.start {
            units.pop();
        }
    };
    let mut at = 0;
    while at + 3 <= stream.len() {
        // Of three bytes the last tells how far the next start code is at least.
        match stream[at + 2] {
            0 => at += 1,
            1 if stream[at] == 0 && stream[at + 1] == 0 => {
                end_last(&mut units, at);
                units.push(at + 3..stream.len());
                at += 3;
            }
            _ => at += 3,
        }
    }
    end_last(&mut units, stream.len());
    units
}

/// What a packet gets.
enum Packet<'a> {
    Single(Range<usize>),
    Aggregate(&'a [Range<usize>]),
    /// A part of the unit's body.
    Fragment {
        header: u8,
        part: Range<usize>,
        start: bool,
        end: bool,
    },
}

/// Fills packets of at most `limit` bytes, gives each to `packet`.
fn lay_out(stream: &[u8], units: &[Range<usize>], limit: usize, mut packet: impl FnMut(Packet<'_>)) {
    let mut rest = units;
    while let [first, ..] = rest {
        if first.len() > limit {
            let (header, body) = (stream[first.start], first.start + 1..first.end);
            for part in evenly(body.len(), limit - FRAGMENT) {
                packet(Packet::Fragment {
                    header,
                    start: part.start == 0,
                    end: part.end == body.len(),
                    part: body.start + part.start..body.start + part.end,
                });
            }
            rest = &rest[1..];
            continue;
        }
        let mut len = AGGREGATE;
        let fits = |unit: &&Range<usize>| {
            len += SIZE + unit.len();
            len <= limit && unit.len() <= usize::from(u16::MAX)
        };
        let count = rest.iter().take_while(fits).count().max(1);
        let (together, tail) = rest.split_at(count);
        packet(match together {
            [alone] => Packet::Single(alone.clone()),
            _ => Packet::Aggregate(together),
        });
        rest = tail;
    }
}

/// Writes the payloads of an access unit one behind the other, and where each ends.
pub(super) fn write(
    stream: &[u8],
    mtu: Mtu,
    out: &mut BytesMut,
    ends: &mut Vec<usize>,
) -> Result<(), PayloadError> {
    let units = units(stream);
    if units.is_empty()
        || units
            .iter()
            .any(|unit| !(1..=23).contains(&(stream[unit.start] & TYPE)))
    {
        return Err(PayloadError::Frame);
    }
    let limit = least_limit(Mtu::LEAST, mtu.bytes(), |limit| {
        let mut packets = 0;
        lay_out(stream, &units, limit, |_| packets += 1);
        packets
    });
    lay_out(stream, &units, limit, |packet| {
        match packet {
            Packet::Single(unit) => out.put_slice(&stream[unit]),
            Packet::Aggregate(units) => {
                let headers = || units.iter().map(|unit| stream[unit.start]);
                // F where one has it, the highest importance of all (RFC 6184 section 5.7).
                let damaged = headers().fold(0, |all, header| all | header & FORBIDDEN);
                let importance = headers().map(|header| header & IMPORTANCE).max().unwrap_or(0);
                out.put_u8(damaged | importance | STAP_A);
                for unit in units {
                    out.put_u16(unit.len() as u16);
                    out.put_slice(&stream[unit.clone()]);
                }
            }
            Packet::Fragment {
                header,
                part,
                start,
                end,
            } => {
                let bit = |set: bool, mask: u8| if set { mask } else { 0 };
                out.put_u8(header & !TYPE | FU_A);
                out.put_u8(bit(start, START) | bit(end, END) | header & TYPE);
                out.put_slice(&stream[part]);
            }
        }
        ends.push(out.len());
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packets(stream: &[u8], mtu: usize) -> Vec<Vec<u8>> {
        let (mut out, mut ends) = (BytesMut::new(), Vec::new());
        write(stream, Mtu::new(mtu).unwrap(), &mut out, &mut ends).unwrap();
        let starts = [0].into_iter().chain(ends.iter().copied());
        starts
            .zip(&ends)
            .map(|(start, &end)| out[start..end].to_vec())
            .collect()
    }

    #[test]
    fn units_are_found_between_start_codes() {
        let stream = [
            0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 0, 1, 0x65, 0, 0, 3, 9, 0, 0,
        ];
        assert_eq!(units(&stream), [4..6, 9..11, 15..20]);
        assert!(units(&[]).is_empty() && units(&[0, 0, 1]).is_empty() && units(&[1, 2, 3, 4]).is_empty());
    }

    #[test]
    fn small_units_travel_together_and_large_ones_in_parts() {
        let mut stream = vec![0, 0, 0, 1, 0x67, 1, 2, 0, 0, 0, 1, 0x28, 3, 0, 0, 0, 1, 0x65];
        stream.extend([9; 199]);
        let packets = packets(&stream, 64);
        assert_eq!(packets[0], [0x78, 0, 3, 0x67, 1, 2, 0, 2, 0x28, 3]);
        assert_eq!(packets[1][..3], [0x7c, 0x85, 9]);
        assert_eq!(packets[2][..3], [0x7c, 0x05, 9]);
        assert_eq!(packets.last().unwrap()[..3], [0x7c, 0x45, 9]);
        assert_eq!(
            Units::read(&packets[0]).unwrap(),
            Units {
                idr: false,
                begins: true
            }
        );
        assert_eq!(
            Units::read(&packets[2]).unwrap(),
            Units {
                idr: true,
                begins: false
            }
        );
        let mut joined = Vec::new();
        join(packets.iter().map(|packet| &packet[..]), &mut joined).unwrap();
        assert_eq!(joined, stream);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let join = |packets: &[&[u8]]| join(packets.iter().copied(), &mut Vec::new());
        assert_eq!(join(&[&[]]), Err(PayloadError::Empty));
        assert_eq!(join(&[&[0x78, 0, 5, 1]]), Err(PayloadError::Truncated));
        assert_eq!(join(&[&[0x78, 0, 0]]), Err(PayloadError::Empty));
        assert_eq!(join(&[&[0x7c, 0x05, 1]]), Err(PayloadError::Fragment));
        assert_eq!(join(&[&[0x7c, 0x85, 1]]), Err(PayloadError::Fragment));
        assert_eq!(join(&[&[0x7c, 0x85, 1], &[0x65, 1]]), Err(PayloadError::Fragment));
        assert_eq!(
            join(&[&[0x7c, 0x85, 1], &[0x7c, 0x41, 1]]),
            Err(PayloadError::Fragment)
        );
        assert_eq!(join(&[&[0x7c, 0xc5, 1]]), Err(PayloadError::Fragment));
        assert_eq!(join(&[&[0x1d, 1, 1]]), Err(PayloadError::Structure(29)));
        let none = write(&[1, 2, 3], Mtu::DEFAULT, &mut BytesMut::new(), &mut Vec::new());
        assert_eq!(none, Err(PayloadError::Frame));
    }

    proptest! {
        #[test]
        fn any_access_unit_comes_out_again(
            units in prop::collection::vec((1u8..24, 0u8..4, prop::collection::vec(1u8.., 0..300)), 1..12),
            mtu in Mtu::LEAST..400,
        ) {
            let mut stream = Vec::new();
            for (kind, importance, body) in units {
                stream.extend([0, 0, 0, 1, importance << 5 | kind]);
                stream.extend(body);
            }
            let packets = packets(&stream, mtu);
            prop_assert!(packets.iter().all(|packet| packet.len() <= mtu));
            let mut joined = Vec::new();
            join(packets.iter().map(|packet| &packet[..]), &mut joined).unwrap();
            prop_assert_eq!(joined, stream);
        }
    }
}
