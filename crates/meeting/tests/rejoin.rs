//! Lost networks: the same participant comes back, with one entry on the roster, and who does not come back is gone in
//! bounded time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::time::Duration;

use sidetone_meeting::{Fact, Input, MediaEvent, Place};
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::{Joined, ParticipantState, Passage, Restart};
use sidetone_signaling::protocol::{Request, SessionId};
use support::*;

/// Olga and Bob in a meeting.
fn two() -> (Bench, (SessionId, Joined), (SessionId, Joined)) {
    let mut bench = Bench::new();
    let olga = bench.enters(OLGA);
    let bob = bench.enters(BOB);
    bench.pass(seconds(1));
    (bench, olga, bob)
}

fn state(bench: &Bench, viewer: SessionId, of: &Joined) -> ParticipantState {
    bench.views[&viewer].roster[&of.call][&of.participant].state
}

fn lost(bench: &mut Bench, who: &Joined) {
    bench.input(Input::Media(who.call, MediaEvent::Lost(who.participant)));
}

#[test]
fn twenty_seconds_without_a_network() {
    let (mut bench, (olga, _), (bob, joined)) = two();
    bench.detach(bob);
    lost(&mut bench, &joined);
    bench.pass(seconds(1));
    assert_eq!(state(&bench, olga, &joined), ParticipantState::Reconnecting);
    bench.pass(seconds(19));
    bench.resume(bob);
    let restart = Request::MeetingRestart(Restart {
        call: joined.call,
        offer: "new".into(),
    });
    assert_eq!(bench.ask(bob, restart).unwrap()["answer"], "again");
    bench.pass(seconds(300));
    assert_eq!(state(&bench, olga, &joined), ParticipantState::Connected);
    assert_eq!(bench.roster(olga).len(), 2);
    let joins = bench
        .facts
        .iter()
        .filter(|fact| matches!(fact, Fact::Joined { .. }));
    assert_eq!(joins.count(), 2, "nobody joined anew");
    bench.assert_nothing_left();
}

#[test]
fn without_media_and_session_somebody_is_gone_after_the_lease() {
    let (mut bench, (olga, _), (bob, joined)) = two();
    bench.detach(bob);
    lost(&mut bench, &joined);
    bench.pass(seconds(59));
    assert_eq!(bench.roster(olga).len(), 2);
    bench.pass(seconds(3));
    assert_eq!(bench.roster(olga).len(), 1);
    let left = bench.facts.iter().rev().find_map(|fact| match fact {
        Fact::Left { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    assert!(left.unwrap().is(&Reason::PEER_GONE));
    // Back after that, they are told how it ended.
    bench.resume(bob);
    bench.assert_ended(bob, &Reason::PEER_GONE);
    bench.assert_nothing_left();
}

#[test]
fn without_a_session_somebody_is_gone_after_the_grace_whatever_their_media_does() {
    let (mut bench, (olga, _), (bob, _)) = two();
    bench.detach(bob);
    bench.pass(seconds(119));
    assert_eq!(bench.roster(olga).len(), 2);
    bench.pass(seconds(3));
    assert_eq!(bench.roster(olga).len(), 1);
    assert_eq!(bench.media.values().next().unwrap().len(), 1, "no media goes on");
    bench.assert_nothing_left();
}

#[test]
fn media_that_never_comes_up_ends_it() {
    let mut bench = Bench::new();
    bench.media_mode = MediaMode::Dead;
    let (olga, _) = bench.enters(OLGA);
    bench.pass(seconds(84));
    assert_eq!(bench.ended(olga), None);
    bench.pass(seconds(2));
    bench.assert_ended(olga, &Reason::MEDIA_SETUP_FAILED);
    bench.assert_nothing_left();
}

#[test]
fn a_new_endpoint_takes_the_place_of_one_that_is_gone() {
    for detached_only in [false, true] {
        let (mut bench, (olga, _), (bob, joined)) = two();
        bench.detach(bob);
        bench.pass(seconds(1));
        if !detached_only {
            bench.end(bob, Reason::NETWORK_LOST);
        }
        let (again, anew) = bench.enters(BOB);
        assert_eq!(anew.participant, joined.participant);
        bench.pass(seconds(1));
        assert_eq!(bench.roster(olga).len(), 2, "one entry");
        assert_eq!(state(&bench, olga, &anew), ParticipantState::Connected);
        if detached_only {
            bench.assert_ended(bob, &Reason::JOINED_ELSEWHERE);
        }
        assert_eq!(bench.roster(again).len(), 2);
        // For those who count endpoints one has gone and one has come.
        let tail: Vec<_> = bench.facts.iter().rev().take(2).collect();
        assert!(
            matches!(tail[1], Fact::Left { who, .. } if who.session == Some(bob)),
            "{tail:?}"
        );
        assert!(
            matches!(tail[0], Fact::Joined { who, .. } if who.session == Some(again)),
            "{tail:?}"
        );
        let stays = bench.meetings.roster(joined.call).unwrap();
        assert_eq!(stays.len(), 2, "{stays:?}");
        bench.assert_nothing_left();
    }
}

#[test]
fn a_second_device_is_a_second_participant_and_a_named_one_is_replaced() {
    let (mut bench, (olga, _), (bob, joined)) = two();
    let (_, second) = bench.enters(BOB);
    assert_ne!(second.participant, joined.participant);
    bench.pass(seconds(1));
    assert_eq!(bench.roster(olga).len(), 3);
    // The first still looks alive to the service; who knows better says so.
    let third = bench.open(BOB);
    let mut request = join(link());
    request.rejoin = Some(joined.participant);
    let answer = bench.ask(third, Request::MeetingJoin(request)).unwrap();
    let answer: Joined = serde_json::from_value(answer).unwrap();
    assert_eq!(answer.participant, joined.participant);
    bench.assert_ended(bob, &Reason::JOINED_ELSEWHERE);
    bench.pass(seconds(1));
    assert_eq!(bench.roster(olga).len(), 3);
    bench.assert_nothing_left();
}

#[test]
fn nobody_takes_the_place_of_somebody_else() {
    let (mut bench, (olga, olga_joined), (bob, _)) = two();
    bench.detach(olga);
    let eve = bench.open(EVE);
    let mut request = join(link());
    request.rejoin = Some(olga_joined.participant);
    let answer = bench.ask(eve, Request::MeetingJoin(request)).unwrap();
    assert_ne!(answer["participant"], olga_joined.participant.0);
    assert_eq!(answer["state"], "in_lobby");
    bench.pass(seconds(1));
    assert_eq!(bench.roster(bob).len(), 2);
    bench.assert_nothing_left();
}

#[test]
fn whoever_waits_and_is_lost_keeps_their_place_and_no_longer() {
    let mut bench = Bench::new();
    bench.enters(OLGA);
    let (eve, joined) = bench.comes(EVE);
    let joined = joined.unwrap();
    bench.detach(eve);
    bench.pass(seconds(5));
    let (again, anew) = bench.comes(EVE);
    let anew = anew.unwrap();
    assert_eq!(anew.participant, joined.participant);
    assert!(matches!(anew.passage, Passage::InLobby { .. }));
    bench.end(again, Reason::NETWORK_LOST);
    bench.pass(seconds(121));
    let stays = bench.meetings.roster(joined.call).unwrap();
    assert_eq!(stays.last().unwrap().place, Place::Gone);
    bench.assert_nothing_left();
}

#[test]
fn a_session_that_ends_on_purpose_leaves_at_once() {
    for (why, reason) in [
        (Reason::SESSION_CLOSED, Reason::HUNG_UP),
        (Reason::INVALID_TOKEN, Reason::INVALID_TOKEN),
    ] {
        let (mut bench, (olga, _), (bob, _)) = two();
        bench.end(bob, why);
        bench.pass(seconds(1));
        assert_eq!(bench.roster(olga).len(), 1);
        assert!(matches!(bench.facts.last(), Some(Fact::Left { reason: r, .. }) if r.is(&reason)));
        bench.assert_nothing_left();
    }
}

#[test]
fn whoever_goes_before_media_has_answered_was_never_there() {
    let (mut bench, (olga, _), _) = two();
    bench.media_mode = MediaMode::Silent;
    let carol = bench.open("member:contoso:carol");
    bench.ask_only(carol, Request::MeetingJoin(join(link())));
    bench.end(carol, Reason::SESSION_CLOSED);
    bench.media_answers();
    bench.pass(seconds(1));
    assert_eq!(bench.roster(olga).len(), 2);
    assert_eq!(bench.media.values().next().unwrap().len(), 2);
    bench.assert_nothing_left();
}

#[test]
fn an_offer_that_cannot_be_answered_is_refused_and_leaves_nothing() {
    let mut bench = Bench::new();
    bench.media_mode = MediaMode::Refuses;
    let (_, joined) = bench.comes(OLGA);
    assert_refused(joined, &Reason::OFFER_REFUSED);
    assert!(bench.meetings.is_empty() && bench.media.is_empty());
    bench.assert_nothing_left();
}

#[test]
fn joining_again_from_the_same_endpoint_brings_media_up_anew() {
    let (mut bench, (olga, _), (bob, joined)) = two();
    let again = bench.join(bob).unwrap();
    assert_eq!(again.participant, joined.participant);
    assert!(bench.rights(&again).audio);
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.roster(olga).len(), 2);
    assert_eq!(bench.roster(bob).len(), 2);
    bench.assert_nothing_left();
}
