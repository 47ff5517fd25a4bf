//! Whatever is asked of a world, in whatever order: its invariants hold, and every decision is made.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use sidetone_organisation::routing::*;
use sidetone_organisation::*;
use sidetone_signaling::Identifier;
use support::*;

const ORGANISATIONS: [&str; 2] = ["a", "a.b"];
const RESOURCES: [&str; 2] = ["b", "a.b"];
const POLICIES: [&str; 3] = ["global", "p", "p.q"];
const GROUPS: [&str; 2] = ["g", "h"];
const PEOPLE: [&str; 4] = ["m", "b.m", "n", "o"];
const SOURCES: [&str; 2] = ["s", "t"];

fn identities() -> Vec<Identifier> {
    let mut all = Vec::new();
    for organisation in ORGANISATIONS.into_iter().chain(["none"]) {
        for person in PEOPLE.into_iter().chain(["nobody"]) {
            all.push(id(&format!("member:{organisation}:{person}")));
            all.push(id(&format!("application:{organisation}:{person}")));
        }
    }
    for resource in RESOURCES.into_iter().chain(["none"]) {
        for person in PEOPLE.into_iter().chain(["nobody"]) {
            all.push(id(&format!("external:{resource}:{person}")));
        }
    }
    all.extend([id("guest:v"), id("phone:+390612345"), id("robot:r2/d2")]);
    all
}

fn identity() -> impl Strategy<Value = Identifier> {
    select(identities())
}

fn setting() -> impl Strategy<Value = Setting> {
    select(vec![Setting::Open, Setting::Open, Setting::Source])
}

fn an_organisation() -> impl Strategy<Value = OrganisationId> {
    select(&ORGANISATIONS[..]).prop_map(org)
}

fn target() -> impl Strategy<Value = Option<Target>> {
    prop_oneof![
        2 => Just(None),
        1 => Just(Some(Target::Voicemail)),
        3 => identity().prop_map(|identity| Some(Target::Identity { identity })),
    ]
}

fn rules() -> impl Strategy<Value = Routing> {
    let also = (identity(), 0..30_u16).prop_map(|(identity, after_seconds)| AlsoRing {
        identity,
        after_seconds,
    });
    let flags = (prop::bool::weighted(0.1), any::<bool>(), any::<bool>());
    let targets = (target(), target(), target(), target());
    (flags, targets, prop::collection::vec(also, 0..3)).prop_map(|(flags, targets, also_ring)| Routing {
        do_not_disturb: flags.0,
        busy_on_busy: flags.1,
        voicemail: flags.2,
        always: targets.0,
        busy: targets.1,
        no_answer: targets.2,
        offline: targets.3,
        ring_seconds: 20,
        also_ring,
    })
}

fn a_member() -> impl Strategy<Value = Member> {
    (
        select(&PEOPLE[..]),
        prop::option::of(select(&POLICIES[..])),
        subsequence(&GROUPS[..], 0..=GROUPS.len()),
        prop::option::weighted(0.3, select(&SOURCES[..])),
        any::<bool>(),
        rules(),
    )
        .prop_map(|(name, policy, groups, source, legacy, routing)| Member {
            policy: policy.map(|name| name.parse().unwrap()),
            groups: groups.into_iter().map(|id| id.parse().unwrap()).collect(),
            source: source.map(|key| key.parse().unwrap()),
            mode: if legacy {
                MemberMode::Legacy
            } else {
                MemberMode::NativeOnly
            },
            routing,
            ..member(name)
        })
}

fn an_entity() -> impl Strategy<Value = Entity> {
    let organisations = (an_organisation(), setting(), any::<bool>(), any::<bool>());
    let organisations = organisations.prop_map(|(id, limits, personal, approved)| {
        Entity::Organisation(Organisation {
            kind: if personal {
                OrganisationKind::Personal
            } else {
                OrganisationKind::Work
            },
            approval: if approved {
                Approval::Approved
            } else {
                Approval::Pending
            },
            switches: if limits.is_open() {
                Switches::default()
            } else {
                Switches::source()
            },
            ..organisation(id.as_str())
        })
    });
    let federations = (
        an_organisation(),
        any::<bool>(),
        subsequence(&RESOURCES[..], 0..=RESOURCES.len()),
    );
    let federations = federations.prop_map(|(organisation, enabled, resources)| Entity::Federation {
        organisation,
        federation: federation(enabled, &resources),
    });
    let policies = (an_organisation(), select(&POLICIES[..]), any::<bool>());
    let policies = policies.prop_map(|(organisation, name, enabled)| Entity::Policy {
        organisation,
        policy: policy(name, enabled),
    });
    let groups = (
        an_organisation(),
        select(&GROUPS[..]),
        prop::option::of(select(&POLICIES[..])),
        0..3_u32,
        any::<bool>(),
    );
    let groups = groups.prop_map(|(organisation, name, policy, rank, pickup)| Entity::Group {
        organisation,
        group: Group {
            id: name.parse().unwrap(),
            name: name.to_owned(),
            policy: policy.map(|name| name.parse().unwrap()),
            rank,
            pickup,
        },
    });
    let members = (an_organisation(), a_member())
        .prop_map(|(organisation, member)| Entity::Member { organisation, member });
    let applications = (
        an_organisation(),
        select(&PEOPLE[..]),
        prop::option::of(select(&POLICIES[..])),
    );
    let applications = applications.prop_map(|(organisation, name, policy)| Entity::Application {
        organisation,
        application: Application {
            id: name.parse().unwrap(),
            name: name.to_owned(),
            kind: ApplicationKind::Queue,
            policy: policy.map(|name| name.parse().unwrap()),
            agents: PEOPLE.map(|id| id.parse().unwrap()).into(),
        },
    });
    let resources = (select(&RESOURCES[..]), setting()).prop_map(|(name, other_resources)| {
        Entity::Resource(Resource {
            switches: ResourceSwitches { other_resources },
            ..resource(name)
        })
    });
    let users = (select(&RESOURCES[..]), select(&PEOPLE[..]));
    let users = users.prop_map(|(resource, user)| Entity::ExternalUser(external_user(resource, user)));
    prop_oneof![
        2 => organisations,
        2 => federations,
        2 => policies,
        2 => groups,
        6 => members,
        1 => applications,
        2 => resources,
        2 => users,
    ]
}

fn a_change() -> impl Strategy<Value = Change> {
    (an_entity(), prop::bool::weighted(0.2)).prop_map(|(entity, delete)| {
        if delete {
            Change::Delete(entity.key())
        } else {
            Change::Put(entity)
        }
    })
}

fn a_deployment() -> impl Strategy<Value = Deployment> {
    (any::<bool>(), any::<bool>(), setting()).prop_map(|(manual, admitted, limits)| Deployment {
        approval: if manual {
            ApprovalPolicy::Manual
        } else {
            ApprovalPolicy::Automatic
        },
        undeclared: if admitted {
            Undeclared::Admitted
        } else {
            Undeclared::Refused
        },
        switches: if limits.is_open() {
            DeploymentSwitches::default()
        } else {
            DeploymentSwitches::source()
        },
        ..deployment()
    })
}

/// A world after many changes, taken or refused.
fn a_world(changes: usize) -> impl Strategy<Value = World> {
    (a_deployment(), prop::collection::vec(a_change(), 0..changes)).prop_map(|(deployment, changes)| {
        let mut world = World::new(deployment);
        for change in changes {
            let _ = world.apply(change);
        }
        world
    })
}

/// Everything in a world, by its key.
fn contents(world: &World) -> BTreeMap<EntityKey, Entity> {
    let organisations = world.organisations().cloned().map(Entity::Organisation);
    let resources = world.resources().cloned().map(Entity::Resource);
    let tops: Vec<EntityKey> = organisations
        .chain(resources)
        .map(|entity| entity.key())
        .collect();
    let inner = tops.iter().flat_map(|key| world.dependants(key));
    let keys: Vec<EntityKey> = inner.chain(tops.iter().cloned()).collect();
    let count = keys.len();
    let all: BTreeMap<_, _> = keys
        .into_iter()
        .map(|key| (key.clone(), world.entity(&key).unwrap()))
        .collect();
    assert_eq!(all.len(), count, "keys are unique");
    all
}

fn assert_sound(world: &World) {
    let all = contents(world);
    for (key, entity) in &all {
        assert_eq!(entity.key(), *key);
        assert_eq!(&key.as_str().parse::<EntityKey>().unwrap(), key);
    }
    for organisation in world.organisations() {
        let of = &organisation.id;
        let federations =
            |key: &&EntityKey| matches!(key.name(), EntityName::Federation(whose) if whose == of);
        assert_eq!(
            all.keys().filter(federations).count(),
            1,
            "one federation configuration"
        );
        assert!(
            world.policy(of, &PolicyName::GLOBAL).is_some(),
            "one policy global"
        );
        let mut sources = BTreeSet::new();
        for member in world.members(of) {
            let (policy, origin) = world
                .effective_policy(of, &member.id)
                .expect("one effective policy");
            match (&member.policy, origin) {
                (Some(direct), PolicyOrigin::Direct) => assert_eq!(*direct, policy.name),
                (None, PolicyOrigin::Group) => {
                    let mut groups = member.groups.iter().map(|id| world.group(of, id).unwrap());
                    assert!(groups.any(|group| group.policy.as_ref() == Some(&policy.name)));
                }
                (None, PolicyOrigin::Global) => assert_eq!(policy.name, PolicyName::GLOBAL),
                other => unreachable!("{other:?}"),
            }
            assert!(member.groups.iter().all(|id| world.group(of, id).is_some()));
            if let Some(source) = &member.source {
                assert!(sources.insert(source), "a directory key has one member");
                assert_eq!(world.member_by_source(of, source), Some(member));
            }
        }
        for source in SOURCES.map(|key| key.parse::<ExternalKey>().unwrap()) {
            if let Some(member) = world.member_by_source(of, &source) {
                assert_eq!(member.source, Some(source));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn invariants_hold_after_every_change(
        deployment in a_deployment(),
        changes in prop::collection::vec(a_change(), 0..60),
    ) {
        let mut world = World::new(deployment.clone());
        for change in changes {
            let before = contents(&world);
            let key = change.key();
            let gone: BTreeSet<EntityKey> = world.dependants(&key).into_iter().collect();
            let checked = world.check(&change);
            let result = world.apply(change.clone());
            prop_assert_eq!(&checked, &result);
            let after = contents(&world);
            match (result, change) {
                (Err(_), _) => prop_assert_eq!(after, before),
                (Ok(()), Change::Put(entity)) => prop_assert_eq!(after.get(&key), Some(&entity)),
                (Ok(()), Change::Delete(_)) => {
                    let mut expected = before;
                    expected.retain(|kept, _| *kept != key && !gone.contains(kept));
                    prop_assert_eq!(after, expected);
                }
            }
            assert_sound(&world);
        }
        // What is stored is what is read back.
        let all = contents(&world);
        let (copy, left_out) = World::load(deployment, all.values().cloned());
        prop_assert!(left_out.is_empty(), "{:?}", left_out);
        prop_assert_eq!(contents(&copy), all);
    }

    #[test]
    fn every_pair_is_admitted_or_refused_with_a_known_reason(world in a_world(60)) {
        for from in identities() {
            for to in identities() {
                let answer = world.may_call(&from, &to);
                if let Err(refusal) = &answer {
                    let known = sidetone_signaling::Reason::known(refusal.reason.code, refusal.reason.subcode);
                    prop_assert_eq!(known, Some(&refusal.reason));
                }
                // Gate 7 comes last, and admits nobody whom the others refused.
                prop_assert_eq!(world.admit(&from, &to, Presence::Online), answer.clone());
                match (answer, world.admit(&from, &to, Presence::Offline)) {
                    (Ok(_), Err(refusal)) => prop_assert_eq!(refusal.gate, Gate::Reachability),
                    (Err(earlier), Err(refusal)) => prop_assert_eq!(refusal, earlier),
                    (_, Ok(_)) => prop_assert!(false, "offline and admitted"),
                }
            }
        }
    }

    #[test]
    fn the_gates_between_two_stand_in_both_directions(world in a_world(60)) {
        let gates = |answer: Result<Admitted, Refusal>| match answer {
            Ok(_) => None,
            Err(refusal) => refusal.gate.number(),
        };
        for member in world.organisations().flat_map(|of| world.members(&of.id).map(|m| (&of.id, &m.id))) {
            let member = id(&format!("member:{}:{}", member.0, member.1));
            for user in world.resources().flat_map(|of| world.external_users(&of.id)) {
                let user = id(&format!("external:{}:{}", user.resource, user.user));
                prop_assert_eq!(
                    gates(world.may_call(&user, &member)),
                    gates(world.may_call(&member, &user)),
                    "{} and {}", user, member
                );
            }
        }
    }

    #[test]
    fn every_card_has_a_name_and_the_suffix_where_it_belongs(
        world in a_world(40), wanted in prop::option::of("\\PC{0,40}"),
    ) {
        for from in identities() {
            let card = world.caller_card(&from, wanted.as_deref());
            prop_assert!(!card.display_name.trim().is_empty());
            if card.kind.is_external() {
                prop_assert_eq!(card.display_name.matches(EXTERNAL_SUFFIX).count(), 1);
                prop_assert!(card.display_name.ends_with(" (External)"));
            }
        }
    }

    #[test]
    fn every_call_is_routed_to_someone_it_may_reach(
        world in a_world(80),
        states in prop::collection::vec((0..4_u8, any::<bool>()), identities().len()),
    ) {
        let everybody = identities();
        let reach = |identity: &Identifier| {
            let at = everybody.iter().position(|other| other == identity).unwrap_or(0);
            let (presence, busy) = states[at];
            let presence = match presence {
                0 => Presence::None,
                1 => Presence::Offline,
                2 => Presence::PushOnly,
                _ => Presence::Online,
            };
            Reach { presence, busy }
        };
        for from in &everybody {
            for to in &everybody {
                let mut result = world.route(Attempt::new(from.clone(), to.clone()), &reach);
                if world.may_call(from, to).is_err() {
                    prop_assert!(result.is_err());
                }
                let mut rounds = 0;
                while let Ok(routed) = result {
                    rounds += 1;
                    prop_assert!(rounds <= 1 + MAX_FORWARDS, "a call ends");
                    prop_assert!(routed.hops.len() <= MAX_FORWARDS);
                    let people: Vec<&Identifier> =
                        std::iter::once(to).chain(routed.hops.iter().map(|hop| &hop.to)).collect();
                    let distinct: BTreeSet<_> = people.iter().collect();
                    prop_assert_eq!(distinct.len(), people.len(), "nobody has the call twice");
                    prop_assert!(people.iter().all(|person| world.may_call(from, person).is_ok()));
                    let Decision::Ring(ring) = routed.decision.clone() else { break };
                    prop_assert!(!ring.targets.is_empty());
                    prop_assert!(ring.targets[0].after.is_zero());
                    prop_assert!(ring.targets.is_sorted_by_key(|target| target.after));
                    let callee = routed.callee().clone();
                    for target in &ring.targets {
                        prop_assert_eq!(reach(&target.identity).presence, Presence::Online);
                        let agent = matches!(callee, Identifier::Application { .. });
                        prop_assert!(agent || world.may_call(from, &target.identity).is_ok());
                    }
                    prop_assert!(ring.pickup.iter().all(|by| world.may_pick_up(by, from, &callee).is_ok()));
                    result = world.reroute(routed, Outcome::NoAnswer, &reach);
                }
            }
        }
    }
}
