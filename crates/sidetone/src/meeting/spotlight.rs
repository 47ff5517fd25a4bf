//! Who is in front for everyone.

use sidetone_signaling::protocol::Request;
use sidetone_signaling::protocol::meeting::{ParticipantId, SetSpotlight};

use crate::call::Call;
use crate::pending::Pending;

/// Putting people in front. See [`Call::spotlight`].
#[derive(Clone, Debug)]
pub struct SpotlightFeature(Call);

impl SpotlightFeature {
    /// Who is in front, in this order. Changes come as
    /// [`CallEvent::SpotlightChanged`](crate::CallEvent::SpotlightChanged).
    pub fn participants(&self) -> Vec<ParticipantId> {
        self.0
            .in_meeting(|meeting| meeting.spotlight.clone())
            .unwrap_or_default()
    }

    /// Puts people in front for everyone, in this order.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) to those who may not.
    pub fn start(&self, participants: &[ParticipantId]) -> Pending<()> {
        self.set(participants, true)
    }

    /// Takes people back.
    ///
    /// # Errors
    /// As of [`SpotlightFeature::start`].
    pub fn stop(&self, participants: &[ParticipantId]) -> Pending<()> {
        if participants.is_empty() {
            return Pending::ready(());
        }
        self.set(participants, false)
    }

    /// Takes everybody back.
    ///
    /// # Errors
    /// As of [`SpotlightFeature::start`].
    pub fn stop_all(&self) -> Pending<()> {
        self.set(&[], false)
    }

    fn set(&self, participants: &[ParticipantId], on: bool) -> Pending<()> {
        let participants = participants.to_vec();
        self.0.request(|call| {
            Request::MeetingSpotlight(SetSpotlight {
                call,
                participants,
                on,
            })
        })
    }
}

impl Call {
    /// Putting people in front.
    pub fn spotlight(&self) -> SpotlightFeature {
        SpotlightFeature(self.clone())
    }
}
