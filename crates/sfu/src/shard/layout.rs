//! What was negotiated with a participant: its slots, what it sends, and how packets say which is which.

use crate::config::RoomSettings;
use crate::room::{Formats, Header, Media, Receive, SlotConfig};
use crate::sdp::{Answer, Codec, Extension, Kind, Offer, Section};

/// Media that a participant may send.
#[derive(PartialEq, Eq)]
pub(super) struct Source {
    pub mid: String,
    pub media: Media,
    pub formats: Formats,
    /// Payload types of retransmissions, and of what they repeat.
    pub rtx: Vec<(u8, u8)>,
    pub layers: Vec<String>,
    pub ssrc: Option<u32>,
    pub rtx_ssrc: Option<u32>,
}

/// Retransmissions to a slot (RFC 4588).
pub(super) struct Repeater {
    pub slot: u32,
    pub ssrc: u32,
    pub sequence: u64,
    /// Payload types of what is repeated, and of the repetition.
    pub types: Vec<(u8, u8)>,
}

/// Identifiers of header extensions, the same in all bundled sections (RFC 9143 section 9.1).
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Identifiers {
    pub mid: Option<u8>,
    pub rid: Option<u8>,
    pub repaired_rid: Option<u8>,
    pub level: Option<u8>,
    pub capture: Option<u8>,
    pub playout: Option<u8>,
    pub transport: Option<u8>,
    pub send_time: Option<u8>,
    /// The same as `transport` where the participant tells of single packets of the pictures it gets.
    pub numbered: Option<u8>,
}

/// All of it.
pub(super) struct Layout {
    pub answers: Vec<Answer>,
    pub receive: Receive,
    /// The sections of the slots for voices, cameras and screens.
    pub mids: [Vec<String>; 3],
    pub sources: Vec<Source>,
    pub repeaters: Vec<Repeater>,
    pub identifiers: Identifiers,
}

impl Layout {
    /// Decides what to do with each section. `next_ssrc` gives a new source identifier each time.
    pub fn new(offer: &Offer, settings: &RoomSettings, mut next_ssrc: impl FnMut() -> u32) -> Self {
        let identifier = |of| offer.sections.iter().find_map(|section| section.extension(of));
        let mut pictures = offer
            .sections
            .iter()
            .filter(|section| section.kind == Kind::Video);
        let tells = pictures.any(|section| section.codecs.iter().any(Codec::tells_arrivals));
        let mut layout = Self {
            answers: Vec::new(),
            receive: Receive::default(),
            mids: Default::default(),
            sources: Vec::new(),
            repeaters: Vec::new(),
            identifiers: Identifiers {
                mid: identifier(Extension::Mid),
                rid: identifier(Extension::Rid),
                repaired_rid: identifier(Extension::RepairedRid),
                level: identifier(Extension::AudioLevel),
                capture: identifier(Extension::AbsoluteCaptureTime),
                playout: identifier(Extension::PlayoutDelay),
                transport: identifier(Extension::TransportSequence),
                send_time: identifier(Extension::AbsSendTime),
                numbered: identifier(Extension::TransportSequence).filter(|_| tells),
            },
        };
        for section in &offer.sections {
            let answer = layout.section(section, settings, &mut next_ssrc);
            layout.answers.push(answer);
        }
        layout
    }

    fn section(
        &mut self,
        section: &Section,
        settings: &RoomSettings,
        next_ssrc: &mut impl FnMut() -> u32,
    ) -> Answer {
        let mut answer = Answer::default();
        if section.kind == Kind::Other || section.codecs.is_empty() {
            return answer;
        }
        let media = match section.kind {
            Kind::Video if section.slides => Media::Share,
            Kind::Video => Media::Video,
            _ => Media::Audio,
        };
        let codecs = section
            .codecs
            .iter()
            .filter(|codec| (codec.format.clock_rate() == 48_000) == (media == Media::Audio));
        let formats = codecs.clone().fold(Formats::new(), |formats, codec| {
            formats.with(codec.format, codec.payload_type)
        });
        let rtx = codecs.filter_map(|codec| Some((codec.rtx?, codec.payload_type)));
        let rtx: Vec<(u8, u8)> = rtx.collect();
        let taken = self.sources.iter().any(|source| source.media == media);
        if section.direction.sends && !taken {
            answer.receives = true;
            self.sources.push(Source {
                mid: section.mid.clone(),
                media,
                formats,
                rtx: rtx.clone(),
                layers: section.layers.clone(),
                ssrc: section.ssrc,
                rtx_ssrc: section.rtx_ssrc,
            });
        }
        let (slots, most) = match media {
            Media::Audio => (&mut self.receive.audio, settings.audio_slots),
            Media::Video => (&mut self.receive.video, settings.video_slots),
            Media::Share => (&mut self.receive.share, settings.share_slots),
        };
        if section.direction.receives && slots.len() < most.min(crate::room::MAX_SLOTS) {
            let ssrc = next_ssrc();
            answer.sends = Some(ssrc);
            self.mids[media as usize].push(section.mid.clone());
            slots.push(SlotConfig {
                ssrc,
                formats,
                level_id: section.extension(Extension::AudioLevel),
                capture_id: section.extension(Extension::AbsoluteCaptureTime),
                playout_id: section.extension(Extension::PlayoutDelay),
            });
            if !rtx.is_empty() {
                let again = next_ssrc();
                answer.rtx = Some(again);
                self.repeaters.push(Repeater {
                    slot: ssrc,
                    ssrc: again,
                    sequence: 0,
                    types: rtx.iter().map(|(rtx, of)| (*of, *rtx)).collect(),
                });
            }
        }
        answer
    }

    /// The header that repeats a packet of a slot, and the original sequence number that goes before its payload
    /// (RFC 4588 section 4). None where no repetition was negotiated.
    pub fn repeater(&mut self, of: &Header) -> Option<(Header, [u8; 2])> {
        let repeater = self
            .repeaters
            .iter_mut()
            .find(|repeater| repeater.slot == of.ssrc)?;
        let mut types = repeater.types.iter();
        let (_, payload_type) = *types.find(|(primary, _)| *primary == of.payload_type)?;
        repeater.sequence += 1;
        let header = Header {
            ssrc: repeater.ssrc,
            sequence: repeater.sequence,
            payload_type,
            ..*of
        };
        Some((header, (of.sequence as u16).to_be_bytes()))
    }

    /// The header of a packet of padding, in the place of a repetition (RFC 4588): there nobody misses a number. None
    /// where no repetition was negotiated.
    pub fn padding(&mut self, timestamp: u32) -> Option<Header> {
        let repeater = self.repeaters.first_mut()?;
        let (_, payload_type) = *repeater.types.first()?;
        repeater.sequence += 1;
        Some(Header {
            ssrc: repeater.ssrc,
            sequence: repeater.sequence,
            timestamp,
            marker: false,
            payload_type,
            csrc: 0,
            level: None,
            captured: None,
            playout: None,
        })
    }

    /// Whether a slot shows pictures.
    pub fn is_picture(&self, ssrc: u32) -> bool {
        let Receive { video, share, .. } = &self.receive;
        video.iter().chain(share).any(|slot| slot.ssrc == ssrc)
    }

    /// The source that our reports are from.
    pub fn own_ssrc(&self) -> u32 {
        self.slots().next().map_or(1, |slot| slot.ssrc)
    }

    /// Whether it is the same but for the sources we send with.
    pub fn is_same(&self, other: &Self) -> bool {
        let same_slots = |a: &[SlotConfig], b: &[SlotConfig]| {
            let mut both = a.iter().zip(b);
            a.len() == b.len()
                && both.all(|(a, b)| {
                    let ssrc = a.ssrc;
                    *a == SlotConfig { ssrc, ..*b }
                })
        };
        let same_answers = || {
            let mut both = self.answers.iter().zip(&other.answers);
            self.answers.len() == other.answers.len()
                && both.all(|(a, b)| {
                    a.receives == b.receives
                        && a.sends.is_some() == b.sends.is_some()
                        && a.rtx.is_some() == b.rtx.is_some()
                })
        };
        self.sources == other.sources
            && self.identifiers == other.identifiers
            && same_slots(&self.receive.audio, &other.receive.audio)
            && same_slots(&self.receive.video, &other.receive.video)
            && same_slots(&self.receive.share, &other.receive.share)
            && same_answers()
    }

    /// All sources that we send with.
    pub fn slots(&self) -> impl Iterator<Item = &SlotConfig> {
        let Receive { audio, video, share } = &self.receive;
        audio.iter().chain(video).chain(share)
    }

    /// The source that a packet without a known one belongs to: by its MID, its announced source, or because nothing
    /// else has its payload type (RFC 9143 section 9.2).
    pub fn source(&self, mid: Option<&[u8]>, ssrc: u32, payload_type: u8) -> Option<&Source> {
        if let Some(mid) = mid {
            return self.sources.iter().find(|source| source.mid.as_bytes() == mid);
        }
        let announced = |source: &&Source| source.ssrc == Some(ssrc) || source.rtx_ssrc == Some(ssrc);
        if let Some(source) = self.sources.iter().find(announced) {
            return Some(source);
        }
        let mut all = self.sources.iter().filter(|source| source.carries(payload_type));
        all.next().filter(|_| all.next().is_none())
    }
}

impl Source {
    fn carries(&self, payload_type: u8) -> bool {
        self.formats.format(payload_type).is_some() || self.is_rtx(payload_type)
    }

    /// Whether it repeats.
    pub fn is_rtx(&self, payload_type: u8) -> bool {
        self.rtx.iter().any(|(rtx, _)| *rtx == payload_type)
    }

    /// The payload type that this one repeats.
    pub fn repeats(&self, payload_type: u8) -> Option<u8> {
        self.rtx
            .iter()
            .find(|(rtx, _)| *rtx == payload_type)
            .map(|(_, of)| *of)
    }

    /// The layer with this name.
    pub fn layer(&self, rid: Option<&[u8]>) -> Option<u8> {
        match rid {
            Some(rid) => {
                let at = self.layers.iter().position(|layer| layer.as_bytes() == rid)?;
                Some(at as u8)
            }
            None => self.layers.is_empty().then_some(0),
        }
    }
}
