//! A call as its facts have made it so far.

use std::collections::BTreeSet;

use sidetone_signaling::Reason;
use sidetone_signaling::protocol::{CallId, NoticeKind};
use uuid::Uuid;

use crate::told::End;
use crate::{CallKind, Called, Fact, ParticipantId, Party, Scope, Seconds, Timestamp, What};

/// A call: who was in it, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Its id.
    pub id: CallId,
    /// What kind of call.
    pub kind: CallKind,
    /// The first call of the chain that it belongs to.
    pub correlation: CallId,
    /// The group, room or meeting.
    pub place: Option<String>,
    /// Who placed it.
    pub started_by: Party,
    /// The member as whom it was placed, where that was somebody else.
    pub on_behalf_of: Option<Called>,
    /// Free text of the caller's application.
    pub context: Option<String>,
    /// Who was called.
    pub called: Vec<Called>,
    /// When it was placed.
    pub started: Timestamp,
    /// When somebody answered.
    pub answered: Option<Timestamp>,
    /// Every stay in it, in the order of coming.
    pub stays: Vec<Stay>,
    /// Messages sent in it, by sender.
    pub messages: Vec<(Party, u64)>,
    /// Recordings that were announced in it, in order.
    pub(crate) recordings: Vec<Announced>,
    /// No events are raised for it.
    pub quiet: bool,
    /// When and why it was over.
    pub ended: Option<(Timestamp, Reason)>,
    /// Number of the newest fact.
    pub(crate) facts: u64,
    /// When that was.
    pub(crate) last: Timestamp,
}

/// Recordings of a call that are remembered at most: of what came after these, no files are known.
const MAX_RECORDINGS: usize = 1_000;

/// A recording that everyone was told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Announced {
    pub id: Uuid,
    pub by: ParticipantId,
    pub at: Timestamp,
    /// Its files so far.
    pub files: u32,
}

/// One stay of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay {
    /// The participant.
    pub participant: ParticipantId,
    /// Who.
    pub party: Party,
    /// When it came, to the lobby or to the call.
    pub entered: Timestamp,
    /// When it was in the call. Someone who never got out of the lobby was not.
    pub joined: Option<Timestamp>,
    /// When it left.
    pub left: Option<Timestamp>,
    /// Why, where it is another reason than the end of the call.
    pub reason: Option<Reason>,
    /// Reports of its streams so far.
    pub(crate) reports: u32,
}

impl Stay {
    /// How long it was there by `now`, the lobby included.
    pub fn length(&self, now: Timestamp) -> Seconds {
        self.left.unwrap_or(now).since(self.entered)
    }

    /// How long of that it was in the lobby.
    pub fn lobby(&self, now: Timestamp) -> Seconds {
        self.joined.or(self.left).unwrap_or(now).since(self.entered)
    }
}

impl Call {
    /// The call that a first fact makes; `None` when it makes none.
    pub(crate) fn open(fact: &Fact) -> Option<Self> {
        let new = |by: &Party, kind: CallKind, correlation: CallId| Self {
            id: fact.call,
            kind,
            correlation,
            place: None,
            started_by: by.clone(),
            on_behalf_of: None,
            context: None,
            called: Vec::new(),
            started: fact.at,
            answered: None,
            stays: Vec::new(),
            messages: Vec::new(),
            quiet: false,
            recordings: Vec::new(),
            ended: None,
            facts: fact.number,
            last: fact.at,
        };
        match &fact.what {
            What::Started {
                kind,
                correlation,
                place,
                by,
                to,
                context,
                on_behalf_of,
                quiet,
            } => Some(Self {
                quiet: *quiet,
                on_behalf_of: on_behalf_of.clone(),
                place: place.clone(),
                called: to.clone(),
                context: context.clone(),
                ..new(by, *kind, *correlation)
            }),
            What::Refused {
                by: Some(by),
                to,
                reason,
            } => {
                let called = to.iter().map(|to| Called {
                    identity: to.clone(),
                    display_name: String::new(),
                });
                Some(Self {
                    called: called.collect(),
                    ended: Some((fact.at, reason.clone())),
                    ..new(by, CallKind::TwoParty, fact.call)
                })
            }
            _ => None,
        }
    }

    /// Takes a further fact in.
    pub(crate) fn take(&mut self, fact: &Fact) {
        self.facts = self.facts.max(fact.number);
        self.last = self.last.max(fact.at);
        match &fact.what {
            What::Called { to } => {
                if !self.called.contains(to) {
                    self.called.push(to.clone());
                }
            }
            What::Grown => self.kind = CallKind::Group,
            What::Answered => self.answered = self.answered.or(Some(fact.at)),
            What::Waits { participant, party } => self.stays.push(Stay {
                participant: *participant,
                party: party.clone(),
                entered: fact.at,
                joined: None,
                left: None,
                reason: None,
                reports: 0,
            }),
            What::Joined { participant, party } => match self.stay_mut(*participant) {
                Some(stay) => stay.joined = Some(fact.at),
                None => self.stays.push(Stay {
                    participant: *participant,
                    party: party.clone(),
                    entered: fact.at,
                    joined: Some(fact.at),
                    left: None,
                    reason: None,
                    reports: 0,
                }),
            },
            What::Left { participant, reason } => {
                if let Some(stay) = self.stay_mut(*participant) {
                    stay.left = Some(fact.at);
                    stay.reason = reason.clone();
                }
            }
            What::Messages { by, count } => {
                let count = u64::from(*count);
                match self
                    .messages
                    .iter_mut()
                    .find(|(who, _)| who.identity == by.identity)
                {
                    Some((_, sum)) => *sum += count,
                    None => self.messages.push((by.clone(), count)),
                }
            }
            What::Measured {
                participant, report, ..
            } => {
                if let Some(stay) = self.stay_mut(*participant) {
                    stay.reports = stay.reports.max(*report);
                }
            }
            What::Noticed {
                participant,
                id,
                kind: NoticeKind::Recording,
                ..
            } => {
                let known = self.recordings.iter().any(|recording| recording.id == *id);
                if !known && self.recordings.len() < MAX_RECORDINGS {
                    self.recordings.push(Announced {
                        id: *id,
                        by: *participant,
                        at: fact.at,
                        files: 0,
                    });
                }
            }
            What::Recorded { file } => {
                let of = |recording: &&mut Announced| recording.id == file.recording;
                if let Some(recording) = self.recordings.iter_mut().find(of) {
                    recording.files += 1;
                }
            }
            What::Ended { reason } => self.ended = Some((fact.at, reason.clone())),
            What::Noticed { .. }
            | What::Started { .. }
            | What::Refused { .. }
            | What::Rang
            | What::Merged { .. }
            | What::Consented { .. }
            | What::Polled { .. }
            | What::Asked { .. }
            | What::VoicemailLeft { .. } => {}
        }
    }

    /// A participant's stay.
    pub fn stay(&self, participant: ParticipantId) -> Option<&Stay> {
        // Participants are numbered from 1 in the order of coming.
        self.stays
            .get(usize::try_from(participant.0).ok()?.checked_sub(1)?)
    }

    fn stay_mut(&mut self, participant: ParticipantId) -> Option<&mut Stay> {
        self.stays
            .get_mut(usize::try_from(participant.0).ok()?.checked_sub(1)?)
    }

    /// Those in the call or its lobby.
    pub fn present(&self) -> impl Iterator<Item = &Stay> {
        self.stays.iter().filter(|stay| stay.left.is_none())
    }

    /// The newest stay of an end, present or not.
    pub(crate) fn newest(&self, end: &End) -> Option<&Stay> {
        self.stays.iter().rev().find(|stay| end.is(&stay.party))
    }

    /// The number of the next participant.
    pub(crate) fn next_participant(&self) -> ParticipantId {
        ParticipantId(u32::try_from(self.stays.len() + 1).unwrap_or(u32::MAX))
    }

    /// How long it lasted, or has lasted by `now`, from being placed.
    pub fn length(&self, now: Timestamp) -> Seconds {
        self.ended.as_ref().map_or(now, |(at, _)| *at).since(self.started)
    }

    /// Every tenant it concerns: of who placed it and as whom, who was called, who was in it.
    pub fn scopes(&self) -> BTreeSet<Scope> {
        let stays = self.stays.iter().flat_map(|stay| stay.party.scopes());
        let called = self.called.iter().chain(&self.on_behalf_of);
        let called = called.flat_map(|called| called.scopes());
        self.started_by.scopes().chain(called).chain(stays).collect()
    }
}

impl Called {
    /// Whose events tell of it.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = Scope> + use<> {
        Party::new(self.identity.clone(), "")
            .scopes()
            .collect::<Vec<_>>()
            .into_iter()
    }
}
