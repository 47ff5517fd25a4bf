//! The switchboard's policy: the world of organisations decides who may call whom, where calls go and what people are
//! called. Here its decisions are put into the switchboard's words, and nothing is decided.

use std::sync::Arc;

use sidetone_organisation::routing::{Attempt, Decision, Outcome, Reach, Routed};
use sidetone_organisation::{ApplicationKind, CallFeature, OrganisationId, Presence, Refusal, World};
use sidetone_signaling::protocol::NoticeKind;
use sidetone_signaling::protocol::chat::ThreadId;
use sidetone_signaling::switchboard::{
    Availability, CallRequest, Consented, Onward, Policy, Purpose, Reaches, Route, Target, TransferRequest,
    Unanswered,
};
use sidetone_signaling::{Identifier, Reason};

use crate::api::registry::Registry;
use crate::chat::Threads;
use crate::clock::wall_now;

/// The policy of everyone in the registry, as they are at the moment of each question.
pub(crate) struct WorldPolicy(pub(crate) Arc<Registry>, pub(crate) Arc<Threads>);

impl Policy for WorldPolicy {
    fn route(&self, request: CallRequest<'_>, reach: Reaches<'_>) -> Result<Route, Reason> {
        let world = self.0.world();
        let (from, to) = (request.from, request.to);
        if request.purpose == Purpose::LeaveMessage {
            world.may_leave_message(from, to).map_err(reason)?;
            return to_voicemail(&world, to);
        }
        let attempt = Attempt {
            forwarding: request.purpose != Purpose::TalkToCallee,
            ..Attempt::new(from.clone(), to.clone())
        };
        let routed = world
            .route(attempt, &|identity| reached(reach, identity))
            .map_err(reason)?;
        route(&self.0, &world, routed)
    }

    fn act_for(&self, actor: &Identifier, member: &Identifier) -> Result<(), Reason> {
        self.0.world().may_act_for(actor, member).map_err(reason)
    }

    fn call_from_thread(&self, from: &Identifier, to: &Identifier, thread: ThreadId) -> Result<(), Reason> {
        self.1.may_call(&self.0.world(), wall_now(), from, to, thread)
    }

    fn company(&self, from: &Identifier, thread: ThreadId) -> Vec<Identifier> {
        let company = self.1.company(&self.0.world(), wall_now(), from, thread);
        company.map(|(others, _)| others).unwrap_or_default()
    }

    fn transfer(&self, request: TransferRequest<'_>) -> Result<(), Reason> {
        let world = self.0.world();
        let (transferor, transferee, target) = (request.transferor, request.transferee, request.target);
        if request.purpose == Purpose::LeaveMessage {
            world
                .feature(CallFeature::Transfer, transferor, transferee)
                .and_then(|()| world.may_leave_message(transferee, target))
                .map_err(reason)?;
        }
        if request.consulted {
            world
                .feature(CallFeature::Consultation, transferor, transferee)
                .map_err(reason)?;
        }
        world.may_transfer(transferor, transferee, target).map_err(reason)
    }

    fn notice(&self, kind: NoticeKind, by: &Identifier, other: &Identifier) -> Result<Consented, Reason> {
        let world = self.0.world();
        let feature = match kind {
            NoticeKind::Recording => CallFeature::Recording,
            NoticeKind::Transcription => CallFeature::Transcription,
        };
        if kind == NoticeKind::Recording && world.takes_messages(by) {
            // Whoever speaks after the beep has been asked, and leaves a message rather than have a call recorded.
            return Ok(Consented::Assumed);
        }
        world.feature(feature, by, other).map_err(reason)?;
        Ok(if world.asks_for_consent(by) || world.asks_for_consent(other) {
            Consented::Asked
        } else {
            Consented::Assumed
        })
    }

    fn display_name(&self, identity: &Identifier, wanted: &str) -> String {
        let wanted = Some(wanted).filter(|wanted| !wanted.is_empty());
        self.0.world().caller_card(identity, wanted).display_name
    }
}

fn reason(refusal: Refusal) -> Reason {
    refusal.reason
}

/// The rest of a call's way through the rules of those it comes to.
struct Rest {
    registry: Arc<Registry>,
    routed: Routed,
}

impl std::fmt::Debug for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rest")
            .field("routed", &self.routed)
            .finish_non_exhaustive()
    }
}

impl Onward for Rest {
    fn reroute(self: Box<Self>, why: Unanswered, reach: Reaches<'_>) -> Result<Route, Reason> {
        let world = self.registry.world();
        let outcome = match why {
            Unanswered::NoAnswer => Outcome::NoAnswer,
            Unanswered::Busy => Outcome::Busy,
            Unanswered::Unreachable => Outcome::Unreachable,
        };
        let routed = world
            .reroute(self.routed, outcome, &|identity| reached(reach, identity))
            .map_err(|refusal| refusal.reason)?;
        route(&self.registry, &world, routed)
    }
}

fn reached(reach: Reaches<'_>, identity: &Identifier) -> Reach {
    let reach = reach(identity);
    Reach {
        presence: match reach.availability {
            Availability::NotRegistered => Presence::None,
            Availability::Offline => Presence::Offline,
            Availability::Online => Presence::Online,
        },
        busy: reach.busy,
    }
}

fn route(registry: &Arc<Registry>, world: &World, routed: Routed) -> Result<Route, Reason> {
    match &routed.decision {
        Decision::Ring(ring) => Ok(Route {
            targets: ring
                .targets
                .iter()
                .map(|target| Target {
                    identity: target.identity.clone(),
                    after: target.after,
                })
                .collect(),
            on_behalf_of: None,
            pickup: ring.pickup.clone(),
            give_up_after: ring.give_up_after,
            onward: Some(Box::new(Rest {
                registry: registry.clone(),
                routed,
            })),
        }),
        Decision::Voicemail { mailbox } => to_voicemail(world, mailbox),
    }
}

fn to_voicemail(world: &World, mailbox: &Identifier) -> Result<Route, Reason> {
    Ok(Route {
        on_behalf_of: Some(mailbox.clone()),
        ..Route::direct(voicemail_of(world, mailbox).ok_or(Reason::NO_VOICEMAIL)?)
    })
}

/// The application that takes messages for a member.
fn voicemail_of(world: &World, member: &Identifier) -> Option<Identifier> {
    let Identifier::Member { organisation, .. } = member else {
        return None;
    };
    let id: OrganisationId = organisation.as_str().parse().ok()?;
    let application = world
        .applications(&id)
        .find(|application| application.kind == ApplicationKind::Voicemail)?;
    Some(Identifier::Application {
        organisation: organisation.clone(),
        application: application.id.label().clone(),
    })
}
