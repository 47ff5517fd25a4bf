//! The decision: from the rules of everyone a call comes to, and who can be reached.

use std::collections::BTreeSet;
use std::time::Duration;

use sidetone_signaling::{Identifier, Reason};

use super::{
    Attempt, Cause, Decision, Hop, MAX_FORWARDS, Outcome, Reach, Ring, RingTarget, Routed, Routing, Skipped,
    Target,
};
use crate::gate::require;
use crate::relation::{Insider, Party, Person};
use crate::world::Tenant;
use crate::{Application, Gate, GroupId, Member, Presence, Refusal, World};

/// Tells how someone can be reached.
type Reaches<'a> = &'a dyn Fn(&Identifier) -> Reach;

/// A call on its way.
struct Journey {
    attempt: Attempt,
    hops: Vec<Hop>,
    skipped: Vec<Skipped>,
}

/// What a rule did.
enum Followed {
    /// The call is at someone else now.
    Forwarded,
    /// The call goes to the voicemail of whose rule it was.
    Voicemail,
    /// There is no rule, or it was passed over.
    No,
}

impl World {
    /// Where a call goes.
    ///
    /// # Errors
    /// A refusal when the caller may not call the callee, or when the call went nowhere.
    pub fn route(&self, attempt: Attempt, reach: Reaches<'_>) -> Result<Routed, Refusal> {
        self.may_call(&attempt.from, &attempt.to)?;
        let journey = Journey {
            attempt,
            hops: Vec::new(),
            skipped: Vec::new(),
        };
        self.arrive(journey, reach)
    }

    /// Where a call goes that rang, and was not answered.
    ///
    /// # Errors
    /// As [`World::route`]; the reason is the outcome's own.
    pub fn reroute(&self, routed: Routed, outcome: Outcome, reach: Reaches<'_>) -> Result<Routed, Refusal> {
        let mut journey = Journey {
            attempt: routed.attempt,
            hops: routed.hops,
            skipped: routed.skipped,
        };
        let (cause, reason) = match outcome {
            Outcome::NoAnswer => (Cause::NoAnswer, Reason::NO_ANSWER),
            Outcome::Busy => (Cause::Busy, Reason::BUSY),
            Outcome::Unreachable => (Cause::Offline, Reason::UNREACHABLE),
        };
        if let Some(rules) = self.rules(&journey.attempt, journey.callee()) {
            match self.follow(&mut journey, cause, rules) {
                Followed::Forwarded => return self.arrive(journey, reach),
                Followed::Voicemail => return Ok(journey.at_voicemail()),
                Followed::No => {}
            }
        }
        self.give_up(journey, reason)
    }

    /// Whether `from` may leave a message for a member, as when a call is handed over to voicemail.
    ///
    /// # Errors
    /// A refusal of the gates, or [`Reason::NO_VOICEMAIL`].
    pub fn may_leave_message(&self, from: &Identifier, member: &Identifier) -> Result<(), Refusal> {
        self.may_call(from, member)?;
        let attempt = Attempt::new(from.clone(), member.clone());
        let takes = self.rules(&attempt, member).is_some_and(|rules| rules.voicemail);
        require(takes, Gate::Reachability, Reason::NO_VOICEMAIL)
    }

    /// Whether `by` may take a call from `from` that rings at `callee`.
    ///
    /// # Errors
    /// A refusal of the gates, or [`Reason::NOT_IN_PICKUP_GROUP`].
    pub fn may_pick_up(
        &self,
        by: &Identifier,
        from: &Identifier,
        callee: &Identifier,
    ) -> Result<(), Refusal> {
        self.may_call(from, by)?;
        let attempt = Attempt::new(from.clone(), callee.clone());
        let shared = self.pickup(&attempt, callee).contains(by);
        require(shared, Gate::Limit, Reason::NOT_IN_PICKUP_GROUP)
    }

    /// Follows the rules from where the call is now.
    fn arrive(&self, mut journey: Journey, reach: Reaches<'_>) -> Result<Routed, Refusal> {
        loop {
            let callee = journey.callee().clone();
            let state = reach(&callee);
            let member = match self.party(&callee) {
                Some(Party::Inside(Insider {
                    tenant,
                    who: Some(who),
                })) => match who {
                    Person::Member(member) => member,
                    Person::Application(application) => {
                        return self.call_application(journey, tenant, application, reach);
                    }
                },
                // Whoever is outside has no rules here.
                _ => return self.ring(journey, state.presence, Vec::new()),
            };
            if member.routing.do_not_disturb {
                return self.give_up(journey, Reason::DO_NOT_DISTURB);
            }
            let busy = member.routing.busy_on_busy && state.busy;
            if let Some(rules) = self.rules(&journey.attempt, &callee) {
                let mut followed = self.follow(&mut journey, Cause::Always, rules);
                if matches!(followed, Followed::No) && busy {
                    followed = self.follow(&mut journey, Cause::Busy, rules);
                } else if matches!(followed, Followed::No) && state.presence != Presence::Online {
                    followed = self.follow(&mut journey, Cause::Offline, rules);
                }
                match followed {
                    Followed::Forwarded => continue,
                    Followed::Voicemail => return Ok(journey.at_voicemail()),
                    Followed::No => {}
                }
            }
            if busy {
                return self.give_up(journey, Reason::BUSY);
            }
            let others = self.others(&mut journey, &callee, reach);
            return self.ring(journey, state.presence, others);
        }
    }

    /// Does what a rule says, if there is one and it may.
    fn follow(&self, journey: &mut Journey, cause: Cause, rules: &Routing) -> Followed {
        let target = rules.target(cause);
        let callee = journey.callee().clone();
        let allowed = match target {
            None => return Followed::No,
            Some(Target::Voicemail) => require(rules.voicemail, Gate::Reachability, Reason::NO_VOICEMAIL),
            Some(Target::Identity { identity }) => self.may_forward(journey, &callee, identity),
        };
        match (allowed, target) {
            (Err(refusal), _) => {
                journey.skipped.push(Skipped {
                    of: callee,
                    cause,
                    refusal,
                });
                Followed::No
            }
            (Ok(()), Some(Target::Identity { identity })) => {
                journey.hops.push(Hop {
                    from: callee,
                    to: identity.clone(),
                    cause,
                });
                Followed::Forwarded
            }
            (Ok(()), _) => Followed::Voicemail,
        }
    }

    fn may_forward(
        &self,
        journey: &Journey,
        callee: &Identifier,
        target: &Identifier,
    ) -> Result<(), Refusal> {
        let been = *target == journey.attempt.from || journey.people().any(|person| person == target);
        require(!been, Gate::Limit, Reason::FORWARDING_LOOP)?;
        require(
            journey.hops.len() < MAX_FORWARDS,
            Gate::Limit,
            Reason::TOO_MANY_FORWARDS,
        )?;
        self.may_redirect(callee, &journey.attempt.from, target)
    }

    /// Those who ring with a member and can.
    fn others(&self, journey: &mut Journey, callee: &Identifier, reach: Reaches<'_>) -> Vec<RingTarget> {
        let Some(rules) = self.rules(&journey.attempt, callee) else {
            return Vec::new();
        };
        let mut others: Vec<RingTarget> = Vec::new();
        for also in &rules.also_ring {
            let identity = &also.identity;
            let twice = others.iter().any(|other| other.identity == *identity) || identity == callee;
            if twice || *identity == journey.attempt.from {
                continue;
            }
            if let Err(refusal) = self.may_redirect(callee, &journey.attempt.from, identity) {
                journey.skipped.push(Skipped {
                    of: callee.clone(),
                    cause: Cause::AlsoRing,
                    refusal,
                });
            } else if self.rings(identity, reach) {
                others.push(RingTarget {
                    identity: identity.clone(),
                    after: Duration::from_secs(also.after_seconds.into()),
                });
            }
        }
        others.sort_by_key(|other| other.after);
        others
    }

    /// Whether someone who is rung along with others can be: only that one's wish not to be disturbed counts.
    fn rings(&self, identity: &Identifier, reach: Reaches<'_>) -> bool {
        let disturbed = match self.party(identity) {
            Some(Party::Inside(insider)) => insider.member().is_some_and(|member| {
                let rules = &member.routing;
                rules.do_not_disturb || (rules.busy_on_busy && reach(identity).busy)
            }),
            _ => false,
        };
        !disturbed && reach(identity).presence == Presence::Online
    }

    /// An application answers itself, or its agents do for it.
    fn call_application(
        &self,
        journey: Journey,
        tenant: &Tenant,
        application: &Application,
        reach: Reaches<'_>,
    ) -> Result<Routed, Refusal> {
        let presence = reach(journey.callee()).presence;
        if presence == Presence::Online {
            return self.ring(journey, presence, Vec::new());
        }
        let members = application.agents.iter().filter_map(|id| tenant.members.get(id));
        let identities = members.map(|entry| tenant.identity(&entry.member));
        let agents = identities.filter(|agent| *agent != journey.attempt.from && self.rings(agent, reach));
        let targets = agents.map(|identity| RingTarget {
            identity,
            after: Duration::ZERO,
        });
        let targets = targets.collect();
        self.ring(journey, presence, targets)
    }

    /// Rings the callee where online, and the others.
    fn ring(&self, journey: Journey, presence: Presence, others: Vec<RingTarget>) -> Result<Routed, Refusal> {
        let callee = journey.callee().clone();
        let mut targets = others;
        match presence.admit() {
            Ok(()) => targets.insert(
                0,
                RingTarget {
                    identity: callee.clone(),
                    after: Duration::ZERO,
                },
            ),
            Err(refusal) if targets.is_empty() => return self.give_up(journey, refusal.reason),
            // Who rings second would wait for nobody.
            Err(_) => {
                let first = targets.first().map_or(Duration::ZERO, |target| target.after);
                targets.iter_mut().for_each(|target| target.after -= first);
            }
        }
        let rules = self.rules(&journey.attempt, &callee);
        let goes_on =
            rules.is_some_and(|rules| rules.no_answer.is_some()) || self.mailbox(&journey).is_some();
        let seconds = rules.map_or_else(|| Routing::default().ring_seconds, |rules| rules.ring_seconds);
        let pickup = self.pickup(&journey.attempt, &callee);
        Ok(journey.settled(Decision::Ring(Ring {
            targets,
            pickup,
            give_up_after: goes_on.then(|| Duration::from_secs(seconds.into())),
        })))
    }

    /// The call went nowhere: a message may be left, or it ends.
    fn give_up(&self, journey: Journey, reason: Reason) -> Result<Routed, Refusal> {
        match self.mailbox(&journey) {
            Some(mailbox) => Ok(journey.settled(Decision::Voicemail { mailbox })),
            None => Err(Refusal {
                gate: Gate::Reachability,
                reason,
            }),
        }
    }

    /// The voicemail that takes the call: of who it is at, or else of the last before that has one.
    fn mailbox(&self, journey: &Journey) -> Option<Identifier> {
        let people: Vec<&Identifier> = journey.people().collect();
        let takes = |person: &&&Identifier| {
            self.rules(&journey.attempt, person)
                .is_some_and(|rules| rules.voicemail)
        };
        people.iter().rev().find(takes).map(|person| (*person).clone())
    }

    /// The rules of a member that may send this call elsewhere: none where the caller asked for nobody else, and
    /// none for calls of external users where the organisation keeps the source's limit (L5).
    fn rules(&self, attempt: &Attempt, callee: &Identifier) -> Option<&Routing> {
        if !attempt.forwarding {
            return None;
        }
        let Some(Party::Inside(insider)) = self.party(callee) else {
            return None;
        };
        let external = matches!(self.party(&attempt.from), Some(Party::Outside(_)));
        let open = insider.tenant.organisation.switches.advanced_routing.is_open();
        (open || !external).then_some(&insider.member()?.routing)
    }

    /// Who may take a call that rings at a member: the others in a pickup group, as far as the caller may call them.
    fn pickup(&self, attempt: &Attempt, callee: &Identifier) -> BTreeSet<Identifier> {
        let Some(Party::Inside(insider)) = self.party(callee) else {
            return BTreeSet::new();
        };
        let (Some(member), Some(_)) = (insider.member(), self.rules(attempt, callee)) else {
            return BTreeSet::new();
        };
        let tenant = insider.tenant;
        let picks = |id: &&GroupId| tenant.groups.get(*id).is_some_and(|group| group.pickup);
        let groups: BTreeSet<_> = member.groups.iter().filter(picks).collect();
        if groups.is_empty() {
            return BTreeSet::new();
        }
        let shares =
            |other: &&Member| other.id != member.id && other.groups.iter().any(|id| groups.contains(id));
        let others = tenant.members.values().map(|entry| &entry.member).filter(shares);
        let identities = others.map(|other| tenant.identity(other));
        identities
            .filter(|other| *other != attempt.from && self.may_call(&attempt.from, other).is_ok())
            .collect()
    }
}

impl Journey {
    fn callee(&self) -> &Identifier {
        self.hops.last().map_or(&self.attempt.to, |hop| &hop.to)
    }

    /// Everyone the call has been at, the callee first.
    fn people(&self) -> impl Iterator<Item = &Identifier> {
        std::iter::once(&self.attempt.to).chain(self.hops.iter().map(|hop| &hop.to))
    }

    fn settled(self, decision: Decision) -> Routed {
        Routed {
            attempt: self.attempt,
            hops: self.hops,
            skipped: self.skipped,
            decision,
        }
    }

    fn at_voicemail(self) -> Routed {
        let mailbox = self.callee().clone();
        self.settled(Decision::Voicemail { mailbox })
    }
}

impl Tenant {
    fn identity(&self, member: &Member) -> Identifier {
        Identifier::Member {
            organisation: self.organisation.id.label().clone(),
            user: member.id.label().clone(),
        }
    }
}
