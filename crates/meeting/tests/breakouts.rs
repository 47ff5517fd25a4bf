//! Breakout rooms (R89, L25): made, opened, moved between, closed, by hand and by the clock; who sees what of them; and in
//! an order drawn from a seed, nobody is ever in two rooms or lost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use sidetone_meeting::{Fact, Input, MediaEvent, Order, Rights};
use sidetone_organisation::{Bypass, Setting};
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::{
    Act, Announce, AssignBreakout, Breakout, BreakoutSettings, CallForHelp, Capability, CreateBreakouts,
    Engage, Engaged, Join, Joined, Locator, NewBreakout, News, Role, SetBreakouts, SomeBreakouts, Standing,
    Which,
};
use sidetone_signaling::protocol::{CallId, Event, Millis, Request, SessionId};
use support::*;

type Seat = (SessionId, Joined);

/// What an endpoint knows of breakout rooms.
#[derive(Debug, Default)]
struct Known {
    rooms: BTreeMap<u32, Breakout>,
    settings: BreakoutSettings,
    sent: Vec<(u32, CallId)>,
    said: Vec<String>,
}

impl Known {
    fn take(&mut self, news: &News) {
        match news {
            News::Anew => (self.rooms, self.settings) = Default::default(),
            News::Several(several) => several.iter().for_each(|news| self.take(news)),
            News::Breakout(breakout) => drop(self.rooms.insert(breakout.id, (**breakout).clone())),
            News::BreakoutRemoved(which) => {
                assert!(self.rooms.remove(&which.id).is_some(), "removed, and never shown");
            }
            News::BreakoutSettings(settings) => self.settings = settings.clone(),
            News::GoToBreakout(go) => self.sent.push((go.id, go.call)),
            News::Announcement(said) => self.said.push(said.text.clone()),
            _ => {}
        }
    }
}

/// As it was told in the meeting, which is the first of the calls in which anything is: those of rooms tell of none.
fn known(bench: &Bench, session: SessionId) -> Known {
    let (mut first, mut all) = (None, BTreeMap::<CallId, Known>::new());
    for event in bench.events(session) {
        if let Event::MeetingEngagement(told) = event {
            first.get_or_insert(told.call);
            all.entry(told.call).or_default().take(&told.news);
        }
    }
    first.and_then(|call| all.remove(&call)).unwrap_or_default()
}

fn act(bench: &mut Bench, seat: &Seat, act: Act) -> Result<Engaged, Reason> {
    let call = seat.1.call;
    let answer = bench.ask(seat.0, Request::MeetingEngage(Box::new(Engage { call, act })))?;
    Ok(serde_json::from_value(answer).unwrap())
}

fn room(name: &str, invitees: &[&str]) -> NewBreakout {
    NewBreakout {
        display_name: name.into(),
        invitees: invitees.iter().map(|raw| id(raw)).collect(),
        by_hand: false,
    }
}

fn create(rooms: &[NewBreakout]) -> Act {
    Act::CreateBreakouts(CreateBreakouts {
        rooms: rooms.to_vec(),
        distribute: false,
    })
}

fn open() -> Act {
    Act::OpenBreakouts(SomeBreakouts::default())
}

fn close() -> Act {
    Act::CloseBreakouts(SomeBreakouts::default())
}

fn assign(room: Option<u32>, who: &[&str]) -> Act {
    Act::AssignBreakout(AssignBreakout {
        room,
        identities: who.iter().map(|raw| id(raw)).collect(),
    })
}

fn goes(bench: &mut Bench, seat: &Seat, call: CallId) -> Result<Joined, Reason> {
    bench.join_by(seat.0, Locator::Call(call))
}

fn is_passing(rights: Rights) -> bool {
    rights.receive
}

/// Olga, Bob, Carol and Eve in the meeting; rooms Red with Bob and Blue with Carol and Eve, open; each is where they belong.
struct Four {
    bench: Bench,
    olga: Seat,
    bob: Seat,
    carol: Seat,
    eve: Seat,
    red: CallId,
    blue: CallId,
}

fn four() -> Four {
    let mut bench = Bench::new();
    bench.bypass(Bypass::Everyone);
    let [olga, bob, carol, eve] = [OLGA, BOB, CAROL, EVE].map(|raw| bench.enters(raw));
    bench.pass(seconds(1));
    let made = act(
        &mut bench,
        &olga,
        create(&[room("Red", &[BOB]), room("Blue", &[CAROL, EVE])]),
    )
    .unwrap();
    assert_eq!(made.id, Some(1));
    bench.pass(seconds(1));
    assert!(known(&bench, bob.0).sent.is_empty(), "closed");
    act(&mut bench, &olga, open()).unwrap();
    bench.pass(seconds(1));
    let rooms = known(&bench, olga.0).rooms;
    let (red, blue) = (rooms[&1].call.unwrap(), rooms[&2].call.unwrap());
    for (seat, number, call) in [(&bob, 1, red), (&carol, 2, blue), (&eve, 2, blue)] {
        assert_eq!(known(&bench, seat.0).sent, [(number, call)]);
        let there = goes(&mut bench, seat, call).unwrap();
        assert_eq!(
            (there.participant, there.breakout_of),
            (seat.1.participant, Some(seat.1.call))
        );
        assert_eq!((there.link.as_ref(), there.role), (None, seat.1.role));
    }
    bench.pass(seconds(1));
    Four {
        bench,
        olga,
        bob,
        carol,
        eve,
        red,
        blue,
    }
}

/// Who is in which of these rooms, and what of them passes in the meeting.
fn inside(bench: &Bench, call: CallId) -> Vec<u32> {
    let stays = bench.meetings.roster(call).unwrap_or_default();
    let there = stays.iter().filter(|stay| stay.left.is_none());
    there.map(|stay| stay.participant.0).collect()
}

#[test]
fn a_room_hears_only_itself_and_the_meeting_goes_on_without_those_in_it() {
    let Four {
        mut bench,
        olga,
        bob,
        carol,
        eve,
        red,
        blue,
    } = four();
    for seat in [&bob, &carol, &eve] {
        assert_eq!(
            bench.rights(&seat.1),
            Rights::NONE,
            "nothing passes in the meeting"
        );
    }
    assert!(is_passing(bench.rights(&olga.1)));
    assert_eq!(bench.media[&red].keys().map(|id| id.0).collect::<Vec<_>>(), [2]);
    assert_eq!(
        bench.media[&blue].keys().map(|id| id.0).collect::<Vec<_>>(),
        [3, 4]
    );
    assert!(
        bench.media[&blue]
            .values()
            .all(|rights| rights.audio && rights.receive)
    );
    // Each roster is of its own room, and the meeting's says where everyone is.
    let roster = |session: SessionId, call| bench.views[&session].roster[&call].clone();
    assert_eq!(roster(carol.0, blue).len(), 2);
    assert_eq!(roster(bob.0, red).len(), 1);
    let of_main: Vec<_> = roster(olga.0, olga.1.call)
        .values()
        .map(|entry| entry.breakout)
        .collect();
    assert_eq!(of_main, [None, Some(1), Some(2), Some(2)]);
    // Nobody speaks in a room to those who are elsewhere.
    bench.input(Input::Media(
        blue,
        MediaEvent::Speakers(vec![carol.1.participant]),
    ));
    bench.pass(seconds(1));
    let heard = |session: SessionId| {
        bench
            .events(session)
            .iter()
            .filter(|event| matches!(event, Event::MeetingSpeakers(_)))
            .count()
    };
    assert_eq!((heard(eve.0), heard(bob.0), heard(olga.0)), (1, 0, 0));
    act(&mut bench, &olga, close()).unwrap();
    bench.pass(seconds(1));
    for seat in [&bob, &carol, &eve] {
        assert!(is_passing(bench.rights(&seat.1)), "back");
    }
    assert!(bench.views[&bob.0].ended[&red].is(&Reason::BREAKOUT_CLOSED));
    assert!(!bench.media.contains_key(&red) && !bench.media.contains_key(&blue));
    bench.assert_nothing_left();
}

#[test]
fn attendance_counts_once_and_the_minutes_say_who_was_where() {
    let Four {
        mut bench,
        olga,
        bob,
        red,
        ..
    } = four();
    bench.pass(seconds(10));
    act(&mut bench, &olga, assign(Some(2), &[BOB])).unwrap();
    let (number, blue) = *known(&bench, bob.0).sent.last().unwrap();
    assert_eq!(number, 2);
    goes(&mut bench, &bob, blue).unwrap();
    assert!(bench.views[&bob.0].ended[&red].is(&Reason::BREAKOUT_MOVED));
    bench.pass(seconds(10));
    bench.input(Input::Order(olga.1.call, Order::End(Reason::ENDED_FOR_ALL)));
    let count = |what: fn(&Fact) -> bool| bench.facts.iter().filter(|fact| what(fact)).count();
    assert_eq!(count(|fact| matches!(fact, Fact::Started { .. })), 1);
    assert_eq!(count(|fact| matches!(fact, Fact::Joined { .. })), 4);
    assert_eq!(count(|fact| matches!(fact, Fact::Left { .. })), 4);
    assert_eq!(count(|fact| matches!(fact, Fact::Ended { .. })), 1);
    assert_eq!(count(|fact| matches!(fact, Fact::BreakoutOpened { .. })), 2);
    assert_eq!(count(|fact| matches!(fact, Fact::BreakoutClosed { .. })), 2);
    assert_eq!(count(|fact| matches!(fact, Fact::BreakoutJoined { .. })), 4);
    assert_eq!(count(|fact| matches!(fact, Fact::BreakoutLeft { .. })), 4);
    let minutes = bench.facts.iter().find_map(|fact| match fact {
        Fact::Minutes { minutes, .. } => Some(minutes.clone()),
        _ => None,
    });
    let breakouts = minutes.unwrap().breakouts;
    let of = |name: &str| breakouts.iter().find(|one| one.display_name == name).unwrap();
    assert_eq!((of("Red").visits.len(), of("Blue").visits.len()), (1, 3));
    let all = breakouts.iter().flat_map(|one| &one.visits);
    let long = |visit: &sidetone_meeting::Visit| visit.left_ms.unwrap().0 - visit.came_ms.0;
    let bobs: Vec<u32> = all.filter(|visit| visit.identity == id(BOB)).map(long).collect();
    assert_eq!(bobs.len(), 2);
    assert!(bobs.iter().all(|ms| (10_000..12_000).contains(ms)), "{bobs:?}");
    bench.assert_nothing_left();
}

#[test]
fn rooms_are_managed_by_role_and_seen_by_those_they_concern() {
    let mut bench = Bench::new();
    let [olga, bob, carol] = [OLGA, BOB, CAROL].map(|raw| bench.enters(raw));
    assert_refused(
        act(&mut bench, &bob, create(&[room("Red", &[])])),
        &Reason::ROLE_RESTRICTED,
    );
    act(
        &mut bench,
        &olga,
        create(&[room("Red", &[BOB]), room("Blue", &[])]),
    )
    .unwrap();
    bench.pass(seconds(1));
    assert_eq!(known(&bench, olga.0).rooms.len(), 2);
    let of_bob = known(&bench, bob.0).rooms;
    assert_eq!(of_bob.keys().copied().collect::<Vec<_>>(), [1]);
    assert!(of_bob[&1].assigned && of_bob[&1].invitees.is_empty());
    assert!(known(&bench, carol.0).rooms.is_empty());
    // A presenter is made to manage them.
    let managers = |who: &[&str]| {
        Act::SetBreakouts(SetBreakouts {
            managers: Some(who.iter().map(|raw| id(raw)).collect()),
            ..SetBreakouts::default()
        })
    };
    assert_refused(
        act(&mut bench, &carol, managers(&[CAROL])),
        &Reason::ROLE_RESTRICTED,
    );
    act(&mut bench, &olga, managers(&[CAROL])).unwrap();
    bench.pass(seconds(1));
    assert_eq!(known(&bench, carol.0).rooms.len(), 2);
    act(&mut bench, &carol, open()).unwrap();
    assert_refused(
        act(&mut bench, &carol, managers(&[BOB])),
        &Reason::ROLE_RESTRICTED,
    );
    // Where everyone chooses, the open ones are there for everyone.
    act(&mut bench, &olga, managers(&[])).unwrap();
    bench.pass(seconds(1));
    assert!(known(&bench, carol.0).rooms.is_empty());
    let blue = known(&bench, olga.0).rooms[&2].call.unwrap();
    assert_refused(goes(&mut bench, &carol, blue), &Reason::NOT_INVITED);
    let choose = SetBreakouts {
        self_select: Some(true),
        ..SetBreakouts::default()
    };
    act(&mut bench, &olga, Act::SetBreakouts(choose)).unwrap();
    bench.pass(seconds(1));
    assert_eq!(known(&bench, carol.0).rooms.len(), 2);
    goes(&mut bench, &carol, blue).unwrap();
    // Within a room nobody decides about the meeting.
    let within = Seat::from((
        carol.0,
        Joined {
            call: blue,
            ..carol.1.clone()
        },
    ));
    assert_refused(act(&mut bench, &within, open()), &Reason::NOT_IN_THIS_CALL_TYPE);
    goes(&mut bench, &olga, blue).unwrap();
    let end = Request::MeetingEnd(sidetone_signaling::protocol::meeting::Call { call: blue });
    assert_refused(bench.ask(olga.0, end), &Reason::NOT_IN_THIS_CALL_TYPE);
    bench.assert_nothing_left();
}

#[test]
fn the_organisation_can_keep_people_from_outside_from_them() {
    let Four {
        mut bench,
        olga,
        eve,
        blue,
        carol,
        ..
    } = four();
    assert_eq!(
        bench.views[&eve.0].capabilities[&eve.1.call][&Capability::JoinBreakouts],
        Standing::Capable,
        "open by default"
    );
    bench.edit_organisation(|organisation| organisation.switches.engagement = Setting::Source);
    bench.pass(seconds(1));
    assert!(bench.views[&eve.0].ended.contains_key(&blue), "brought back");
    assert!(is_passing(bench.rights(&eve.1)));
    assert!(inside(&bench, blue).contains(&carol.1.participant.0));
    assert_refused(goes(&mut bench, &eve, blue), &Reason::POLICY_RESTRICTED);
    assert_refused(
        act(&mut bench, &olga, assign(Some(1), &[EVE])),
        &Reason::POLICY_RESTRICTED,
    );
    bench.assert_nothing_left();
}

#[test]
fn they_end_by_the_clock_and_everyone_is_warned() {
    let Four {
        mut bench,
        olga,
        bob,
        red,
        ..
    } = four();
    let ends = SetBreakouts {
        ends_in_ms: Some(Millis(300_000)),
        ..SetBreakouts::default()
    };
    act(&mut bench, &olga, Act::SetBreakouts(ends)).unwrap();
    let left = |bench: &Bench| known(bench, bob.0).settings.ends_in_ms.map(|ms| ms.0 / 1_000);
    bench.pass(seconds(1));
    assert_eq!(left(&bench), Some(300));
    bench.pass(seconds(240));
    assert_eq!(left(&bench), Some(60));
    bench.pass(seconds(50));
    assert_eq!(left(&bench), Some(10));
    assert!(!bench.views[&bob.0].ended.contains_key(&red));
    bench.pass(seconds(10));
    assert_eq!(left(&bench), None);
    assert!(bench.views[&bob.0].ended[&red].is(&Reason::BREAKOUT_CLOSED));
    assert!(is_passing(bench.rights(&bob.1)));
    bench.assert_nothing_left();
}

#[test]
fn where_coming_back_is_forbidden_nobody_is_in_the_meeting_before_the_room_closes() {
    let Four {
        mut bench,
        olga,
        bob,
        carol,
        red,
        ..
    } = four();
    let forbid = |forbidden| {
        Act::SetBreakouts(SetBreakouts {
            return_forbidden: Some(forbidden),
            ..SetBreakouts::default()
        })
    };
    act(&mut bench, &carol, Act::LeaveBreakout).unwrap();
    assert!(is_passing(bench.rights(&carol.1)), "it is not forbidden yet");
    act(&mut bench, &olga, forbid(true)).unwrap();
    assert_refused(
        act(&mut bench, &bob, Act::LeaveBreakout),
        &Reason::MEETING_RESTRICTED,
    );
    let leave = Request::MeetingLeave(sidetone_signaling::protocol::meeting::Call { call: red });
    bench.ask(bob.0, leave.clone()).unwrap();
    assert_eq!(
        bench.rights(&bob.1),
        Rights::NONE,
        "he left the room, and is not back"
    );
    goes(&mut bench, &bob, red).unwrap();
    bench.ask(bob.0, leave).unwrap();
    act(&mut bench, &olga, forbid(false)).unwrap();
    assert!(is_passing(bench.rights(&bob.1)));
    bench.assert_nothing_left();
}

#[test]
fn announcements_reach_the_rooms_and_calls_for_help_those_who_manage_them() {
    let Four {
        mut bench,
        olga,
        bob,
        carol,
        eve,
        ..
    } = four();
    let say = |text: &str, rooms: &[u32]| {
        Act::Announce(Announce {
            text: text.into(),
            rooms: rooms.to_vec(),
        })
    };
    act(&mut bench, &olga, say("Five more minutes", &[])).unwrap();
    act(&mut bench, &olga, say("Blue is late", &[2])).unwrap();
    assert_refused(act(&mut bench, &bob, say("Hi", &[])), &Reason::ROLE_RESTRICTED);
    assert_eq!(known(&bench, bob.0).said, ["Five more minutes"]);
    assert_eq!(known(&bench, eve.0).said, ["Five more minutes", "Blue is late"]);
    let fast = (0..9)
        .filter(|_| act(&mut bench, &olga, say("!", &[1])).is_ok())
        .count();
    assert_eq!(fast, 3, "five at once");
    act(&mut bench, &carol, Act::CallForHelp(CallForHelp { wanted: true })).unwrap();
    bench.pass(seconds(1));
    assert_eq!(known(&bench, olga.0).rooms[&2].help, [carol.1.participant]);
    assert!(known(&bench, eve.0).rooms[&2].help.is_empty());
    // Olga visits, and the call is taken back.
    let blue = known(&bench, olga.0).rooms[&2].call.unwrap();
    goes(&mut bench, &olga, blue).unwrap();
    act(
        &mut bench,
        &carol,
        Act::CallForHelp(CallForHelp { wanted: false }),
    )
    .unwrap();
    bench.pass(seconds(1));
    let seen = &known(&bench, olga.0).rooms[&2];
    assert_eq!((seen.help.len(), seen.present.len()), (0, 3));
    assert_refused(
        act(&mut bench, &olga, Act::CallForHelp(CallForHelp { wanted: true }))
            .and_then(|_| act(&mut bench, &olga, Act::LeaveBreakout))
            .and_then(|_| act(&mut bench, &olga, Act::LeaveBreakout)),
        &Reason::WRONG_STATE,
    );
    bench.assert_nothing_left();
}

#[test]
fn who_comes_late_goes_on_to_their_room_and_who_came_back_is_left_alone() {
    let Four {
        mut bench,
        olga,
        bob,
        red,
        ..
    } = four();
    act(&mut bench, &olga, assign(Some(1), &[GUS])).unwrap();
    let gus = bench.enters(GUS);
    assert_eq!(known(&bench, gus.0).sent, [(1, red)]);
    act(&mut bench, &bob, Act::LeaveBreakout).unwrap();
    bench.detach(bob.0);
    bench.resume(bob.0);
    assert_eq!(known(&bench, bob.0).sent.len(), 1, "he is not sent there again");
    // Unless he is assigned anew.
    act(&mut bench, &olga, assign(Some(2), &[BOB])).unwrap();
    assert_eq!(known(&bench, bob.0).sent.len(), 2);
    // A room that people enter by their own hand sends nobody.
    let by_hand = NewBreakout {
        by_hand: true,
        ..room("Green", &[BOB])
    };
    act(&mut bench, &olga, create(&[by_hand])).unwrap();
    act(&mut bench, &olga, open()).unwrap();
    bench.pass(seconds(1));
    assert_eq!(known(&bench, bob.0).sent.len(), 2);
    assert!(known(&bench, bob.0).rooms[&3].call.is_some());
    bench.assert_nothing_left();
}

#[test]
fn after_a_lost_network_people_are_in_the_same_room() {
    let Four {
        mut bench,
        olga,
        bob,
        red,
        ..
    } = four();
    // Twenty seconds, the same session.
    bench.detach(bob.0);
    bench.pass(seconds(20));
    bench.resume(bob.0);
    assert_eq!(inside(&bench, red), [2]);
    // A new session; whichever of the two calls it joins first.
    for breakout_first in [true, false] {
        let session = bench
            .views
            .iter()
            .find(|(_, view)| view.identity == Some(id(BOB)));
        let session = *session.unwrap().0;
        bench.end(session, Reason::NETWORK_LOST);
        bench.pass(seconds(5));
        let again = bench.open(BOB);
        let mut calls = [red, olga.1.call];
        if !breakout_first {
            calls.reverse();
        }
        for call in calls {
            let rejoin = Join {
                rejoin: Some(bob.1.participant),
                ..join(Locator::Call(call))
            };
            let joined = bench.ask(again, Request::MeetingJoin(rejoin)).unwrap();
            let joined: Joined = serde_json::from_value(joined).unwrap();
            assert_eq!((joined.call, joined.participant), (call, bob.1.participant));
        }
        bench.pass(seconds(1));
        assert_eq!(inside(&bench, red), [2]);
        assert_eq!(bench.rights(&bob.1), Rights::NONE);
        assert!(known(&bench, again).sent.is_empty());
    }
    // A stranger to the meeting has no way in.
    let stranger = bench.open(GUS);
    assert_refused(bench.join_by(stranger, Locator::Call(red)), &Reason::NOT_INVITED);
    // Who does not come back is in neither.
    let session = bench
        .views
        .iter()
        .find(|(_, view)| view.identity == Some(id(BOB)));
    let session = *session.unwrap().0;
    bench.input(Input::Media(red, MediaEvent::Lost(bob.1.participant)));
    bench.input(Input::Media(olga.1.call, MediaEvent::Lost(bob.1.participant)));
    bench.end(session, Reason::NETWORK_LOST);
    bench.pass(seconds(200));
    assert!(inside(&bench, red).is_empty());
    assert!(!inside(&bench, olga.1.call).contains(&2));
    bench.assert_nothing_left();
}

#[test]
fn who_leaves_or_is_put_out_of_the_meeting_is_out_of_the_room_and_a_role_goes_along() {
    let Four {
        mut bench,
        olga,
        bob,
        carol,
        eve,
        red,
        blue,
    } = four();
    bench
        .ask(olga.0, set_role(&olga.1, &carol.1, Role::CoOrganiser))
        .unwrap();
    bench.pass(seconds(1));
    assert_eq!(
        bench.views[&eve.0].roster[&blue][&carol.1.participant].role,
        Role::CoOrganiser
    );
    bench.ask(bob.0, Request::MeetingLeave(call(&bob.1))).unwrap();
    assert!(inside(&bench, red).is_empty());
    let remove = sidetone_signaling::protocol::meeting::Remove {
        call: olga.1.call,
        participant: eve.1.participant,
    };
    bench.ask(olga.0, Request::MeetingRemove(remove)).unwrap();
    assert!(bench.views[&eve.0].ended[&blue].is(&Reason::REMOVED));
    assert_eq!(inside(&bench, blue), [3]);
    bench.ask(olga.0, Request::MeetingEnd(call(&olga.1))).unwrap();
    assert!(bench.views[&carol.0].ended[&blue].is(&Reason::ENDED_FOR_ALL));
    bench.assert_nothing_left();
}

#[test]
fn whoever_leaves_a_room_and_comes_again_at_once_is_on_its_roster() {
    let Four {
        mut bench,
        carol,
        eve,
        blue,
        ..
    } = four();
    let leave = Request::MeetingLeave(sidetone_signaling::protocol::meeting::Call { call: blue });
    bench.ask(eve.0, leave).unwrap();
    goes(&mut bench, &eve, blue).unwrap();
    bench.pass(seconds(1));
    let roster = &bench.views[&carol.0].roster[&blue];
    assert!(roster.contains_key(&eve.1.participant), "{roster:?}");
    bench.assert_nothing_left();
}

#[test]
fn people_are_split_evenly_and_limits_hold() {
    let mut bench = Bench::new();
    bench.bypass(Bypass::Everyone);
    let olga = bench.enters(OLGA);
    let guests: Vec<Seat> = (0..11).map(|n| bench.enters(&format!("guest:g{n}"))).collect();
    let split = Act::CreateBreakouts(CreateBreakouts {
        rooms: (0..3).map(|n| room(&format!("Room {n}"), &[])).collect(),
        distribute: true,
    });
    act(&mut bench, &olga, split).unwrap();
    bench.pass(seconds(1));
    let mut sizes: Vec<usize> = known(&bench, olga.0)
        .rooms
        .values()
        .map(|one| one.invitees.len())
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [3, 4, 4]);
    assert!(guests.iter().all(|guest| known(&bench, guest.0).rooms.len() == 1));
    let many: Vec<NewBreakout> = (0..48).map(|_| room("x", &[])).collect();
    assert_refused(act(&mut bench, &olga, create(&many)), &Reason::TOO_MANY_OBJECTS);
    for wrong in [
        create(&[]),
        create(&[room("", &[])]),
        create(&[room("a", &[BOB]), room("b", &[BOB])]),
    ] {
        assert_refused(act(&mut bench, &olga, wrong), &Reason::BAD_PARAMETERS);
    }
    assert_refused(
        act(&mut bench, &olga, assign(Some(9), &[BOB])),
        &Reason::NO_SUCH_OBJECT,
    );
    let late = SetBreakouts {
        ends_in_ms: Some(Millis(u32::MAX)),
        ..SetBreakouts::default()
    };
    assert_refused(
        act(&mut bench, &olga, Act::SetBreakouts(late)),
        &Reason::BAD_PARAMETERS,
    );
    act(&mut bench, &olga, Act::RemoveBreakout(Which { id: 2 })).unwrap();
    bench.pass(seconds(1));
    assert_eq!(
        known(&bench, olga.0).rooms.keys().copied().collect::<Vec<_>>(),
        [1, 3]
    );
    bench.assert_nothing_left();
}

#[test]
fn a_service_that_was_cut_off_goes_on_with_everyone_in_their_room() {
    let Four {
        mut bench,
        olga,
        bob,
        red,
        carol,
        ..
    } = four();
    let ends = SetBreakouts {
        ends_in_ms: Some(Millis(600_000)),
        ..SetBreakouts::default()
    };
    act(&mut bench, &olga, Act::SetBreakouts(ends)).unwrap();
    act(&mut bench, &carol, Act::LeaveBreakout).unwrap();
    bench.pass(seconds(1));
    let memory = bench.meetings.memory(olga.1.call).unwrap();
    let now = bench.now;
    let mut bench = Bench::new();
    bench.now = now + seconds(5);
    bench.bypass(Bypass::Everyone);
    bench.restore(memory.clone(), &[]);
    let back = |bench: &mut Bench, raw: &str, was: &Joined, call: CallId| -> Seat {
        let session = bench.open(raw);
        let rejoin = Join {
            rejoin: Some(was.participant),
            ..join(Locator::Call(call))
        };
        let joined = bench.ask(session, Request::MeetingJoin(rejoin)).unwrap();
        (session, serde_json::from_value(joined).unwrap())
    };
    let olga = back(&mut bench, OLGA, &olga.1, olga.1.call);
    let there = back(&mut bench, BOB, &bob.1, red);
    assert_eq!(
        (there.1.participant, there.1.breakout_of),
        (bob.1.participant, Some(olga.1.call))
    );
    let rejoin = Join {
        rejoin: Some(bob.1.participant),
        ..join(Locator::Call(olga.1.call))
    };
    bench.ask(there.0, Request::MeetingJoin(rejoin)).unwrap();
    bench.pass(seconds(1));
    let told = known(&bench, olga.0);
    assert_eq!(told.rooms[&1].present, [bob.1.participant]);
    assert_eq!(told.rooms[&2].invitees.len(), 2);
    assert!(told.settings.ends_in_ms.unwrap().0 <= 595_000);
    assert_eq!(bench.rights(&bob.1), Rights::NONE);
    bench.pass(seconds(600));
    assert!(is_passing(bench.rights(&bob.1)), "closed by the clock, and back");
    assert_eq!(
        bench.meetings.memory(olga.1.call).unwrap().breakouts.rooms[0].call,
        None
    );
    bench.assert_nothing_left();
}

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
enum Step {
    Create(u8),
    Remove(u8),
    Assign(u8, u8),
    Open(u8),
    Close(u8),
    Set(u8),
    Go(u8, u8),
    Return(u8),
    Hang(u8),
    Leave(u8),
    Detach(u8),
    Resume(u8),
    Lose(u8),
    Come(u8),
    Promote(u8),
    Switch(bool),
    Answer,
    Late(bool),
    Pass(u8),
    End,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (1_u8..4).prop_map(Step::Create),
        1 => any::<u8>().prop_map(Step::Remove),
        6 => any::<(u8, u8)>().prop_map(|(who, room)| Step::Assign(who, room)),
        4 => any::<u8>().prop_map(Step::Open),
        3 => any::<u8>().prop_map(Step::Close),
        2 => any::<u8>().prop_map(Step::Set),
        10 => any::<(u8, u8)>().prop_map(|(who, room)| Step::Go(who, room)),
        3 => any::<u8>().prop_map(Step::Return),
        3 => any::<u8>().prop_map(Step::Hang),
        2 => any::<u8>().prop_map(Step::Leave),
        2 => any::<u8>().prop_map(Step::Detach),
        3 => any::<u8>().prop_map(Step::Resume),
        2 => any::<u8>().prop_map(Step::Lose),
        6 => any::<u8>().prop_map(Step::Come),
        1 => any::<u8>().prop_map(Step::Promote),
        1 => any::<bool>().prop_map(Step::Switch),
        3 => Just(Step::Answer),
        1 => any::<bool>().prop_map(Step::Late),
        3 => any::<u8>().prop_map(Step::Pass),
        1 => Just(Step::End),
    ]
}

const PEOPLE: [&str; 8] = [OLGA, BOB, CAROL, GUS, EVE, ELI, "guest:a", "guest:b"];

struct World {
    bench: Bench,
    joined: BTreeMap<SessionId, Joined>,
}

impl World {
    fn session(&self, who: u8) -> Option<SessionId> {
        let identity = id(PEOPLE[usize::from(who) % PEOPLE.len()]);
        let mut all = self
            .bench
            .views
            .iter()
            .filter(|(_, view)| view.identity.as_ref() == Some(&identity));
        all.next().map(|(session, _)| *session)
    }

    fn call(&self) -> Option<CallId> {
        self.bench.meetings.running(&MEETING.parse().unwrap())
    }

    fn room(&self, pick: u8) -> Option<Breakout> {
        let (_, rooms) = self.bench.meetings.breakouts(self.call()?, self.bench.now)?;
        let place = usize::from(pick) % rooms.len().max(1);
        rooms.into_iter().nth(place)
    }

    fn order(&mut self, act: Act) {
        if let Some(call) = self.call() {
            self.bench
                .input(Input::Order(call, Order::Breakouts(Box::new(act))));
        }
    }

    fn ask(&mut self, session: SessionId, request: Request) {
        // Without a socket nobody asks.
        if self.bench.views[&session].attached {
            self.bench.ask_only(session, request);
        }
    }

    fn engage(&mut self, who: u8, act: Act) {
        if let (Some(session), Some(call)) = (self.session(who), self.call()) {
            self.ask(session, Request::MeetingEngage(Box::new(Engage { call, act })));
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Create(rooms) => self.order(Act::CreateBreakouts(CreateBreakouts {
                rooms: (0..rooms).map(|n| room(&format!("{n}"), &[])).collect(),
                distribute: rooms % 2 == 0,
            })),
            Step::Remove(pick) => {
                if let Some(room) = self.room(pick) {
                    self.order(Act::RemoveBreakout(Which { id: room.id }));
                }
            }
            Step::Assign(who, pick) => {
                let room = self.room(pick).filter(|_| pick % 5 != 0);
                self.order(assign(
                    room.map(|room| room.id),
                    &[PEOPLE[usize::from(who) % PEOPLE.len()]],
                ));
            }
            Step::Open(pick) => {
                let rooms = self.room(pick).filter(|_| pick % 3 == 0);
                let rooms = rooms.map(|room| room.id).into_iter().collect();
                self.order(Act::OpenBreakouts(SomeBreakouts { rooms }));
            }
            Step::Close(pick) => {
                let rooms = self.room(pick).filter(|_| pick % 3 != 0);
                let rooms = rooms.map(|room| room.id).into_iter().collect();
                self.order(Act::CloseBreakouts(SomeBreakouts { rooms }));
            }
            Step::Set(bits) => self.order(Act::SetBreakouts(SetBreakouts {
                ends_in_ms: (bits & 1 == 0).then(|| Millis(u32::from(bits) * 1_000)),
                return_forbidden: Some(bits & 2 == 0),
                self_select: Some(bits & 4 == 0),
                managers: (bits & 8 == 0).then(|| vec![id(BOB)]),
            })),
            Step::Go(who, pick) => {
                let call = self.room(pick).and_then(|room| room.call);
                if let (Some(session), Some(call)) = (self.session(who), call) {
                    let join = Join {
                        rejoin: self.joined.get(&session).map(|joined| joined.participant),
                        ..join(Locator::Call(call))
                    };
                    self.ask(session, Request::MeetingJoin(join));
                }
            }
            Step::Return(who) => self.engage(who, Act::LeaveBreakout),
            Step::Hang(who) => {
                let rooms = self
                    .call()
                    .and_then(|call| self.bench.meetings.breakouts(call, self.bench.now));
                let open: Vec<CallId> = rooms
                    .into_iter()
                    .flat_map(|(_, rooms)| rooms)
                    .filter_map(|room| room.call)
                    .collect();
                for call in open {
                    if let Some(session) = self.session(who) {
                        let leave = sidetone_signaling::protocol::meeting::Call { call };
                        self.ask(session, Request::MeetingLeave(leave));
                    }
                }
            }
            Step::Leave(who) => {
                if let (Some(session), Some(call)) = (self.session(who), self.call()) {
                    let leave = sidetone_signaling::protocol::meeting::Call { call };
                    self.ask(session, Request::MeetingLeave(leave));
                }
            }
            Step::Detach(who) => {
                if let Some(session) = self
                    .session(who)
                    .filter(|session| self.bench.views[session].attached)
                {
                    self.bench.detach(session);
                }
            }
            Step::Resume(who) => {
                if let Some(session) = self
                    .session(who)
                    .filter(|session| !self.bench.views[session].attached)
                {
                    self.bench.resume(session);
                }
            }
            Step::Lose(who) => {
                if let Some(session) = self.session(who) {
                    let reason = if who % 3 == 0 {
                        Reason::SESSION_CLOSED
                    } else {
                        Reason::NETWORK_LOST
                    };
                    self.bench.end(session, reason);
                }
            }
            Step::Come(who) => {
                let session = match self.session(who) {
                    Some(session) => session,
                    None => self.bench.open(PEOPLE[usize::from(who) % PEOPLE.len()]),
                };
                self.ask(session, Request::MeetingJoin(join(link())));
            }
            Step::Promote(who) => {
                if let (Some(olga), Some(somebody)) = (self.session(0), self.session(who))
                    && let (Some(by), Some(whom)) = (self.joined.get(&olga), self.joined.get(&somebody))
                {
                    let role = if who % 2 == 0 {
                        Role::CoOrganiser
                    } else {
                        Role::Consumer
                    };
                    let request = set_role(by, whom, role);
                    self.ask(olga, request);
                }
            }
            Step::Switch(open) => self.bench.edit_organisation(|organisation| {
                organisation.switches.engagement = if open { Setting::Open } else { Setting::Source };
            }),
            Step::Answer => self.bench.media_answers(),
            Step::Late(late) => {
                self.bench.media_mode = if late { MediaMode::Silent } else { MediaMode::Fine };
            }
            Step::Pass(time) => self.bench.pass(seconds(u64::from(time) % 90)),
            Step::End => {
                if let Some(call) = self.call() {
                    self.bench
                        .input(Input::Order(call, Order::End(Reason::ENDED_FOR_ALL)));
                }
            }
        }
        let answers = std::mem::take(&mut self.bench.answers);
        for ((session, _), answer) in answers {
            if let Ok(value) = answer
                && let Ok(joined) = serde_json::from_value::<Joined>(value)
                && joined.breakout_of.is_none()
            {
                self.joined.insert(session, joined);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// The invariants are checked by the bench after every input: see `Room::check_breakouts`.
    #[test]
    fn nobody_is_in_two_rooms_or_lost(steps in proptest::collection::vec(step(), 1..120)) {
        let mut bench = Bench::new();
        bench.bypass(Bypass::Everyone);
        let mut world = World { bench, joined: BTreeMap::new() };
        for who in 0..6 {
            world.step(Step::Come(who));
        }
        for step in steps {
            world.step(step);
            // What each was told of rooms fits together.
            for session in world.bench.views.keys() {
                known(&world.bench, *session);
            }
            // Whoever was told that they are in nothing but the meeting is heard there.
            if let Some(memory) = world.call().and_then(|call| world.bench.meetings.memory(call)) {
                let away: Vec<_> = memory.breakouts.rooms.iter().flat_map(|room| &room.present).collect();
                let mut distinct = away.clone();
                distinct.sort();
                distinct.dedup();
                prop_assert_eq!(away.len(), distinct.len());
            }
        }
        world.bench.media_answers();
        world.bench.media_mode = MediaMode::Fine;
        world.bench.assert_nothing_left();
    }
}
