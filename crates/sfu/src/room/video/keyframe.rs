//! Where a keyframe begins, by the few bits of a payload that tell. Knows no codec beyond them.

use super::super::packet::Format;
use super::vp8::Descriptor;

/// Whether `payload` is the first packet of a keyframe. For H.264 that is the first with parameter sets or a slice of an
/// IDR picture, so that an encoder which sends the sets apart is switched to at the sets.
pub(crate) fn begins(format: Format, payload: &[u8]) -> bool {
    match format {
        Format::Opus | Format::Red => false,
        Format::Vp8 => Descriptor::parse(payload).is_some_and(|descriptor| descriptor.keyframe),
        Format::Vp9 => vp9(payload).unwrap_or(false),
        Format::H264 => h264(payload).unwrap_or(false),
        // N: the first packet of a coded video sequence (AOM RTP specification section 4.4).
        Format::Av1 => payload.first().is_some_and(|first| first & 0x08 != 0),
    }
}

/// RFC 9628 section 4.2: the beginning (B) of a frame that is not predicted (P), of the lowest spatial layer.
fn vp9(payload: &[u8]) -> Option<bool> {
    let first = *payload.first()?;
    if first & 0x48 != 0x08 {
        return Some(false);
    }
    let mut at = 1;
    if first & 0x80 != 0 {
        at += if payload.get(at)? & 0x80 != 0 { 2 } else { 1 };
    }
    if first & 0x20 != 0 {
        return Some(payload.get(at)? & 0x0e == 0);
    }
    Some(true)
}

/// RFC 6184 section 5.2: single units, aggregates (STAP-A) and first fragments (FU-A).
fn h264(payload: &[u8]) -> Option<bool> {
    const IDR: u8 = 5;
    const PARAMETERS: u8 = 7;
    let key = |unit: u8| matches!(unit & 0x1f, IDR | PARAMETERS);
    let first = *payload.first()?;
    match first & 0x1f {
        24 => {
            let mut rest = &payload[1..];
            while let [high, low, unit, ..] = *rest {
                if key(unit) {
                    return Some(true);
                }
                rest = rest.get(2 + usize::from(u16::from_be_bytes([high, low]))..)?;
            }
            Some(false)
        }
        28 => {
            let header = *payload.get(1)?;
            Some(header & 0x80 != 0 && key(header))
        }
        _ => Some(key(first)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyframes_are_told_from_others() {
        let cases: [(Format, &[u8], bool); 16] = [
            (Format::Vp8, &[0x10, 0x00], true),
            (Format::Vp8, &[0x10, 0x01], false),
            (Format::Vp9, &[0x08], true),
            (Format::Vp9, &[0x48], false),
            (Format::Vp9, &[0xa8, 0x81, 0x02, 0x00], true),
            (Format::Vp9, &[0xa8, 0x81, 0x02, 0x02], false),
            (Format::Vp9, &[0x00], false),
            (Format::H264, &[0x67, 1, 2], true),
            (Format::H264, &[0x65, 1, 2], true),
            (Format::H264, &[0x41, 1, 2], false),
            (Format::H264, &[0x18, 0, 2, 0x09, 0x10, 0, 2, 0x67, 0x42], true),
            (Format::H264, &[0x18, 0, 2, 0x09, 0x10, 0, 2, 0x41, 0x42], false),
            (Format::H264, &[0x7c, 0x85, 1], true),
            (Format::H264, &[0x7c, 0x05, 1], false),
            (Format::Av1, &[0x18, 1], true),
            (Format::Av1, &[0x10, 1], false),
        ];
        for (format, payload, key) in cases {
            assert_eq!(begins(format, payload), key, "{format:?} {payload:x?}");
        }
        for format in Format::ALL {
            assert!(!begins(format, &[]));
        }
    }
}
