//! The VP8 payload descriptor (RFC 7741 section 4.2), as far as a forwarder reads and rewrites it.

use super::Counters;

/// Longest descriptor, in bytes.
pub(crate) const MAX_DESCRIPTOR: usize = 6;

/// Where things lie in a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Descriptor {
    len: u8,
    /// Offset of the picture ID, 0 if there is none, and whether it has 15 bits.
    picture: u8,
    long: bool,
    /// Offset of TL0PICIDX, 0 if there is none.
    base: u8,
    pub(crate) counters: Counters,
    /// Whether a keyframe begins with this packet.
    pub(crate) keyframe: bool,
}

impl Descriptor {
    /// Reads it. `None` if the payload is too short for what it says.
    pub(crate) fn parse(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        let mut descriptor = Self {
            len: 1,
            picture: 0,
            long: false,
            base: 0,
            counters: Counters::default(),
            keyframe: false,
        };
        if first & 0x80 != 0 {
            let extended = *payload.get(1)?;
            descriptor.len = 2;
            if extended & 0x80 != 0 {
                let at = descriptor.len;
                let high = *payload.get(usize::from(at))?;
                descriptor.picture = at;
                descriptor.long = high & 0x80 != 0;
                descriptor.counters.picture = u16::from(high & 0x7f);
                descriptor.len += 1;
                if descriptor.long {
                    let low = *payload.get(usize::from(at) + 1)?;
                    descriptor.counters.picture = u16::from(high & 0x7f) << 8 | u16::from(low);
                    descriptor.len += 1;
                }
            }
            if extended & 0x40 != 0 {
                descriptor.base = descriptor.len;
                descriptor.counters.base = *payload.get(usize::from(descriptor.len))?;
                descriptor.len += 1;
            }
            if extended & 0x30 != 0 {
                descriptor.len += 1;
            }
        }
        let header = *payload.get(usize::from(descriptor.len))?;
        let begins = first & 0x10 != 0 && first & 0x07 == 0;
        descriptor.keyframe = begins && header & 1 == 0;
        Some(descriptor)
    }

    /// The descriptor with `shift` added to its counters, in `head`, and the rest of the payload.
    pub(crate) fn rewrite<'h, 'a>(
        &self,
        payload: &'a [u8],
        shift: Counters,
        head: &'h mut [u8],
    ) -> (&'h [u8], &'a [u8]) {
        let (old, rest) = payload.split_at(usize::from(self.len));
        let head = &mut head[..old.len()];
        head.copy_from_slice(old);
        let counters = self.counters.plus(shift);
        let picture = usize::from(self.picture);
        if self.long {
            head[picture..picture + 2].copy_from_slice(&(counters.picture | 0x8000).to_be_bytes());
        } else if picture > 0 {
            head[picture] = counters.picture as u8 & 0x7f;
        }
        if self.base > 0 {
            head[usize::from(self.base)] = counters.base;
        }
        (head, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn descriptors_of_the_rfc_are_read() {
        let plain = Descriptor::parse(&[0x10, 0x00]).unwrap();
        assert_eq!((plain.len, plain.keyframe), (1, true));
        assert!(!Descriptor::parse(&[0x10, 0x01]).unwrap().keyframe, "P is set");
        assert!(
            !Descriptor::parse(&[0x00, 0x00]).unwrap().keyframe,
            "not the beginning"
        );
        let full = Descriptor::parse(&[0x90, 0xf0, 0x81, 0x02, 0x07, 0x20, 0x00]).unwrap();
        assert_eq!(
            full.counters,
            Counters {
                picture: 0x102,
                base: 7
            }
        );
        assert_eq!((full.len, full.long, full.keyframe), (6, true, true));
        let short = Descriptor::parse(&[0x80, 0x80, 0x7f, 0x01]).unwrap();
        assert_eq!((short.counters.picture, short.len), (127, 3));
    }

    proptest! {
        #[test]
        fn counters_move_and_nothing_else(
            mut payload in prop::collection::vec(any::<u8>(), 0..12),
            picture in any::<u16>(),
            base in any::<u8>(),
        ) {
            if let Some(descriptor) = Descriptor::parse(&payload) {
                let shift = Counters { picture: picture & 0x7fff, base };
                let mut head = [0; MAX_DESCRIPTOR];
                let (head, rest) = descriptor.rewrite(&payload, shift, &mut head);
                let all = [head, rest].concat();
                let again = Descriptor::parse(&all).unwrap();
                let mask = if descriptor.long { 0x7fff } else { 0x7f };
                if descriptor.picture > 0 {
                    prop_assert_eq!(again.counters.picture, descriptor.counters.plus(shift).picture & mask);
                }
                if descriptor.base > 0 {
                    prop_assert_eq!(again.counters.base, descriptor.counters.base.wrapping_add(base));
                }
                let back = Counters { picture: picture.wrapping_neg() & 0x7fff, base: base.wrapping_neg() };
                let mut head = [0; MAX_DESCRIPTOR];
                let (head, rest) = again.rewrite(&all, back, &mut head);
                // Bits that a short picture ID does not have are gone.
                let whole = [head, rest].concat();
                if descriptor.long || descriptor.picture == 0 {
                    prop_assert_eq!(&whole, &payload);
                }
                payload.truncate(rest.len());
            }
        }
    }
}
