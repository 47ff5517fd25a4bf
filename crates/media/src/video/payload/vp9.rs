//! VP9 (RFC 9628). Written in flexible mode, one spatial layer; read in both modes, with spatial layers: the frames of a
//! picture's layers follow each other and are decoded in one piece.

use bytes::{BufMut, BytesMut};

use super::split::evenly;
use super::vp8::{PictureId, byte};
use super::{Mtu, PayloadError};
use crate::video::TemporalLayer;

/// Most pictures that one refers to (RFC 9628 section 4.2).
const MOST_REFERENCES: usize = 3;

/// Furthest picture that flexible mode can refer to.
const FURTHEST: u16 = 127;

/// The pictures that one refers to, as distances back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct References {
    back: [u8; MOST_REFERENCES],
    len: u8,
}

impl References {
    /// The distances.
    pub fn back(&self) -> &[u8] {
        &self.back[..usize::from(self.len)]
    }

    fn push(&mut self, back: u8) {
        if let Some(place) = self.back.get_mut(usize::from(self.len)) {
            *place = back;
            self.len += 1;
        }
    }
}

/// TID, U, SID and D.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerIndices {
    /// TID and U (switching up point).
    pub temporal: TemporalLayer,
    /// SID.
    pub spatial: u8,
    /// D: needs the frame of the spatial layer below.
    pub inter_layer: bool,
}

/// A picture of a group (RFC 9628 section 4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupPicture {
    /// TID and U.
    pub temporal: TemporalLayer,
    /// Those it refers to.
    pub references: References,
}

/// The scalability structure (RFC 9628 section 4.2.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScalabilityStructure {
    /// Width and height of each spatial layer, in pixels, where told.
    pub sizes: Vec<(u16, u16)>,
    /// The pictures after which everything repeats, where told.
    pub group: Vec<GroupPicture>,
}

/// The payload descriptor (RFC 9628 section 4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// I.
    pub picture_id: Option<PictureId>,
    /// P: needs earlier pictures.
    pub predicted: bool,
    /// L, without TL0PICIDX.
    pub layer: Option<LayerIndices>,
    /// TL0PICIDX: in non-flexible mode, where there are layer indices.
    pub tl0picidx: Option<u8>,
    /// F: which pictures are needed is said here.
    pub flexible: bool,
    /// B: a frame of a spatial layer begins.
    pub begin: bool,
    /// E: one ends.
    pub end: bool,
    /// Z: no higher spatial layer needs it.
    pub not_for_upper: bool,
    /// P_DIFF, in flexible mode.
    pub references: References,
    /// V.
    pub structure: Option<ScalabilityStructure>,
}

impl Descriptor {
    /// Of the packets of a frame in flexible mode.
    pub(super) fn flexible(
        key: bool,
        picture_id: Option<PictureId>,
        layer: Option<TemporalLayer>,
        needs: impl Iterator<Item = u16>,
    ) -> Self {
        let mut references = References::default();
        for back in needs.filter(|_| !key) {
            references.push(back.min(FURTHEST) as u8);
        }
        Self {
            picture_id,
            predicted: !key,
            layer: layer.map(|temporal| LayerIndices {
                temporal,
                spatial: 0,
                inter_layer: false,
            }),
            tl0picidx: None,
            flexible: true,
            begin: true,
            end: true,
            not_for_upper: true,
            references,
            structure: None,
        }
    }

    /// Whether a picture begins with this packet.
    pub fn begins(&self) -> bool {
        self.begin && self.layer.is_none_or(|layer| layer.spatial == 0)
    }

    /// Reads it. Gives it and the rest of the payload, which is not empty.
    pub fn read(payload: &[u8]) -> Result<(Self, &[u8]), PayloadError> {
        let mut rest = payload;
        let first = byte(&mut rest)?;
        let is = |mask: u8| first & mask != 0;
        let mut descriptor = Self {
            picture_id: None,
            predicted: is(0x40),
            layer: None,
            tl0picidx: None,
            flexible: is(0x10),
            begin: is(0x08),
            end: is(0x04),
            not_for_upper: is(0x01),
            references: References::default(),
            structure: None,
        };
        if is(0x80) {
            descriptor.picture_id = Some(PictureId::read(&mut rest)?);
        }
        if is(0x20) {
            let indices = byte(&mut rest)?;
            descriptor.layer = Some(LayerIndices {
                temporal: TemporalLayer {
                    id: indices >> 5,
                    sync: indices & 0x10 != 0,
                },
                spatial: indices >> 1 & 0x07,
                inter_layer: indices & 1 != 0,
            });
            if !descriptor.flexible {
                descriptor.tl0picidx = Some(byte(&mut rest)?);
            }
        }
        if descriptor.flexible && descriptor.predicted {
            loop {
                let reference = byte(&mut rest)?;
                if usize::from(descriptor.references.len) == MOST_REFERENCES {
                    return Err(PayloadError::Length);
                }
                descriptor.references.push(reference >> 1);
                if reference & 1 == 0 {
                    break;
                }
            }
        }
        if is(0x02) {
            descriptor.structure = Some(ScalabilityStructure::read(&mut rest)?);
        }
        if rest.is_empty() {
            return Err(PayloadError::Empty);
        }
        Ok((descriptor, rest))
    }

    fn write(&self, out: &mut BytesMut) {
        let bit = |set: bool, mask: u8| if set { mask } else { 0 };
        out.put_u8(
            bit(self.picture_id.is_some(), 0x80)
                | bit(self.predicted, 0x40)
                | bit(self.layer.is_some(), 0x20)
                | bit(self.flexible, 0x10)
                | bit(self.begin, 0x08)
                | bit(self.end, 0x04)
                | bit(self.structure.is_some(), 0x02)
                | bit(self.not_for_upper, 0x01),
        );
        if let Some(id) = self.picture_id {
            id.write(out);
        }
        if let Some(layer) = self.layer {
            out.put_u8(
                layer.temporal.id << 5
                    | bit(layer.temporal.sync, 0x10)
                    | (layer.spatial & 0x07) << 1
                    | u8::from(layer.inter_layer),
            );
            if let Some(index) = self.tl0picidx {
                out.put_u8(index);
            }
        }
        if self.flexible && self.predicted {
            let back = self.references.back();
            for (n, back) in back.iter().enumerate() {
                out.put_u8(back << 1 | u8::from(n + 1 < self.references.back().len()));
            }
        }
        if let Some(structure) = &self.structure {
            structure.write(out);
        }
    }
}

impl ScalabilityStructure {
    fn read(rest: &mut &[u8]) -> Result<Self, PayloadError> {
        let first = byte(rest)?;
        let mut structure = Self::default();
        if first & 0x10 != 0 {
            for _ in 0..=first >> 5 {
                let mut number = || Ok(u16::from_be_bytes([byte(rest)?, byte(rest)?]));
                structure.sizes.push((number()?, number()?));
            }
        }
        if first & 0x08 != 0 {
            for _ in 0..byte(rest)? {
                let head = byte(rest)?;
                let mut references = References::default();
                for _ in 0..head >> 2 & 0x03 {
                    references.push(byte(rest)?);
                }
                structure.group.push(GroupPicture {
                    temporal: TemporalLayer {
                        id: head >> 5,
                        sync: head & 0x10 != 0,
                    },
                    references,
                });
            }
        }
        Ok(structure)
    }

    /// Without sizes there is one layer.
    fn write(&self, out: &mut BytesMut) {
        let bit = |set: bool, mask: u8| if set { mask } else { 0 };
        let layers = self.sizes.len().saturating_sub(1) as u8;
        out.put_u8(layers << 5 | bit(!self.sizes.is_empty(), 0x10) | bit(!self.group.is_empty(), 0x08));
        for (width, height) in &self.sizes {
            out.put_u16(*width);
            out.put_u16(*height);
        }
        if !self.group.is_empty() {
            out.put_u8(self.group.len() as u8);
        }
        for picture in &self.group {
            let back = picture.references.back();
            let (layer, sync) = (picture.temporal.id, picture.temporal.sync);
            out.put_u8(layer << 5 | bit(sync, 0x10) | (back.len() as u8) << 2);
            out.put_slice(back);
        }
    }
}

/// Writes the payloads of `frame` one behind the other, and where each ends.
pub(super) fn write(
    descriptor: &Descriptor,
    frame: &[u8],
    mtu: Mtu,
    out: &mut BytesMut,
    ends: &mut Vec<usize>,
) {
    let mut head = BytesMut::new();
    descriptor.write(&mut head);
    for range in evenly(frame.len(), mtu.bytes() - head.len()) {
        let mut descriptor = descriptor.clone();
        descriptor.begin = range.start == 0;
        descriptor.end = range.end == frame.len();
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
    fn flexible_and_non_flexible_descriptors_are_read() {
        // I P L F B E: 15 bit ID, layer 1 that is a switching up point, refers to 1 and 2 back.
        let (flexible, rest) = Descriptor::read(&[0xfc, 0x81, 0x02, 0x30, 0x03, 0x04, 9]).unwrap();
        assert_eq!(flexible.picture_id, Some(PictureId::Long(0x102)));
        assert_eq!(flexible.references.back(), [1, 2]);
        let layer = flexible.layer.unwrap();
        assert_eq!(layer.temporal, TemporalLayer { id: 1, sync: true });
        assert_eq!((layer.spatial, layer.inter_layer), (0, false));
        assert_eq!(rest, [9]);
        // A key frame that says 640x360, and a group of two.
        let head = [
            0xaa, 0x05, 0x00, 0x07, 0x18, 2, 128, 1, 104, 2, 0x14, 2, 0x34, 1, 9,
        ];
        let (key, rest) = Descriptor::read(&head).unwrap();
        assert_eq!(
            (key.picture_id, key.tl0picidx),
            (Some(PictureId::Short(5)), Some(7))
        );
        let structure = key.structure.clone().unwrap();
        assert_eq!(structure.sizes, [(640, 360)]);
        assert_eq!(structure.group.len(), 2);
        assert_eq!(structure.group[1].references.back(), [1]);
        assert!(structure.group[1].temporal.sync && key.begins() && rest == [9]);
    }

    #[test]
    fn what_is_cut_short_or_refers_too_often_is_refused() {
        let head = [0xfc, 0x81, 0x02, 0x30, 0x03, 0x04, 9];
        for len in 0..head.len() {
            assert!(Descriptor::read(&head[..len]).is_err());
        }
        assert_eq!(
            Descriptor::read(&[0x50, 3, 3, 3, 2, 9]),
            Err(PayloadError::Length)
        );
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_again(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok((descriptor, rest)) = Descriptor::read(&bytes) {
                let mut out = BytesMut::new();
                descriptor.write(&mut out);
                out.put_slice(rest);
                let again = Descriptor::read(&out).unwrap();
                prop_assert_eq!((again.0, again.1), (descriptor, rest));
            }
        }
    }
}
