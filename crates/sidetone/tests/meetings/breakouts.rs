//! Breakout rooms (R89, L25; spec AC18): a room hears only itself, with real voices over real UDP; people are sent, moved and
//! called back; those from outside as well.

use serde_json::json;
use sidetone::media::pictures::Size;
use sidetone::{
    BreakoutRoomsUpdate, Call, CallEvent, CallState, Capability, CreateBreakouts, EngagementEvent, Error,
    Events, Identifier, NewBreakout, Reason, SetBreakouts, Standing,
};

use crate::clinic::{Clinic, join};
use crate::support::pictures::{Eyes, camera};
use crate::support::speech::{MAN, WOMAN};
use crate::support::{Phone, Proxy, await_some, connected, end_of, in_state, until};

/// The organiser speaks, an external user speaks, and a member listens: all in the meeting.
struct Three {
    clinic: Clinic,
    nia: Phone,
    omar: Phone,
    pat: Phone,
    at_nia: Call,
    at_omar: Call,
    at_pat: Call,
}

fn three() -> Three {
    let clinic = Clinic::open();
    let link = clinic.meeting(&json!({ "options": { "bypass": "everyone" } }));
    let (nia, omar) = (clinic.member("nia", Some(WOMAN)), clinic.member("omar", None));
    let pat = clinic.outsider("pat", "Pat", Some(MAN));
    let [at_nia, at_omar, at_pat] = [&nia, &omar, &pat].map(|phone| join(phone, &link));
    connected(&[&at_nia, &at_omar, &at_pat]);
    until("all are there", || at_nia.participants().len() == 2);
    Three {
        clinic,
        nia,
        omar,
        pat,
        at_nia,
        at_omar,
        at_pat,
    }
}

fn member(name: &str) -> Identifier {
    Identifier::member("acme", name).unwrap()
}

fn room(name: &str, invitees: Vec<Identifier>) -> NewBreakout {
    NewBreakout {
        display_name: name.into(),
        invitees,
        by_hand: false,
    }
}

fn create(call: &Call, rooms: Vec<NewBreakout>) -> u32 {
    let rooms = CreateBreakouts {
        rooms,
        distribute: false,
    };
    call.breakout_rooms().create(rooms).wait().unwrap()
}

/// The call of the room to which this end goes.
fn sent(events: &mut Events<CallEvent>) -> Call {
    await_some("the room", || match events.try_next() {
        Some(CallEvent::BreakoutRoomJoined(call)) => Some(call),
        _ => None,
    })
}

#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>, reason: &Reason) {
    assert!(
        matches!(&outcome, Err(Error::Refused(refusal)) if refusal.is(reason)),
        "{outcome:?}"
    );
}

#[test]
fn ac18_a_breakout_room_hears_only_itself() {
    let Three {
        clinic,
        nia,
        omar,
        pat,
        at_nia,
        at_omar,
        at_pat,
    } = three();
    pat.hears(WOMAN);
    let (mut omars, mut pats) = (at_omar.events(), at_pat.events());
    let invitees = vec![member("omar"), clinic.external("pat")];
    let red = create(&at_nia, vec![room("Red", invitees)]);
    until("Pat knows the room", || {
        at_pat.breakout_rooms().assigned().is_some()
    });
    assert_eq!(at_pat.breakout_rooms().assigned().unwrap().call, None);
    assert!(at_pat.breakout_rooms().join(red).wait().is_err(), "not open");
    assert_eq!(
        at_pat.capabilities().get(Capability::JoinBreakouts),
        Standing::Capable
    );
    refused(at_pat.breakout_rooms().open(&[]).wait(), &Reason::ROLE_RESTRICTED);

    at_nia.breakout_rooms().open(&[]).wait().unwrap();
    let (in_omar, in_pat) = (sent(&mut omars), sent(&mut pats));
    connected(&[&in_omar, &in_pat]);
    in_state(&at_pat, CallState::LocalHold);
    let here = in_pat.meeting().unwrap();
    assert_eq!(
        (here.breakout_of, here.subject.as_str()),
        (Some(at_nia.id()), "Red")
    );
    assert_eq!(here.participant, at_pat.meeting().unwrap().participant);
    // In the room they hear each other; Nia speaks in the meeting, and nobody there hears her.
    omar.hears(MAN);
    pat.hears_nothing();
    nia.hears_nothing();
    until("the roster of the room is its own", || {
        in_omar.participants().len() == 1
    });
    until("Nia sees where they are", || {
        at_nia
            .participants()
            .iter()
            .all(|one| one.breakout_room == Some(red))
    });
    until("and the room who is in it", || {
        at_nia.breakout_rooms().all()[0].present.len() == 2
    });

    // She visits, is heard, and comes back.
    let in_nia = at_nia.breakout_rooms().join(red).wait().unwrap();
    connected(&[&in_nia]);
    pat.hears(WOMAN);
    nia.hears(MAN);
    at_nia.breakout_rooms().return_to_main().wait().unwrap();
    assert!(end_of(&in_nia).is(&Reason::BREAKOUT_LEFT));
    connected(&[&at_nia]);
    pat.hears_nothing();

    // A word to everyone, and back.
    at_nia
        .breakout_rooms()
        .announce("Time is up", &[])
        .wait()
        .unwrap();
    await_some("her word", || match pats.try_next() {
        Some(CallEvent::Engagement(EngagementEvent::BreakoutRooms(BreakoutRoomsUpdate::Announced {
            text,
            ..
        }))) => {
            assert_eq!(text, "Time is up");
            Some(())
        }
        _ => None,
    });
    at_nia.breakout_rooms().close(&[]).wait().unwrap();
    assert!(end_of(&in_pat).is(&Reason::BREAKOUT_CLOSED));
    assert!(end_of(&in_omar).is(&Reason::BREAKOUT_CLOSED));
    connected(&[&at_nia, &at_omar, &at_pat]);
    pat.hears(WOMAN);
    nia.hears(MAN);
}

#[test]
fn ac18_people_are_moved_between_breakout_rooms_and_ask_for_help() {
    let Three {
        clinic,
        nia,
        omar,
        pat,
        at_nia,
        at_omar,
        at_pat,
    } = three();
    let mut pats = at_pat.events();
    let mut omars = at_omar.events();
    let rooms = vec![
        room("Red", vec![clinic.external("pat")]),
        room("Blue", vec![member("omar")]),
    ];
    let red = create(&at_nia, rooms);
    at_nia.breakout_rooms().open(&[]).wait().unwrap();
    let (in_red, in_blue) = (sent(&mut pats), sent(&mut omars));
    connected(&[&in_red, &in_blue]);
    omar.hears_nothing();
    in_red.mute().unwrap();
    at_pat.breakout_rooms().call_for_help(true).wait().unwrap();
    until("Nia is called", || {
        let rooms = at_nia.breakout_rooms().all();
        rooms.iter().any(|room| room.id == red && room.help.len() == 1)
    });
    at_nia
        .breakout_rooms()
        .assign(Some(red + 1), &[clinic.external("pat")])
        .wait()
        .unwrap();
    let in_blue_too = sent(&mut pats);
    connected(&[&in_blue_too]);
    assert!(end_of(&in_red).is(&Reason::BREAKOUT_MOVED));
    in_state(&at_pat, CallState::LocalHold);
    assert!(in_blue_too.is_muted(), "as in the room before");
    until("Pat knows its call", || {
        let assigned = at_pat.breakout_rooms().assigned();
        assigned.is_some_and(|room| room.call == Some(in_blue_too.id()))
    });
    let there_already = at_pat.breakout_rooms().join(red + 1).wait().unwrap();
    assert_eq!(there_already.id(), in_blue_too.id());
    in_state(&in_blue_too, CallState::Connected);
    in_blue_too.unmute().unwrap();
    omar.hears(MAN);
    nia.hears_nothing();

    // Who may not come back does not, until it is over.
    let forbid = SetBreakouts {
        return_forbidden: Some(true),
        ..SetBreakouts::default()
    };
    at_nia.breakout_rooms().set(forbid).wait().unwrap();
    until("Pat knows", || {
        at_pat.breakout_rooms().settings().return_forbidden
    });
    refused(
        at_pat.breakout_rooms().return_to_main().wait(),
        &Reason::MEETING_RESTRICTED,
    );
    let soon = SetBreakouts {
        ends_in_ms: Some(sidetone::Millis(1_500)),
        ..SetBreakouts::default()
    };
    at_nia.breakout_rooms().set(soon).wait().unwrap();
    assert!(end_of(&in_blue_too).is(&Reason::BREAKOUT_CLOSED));
    connected(&[&at_pat, &at_omar]);
    nia.hears(MAN);
    pat.hears(WOMAN);

    // The meeting's end is the rooms' end.
    at_nia.breakout_rooms().open(&[]).wait().unwrap();
    let again = sent(&mut pats);
    connected(&[&again]);
    at_nia.hang_up_for_everyone().wait().unwrap();
    assert!(end_of(&again).is(&Reason::ENDED_FOR_ALL));
    assert!(end_of(&at_pat).is(&Reason::ENDED_FOR_ALL));
}

#[test]
fn ac18_the_organisation_can_keep_breakout_rooms_to_members() {
    // The phones are kept for their calls.
    let Three {
        clinic,
        nia: _nia,
        omar: _omar,
        pat: _pat,
        at_nia,
        at_omar,
        at_pat,
    } = three();
    clinic.allow(&json!({ "switches": { "engagement": "source" } }));
    until("Pat knows", || {
        at_pat.capabilities().get(Capability::JoinBreakouts) == Standing::PolicyRestricted
    });
    let rooms = |invitees| CreateBreakouts {
        rooms: vec![room("Red", invitees)],
        distribute: false,
    };
    let with_pat = at_nia
        .breakout_rooms()
        .create(rooms(vec![clinic.external("pat")]));
    refused(with_pat.wait(), &Reason::POLICY_RESTRICTED);
    let mut omars = at_omar.events();
    at_nia
        .breakout_rooms()
        .create(rooms(vec![member("omar")]))
        .wait()
        .unwrap();
    at_nia.breakout_rooms().open(&[]).wait().unwrap();
    connected(&[&sent(&mut omars)]);
}

#[test]
fn whoever_loses_the_network_in_a_breakout_room_comes_back_to_it() {
    let clinic = Clinic::with(sidetone_server::ServerConfig {
        resume_window: std::time::Duration::from_secs(2),
        ..sidetone_server::ServerConfig::default()
    });
    let link = clinic.meeting(&json!({ "options": { "bypass": "everyone" } }));
    let proxy = Proxy::to(&clinic.service);
    let pat = clinic.phone(&proxy.url(), clinic.external("pat"), Some("Pat"), Some(MAN));
    let (nia, omar) = (clinic.member("nia", Some(WOMAN)), clinic.member("omar", None));
    let [at_nia, at_omar, at_pat] = [&nia, &omar, &pat].map(|phone| join(phone, &link));
    connected(&[&at_nia, &at_omar, &at_pat]);
    let (mut omars, mut pats) = (at_omar.events(), at_pat.events());
    create(
        &at_nia,
        vec![room("Red", vec![member("omar"), clinic.external("pat")])],
    );
    at_nia.breakout_rooms().open(&[]).wait().unwrap();
    let (in_omar, in_pat) = (sent(&mut omars), sent(&mut pats));
    connected(&[&in_omar, &in_pat]);
    omar.hears(MAN);
    let number = in_pat.meeting().unwrap().participant;
    proxy.cut();
    until("Pat's end knows", || in_pat.is_reconnecting());
    proxy.mend();
    connected(&[&in_pat]);
    until("it is not on its way any more", || {
        !in_pat.is_reconnecting() && !at_pat.is_reconnecting()
    });
    assert_eq!(in_pat.meeting().unwrap().participant, number);
    omar.hears(MAN);
    nia.hears_nothing();
    assert_eq!(in_omar.participants().len(), 1);
    in_state(&at_pat, CallState::LocalHold);
    at_nia.breakout_rooms().close(&[]).wait().unwrap();
    connected(&[&at_pat]);
    nia.hears(MAN);
}

/// Looks at the camera of somebody in a call.
fn looks(call: &Call, whose: &Call) -> Eyes {
    let number = whose.meeting().unwrap().participant;
    let stream = await_some("a camera", || {
        let mut streams = call.remote_video_streams().into_iter();
        streams.find(|stream| stream.participant() == Some(number))
    });
    Eyes::on(&stream)
}

#[test]
fn cameras_go_along_to_a_breakout_room_and_back() {
    let Three {
        clinic,
        nia: _nia,
        omar: _omar,
        pat: _pat,
        at_nia,
        at_omar,
        at_pat,
    } = three();
    let (mut omars, mut pats) = (at_omar.events(), at_pat.events());
    at_omar.start_video(&camera(Size::P180)).wait().unwrap();
    let pats_camera = camera(Size::P180);
    at_pat.start_video(&pats_camera).wait().unwrap();
    looks(&at_nia, &at_omar).see();
    looks(&at_omar, &at_pat).see();
    let invitees = vec![member("omar"), clinic.external("pat")];
    create(&at_nia, vec![room("Red", invitees)]);
    at_nia.breakout_rooms().open(&[]).wait().unwrap();
    let (in_omar, in_pat) = (sent(&mut omars), sent(&mut pats));
    connected(&[&in_omar, &in_pat]);
    looks(&in_omar, &in_pat).see();
    looks(&in_pat, &in_omar).see();
    assert!(in_pat.is_local_video_started() && at_pat.is_local_video_started());
    until("nobody is seen in the meeting", || {
        at_nia.remote_video_streams().is_empty()
    });

    at_nia.breakout_rooms().close(&[]).wait().unwrap();
    connected(&[&at_omar, &at_pat]);
    looks(&at_nia, &at_omar).see();
    looks(&at_nia, &at_pat).see();
    looks(&at_omar, &at_pat).see();
    looks(&at_pat, &at_omar).see();

    // Whoever switches the camera off there comes back without one.
    at_nia.breakout_rooms().open(&[]).wait().unwrap();
    let (in_omar, in_pat) = (sent(&mut omars), sent(&mut pats));
    connected(&[&in_omar, &in_pat]);
    looks(&in_omar, &in_pat).see();
    in_pat.stop_video().wait().unwrap();
    at_nia.breakout_rooms().close(&[]).wait().unwrap();
    connected(&[&at_omar, &at_pat]);
    assert!(!at_pat.is_local_video_started() && at_omar.is_local_video_started());
    looks(&at_nia, &at_omar).see();
    assert_eq!(at_nia.remote_video_streams().len(), 1);
    at_pat.start_video(&pats_camera).wait().unwrap();
    looks(&at_nia, &at_pat).see();
}
