//! Where calls go (L5, L6): every rule, their order, chains of them, and the source's limits.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use sidetone_organisation::routing::*;
use sidetone_organisation::*;
use sidetone_signaling::{Identifier, Reason};
use support::*;

/// Everybody is online and free, but for those named.
#[derive(Default)]
struct State(BTreeMap<&'static str, Reach>);

impl State {
    fn with(mut self, raw: &'static str, presence: Presence, busy: bool) -> Self {
        self.0.insert(raw, Reach { presence, busy });
        self
    }

    fn offline(self, raw: &'static str) -> Self {
        self.with(raw, Presence::Offline, false)
    }

    fn busy(self, raw: &'static str) -> Self {
        self.with(raw, Presence::Online, true)
    }

    fn reach(&self, identity: &Identifier) -> Reach {
        let free = Reach {
            presence: Presence::Online,
            busy: false,
        };
        self.0.get(identity.raw_id().as_str()).copied().unwrap_or(free)
    }
}

fn online() -> State {
    State::default()
}

fn route(world: &World, from: &str, to: &str, state: &State) -> Result<Routed, Refusal> {
    world.route(Attempt::new(id(from), id(to)), &|identity| state.reach(identity))
}

fn after(world: &World, routed: Routed, outcome: Outcome, state: &State) -> Result<Routed, Refusal> {
    world.reroute(routed, outcome, &|identity| state.reach(identity))
}

/// The decision in short: who rings (with seconds), or whose voicemail, or the reason.
fn told(result: &Result<Routed, Refusal>) -> String {
    match result {
        Err(refusal) => format!("{}/{}", refusal.reason.code, refusal.reason.subcode),
        Ok(routed) => match &routed.decision {
            Decision::Voicemail { mailbox } => format!("voicemail {mailbox}"),
            Decision::Ring(ring) => {
                let targets = ring.targets.iter().map(|target| match target.after.as_secs() {
                    0 => target.identity.to_string(),
                    seconds => format!("{} after {seconds}", target.identity),
                });
                format!("ring {}", targets.collect::<Vec<_>>().join(", "))
            }
        },
    }
}

fn goes(world: &World, from: &str, to: &str, state: &State) -> String {
    told(&route(world, from, to, state))
}

fn ring(raw: &str) -> String {
    format!("ring {raw}")
}

fn mailbox(raw: &str) -> String {
    format!("voicemail {raw}")
}

fn reason(reason: Reason) -> String {
    format!("{}/{}", reason.code, reason.subcode)
}

fn to(raw: &str) -> Option<Target> {
    Some(Target::Identity { identity: id(raw) })
}

fn rules(world: &mut World, raw: &str, set: impl FnOnce(&mut Routing)) {
    edit_member(world, raw, |member| set(&mut member.routing));
}

/// The world, with two more members of contoso.
fn office() -> World {
    let mut world = world();
    for name in ["m3", "m4", "m5", "m6", "m7", "m8"] {
        set_member(&mut world, CONTOSO, member(name));
    }
    world
}

const M3: &str = "member:contoso:m3";

#[test]
fn without_rules_the_callee_rings_until_the_service_gives_up() {
    let world = office();
    let routed = route(&world, EVE, M1, &online()).unwrap();
    let Decision::Ring(rings) = &routed.decision else {
        panic!("{routed:?}")
    };
    assert_eq!(rings.give_up_after, None);
    assert!(rings.pickup.is_empty());
    assert_eq!(told(&Ok(routed.clone())), ring(M1));
    let outcomes = [
        (Outcome::NoAnswer, Reason::NO_ANSWER),
        (Outcome::Busy, Reason::BUSY),
        (Outcome::Unreachable, Reason::UNREACHABLE),
    ];
    for (outcome, expected) in outcomes {
        assert_eq!(
            told(&after(&world, routed.clone(), outcome, &online())),
            reason(expected)
        );
    }
    let offline = [
        (Presence::None, Reason::NO_ENDPOINT),
        (Presence::Offline, Reason::OFFLINE),
        (Presence::PushOnly, Reason::PUSH_ONLY),
    ];
    for (presence, expected) in offline {
        assert_eq!(
            goes(&world, EVE, M1, &online().with(M1, presence, false)),
            reason(expected)
        );
    }
}

#[test]
fn a_refused_call_is_not_forwarded() {
    let mut world = office();
    rules(&mut world, M1, |rules| {
        rules.always = to(M2);
        rules.voicemail = true;
    });
    assert_eq!(
        goes(&world, MALLORY, M1, &online()),
        reason(Reason::RESOURCE_NOT_ALLOWED)
    );
    assert_eq!(
        goes(&world, EVE, "member:contoso:nobody", &online()),
        reason(Reason::NO_SUCH_CALLEE)
    );
}

#[test]
fn do_not_disturb_comes_before_everything() {
    let mut world = office();
    rules(&mut world, M1, |rules| {
        rules.do_not_disturb = true;
        rules.always = to(M2);
    });
    assert_eq!(goes(&world, EVE, M1, &online()), reason(Reason::DO_NOT_DISTURB));
    rules(&mut world, M1, |rules| rules.voicemail = true);
    assert_eq!(goes(&world, EVE, M1, &online()), mailbox(M1));
}

#[test]
fn always_comes_before_busy_and_offline() {
    let mut world = office();
    rules(&mut world, M1, |rules| {
        rules.always = to(M2);
        rules.busy_on_busy = true;
        rules.busy = to(M3);
        rules.offline = to(M3);
    });
    for state in [online(), online().busy(M1), online().offline(M1)] {
        let routed = route(&world, EVE, M1, &state);
        assert_eq!(told(&routed), ring(M2));
        let routed = routed.unwrap();
        let hop = Hop {
            from: id(M1),
            to: id(M2),
            cause: Cause::Always,
        };
        assert_eq!(routed.hops, [hop]);
        assert_eq!(*routed.callee(), id(M2));
    }
}

#[test]
fn busy() {
    let mut world = office();
    rules(&mut world, M1, |rules| rules.busy = to(M2));
    let busy = online().busy(M1);
    assert_eq!(
        goes(&world, EVE, M1, &busy),
        ring(M1),
        "a second call rings unless it is not wanted"
    );
    rules(&mut world, M1, |rules| rules.busy_on_busy = true);
    assert_eq!(goes(&world, EVE, M1, &busy), ring(M2));
    assert_eq!(goes(&world, EVE, M1, &online()), ring(M1));
    rules(&mut world, M1, |rules| rules.busy = None);
    assert_eq!(goes(&world, EVE, M1, &busy), reason(Reason::BUSY));
    rules(&mut world, M1, |rules| rules.voicemail = true);
    assert_eq!(goes(&world, EVE, M1, &busy), mailbox(M1));
}

#[test]
fn endpoints_that_turn_out_to_be_busy() {
    let mut world = office();
    rules(&mut world, M1, |rules| rules.busy = to(M2));
    let routed = route(&world, EVE, M1, &online()).unwrap();
    assert_eq!(told(&after(&world, routed, Outcome::Busy, &online())), ring(M2));
}

#[test]
fn offline() {
    let mut world = office();
    rules(&mut world, M1, |rules| rules.offline = to(M2));
    assert_eq!(goes(&world, EVE, M1, &online().offline(M1)), ring(M2));
    assert_eq!(goes(&world, EVE, M1, &online()), ring(M1));
    let routed = route(&world, EVE, M1, &online()).unwrap();
    assert_eq!(
        told(&after(&world, routed, Outcome::Unreachable, &online())),
        ring(M2)
    );
    rules(&mut world, M1, |rules| {
        rules.offline = None;
        rules.voicemail = true;
    });
    assert_eq!(goes(&world, EVE, M1, &online().offline(M1)), mailbox(M1));
}

#[test]
fn no_answer() {
    let mut world = office();
    rules(&mut world, M1, |rules| {
        rules.no_answer = to(M2);
        rules.ring_seconds = 15;
    });
    let routed = route(&world, EVE, M1, &online()).unwrap();
    let Decision::Ring(rings) = &routed.decision else {
        panic!("{routed:?}")
    };
    assert_eq!(rings.give_up_after, Some(Duration::from_secs(15)));
    let next = after(&world, routed, Outcome::NoAnswer, &online());
    assert_eq!(told(&next), ring(M2));
    rules(&mut world, M2, |rules| rules.voicemail = true);
    assert_eq!(
        told(&after(&world, next.unwrap(), Outcome::NoAnswer, &online())),
        mailbox(M2)
    );
}

#[test]
fn voicemail_is_where_a_call_ends_that_went_nowhere() {
    let mut world = office();
    rules(&mut world, M1, |rules| {
        rules.voicemail = true;
        rules.no_answer = to(M2);
    });
    let first = route(&world, EVE, M1, &online()).unwrap();
    let second = after(&world, first, Outcome::NoAnswer, &online()).unwrap();
    // M2 has none: the message is for who was called.
    let message = |world: &World| told(&after(world, second.clone(), Outcome::NoAnswer, &online()));
    assert_eq!(message(&world), mailbox(M1));
    rules(&mut world, M2, |rules| rules.voicemail = true);
    assert_eq!(message(&world), mailbox(M2));
    assert_eq!(goes(&world, EVE, M1, &online().offline(M1)), mailbox(M1));
    // Forwarding to one's own voicemail, with and without there being one.
    rules(&mut world, M1, |rules| rules.always = Some(Target::Voicemail));
    assert_eq!(goes(&world, EVE, M1, &online()), mailbox(M1));
    rules(&mut world, M1, |rules| rules.voicemail = false);
    let routed = route(&world, EVE, M1, &online()).unwrap();
    assert_eq!(told(&Ok(routed.clone())), ring(M1));
    assert_eq!(routed.skipped[0].refusal.reason, Reason::NO_VOICEMAIL);
}

#[test]
fn simultaneous_and_sequential_ringing() {
    let mut world = office();
    rules(&mut world, M1, |rules| {
        let also = |raw, after_seconds| AlsoRing {
            identity: id(raw),
            after_seconds,
        };
        rules.also_ring = vec![also(M3, 10), also(M2, 0), also(ELI, 0), also(M2, 5), also(M1, 0)];
    });
    let all = format!("ring {M1}, {M2}, {ELI}, {M3} after 10");
    assert_eq!(goes(&world, EVE, M1, &online()), all);
    // Without the callee the others ring; the first of them at once.
    assert_eq!(
        goes(&world, EVE, M1, &online().offline(M1)),
        format!("ring {M2}, {ELI}, {M3} after 10")
    );
    let gone = online().offline(M1).offline(M2).offline(ELI);
    assert_eq!(goes(&world, EVE, M1, &gone), ring(M3));
    assert_eq!(goes(&world, EVE, M1, &gone.offline(M3)), reason(Reason::OFFLINE));
    // The caller does not ring, nor who is not to be disturbed, nor who is busy and wants no second call.
    rules(&mut world, M3, |rules| rules.do_not_disturb = true);
    rules(&mut world, M2, |rules| rules.busy_on_busy = true);
    assert_eq!(goes(&world, ELI, M1, &online().busy(M2)), ring(M1));
}

#[test]
fn pickup_groups() {
    let mut world = office();
    for (name, pickup) in [("sales", true), ("all", false)] {
        let group = Group {
            id: name.parse().unwrap(),
            name: name.to_owned(),
            policy: None,
            rank: 0,
            pickup,
        };
        set_group(&mut world, CONTOSO, group);
    }
    let join = |world: &mut World, raw: &str, groups: &[&str]| {
        edit_member(world, raw, |member| {
            member.groups = groups.iter().map(|id| id.parse().unwrap()).collect()
        });
    };
    join(&mut world, M1, &["sales", "all"]);
    join(&mut world, M2, &["sales"]);
    join(&mut world, M3, &["all"]);
    let pickup = |world: &World, from: &str| match route(world, from, M1, &online()).unwrap().decision {
        Decision::Ring(ring) => ring.pickup,
        other => panic!("{other:?}"),
    };
    assert_eq!(pickup(&world, EVE), [id(M2)].into());
    assert_eq!(pickup(&world, M2), [].into());
    let pick = |world: &World, by: &str| {
        world
            .may_pick_up(&id(by), &id(EVE), &id(M1))
            .err()
            .map(|refusal| refusal.reason)
    };
    assert_eq!(pick(&world, M2), None);
    assert_eq!(pick(&world, M3), Some(Reason::NOT_IN_PICKUP_GROUP));
    assert_eq!(pick(&world, M1), Some(Reason::NOT_IN_PICKUP_GROUP));
    // Who may not be called from outside does not get a call from outside this way either.
    set_policy(&mut world, CONTOSO, policy("closed", false));
    edit_member(&mut world, M2, |member| {
        member.policy = Some("closed".parse().unwrap())
    });
    assert_eq!(pick(&world, M2), Some(Reason::POLICY_DENIED));
    assert_eq!(pickup(&world, EVE), [].into());
    assert_eq!(pickup(&world, M3), [id(M2)].into());
}

#[test]
fn chains_follow_everyones_rules_and_end() {
    let mut world = office();
    rules(&mut world, M1, |rules| rules.always = to(M2));
    rules(&mut world, M2, |rules| rules.always = to(M3));
    let routed = route(&world, EVE, M1, &online()).unwrap();
    assert_eq!(told(&Ok(routed.clone())), ring(M3));
    assert_eq!(routed.hops.len(), 2);
    // A circle ends at the last who has not had the call.
    rules(&mut world, M3, |rules| rules.always = to(M1));
    let routed = route(&world, EVE, M1, &online()).unwrap();
    assert_eq!(told(&Ok(routed.clone())), ring(M3));
    assert_eq!(routed.skipped[0].of, id(M3));
    assert_eq!(routed.skipped[0].refusal.reason, Reason::FORWARDING_LOOP);
    // So does one of a single member, and one back to the caller.
    rules(&mut world, M1, |rules| rules.always = to(M1));
    assert_eq!(goes(&world, EVE, M1, &online()), ring(M1));
    rules(&mut world, M1, |rules| rules.always = to(M2));
    rules(&mut world, M2, |rules| rules.always = to(EVE));
    assert_eq!(goes(&world, EVE, M1, &online()), ring(M2));
}

#[test]
fn a_chain_has_a_longest_length() {
    let mut world = office();
    let person = |number: usize| format!("member:contoso:m{number}");
    for number in 1..8 {
        rules(&mut world, &person(number), |rules| {
            rules.always = to(&person(number + 1))
        });
    }
    let routed = route(&world, EVE, M1, &online()).unwrap();
    assert_eq!(routed.hops.len(), MAX_FORWARDS);
    assert_eq!(told(&Ok(routed.clone())), ring(&person(1 + MAX_FORWARDS)));
    assert_eq!(
        routed.skipped.last().unwrap().refusal.reason,
        Reason::TOO_MANY_FORWARDS
    );
}

#[test]
fn a_target_whom_the_caller_may_not_call_is_passed_over() {
    let mut world = office();
    set_policy(&mut world, CONTOSO, policy("closed", false));
    edit_member(&mut world, M2, |member| {
        member.policy = Some("closed".parse().unwrap())
    });
    rules(&mut world, M1, |rules| rules.always = to(M2));
    let routed = route(&world, EVE, M1, &online()).unwrap();
    assert_eq!(told(&Ok(routed.clone())), ring(M1));
    assert_eq!(routed.skipped[0].refusal.reason, Reason::POLICY_DENIED);
    assert_eq!(goes(&world, M3, M1, &online()), ring(M2), "a colleague may");
    // Nor one whom the member may not call.
    rules(&mut world, M1, |rules| rules.always = to(MALLORY));
    let routed = route(&world, M3, M1, &online()).unwrap();
    assert_eq!(told(&Ok(routed.clone())), ring(M1));
    assert_eq!(routed.skipped[0].refusal.reason, Reason::RESOURCE_NOT_ALLOWED);
}

#[test]
fn a_target_may_be_of_any_kind() {
    let mut world = office();
    for target in [M2, ELI, SUPPORT, ANN] {
        rules(&mut world, M1, |rules| rules.always = to(target));
        assert_eq!(goes(&world, M3, M1, &online()), ring(target));
    }
    // Who cannot be reached there may leave a message for who was called.
    rules(&mut world, M1, |rules| {
        rules.always = to(ELI);
        rules.voicemail = true;
    });
    assert_eq!(goes(&world, M3, M1, &online().offline(ELI)), mailbox(M1));
}

#[test]
fn l5_the_source_knows_no_routing_for_external_users() {
    let mut world = office();
    let also = AlsoRing {
        identity: id(M2),
        after_seconds: 0,
    };
    rules(&mut world, M1, |rules| {
        rules.offline = to(M2);
        rules.no_answer = to(M2);
        rules.also_ring = vec![also];
        rules.voicemail = true;
    });
    let group = Group {
        id: "sales".parse().unwrap(),
        name: "Sales".to_owned(),
        policy: None,
        rank: 0,
        pickup: true,
    };
    set_group(&mut world, CONTOSO, group);
    for raw in [M1, M2] {
        edit_member(&mut world, raw, |member| {
            member.groups = ["sales".parse().unwrap()].into()
        });
    }
    let state = online().offline(M1);
    assert_eq!(goes(&world, EVE, M1, &state), ring(M2));
    assert!(world.may_pick_up(&id(M2), &id(EVE), &id(M1)).is_ok());
    assert!(world.may_leave_message(&id(EVE), &id(M1)).is_ok());

    edit_organisation(&mut world, CONTOSO, |found| {
        found.switches.advanced_routing = Setting::Source
    });
    assert_eq!(goes(&world, EVE, M1, &state), reason(Reason::OFFLINE));
    let routed = route(&world, EVE, M1, &online()).unwrap();
    assert_eq!(told(&Ok(routed.clone())), ring(M1));
    assert_eq!(
        told(&after(&world, routed, Outcome::NoAnswer, &online())),
        reason(Reason::NO_ANSWER)
    );
    assert!(world.may_pick_up(&id(M2), &id(EVE), &id(M1)).is_err());
    let refusal = world.may_leave_message(&id(EVE), &id(M1)).unwrap_err();
    assert_eq!(refusal.reason, Reason::NO_VOICEMAIL);
    // Colleagues' calls are routed as ever.
    assert_eq!(goes(&world, M3, M1, &state), ring(M2));
    // Not to be disturbed is no routing.
    rules(&mut world, M1, |rules| rules.do_not_disturb = true);
    assert_eq!(goes(&world, EVE, M1, &online()), reason(Reason::DO_NOT_DISTURB));
}

#[test]
fn l6_the_source_forwards_to_no_external_user() {
    let mut world = office();
    rules(&mut world, M1, |rules| rules.always = to(ELI));
    assert_eq!(goes(&world, M3, M1, &online()), ring(ELI));
    edit_organisation(&mut world, CONTOSO, |found| {
        found.switches.external_targets = Setting::Source
    });
    let routed = route(&world, M3, M1, &online()).unwrap();
    assert_eq!(told(&Ok(routed.clone())), ring(M1));
    assert_eq!(routed.skipped[0].refusal.reason, Reason::EXTERNAL_TARGET_DISABLED);
}

#[test]
fn who_asks_for_the_person_and_nobody_else_gets_no_forwarding() {
    let mut world = office();
    rules(&mut world, M1, |rules| {
        rules.always = to(M2);
        rules.voicemail = true;
    });
    let attempt = Attempt {
        forwarding: false,
        ..Attempt::new(id(EVE), id(M1))
    };
    let state = online();
    let routed = world.route(attempt, &|identity| state.reach(identity)).unwrap();
    assert_eq!(told(&Ok(routed.clone())), ring(M1));
    assert_eq!(
        told(&after(&world, routed, Outcome::NoAnswer, &state)),
        reason(Reason::NO_ANSWER)
    );
}

#[test]
fn an_application_is_answered_by_itself_or_by_its_agents() {
    let mut world = office();
    let mut application = world
        .application(&org(CONTOSO), &"support".parse().unwrap())
        .unwrap()
        .clone();
    application.agents = ["m1", "m2", "m3", "left-long-ago"]
        .map(|id| id.parse().unwrap())
        .into();
    let organisation = org(CONTOSO);
    put(
        &mut world,
        Entity::Application {
            organisation,
            application,
        },
    );
    rules(&mut world, M3, |rules| rules.do_not_disturb = true);
    assert_eq!(goes(&world, EVE, SUPPORT, &online()), ring(SUPPORT));
    let away = || online().with(SUPPORT, Presence::None, false);
    assert_eq!(goes(&world, EVE, SUPPORT, &away()), format!("ring {M1}, {M2}"));
    assert_eq!(goes(&world, M1, SUPPORT, &away()), ring(M2));
    let all_away = away().offline(M1).offline(M2);
    assert_eq!(goes(&world, EVE, SUPPORT, &all_away), reason(Reason::NO_ENDPOINT));
}
