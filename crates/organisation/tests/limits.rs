//! Every switch in both positions: open is the default, and the source's limit can be chosen. Routing (L5, L6) and
//! names (L12) have files of their own; L36 and L37 are tested where records are viewed.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use sidetone_organisation::*;
use sidetone_signaling::Reason;
use support::*;

fn limit(world: &mut World, organisation: &str, set: impl FnOnce(&mut Switches)) {
    edit_organisation(world, organisation, |found| set(&mut found.switches));
}

fn reason(result: Result<impl std::fmt::Debug, Refusal>) -> Option<Reason> {
    result.err().map(|refusal| refusal.reason)
}

fn call(world: &World, from: &str, to: &str) -> Option<Reason> {
    reason(world.admit(&id(from), &id(to), Presence::Online))
}

#[test]
fn l2_members_in_legacy_mode() {
    let mut world = world();
    edit_member(&mut world, M1, |member| member.mode = MemberMode::Legacy);
    assert_eq!(call(&world, EVE, M1), None);
    limit(&mut world, CONTOSO, |switches| {
        switches.legacy_members = Setting::Source
    });
    assert_eq!(call(&world, EVE, M1), Some(Reason::USER_MODE_INCOMPATIBLE));
    assert_eq!(call(&world, M1, EVE), Some(Reason::USER_MODE_INCOMPATIBLE));
    assert_eq!(call(&world, EVE, M2), None);
    assert_eq!(call(&world, M2, M1), None);
}

#[test]
fn l3_l4_l7_features_with_external_users() {
    let mut world = world();
    let all = [
        (CallFeature::Escalation, Reason::ESCALATION_DISABLED),
        (CallFeature::Recording, Reason::RECORDING_DISABLED),
        (CallFeature::Transcription, Reason::FEATURE_DISABLED),
        (CallFeature::Transfer, Reason::FEATURE_DISABLED),
        (CallFeature::Consultation, Reason::FEATURE_DISABLED),
    ];
    for (feature, _) in &all {
        assert_eq!(reason(world.feature(*feature, &id(EVE), &id(M1))), None);
    }
    limit(&mut world, CONTOSO, |switches| {
        switches.escalation = Setting::Source;
        switches.call_recording = Setting::Source;
        switches.call_features = Setting::Source;
    });
    for (feature, expected) in all {
        for (one, other) in [(EVE, M1), (M1, EVE)] {
            assert_eq!(
                reason(world.feature(feature, &id(one), &id(other))),
                Some(expected.clone())
            );
        }
        for (one, other) in [(EVE, ELI), (M1, M2), (M1, ANN), (EVE, ANN)] {
            assert_eq!(
                reason(world.feature(feature, &id(one), &id(other))),
                None,
                "{one} and {other}"
            );
        }
    }
}

#[test]
fn l6_external_users_as_targets_of_transfer() {
    let mut world = world();
    let transfer = |world: &World, target| reason(world.may_transfer(&id(M1), &id(EVE), &id(target)));
    assert_eq!(transfer(&world, ELI), None);
    assert_eq!(transfer(&world, M2), None);
    limit(&mut world, CONTOSO, |switches| {
        switches.external_targets = Setting::Source
    });
    assert_eq!(transfer(&world, ELI), Some(Reason::EXTERNAL_TARGET_DISABLED));
    assert_eq!(transfer(&world, M2), None);
    limit(&mut world, CONTOSO, |switches| {
        switches.call_features = Setting::Source
    });
    assert_eq!(transfer(&world, M2), Some(Reason::FEATURE_DISABLED));
}

#[test]
fn transfer_reaches_nobody_whom_either_may_not_call() {
    let mut world = world();
    set_policy(&mut world, CONTOSO, policy("closed", false));
    edit_member(&mut world, M2, |member| {
        member.policy = Some("closed".parse().unwrap())
    });
    let transfer = |from, to, target| reason(world.may_transfer(&id(from), &id(to), &id(target)));
    assert_eq!(
        transfer(M1, EVE, M2),
        Some(Reason::POLICY_DENIED),
        "Eve may not call M2"
    );
    assert_eq!(
        transfer(M1, EVE, MALLORY),
        Some(Reason::RESOURCE_NOT_ALLOWED),
        "M1 may not call Mallory"
    );
    assert_eq!(transfer(M1, ANN, M2), None);
}

#[test]
fn l30_bots_and_external_users() {
    let mut world = world();
    assert!(world.bots_are_told(&org(CONTOSO), &id(EVE)));
    limit(&mut world, CONTOSO, |switches| {
        switches.bot_events = Setting::Source
    });
    assert!(!world.bots_are_told(&org(CONTOSO), &id(EVE)));
    assert!(!world.bots_are_told(&org(CONTOSO), &id("guest:v")));
    assert!(world.bots_are_told(&org(CONTOSO), &id(M1)));
    assert!(world.bots_are_told(&org(FABRIKAM), &id(EVE)));
}

#[test]
fn l32_personal_organisations() {
    let mut world = world();
    edit_organisation(&mut world, CONTOSO, |found| {
        found.kind = OrganisationKind::Personal
    });
    assert_eq!(call(&world, EVE, M1), None);
    edit_deployment(&mut world, |found| {
        found.switches.personal_organisations = Setting::Source
    });
    assert_eq!(call(&world, EVE, M1), Some(Reason::PERSONAL_ORGANISATION));
    assert_eq!(call(&world, EVE, ANN), None);
    assert_eq!(call(&world, M1, M2), None);
}

#[test]
fn l39_calling_on_behalf_of_a_member() {
    let mut world = world();
    let acts = |world: &World, actor: &str| reason(world.may_act_for(&id(actor), &id(M1)));
    assert_eq!(acts(&world, M1), None);
    assert_eq!(acts(&world, EVE), Some(Reason::NOT_DELEGATED));
    edit_member(&mut world, M1, |member| {
        member.delegates = [id(EVE), id(M2), id(MALLORY)].into()
    });
    assert_eq!(acts(&world, EVE), None);
    assert_eq!(acts(&world, M2), None);
    assert_eq!(acts(&world, ELI), Some(Reason::NOT_DELEGATED));
    assert_eq!(
        acts(&world, MALLORY),
        Some(Reason::RESOURCE_NOT_ALLOWED),
        "the gates still stand"
    );
    limit(&mut world, CONTOSO, |switches| {
        switches.delegation = Setting::Source
    });
    assert_eq!(acts(&world, EVE), Some(Reason::DELEGATION_DISABLED));
    assert_eq!(acts(&world, M1), None);
    assert_eq!(
        reason(world.may_act_for(&id(M1), &id(SUPPORT))),
        Some(Reason::NO_SUCH_CALLEE),
        "an application is no member"
    );
}

#[test]
fn l40_other_clouds() {
    let mut world = world();
    put(
        &mut world,
        Entity::Resource(Resource {
            cloud: label("gov"),
            ..resource("gamma")
        }),
    );
    put(&mut world, Entity::ExternalUser(external_user("gamma", "gil")));
    set_federation(&mut world, CONTOSO, federation(true, &["gamma"]));
    let (gil, denied) = ("external:gamma:gil", Some(Reason::CLOUD_INCOMPATIBLE));
    assert_eq!(
        call(&world, gil, M1),
        denied,
        "nobody trusts a cloud that the operator does not"
    );
    edit_deployment(&mut world, |found| found.trusted_clouds = [label("gov")].into());
    assert_eq!(call(&world, gil, M1), None);
    assert_eq!(call(&world, M1, gil), None);
    edit_deployment(&mut world, |found| {
        found.switches.trusted_clouds = Setting::Source
    });
    assert_eq!(call(&world, gil, M1), denied);
    assert_eq!(call(&world, M1, gil), denied);
}

#[test]
fn l41_approval() {
    let mut world = world();
    edit_organisation(&mut world, CONTOSO, |found| found.approval = Approval::Pending);
    assert_eq!(call(&world, EVE, M1), None);
    edit_deployment(&mut world, |found| found.approval = ApprovalPolicy::Manual);
    assert_eq!(call(&world, EVE, M1), Some(Reason::ORGANISATION_NOT_APPROVED));
    edit_organisation(&mut world, CONTOSO, |found| found.approval = Approval::Approved);
    assert_eq!(call(&world, EVE, M1), None);
    assert_eq!(ApprovalPolicy::Automatic.initial(), Approval::Approved);
    assert_eq!(ApprovalPolicy::Manual.initial(), Approval::Pending);
}

#[test]
fn calls_of_members_to_external_users() {
    let mut world = world();
    assert_eq!(call(&world, M1, EVE), None);
    limit(&mut world, CONTOSO, |switches| {
        switches.outgoing_calls = Setting::Source
    });
    assert_eq!(call(&world, M1, EVE), Some(Reason::OUTGOING_CALLS_DISABLED));
    assert_eq!(call(&world, EVE, M1), None);
}

#[test]
fn calls_between_organisations() {
    for closed in [CONTOSO, FABRIKAM] {
        let mut world = world();
        assert_eq!(call(&world, M1, ANN), None);
        limit(&mut world, closed, |switches| {
            switches.other_organisations = Setting::Source
        });
        for (from, to) in [(M1, ANN), (ANN, M1)] {
            assert_eq!(call(&world, from, to), Some(Reason::OTHER_ORGANISATIONS_DISABLED));
        }
        assert_eq!(call(&world, M1, M2), None);
    }
}

#[test]
fn calls_between_resources() {
    for closed in ["alpha", "beta"] {
        let mut world = world();
        assert_eq!(call(&world, EVE, MALLORY), None);
        let mut closed = resource(closed);
        closed.switches = ResourceSwitches::source();
        put(&mut world, Entity::Resource(closed));
        for (from, to) in [(EVE, MALLORY), (MALLORY, EVE)] {
            assert_eq!(call(&world, from, to), Some(Reason::OTHER_RESOURCES_DISABLED));
        }
        assert_eq!(call(&world, EVE, ELI), None);
    }
}
