//! Whether bytes are Ogg Opus (RFC 7845), and how long they play. The packets themselves are for whoever plays them.

use std::io::Cursor;
use std::time::Duration;

use ogg::PacketReader;

use crate::api::problem::{Problem, ProblemType};

/// Positions in Opus count samples at this rate, whatever the sound was recorded at.
const RATE: u64 = 48_000;
/// Longest that a sound may say it is.
const LONGEST: Duration = Duration::from_secs(3600);

/// How long it plays.
///
/// # Errors
/// [`ProblemType::INVALID`] for what is not one whole stream of Opus in Ogg.
pub(super) fn check(bytes: &[u8]) -> Result<Duration, Problem> {
    length(bytes).ok_or_else(|| {
        Problem::new(
            ProblemType::INVALID,
            "the sound is not Ogg Opus in one or two channels",
        )
    })
}

/// `None` for what is none.
pub(crate) fn length(bytes: &[u8]) -> Option<Duration> {
    let mut packets = PacketReader::new(Cursor::new(bytes));
    let head = packets.read_packet().ok()??;
    let pre_skip = match &head.data[..] {
        [
            b'O',
            b'p',
            b'u',
            b's',
            b'H',
            b'e',
            b'a',
            b'd',
            version,
            1 | 2,
            low,
            high,
            _,
            _,
            _,
            _,
            _,
            _,
            0,
        ] if *version < 16 => u64::from(u16::from_le_bytes([*low, *high])),
        _ => return None,
    };
    let serial = head.stream_serial();
    let tags = packets.read_packet().ok()??;
    if tags.stream_serial() != serial || !tags.data.starts_with(b"OpusTags") {
        return None;
    }
    let mut end = 0;
    while let Some(packet) = packets.read_packet().ok()? {
        if packet.stream_serial() != serial || packet.data.is_empty() {
            return None;
        }
        // Pages in which no packet ends have no position.
        if packet.absgp_page() != u64::MAX {
            end = packet.absgp_page();
        }
    }
    let samples = end.checked_sub(pre_skip).filter(|samples| *samples > 0)?;
    let length = Duration::from_millis(samples.saturating_mul(1_000) / RATE);
    (length <= LONGEST).then_some(length)
}

#[cfg(test)]
mod tests {
    use ogg::{PacketWriteEndInfo, PacketWriter};
    use proptest::prelude::*;

    use super::*;

    /// A file whose packets are bytes of no meaning.
    pub(crate) fn file(packets: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = PacketWriter::new(&mut bytes);
        let head = b"OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0".to_vec();
        writer
            .write_packet(head, 7, PacketWriteEndInfo::EndPage, 0)
            .unwrap();
        let tags = b"OpusTags\0\0\0\0\0\0\0\0".to_vec();
        writer
            .write_packet(tags, 7, PacketWriteEndInfo::EndPage, 0)
            .unwrap();
        for number in 1..=packets {
            let end = if number == packets {
                PacketWriteEndInfo::EndStream
            } else {
                PacketWriteEndInfo::NormalPacket
            };
            writer
                .write_packet(vec![0xfc; 60], 7, end, 312 + number * 960)
                .unwrap();
        }
        drop(writer);
        bytes
    }

    #[test]
    fn the_last_position_says_how_long_it_plays() {
        assert_eq!(length(&file(150)), Some(Duration::from_secs(3)));
    }

    #[test]
    fn what_is_no_sound_is_refused() {
        let whole = file(150);
        let mut damaged = whole.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 0xff;
        let mut two = whole.clone();
        two.extend_from_slice(&whole);
        let other_codec = {
            let mut bytes = whole.clone();
            bytes[28] = b'X';
            bytes
        };
        let none: [&[u8]; 6] = [b"", b"OggS", b"RIFF", &whole[..100], &damaged, &other_codec];
        for bytes in none {
            assert_eq!(length(bytes), None);
        }
        assert_eq!(length(&file(0)), None, "nothing is in it");
        assert_eq!(length(&file(200_000)), None, "longer than an hour");
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..600), at in 0usize..400, len in 0usize..9_000) {
            length(&bytes);
            let mut broken = file(150);
            broken.truncate(len);
            let end = (at + bytes.len()).min(broken.len());
            if at < end {
                broken[at..end].copy_from_slice(&bytes[..end - at]);
            }
            length(&broken);
        }
    }
}
