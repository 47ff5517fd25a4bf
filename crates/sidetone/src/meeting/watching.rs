//! What this end wants to see, and how many cameras its network carries.

use sidetone_signaling::protocol::Request;
use sidetone_signaling::protocol::meeting::{Picture, Watch};

use crate::call::Call;
use crate::pending::Pending;

/// What an app shows of a meeting. Room that is left shows those who speak, then anybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchOptions {
    /// The pictures that are shown, the most important first, each with the height it is shown at: at most
    /// [`MAX_WANTED`](crate::MAX_WANTED).
    pub pictures: Vec<Picture>,
    /// Most cameras to be sent at a time: 0 where nobody looks. Without it, as many as there is room for.
    pub cameras: Option<u8>,
}

/// How many cameras the network of this end carries. See [`Call::optimal_video_count`].
#[derive(Clone, Debug)]
pub struct OptimalVideoCountFeature(Call);

impl OptimalVideoCountFeature {
    /// So many, once that is known. Changes come as
    /// [`CallEvent::OptimalVideoCountChanged`](crate::CallEvent::OptimalVideoCountChanged), at most once in ten seconds.
    pub fn optimal_video_count(&self) -> Option<u16> {
        self.0.in_meeting(|meeting| meeting.video_count).flatten()
    }
}

impl Call {
    /// Says what this end wants to see, in place of what it said before. It is sent no more than that in size, and may be
    /// sent less, as its network allows.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) before the door, for heights that no picture has, for people who were
    /// never there, and where it changes faster than people look.
    pub fn watch(&self, options: WatchOptions) -> Pending<()> {
        let WatchOptions { pictures, cameras } = options;
        self.request(|call| {
            Request::MeetingWatch(Watch {
                call,
                pictures,
                cameras,
            })
        })
    }

    /// How many cameras the network of this end carries.
    pub fn optimal_video_count(&self) -> OptimalVideoCountFeature {
        OptimalVideoCountFeature(self.clone())
    }
}
