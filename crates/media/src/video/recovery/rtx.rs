//! The payload of a retransmission (RFC 4588 section 4): the original sequence number, and the original payload.

use bytes::{BufMut, Bytes, BytesMut};

use crate::packet::SequenceNumber;

/// Bytes that a retransmission has more than the original.
pub const OVERHEAD: usize = 2;

/// A retransmission without anything in it, which is padding: there to find out what the path carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("retransmission without a packet in it")]
pub struct Padding;

/// Payload of the packet that carries `payload` again.
pub fn wrap(original: SequenceNumber, payload: &[u8]) -> Bytes {
    let mut wrapped = BytesMut::with_capacity(OVERHEAD + payload.len());
    wrapped.put_u16(original.0);
    wrapped.put_slice(payload);
    wrapped.freeze()
}

/// The original sequence number and payload.
pub fn unwrap(payload: &Bytes) -> Result<(SequenceNumber, Bytes), Padding> {
    match payload[..] {
        [high, low, _, ..] => {
            let original = SequenceNumber(u16::from_be_bytes([high, low]));
            Ok((original, payload.slice(OVERHEAD..)))
        }
        _ => Err(Padding),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrapped_is_unwrapped() {
        let wrapped = wrap(SequenceNumber(0xfffe), b"picture");
        assert_eq!(wrapped[..3], [0xff, 0xfe, b'p']);
        assert_eq!(
            unwrap(&wrapped),
            Ok((SequenceNumber(0xfffe), Bytes::from_static(b"picture")))
        );
        for empty in [&b""[..], b"1", b"12"] {
            assert_eq!(unwrap(&Bytes::from_static(empty)), Err(Padding));
        }
    }
}
