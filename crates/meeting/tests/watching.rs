//! What people want to see: handed to whoever carries media, again after their media came back, and never more than people
//! look; and how many cameras their network carries.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use proptest::prelude::*;
use sidetone_meeting::{Input, MediaEvent};
use sidetone_organisation::Bypass;
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::{
    Join, Joined, LobbyReason, OptimalVideoCount, ParticipantId, Picture, PictureSource, Watch,
};
use sidetone_signaling::protocol::{Event, Request, SessionId};
use support::*;

fn picture(number: u32, height: u16) -> Picture {
    Picture {
        participant: ParticipantId(number),
        source: PictureSource::Camera,
        height,
        pinned: false,
    }
}

fn watch(of: &Joined, pictures: Vec<Picture>, cameras: Option<u8>) -> Request {
    Request::MeetingWatch(Watch {
        call: of.call,
        pictures,
        cameras,
    })
}

#[test]
fn what_somebody_wants_to_see_is_ordered_and_again_when_they_come_back() {
    let mut bench = Bench::new();
    bench.enters(OLGA);
    let (bob, joined) = bench.enters(BOB);
    let wanted = vec![picture(1, 720)];
    bench.ask(bob, watch(&joined, wanted.clone(), Some(4))).unwrap();
    let key = (joined.call, joined.participant);
    assert_eq!(bench.watched[&key], (wanted.clone(), Some(4)));
    bench.end(bob, Reason::NETWORK_LOST);
    bench.watched.clear();
    let again = bench.open(BOB);
    let back = Join {
        rejoin: Some(joined.participant),
        ..join(link())
    };
    bench.ask(again, Request::MeetingJoin(back)).unwrap();
    assert_eq!(bench.watched[&key], (wanted, Some(4)));
    bench.ask(again, watch(&joined, Vec::new(), Some(0))).unwrap();
    assert_eq!(bench.watched[&key], (Vec::new(), Some(0)), "nobody looks");
    bench.assert_nothing_left();
}

#[test]
fn nobody_looks_in_from_before_the_door_and_nobody_is_seen_who_never_was() {
    let mut bench = Bench::new();
    let (eve, waiting) = bench.waits(EVE, LobbyReason::WaitingForMember);
    assert_refused(
        bench.ask(eve, watch(&waiting, Vec::new(), None)),
        &Reason::NOT_ADMITTED,
    );
    let (olga, joined) = bench.enters(OLGA);
    for unknown in [0, 3, u32::MAX] {
        assert_refused(
            bench.ask(olga, watch(&joined, vec![picture(unknown, 90)], None)),
            &Reason::NO_SUCH_PARTICIPANT,
        );
    }
    // Who is gone was there when the request was made.
    bench.end(eve, Reason::SESSION_CLOSED);
    bench
        .ask(olga, watch(&joined, vec![picture(1, 90)], None))
        .unwrap();
    bench.assert_nothing_left();
}

#[test]
fn a_flood_is_refused_and_passes() {
    let mut bench = Bench::new();
    bench.enters(OLGA);
    let (bob, joined) = bench.enters(BOB);
    let mut taken = 0;
    for height in 1..=100 {
        match bench.ask(bob, watch(&joined, vec![picture(1, height)], None)) {
            Ok(_) => taken += 1,
            Err(reason) => assert!(reason.is(&Reason::TOO_MANY_REQUESTS), "{reason}"),
        }
    }
    assert_eq!(taken, 20);
    let last = bench.watched[&(joined.call, joined.participant)].clone();
    assert_eq!(last.0, [picture(1, 20)]);
    // The same once more costs nothing.
    bench
        .ask(bob, watch(&joined, vec![picture(1, 20)], None))
        .unwrap();
    bench.pass(seconds(1));
    bench
        .ask(bob, watch(&joined, vec![picture(1, 100)], None))
        .unwrap();
    bench.assert_nothing_left();
}

fn counts(bench: &Bench, session: SessionId) -> Vec<u16> {
    let events = bench.events(session);
    let counts = events.iter().filter_map(|event| match event {
        Event::MeetingOptimalVideoCount(OptimalVideoCount { count, .. }) => Some(*count),
        _ => None,
    });
    counts.collect()
}

#[test]
fn how_many_cameras_a_network_carries_is_told_to_its_owner_and_not_too_often() {
    let mut bench = Bench::new();
    bench.bypass(Bypass::Everyone);
    let (olga, _) = bench.enters(OLGA);
    let (bob, joined) = bench.enters(BOB);
    let carries = |bench: &mut Bench, count| {
        bench.input(Input::Media(
            joined.call,
            MediaEvent::Carries(joined.participant, count),
        ));
    };
    for count in [16, 4, 9, 2] {
        carries(&mut bench, count);
    }
    assert_eq!(counts(&bench, bob), [16]);
    bench.pass(seconds(9));
    assert_eq!(counts(&bench, bob), [16]);
    bench.pass(seconds(2));
    assert_eq!(counts(&bench, bob), [16, 2], "as it is now");
    // What changed and changed back is no news.
    carries(&mut bench, 5);
    carries(&mut bench, 2);
    bench.pass(seconds(60));
    assert_eq!(counts(&bench, bob), [16, 2]);
    assert_eq!(counts(&bench, olga), [0; 0]);
    // Who comes back with nothing is told what is.
    bench.detach(bob);
    bench.resume(bob);
    assert_eq!(counts(&bench, bob), [16, 2, 2]);
    bench.assert_nothing_left();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever is wanted, in whatever order people come and go: what is ordered is what was wanted last and taken, and
    /// nothing is ordered of those who have no media.
    #[test]
    fn what_is_ordered_is_what_was_wanted_last(steps in prop::collection::vec((0..6_u8, 0..6_u32, 1..2_000_u16, any::<Option<u8>>()), 1..60)) {
        let mut bench = Bench::new();
        bench.enters(OLGA);
        let (mut bob, mut joined) = bench.enters(BOB);
        let mut wanted = None;
        for (what, number, height, cameras) in steps {
            match what {
                0..=3 => {
                    let pictures = vec![picture(number, height); usize::from(what)];
                    let given = pictures.is_empty() || (1..=2).contains(&number);
                    match bench.ask(bob, watch(&joined, pictures.clone(), cameras)) {
                        Ok(_) => wanted = Some((pictures, cameras)),
                        Err(reason) if given => prop_assert!(reason.is(&Reason::TOO_MANY_REQUESTS)),
                        Err(reason) => prop_assert!(reason.is(&Reason::NO_SUCH_PARTICIPANT)),
                    }
                }
                4 => {
                    bench.end(bob, Reason::NETWORK_LOST);
                    (bob, joined) = bench.enters(BOB);
                }
                _ => bench.pass(seconds(1)),
            }
            prop_assert_eq!(bench.watched.get(&(joined.call, joined.participant)), wanted.as_ref());
        }
        bench.assert_nothing_left();
    }
}
