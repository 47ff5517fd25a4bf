//! What a participant wants to see. It decides nothing about what it is sent of it: that is whoever carries the media's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ParticipantId;
use crate::protocol::CallId;

/// Most pictures that one participant may want at a time.
pub const MAX_WANTED: usize = 64;

/// The largest height of a picture, in pixels (8K).
pub const MAX_HEIGHT: u16 = 4_320;

/// What somebody shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PictureSource {
    /// Their camera.
    Camera,
    /// Their screen.
    Share,
}

/// A picture that a participant wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Picture {
    /// Whose.
    pub participant: ParticipantId,
    /// Of what.
    pub source: PictureSource,
    /// The height at which it is shown, in pixels, 1 to [`MAX_HEIGHT`]: more than that is not sent, where the sender has
    /// a smaller one.
    pub height: u16,
    /// It is seen whoever else speaks: before all that are not pinned.
    #[serde(default, skip_serializing_if = "is_false")]
    pub pinned: bool,
}

/// `meeting.watch`: what this endpoint wants to see, in place of what it wanted before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Watch {
    /// The call.
    pub call: CallId,
    /// The pictures, the most important first, at most [`MAX_WANTED`]. Those of people who are gone are passed over. Room
    /// that is left shows those who speak, then anybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pictures: Vec<Picture>,
    /// Most cameras to be shown at a time: 0 where nobody looks. Without it, as many as there is room for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cameras: Option<u8>,
}

impl Watch {
    /// Whether its sizes are within what there can be.
    pub(crate) fn is_sound(&self) -> bool {
        let heights = || self.pictures.iter().map(|picture| picture.height);
        self.pictures.len() <= MAX_WANTED && heights().all(|height| (1..=MAX_HEIGHT).contains(&height))
    }
}

/// `meeting.optimal_video_count`: how many cameras this endpoint's network carries. Told at most once in ten seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OptimalVideoCount {
    /// The call.
    pub call: CallId,
    /// So many.
    pub count: u16,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::end_reason::Reason;
    use crate::protocol::{Limits, Request};

    fn picture(height: u16) -> Picture {
        Picture {
            participant: ParticipantId(1),
            source: PictureSource::Camera,
            height,
            pinned: false,
        }
    }

    fn check(heights: &[u16]) -> Result<(), Reason> {
        let pictures = heights.iter().map(|height| picture(*height)).collect();
        let (call, cameras) = (CallId(Uuid::nil()), None);
        Limits::default().check(&Request::MeetingWatch(Watch {
            call,
            pictures,
            cameras,
        }))
    }

    #[test]
    fn the_smallest_and_the_largest_that_may_be_wanted() {
        check(&[]).unwrap();
        check(&[1, MAX_HEIGHT]).unwrap();
        check(&[90; MAX_WANTED]).unwrap();
        assert!(check(&[90; MAX_WANTED + 1]).is_err());
    }

    proptest! {
        #[test]
        fn sizes_that_no_picture_has_are_refused(heights in prop::collection::vec(any::<u16>(), 0..MAX_WANTED)) {
            let sound = heights.iter().all(|height| (1..=MAX_HEIGHT).contains(height));
            match check(&heights) {
                Ok(()) => prop_assert!(sound),
                Err(reason) => prop_assert!(!sound && reason.is(&Reason::BAD_PARAMETERS)),
            }
        }
    }
}
