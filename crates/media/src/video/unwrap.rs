//! Counters that wrap around, made into such that do not.

/// Follows a counter of `BITS` bits. Every value counts as the one nearest to the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unwrapper<const BITS: u32> {
    last: Option<i64>,
}

impl<const BITS: u32> Unwrapper<BITS> {
    const TURN: i64 = 1 << BITS;

    /// That has seen nothing.
    pub const fn new() -> Self {
        Self { last: None }
    }

    /// The whole number that `value` stands for; what is above `BITS` bits is ignored.
    pub fn unwrap(&mut self, value: u32) -> i64 {
        let whole = self.peek(value);
        self.last = Some(whole);
        whole
    }

    /// The counter has begun anew at `value`: gives the next whole number above all before that it can stand for.
    pub fn restart(&mut self, value: u32) -> i64 {
        let value = i64::from(value) & (Self::TURN - 1);
        let after = self.last.map_or(value, |last| last + Self::TURN);
        let whole = after + (value - after).rem_euclid(Self::TURN);
        self.last = Some(whole);
        whole
    }

    /// As [`Self::unwrap`], and changes nothing.
    pub fn peek(&self, value: u32) -> i64 {
        let value = i64::from(value) & (Self::TURN - 1);
        let Some(last) = self.last else { return value };
        let ahead = (value - last).rem_euclid(Self::TURN);
        last + if ahead < Self::TURN / 2 {
            ahead
        } else {
            ahead - Self::TURN
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn steps_below_half_a_turn_are_followed(steps in prop::collection::vec(-16_000i64..16_000, 0..50), start: u16) {
            let mut unwrapper = Unwrapper::<16>::new();
            let mut at = i64::from(start);
            prop_assert_eq!(unwrapper.unwrap(u32::from(start)), at);
            for step in steps {
                at += step;
                prop_assert_eq!(unwrapper.unwrap(at as u32), at);
            }
        }
    }
}
