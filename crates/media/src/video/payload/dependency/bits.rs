//! Fields that begin in the middle of a byte, most significant bit first.

/// Reads them.
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// f(n), n up to 32. `None` past the end.
    pub(super) fn bits(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = *self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        self.bits(1).map(|bit| bit == 1)
    }

    /// ns(n): a number below `n`, which is not zero.
    pub(super) fn below(&mut self, n: u32) -> Option<u32> {
        let width = u32::BITS - n.leading_zeros();
        let short = (1 << width) - n;
        let value = self.bits(width - 1)?;
        if value < short {
            return Some(value);
        }
        Some((value << 1) - short + self.bits(1)?)
    }
}

/// Writes them.
#[derive(Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    used: usize,
}

impl BitWriter {
    /// f(n): the low `count` bits of `value`.
    pub(super) fn bits(&mut self, value: u32, count: u32) {
        for n in (0..count).rev() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> n & 1) as u8) << (7 - self.used % 8);
            }
            self.used += 1;
        }
    }

    pub(super) fn flag(&mut self, value: bool) {
        self.bits(u32::from(value), 1);
    }

    /// ns(n).
    pub(super) fn below(&mut self, value: u32, n: u32) {
        let width = u32::BITS - n.leading_zeros();
        let short = (1 << width) - n;
        if value < short {
            self.bits(value, width - 1);
        } else {
            self.bits((value + short) >> 1, width - 1);
            self.bits((value + short) & 1, 1);
        }
    }

    /// The last byte filled with zeros.
    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_below_another_come_out_again(n in 1u32..40, values in prop::collection::vec(any::<u32>(), 1..20)) {
            let mut writer = BitWriter::default();
            for value in &values {
                writer.below(value % n, n);
            }
            let bytes = writer.finish();
            let mut reader = BitReader::new(&bytes);
            for value in values {
                prop_assert_eq!(reader.below(n), Some(value % n));
            }
        }
    }
}
