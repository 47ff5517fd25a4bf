//! Reactions: shown for a moment and gone.

use sidetone_signaling::protocol::Request;
use sidetone_signaling::protocol::meeting::{React, Reaction};

use crate::call::Call;
use crate::pending::Pending;

/// Sending reactions; those of everyone come as [`CallEvent::Reaction`](crate::CallEvent::Reaction). See
/// [`Call::reactions`].
#[derive(Clone, Debug)]
pub struct ReactionsFeature(Call);

impl ReactionsFeature {
    /// Shows everyone a reaction.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) where it is not allowed, or comes too fast.
    pub fn send(&self, reaction: Reaction) -> Pending<()> {
        self.0
            .request(|call| Request::MeetingReact(React { call, reaction }))
    }
}

impl Call {
    /// Sending reactions.
    pub fn reactions(&self) -> ReactionsFeature {
        ReactionsFeature(self.clone())
    }
}
