//! From frames of one stream to payloads.

use bytes::{Bytes, BytesMut};

use super::layers::Layers;
use super::{Mtu, PayloadError, TemporalLayers, av1, dependency, h264, vp8, vp9};
use crate::video::{Codec, TemporalLayer};

/// A coded frame to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The bitstream: VP8 or VP9 frame, AV1 temporal unit with sizes in its OBUs, H.264 access unit in Annex B format.
    pub data: &'a [u8],
    /// Whether it needs no other.
    pub key: bool,
    /// Its layer, where the stream has several.
    pub temporal: Option<TemporalLayer>,
    /// Whether no other frame needs it.
    pub discardable: bool,
}

impl Outgoing<'_> {
    /// Its layer: of a key frame always the base.
    pub(super) fn layer(&self) -> Option<TemporalLayer> {
        self.temporal.map(|layer| {
            if self.key {
                TemporalLayer { id: 0, sync: true }
            } else {
                layer
            }
        })
    }
}

/// What one packet of a frame carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The payload.
    pub bytes: Bytes,
    /// Whether it is the last one of its frame.
    pub marker: bool,
    /// The dependency descriptor, for its header extension: AV1 only.
    pub dependency: Option<Bytes>,
}

/// Makes payloads of the frames of one stream. Allocates once a frame, not once a packet.
#[derive(Clone, Debug)]
pub struct Packetizer {
    codec: Codec,
    mtu: Mtu,
    /// Of 15 bits.
    picture_id: u16,
    tl0picidx: u8,
    layers: Layers,
    dependency: dependency::Writer,
}

impl Packetizer {
    /// For a stream whose first picture has the identifier `picture_id`, of which 15 bits count; it should be random
    /// (RFC 7741 section 4.2).
    pub fn new(codec: Codec, mtu: Mtu, layers: TemporalLayers, picture_id: u16) -> Self {
        Self {
            codec,
            mtu,
            picture_id: picture_id & 0x7fff,
            tl0picidx: picture_id as u8,
            layers: Layers::default(),
            dependency: dependency::Writer::new(layers, picture_id),
        }
    }

    /// Appends the payloads of `frame` to `out`. On an error nothing is appended, and the frame does not count.
    pub fn packetize(&mut self, frame: &Outgoing<'_>, out: &mut Vec<Payload>) -> Result<(), PayloadError> {
        if frame.data.is_empty() {
            return Err(PayloadError::Empty);
        }
        let mut buffer = BytesMut::with_capacity(frame.data.len() + frame.data.len() / 16 + 64);
        let mut ends = Vec::with_capacity(frame.data.len() / self.mtu.bytes() + 2);
        let layer = frame.layer();
        let base = layer.is_none_or(|layer| layer.id == 0);
        let tl0picidx = self.tl0picidx.wrapping_add(u8::from(base));
        let mut layers = self.layers.clone();
        let needs = layers.frame(frame);
        let picture_id = Some(vp8::PictureId::Long(self.picture_id));
        match self.codec {
            Codec::Vp8 => {
                let descriptor = vp8::Descriptor {
                    non_reference: frame.discardable && !frame.key,
                    start: true,
                    partition: 0,
                    picture_id,
                    tl0picidx: layer.map(|_| tl0picidx),
                    temporal: layer,
                    key_index: None,
                    key: frame.key,
                };
                vp8::write(descriptor, frame.data, self.mtu, &mut buffer, &mut ends);
            }
            Codec::Vp9 => {
                let descriptor =
                    vp9::Descriptor::flexible(frame.key, picture_id, layer, needs.back().iter().copied());
                vp9::write(&descriptor, frame.data, self.mtu, &mut buffer, &mut ends);
            }
            Codec::Av1 => av1::write(frame.data, frame.key, self.mtu, &mut buffer, &mut ends)?,
            Codec::H264 => h264::write(frame.data, self.mtu, &mut buffer, &mut ends)?,
        }
        self.layers = layers;
        self.tl0picidx = tl0picidx;
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        let descriptors = (self.codec == Codec::Av1).then(|| self.dependency.frame(frame, &needs));
        let last = ends.len().saturating_sub(1);
        let mut start = 0;
        for (index, end) in ends.into_iter().enumerate() {
            out.push(Payload {
                bytes: buffer.split_to(end - start).freeze(),
                marker: index == last,
                dependency: descriptors
                    .as_ref()
                    .map(|descriptors| descriptors.of_packet(index == 0, index == last)),
            });
            start = end;
        }
        Ok(())
    }
}
