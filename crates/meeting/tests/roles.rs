//! Roles and what follows from them (spec 1.5, 3.4, 3.9): who may do what, what is told of a change, and that media obeys.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use sidetone_meeting::Rights;
use sidetone_organisation::{Bypass, ExternalMedia, MeetingKind, Presenters, Setting};
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::{
    self as wire, Capability, CapabilityCause, Joined, Role, Standing,
};
use sidetone_signaling::protocol::{Event, Pictures, Request, SessionId, Show};
use support::*;

fn standing(bench: &Bench, who: SessionId, of: &Joined, capability: Capability) -> Standing {
    bench.views[&who].capabilities[&of.call][&capability]
}

/// Olga presides; Eve attends.
fn two() -> (Bench, (SessionId, Joined), (SessionId, Joined)) {
    let mut bench = Bench::new();
    bench.bypass(Bypass::Everyone);
    let olga = bench.enters(OLGA);
    let eve = bench.enters(EVE);
    bench.pass(seconds(1));
    (bench, olga, eve)
}

fn mute(of: &Joined, muted: bool) -> Request {
    Request::MeetingMute(wire::Mute { call: of.call, muted })
}

#[test]
fn an_attendee_from_outside_speaks_and_keeps_no_order() {
    let (mut bench, (olga, olga_joined), (eve, eve_joined)) = two();
    assert_eq!(eve_joined.role, Role::Attendee);
    assert!(eve_joined.display_name.ends_with("(External)"));
    assert_eq!(
        bench.rights(&eve_joined),
        Rights {
            audio: true,
            video: true,
            share: false,
            receive: true
        }
    );
    let call = eve_joined.call;
    let who = olga_joined.participant;
    let refused = [
        Request::MeetingRemove(wire::Remove {
            call,
            participant: who,
        }),
        Request::MeetingAdd(wire::Add { call, to: id(ELI) }),
        Request::MeetingMuteOthers(wire::MuteOthers {
            call,
            participants: vec![],
        }),
        Request::MeetingLock(wire::Lock { call, locked: true }),
        Request::MeetingEnd(wire::Call { call }),
        Request::MeetingAdmitAll(wire::Call { call }),
        set_role(&eve_joined, &eve_joined, Role::Presenter),
        Request::MeetingSpotlight(wire::SetSpotlight {
            call,
            participants: vec![who],
            on: true,
        }),
        Request::MeetingLowerHands(wire::LowerHands {
            call,
            participants: vec![],
        }),
        Request::MeetingMediaAccess(wire::MediaAccess {
            call,
            participants: vec![],
            audio: Some(false),
            video: None,
        }),
    ];
    for request in refused {
        assert_refused(bench.ask(eve, request), &Reason::ROLE_RESTRICTED);
    }
    for capability in [
        Capability::RemoveParticipant,
        Capability::AddMember,
        Capability::Record,
    ] {
        assert_eq!(
            standing(&bench, eve, &eve_joined, capability),
            Standing::RoleRestricted
        );
    }
    assert_eq!(bench.roster(olga).len(), 2);
    bench.assert_nothing_left();
}

#[test]
fn a_promotion_is_told_and_holds_when_they_come_back() {
    let (mut bench, (olga, olga_joined), (eve, eve_joined)) = two();
    bench
        .ask(olga, set_role(&olga_joined, &eve_joined, Role::Presenter))
        .unwrap();
    let told = bench.events(eve).into_iter().rev().find_map(|event| match event {
        Event::MeetingCapabilities(changed) => Some(changed.clone()),
        _ => None,
    });
    let told = told.unwrap();
    assert_eq!(
        (told.role, told.cause),
        (Role::Presenter, CapabilityCause::RoleChanged)
    );
    assert_eq!(told.new[&Capability::ShareScreen], Standing::Capable);
    assert_eq!(told.old[&Capability::ShareScreen], Standing::RoleRestricted);
    assert!(!told.concerns(Capability::UnmuteMic), "what stays is not told");
    assert!(bench.rights(&eve_joined).share);
    bench.ask(eve, Request::MeetingLeave(call(&eve_joined))).unwrap();
    let again = bench.join(eve).unwrap();
    assert_eq!(again.role, Role::Presenter);
    bench
        .ask(olga, set_role(&olga_joined, &again, Role::Attendee))
        .unwrap();
    assert!(!bench.rights(&again).share);
    bench.assert_nothing_left();
}

#[test]
fn there_is_exactly_one_organiser() {
    let (mut bench, (olga, olga_joined), (eve, eve_joined)) = two();
    assert_refused(
        bench.ask(olga, set_role(&olga_joined, &eve_joined, Role::Organiser)),
        &Reason::ROLE_RESTRICTED,
    );
    bench
        .ask(olga, set_role(&olga_joined, &eve_joined, Role::CoOrganiser))
        .unwrap();
    assert_refused(
        bench.ask(eve, set_role(&eve_joined, &olga_joined, Role::Attendee)),
        &Reason::ROLE_RESTRICTED,
    );
    let remove = Request::MeetingRemove(wire::Remove {
        call: olga_joined.call,
        participant: olga_joined.participant,
    });
    assert_refused(bench.ask(eve, remove), &Reason::ROLE_RESTRICTED);
    bench.assert_nothing_left();
}

#[test]
fn the_roster_says_who_sends_which_pictures_and_nobody_is_shown_with_what_does_not_pass() {
    let (mut bench, (olga, olga_joined), (eve, eve_joined)) = two();
    let show = |of: &Joined, camera: bool, share: bool| {
        Request::MeetingShow(Show {
            call: of.call,
            pictures: Pictures { camera, share },
        })
    };
    let shown = |bench: &mut Bench, viewer: SessionId, of: &Joined| {
        // Changes of the roster are told by the handful.
        bench.pass(seconds(1));
        let entry = bench.views[&viewer].roster[&of.call].get(&of.participant);
        entry.map(|entry| (entry.pictures.camera, entry.pictures.share))
    };
    assert_eq!(shown(&mut bench, olga, &eve_joined), Some((false, false)));
    // An attendee has a camera and no screen to show.
    bench.ask(eve, show(&eve_joined, true, false)).unwrap();
    assert_eq!(shown(&mut bench, olga, &eve_joined), Some((true, false)));
    assert_refused(
        bench.ask(eve, show(&eve_joined, true, true)),
        &Reason::ROLE_RESTRICTED,
    );
    assert_eq!(shown(&mut bench, olga, &eve_joined), Some((true, false)));
    bench
        .ask(olga, set_role(&olga_joined, &eve_joined, Role::Presenter))
        .unwrap();
    bench.ask(eve, show(&eve_joined, true, true)).unwrap();
    assert_eq!(shown(&mut bench, olga, &eve_joined), Some((true, true)));
    // What may no longer be sent is not shown any longer, and does not come back by itself.
    bench
        .ask(olga, set_role(&olga_joined, &eve_joined, Role::Attendee))
        .unwrap();
    assert_eq!(shown(&mut bench, olga, &eve_joined), Some((true, false)));
    let access = |video| {
        Request::MeetingMediaAccess(wire::MediaAccess {
            call: olga_joined.call,
            participants: vec![],
            audio: None,
            video: Some(video),
        })
    };
    bench.ask(olga, access(false)).unwrap();
    assert_eq!(shown(&mut bench, olga, &eve_joined), Some((false, false)));
    assert_refused(
        bench.ask(eve, show(&eve_joined, true, false)),
        &Reason::MEETING_RESTRICTED,
    );
    bench.ask(olga, access(true)).unwrap();
    assert_eq!(shown(&mut bench, olga, &eve_joined), Some((false, false)));
    // Whoever comes back says it anew.
    bench.ask(eve, show(&eve_joined, true, false)).unwrap();
    bench.ask(eve, Request::MeetingLeave(call(&eve_joined))).unwrap();
    let again = bench.join(eve).unwrap();
    assert_eq!(shown(&mut bench, olga, &again), Some((false, false)));
    bench.assert_nothing_left();
}

#[test]
fn whoever_is_muted_by_others_may_speak_again() {
    let (mut bench, (olga, olga_joined), (eve, eve_joined)) = two();
    bench
        .ask(
            olga,
            Request::MeetingMuteOthers(wire::MuteOthers {
                call: olga_joined.call,
                participants: vec![],
            }),
        )
        .unwrap();
    assert!(!bench.rights(&eve_joined).audio, "and is heard by nobody");
    assert!(bench.rights(&olga_joined).audio);
    let by = bench.events(eve).into_iter().find_map(|event| match event {
        Event::MeetingMutedBy(muted) => Some(muted.by),
        _ => None,
    });
    assert_eq!(by, Some(olga_joined.participant));
    bench.pass(seconds(1));
    assert!(bench.views[&olga].roster[&eve_joined.call][&eve_joined.participant].muted);
    bench.ask(eve, mute(&eve_joined, false)).unwrap();
    assert!(bench.rights(&eve_joined).audio);
    bench.assert_nothing_left();
}

#[test]
fn a_hard_mute_holds_until_it_is_taken_back() {
    for all in [false, true] {
        let (mut bench, (olga, olga_joined), (eve, eve_joined)) = two();
        let access = |audio| {
            Request::MeetingMediaAccess(wire::MediaAccess {
                call: olga_joined.call,
                participants: if all { vec![] } else { vec![eve_joined.participant] },
                audio: Some(audio),
                video: None,
            })
        };
        bench.ask(olga, access(false)).unwrap();
        let rights = bench.rights(&eve_joined);
        assert!(!rights.audio && rights.video && rights.receive);
        assert_refused(
            bench.ask(eve, mute(&eve_joined, false)),
            &Reason::MEETING_RESTRICTED,
        );
        assert_eq!(
            standing(&bench, eve, &eve_joined, Capability::UnmuteMic),
            Standing::MeetingRestricted
        );
        // Whoever comes later is meant too, where all are.
        let (eli, eli_joined) = bench.enters(ELI);
        assert_eq!(bench.rights(&eli_joined).audio, !all);
        bench.ask(olga, access(true)).unwrap();
        bench.ask(eve, mute(&eve_joined, false)).unwrap();
        assert!(bench.rights(&eve_joined).audio, "all: {all}");
        bench.end(eli, Reason::SESSION_CLOSED);
        // Presenters cannot be forbidden.
        let presenter = Request::MeetingMediaAccess(wire::MediaAccess {
            call: olga_joined.call,
            participants: vec![olga_joined.participant],
            audio: Some(false),
            video: None,
        });
        assert_refused(bench.ask(olga, presenter), &Reason::ROLE_RESTRICTED);
        bench.assert_nothing_left();
    }
}

#[test]
fn l19_attendees_of_a_webinar_listen_and_in_the_source_they_do_not() {
    for (setting, may) in [(Setting::Open, false), (Setting::Source, true)] {
        let mut bench = Bench::new();
        bench.bypass(Bypass::Everyone);
        bench.edit_meeting(|meeting| meeting.kind = MeetingKind::Webinar);
        bench.edit_organisation(|organisation| organisation.switches.webinar_roles = setting);
        let (olga, olga_joined) = bench.enters(OLGA);
        for raw in [EVE, BOB] {
            let (session, joined) = bench.enters(raw);
            assert_eq!(joined.role, Role::Attendee);
            let rights = bench.rights(&joined);
            assert_eq!(
                (rights.audio, rights.video, rights.share),
                (may, may, may),
                "{raw}"
            );
            assert!(rights.receive);
            assert_eq!(bench.ask(session, mute(&joined, false)).is_ok(), may);
            bench
                .ask(olga, set_role(&olga_joined, &joined, Role::Presenter))
                .unwrap();
            bench.ask(session, mute(&joined, false)).unwrap();
            assert!(bench.rights(&joined).audio && bench.rights(&joined).share);
        }
        bench.assert_nothing_left();
    }
}

#[test]
fn those_who_listen_to_a_webinar_see_those_who_speak() {
    let mut bench = Bench::new();
    bench.bypass(Bypass::Everyone);
    bench.edit_meeting(|meeting| {
        meeting.kind = MeetingKind::Webinar;
        meeting.presenters.insert(id(BOB));
    });
    let (olga, olga_joined) = bench.enters(OLGA);
    bench.enters(BOB);
    let (eve, eve_joined) = bench.enters(EVE);
    bench.enters(ELI);
    bench.pass(seconds(1));
    assert_eq!(bench.roster(olga).len(), 4);
    assert_eq!(bench.roster(eve), ["OLGA", "BOB"]);
    assert_eq!(
        bench.views[&eve].total[&eve_joined.call], 4,
        "and how many listen"
    );
    // Whoever is given the word sees everyone, and is seen.
    bench
        .ask(olga, set_role(&olga_joined, &eve_joined, Role::Presenter))
        .unwrap();
    bench.pass(seconds(1));
    assert_eq!(bench.roster(eve).len(), 4);
    bench.assert_nothing_left();
}

#[test]
fn l29_external_users_and_town_halls() {
    for (setting, may) in [(Setting::Open, true), (Setting::Source, false)] {
        let mut bench = Bench::new();
        bench.bypass(Bypass::Everyone);
        bench.edit_meeting(|meeting| meeting.kind = MeetingKind::TownHall);
        bench.edit_organisation(|organisation| organisation.switches.live_events = setting);
        bench.enters(OLGA);
        let (_, joined) = bench.comes(EVE);
        if may {
            assert_eq!(
                bench.rights(&joined.unwrap()),
                Rights {
                    receive: true,
                    ..Rights::NONE
                }
            );
        } else {
            assert_refused(joined, &Reason::TOWN_HALL_EXTERNAL_DISABLED);
        }
        bench.enters(BOB);
        bench.assert_nothing_left();
    }
}

#[test]
fn l30_bots_are_told_of_everyone_and_in_the_source_not_of_external_users() {
    let mut bench = Bench::new();
    bench.bypass(Bypass::Everyone);
    bench.put(sidetone_organisation::Entity::Application {
        organisation: "contoso".parse().unwrap(),
        application: sidetone_organisation::Application {
            id: "scribe".parse().unwrap(),
            name: "Scribe".into(),
            kind: sidetone_organisation::ApplicationKind::Bot,
            policy: None,
            agents: Default::default(),
        },
    });
    let (olga, _) = bench.enters(OLGA);
    let (bot, _) = bench.enters("application:contoso:scribe");
    let (eve, _) = bench.enters(EVE);
    bench.pass(seconds(1));
    assert_eq!(bench.roster(bot).len(), 3);
    bench.edit_organisation(|organisation| organisation.switches.bot_events = Setting::Source);
    assert_eq!(bench.roster(bot), ["OLGA", "Scribe"]);
    bench.end(eve, Reason::SESSION_CLOSED);
    bench.enters(ELI);
    bench.pass(seconds(1));
    assert_eq!(bench.roster(bot), ["OLGA", "Scribe"]);
    assert_eq!(bench.roster(olga).len(), 3);
    bench.assert_nothing_left();
}

#[test]
fn l35_in_the_source_external_users_add_remove_and_record_nothing() {
    for (setting, expected) in [
        (Setting::Open, Standing::Capable),
        (Setting::Source, Standing::PolicyRestricted),
    ] {
        let mut bench = Bench::new();
        bench.edit_meeting(|meeting| {
            meeting.presenters.insert(id(EVE));
        });
        bench.edit_organisation(|organisation| organisation.switches.external_rights = setting);
        bench.enters(OLGA);
        let (_, bob) = bench.enters(BOB);
        let (eve, joined) = bench.enters(EVE);
        for capability in [
            Capability::RemoveParticipant,
            Capability::AddMember,
            Capability::AddExternalUser,
            Capability::Record,
            Capability::Transcribe,
        ] {
            assert_eq!(
                standing(&bench, eve, &joined, capability),
                expected,
                "{capability:?}"
            );
        }
        // What the source says nothing of depends on the role.
        assert_eq!(
            standing(&bench, eve, &joined, Capability::MuteOthers),
            Standing::Capable
        );
        let remove = Request::MeetingRemove(wire::Remove {
            call: bob.call,
            participant: bob.participant,
        });
        match setting {
            Setting::Open => drop(bench.ask(eve, remove).unwrap()),
            Setting::Source => assert_refused(bench.ask(eve, remove), &Reason::POLICY_RESTRICTED),
        }
        bench.assert_nothing_left();
    }
}

#[test]
fn an_organisation_says_what_people_from_outside_may_do() {
    let (mut bench, _, (eve, joined)) = two();
    bench.edit_organisation(|organisation| {
        organisation.meetings.external = ExternalMedia {
            video: false,
            chat: false,
            ..ExternalMedia::default()
        };
    });
    assert!(!bench.rights(&joined).video && bench.rights(&joined).audio);
    for capability in [Capability::TurnVideoOn, Capability::Chat] {
        assert_eq!(
            standing(&bench, eve, &joined, capability),
            Standing::PolicyRestricted
        );
    }
    let told = bench.events(eve).into_iter().rev().find_map(|event| match event {
        Event::MeetingCapabilities(changed) => Some(changed.cause),
        _ => None,
    });
    assert_eq!(told, Some(CapabilityCause::PolicyChanged));
    bench.assert_nothing_left();
}

#[test]
fn who_presents_without_having_been_named() {
    for (presenters, bob, eve) in [
        (Presenters::NamedOnly, Role::Attendee, Role::Attendee),
        (Presenters::EveryoneInCompany, Role::Presenter, Role::Attendee),
        (Presenters::Everyone, Role::Presenter, Role::Presenter),
    ] {
        let mut bench = Bench::new();
        bench.bypass(Bypass::Everyone);
        bench.edit_meeting(|meeting| meeting.options.presenters = Some(presenters));
        assert_eq!(bench.enters(BOB).1.role, bob);
        assert_eq!(bench.enters(EVE).1.role, eve);
        assert_eq!(bench.enters(OLGA).1.role, Role::Organiser);
        bench.assert_nothing_left();
    }
}

#[test]
fn a_consumer_only_listens() {
    let (mut bench, (olga, olga_joined), (eve, eve_joined)) = two();
    bench
        .ask(olga, set_role(&olga_joined, &eve_joined, Role::Consumer))
        .unwrap();
    assert_eq!(
        bench.rights(&eve_joined),
        Rights {
            receive: true,
            ..Rights::NONE
        }
    );
    let hand = Request::MeetingHand(wire::SetHand {
        call: eve_joined.call,
        raised: true,
    });
    assert_refused(bench.ask(eve, hand), &Reason::ROLE_RESTRICTED);
    bench
        .ask(olga, set_role(&olga_joined, &eve_joined, Role::Collaborator))
        .unwrap();
    assert_eq!(
        standing(&bench, eve, &eve_joined, Capability::ShareScreen),
        Standing::Capable
    );
    assert_eq!(
        standing(&bench, eve, &eve_joined, Capability::MuteOthers),
        Standing::RoleRestricted
    );
    bench.assert_nothing_left();
}
