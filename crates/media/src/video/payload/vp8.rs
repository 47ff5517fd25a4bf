//! VP8 (RFC 7741). Every packet of a frame is written as of the first partition, as browsers do: a decoder that begins
//! before it has the whole frame is none of ours.

use bytes::{BufMut, BytesMut};

use super::split::evenly;
use super::{Mtu, PayloadError};
use crate::video::TemporalLayer;

/// Picture ID of 7 or 15 bits (also of VP9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureId {
    /// 7 bits.
    Short(u8),
    /// 15 bits.
    Long(u16),
}

impl PictureId {
    /// Reads it (M and the 7 or 15 bits) from the front of `rest`.
    pub(super) fn read(rest: &mut &[u8]) -> Result<Self, PayloadError> {
        let high = byte(rest)?;
        Ok(if high & 0x80 == 0 {
            Self::Short(high)
        } else {
            Self::Long(u16::from(high & 0x7f) << 8 | u16::from(byte(rest)?))
        })
    }

    pub(super) fn write(self, out: &mut BytesMut) {
        match self {
            Self::Short(id) => out.put_u8(id & 0x7f),
            Self::Long(id) => out.put_u16(id | 0x8000),
        }
    }

    fn len(self) -> usize {
        match self {
            Self::Short(_) => 1,
            Self::Long(_) => 2,
        }
    }
}

/// Takes the first byte.
pub(super) fn byte(rest: &mut &[u8]) -> Result<u8, PayloadError> {
    let (&first, tail) = rest.split_first().ok_or(PayloadError::Truncated)?;
    *rest = tail;
    Ok(first)
}

/// The payload descriptor (RFC 7741 section 4.2), and the one bit of the payload header that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// N: no other frame needs this one.
    pub non_reference: bool,
    /// S: a partition begins with this packet.
    pub start: bool,
    /// PID: the partition, 0 to 7 (15 in the RFC's text, with a reserved bit).
    pub partition: u8,
    /// The picture ID.
    pub picture_id: Option<PictureId>,
    /// TL0PICIDX: a running number of the frames of the base layer.
    pub tl0picidx: Option<u8>,
    /// TID and Y.
    pub temporal: Option<TemporalLayer>,
    /// KEYIDX.
    pub key_index: Option<u8>,
    /// Whether a key frame begins with this packet (P of the payload header, inverted; RFC 7741 section 4.3).
    pub key: bool,
}

impl Descriptor {
    /// Whether a frame begins with this packet.
    pub fn begins(&self) -> bool {
        self.start && self.partition == 0
    }

    /// Reads it. Gives it and the rest of the payload, which is not empty.
    pub fn read(payload: &[u8]) -> Result<(Self, &[u8]), PayloadError> {
        let mut rest = payload;
        let first = byte(&mut rest)?;
        let mut descriptor = Self {
            non_reference: first & 0x20 != 0,
            start: first & 0x10 != 0,
            partition: first & 0x07,
            picture_id: None,
            tl0picidx: None,
            temporal: None,
            key_index: None,
            key: false,
        };
        if first & 0x80 != 0 {
            let present = byte(&mut rest)?;
            if present & 0x80 != 0 {
                descriptor.picture_id = Some(PictureId::read(&mut rest)?);
            }
            if present & 0x40 != 0 {
                descriptor.tl0picidx = Some(byte(&mut rest)?);
            }
            if present & 0x30 != 0 {
                let layer = byte(&mut rest)?;
                descriptor.temporal = (present & 0x20 != 0).then_some(TemporalLayer {
                    id: layer >> 6,
                    sync: layer & 0x20 != 0,
                });
                descriptor.key_index = (present & 0x10 != 0).then_some(layer & 0x1f);
            }
        }
        let header = rest.first().ok_or(PayloadError::Empty)?;
        descriptor.key = descriptor.begins() && header & 1 == 0;
        Ok((descriptor, rest))
    }

    fn len(&self) -> usize {
        let present = |present: bool| usize::from(present);
        let layer = present(self.temporal.is_some() || self.key_index.is_some());
        let fields = self.picture_id.map_or(0, PictureId::len) + present(self.tl0picidx.is_some()) + layer;
        1 + present(fields > 0) + fields
    }

    fn write(&self, out: &mut BytesMut) {
        let bit = |set: bool, mask: u8| if set { mask } else { 0 };
        let extended = self.len() > 1;
        out.put_u8(
            bit(extended, 0x80)
                | bit(self.non_reference, 0x20)
                | bit(self.start, 0x10)
                | self.partition & 0x07,
        );
        if !extended {
            return;
        }
        out.put_u8(
            bit(self.picture_id.is_some(), 0x80)
                | bit(self.tl0picidx.is_some(), 0x40)
                | bit(self.temporal.is_some(), 0x20)
                | bit(self.key_index.is_some(), 0x10),
        );
        if let Some(id) = self.picture_id {
            id.write(out);
        }
        if let Some(index) = self.tl0picidx {
            out.put_u8(index);
        }
        if self.temporal.is_some() || self.key_index.is_some() {
            let layer = self
                .temporal
                .map_or(0, |layer| layer.id << 6 | bit(layer.sync, 0x20));
            out.put_u8(layer | self.key_index.unwrap_or(0) & 0x1f);
        }
    }
}

/// Writes the payloads of `frame` one behind the other, and where each ends.
pub(super) fn write(
    mut descriptor: Descriptor,
    frame: &[u8],
    mtu: Mtu,
    out: &mut BytesMut,
    ends: &mut Vec<usize>,
) {
    for range in evenly(frame.len(), mtu.bytes() - descriptor.len()) {
        descriptor.start = range.start == 0;
        descriptor.write(out);
        out.put_slice(&frame[range]);
        ends.push(out.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn descriptors_of_the_rfc_are_read() {
        let plain = Descriptor::read(&[0x10, 0x00]).unwrap();
        assert!(plain.0.key && plain.0.begins() && plain.1 == [0]);
        assert!(!Descriptor::read(&[0x10, 0x01]).unwrap().0.key, "P is set");
        assert!(
            !Descriptor::read(&[0x11, 0x00]).unwrap().0.begins(),
            "partition 1"
        );
        let (full, rest) = Descriptor::read(&[0x90, 0xf0, 0x81, 0x02, 0x07, 0x65, 0x00]).unwrap();
        assert_eq!(full.picture_id, Some(PictureId::Long(0x102)));
        assert_eq!((full.tl0picidx, full.key_index), (Some(7), Some(5)));
        assert_eq!(full.temporal, Some(TemporalLayer { id: 1, sync: true }));
        assert_eq!((full.key, rest), (true, &[0][..]));
        let (short, _) = Descriptor::read(&[0x80, 0x80, 0x7f, 0x01]).unwrap();
        assert_eq!(short.picture_id, Some(PictureId::Short(127)));
        assert_eq!(
            Descriptor::read(&[0x90, 0x80, 0x81]),
            Err(PayloadError::Truncated)
        );
        assert_eq!(Descriptor::read(&[0x10]), Err(PayloadError::Empty));
        assert_eq!(Descriptor::read(&[]), Err(PayloadError::Truncated));
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_again(bytes in prop::collection::vec(any::<u8>(), 0..16)) {
            if let Ok((descriptor, rest)) = Descriptor::read(&bytes) {
                let mut out = BytesMut::new();
                descriptor.write(&mut out);
                prop_assert_eq!(out.len(), descriptor.len());
                out.put_slice(rest);
                let again = Descriptor::read(&out).unwrap();
                prop_assert_eq!((again.0, again.1), (descriptor, rest));
            }
        }
    }
}
