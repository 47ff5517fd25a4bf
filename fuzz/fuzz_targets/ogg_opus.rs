//! A sound that somebody uploads, through the container and the codec.
//!
//! Input: one byte of settings, then a file. Settings 0: the file as it is. Otherwise steps: one byte of packet length
//! and the packet, put into a container whose checksums are right, with a good header where bit 1 is set.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use ogg::{PacketWriteEndInfo, PacketWriter};
use sidetone_media::recording::read_ogg_opus;

/// Longer sounds only make runs slower.
const LONGEST: usize = 48_000 * 5;

fuzz_target!(|data: &[u8]| {
    let Some((&settings, mut rest)) = data.split_first() else {
        return;
    };
    if settings == 0 {
        let _ = read_ogg_opus(Cursor::new(rest), LONGEST);
        return;
    }
    let mut file = Vec::new();
    let mut writer = PacketWriter::new(&mut file);
    let mut put = |packet: Vec<u8>, end, granule| {
        writer.write_packet(packet, 1, end, granule).expect("memory");
    };
    if settings & 2 != 0 {
        let channels = 1 + (settings >> 2 & 1);
        let head = [b"OpusHead\x01".as_slice(), &[channels], b"\x38\x01\x80\xbb\0\0\0\0\0"].concat();
        put(head, PacketWriteEndInfo::EndPage, 0);
        put(b"OpusTags\0\0\0\0\0\0\0\0".to_vec(), PacketWriteEndInfo::EndPage, 0);
    }
    let mut granule = 0;
    while let Some((&length, tail)) = rest.split_first() {
        let (packet, tail) = tail.split_at(usize::from(length).min(tail.len()));
        rest = tail;
        granule += u64::from(length) * 16;
        let end = match (tail.is_empty(), length & 3) {
            (true, _) => PacketWriteEndInfo::EndStream,
            (false, 0) => PacketWriteEndInfo::EndPage,
            (false, _) => PacketWriteEndInfo::NormalPacket,
        };
        put(packet.to_vec(), end, granule);
    }
    drop(writer);
    if let Ok(sound) = read_ogg_opus(Cursor::new(file), LONGEST) {
        assert!(sound.len() <= LONGEST);
    }
});
