//! What stands in for SDP and candidate lines in memory: a word and two numbers that name an endpoint and one of
//! its generations. Read with the same suspicion as the real thing.

use crate::transport::{Candidate, Description, DescriptionKind, TransportError};

/// An endpoint's number in its network.
pub(super) type Id = u32;

/// An endpoint in one of its ICE generations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) id: Id,
    pub(super) generation: u32,
}

impl Token {
    /// The description this token stands for.
    pub(super) fn description(self, kind: DescriptionKind) -> Description {
        Description {
            kind,
            sdp: format!("{} {} {}", word(kind), self.id, self.generation),
        }
    }

    /// The one candidate of an endpoint.
    pub(super) fn candidate(self) -> Candidate {
        Candidate {
            candidate: format!("candidate {} {}", self.id, self.generation),
            mid: "0".to_owned(),
            username_fragment: self.generation.to_string(),
        }
    }

    pub(super) fn of_description(description: &Description) -> Result<Self, TransportError> {
        Self::parse(word(description.kind), &description.sdp)
            .ok_or_else(|| TransportError::BadDescription("not a token of this network".into()))
    }

    pub(super) fn of_candidate(candidate: &Candidate) -> Result<Self, TransportError> {
        Self::parse("candidate", &candidate.candidate)
            .ok_or_else(|| TransportError::BadCandidate("not a token of this network".into()))
    }

    fn parse(word: &str, text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        if words.next() != Some(word) {
            return None;
        }
        let token = Self {
            id: words.next()?.parse().ok()?,
            generation: words.next()?.parse().ok()?,
        };
        words.next().is_none().then_some(token)
    }
}

fn word(kind: DescriptionKind) -> &'static str {
    match kind {
        DescriptionKind::Offer => "offer",
        DescriptionKind::Answer => "answer",
    }
}
