//! What can be seen of a handshake from outside: records (RFC 6347 section 4.1) and parts of messages in those that are
//! not yet encrypted (section 4.2.2), also where a relay carries them (RFC 8656).

/// One record of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Record<'a> {
    /// Messages of the handshake in clear text.
    Handshake(&'a [u8]),
    /// From here on with keys.
    ChangeCipherSpec,
    /// A message of the handshake with keys: the last.
    Sealed,
    /// Alerts and data.
    Other,
}

const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;
/// Record types (RFC 7983).
const DTLS: std::ops::RangeInclusive<u8> = 20..=63;
/// Channel numbers (RFC 8656 section 12).
const CHANNEL: std::ops::RangeInclusive<u8> = 0x40..=0x4f;
/// STUN's fixed word, and the indications that carry data (RFC 8656 section 18).
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const SEND_INDICATION: [u8; 2] = [0x00, 0x16];
const DATA_INDICATION: [u8; 2] = [0x00, 0x17];
const DATA: [u8; 2] = [0x00, 0x13];

/// The DTLS in a datagram, if it is that: as it is, in a relay's channel, or in one of its indications.
pub(super) fn dtls(datagram: &[u8]) -> Option<&[u8]> {
    let inner = match *datagram.first()? {
        first if CHANNEL.contains(&first) => channel_data(datagram)?,
        first if first < 4 => indication(datagram)?,
        _ => datagram,
    };
    inner
        .first()
        .is_some_and(|first| DTLS.contains(first))
        .then_some(inner)
}

fn channel_data(datagram: &[u8]) -> Option<&[u8]> {
    let length = length(datagram.get(2..4)?);
    datagram.get(4..4 + length)
}

fn indication(datagram: &[u8]) -> Option<&[u8]> {
    let is_one = [SEND_INDICATION, DATA_INDICATION]
        .iter()
        .any(|kind| datagram.starts_with(kind));
    if !is_one || datagram.get(4..8)? != COOKIE {
        return None;
    }
    let mut attributes = datagram.get(20..)?;
    loop {
        let length = length(attributes.get(2..4)?);
        let value = attributes.get(4..4 + length)?;
        if attributes.starts_with(&DATA) {
            return Some(value);
        }
        attributes = attributes.get(4 + length.next_multiple_of(4)..)?;
    }
}

/// The records of a datagram, as far as they are whole.
pub(super) fn records(mut datagram: &[u8]) -> impl Iterator<Item = Record<'_>> {
    std::iter::from_fn(move || {
        let header = datagram.get(..13)?;
        let body = datagram.get(13..13 + length(&header[11..13]))?;
        datagram = &datagram[13 + body.len()..];
        let sealed = header[3..5] != [0, 0];
        Some(match (header[0], sealed) {
            (CHANGE_CIPHER_SPEC, _) => Record::ChangeCipherSpec,
            (HANDSHAKE, false) => Record::Handshake(body),
            (HANDSHAKE, true) => Record::Sealed,
            _ => Record::Other,
        })
    })
}

/// The messages of a record, or parts of messages, each with its header.
pub(super) fn fragments(mut messages: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let header = messages.get(..12)?;
        let length = usize::from(header[9]) << 16 | length(&header[10..12]);
        // What is cut short is one too: it is not to be mistaken for nothing.
        let (fragment, rest) = messages.split_at(messages.len().min(12 + length));
        messages = rest;
        Some(fragment)
    })
}

fn length(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |length, byte| length << 8 | usize::from(*byte))
}
