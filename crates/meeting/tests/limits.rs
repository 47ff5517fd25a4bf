//! Limits: how many a meeting holds, how often somebody may guess, and what is bounded besides.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use sidetone_organisation::{Bypass, Setting};
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::{Locator, Passage};
use support::*;

/// A meeting that everyone passes into.
fn open_bench() -> Bench {
    let mut bench = Bench::new();
    bench.bypass(Bypass::Everyone);
    bench.checking = false;
    bench
}

#[test]
fn one_more_than_a_meeting_holds_is_refused_with_the_limit() {
    for limit in [3, 250, 350, 1_000] {
        let mut bench = open_bench();
        bench.edit_organisation(|organisation| organisation.meetings.max_participants = limit);
        bench.enters(OLGA);
        for number in 1..limit {
            bench.enters(&format!("guest:g{number}"));
        }
        let (_, joined) = bench.comes("guest:more");
        let refusal = joined.unwrap_err();
        assert!(refusal.is(&Reason::LIMIT_REACHED), "{refusal}");
        assert!(refusal.message.contains(&limit.to_string()), "{refusal}");
        bench.meetings.check(bench.now).unwrap();
        // One goes, one comes.
        let first = *bench.views.keys().nth(1).unwrap();
        bench.end(first, Reason::SESSION_CLOSED);
        bench.enters("guest:more");
        bench.assert_nothing_left();
    }
}

#[test]
fn a_meeting_may_choose_fewer() {
    let mut bench = open_bench();
    bench.edit_meeting(|meeting| meeting.options.max_participants = Some(1));
    bench.enters(OLGA);
    assert_refused(bench.comes(BOB).1, &Reason::LIMIT_REACHED);
    bench.assert_nothing_left();
}

#[test]
fn l22_the_source_holds_350_who_come_by_applications() {
    for (setting, may) in [(Setting::Open, true), (Setting::Source, false)] {
        let mut bench = open_bench();
        bench.edit_organisation(|organisation| organisation.switches.meeting_sizes = setting);
        bench.enters(OLGA);
        for number in 0..350 {
            bench.enters(&format!("guest:g{number}"));
        }
        let (_, joined) = bench.comes(EVE);
        match may {
            true => assert_eq!(joined.unwrap().passage, Passage::Connected),
            false => {
                let refusal = joined.unwrap_err();
                assert!(
                    refusal.is(&Reason::LIMIT_REACHED) && refusal.message.contains("350"),
                    "{refusal}"
                );
            }
        }
        // Who comes with the organisation's own client does not count among them.
        bench.enters(BOB);
        bench.assert_nothing_left();
    }
}

#[test]
fn nobody_is_let_into_a_full_meeting() {
    let mut bench = Bench::new();
    bench.edit_meeting(|meeting| meeting.options.max_participants = Some(2));
    let (olga, olga_joined) = bench.enters(OLGA);
    let (_, eve) = bench.comes(EVE);
    let (_, eli) = bench.comes(ELI);
    let (eve, eli) = (eve.unwrap(), eli.unwrap());
    bench.ask(olga, admit(&olga_joined, &[&eve])).unwrap();
    assert_refused(
        bench.ask(olga, admit(&olga_joined, &[&eli])),
        &Reason::LIMIT_REACHED,
    );
    bench.assert_nothing_left();
}

#[test]
fn wrong_links_numbers_and_passcodes_lead_nowhere_and_are_counted() {
    let mut bench = open_bench();
    bench.enters(OLGA);
    let passcode = |passcode: &str| Locator::Meeting {
        id: "482 193 507 112".into(),
        passcode: passcode.into(),
    };
    let eve = bench.open(EVE);
    bench.join_by(eve, passcode("ABCD-2345")).unwrap();
    let eli = bench.open(ELI);
    for wrong in [
        passcode("abcd2346"),
        passcode(""),
        Locator::Link(format!("https://meet.example/{MEETING}/wrong")),
        Locator::Link("nowhere".into()),
        Locator::Link("https://meet.example/111111111111/x".into()),
    ] {
        assert_refused(bench.join_by(eli, wrong), &Reason::NO_SUCH_MEETING);
    }
    for _ in 0..5 {
        assert_refused(bench.join_by(eli, passcode("x")), &Reason::NO_SUCH_MEETING);
    }
    assert_refused(
        bench.join_by(eli, passcode("abcd2345")),
        &Reason::TOO_MANY_GUESSES,
    );
    assert_refused(bench.join(eli), &Reason::TOO_MANY_GUESSES);
    bench.pass(seconds(61));
    bench.join(eli).unwrap();
    bench.assert_nothing_left();
}

#[test]
fn an_endpoint_is_in_so_many_calls_and_no_more() {
    let mut bench = Bench::new();
    let olga = bench.open(OLGA);
    for number in 0..8 {
        let group = Locator::Group {
            call: sidetone_signaling::protocol::CallId(uuid::Uuid::from_u128(900 + number)),
            invite: vec![],
        };
        bench.join_by(olga, group).unwrap();
    }
    assert_refused(bench.join(olga), &Reason::TOO_MANY_CALLS);
    bench.assert_nothing_left();
}

#[test]
fn l32_and_l40_personal_organisations_and_other_clouds() {
    let mut bench = Bench::new();
    bench.edit_organisation(|organisation| {
        organisation.kind = sidetone_organisation::OrganisationKind::Personal
    });
    let (eve, joined) = bench.comes(EVE);
    joined.unwrap();
    bench.end(eve, Reason::SESSION_CLOSED);
    {
        let mut world = bench.world.0.write().unwrap();
        let mut deployment = world.deployment().clone();
        deployment.switches.personal_organisations = Setting::Source;
        world.set_deployment(deployment);
    }
    assert_refused(bench.comes(EVE).1, &Reason::PERSONAL_ORGANISATION);
    bench.enters(OLGA);
    bench.put(sidetone_organisation::Entity::Resource(
        sidetone_organisation::Resource {
            id: "abroad".parse().unwrap(),
            name: "Abroad".into(),
            cloud: "other".parse().unwrap(),
            allowed_origins: Vec::new(),
            switches: Default::default(),
            region: None,
        },
    ));
    bench.put(sidetone_organisation::Entity::ExternalUser(
        sidetone_organisation::ExternalUser {
            resource: "abroad".parse().unwrap(),
            user: "zoe".parse().unwrap(),
            display_name: None,
            bot: false,
        },
    ));
    assert_refused(bench.comes("external:abroad:zoe").1, &Reason::CLOUD_INCOMPATIBLE);
    bench.assert_nothing_left();
}
