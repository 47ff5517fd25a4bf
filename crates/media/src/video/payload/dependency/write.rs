//! Writing the descriptor of a stream with one spatial layer. Each temporal layer is a decode target; the base is the one
//! chain, which protects all of them.

use bytes::Bytes;

use super::super::layers::{Needs, TemporalLayers};
use super::super::packetizer::Outgoing;
use super::bits::BitWriter;
use super::structure::{Indication, Structure, Template};

/// Makes the descriptors of one stream.
#[derive(Clone, Debug)]
pub struct Writer {
    structure: Structure,
    frame_number: u16,
}

impl Writer {
    /// For a stream of so many layers, whose first frame has that number.
    pub fn new(layers: TemporalLayers, frame_number: u16) -> Self {
        let count = layers.count();
        let period = 1u16 << (count - 1);
        let mut templates = vec![template(0, true, &[], 0, count)];
        for layer in 0..count {
            // The last frame of the layer or of those below, where the rate doubles with each layer.
            let back = if layer == 0 { period } else { period >> layer };
            let chain = back as u8;
            templates.push(template(layer, layer == 0, &[back], chain, count));
            if layer > 0 {
                templates.push(template(layer, true, &[back], chain, count));
            }
        }
        Self {
            structure: Structure {
                id_offset: 0,
                targets: count,
                templates,
                protected_by: vec![0; usize::from(count)],
                chains: 1,
                sizes: Vec::new(),
            },
            frame_number,
        }
    }

    /// The descriptors of the next frame.
    pub(in super::super) fn frame(&mut self, frame: &Outgoing<'_>, needs: &Needs) -> FrameDescriptors {
        let layer = frame.layer();
        let top = self.structure.targets - 1;
        let (id, sync) = layer.map_or((0, true), |layer| {
            (layer.id.min(top), layer.sync || layer.id == 0)
        });
        let wanted = template(
            id,
            sync,
            needs.back(),
            needs.base.min(255) as u8,
            self.structure.targets,
        );
        let alike = |of: &Template| of.temporal == wanted.temporal && of.indications == wanted.indications;
        // The first template is the key frame's. There is one for every layer, with and without sync.
        let index = if frame.key {
            0
        } else {
            let templates = &self.structure.templates;
            let found = templates.iter().skip(1).position(alike);
            found.map_or(1, |found| found + 1)
        };
        let usual = &self.structure.templates[index];
        let with_back = usual.back != wanted.back;
        let with_chains = usual.chains != wanted.chains;
        let mut extended = BitWriter::default();
        if frame.key || with_back || with_chains {
            extended.flag(frame.key);
            extended.bits(0, 2);
            extended.flag(with_back);
            extended.flag(with_chains);
            if frame.key {
                self.structure.write(&mut extended);
            }
            if with_back {
                for back in &wanted.back {
                    let less = u32::from(back - 1).min(0xfff);
                    let size = match less {
                        0..=0xf => 1,
                        0x10..=0xff => 2,
                        _ => 3,
                    };
                    extended.bits(size, 2);
                    extended.bits(less, 4 * size);
                }
                extended.bits(0, 2);
            }
            if with_chains {
                for chain in &wanted.chains {
                    extended.bits(u32::from(*chain), 8);
                }
            }
        }
        let descriptors = FrameDescriptors {
            template: index as u8,
            frame_number: self.frame_number,
            extended: extended.finish(),
        };
        self.frame_number = self.frame_number.wrapping_add(1);
        descriptors
    }
}

/// The template of a layer.
fn template(layer: u8, sync: bool, back: &[u16], chain: u8, targets: u8) -> Template {
    let of_target = |target: u8| match (target < layer, sync) {
        (true, _) => Indication::NotPresent,
        (false, true) => Indication::Switch,
        (false, false) => Indication::Required,
    };
    Template {
        spatial: 0,
        temporal: layer,
        indications: (0..targets).map(of_target).collect(),
        back: back.to_vec(),
        chains: vec![chain],
    }
}

/// Those of the packets of one frame.
#[derive(Clone, Debug)]
pub struct FrameDescriptors {
    template: u8,
    frame_number: u16,
    extended: Vec<u8>,
}

impl FrameDescriptors {
    /// That of one packet. What is long goes with the first only; what the frame needs, with all.
    pub fn of_packet(&self, first: bool, last: bool) -> Bytes {
        let [high, low] = self.frame_number.to_be_bytes();
        let flags = u8::from(first) << 7 | u8::from(last) << 6;
        let mut bytes = vec![flags | self.template, high, low];
        if first || self.extended.first().is_some_and(|flags| flags & 0x80 == 0) {
            bytes.extend_from_slice(&self.extended);
        }
        Bytes::from(bytes)
    }
}
