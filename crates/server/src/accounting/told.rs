//! What the switchboard reports, in the book's words.

use sidetone_ledger::{CallKind, End, Told};
use sidetone_signaling::Identifier;
use sidetone_signaling::switchboard::Record;

/// What the book is told of a report; nothing where it is none of its business.
pub(super) fn told(record: &Record) -> Vec<Told> {
    let told = match record {
        Record::CallStarted { call, from, to, .. } => Told::Placed {
            call: *call,
            kind: CallKind::TwoParty,
            correlation: None,
            place: None,
            by: End::new(from.clone()),
            to: vec![to.clone()],
            context: None,
        },
        Record::CallRefused {
            call,
            from,
            to,
            reason,
        } => Told::Refused {
            call: *call,
            by: End::new(from.clone()),
            to: to.clone(),
            reason: reason.clone(),
        },
        Record::CallRinging { call, .. } => Told::Rang { call: *call },
        Record::CallAnswered { call, .. } => Told::Answered { call: *call },
        Record::ParticipantAdded { call, identity } => Told::Joined {
            call: *call,
            end: End::new(identity.clone()),
        },
        Record::ParticipantRemoved { call, identity } => Told::Left {
            call: *call,
            end: End::new(identity.clone()),
            reason: None,
        },
        Record::CallsMerged { call, void } => Told::Merged {
            call: *call,
            void: *void,
        },
        Record::CallEnded { call, reason, .. } => Told::Ended {
            call: *call,
            reason: reason.clone(),
        },
        Record::SessionEnded { session, .. } => Told::EndpointClosed { endpoint: *session },
        Record::CallForwarded { call, to, .. } => {
            let invited = |to: &Identifier| Told::Invited {
                call: *call,
                to: to.clone(),
            };
            return to.iter().map(invited).collect();
        }
        _ => return Vec::new(),
    };
    vec![told]
}
