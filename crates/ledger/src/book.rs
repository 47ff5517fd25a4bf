//! The book: turns what the service is told into numbered facts, and says what follows from each.
//!
//! Inputs: from the switchboard *placed*, *refused*, *invited*, *rang*, *answered*, *waits*, *joined*, *left*,
//! *noticed*, *consented*, *merged*, *ended*, *endpoint opened* and *closed*; from clients *reported*; from other parts
//! *messages*, *voicemail left*; after a restart the facts that were kept. Whatever comes in which order,
//! someone leaves only after having joined, nobody joins twice, and everybody has left when a call ends.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use sidetone_signaling::protocol::{CallId, SessionId};
use sidetone_signaling::{Identifier, Reason};

use crate::told::End;
use crate::{
    Call, CallDiagnostic, CallIssue, Called, Client, EndpointType, Event, Fact, FileReport, ParticipantId,
    Party, People, RecordingChunk, RecordingFile, Scope, Seconds, Timestamp, Told, What, diagnostics, event,
    issues,
};

/// How long the ends of a call may report their streams after it is over. Longer waits for worse networks, and
/// keeps more calls in memory.
const LINGER: Duration = Duration::from_secs(30);

/// Calls kept for that at most.
const MAX_LINGERING: usize = 10_000;

/// Calls as they run. Pure: takes the time, and is the same after a restart for the same facts.
#[derive(Debug, Default)]
pub struct Book {
    running: HashMap<CallId, Call>,
    over: HashMap<CallId, Call>,
    forget: VecDeque<(Timestamp, CallId)>,
    endpoints: HashMap<SessionId, Client>,
}

/// A fact, and what follows from it. The fact is kept first: the rest can be made again.
#[derive(Debug)]
pub struct Booked {
    /// What happened.
    pub fact: Fact,
    /// What applications are sent, and which tenants' applications.
    pub event: Option<(Event, BTreeSet<Scope>)>,
    /// The call, if this ended it: usage and summaries can be made.
    pub closed: Option<Box<Call>>,
    /// Rows of the call's diagnostics.
    pub diagnostics: Vec<CallDiagnostic>,
    /// Rows of what was wrong in the call.
    pub issues: Vec<CallIssue>,
}

impl Book {
    /// Takes what the service is told.
    pub fn take(&mut self, told: Told, now: Timestamp, people: &dyn People) -> Vec<Booked> {
        self.forget_before(now);
        let call = match told {
            Told::EndpointOpened { endpoint, client } => {
                self.endpoints.insert(endpoint, client);
                return Vec::new();
            }
            Told::EndpointClosed { endpoint } => {
                self.endpoints.remove(&endpoint);
                return Vec::new();
            }
            Told::Placed { call, .. }
            | Told::Grown { call }
            | Told::Refused { call, .. }
            | Told::Invited { call, .. }
            | Told::Rang { call }
            | Told::Answered { call }
            | Told::Waits { call, .. }
            | Told::Joined { call, .. }
            | Told::Left { call, .. }
            | Told::Messages { call, .. }
            | Told::Noticed { call, .. }
            | Told::Consented { call, .. }
            | Told::Polled { call, .. }
            | Told::Asked { call, .. }
            | Told::VoicemailLeft { call, .. }
            | Told::Reported { call, .. }
            | Told::Ended { call, .. } => call,
            Told::Merged { void, .. } => void,
        };
        // An id that comes again after its call is over is another call: callers draw the ids.
        let begins = matches!(
            told,
            Told::Placed { .. } | Told::Refused { .. } | Told::Merged { .. }
        );
        let whats = match (self.running.get(&call), self.over.get(&call)) {
            (Some(running), _) => self.during(running, told, people),
            (None, Some(over)) if !begins => Self::afterwards(over, told),
            (None, _) => self.at_first(told, people),
        };
        whats
            .into_iter()
            .filter_map(|what| self.enter(call, what, now))
            .collect()
    }

    /// Ends every running call: the service stops, or did stop, and cannot see them any longer.
    pub fn close_all(&mut self, now: Timestamp, reason: &Reason) -> Vec<Booked> {
        let mut calls: Vec<CallId> = self.running.keys().copied().collect();
        calls.sort_unstable();
        let close = |id: CallId| {
            let whats = self
                .running
                .get(&id)
                .map(|call| closing(call, reason))
                .unwrap_or_default();
            let booked = whats.into_iter().filter_map(|what| self.enter(id, what, now));
            booked.collect::<Vec<_>>()
        };
        calls.into_iter().flat_map(close).collect()
    }

    /// Takes a fact that was kept, after a restart, in the order of keeping. What follows from it is made again.
    /// `None` for a fact of a call whose beginning was not given.
    pub fn replay(&mut self, fact: Fact) -> Option<Booked> {
        let runs = self.running.contains_key(&fact.call);
        let fits = if fact.what.is_first() {
            !runs
        } else {
            // A message stands for itself.
            let alone = matches!(fact.what, What::VoicemailLeft { .. });
            alone || runs || self.over.contains_key(&fact.call)
        };
        fits.then(|| self.book(fact))
    }

    /// The calls that run.
    pub fn running(&self) -> impl Iterator<Item = &Call> {
        self.running.values()
    }

    /// Whether a call runs.
    pub fn runs(&self, call: CallId) -> bool {
        self.running.contains_key(&call)
    }

    /// Of a call that the book does not know.
    fn at_first(&self, told: Told, people: &dyn People) -> Vec<What> {
        match told {
            Told::Placed {
                call,
                kind,
                correlation,
                place,
                by,
                to,
                context,
                on_behalf_of,
                quiet,
            } => {
                let to: Vec<Called> = to.into_iter().map(|to| called(to, people)).collect();
                let started = What::Started {
                    kind,
                    correlation: correlation.map_or(call, |before| self.chain_of(before)),
                    place,
                    by: self.party(by, people),
                    to: to.clone(),
                    context,
                    on_behalf_of: on_behalf_of.map(|member| called(member, people)),
                    quiet,
                };
                let called = to.into_iter().map(|to| What::Called { to });
                std::iter::once(started).chain(called).collect()
            }
            Told::Refused { by, to, reason, .. } => vec![What::Refused {
                by: Some(self.party(by, people)),
                to: Some(to),
                reason,
            }],
            Told::Ended { reason, .. } => vec![What::Refused {
                by: None,
                to: None,
                reason,
            }],
            Told::Merged { call, .. } => vec![What::Merged { into: call }],
            Told::VoicemailLeft { message, .. } => vec![What::VoicemailLeft { message }],
            _ => Vec::new(),
        }
    }

    /// The first call of the chain that a call belongs to.
    fn chain_of(&self, call: CallId) -> CallId {
        let known = self.running.get(&call).or(self.over.get(&call));
        known.map_or(call, |known| known.correlation)
    }

    /// Of a call that runs.
    fn during(&self, call: &Call, told: Told, people: &dyn People) -> Vec<What> {
        let present = |end: &End| call.newest(end).filter(|stay| stay.left.is_none());
        match told {
            Told::Invited { to, .. } => vec![What::Called {
                to: called(to, people),
            }],
            Told::Grown { .. } if call.kind.is_two_party() => vec![What::Grown],
            Told::Rang { .. } => vec![What::Rang],
            Told::Answered { .. } if call.answered.is_none() => vec![What::Answered],
            Told::Waits { end, .. } if present(&end).is_none() => vec![What::Waits {
                participant: call.next_participant(),
                party: self.comer(call, end, people),
            }],
            Told::Joined { end, .. } => match present(&end) {
                Some(stay) if stay.joined.is_some() => Vec::new(),
                Some(stay) => vec![What::Joined {
                    participant: stay.participant,
                    party: stay.party.clone(),
                }],
                None => vec![What::Joined {
                    participant: call.next_participant(),
                    party: self.comer(call, end, people),
                }],
            },
            Told::Left { end, reason, .. } => {
                let left = present(&end).map(|stay| What::Left {
                    participant: stay.participant,
                    reason,
                });
                left.into_iter().collect()
            }
            Told::Messages { by, count, .. } => vec![What::Messages {
                by: self.party(by, people),
                count,
            }],
            Told::Noticed {
                by,
                id,
                kind,
                state,
                consent,
                ..
            } => {
                let noticed = present(&by).map(|stay| What::Noticed {
                    participant: stay.participant,
                    id,
                    kind,
                    state,
                    consent,
                });
                noticed.into_iter().collect()
            }
            Told::Consented { end, given, .. } => {
                let consented = present(&end).map(|stay| What::Consented {
                    participant: stay.participant,
                    given,
                });
                consented.into_iter().collect()
            }
            Told::Polled {
                by,
                poll,
                open,
                voted,
                ..
            } => {
                let polled = present(&by).map(|stay| What::Polled {
                    participant: stay.participant,
                    poll,
                    open,
                    voted,
                });
                polled.into_iter().collect()
            }
            Told::Asked { by, question, .. } => vec![What::Asked {
                participant: by.and_then(|by| present(&by)).map(|stay| stay.participant),
                question,
            }],
            Told::Reported { .. } | Told::VoicemailLeft { .. } => Self::afterwards(call, told),
            Told::Ended { reason, .. } => closing(call, &reason),
            _ => Vec::new(),
        }
    }

    /// Of a call that is over, or might be.
    fn afterwards(call: &Call, told: Told) -> Vec<What> {
        let (end, mut streams, mut issues, files) = match told {
            Told::Reported {
                end,
                streams,
                issues,
                files,
                ..
            } => (end, streams, issues, files),
            Told::VoicemailLeft { message, .. } => return vec![What::VoicemailLeft { message }],
            _ => return Vec::new(),
        };
        let Some(stay) = call.newest(&end) else {
            return Vec::new();
        };
        streams.retain(|stream| stream.check().is_ok());
        issues.retain(|issue| issue.check().is_ok());
        let measured = (!streams.is_empty() || !issues.is_empty()).then_some(What::Measured {
            participant: stay.participant,
            report: stay.reports + 1,
            streams,
            issues,
        });
        measured
            .into_iter()
            .chain(recorded(call, stay.participant, files))
            .collect()
    }

    /// Who comes into a call. The one who placed it keeps the name under which it was placed.
    fn comer(&self, call: &Call, end: End, people: &dyn People) -> Party {
        let placed_it = end.is(&call.started_by);
        let mut party = self.party(end, people);
        if placed_it {
            party.display_name.clone_from(&call.started_by.display_name);
        }
        party
    }

    fn party(&self, end: End, people: &dyn People) -> Party {
        let named = people.name(&end.identity, end.name.as_deref());
        let mut party = Party::new(end.identity, named.display_name);
        if named.bot {
            party.endpoint_type = EndpointType::Bot;
        }
        party.client = end
            .endpoint
            .and_then(|endpoint| self.endpoints.get(&endpoint).cloned())
            .unwrap_or_default();
        party.endpoint = end.endpoint;
        party.role = end.role;
        party
    }

    /// Numbers a fact of a call, and books it.
    fn enter(&mut self, id: CallId, what: What, now: Timestamp) -> Option<Booked> {
        let earlier = self
            .running
            .get(&id)
            .or(self.over.get(&id))
            .filter(|_| !what.is_first());
        let (number, last) = earlier.map_or((1, now), |call| (call.facts + 1, call.last));
        self.replay(Fact {
            call: id,
            number,
            at: now.max(last),
            what,
        })
    }

    fn book(&mut self, fact: Fact) -> Booked {
        let opened = Call::open(&fact);
        let is_new = opened.is_some();
        if let Some(call) = opened {
            self.over.remove(&fact.call);
            self.running.insert(fact.call, call);
        }
        let (mut event, mut rows, mut wrong, mut ended) = (None, Vec::new(), Vec::new(), false);
        if let Some(call) = self.running.get_mut(&fact.call).or(self.over.get_mut(&fact.call)) {
            if !is_new {
                call.take(&fact);
            }
            event = event::of(call, &fact);
            rows = diagnostics(call, &fact);
            wrong = issues(call, &fact);
            ended = call.ended.is_some();
        }
        if let What::VoicemailLeft { message } = &fact.what {
            let known = self.running.get(&fact.call).or(self.over.get(&fact.call));
            event = Some(event::of_message(&fact, message, known));
        }
        let closed = ended
            .then(|| self.running.remove(&fact.call))
            .flatten()
            .map(Box::new);
        if let Some(call) = &closed
            && !call.stays.is_empty()
        {
            self.over.insert(call.id, Call::clone(call));
            self.forget.push_back((call.last.after(LINGER), call.id));
        }
        Booked {
            fact,
            event,
            closed,
            diagnostics: rows,
            issues: wrong,
        }
    }

    fn forget_before(&mut self, now: Timestamp) {
        while let Some((at, id)) = self.forget.front()
            && (*at <= now || self.forget.len() > MAX_LINGERING)
        {
            self.over.remove(id);
            self.forget.pop_front();
        }
    }
}

fn called(identity: Identifier, people: &dyn People) -> Called {
    Called {
        display_name: people.name(&identity, None).display_name,
        identity,
    }
}

/// The end of a call: whoever is there leaves first.
fn closing(call: &Call, reason: &Reason) -> Vec<What> {
    let left = call.present().map(|stay| What::Left {
        participant: stay.participant,
        reason: None,
    });
    let ended = What::Ended {
        reason: reason.clone(),
    };
    left.chain([ended]).collect()
}

/// Files of the recording that a participant announced last. Of what was not announced, none are known.
fn recorded(call: &Call, by: ParticipantId, files: Vec<FileReport>) -> Vec<What> {
    let Some(recording) = call.recordings.iter().rev().find(|recording| recording.by == by) else {
        return Vec::new();
    };
    let files = files.into_iter().filter(|file| file.check().is_ok());
    let file = |(file, index): (FileReport, u32)| What::Recorded {
        file: RecordingFile {
            recording: recording.id,
            started: recording.at,
            duration: Seconds::from_millis(file.duration_in_ms),
            session_end_reason: file.end_reason,
            chunks: vec![RecordingChunk {
                document_id: format!("{}.{index}", recording.id),
                index,
                end_reason: file.end_reason,
                content_location: file.content_location,
            }],
        },
    };
    files.zip(recording.files..).map(file).collect()
}
