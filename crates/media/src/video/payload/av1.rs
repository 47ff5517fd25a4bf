//! AV1 (RTP Payload Format For AV1, version 1.0.0, section 4). Temporal delimiters, tile lists and padding do not travel,
//! nor do the sizes of OBUs; reading puts delimiters and sizes back.

use bytes::{BufMut, BytesMut};

use super::split::least_limit;
use super::vp8::byte;
use super::{Mtu, PayloadError};

const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
const TILE_LIST: u8 = 8;
const PADDING: u8 = 15;

/// Of the OBU header: whether there is an extension byte, and a size (AV1 specification section 5.3.2).
const EXTENSION: u8 = 0x04;
const HAS_SIZE: u8 = 0x02;

/// Elements up to which a packet can do without the length of the last one.
const COUNTED: usize = 3;

/// The aggregation header (section 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AggregationHeader {
    /// Z: the first element continues the last one of the packet before.
    pub continues: bool,
    /// Y: the last element goes on in the next packet.
    pub goes_on: bool,
    /// W: number of elements, 0 where each has a length.
    pub elements: u8,
    /// N: a coded video sequence begins, which is a key frame.
    pub new_sequence: bool,
}

impl AggregationHeader {
    /// Reads it. Gives it and the rest of the payload, which is not empty.
    pub fn read(payload: &[u8]) -> Result<(Self, &[u8]), PayloadError> {
        let mut rest = payload;
        let first = byte(&mut rest)?;
        if rest.is_empty() {
            return Err(PayloadError::Empty);
        }
        let header = Self {
            continues: first & 0x80 != 0,
            goes_on: first & 0x40 != 0,
            elements: first >> 4 & 0x03,
            new_sequence: first & 0x08 != 0,
        };
        // A new sequence does not begin in the middle of an OBU (section 4.4).
        if header.continues && header.new_sequence {
            return Err(PayloadError::Fragment);
        }
        Ok((header, rest))
    }

    fn byte(self) -> u8 {
        u8::from(self.continues) << 7
            | u8::from(self.goes_on) << 6
            | self.elements << 4
            | u8::from(self.new_sequence) << 3
    }
}

/// Reads a leb128 (AV1 specification section 4.10.5) of at most 32 bits.
fn read_leb128(rest: &mut &[u8]) -> Result<usize, PayloadError> {
    let mut value = 0u64;
    for n in 0..8 {
        let next = byte(rest)?;
        value |= u64::from(next & 0x7f) << (7 * n);
        if next & 0x80 == 0 {
            let value = u32::try_from(value).map_err(|_| PayloadError::Length)?;
            return Ok(value as usize);
        }
    }
    Err(PayloadError::Length)
}

fn write_leb128(mut value: usize, mut put: impl FnMut(u8)) {
    while value >= 0x80 {
        put(value as u8 | 0x80);
        value >>= 7;
    }
    put(value as u8);
}

const fn leb128_len(value: usize) -> usize {
    let bits = usize::BITS - value.leading_zeros();
    if bits == 0 { 1 } else { bits.div_ceil(7) as usize }
}

/// An OBU without its size field.
#[derive(Clone, Copy, Debug)]
struct Obu<'a> {
    /// Header, HAS_SIZE cleared, and the extension byte where it has one.
    head: [u8; 2],
    head_len: usize,
    body: &'a [u8],
}

impl<'a> Obu<'a> {
    /// Takes the next one off a stream in the low-overhead format (AV1 specification section 5.2).
    fn next(rest: &mut &'a [u8]) -> Result<Self, PayloadError> {
        let first = byte(rest)?;
        if first & 0x80 != 0 {
            return Err(PayloadError::Frame);
        }
        let mut head = [first & !HAS_SIZE, 0];
        let mut head_len = 1;
        if first & EXTENSION != 0 {
            head[1] = byte(rest)?;
            head_len = 2;
        }
        let size = if first & HAS_SIZE != 0 {
            read_leb128(rest)?
        } else {
            rest.len()
        };
        let (body, tail) = rest.split_at_checked(size).ok_or(PayloadError::Truncated)?;
        *rest = tail;
        Ok(Self { head, head_len, body })
    }

    fn travels(&self) -> bool {
        !matches!(self.head[0] >> 3 & 0x0f, TEMPORAL_DELIMITER | TILE_LIST | PADDING)
    }

    fn len(&self) -> usize {
        self.head_len + self.body.len()
    }

    /// The bytes from `start` on, `len` of them.
    fn put(&self, start: usize, len: usize, out: &mut BytesMut) {
        let end = start + len;
        if start < self.head_len {
            out.put_slice(&self.head[start..end.min(self.head_len)]);
        }
        if end > self.head_len {
            out.put_slice(&self.body[start.max(self.head_len) - self.head_len..end - self.head_len]);
        }
    }
}

/// A part of an OBU in a packet.
#[derive(Clone, Copy, Debug)]
struct Element {
    obu: usize,
    start: usize,
    len: usize,
}

/// What the elements of a packet need, header and lengths included.
fn packet_len(elements: &[Element]) -> usize {
    let lengths: usize = elements.iter().map(|element| leb128_len(element.len)).sum();
    let spared = match elements.last() {
        Some(last) if elements.len() <= COUNTED => leb128_len(last.len),
        _ => 0,
    };
    1 + elements.iter().map(|element| element.len).sum::<usize>() + lengths - spared
}

/// Fills packets of at most `limit` bytes, gives each to `packet`.
fn lay_out(obus: &[Obu<'_>], limit: usize, mut packet: impl FnMut(&[Element])) {
    let mut elements: Vec<Element> = Vec::new();
    for (obu, unit) in obus.iter().enumerate() {
        let mut start = 0;
        while start < unit.len() {
            let rest = unit.len() - start;
            elements.push(Element { obu, start, len: 1 });
            let smallest = packet_len(&elements);
            let mut len = rest.min((limit + 1).saturating_sub(smallest));
            // Its length may take a byte or two more than that of one byte does.
            while len > 0 {
                if let Some(last) = elements.last_mut() {
                    last.len = len;
                }
                if packet_len(&elements) <= limit {
                    break;
                }
                len -= 1;
            }
            if len == 0 {
                elements.pop();
                packet(&elements);
                elements.clear();
                continue;
            }
            start += len;
            if len < rest {
                packet(&elements);
                elements.clear();
            }
        }
    }
    if !elements.is_empty() {
        packet(&elements);
    }
}

/// Writes the payloads of a temporal unit one behind the other, and where each ends.
pub(super) fn write(
    unit: &[u8],
    key: bool,
    mtu: Mtu,
    out: &mut BytesMut,
    ends: &mut Vec<usize>,
) -> Result<(), PayloadError> {
    let mut obus = Vec::new();
    let mut rest = unit;
    while !rest.is_empty() {
        let obu = Obu::next(&mut rest).map_err(|_| PayloadError::Frame)?;
        if obu.travels() {
            obus.push(obu);
        }
    }
    if obus.is_empty() {
        return Err(PayloadError::Empty);
    }
    let begins = key && obus.iter().any(|obu| obu.head[0] >> 3 == SEQUENCE_HEADER);
    let limit = least_limit(Mtu::LEAST, mtu.bytes(), |limit| {
        let mut packets = 0;
        lay_out(&obus, limit, |_| packets += 1);
        packets
    });
    lay_out(&obus, limit, |elements| {
        let (Some(first), Some(last)) = (elements.first(), elements.last()) else {
            return;
        };
        let counted = elements.len() <= COUNTED;
        let header = AggregationHeader {
            continues: first.start > 0,
            goes_on: last.start + last.len < obus[last.obu].len(),
            elements: if counted { elements.len() as u8 } else { 0 },
            new_sequence: begins && ends.is_empty(),
        };
        out.put_u8(header.byte());
        for (n, element) in elements.iter().enumerate() {
            if !counted || n + 1 < elements.len() {
                write_leb128(element.len, |byte| out.put_u8(byte));
            }
            obus[element.obu].put(element.start, element.len, out);
        }
        ends.push(out.len());
    });
    Ok(())
}

/// The elements of a packet, behind its aggregation header.
fn elements<'a>(
    header: AggregationHeader,
    mut rest: &'a [u8],
    mut element: impl FnMut(&'a [u8], bool) -> Result<(), PayloadError>,
) -> Result<(), PayloadError> {
    let mut count = 0usize;
    while !rest.is_empty() {
        count += 1;
        let size = if count == usize::from(header.elements) {
            rest.len()
        } else {
            read_leb128(&mut rest)?
        };
        let (of, tail) = rest.split_at_checked(size).ok_or(PayloadError::Truncated)?;
        rest = tail;
        element(of, rest.is_empty())?;
    }
    // Fewer than announced.
    if count < usize::from(header.elements) {
        return Err(PayloadError::Truncated);
    }
    Ok(())
}

/// Puts payloads together to a temporal unit in the low-overhead format.
pub(super) fn join<'a>(
    payloads: impl IntoIterator<Item = &'a [u8]>,
    out: &mut Vec<u8>,
) -> Result<(), PayloadError> {
    out.extend_from_slice(&[TEMPORAL_DELIMITER << 3 | HAS_SIZE, 0]);
    let empty = out.len();
    // An OBU of which not all has come.
    let mut open: Option<Vec<u8>> = None;
    for payload in payloads {
        let (header, rest) = AggregationHeader::read(payload)?;
        if header.continues != open.is_some() {
            return Err(PayloadError::Fragment);
        }
        elements(header, rest, |element, last| {
            let whole = !(last && header.goes_on);
            match (open.take(), whole) {
                (None, true) => close(element, out)?,
                (None, false) => open = Some(element.to_vec()),
                (Some(mut begun), whole) => {
                    begun.extend_from_slice(element);
                    if whole {
                        close(&begun, out)?;
                    } else {
                        open = Some(begun);
                    }
                }
            }
            Ok(())
        })?;
        if header.goes_on != open.is_some() {
            return Err(PayloadError::Fragment);
        }
    }
    if open.is_some() {
        return Err(PayloadError::Fragment);
    }
    if out.len() == empty {
        out.clear();
    }
    Ok(())
}

/// Appends an OBU with its size. Those that should not have travelled are left out (section 5).
fn close(obu: &[u8], out: &mut Vec<u8>) -> Result<(), PayloadError> {
    if obu.is_empty() {
        return Ok(());
    }
    let mut rest = obu;
    let obu = Obu::next(&mut rest)?;
    // A size that leaves something over.
    if !rest.is_empty() {
        return Err(PayloadError::Length);
    }
    if obu.travels() {
        out.push(obu.head[0] | HAS_SIZE);
        out.extend_from_slice(&obu.head[1..obu.head_len]);
        write_leb128(obu.body.len(), |byte| out.push(byte));
        out.extend_from_slice(obu.body);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A sequence header of ten bytes and a frame of the given length.
    fn key_frame(len: usize) -> Vec<u8> {
        let mut unit = vec![0x12, 0, 0x0a, 10];
        unit.extend([7; 10]);
        unit.push(0x32);
        write_leb128(len, |byte| unit.push(byte));
        unit.extend((0..len).map(|n| n as u8));
        unit
    }

    fn packets(unit: &[u8], key: bool, mtu: usize) -> Vec<Vec<u8>> {
        let (mut out, mut ends) = (BytesMut::new(), Vec::new());
        write(unit, key, Mtu::new(mtu).unwrap(), &mut out, &mut ends).unwrap();
        let starts = [0].into_iter().chain(ends.iter().copied());
        starts
            .zip(&ends)
            .map(|(start, &end)| out[start..end].to_vec())
            .collect()
    }

    #[test]
    fn the_example_of_a_small_unit_is_one_packet() {
        let unit = key_frame(20);
        let packets = packets(&unit, true, 100);
        // W = 2 and N; the sequence header has a length, the frame has none.
        assert_eq!(packets[0][..4], [0x28, 11, 0x08, 7]);
        assert_eq!(packets[0][13], 0x30);
        let mut joined = Vec::new();
        join(packets.iter().map(|packet| &packet[..]), &mut joined).unwrap();
        assert_eq!(joined, unit);
    }

    #[test]
    fn a_large_unit_is_cut_evenly() {
        let unit = key_frame(5_000);
        let packets = packets(&unit, true, 1_000);
        let lens: Vec<usize> = packets.iter().map(Vec::len).collect();
        assert_eq!(lens.len(), 6);
        assert!(
            lens.iter().max().unwrap() - lens.iter().min().unwrap() < 20,
            "{lens:?}"
        );
        assert_eq!(packets[0][0], 0x68, "Y, W = 2, N");
        assert_eq!(packets[1][0], 0xd0, "Z, Y, W = 1");
        assert_eq!(packets[5][0], 0x90, "Z, W = 1");
    }

    #[test]
    fn fragments_that_do_not_fit_are_refused() {
        let unit = key_frame(200);
        let packets = packets(&unit, true, 64);
        let join = |packets: &[&[u8]]| join(packets.iter().copied(), &mut Vec::new());
        assert_eq!(join(&[&packets[1]]), Err(PayloadError::Fragment));
        assert_eq!(join(&[&packets[0]]), Err(PayloadError::Fragment));
        assert_eq!(join(&[&[0x10]]), Err(PayloadError::Empty));
        assert_eq!(join(&[&[0x20, 9, 1]]), Err(PayloadError::Truncated));
        assert_eq!(
            join(&[&[0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 1]]),
            Err(PayloadError::Length)
        );
        assert_eq!(join(&[&[0x88, 1]]), Err(PayloadError::Fragment));
        // More elements than a byte counts, all of them empty.
        assert_eq!(join(&[&[0; 1_000]]), Ok(()));
    }

    proptest! {
        #[test]
        fn leb128_is_as_long_as_it_says(value in 0usize..=u32::MAX as usize) {
            let mut bytes = Vec::new();
            write_leb128(value, |byte| bytes.push(byte));
            prop_assert_eq!(bytes.len(), leb128_len(value));
            prop_assert_eq!(read_leb128(&mut &bytes[..]), Ok(value));
        }

        #[test]
        fn any_unit_comes_out_again(
            obus in prop::collection::vec((0u8..16, any::<Option<u8>>(), prop::collection::vec(any::<u8>(), 0..300)), 1..12),
            mtu in Mtu::LEAST..400,
        ) {
            let (mut unit, mut kept) = (Vec::new(), vec![0x12, 0]);
            for (kind, extension, body) in obus {
                let mut obu = vec![kind << 3 | HAS_SIZE | if extension.is_some() { EXTENSION } else { 0 }];
                obu.extend(extension);
                write_leb128(body.len(), |byte| obu.push(byte));
                obu.extend(body);
                unit.extend_from_slice(&obu);
                if ![TEMPORAL_DELIMITER, TILE_LIST, PADDING].contains(&kind) {
                    kept.extend_from_slice(&obu);
                }
            }
            prop_assume!(kept.len() > 2);
            let packets = packets(&unit, false, mtu);
            prop_assert!(packets.iter().all(|packet| packet.len() <= mtu));
            let mut joined = Vec::new();
            join(packets.iter().map(|packet| &packet[..]), &mut joined).unwrap();
            prop_assert_eq!(joined, kept);
        }
    }
}
