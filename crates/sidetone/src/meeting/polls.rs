//! Polls of a meeting.

use sidetone_signaling::protocol::meeting::{Act, CreatePoll, Poll, Vote, Which};

use crate::call::Call;
use crate::pending::Pending;

/// Polls. See [`Call::polls`].
#[derive(Clone, Debug)]
pub struct PollsFeature(Call);

impl PollsFeature {
    /// All polls, as far as this end may see them. Changes come as
    /// [`EngagementEvent::PollUpdated`](crate::EngagementEvent::PollUpdated).
    pub fn all(&self) -> Vec<Poll> {
        self.0
            .in_meeting(|meeting| meeting.together.polls.values().cloned().collect())
            .unwrap_or_default()
    }

    /// The poll of this number.
    pub fn get(&self, poll: u32) -> Option<Poll> {
        self.0
            .in_meeting(|meeting| meeting.together.polls.get(&poll).cloned())
            .flatten()
    }

    /// Makes a poll. The outcome is its number.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) to those who may not, and of what is no poll.
    pub fn create(&self, poll: CreatePoll) -> Pending<u32> {
        self.0.make(Act::CreatePoll(poll))
    }

    /// Lets people vote.
    ///
    /// # Errors
    /// As of [`PollsFeature::create`].
    pub fn open(&self, poll: u32) -> Pending<()> {
        self.0.engage(Act::OpenPoll(Which { id: poll }))
    }

    /// Lets nobody vote any more.
    ///
    /// # Errors
    /// As of [`PollsFeature::create`].
    pub fn close(&self, poll: u32) -> Pending<()> {
        self.0.engage(Act::ClosePoll(Which { id: poll }))
    }

    /// Takes a poll away, with its votes.
    ///
    /// # Errors
    /// As of [`PollsFeature::create`].
    pub fn remove(&self, poll: u32) -> Pending<()> {
        self.0.engage(Act::RemovePoll(Which { id: poll }))
    }

    /// Votes, or changes the vote where that is allowed: `choices` are the places of the options, from 0 on.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) where the poll is not open, the vote does not fit it or cannot be
    /// changed, and to those who may not.
    pub fn vote(&self, poll: u32, choices: &[u8]) -> Pending<()> {
        let choices = choices.to_vec();
        self.0.engage(Act::Vote(Vote { poll, choices }))
    }
}

impl Call {
    /// Polls of the meeting.
    pub fn polls(&self) -> PollsFeature {
        PollsFeature(self.clone())
    }
}
