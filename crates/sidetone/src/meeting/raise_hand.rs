//! Hands that are up.

use sidetone_signaling::protocol::Request;
use sidetone_signaling::protocol::meeting::{Hands, LowerHands, ParticipantId, SetHand};

use crate::call::{Call, CallEvent};
use crate::pending::Pending;

/// A hand that is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RaisedHand {
    /// Whose, this end's too.
    pub participant: ParticipantId,
    /// Lower numbers went up before higher ones.
    pub order: u32,
}

pub(super) fn apply(hands: &mut Vec<RaisedHand>, told: Hands) -> Option<CallEvent> {
    let raised: Vec<RaisedHand> = told
        .raised
        .into_iter()
        .map(|hand| RaisedHand {
            participant: hand.participant,
            order: hand.order,
        })
        .collect();
    let gone = |hand: &RaisedHand| {
        told.lowered.contains(&hand.participant)
            || raised.iter().any(|raised| raised.participant == hand.participant)
    };
    hands.retain(|hand| !gone(hand));
    hands.extend(&raised);
    hands.sort_by_key(|hand| hand.order);
    let lowered = told.lowered;
    let news = !raised.is_empty() || !lowered.is_empty();
    news.then_some(CallEvent::HandsChanged { raised, lowered })
}

/// Raising hands. See [`Call::raise_hand`].
#[derive(Clone, Debug)]
pub struct RaiseHandFeature(Call);

impl RaiseHandFeature {
    /// Whose hands are up, first up first. Changes come as [`CallEvent::HandsChanged`].
    pub fn raised(&self) -> Vec<RaisedHand> {
        self.0
            .in_meeting(|meeting| meeting.hands.clone())
            .unwrap_or_default()
    }

    /// Raises this end's hand.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) where it is not allowed.
    pub fn raise(&self) -> Pending<()> {
        self.0
            .request(|call| Request::MeetingHand(SetHand { call, raised: true }))
    }

    /// Lowers this end's hand.
    ///
    /// # Errors
    /// As of [`RaiseHandFeature::raise`].
    pub fn lower(&self) -> Pending<()> {
        self.0
            .request(|call| Request::MeetingHand(SetHand { call, raised: false }))
    }

    /// Lowers the hands of others.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) to those who may not.
    pub fn lower_hands(&self, participants: &[ParticipantId]) -> Pending<()> {
        if participants.is_empty() {
            return Pending::ready(());
        }
        let participants = participants.to_vec();
        self.0
            .request(|call| Request::MeetingLowerHands(LowerHands { call, participants }))
    }

    /// Lowers everyone's hands.
    ///
    /// # Errors
    /// As of [`RaiseHandFeature::lower_hands`].
    pub fn lower_all(&self) -> Pending<()> {
        let participants = Vec::new();
        self.0
            .request(|call| Request::MeetingLowerHands(LowerHands { call, participants }))
    }
}

impl Call {
    /// Raising hands.
    pub fn raise_hand(&self) -> RaiseHandFeature {
        RaiseHandFeature(self.clone())
    }
}
