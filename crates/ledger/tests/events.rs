//! The events of a call, whatever the order in which the service is told of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};
use sidetone_ledger::{
    Booked, CallKind, Data, End, Event, EventKind, FileReport, Notification, RecordingEnd, Scope, Seconds,
    Told, VoiceMessage, What,
};
use sidetone_signaling::protocol::{NoticeKind, NoticeState};
use sidetone_signaling::{Identifier, Reason};
use support::*;
use uuid::Uuid;

fn kinds(events: &[Event]) -> Vec<EventKind> {
    events.iter().map(|event| event.kind).collect()
}

#[test]
fn a_call_has_its_events_once_each_in_order() {
    use EventKind::*;
    let mut service = Service::new();
    service.talk(call(1), &end(&eve()), &end(&bob()), 60);
    let events = service.events();
    assert_eq!(
        kinds(&events),
        [
            CallStarted,
            IncomingCall,
            CallParticipantAdded,
            CallParticipantAdded,
            CallParticipantRemoved,
            CallParticipantRemoved,
            CallEnded
        ]
    );
    assert!(events.iter().all(|event| event.correlation == call(1)));
}

#[test]
fn an_event_is_a_cloud_event() {
    let mut service = Service::new();
    service.talk(call(1), &end(&eve()), &end(&bob()), 60);
    let scope = Scope::Organisation("contoso".parse().unwrap());
    let added = serde_json::to_value(service.events()[2].notification(&scope)).unwrap();
    assert_eq!(
        added,
        json!({
            "specversion": "1.0",
            "id": format!("{}.1772359200000.4", call(1)),
            "source": "/organisations/contoso",
            "type": "sidetone.calling.CallParticipantAdded",
            "subject": format!("call/{}/participant/external:{ALPHA}:eve", call(1)),
            "time": "2026-03-01T10:00:00.000Z",
            "datacontenttype": "application/json",
            "dataversion": "1.0",
            "sequence": "0000000004",
            "correlationid": call(1),
            "data": {
                "startedBy": {"rawId": format!("external:{ALPHA}:eve"), "kind": "externalUser", "resource": ALPHA},
                "serverCallId": call(1),
                "isTwoParty": true,
                "isRoomsCall": false,
                "correlationId": call(1),
                "user": {"rawId": format!("external:{ALPHA}:eve"), "kind": "externalUser", "resource": ALPHA},
                "displayName": "eve (External)",
                "participantId": "1",
                "endpointType": "voip",
            },
        })
    );
    let incoming = serde_json::to_value(service.events()[1].notification(&scope)).unwrap();
    assert_eq!(
        incoming["data"]["toCommunicationIdentifier"]["rawId"],
        "member:contoso:bob"
    );
    assert_eq!(incoming["data"]["callerDisplayName"], "eve (External)");
    let ended = serde_json::to_value(service.events()[6].notification(&scope)).unwrap();
    assert_eq!(ended["data"]["durationOfCall"], 60.0);
    assert_eq!(ended["data"]["reason"]["subcode"], 0);
    assert_eq!(
        ended["subject"],
        format!("call/{}/startedBy/external:{ALPHA}:eve", call(1))
    );
}

#[test]
fn meetings_groups_telephones_and_bots_have_the_same_events() {
    let who = [
        eve(),
        bob(),
        id("phone:+390612345"),
        id("application:contoso:robot"),
        id("guest:v-1"),
    ];
    for kind in [CallKind::Group, CallKind::Room, CallKind::Meeting] {
        let mut service = Service::new();
        service.tell(Told::Placed {
            call: call(1),
            kind,
            correlation: None,
            place: Some("x".to_owned()),
            by: end(&bob()),
            to: Vec::new(),
            context: None,
            on_behalf_of: None,
            quiet: false,
        });
        who.iter().for_each(|who| service.join(call(1), end(who)));
        service.end(call(1), Reason::ENDED_FOR_ALL);
        let events = service.events();
        assert_eq!(events.len(), 1 + 2 * who.len() + 1);
        let scope = Scope::Organisation("contoso".parse().unwrap());
        let first = serde_json::to_value(events[0].notification(&scope)).unwrap();
        let place = if kind == CallKind::Room { "room" } else { "group" };
        assert_eq!(first["data"][place]["id"], "x");
        assert_eq!(first["data"]["isRoomsCall"], kind == CallKind::Room);
        let types: Vec<Value> = events[1..=who.len()]
            .iter()
            .map(|event| {
                serde_json::to_value(event.notification(&scope)).unwrap()["data"]["endpointType"].clone()
            })
            .collect();
        assert_eq!(types, ["voip", "voip", "phone", "bot", "voip"]);
    }
}

#[test]
fn recording_and_consent_are_told_with_who_it_is() {
    let mut service = Service::new();
    service.place(call(1), CallKind::TwoParty, end(&eve()), &[bob()]);
    service.join(call(1), end(&eve()));
    service.join(call(1), end(&bob()));
    let recording = uuid::Uuid::from_u128(9);
    for (kind, state) in [
        (NoticeKind::Recording, NoticeState::Active),
        (NoticeKind::Transcription, NoticeState::Active),
        (NoticeKind::Recording, NoticeState::Inactive),
    ] {
        service.tell(Told::Noticed {
            call: call(1),
            by: end(&bob()),
            id: recording,
            kind,
            state,
            consent: true,
        });
    }
    service.tell(Told::Consented {
        call: call(1),
        end: end(&eve()),
        given: true,
    });
    // Who is not in the call says nothing of it.
    service.tell(Told::Consented {
        call: call(1),
        end: end(&id("guest:v-1")),
        given: true,
    });
    let scope = Scope::Organisation("contoso".parse().unwrap());
    let told: Vec<Value> = service.events()[4..]
        .iter()
        .map(|event| serde_json::to_value(event.notification(&scope)).unwrap())
        .collect();
    let short: Vec<_> = told
        .iter()
        .map(|event| {
            (
                event["type"].as_str().unwrap(),
                event["data"]["user"]["rawId"].as_str().unwrap(),
            )
        })
        .collect();
    let (eve, bob) = (eve().to_string(), bob().to_string());
    assert_eq!(
        short,
        [
            ("sidetone.calling.RecordingStateChanged", bob.as_str()),
            ("sidetone.calling.TranscriptionStateChanged", bob.as_str()),
            ("sidetone.calling.RecordingStateChanged", bob.as_str()),
            ("sidetone.calling.ConsentChanged", eve.as_str()),
        ]
    );
    assert_eq!(told[0]["data"]["noticeId"], json!(recording));
    assert_eq!(
        (&told[0]["data"]["state"], &told[2]["data"]["state"]),
        (&json!("active"), &json!("inactive"))
    );
    assert_eq!(told[0]["data"]["consentRequired"], true);
    assert_eq!(told[3]["data"]["consentGiven"], true);
    // What is sent can be read again as what it is.
    for event in &told {
        let read: Notification = serde_json::from_value(event.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), *event);
        let same_kind = match read.kind {
            EventKind::ConsentChanged => matches!(read.data, Data::Consent(_)),
            _ => matches!(read.data, Data::Notice(_)),
        };
        assert!(same_kind, "{read:?}");
    }
}

#[test]
fn polls_and_questions_are_told_by_those_who_made_them_and_anonymous_ones_by_nobody() {
    let mut service = Service::new();
    service.talk(call(1), &end(&eve()), &end(&bob()), 60);
    for (open, voted) in [(true, 0), (false, 7)] {
        service.tell(Told::Polled {
            call: call(1),
            by: end(&bob()),
            poll: 3,
            open,
            voted,
        });
    }
    for (question, by) in [(1, Some(end(&eve()))), (2, None)] {
        service.tell(Told::Asked {
            call: call(1),
            by,
            question,
        });
    }
    let scope = Scope::Organisation("contoso".parse().unwrap());
    let told: Vec<Value> = service.events()[4..]
        .iter()
        .map(|event| serde_json::to_value(event.notification(&scope)).unwrap())
        .collect();
    let (eve, bob) = (eve().to_string(), bob().to_string());
    for (event, (open, voted)) in told.iter().zip([(true, 0), (false, 7)]) {
        assert_eq!(event["type"], "sidetone.calling.PollStateChanged");
        let data = &event["data"];
        assert_eq!(data["user"]["rawId"], bob);
        assert_eq!(
            (&data["poll"], &data["isOpen"], &data["voted"]),
            (&json!(3), &json!(open), &json!(voted))
        );
    }
    let asked = told.get(2..).unwrap();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0]["data"]["askedBy"]["user"]["rawId"], eve);
    assert!(asked[1]["data"].get("askedBy").is_none(), "{}", asked[1]);
    // What is sent can be read again as what it is.
    for event in &told {
        let read: Notification = serde_json::from_value(event.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), *event);
        let same_kind = match read.kind {
            EventKind::PollStateChanged => matches!(read.data, Data::Poll(_)),
            _ => matches!(read.data, Data::Question(_)),
        };
        assert!(same_kind, "{read:?}");
    }
}

#[test]
fn a_call_that_was_handed_over_is_of_the_same_chain_and_tells_as_whom_it_was_placed() {
    let mut service = Service::new();
    service.talk(call(1), &end(&eve()), &end(&bob()), 60);
    for (next, before) in [(2, 1), (3, 2)] {
        service.tell(Told::Placed {
            call: call(next),
            kind: CallKind::TwoParty,
            correlation: Some(call(before)),
            place: None,
            by: end(&eve()),
            to: vec![id("member:contoso:carol")],
            context: None,
            on_behalf_of: (next == 3).then(bob),
            quiet: false,
        });
    }
    let last = service.events().pop().unwrap();
    assert_eq!(
        (last.call, last.correlation),
        (call(3), call(1)),
        "the first of the chain, not the one before"
    );
    let scope = Scope::Organisation("contoso".parse().unwrap());
    let started = service
        .events()
        .into_iter()
        .rfind(|event| event.kind == EventKind::CallStarted);
    let started = serde_json::to_value(started.unwrap().notification(&scope)).unwrap();
    assert_eq!(started["data"]["onBehalfOf"]["rawId"], bob().to_string());
    assert_eq!(started["data"]["startedBy"]["rawId"], eve().to_string());
}

#[test]
fn only_those_who_are_called_are_told_of_an_incoming_call() {
    let mut service = Service::new();
    service.place(call(1), CallKind::TwoParty, end(&eve()), &[bob()]);
    let scopes = |kind: EventKind| {
        let booked = service.booked.iter().filter_map(|booked| booked.event.as_ref());
        let (_, scopes) = booked.into_iter().find(|(event, _)| event.kind == kind).unwrap();
        scopes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(scopes(EventKind::IncomingCall), ["organisations/contoso"]);
    let both = [format!("resources/{ALPHA}"), "organisations/contoso".to_owned()];
    assert_eq!(scopes(EventKind::CallStarted), both);
}

#[test]
fn who_is_turned_away_in_the_lobby_was_never_added() {
    let mut service = Service::new();
    service.place(call(1), CallKind::Meeting, end(&bob()), &[]);
    service.join(call(1), end(&bob()));
    service.tell(Told::Waits {
        call: call(1),
        end: end(&eve()),
    });
    service.leave(call(1), end(&eve()));
    service.end(call(1), Reason::ENDED_FOR_ALL);
    let about_eve = service.events().into_iter().filter(|event| {
        let scope = Scope::Organisation("contoso".parse().unwrap());
        event.notification(&scope).subject.ends_with(":eve")
    });
    assert_eq!(about_eve.count(), 0);
}

#[test]
fn the_files_of_a_recording_are_told_of_also_after_the_end() {
    let mut service = Service::new();
    let recording = Uuid::from_u128(7);
    let notice = |state| Told::Noticed {
        call: call(1),
        by: end_on(&bob(), 2),
        id: recording,
        kind: NoticeKind::Recording,
        state,
        consent: false,
    };
    let file = |end: End, location: Option<&str>| Told::Reported {
        call: call(1),
        end,
        streams: Vec::new(),
        issues: Vec::new(),
        files: vec![FileReport {
            duration_in_ms: 1_500,
            end_reason: RecordingEnd::CallEnded,
            content_location: location.map(str::to_owned),
        }],
    };
    service.place(call(1), CallKind::TwoParty, end_on(&eve(), 1), &[bob()]);
    service.join(call(1), end_on(&eve(), 1));
    service.join(call(1), end_on(&bob(), 2));
    // Of what nobody was told.
    service.tell(file(end_on(&bob(), 2), None));
    let announced = service.now;
    service.tell(notice(NoticeState::Active));
    service.pass(2);
    service.tell(notice(NoticeState::Paused));
    // Somebody else's.
    service.tell(file(end_on(&eve(), 1), None));
    service.end(call(1), Reason::HUNG_UP);
    service.tell(file(end_on(&bob(), 2), Some("https://records.example/1")));
    service.tell(file(end_on(&bob(), 2), Some("not an address")));
    service.tell(file(end_on(&bob(), 2), None));
    let ready = |event: &Event| event.kind == EventKind::RecordingFileStatusUpdated;
    let events: Vec<_> = service.events().into_iter().filter(ready).collect();
    assert_eq!(events.len(), 2, "{events:#?}");
    let scope = Scope::Resource(ALPHA.parse().unwrap());
    let sent = serde_json::to_value(events[0].notification(&scope)).unwrap();
    assert_eq!(sent["subject"], format!("call/{}/recording/{recording}", call(1)));
    assert_eq!(sent["data"]["recordingDurationMs"], 1500);
    assert_eq!(
        sent["data"]["recordingStartTime"],
        serde_json::to_value(announced).unwrap()
    );
    assert_eq!(sent["data"]["sessionEndReason"], "callEnded");
    let chunk = &sent["data"]["recordingStorageInfo"]["recordingChunks"][0];
    assert_eq!(chunk["contentLocation"], "https://records.example/1");
    assert_eq!(chunk["documentId"], format!("{recording}.0"));
    let next = serde_json::to_value(events[1].notification(&scope)).unwrap();
    let chunk = &next["data"]["recordingStorageInfo"]["recordingChunks"][0];
    assert_eq!((&chunk["index"], chunk.get("contentLocation")), (&1.into(), None));
}

#[test]
fn a_message_that_was_left_is_announced_to_its_owners_organisation_alone() {
    let mut service = Service::new();
    let message = |id: &str| VoiceMessage {
        id: id.to_owned(),
        mailbox: bob(),
        from: eve(),
        display_name: "Eve (External)".to_owned(),
        duration: Seconds::from_millis(2500),
        unheard: 1,
    };
    service.talk(call(1), &end(&eve()), &end(&bob()), 5);
    let before = service.events().pop().unwrap();
    // The one right after its call, the other when the call is long forgotten.
    for n in [1, 2] {
        service.tell(Told::VoicemailLeft {
            call: call(n),
            message: message(&format!("m{n}")),
        });
    }
    let mut events = service.events();
    let (late, soon) = (events.pop().unwrap(), events.pop().unwrap());
    assert!(soon.sequence > before.sequence, "behind the rest of its call");
    let organisation = Scope::Organisation("contoso".parse().unwrap());
    let sent = serde_json::to_value(late.notification(&organisation)).unwrap();
    assert_eq!(sent["type"], "sidetone.calling.VoicemailReceived");
    assert_eq!(sent["subject"], format!("call/{}/voicemail/m2", call(2)));
    assert_eq!(sent["data"]["callerDisplayName"], "Eve (External)");
    assert_eq!(sent["data"]["messageDurationMs"], 2500);
    let read: Notification = serde_json::from_value(sent).unwrap();
    assert!(matches!(read.data, Data::Voicemail(_)), "{read:?}");
    for (event, scopes) in service.booked.iter().filter_map(|booked| booked.event.as_ref()) {
        if event.kind == EventKind::VoicemailReceived {
            assert_eq!(*scopes, BTreeSet::from([organisation.clone()]));
        }
    }
}

#[test]
fn a_call_that_was_none_is_told_to_the_callers_side_alone() {
    let mut service = Service::new();
    service.end(call(1), Reason::NOT_ALLOWED);
    service.tell(Told::Refused {
        call: call(2),
        by: end(&eve()),
        to: bob(),
        reason: Reason::NOT_ALLOWED,
    });
    service.tell(Told::Merged {
        call: call(4),
        void: call(3),
    });
    let events = service.events();
    assert_eq!(kinds(&events), [EventKind::CallRefused]);
    let scopes: Vec<_> = service
        .booked
        .iter()
        .filter_map(|booked| booked.event.as_ref())
        .collect();
    let alpha = Scope::Resource(ALPHA.parse().unwrap());
    assert_eq!(
        scopes[0].1,
        BTreeSet::from([alpha.clone()]),
        "not bob's organisation"
    );
    let sent = serde_json::to_value(events[0].notification(&alpha)).unwrap();
    assert_eq!(sent["type"], "sidetone.calling.CallRefused");
    assert_eq!(sent["data"]["startedBy"]["rawId"], eve().to_string());
    assert_eq!(
        sent["data"]["toCommunicationIdentifier"]["rawId"],
        bob().to_string()
    );
    assert_eq!(sent["data"]["reason"]["code"], Reason::NOT_ALLOWED.code);
    let read: Notification = serde_json::from_value(sent.clone()).unwrap();
    assert_eq!(
        serde_json::to_value(read).unwrap(),
        sent,
        "receivers read what was meant"
    );
    assert_eq!(service.facts().len(), 3);
    assert_eq!(
        service.closed().len(),
        1,
        "only the second is known to be someone's"
    );
}

#[test]
fn a_call_id_that_comes_again_is_another_call() {
    let mut service = Service::new();
    service.talk(call(1), &end(&eve()), &end(&bob()), 1);
    service.talk(call(1), &end(&eve()), &end(&bob()), 1);
    let ids: BTreeSet<String> = service.events().into_iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), 14);
    let facts: BTreeSet<String> = service.facts().iter().map(sidetone_ledger::Fact::id).collect();
    assert_eq!(facts.len(), service.facts().len());
}

#[test]
fn what_stops_with_the_service_ends_properly() {
    let mut service = Service::new();
    service.place(call(1), CallKind::TwoParty, end(&eve()), &[bob()]);
    service.join(call(1), end(&eve()));
    service.join(call(1), end(&bob()));
    service.pass(60);
    // The process is killed; what it wrote down is read again.
    let mut next = Service::new();
    next.now = service.now;
    for fact in service.facts() {
        let again = next.book.replay(fact).unwrap();
        next.booked.push(again);
    }
    let closed = next.book.close_all(next.now, &Reason::GOING_AWAY);
    assert_eq!(closed.len(), 3);
    next.booked.extend(closed);
    assert_eq!(next.book.running().count(), 0);
    assert_eq!(kinds(&next.events()).last(), Some(&EventKind::CallEnded));
    assert_eq!(next.closed()[0].stays[0].length(next.now).whole(), 60);
}

/// What may be told, in any order, of a few calls and people.
fn told() -> impl Strategy<Value = Told> {
    let people = || {
        prop::sample::select(vec![
            eve(),
            bob(),
            id("member:contoso:mia"),
            id("phone:+390612345"),
        ])
    };
    let ends = || {
        (people(), prop::option::of(1..3_u128)).prop_map(|(who, endpoint)| match endpoint {
            Some(endpoint) => end_on(&who, endpoint),
            None => end(&who),
        })
    };
    let calls = || (1..3_u128).prop_map(call);
    let reasons = || prop::sample::select(vec![Reason::HUNG_UP, Reason::PEER_GONE, Reason::NETWORK_LOST]);
    let kinds = prop::sample::select(vec![CallKind::TwoParty, CallKind::Group, CallKind::Meeting]);
    prop_oneof![
        3 => (calls(), kinds, ends(), people()).prop_map(|(call, kind, by, to)| Told::Placed {
            call, kind, correlation: None, place: None, by, to: vec![to], context: None, on_behalf_of: None, quiet: false }),
        1 => (calls(), ends(), people(), reasons())
            .prop_map(|(call, by, to, reason)| Told::Refused { call, by, to, reason }),
        1 => (calls(), people()).prop_map(|(call, to)| Told::Invited { call, to }),
        1 => calls().prop_map(|call| Told::Rang { call }),
        1 => calls().prop_map(|call| Told::Answered { call }),
        2 => (calls(), ends()).prop_map(|(call, end)| Told::Waits { call, end }),
        5 => (calls(), ends()).prop_map(|(call, end)| Told::Joined { call, end }),
        4 => (calls(), ends(), prop::option::of(reasons()))
            .prop_map(|(call, end, reason)| Told::Left { call, end, reason }),
        1 => (calls(), calls()).prop_map(|(call, void)| Told::Merged { call, void }),
        2 => (calls(), reasons()).prop_map(|(call, reason)| Told::Ended { call, reason }),
        1 => (calls(), ends(), any::<bool>()).prop_map(|(call, end, given)| Told::Consented { call, end, given }),
        1 => (calls(), ends(), any::<bool>()).prop_map(|(call, by, consent)| Told::Noticed {
            call, by, id: uuid::Uuid::nil(), kind: NoticeKind::Recording, state: NoticeState::Active, consent,
        }),
        1 => (calls(), ends(), 1..5_u32).prop_map(|(call, by, count)| Told::Messages { call, by, count }),
    ]
}

/// Each life of a call: its facts from the first to the end.
fn lives(booked: &[Booked]) -> Vec<Vec<&Booked>> {
    let mut open: BTreeMap<_, Vec<&Booked>> = BTreeMap::new();
    let mut lives = Vec::new();
    for booked in booked {
        if booked.fact.number == 1 {
            lives.extend(open.insert(booked.fact.call, Vec::new()));
        }
        open.entry(booked.fact.call).or_default().push(booked);
    }
    lives.extend(open.into_values());
    lives
}

/// Who a participant event is about.
fn participant(event: &Event) -> (String, Identifier) {
    let scope = Scope::Organisation("contoso".parse().unwrap());
    match event.notification(&scope).data {
        Data::Participant(data) => (data.participant_id.to_string(), data.user.raw_id),
        other => panic!("no participant: {other:?}"),
    }
}

proptest! {
    #[test]
    fn joined_before_left_and_both_before_the_end(steps in prop::collection::vec((told(), 0..5_u64), 0..80)) {
        let mut service = Service::new();
        for (told, seconds) in steps {
            service.tell(told);
            // Also a clock that is set back.
            service.now = sidetone_ledger::Timestamp::from_millis((service.now.as_millis() + 2000).saturating_sub(seconds * 1000));
        }
        let close = service.book.close_all(service.now, &Reason::GOING_AWAY);
        service.booked.extend(close);

        for life in lives(&service.booked) {
            // Numbers have no gaps, time does not go back.
            for (index, booked) in life.iter().enumerate() {
                prop_assert_eq!(booked.fact.number, index as u64 + 1);
            }
            prop_assert!(life.is_sorted_by_key(|booked| booked.fact.at));
            let events: Vec<&Event> = life.iter().filter_map(|b| Some(&b.event.as_ref()?.0)).collect();
            prop_assert!(events.is_sorted_by(|a, b| a.sequence < b.sequence));
            let Some(first) = events.first() else { continue };
            if first.kind == EventKind::CallRefused {
                prop_assert_eq!(events.len(), 1);
                continue;
            }
            prop_assert_eq!(first.kind, EventKind::CallStarted);
            prop_assert_eq!(events.last().unwrap().kind, EventKind::CallEnded);
            prop_assert_eq!(events.iter().filter(|e| e.kind == EventKind::CallEnded).count(), 1);
            let mut present = BTreeSet::new();
            for event in &events {
                match event.kind {
                    EventKind::CallParticipantAdded => prop_assert!(present.insert(participant(event))),
                    EventKind::CallParticipantRemoved => prop_assert!(present.remove(&participant(event))),
                    EventKind::CallEnded => prop_assert!(present.is_empty(), "{:?} never left", present),
                    _ => {}
                }
            }
        }

        // The facts alone give the same again, to the letter.
        let mut again = Service::new();
        for fact in service.facts() {
            let text = serde_json::to_string(&fact).unwrap();
            let read = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&fact, &read);
            again.booked.extend(again.book.replay(read));
        }
        prop_assert_eq!(service.facts(), again.facts());
        prop_assert_eq!(service.events(), again.events());
        prop_assert_eq!(service.closed(), again.closed());

        // What is sent reads back.
        for event in service.events() {
            let sent = event.notification(&Scope::Organisation("contoso".parse().unwrap()));
            let text = serde_json::to_string(&sent).unwrap();
            prop_assert_eq!(serde_json::from_str::<Notification>(&text).unwrap(), sent);
        }
        // Nothing is measured of who was never there.
        let measured = |fact: &sidetone_ledger::Fact| matches!(fact.what, What::Measured { .. });
        prop_assert_eq!(service.facts().iter().filter(|fact| measured(fact)).count(), 0);
    }
}
