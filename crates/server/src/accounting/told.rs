//! What the switchboard reports, in the book's words.

use serde::de::DeserializeOwned;
use sidetone_ledger::{CallKind, Client, End, Told};
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::{ReportItem, SessionId};
use sidetone_signaling::switchboard::Record;

/// What the book is told of a report; nothing where it is none of its business.
pub(super) fn told(record: &Record) -> Vec<Told> {
    let told = match record {
        Record::SessionOpened {
            session, application, ..
        } => Told::EndpointOpened {
            endpoint: *session,
            client: Client {
                application: application.clone().map(Into::into),
                ..Client::default()
            },
        },
        Record::CallStarted {
            call,
            from,
            session,
            display_name,
            to,
            context,
            on_behalf_of,
            replaces,
            ..
        } => Told::Placed {
            call: *call,
            kind: CallKind::TwoParty,
            correlation: *replaces,
            on_behalf_of: on_behalf_of.clone(),
            quiet: false,
            place: None,
            by: End {
                name: Some(display_name.clone()),
                ..end(from, *session)
            },
            to: vec![to.clone()],
            context: context.clone(),
        },
        Record::CallRefused {
            call,
            from,
            session,
            to,
            reason,
        } => Told::Refused {
            call: *call,
            by: end(from, *session),
            to: to.clone(),
            reason: reason.clone(),
        },
        Record::CallRinging { call, .. } => Told::Rang { call: *call },
        Record::CallAnswered { call, .. } => Told::Answered { call: *call },
        Record::ParticipantAdded {
            call,
            identity,
            session,
        } => Told::Joined {
            call: *call,
            end: end(identity, *session),
        },
        Record::ParticipantRemoved {
            call,
            identity,
            session,
        } => Told::Left {
            call: *call,
            end: end(identity, *session),
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
        Record::Reported {
            identity,
            session,
            report,
        } => Told::Reported {
            call: report.call,
            end: end(identity, *session),
            streams: readable(&report.streams),
            issues: readable(&report.issues),
            files: readable(&report.files),
        },
        Record::NoticeChanged {
            call,
            id,
            kind,
            state,
            by,
            session,
            consent,
        } => Told::Noticed {
            call: *call,
            by: end(by, *session),
            id: *id,
            kind: *kind,
            state: *state,
            consent: *consent,
        },
        Record::ConsentChanged {
            call,
            identity,
            session,
            given,
        } => Told::Consented {
            call: *call,
            end: end(identity, *session),
            given: *given,
        },
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

/// Those that can be read: others are worth no more than if they had not been sent.
fn readable<T: DeserializeOwned>(items: &[ReportItem]) -> Vec<T> {
    items
        .iter()
        .filter_map(|item| T::deserialize(item).ok())
        .collect()
}

fn end(identity: &Identifier, session: SessionId) -> End {
    End {
        endpoint: Some(session),
        ..End::new(identity.clone())
    }
}
