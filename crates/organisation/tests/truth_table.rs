//! The federation truth table of spec section 1.1, row by row: an external user calls a member, and is called.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use sidetone_organisation::*;
use sidetone_signaling::Reason;
use support::*;

const TRUE: bool = true;
const FALSE: bool = false;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Assigned {
    Global,
    Custom,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Interop {
    Enabled,
    Disabled,
}

use Assigned::{Custom, Global};
use Interop::{Disabled, Enabled};

#[rustfmt::skip]
const TABLE: [(u8, bool, bool, bool, Assigned, Interop); 16] = [
    //  #   Tenant  Global  Custom  Assigned  Interop
    (   1,  TRUE,   TRUE,   TRUE,   Global,   Enabled  ),
    (   2,  TRUE,   TRUE,   TRUE,   Custom,   Enabled  ),
    (   3,  TRUE,   TRUE,   FALSE,  Global,   Enabled  ),
    (   4,  TRUE,   TRUE,   FALSE,  Custom,   Disabled ),
    (   5,  TRUE,   FALSE,  TRUE,   Global,   Disabled ),
    (   6,  TRUE,   FALSE,  TRUE,   Custom,   Enabled  ),
    (   7,  TRUE,   FALSE,  FALSE,  Global,   Disabled ),
    (   8,  TRUE,   FALSE,  FALSE,  Custom,   Disabled ),
    (   9,  FALSE,  TRUE,   TRUE,   Global,   Disabled ),
    (  10,  FALSE,  TRUE,   TRUE,   Custom,   Disabled ),
    (  11,  FALSE,  TRUE,   FALSE,  Global,   Disabled ),
    (  12,  FALSE,  TRUE,   FALSE,  Custom,   Disabled ),
    (  13,  FALSE,  FALSE,  TRUE,   Global,   Disabled ),
    (  14,  FALSE,  FALSE,  TRUE,   Custom,   Disabled ),
    (  15,  FALSE,  FALSE,  FALSE,  Global,   Disabled ),
    (  16,  FALSE,  FALSE,  FALSE,  Custom,   Disabled ),
];

/// The world of a row. All rows in one world, so that each is also a change from another.
fn arrange(world: &mut World, tenant: bool, global: bool, custom: bool, assigned: Assigned) {
    set_federation(world, CONTOSO, federation(tenant, &["alpha"]));
    set_policy(world, CONTOSO, policy("global", global));
    set_policy(world, CONTOSO, policy("custom", custom));
    edit_member(world, M1, |member| {
        member.policy = (assigned == Custom).then(|| "custom".parse().unwrap());
    });
}

#[test]
fn the_sixteen_rows() {
    let mut world = world();
    for (row, tenant, global, custom, assigned, interop) in TABLE {
        arrange(&mut world, tenant, global, custom, assigned);
        for (from, to) in [(EVE, M1), (M1, EVE)] {
            let result = world.admit(&id(from), &id(to), Presence::Online);
            assert_eq!(
                gate(&result),
                expected(tenant, interop),
                "row {row}, {from} calls {to}"
            );
            if let Ok(admitted) = result {
                let (name, origin) = admitted.policy.unwrap();
                let effective = match assigned {
                    Global => ("global", PolicyOrigin::Global),
                    Custom => ("custom", PolicyOrigin::Direct),
                };
                assert_eq!((name.as_str(), origin), effective, "row {row}");
            }
        }
    }
}

/// Of a refusal, which gate it was and what it tells the caller.
fn gate(result: &Result<Admitted, Refusal>) -> Option<(Gate, Reason)> {
    result
        .as_ref()
        .err()
        .map(|refusal| (refusal.gate, refusal.reason.clone()))
}

fn expected(tenant: bool, interop: Interop) -> Option<(Gate, Reason)> {
    match (interop, tenant) {
        (Enabled, _) => None,
        (Disabled, false) => Some((Gate::Federation, Reason::TENANT_FEDERATION_DISABLED)),
        (Disabled, true) => Some((Gate::Policy, Reason::POLICY_DENIED)),
    }
}

/// The table is the sources' own: it holds too where every limit is as they have it.
#[test]
fn the_sixteen_rows_with_every_limit_of_the_sources() {
    let mut world = world();
    edit_organisation(&mut world, CONTOSO, |found| found.switches = Switches::source());
    edit_deployment(&mut world, |found| {
        found.switches = DeploymentSwitches::source();
        found.approval = ApprovalPolicy::Manual;
    });
    for (row, tenant, global, custom, assigned, interop) in TABLE {
        arrange(&mut world, tenant, global, custom, assigned);
        let result = world.admit(&id(EVE), &id(M1), Presence::Online);
        assert_eq!(gate(&result), expected(tenant, interop), "row {row}");
    }
}

#[test]
fn a_resource_that_is_not_listed_is_refused_in_every_row() {
    let mut world = world();
    for (row, tenant, global, custom, assigned, _) in TABLE {
        arrange(&mut world, tenant, global, custom, assigned);
        let refusal = world.admit(&id(MALLORY), &id(M1), Presence::Online).unwrap_err();
        let expected = if tenant { Gate::Resource } else { Gate::Federation };
        assert_eq!(refusal.gate, expected, "row {row}");
    }
}

/// The group assignment stands between the direct one and `global`.
#[test]
fn the_same_rows_with_the_custom_policy_assigned_to_a_group() {
    let mut world = world();
    for (row, tenant, global, custom, assigned, interop) in TABLE {
        arrange(&mut world, tenant, global, custom, Global);
        let policy = (assigned == Custom).then(|| "custom".parse().unwrap());
        let group = Group {
            id: "sales".parse().unwrap(),
            name: "Sales".to_owned(),
            policy,
            rank: 0,
            pickup: false,
        };
        set_group(&mut world, CONTOSO, group);
        edit_member(&mut world, M1, |member| {
            member.groups = ["sales".parse().unwrap()].into()
        });
        let admitted = world.admit(&id(EVE), &id(M1), Presence::Online).is_ok();
        assert_eq!(admitted, interop == Enabled, "row {row}");
    }
}
