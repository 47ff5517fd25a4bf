//! What was settled about the pictures of a connection.

use crate::video::Codec;

/// Identifiers of header extensions, the same in all bundled sections (RFC 9143 section 9.1); 0 is not negotiated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identifiers {
    pub(crate) mid: u8,
    pub(crate) rid: u8,
    pub(crate) repaired_rid: u8,
    pub(crate) transport: u8,
    pub(crate) capture: u8,
    pub(crate) playout: u8,
    pub(crate) dependency: u8,
}

/// A stream that we send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sends {
    pub(crate) codec: Codec,
    pub(crate) payload_type: u8,
    pub(crate) ssrc: u32,
    /// Source and payload type of retransmissions.
    pub(crate) rtx: Option<(u32, u8)>,
    /// The section and the layer, where packets must say them: with simulcast.
    pub(crate) names: Option<(String, String)>,
}

/// A stream that we receive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Receives {
    pub(crate) mid: String,
    pub(crate) ssrc: Option<u32>,
    pub(crate) rtx_ssrc: Option<u32>,
    pub(crate) formats: Formats,
}

/// Payload types of a section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Formats {
    pub(crate) codecs: Vec<(u8, Codec)>,
    /// Payload types of retransmissions, and of what they repeat.
    pub(crate) rtx: Vec<(u8, u8)>,
}

impl Formats {
    pub(crate) fn codec(&self, payload_type: u8) -> Option<Codec> {
        let found = self.codecs.iter().find(|(known, _)| *known == payload_type);
        found.map(|(_, codec)| *codec)
    }

    /// The codec of what is repeated with this payload type.
    pub(crate) fn repeats(&self, payload_type: u8) -> Option<Codec> {
        let found = self.rtx.iter().find(|(known, _)| *known == payload_type);
        found.and_then(|(_, of)| self.codec(*of))
    }

    /// The first of `wanted`, with the payload type of its retransmissions.
    pub(crate) fn first(&self, wanted: &[Codec]) -> Option<(Codec, u8, Option<u8>)> {
        wanted.iter().find_map(|wanted| {
            let (payload_type, codec) = self.codecs.iter().find(|(_, codec)| codec == wanted)?;
            let rtx = self.rtx.iter().find(|(_, of)| of == payload_type);
            Some((*codec, *payload_type, rtx.map(|(rtx, _)| *rtx)))
        })
    }
}

/// All that was settled about pictures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) identifiers: Identifiers,
    /// As in the port: the camera's layers, then the screen.
    pub(crate) sends: Vec<Option<Sends>>,
    /// As in the port: the cameras, then the screen.
    pub(crate) receives: Vec<Option<Receives>>,
}
