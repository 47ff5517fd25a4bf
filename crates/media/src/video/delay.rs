//! Within which bounds of delay a sender would have its pictures shown: the playout delay header extension.

use std::time::Duration;

/// URI of the extension.
pub const PLAYOUT_DELAY_URI: &str = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay";

/// What a unit is.
const UNIT: Duration = Duration::from_millis(10);

/// Bounds of the delay between capture and display that a receiver adds to that of the path.
///
/// A screen on which somebody works is shown as soon as a picture is there, late ones later: nobody waits for a steady pace.
/// A film, or a camera, is shown evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlayoutDelay {
    /// The least.
    pub min: Duration,
    /// The most.
    pub max: Duration,
}

impl PlayoutDelay {
    /// As soon as it is there.
    pub const AT_ONCE: Self = Self {
        min: Duration::ZERO,
        max: Duration::ZERO,
    };

    /// As the receiver likes: the most that can be said.
    pub const ANY: Self = Self {
        min: Duration::ZERO,
        max: Duration::from_millis(10 * 0xfff),
    };

    /// Reads the extension: two numbers of 12 bits, in hundredths of a second. `None` where it is shorter, or says that the
    /// least is more than the most.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let [a, b, c] = *bytes.first_chunk()?;
        let (min, max) = (
            u16::from(a) << 4 | u16::from(b) >> 4,
            u16::from(b & 15) << 8 | u16::from(c),
        );
        (min <= max).then_some(Self {
            min: UNIT * u32::from(min),
            max: UNIT * u32::from(max),
        })
    }

    /// Writes it, in whole units; more than can be said is the most that can be.
    pub fn write(self) -> [u8; 3] {
        let units = |delay: Duration| (delay.as_millis() / UNIT.as_millis()).min(0xfff) as u16;
        let (min, max) = (units(self.min), units(self.max));
        [(min >> 4) as u8, (min << 4) as u8 | (max >> 8) as u8, max as u8]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn it_is_written_as_two_numbers_of_twelve_bits() {
        assert_eq!(PlayoutDelay::AT_ONCE.write(), [0, 0, 0]);
        assert_eq!(PlayoutDelay::ANY.write(), [0, 0x0f, 0xff]);
        let some = PlayoutDelay {
            min: Duration::from_millis(0x123 * 10),
            max: Duration::from_millis(0x456 * 10),
        };
        assert_eq!(some.write(), [0x12, 0x34, 0x56]);
        assert_eq!(PlayoutDelay::read(&[0, 0]), None);
        assert_eq!(PlayoutDelay::read(&[0x45, 0x61, 0x23]), None);
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_again(bytes: [u8; 3]) {
            if let Some(delay) = PlayoutDelay::read(&bytes) {
                prop_assert!(delay.min <= delay.max);
                prop_assert_eq!(delay.write(), bytes);
            }
        }
    }
}
