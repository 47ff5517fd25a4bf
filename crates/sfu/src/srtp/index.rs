//! Packet indices: the roll-over counter guessed (RFC 3711 section 3.3.1) and what was seen remembered (3.3.2).

/// How far back packets are told apart.
const WINDOW: u64 = 128;

/// The newest index of a stream, and which of those before it have been seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    newest: Option<u64>,
    /// Bit n: `newest - n` has been seen.
    seen: u128,
}

impl Window {
    /// The index of the packet with this sequence number.
    pub fn guess(&self, sequence: u16) -> u64 {
        let Some(newest) = self.newest else {
            return u64::from(sequence);
        };
        let (rollovers, last) = (newest >> 16, newest as u16);
        let ahead = i32::from(sequence) - i32::from(last);
        let rollovers = if ahead > 0x8000 {
            // From before the last roll-over, unless there was none.
            rollovers.saturating_sub(1)
        } else if ahead < -0x8000 {
            rollovers + 1
        } else {
            rollovers
        };
        rollovers << 16 | u64::from(sequence)
    }

    /// Whether it may still be taken.
    pub fn is_new(&self, index: u64) -> bool {
        match self.newest {
            Some(newest) if index <= newest => {
                newest - index < WINDOW && self.seen >> (newest - index) & 1 == 0
            }
            _ => true,
        }
    }

    /// The newest index, or 0.
    pub fn newest(&self) -> u64 {
        self.newest.unwrap_or(0)
    }

    /// Remembers an authentic packet.
    pub fn insert(&mut self, index: u64) {
        match self.newest {
            Some(newest) if index <= newest => {
                if newest - index < WINDOW {
                    self.seen |= 1 << (newest - index);
                }
            }
            newest => {
                let ahead = newest.map_or(WINDOW, |newest| index - newest);
                self.seen = if ahead < WINDOW { self.seen << ahead } else { 0 } | 1;
                self.newest = Some(index);
            }
        }
    }
}
