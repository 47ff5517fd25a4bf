//! Call summaries, diagnostics and the live view, and who may see what of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use sidetone_ledger::{
    ANONYMOUS, CallKind, CallLine, CallSummary, CallType, IssueReport, IssueValue, ParticipantType,
    PhoneCallType, StreamReport, Told, Viewer, live, summaries,
};
use sidetone_organisation::Switches;
use sidetone_signaling::Reason;
use support::*;

fn alpha() -> Viewer {
    Viewer::Resource(ALPHA.parse().unwrap())
}

fn contoso(switches: &Switches) -> Viewer {
    Viewer::organisation("contoso".parse().unwrap(), switches)
}

/// Eve, on an application, calls Bob, on the native client.
fn talked() -> Service {
    let mut service = Service::new();
    service.application(1, ALPHA);
    service.open(
        2,
        sidetone_ledger::Client {
            application: None,
            sdk_version: Some("native/9".to_owned()),
            os_version: Some("desk".to_owned()),
        },
    );
    service.talk(call(1), &end_on(&eve(), 1), &end_on(&bob(), 2), 600);
    service
}

fn seen(service: &Service, viewer: &Viewer) -> Vec<CallSummary> {
    let all = service.closed().into_iter().flat_map(summaries);
    all.map(|summary| summary.seen_by(viewer)).collect()
}

#[test]
fn there_is_one_summary_for_each_participant() {
    let service = talked();
    let rows = seen(&service, &Viewer::Operator);
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].identifier, Some(eve()));
    assert_eq!(rows[0].participant_type, ParticipantType::External);
    assert_eq!(rows[0].call_type, CallType::P2P);
    assert_eq!(rows[0].participant_duration.whole(), 600);
    assert_eq!(rows[1].participant_organisation, Some("contoso".parse().unwrap()));
    assert_eq!(
        (rows[1].participant_end_reason, rows[1].participant_end_sub_code),
        (0, 0)
    );
    let line = CallLine::of(service.closed()[0]).unwrap();
    assert!(line.answered);
    assert_eq!(line.participants, 2);
}

#[test]
fn programs_of_the_other_tenant_are_not_shown() {
    let service = talked();
    let versions = |viewer: &Viewer| {
        let rows = seen(&service, viewer).into_iter();
        rows.map(|row| (row.sdk_version.is_some(), row.os_version.is_some()))
            .collect::<Vec<_>>()
    };
    assert_eq!(versions(&alpha()), [(true, true), (false, false)]);
    assert_eq!(
        versions(&contoso(&Switches::default())),
        [(false, false), (true, true)]
    );
    assert_eq!(versions(&Viewer::Operator), [(true, true), (true, true)]);
}

#[test]
fn an_organisation_sees_external_users_by_name_or_as_anonymous() {
    let service = talked();
    let open = seen(&service, &contoso(&Switches::default()));
    assert_eq!(
        (open[0].display_name.as_str(), &open[0].identifier),
        ("eve (External)", &Some(eve()))
    );
    let source = seen(&service, &contoso(&Switches::source()));
    assert_eq!(
        (source[0].display_name.as_str(), &source[0].identifier),
        (ANONYMOUS, &None)
    );
    assert_eq!(source[0].endpoint_id, None);
    assert_eq!(source[1].display_name, "bob", "its own members keep their names");
    // Nothing of her is left anywhere in the row.
    assert!(!serde_json::to_string(&source[0]).unwrap().contains("eve"));
    // The resource's side is not touched by the organisation's choice.
    assert_eq!(seen(&service, &alpha())[0].identifier, Some(eve()));
}

#[test]
fn a_call_that_failed_has_a_summary_too() {
    let mut service = Service::new();
    service.place(call(1), CallKind::TwoParty, end(&eve()), &[bob()]);
    service.pass(120);
    service.end(call(1), Reason::NO_ANSWER);
    service.tell(Told::Refused {
        call: call(2),
        by: end(&eve()),
        to: bob(),
        reason: Reason::NOT_ALLOWED,
    });
    let rows = seen(&service, &alpha());
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (rows[0].participant_end_reason, rows[0].participant_end_sub_code),
        (487, 10004)
    );
    assert_eq!(rows[0].call_duration.whole(), 120);
    assert_eq!(
        (rows[1].participant_end_reason, rows[1].participant_end_sub_code),
        (403, 5223)
    );
    assert!(
        rows.iter()
            .all(|row| row.participant_id.is_none() && row.participant_duration.whole() == 0)
    );
    let lines: Vec<_> = service.closed().into_iter().filter_map(CallLine::of).collect();
    assert!(lines.iter().all(|line| !line.answered && line.scopes.len() == 2));
}

#[test]
fn who_leaves_early_has_a_reason_of_their_own() {
    let mut service = Service::new();
    service.place(call(1), CallKind::Group, end(&bob()), &[]);
    service.join(call(1), end(&bob()));
    service.join(call(1), end(&eve()));
    service.join(call(1), end(&id("phone:+390612345")));
    service.tell(Told::Left {
        call: call(1),
        end: end(&eve()),
        reason: Some(Reason::REMOVED),
    });
    // Whoever comes back is another participant.
    service.join(call(1), end(&eve()));
    service.end(call(1), Reason::ENDED_FOR_ALL);
    let rows = seen(&service, &Viewer::Operator);
    let ends: Vec<u32> = rows.iter().map(|row| row.participant_end_sub_code).collect();
    assert_eq!(ends, [4097, 5000, 4097, 4097]);
    assert_eq!(rows[2].phone_participant_call_type, Some(PhoneCallType::Outbound));
}

#[test]
fn what_was_wrong_at_an_end_is_in_the_records() {
    let mut service = talked();
    let issue = |name: &str, value| IssueReport {
        name: name.to_owned(),
        value,
        times: 2,
        first_raised_after_in_ms: 4_000,
        raised_for_in_ms: 9_000,
    };
    service.tell(Told::Reported {
        call: call(1),
        end: end_on(&eve(), 1),
        streams: Vec::new(),
        issues: vec![
            issue("networkSendQuality", IssueValue::Quality(3)),
            issue("nothing", IssueValue::Flag(false)),
            issue("noNetwork", IssueValue::Flag(true)),
        ],
        files: Vec::new(),
    });
    let rows: Vec<_> = service
        .booked
        .iter()
        .flat_map(|booked| booked.issues.clone())
        .collect();
    let text = serde_json::to_value(&rows).unwrap();
    assert_eq!(rows.len(), 2, "{text:#}");
    assert_eq!(
        (&text[0]["name"], &text[0]["value"]),
        (&"networkSendQuality".into(), &3.into())
    );
    assert_eq!(
        (&text[1]["id"], &text[1]["value"]),
        (&"1.1.2".into(), &true.into())
    );
}

#[test]
fn there_is_one_diagnostic_for_each_stream_also_after_the_end() {
    let mut service = talked();
    service.pass(20);
    service.measure(call(1), end_on(&eve(), 1));
    service.measure(call(1), end_on(&eve(), 1));
    service.measure(call(1), end(&id("member:contoso:mia")));
    let wrong = StreamReport {
        packet_loss_rate_avg: Some(7.0),
        ..StreamReport::default()
    };
    let told = Told::Reported {
        call: call(1),
        end: end_on(&bob(), 2),
        streams: vec![wrong],
        issues: Vec::new(),
        files: Vec::new(),
    };
    service.tell(told);
    let rows: Vec<_> = service
        .booked
        .iter()
        .flat_map(|booked| booked.diagnostics.clone())
        .collect();
    assert_eq!(
        rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(),
        ["1.1.1", "1.2.1"]
    );
    assert_eq!(rows[0].stream.packet_loss_rate_avg, Some(0.08));
    let text = serde_json::to_value(&rows[0]).unwrap();
    assert_eq!(
        (&text["packetLossRateAvg"], &text["mediaType"]),
        (&0.08.into(), &"audio".into())
    );
    let source = rows[0].clone().seen_by(&contoso(&Switches::source()));
    assert_eq!(source.identifier, None);
    assert_eq!(rows[0].clone().seen_by(&alpha()).identifier, Some(eve()));
    // Not for ever.
    service.pass(20);
    service.measure(call(1), end_on(&eve(), 1));
    assert_eq!(
        service
            .booked
            .iter()
            .flat_map(|booked| &booked.diagnostics)
            .count(),
        2
    );
}

#[test]
fn the_live_view_shows_external_users_unless_the_source_is_chosen() {
    let mut service = Service::new();
    service.place(call(1), CallKind::TwoParty, end(&eve()), &[bob()]);
    service.join(call(1), end(&eve()));
    service.join(call(1), end(&bob()));
    service.pass(5);
    let names = |viewer: &Viewer| {
        let calls = live(service.book.running(), viewer, service.now);
        let people = calls.into_iter().flat_map(|call| call.participants);
        people.map(|who| who.display_name).collect::<Vec<_>>()
    };
    assert_eq!(names(&contoso(&Switches::default())), ["eve (External)", "bob"]);
    assert_eq!(names(&contoso(&Switches::source())), ["bob"]);
    let anonymous = Switches {
        analytics_names: sidetone_organisation::Setting::Source,
        ..Switches::default()
    };
    assert_eq!(names(&contoso(&anonymous)), [ANONYMOUS, "bob"]);
    let other = Viewer::organisation("fabrikam".parse().unwrap(), &Switches::default());
    assert!(live(service.book.running(), &other, service.now).is_empty());
    let all = live(service.book.running(), &Viewer::Operator, service.now);
    assert_eq!(all[0].duration.whole(), 5);
    service.end(call(1), Reason::HUNG_UP);
    assert!(live(service.book.running(), &Viewer::Operator, service.now).is_empty());
}
