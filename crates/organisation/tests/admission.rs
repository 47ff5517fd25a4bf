//! Who may call whom, beyond the truth table: each gate's own refusal, their order, and every pair of kinds.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use sidetone_organisation::*;
use sidetone_signaling::Reason;
use support::*;

fn refusal(world: &World, from: &str, to: &str) -> (Gate, Reason) {
    let refusal = world.admit(&id(from), &id(to), Presence::Online).unwrap_err();
    (refusal.gate, refusal.reason)
}

fn relation(world: &World, from: &str, to: &str) -> Relation {
    world
        .admit(&id(from), &id(to), Presence::Online)
        .unwrap()
        .relation
}

#[test]
fn every_kind_calls_every_kind() {
    let world = world();
    assert_eq!(relation(&world, EVE, ELI), Relation::SameResource);
    assert_eq!(relation(&world, EVE, MALLORY), Relation::BetweenResources);
    assert_eq!(relation(&world, EVE, M1), Relation::Inbound);
    assert_eq!(relation(&world, EVE, SUPPORT), Relation::Inbound);
    assert_eq!(relation(&world, M1, EVE), Relation::Outbound);
    assert_eq!(relation(&world, SUPPORT, EVE), Relation::Outbound);
    assert_eq!(relation(&world, M1, M2), Relation::SameOrganisation);
    assert_eq!(relation(&world, M1, SUPPORT), Relation::SameOrganisation);
    assert_eq!(relation(&world, M1, ANN), Relation::BetweenOrganisations);
}

#[test]
fn a_resource_off_the_list_is_always_refused() {
    let mut world = world();
    let expected = (Gate::Resource, Reason::RESOURCE_NOT_ALLOWED);
    assert_eq!(refusal(&world, MALLORY, M1), expected);
    assert_eq!(refusal(&world, M1, MALLORY), expected);
    assert_eq!(refusal(&world, MALLORY, SUPPORT), expected);
    set_federation(&mut world, CONTOSO, federation(true, &["alpha", "beta"]));
    assert_eq!(relation(&world, MALLORY, M1), Relation::Inbound);
}

#[test]
fn the_called_members_policy_decides() {
    let mut world = world();
    set_policy(&mut world, CONTOSO, policy("closed", false));
    edit_member(&mut world, M2, |member| {
        member.policy = Some("closed".parse().unwrap())
    });
    assert_eq!(relation(&world, EVE, M1), Relation::Inbound);
    assert_eq!(refusal(&world, EVE, M2), (Gate::Policy, Reason::POLICY_DENIED));
    // And the calling member's, when a member calls out.
    assert_eq!(relation(&world, M1, EVE), Relation::Outbound);
    assert_eq!(refusal(&world, M2, EVE), (Gate::Policy, Reason::POLICY_DENIED));
    // Among themselves it is not asked.
    assert_eq!(relation(&world, M1, M2), Relation::SameOrganisation);
}

#[test]
fn of_several_groups_the_lowest_rank_wins() {
    let mut world = world();
    set_policy(&mut world, CONTOSO, policy("closed", false));
    for (name, rank, policy) in [("a", 7, "closed"), ("b", 3, "global"), ("c", 3, "closed")] {
        let group = Group {
            id: name.parse().unwrap(),
            name: name.to_owned(),
            policy: Some(policy.parse().unwrap()),
            rank,
            pickup: false,
        };
        set_group(&mut world, CONTOSO, group);
    }
    let with = |world: &mut World, groups: &[&str]| {
        edit_member(world, M1, |member| {
            member.groups = groups.iter().map(|id| id.parse().unwrap()).collect();
        });
        let (policy, origin) = world
            .effective_policy(&org(CONTOSO), &"m1".parse().unwrap())
            .unwrap();
        (policy.name.to_string(), origin)
    };
    assert_eq!(
        with(&mut world, &["a", "b", "c"]),
        ("global".into(), PolicyOrigin::Group)
    );
    assert_eq!(
        with(&mut world, &["a", "c"]),
        ("closed".into(), PolicyOrigin::Group)
    );
    assert_eq!(with(&mut world, &[]), ("global".into(), PolicyOrigin::Global));
}

#[test]
fn an_application_has_a_policy_and_no_mode() {
    let mut world = world();
    set_policy(&mut world, CONTOSO, policy("closed", false));
    let mut application = world
        .application(&org(CONTOSO), &"support".parse().unwrap())
        .unwrap()
        .clone();
    application.policy = Some("closed".parse().unwrap());
    let organisation = org(CONTOSO);
    put(
        &mut world,
        Entity::Application {
            organisation,
            application,
        },
    );
    assert_eq!(
        refusal(&world, EVE, SUPPORT),
        (Gate::Policy, Reason::POLICY_DENIED)
    );
    assert_eq!(relation(&world, M1, SUPPORT), Relation::SameOrganisation);
}

#[test]
fn each_gate_refuses_before_the_next_is_asked() {
    let mut world = world();
    // Close everything, then open from the front.
    edit_deployment(&mut world, |deployment| {
        deployment.approval = ApprovalPolicy::Manual;
        deployment.switches = DeploymentSwitches::source();
    });
    let abroad = Organisation {
        cloud: label("abroad"),
        kind: OrganisationKind::Personal,
        approval: Approval::Pending,
        switches: Switches::source(),
        ..organisation("closed")
    };
    put(&mut world, Entity::Organisation(abroad));
    let mut mia = member("mia");
    mia.mode = MemberMode::Legacy;
    set_member(&mut world, "closed", mia);
    let (eve, mia) = (id(EVE), id("member:closed:mia"));
    let gate = |world: &World, presence| {
        let inbound = world.admit(&eve, &mia, presence).unwrap_err();
        let outbound = world.admit(&mia, &eve, presence).unwrap_err();
        assert_eq!(inbound.gate, outbound.gate, "the gates stand in both directions");
        assert_eq!(inbound.reason, outbound.reason);
        (inbound.gate.number().unwrap(), inbound.reason)
    };
    assert_eq!(gate(&world, Presence::None), (0, Reason::CLOUD_INCOMPATIBLE));
    edit_deployment(&mut world, |deployment| {
        deployment.switches.trusted_clouds = Setting::Open;
        deployment.trusted_clouds = [label("abroad")].into();
    });
    assert_eq!(
        gate(&world, Presence::None),
        (1, Reason::ORGANISATION_NOT_APPROVED)
    );
    edit_organisation(&mut world, "closed", |organisation| {
        organisation.approval = Approval::Approved
    });
    assert_eq!(gate(&world, Presence::None), (2, Reason::PERSONAL_ORGANISATION));
    edit_organisation(&mut world, "closed", |organisation| {
        organisation.kind = OrganisationKind::Work
    });
    assert_eq!(
        gate(&world, Presence::None),
        (3, Reason::TENANT_FEDERATION_DISABLED)
    );
    set_federation(&mut world, "closed", federation(true, &[]));
    assert_eq!(gate(&world, Presence::None), (4, Reason::RESOURCE_NOT_ALLOWED));
    set_federation(&mut world, "closed", federation(true, &["alpha"]));
    assert_eq!(gate(&world, Presence::None), (5, Reason::POLICY_DENIED));
    set_policy(&mut world, "closed", policy("global", true));
    assert_eq!(gate(&world, Presence::None), (6, Reason::USER_MODE_INCOMPATIBLE));
    edit_organisation(&mut world, "closed", |organisation| {
        organisation.switches.legacy_members = Setting::Open;
        organisation.switches.outgoing_calls = Setting::Open;
    });
    assert_eq!(gate(&world, Presence::None), (7, Reason::NO_ENDPOINT));
    assert_eq!(gate(&world, Presence::Offline), (7, Reason::OFFLINE));
    assert_eq!(gate(&world, Presence::PushOnly), (7, Reason::PUSH_ONLY));
    assert!(world.admit(&eve, &mia, Presence::Online).is_ok());
}

#[test]
fn every_gate_has_its_own_subcode() {
    let reasons = [
        Reason::CLOUD_INCOMPATIBLE,
        Reason::ORGANISATION_NOT_APPROVED,
        Reason::PERSONAL_ORGANISATION,
        Reason::TENANT_FEDERATION_DISABLED,
        Reason::RESOURCE_NOT_ALLOWED,
        Reason::POLICY_DENIED,
        Reason::USER_MODE_INCOMPATIBLE,
    ];
    for (number, reason) in reasons.iter().enumerate() {
        assert_eq!((reason.code, reason.subcode), (403, 5230 + number as u32));
    }
}

#[test]
fn who_does_not_exist_is_not_found_and_only_by_those_let_in() {
    let mut world = world();
    let unknown = (Gate::Existence, Reason::NO_SUCH_CALLEE);
    assert_eq!(refusal(&world, EVE, "member:contoso:nobody"), unknown);
    assert_eq!(refusal(&world, EVE, "application:contoso:nobody"), unknown);
    assert_eq!(refusal(&world, M1, "member:contoso:nobody"), unknown);
    assert_eq!(refusal(&world, M1, "external:alpha:nobody"), unknown);
    assert_eq!(refusal(&world, EVE, "external:alpha:nobody"), unknown);
    assert_eq!(refusal(&world, EVE, "member:nowhere:bob"), unknown);
    assert_eq!(refusal(&world, EVE, "external:nowhere:bob"), unknown);
    assert_eq!(refusal(&world, EVE, "phone:+390612345"), unknown);
    assert_eq!(refusal(&world, EVE, "robot:r2/d2"), unknown);
    // Mallory is told the same of those who exist and those who do not.
    for callee in ["member:contoso:m1", "member:contoso:nobody"] {
        assert_eq!(
            refusal(&world, MALLORY, callee),
            (Gate::Resource, Reason::RESOURCE_NOT_ALLOWED)
        );
    }
    edit_organisation(&mut world, FABRIKAM, |organisation| {
        organisation.switches.other_organisations = Setting::Source;
    });
    for callee in [ANN, "member:fabrikam:nobody"] {
        assert_eq!(
            refusal(&world, M1, callee),
            (Gate::Limit, Reason::OTHER_ORGANISATIONS_DISABLED)
        );
    }
}

#[test]
fn who_does_not_exist_calls_nobody() {
    let world = world();
    let unknown = (Gate::Existence, Reason::UNKNOWN_CALLER);
    for caller in [
        "member:contoso:gone",
        "member:nowhere:bob",
        "external:alpha:gone",
        "external:nowhere:bob",
        "phone:+390612345",
        "robot:r2/d2",
    ] {
        assert_eq!(refusal(&world, caller, M1), unknown, "{caller}");
        assert_eq!(refusal(&world, caller, EVE), unknown, "{caller}");
    }
}

#[test]
fn a_guest_comes_from_no_resource() {
    let world = world();
    let guest = "guest:visit-17";
    assert_eq!(
        refusal(&world, guest, M1),
        (Gate::Resource, Reason::RESOURCE_NOT_ALLOWED)
    );
    assert_eq!(
        refusal(&world, M1, guest),
        (Gate::Resource, Reason::RESOURCE_NOT_ALLOWED)
    );
    assert_eq!(relation(&world, guest, EVE), Relation::BetweenResources);
}

#[test]
fn before_anything_is_declared_developers_call_each_other() {
    let mut world = World::new(Deployment {
        undeclared: Undeclared::Admitted,
        ..deployment()
    });
    let all = [
        "member:dev:a",
        "member:dev:b",
        "application:dev:q",
        "external:app:eve",
        "guest:v",
    ];
    for from in all {
        for to in all {
            assert_eq!(
                relation(&world, from, to),
                Relation::Undeclared,
                "{from} calls {to}"
            );
        }
    }
    assert_eq!(
        refusal(&world, "member:dev:a", "phone:+390612345").0,
        Gate::Existence
    );
    // A declared organisation is not open to strangers.
    put(&mut world, Entity::Organisation(organisation(CONTOSO)));
    set_federation(&mut world, CONTOSO, federation(true, &[]));
    set_policy(&mut world, CONTOSO, policy("global", true));
    set_member(&mut world, CONTOSO, member("m1"));
    assert_eq!(
        refusal(&world, "member:dev:a", M1),
        (Gate::Existence, Reason::UNKNOWN_CALLER)
    );
    assert_eq!(
        refusal(&world, M1, "member:dev:a"),
        (Gate::Existence, Reason::NO_SUCH_CALLEE)
    );
    assert_eq!(
        refusal(&world, "external:app:eve", M1),
        (Gate::Resource, Reason::RESOURCE_NOT_ALLOWED)
    );
    assert_eq!(
        refusal(&world, "member:contoso:x", M1),
        (Gate::Existence, Reason::UNKNOWN_CALLER)
    );
}

#[test]
fn a_refused_organisation_deals_with_nobody_outside() {
    let mut world = world();
    edit_organisation(&mut world, CONTOSO, |organisation| {
        organisation.approval = Approval::Refused {
            reason: "unpaid".to_owned(),
        };
    });
    let expected = (Gate::Approval, Reason::ORGANISATION_NOT_APPROVED);
    for (from, to) in [(EVE, M1), (M1, EVE), (M1, ANN), (ANN, M1)] {
        assert_eq!(refusal(&world, from, to), expected, "{from} calls {to}");
    }
    assert_eq!(relation(&world, M1, M2), Relation::SameOrganisation);
}

#[test]
fn a_change_holds_from_the_next_call_on() {
    let mut world = world();
    assert_eq!(relation(&world, EVE, M1), Relation::Inbound);
    set_federation(&mut world, CONTOSO, federation(false, &["alpha"]));
    assert_eq!(refusal(&world, EVE, M1).0, Gate::Federation);
    set_federation(&mut world, CONTOSO, federation(true, &["alpha"]));
    assert_eq!(relation(&world, EVE, M1), Relation::Inbound);
}
