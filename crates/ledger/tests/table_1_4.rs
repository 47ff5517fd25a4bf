//! Table 1.4 of the specification, row by row, on a virtual clock.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeSet;

use sidetone_ledger::{
    CallKind, Meter, MeterTotal, Month, Rounding, Scope, Told, UsageRecord, UsageReport, usage,
};
use sidetone_signaling::Reason;
use support::*;

fn resource(id: &str) -> Scope {
    Scope::Resource(id.parse().unwrap())
}

fn organisation(id: &str) -> Scope {
    Scope::Organisation(id.parse().unwrap())
}

/// The usage records that stand in a tenant's list.
fn listed(service: &Service, scope: &Scope) -> Vec<UsageRecord> {
    let all = service.closed().into_iter().flat_map(usage);
    all.filter(|(_, scopes)| scopes.contains(scope))
        .map(|(record, _)| record)
        .collect()
}

fn report(service: &Service, scope: &Scope) -> UsageReport {
    let month: Month = "2026-03".parse().unwrap();
    UsageReport::new(scope.clone(), month, Rounding::Second, &listed(service, scope))
}

/// Consumed, metered and covered, in minutes.
fn minutes(total: &MeterTotal) -> (f64, f64, f64) {
    (
        total.consumed_minutes.unwrap(),
        total.metered_minutes.unwrap(),
        total.covered_minutes.unwrap(),
    )
}

#[test]
fn example_1_an_app_user_and_a_native_client() {
    let mut service = Service::new();
    service.talk(call(1), &end(&eve()), &end(&bob()), 600);
    let report = report(&service, &resource(ALPHA));
    assert_eq!(minutes(report.meter(Meter::Calling).unwrap()), (20.0, 10.0, 10.0));
    // The organisation's own list has what its licence covers, and nothing to pay.
    let own = self::report(&service, &organisation("contoso"));
    assert_eq!(minutes(own.meter(Meter::Calling).unwrap()), (10.0, 0.0, 10.0));
}

#[test]
fn a_member_through_an_application_is_metered_as_anyone() {
    let mut service = Service::new();
    service.application(7, ALPHA);
    service.talk(call(1), &end(&eve()), &end_on(&bob(), 7), 600);
    let report = report(&service, &resource(ALPHA));
    assert_eq!(minutes(report.meter(Meter::Calling).unwrap()), (20.0, 20.0, 0.0));
    assert!(self::report(&service, &organisation("contoso")).meters.is_empty());
}

#[test]
fn example_2_a_visit_with_a_lobby_and_messages() {
    let mut service = Service::new();
    let visit = call(2);
    service.place(visit, CallKind::Meeting, end(&bob()), &[]);
    service.join(visit, end(&bob()));
    service.tell(Told::Waits {
        call: visit,
        end: end(&eve()),
    });
    service.pass(60);
    service.join(visit, end(&eve()));
    service.tell(Told::Messages {
        call: visit,
        by: end(&eve()),
        count: 3,
    });
    service.tell(Told::Messages {
        call: visit,
        by: end(&bob()),
        count: 4,
    });
    service.tell(Told::Messages {
        call: visit,
        by: end(&bob()),
        count: 1,
    });
    service.pass(29 * 60);
    service.end(visit, Reason::HUNG_UP);

    let report = report(&service, &resource(ALPHA));
    assert_eq!(minutes(report.meter(Meter::Calling).unwrap()), (60.0, 30.0, 30.0));
    let messages = report.meter(Meter::Messages).unwrap();
    assert_eq!((messages.consumed, messages.metered, messages.covered), (8, 3, 5));
    assert_eq!(messages.consumed_minutes, None);

    let records = listed(&service, &resource(ALPHA));
    let eves = records
        .iter()
        .find(|r| r.identity == eve() && r.usage_type == Meter::Calling)
        .unwrap();
    assert_eq!((eves.quantity, eves.lobby_seconds), (1800, 60));
    // The member's are listed, at zero.
    let bobs: Vec<_> = records.iter().filter(|record| record.identity == bob()).collect();
    assert_eq!(
        bobs.iter().map(|r| (r.quantity, r.metered)).collect::<Vec<_>>(),
        [(1800, false), (5, false)]
    );
}

#[test]
fn example_3_a_group_call() {
    let mut service = Service::new();
    let group = call(3);
    let others = [
        id(&format!("external:{ALPHA}:eli")),
        id(&format!("external:{ALPHA}:ema")),
    ];
    service.place(group, CallKind::Group, end(&eve()), &others);
    for who in [&eve(), &others[0], &others[1]] {
        service.join(group, end(who));
    }
    service.pass(43 * 60);
    service.leave(group, end(&others[1]));
    service.pass(17 * 60);
    service.end(group, Reason::ENDED_FOR_ALL);
    let report = report(&service, &resource(ALPHA));
    assert_eq!(
        minutes(report.meter(Meter::Calling).unwrap()),
        (163.0, 163.0, 0.0)
    );
}

#[test]
fn example_4_a_call_to_a_telephone() {
    let mut service = Service::new();
    service.talk(call(4), &end(&eve()), &end(&id("phone:+390612345")), 300);
    let report = report(&service, &resource(ALPHA));
    assert_eq!(minutes(report.meter(Meter::Calling).unwrap()), (5.0, 5.0, 0.0));
    assert_eq!(minutes(report.meter(Meter::Phone).unwrap()), (5.0, 5.0, 0.0));
}

#[test]
fn example_5_a_pre_call_test() {
    let mut service = Service::new();
    let test = call(5);
    service.place(test, CallKind::PreCallTest, end(&eve()), &[]);
    service.join(test, end(&eve()));
    service.pass(30);
    service.end(test, Reason::HUNG_UP);
    let report = report(&service, &resource(ALPHA));
    assert_eq!(minutes(report.meter(Meter::Calling).unwrap()), (0.5, 0.5, 0.0));
    assert_eq!(
        listed(&service, &resource(ALPHA))[0].operation_name,
        "preCallTest"
    );
}

#[test]
fn a_call_that_the_network_ended_counts_until_then() {
    let mut service = Service::new();
    service.talk(
        call(6),
        &end(&eve()),
        &end(&id(&format!("external:{ALPHA}:eli"))),
        0,
    );
    let dropped = call(7);
    service.place(dropped, CallKind::TwoParty, end(&eve()), &[bob()]);
    service.join(dropped, end(&eve()));
    service.join(dropped, end(&bob()));
    service.pass(9 * 60 + 30);
    service.end(dropped, Reason::NETWORK_LOST);
    let report = report(&service, &resource(ALPHA));
    assert_eq!(minutes(report.meter(Meter::Calling).unwrap()), (19.0, 9.5, 9.5));
}

#[test]
fn interop_has_no_meter_of_its_own() {
    // R3: the same call with and without a member has the same meters and units.
    let eli = id(&format!("external:{ALPHA}:eli"));
    let meters = |other| {
        let mut service = Service::new();
        service.talk(call(8), &end(&eve()), &end(&other), 600);
        let records = listed(&service, &resource(ALPHA));
        let kinds = records
            .iter()
            .map(|r| (r.operation_name.clone(), r.usage_type, r.unit_type));
        kinds.collect::<BTreeSet<_>>()
    };
    assert_eq!(meters(bob()), meters(eli));
}

#[test]
fn a_call_that_nobody_answered_uses_nothing() {
    let mut service = Service::new();
    service.place(call(9), CallKind::TwoParty, end(&eve()), &[bob()]);
    service.pass(120);
    service.end(call(9), Reason::NO_ANSWER);
    assert!(listed(&service, &resource(ALPHA)).is_empty());
}

#[test]
fn a_use_belongs_to_the_month_in_which_it_was_over() {
    let mut service = Service::new();
    service.now = "2026-02-28T23:55:00Z".parse().unwrap();
    service.talk(call(10), &end(&eve()), &end(&bob()), 600);
    let records = listed(&service, &resource(ALPHA));
    let february = UsageReport::new(
        resource(ALPHA),
        "2026-02".parse().unwrap(),
        Rounding::Second,
        &records,
    );
    assert!(february.meters.is_empty());
    assert_eq!(
        report(&service, &resource(ALPHA))
            .meter(Meter::Calling)
            .unwrap()
            .consumed,
        1200
    );
}

#[test]
fn a_report_is_a_table_too() {
    let mut service = Service::new();
    service.talk(call(1), &end(&eve()), &end(&bob()), 90);
    assert_eq!(
        report(&service, &resource(ALPHA)).csv(),
        format!(
            "scope,month,rounding,usageType,unitType,consumed,metered,covered,\
             consumedMinutes,meteredMinutes,coveredMinutes,records\r\n\
             resources/{ALPHA},2026-03,second,calling,seconds,180,90,90,3,1.5,1.5,2\r\n"
        )
    );
}

#[test]
fn usage_is_rebuilt_exactly_from_facts() {
    let mut service = Service::new();
    service.application(7, ALPHA);
    service.talk(call(1), &end(&eve()), &end_on(&bob(), 7), 601);
    service.talk(call(2), &end(&bob()), &end(&id("member:contoso:mia")), 11);
    let mut again = Service::new();
    for fact in service.facts() {
        let kept = serde_json::to_vec(&fact).unwrap();
        let fact = serde_json::from_slice(&kept).unwrap();
        again.booked.extend(again.book.replay(fact));
    }
    let all = |service: &Service| service.closed().into_iter().flat_map(usage).collect::<Vec<_>>();
    assert_eq!(all(&service), all(&again));
    assert_eq!(all(&service).len(), 4);
}
