//! How the ends of a 1:1 call look at each other's pictures. What is sent for it is the sender's to decide.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CallId;
use super::meeting::MAX_HEIGHT;

/// The largest width of a picture, in pixels (8K).
pub const MAX_WIDTH: u16 = 7_680;

/// How large something is shown, in pixels: 1x1 to [`MAX_WIDTH`]x[`MAX_HEIGHT`], or [`Extent::HIDDEN`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Extent {
    /// From left to right.
    pub width: u16,
    /// From top to bottom.
    pub height: u16,
}

impl Extent {
    /// Nobody looks.
    pub const HIDDEN: Self = Self { width: 0, height: 0 };

    fn is_sound(self) -> bool {
        let sides = (1..=MAX_WIDTH).contains(&self.width) && (1..=MAX_HEIGHT).contains(&self.height);
        sides || self == Self::HIDDEN
    }
}

/// `call.watch`: how large this endpoint shows the peer's pictures from now on, so that no more than that is sent. Where
/// nothing is said of one, nobody knows. It does not outlast the move to a group call, where `meeting.watch` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Watch {
    /// The call.
    pub call: CallId,
    /// The camera's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<Extent>,
    /// Those of a screen or a window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Extent>,
}

/// `call.watched`: how large the peer shows what this endpoint sends.
pub type Watched = Watch;

impl Watch {
    /// Whether its sizes are within what there can be.
    pub(crate) fn is_sound(&self) -> bool {
        [self.camera, self.share]
            .into_iter()
            .flatten()
            .all(Extent::is_sound)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::end_reason::Reason;
    use crate::protocol::{Limits, Request};

    fn check(camera: Option<Extent>, share: Option<Extent>) -> Result<(), Reason> {
        let call = CallId(Uuid::nil());
        Limits::default().check(&Request::Watch(Watch { call, camera, share }))
    }

    #[test]
    fn nothing_hidden_the_smallest_and_the_largest() {
        let of = |width, height| Some(Extent { width, height });
        check(None, None).unwrap();
        check(Some(Extent::HIDDEN), of(MAX_WIDTH, MAX_HEIGHT)).unwrap();
        check(of(1, 1), None).unwrap();
        for (width, height) in [(0, 1), (1, 0), (MAX_WIDTH + 1, 1), (1, MAX_HEIGHT + 1)] {
            assert!(check(None, of(width, height)).is_err(), "{width}x{height}");
        }
    }

    proptest! {
        #[test]
        fn sizes_that_no_picture_has_are_refused(width in any::<u16>(), height in any::<u16>(), share in any::<bool>()) {
            let extent = Some(Extent { width, height });
            let result = if share { check(None, extent) } else { check(extent, None) };
            let hidden = width == 0 && height == 0;
            let sound = hidden || (1..=MAX_WIDTH).contains(&width) && (1..=MAX_HEIGHT).contains(&height);
            match result {
                Ok(()) => prop_assert!(sound),
                Err(reason) => prop_assert!(!sound && reason.is(&Reason::BAD_PARAMETERS)),
            }
        }
    }
}
