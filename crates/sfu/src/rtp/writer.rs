//! Writes compound RTCP packets into a buffer.

use super::reader::ReportBlock;

/// Most blocks of a report (RFC 3550 section 6.4.1).
const MAX_BLOCKS: usize = 31;

/// A compound packet that is being written. What does not fit is left out, whole.
pub struct Writer<'a> {
    buffer: &'a mut [u8],
    length: usize,
}

impl<'a> Writer<'a> {
    /// An empty one.
    pub const fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, length: 0 }
    }

    /// Bytes written.
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing is written.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Adds a packet of `body` bytes after its header, a multiple of 4, to be filled in. None where it does not fit.
    pub(super) fn packet(&mut self, count: u8, kind: u8, body: usize) -> Option<&mut [u8]> {
        let packet = self.buffer.get_mut(self.length..self.length + 4 + body)?;
        self.length += 4 + body;
        packet[0] = 0x80 | count;
        packet[1] = kind;
        packet[2..4].copy_from_slice(&((body / 4) as u16).to_be_bytes());
        Some(&mut packet[4..])
    }

    fn words(&mut self, count: u8, kind: u8, words: &[u32]) -> bool {
        let Some(body) = self.packet(count, kind, 4 * words.len()) else {
            return false;
        };
        for (to, word) in body.chunks_exact_mut(4).zip(words) {
            to.copy_from_slice(&word.to_be_bytes());
        }
        true
    }

    /// A sender's report without blocks. Tells whether it fitted, as the others do.
    pub fn sender_report(&mut self, ssrc: u32, ntp: u64, timestamp: u32, packets: u32, octets: u32) -> bool {
        let words = [ssrc, (ntp >> 32) as u32, ntp as u32, timestamp, packets, octets];
        self.words(0, 200, &words)
    }

    /// A receiver's report of up to 31 sources.
    pub fn receiver_report(&mut self, ssrc: u32, blocks: &[ReportBlock]) -> bool {
        let blocks = blocks.get(..MAX_BLOCKS).unwrap_or(blocks);
        let Some(body) = self.packet(blocks.len() as u8, 201, 4 + 24 * blocks.len()) else {
            return false;
        };
        body[..4].copy_from_slice(&ssrc.to_be_bytes());
        for (to, block) in body[4..].chunks_exact_mut(24).zip(blocks) {
            let lost = block.lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0xff_ffff;
            let words = [
                block.ssrc,
                u32::from(block.fraction_lost) << 24 | lost,
                block.highest,
                block.jitter,
                block.last_report,
                block.delay,
            ];
            for (to, word) in to.chunks_exact_mut(4).zip(words) {
                to.copy_from_slice(&word.to_be_bytes());
            }
        }
        true
    }

    /// Asks for a keyframe (RFC 4585 section 6.3.1).
    pub fn keyframe_wanted(&mut self, ssrc: u32, media: u32) -> bool {
        self.words(1, 206, &[ssrc, media])
    }

    /// Asks for packets again (RFC 4585 section 6.2.1). `missing` are pairs of a sequence number and the mask of those
    /// after it.
    pub fn nack(&mut self, ssrc: u32, media: u32, missing: &[(u16, u16)]) -> bool {
        let Some(body) = self.packet(1, 205, 8 + 4 * missing.len()) else {
            return false;
        };
        body[..4].copy_from_slice(&ssrc.to_be_bytes());
        body[4..8].copy_from_slice(&media.to_be_bytes());
        for (to, (base, mask)) in body[8..].chunks_exact_mut(4).zip(missing) {
            to[..2].copy_from_slice(&base.to_be_bytes());
            to[2..].copy_from_slice(&mask.to_be_bytes());
        }
        true
    }
}
