//! Messages between the clients of a meeting.

use sidetone_signaling::protocol::meeting::{Act, Blob, ParticipantId, SendMessage};

use crate::call::Call;
use crate::pending::Pending;

/// Small messages of an application to others in the meeting, which are passed on and not kept. See [`Call::messages`].
#[derive(Clone, Debug)]
pub struct MessagesFeature(Call);

impl MessagesFeature {
    /// Sends others a message of 32 KiB at most, `to` 64 at most or, where none is named, to everyone. `channel` is a
    /// number from 1 on that the applications agree on. Messages of one sender arrive in their order, as
    /// [`EngagementEvent::MessageReceived`](crate::EngagementEvent::MessageReceived); whoever is not connected at the
    /// moment misses them.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) where it is not allowed, too large or comes too fast: 20 a second and
    /// 64 kbit/s of each sender.
    pub fn send(&self, channel: u16, to: &[ParticipantId], data: &[u8]) -> Pending<()> {
        self.0.engage(Act::Message(SendMessage {
            channel,
            to: to.to_vec(),
            data: Blob(data.to_vec()),
        }))
    }
}

impl Call {
    /// Messages between the clients of the meeting.
    pub fn messages(&self) -> MessagesFeature {
        MessagesFeature(self.clone())
    }
}
