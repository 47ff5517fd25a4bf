//! What meetings report, in the book's words: the same events, usage and records as those of any other call (L24).

use sidetone_ledger::{CallKind, End, Role, Told};
use sidetone_meeting::{Fact, Who};
use sidetone_organisation::World;
use sidetone_signaling::protocol::meeting as wire;

/// What the book is told of a fact, where it is told anything.
pub(super) fn told(fact: &Fact, world: &World) -> Option<Told> {
    Some(match fact {
        Fact::Started {
            call,
            meeting,
            host,
            by,
            ..
        } => {
            let quiet = meeting.as_ref().is_some_and(|(organisation, _)| {
                world
                    .organisation(organisation)
                    .is_some_and(|found| !found.switches.meeting_events.is_open())
            });
            let by = match host {
                // Whoever comes first: it is the organiser's meeting, and their organisation's event.
                Some(host) => End {
                    role: Some(Role::Organiser),
                    ..End::new(host.clone())
                },
                None => end(by),
            };
            Told::Placed {
                call: *call,
                kind: if meeting.is_some() {
                    CallKind::Meeting
                } else {
                    CallKind::Group
                },
                correlation: None,
                place: Some(
                    meeting
                        .as_ref()
                        .map_or_else(|| call.to_string(), |(_, id)| id.to_string()),
                ),
                by,
                to: Vec::new(),
                context: None,
                on_behalf_of: None,
                quiet,
            }
        }
        Fact::Escalated { call } => Told::Grown { call: *call },
        Fact::Invited { call, to } => Told::Invited {
            call: *call,
            to: to.clone(),
        },
        Fact::Waits { call, who } => Told::Waits {
            call: *call,
            end: end(who),
        },
        Fact::Joined { call, who } => Told::Joined {
            call: *call,
            end: end(who),
        },
        Fact::Left { call, who, reason } => Told::Left {
            call: *call,
            end: end(who),
            reason: Some(reason.clone()),
        },
        Fact::Noticed {
            call,
            who,
            id,
            kind,
            state,
            consent,
        } => Told::Noticed {
            call: *call,
            by: end(who),
            id: *id,
            kind: *kind,
            state: *state,
            consent: *consent,
        },
        Fact::Consented { call, who, given } => Told::Consented {
            call: *call,
            end: end(who),
            given: *given,
        },
        Fact::Polled {
            call,
            by,
            poll,
            open,
            voted,
        } => Told::Polled {
            call: *call,
            by: end(by),
            poll: *poll,
            open: *open,
            voted: *voted,
        },
        Fact::Asked { call, by, question } => Told::Asked {
            call: *call,
            by: by.as_ref().map(end),
            question: *question,
        },
        // Kept with the meeting, and in no book: whoever is in a breakout room is in the meeting, and counted there.
        Fact::BreakoutOpened { .. }
        | Fact::BreakoutClosed { .. }
        | Fact::BreakoutJoined { .. }
        | Fact::BreakoutLeft { .. }
        | Fact::Minutes { .. } => return None,
        Fact::Ended { call, reason, .. } => Told::Ended {
            call: *call,
            reason: reason.clone(),
        },
    })
}

fn end(who: &Who) -> End {
    End {
        endpoint: who.session,
        // The service's own word: a stamped name stays as it is.
        name: Some(who.display_name.clone()),
        role: Some(match who.role {
            wire::Role::Organiser => Role::Organiser,
            wire::Role::CoOrganiser => Role::CoOrganiser,
            wire::Role::Presenter | wire::Role::Collaborator => Role::Presenter,
            wire::Role::Attendee | wire::Role::Consumer => Role::Attendee,
        }),
        ..End::new(who.identity.clone())
    }
}
