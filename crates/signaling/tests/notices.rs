//! Recording and transcription are known to everyone in a call at once, and to whoever comes back to it; where they
//! must agree first, they are asked (spec R55 to R58).
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::time::Duration;

use sidetone_signaling::agent::{AgentEvent, Command};
use sidetone_signaling::protocol::{CallId, NoticeKind, NoticeState, Notices};
use sidetone_signaling::sim::{ClientId, Happening, World};
use sidetone_signaling::switchboard::{CallRequest, Consented, Policy, Reaches, Record, Route};
use sidetone_signaling::{Identifier, Reason};
use support::*;

fn set(
    world: &mut World,
    client: ClientId,
    call: CallId,
    kind: NoticeKind,
    state: NoticeState,
    consent: bool,
) {
    command(
        world,
        client,
        Command::SetNotice {
            call,
            kind,
            state,
            consent,
        },
    );
}

fn told(world: &World, client: ClientId) -> Vec<Notices> {
    let events = world.clients[client.0].events.iter();
    let told = events.filter_map(|(_, event)| match event {
        AgentEvent::NoticesChanged(notices) => Some(notices.clone()),
        _ => None,
    });
    told.collect()
}

fn answers(world: &World, client: ClientId) -> Vec<Result<(), Reason>> {
    let events = world.clients[client.0].events.iter();
    let answers = events.filter_map(|(_, event)| match event {
        AgentEvent::NoticeAnswered { result, .. } => Some(result.clone()),
        _ => None,
    });
    answers.collect()
}

/// The kinds that a client knows of, and whether they are interrupted.
fn known(world: &World, client: ClientId) -> Vec<(NoticeKind, bool)> {
    let last = told(world, client).pop();
    last.map(|last| last.notices.iter().map(|n| (n.kind, n.paused)).collect())
        .unwrap_or_default()
}

#[test]
fn both_ends_know_at_once_and_of_every_change() {
    use NoticeKind::{Recording, Transcription};
    let (mut world, alice, bob) = pair();
    let call = talk(&mut world, alice, bob);
    let mut change = |kind, state, expected: &[(NoticeKind, bool)]| {
        set(&mut world, alice, call, kind, state, false);
        world.run_for(Duration::from_millis(500));
        for client in [alice, bob] {
            assert_eq!(known(&world, client), expected, "{client:?}");
        }
    };
    change(Recording, NoticeState::Active, &[(Recording, false)]);
    change(
        Transcription,
        NoticeState::Active,
        &[(Recording, false), (Transcription, false)],
    );
    change(
        Recording,
        NoticeState::Paused,
        &[(Recording, true), (Transcription, false)],
    );
    change(
        Recording,
        NoticeState::Active,
        &[(Recording, false), (Transcription, false)],
    );
    change(Recording, NoticeState::Inactive, &[(Transcription, false)]);
    // Saying it twice changes nothing and is no fault.
    change(Transcription, NoticeState::Active, &[(Transcription, false)]);
    change(Transcription, NoticeState::Inactive, &[]);
    assert_eq!(told(&world, bob).len(), 6, "a repetition is not told");
    assert!(answers(&world, alice).iter().all(Result::is_ok));
    let ids: Vec<_> = told(&world, bob)
        .iter()
        .filter_map(|n| n.notices.first().map(|n| n.id))
        .collect();
    assert_eq!(
        ids[0], ids[2],
        "one recording keeps its id through an interruption"
    );
    let by = told(&world, bob)[0].notices[0].clone();
    assert_eq!(
        (by.by.raw_id(), by.display_name),
        (ALICE.into(), format!("{ALICE} by token"))
    );
    let recorded = world
        .records
        .iter()
        .filter(|(_, record)| matches!(record, Record::NoticeChanged { .. }));
    assert_eq!(recorded.count(), 6);
}

#[test]
fn who_was_away_learns_of_it_on_coming_back() {
    let (mut world, alice, bob) = pair();
    let call = talk(&mut world, alice, bob);
    world.happen(bob, Happening::CutSignaling);
    world.run_for(seconds(1));
    set(
        &mut world,
        alice,
        call,
        NoticeKind::Recording,
        NoticeState::Active,
        false,
    );
    world.run_for(seconds(5));
    assert!(told(&world, bob).is_empty());
    world.happen(bob, Happening::Restore);
    world.run_for(seconds(20));
    assert_eq!(known(&world, bob), [(NoticeKind::Recording, false)]);
}

#[test]
fn nobody_else_can_set_them_and_not_before_the_answer() {
    let (mut world, alice, bob) = pair();
    let carol = world.add(CAROL);
    world.run_for(seconds(1));
    let call = ring(&mut world, alice, &[bob]);
    set(
        &mut world,
        alice,
        call,
        NoticeKind::Recording,
        NoticeState::Active,
        false,
    );
    world.run_for(seconds(1));
    command(&mut world, bob, Command::Accept { call });
    world.run_for(seconds(2));
    set(
        &mut world,
        carol,
        call,
        NoticeKind::Recording,
        NoticeState::Active,
        false,
    );
    world.run_for(seconds(1));
    for client in [alice, carol] {
        assert_eq!(answers(&world, client), [Err(Reason::WRONG_STATE)]);
    }
    assert!(told(&world, bob).is_empty());
}

#[test]
fn both_may_record_each_for_themselves() {
    let (mut world, alice, bob) = pair();
    let call = talk(&mut world, alice, bob);
    for client in [alice, bob] {
        set(
            &mut world,
            client,
            call,
            NoticeKind::Recording,
            NoticeState::Active,
            false,
        );
    }
    world.run_for(seconds(1));
    assert_eq!(known(&world, alice).len(), 2);
    set(
        &mut world,
        bob,
        call,
        NoticeKind::Recording,
        NoticeState::Inactive,
        false,
    );
    world.run_for(seconds(1));
    let left = &told(&world, alice).pop().unwrap().notices[0];
    assert_eq!(left.by.raw_id(), ALICE);
}

#[test]
fn consent_is_asked_of_the_others_and_known_to_who_records() {
    let (mut world, alice, bob) = pair();
    let call = talk(&mut world, alice, bob);
    set(
        &mut world,
        alice,
        call,
        NoticeKind::Recording,
        NoticeState::Active,
        true,
    );
    world.run_for(seconds(1));
    let (at_alice, at_bob) = (
        told(&world, alice).pop().unwrap(),
        told(&world, bob).pop().unwrap(),
    );
    assert!(at_bob.consent_needed && !at_alice.consent_needed);
    let bobs: Vec<Identifier> = vec![BOB.parse().unwrap()];
    assert_eq!(at_alice.consent_missing, bobs);
    command(&mut world, bob, Command::Consent { call, given: true });
    world.run_for(seconds(1));
    for client in [alice, bob] {
        let last = told(&world, client).pop().unwrap();
        assert!(!last.consent_needed && last.consent_missing.is_empty());
    }
    // Taken back, and asked no more once nothing is recorded.
    command(&mut world, bob, Command::Consent { call, given: false });
    world.run_for(seconds(1));
    assert!(told(&world, bob).pop().unwrap().consent_needed);
    set(
        &mut world,
        alice,
        call,
        NoticeKind::Recording,
        NoticeState::Inactive,
        true,
    );
    world.run_for(seconds(1));
    assert!(!told(&world, bob).pop().unwrap().consent_needed);
    let given: Vec<bool> = world
        .records
        .iter()
        .filter_map(|(_, record)| match record {
            Record::ConsentChanged { given, .. } => Some(*given),
            _ => None,
        })
        .collect();
    assert_eq!(given, [true, false]);
}

/// Refuses recordings, and has everyone asked about transcription.
struct Strict;

impl Policy for Strict {
    fn route(&self, request: CallRequest<'_>, _: Reaches<'_>) -> Result<Route, Reason> {
        Ok(Route::direct(request.to.clone()))
    }

    fn notice(&self, kind: NoticeKind, _: &Identifier, _: &Identifier) -> Result<Consented, Reason> {
        match kind {
            NoticeKind::Recording => Err(Reason::RECORDING_DISABLED),
            NoticeKind::Transcription => Ok(Consented::Asked),
        }
    }
}

#[test]
fn policy_refuses_or_has_people_asked() {
    let (mut world, alice, bob) = pair();
    world.switchboard.set_policy(Box::new(Strict));
    let call = talk(&mut world, alice, bob);
    set(
        &mut world,
        alice,
        call,
        NoticeKind::Recording,
        NoticeState::Active,
        false,
    );
    world.run_for(seconds(1));
    assert_eq!(answers(&world, alice), [Err(Reason::RECORDING_DISABLED)]);
    assert!(told(&world, bob).is_empty());
    set(
        &mut world,
        alice,
        call,
        NoticeKind::Transcription,
        NoticeState::Active,
        false,
    );
    world.run_for(seconds(1));
    assert!(
        told(&world, bob).pop().unwrap().consent_needed,
        "though nobody asked for it"
    );
}
