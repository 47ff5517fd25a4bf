//! Pictures: whose is shown where, in which layer, and how one layer follows another without a seam. A slot changes its
//! picture or layer only where the new one begins with a keyframe.

mod arrange;
mod flow;
pub(crate) mod keyframe;
pub mod layers;
mod request;
pub(crate) mod vp8;

pub(crate) use arrange::Watching;
pub(crate) use request::Requests;

/// The counters of a picture that decoders expect to be continuous: picture ID of 15 bits and TL0PICIDX (RFC 7741).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) picture: u16,
    pub(crate) base: u8,
}

impl Counters {
    pub(crate) fn plus(self, shift: Self) -> Self {
        Self {
            picture: self.picture.wrapping_add(shift.picture) & 0x7fff,
            base: self.base.wrapping_add(shift.base),
        }
    }

    pub(crate) fn less(self, other: Self) -> Self {
        Self {
            picture: self.picture.wrapping_sub(other.picture) & 0x7fff,
            base: self.base.wrapping_sub(other.base),
        }
    }

    /// Those of the picture after this one.
    pub(crate) fn next(self) -> Self {
        self.plus(Self { picture: 1, base: 1 })
    }
}
