//! Each limitation that chat touches, as a switch in both positions (spec section 2, L9 to L17, L27, L34, L42).
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::time::Duration;

use sidetone_chat::*;
use sidetone_organisation::{AccessAfterMeeting, Setting};
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::Event;
use sidetone_signaling::protocol::chat::{Card, Priority};
use support::*;
use uuid::Uuid;

/// Eve's thread with Bob.
fn chat() -> Desk {
    let mut desk = Desk::new();
    desk.begin(EVE, &[BOB]).unwrap();
    desk
}

/// Bob's meeting with Eve.
fn meeting(channel: bool) -> Desk {
    let mut desk = Desk::new();
    desk.begin_meeting(channel);
    desk.must(|thread, context| thread.joined(context, id(EVE), None));
    desk
}

fn file(n: u128) -> NewAttachment {
    NewAttachment {
        id: Uuid::from_u128(n),
        name: "x-ray.png".into(),
        content_type: "image/png".into(),
        inline: true,
        size: 1_000,
    }
}

#[test]
fn l9_members_begin_chats() {
    let mut desk = Desk::new();
    desk.begin(BOB, &[EVE]).unwrap();
    edit(&mut desk.world, |one| {
        one.switches.chat_initiation = Setting::Source
    });
    assert_eq!(
        desk.begin(BOB, &[EVE]).unwrap_err().reason,
        Reason::CHAT_INITIATION_DISABLED
    );
    desk.begin(BOB, &[CAROL]).unwrap();
    let refused = desk.refused(|thread, context| {
        let eve = Invited {
            identity: id(EVE),
            name: None,
        };
        thread.add(context, &actor(BOB), vec![eve], None)
    });
    assert_eq!(refused, Reason::CHAT_INITIATION_DISABLED);
    desk.begin(EVE, &[BOB]).unwrap();
    desk.say(BOB, "answers are no beginnings");
}

#[test]
fn l10_external_users_send_files() {
    let mut desk = chat();
    let sent = desk.must(|thread, context| thread.attach(context, &actor(EVE), file(1)));
    let with_file = |id| NewMessage {
        attachments: vec![id],
        ..text_message("look")
    };
    desk.must(|thread, context| thread.send(context, &actor(EVE), with_file(sent.id)));
    let seen = desk.sees(BOB).unwrap();
    assert_eq!(seen[0].attachments[0].name, "x-ray.png");
    assert!(
        desk.thread()
            .attachment(desk.context(), &actor(BOB), sent.id)
            .is_ok()
    );
    edit(&mut desk.world, |one| {
        one.switches.chat_attachments = Setting::Source
    });
    let refused = desk.refused(|thread, context| thread.attach(context, &actor(EVE), file(2)));
    assert_eq!(refused, Reason::CHAT_ATTACHMENTS_DISABLED);
    // They still receive.
    let sent = desk.must(|thread, context| thread.attach(context, &actor(BOB), file(3)));
    desk.must(|thread, context| thread.send(context, &actor(BOB), with_file(sent.id)));
    assert!(
        desk.thread()
            .attachment(desk.context(), &actor(EVE), sent.id)
            .is_ok()
    );
}

#[test]
fn l11_deleting_a_chat() {
    // Open: gone for all, where nothing else is asked for.
    let mut desk = chat();
    desk.say(BOB, "hello");
    desk.tells.clear();
    desk.must(|thread, context| thread.delete(context, &actor(EVE), None));
    for who in [BOB, EVE] {
        assert_eq!(desk.sees(who).unwrap_err().reason, Reason::NO_SUCH_THREAD);
        assert!(matches!(&desk.told(who)[..], [Event::ChatThreadDeleted(gone)] if gone.hide_history));
    }
    assert!(
        desk.kept().contains(&"hello".to_owned()),
        "kept as retention has it"
    );

    // Open: the other ways.
    let mut desk = chat();
    desk.say(BOB, "hello");
    desk.must(|thread, context| thread.delete(context, &actor(BOB), Some(Deletion::HideForMe)));
    assert!(!desk.thread().is_listed(desk.context(), &actor(BOB)));
    assert_eq!(desk.texts(EVE), ["hello"]);
    desk.say(EVE, "are you there?");
    assert_eq!(desk.texts(BOB), ["are you there?"]);
    desk.must(|thread, context| thread.delete(context, &actor(BOB), Some(Deletion::Leave)));
    desk.say(EVE, "nobody");
    assert_eq!(desk.texts(BOB), ["are you there?"]);
    let refused = desk.refused(|thread, context| thread.send(context, &actor(BOB), text_message("x")));
    assert_eq!(refused, Reason::NOT_IN_THREAD);

    // Source: the members are removed and see nothing of it; the external user keeps it.
    let mut desk = chat();
    edit(&mut desk.world, |one| {
        one.switches.chat_deletion = Setting::Source
    });
    desk.say(BOB, "hello");
    for how in [Deletion::ForAll, Deletion::HideForMe, Deletion::Leave] {
        let refused = desk.refused(|thread, context| thread.delete(context, &actor(EVE), Some(how)));
        assert_eq!(refused, Reason::CHAT_DELETION_DISABLED);
    }
    desk.tells.clear();
    desk.must(|thread, context| thread.delete(context, &actor(EVE), None));
    assert_eq!(desk.sees(BOB).unwrap_err().reason, Reason::NO_SUCH_THREAD);
    assert!(matches!(desk.told(BOB).last(), Some(Event::ChatThreadDeleted(gone)) if gone.hide_history));
    assert_eq!(desk.texts(EVE), ["hello"]);
}

#[test]
fn l12_names_are_the_services() {
    let mut desk = chat();
    desk.say(EVE, "hi");
    let name = |desk: &Desk, viewer| desk.sees(viewer).unwrap()[0].sender_display_name.clone();
    assert_eq!(name(&desk, BOB), "Eve (External)");
    assert_eq!(name(&desk, EVE), "Eve (External)");
    edit(&mut desk.world, |one| {
        one.switches.external_names = Setting::Source
    });
    assert_eq!(name(&desk, BOB), "External");
}

#[test]
fn l13_who_types_is_named() {
    let mut desk = chat();
    let typed = |desk: &mut Desk, by, to| {
        desk.breathe();
        desk.tells.clear();
        desk.must(|thread, context| thread.types(context, &actor(by)));
        assert!(desk.told(by).is_empty());
        match &desk.told(to)[..] {
            [Event::ChatTypingReceived(typing)] => typing.display_name.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(typed(&mut desk, BOB, EVE), "Bob");
    assert_eq!(typed(&mut desk, EVE, BOB), "Eve (External)");
    edit(&mut desk.world, |one| one.switches.typing_names = Setting::Source);
    assert_eq!(typed(&mut desk, BOB, EVE), "");
    assert_eq!(typed(&mut desk, EVE, BOB), "Eve (External)");
}

#[test]
fn l14_everybody_has_receipts() {
    let mut desk = chat();
    let said = desk.say(EVE, "hi");
    desk.tells.clear();
    desk.must(|thread, context| thread.read(context, &actor(BOB), said));
    let told = desk.told(EVE);
    let [Event::ChatReadReceiptReceived(receipt)] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(
        (receipt.reader.clone(), receipt.read_by, receipt.of),
        (Some(id(BOB)), 1, 1)
    );
    edit(&mut desk.world, |one| {
        one.switches.read_receipts = Setting::Source
    });
    let said = desk.say(EVE, "again");
    let refused = desk.refused(|thread, context| thread.read(context, &actor(BOB), said));
    assert_eq!(refused, Reason::READ_RECEIPTS_DISABLED);
    let said = desk.say(BOB, "yes");
    desk.tells.clear();
    desk.must(|thread, context| thread.read(context, &actor(EVE), said));
    assert!(desk.told(BOB).is_empty(), "members get none");
    let refused = desk.thread().receipts(desk.context(), &actor(BOB)).unwrap_err();
    assert_eq!(refused.reason, Reason::READ_RECEIPTS_DISABLED);
}

#[test]
fn l15_a_chat_becomes_a_call() {
    let mut desk = chat();
    let call = |desk: &Desk, from, to| {
        let answer = desk.thread().may_call(desk.context(), &id(from), &id(to));
        answer.map_err(|refused| refused.reason)
    };
    assert_eq!(call(&desk, BOB, EVE), Ok(()));
    assert_eq!(call(&desk, BOB, CAROL), Err(Reason::NO_SUCH_THREAD_PARTICIPANT));
    assert_eq!(call(&desk, CAROL, BOB), Err(Reason::NO_SUCH_THREAD));
    edit(&mut desk.world, |one| one.switches.chat_calls = Setting::Source);
    assert_eq!(call(&desk, BOB, EVE), Err(Reason::CHAT_CALLS_DISABLED));
    assert_eq!(call(&desk, EVE, BOB), Ok(()));
}

#[test]
fn l16_members_edit() {
    let mut desk = chat();
    let said = desk.say(BOB, "helo");
    let new = || Content::Text("hello".into());
    let edit_it = |desk: &mut Desk| {
        let message = desk.message(said);
        desk.ask(|thread, context| thread.edit(context, &actor(BOB), message, new(), None))
    };
    edit_it(&mut desk).unwrap();
    assert!(
        desk.told(EVE)
            .iter()
            .any(|event| matches!(event, Event::ChatMessageEdited(m) if m.text == "hello"))
    );
    edit(&mut desk.world, |one| one.switches.member_edits = Setting::Source);
    assert_eq!(
        edit_it(&mut desk).unwrap_err().reason,
        Reason::MEMBER_EDITS_DISABLED
    );
    let said = desk.say(EVE, "hye");
    let message = desk.message(said);
    desk.must(|thread, context| thread.edit(context, &actor(EVE), message, new(), None));
}

#[test]
fn l16b_features_in_chats() {
    let mut desk = chat();
    let first = desk.say(BOB, "hi");
    let reply = |desk: &mut Desk, by| {
        let reply = NewMessage {
            reply_to: Some(first),
            ..text_message("yes")
        };
        desk.ask(|thread, context| thread.send(context, &actor(by), reply))
    };
    let react = |desk: &mut Desk, by, given| {
        let message = desk.message(first);
        desk.ask(|thread, context| thread.react(context, &actor(by), message, "👍", given))
    };
    let mention = |desk: &mut Desk, by| {
        let mention = NewMessage {
            mentions: vec![id(BOB)],
            ..text_message("Bob!")
        };
        desk.ask(|thread, context| thread.send(context, &actor(by), mention))
    };
    let urgent = |desk: &mut Desk, by| {
        let urgent = NewMessage {
            priority: Priority::Urgent,
            ..text_message("now!")
        };
        desk.ask(|thread, context| thread.send(context, &actor(by), urgent))
    };
    let card = |desk: &mut Desk, by| {
        let card = Card {
            title: "Approve?".into(),
            ..Card::default()
        };
        let card = NewMessage::new(Content::Card(Box::new(card), String::new()));
        desk.ask(|thread, context| thread.send(context, &actor(by), card))
    };
    reply(&mut desk, EVE).unwrap();
    react(&mut desk, EVE, true).unwrap();
    mention(&mut desk, EVE).unwrap();
    let noticed = urgent(&mut desk, EVE).unwrap().unwrap();
    card(&mut desk, EVE).unwrap();
    let message = desk.message(first);
    desk.must(|thread, context| thread.pin(context, &actor(EVE), message, true));
    let seen = desk.sees(BOB).unwrap();
    let first_seen = seen.iter().find(|message| message.id == first).unwrap();
    assert_eq!((first_seen.reactions[0].count, first_seen.pinned), (1, true));
    let noticed = seen.iter().find(|message| message.id == noticed).unwrap();
    assert_eq!(noticed.priority, Priority::Urgent);
    let told = desk
        .happenings
        .iter()
        .filter(|one| one.data.priority.as_deref() == Some("urgent"));
    assert_eq!(told.count(), 2, "Bob's event, and the thread's");

    edit(&mut desk.world, |one| {
        one.switches.chat_features = Setting::Source
    });
    let disabled = Reason::CHAT_FEATURES_DISABLED;
    assert_eq!(reply(&mut desk, EVE).unwrap_err().reason, disabled);
    assert_eq!(react(&mut desk, EVE, false).unwrap_err().reason, disabled);
    assert_eq!(mention(&mut desk, EVE).unwrap_err().reason, disabled);
    assert_eq!(urgent(&mut desk, EVE).unwrap_err().reason, disabled);
    assert_eq!(card(&mut desk, EVE).unwrap_err().reason, disabled);
    let message = desk.message(first);
    let refused = desk.refused(|thread, context| thread.pin(context, &actor(EVE), message, false));
    assert_eq!(refused, disabled);
    reply(&mut desk, BOB).unwrap();
    react(&mut desk, BOB, true).unwrap();
}

#[test]
fn l17_chat_in_the_meeting_of_a_channel() {
    let mut desk = meeting(true);
    desk.say(EVE, "hi");
    edit(&mut desk.world, |one| one.switches.channel_chat = Setting::Source);
    let refused = desk.refused(|thread, context| thread.send(context, &actor(EVE), text_message("x")));
    assert_eq!(refused, Reason::CHANNEL_CHAT_DISABLED);
    assert_eq!(desk.sees(EVE).unwrap_err().reason, Reason::CHANNEL_CHAT_DISABLED);
    desk.tells.clear();
    desk.say(BOB, "among us");
    assert!(desk.told(EVE).is_empty());
    // A meeting that is of no channel is another matter.
    let mut desk = meeting(false);
    edit(&mut desk.world, |one| one.switches.channel_chat = Setting::Source);
    desk.say(EVE, "hi");
}

#[test]
fn l27_features_in_meetings() {
    let mut desk = meeting(false);
    let first = desk.say(BOB, "hi");
    let all = |desk: &mut Desk, n| {
        let reply = NewMessage {
            reply_to: Some(first),
            ..text_message("yes")
        };
        let message = desk.message(first);
        [
            desk.ask(|thread, context| thread.send(context, &actor(EVE), reply))
                .err(),
            desk.ask(|thread, context| thread.react(context, &actor(EVE), message, "👍", n == 1))
                .err(),
            desk.ask(|thread, context| thread.attach(context, &actor(EVE), file(n)))
                .err(),
        ]
        .map(|refused| refused.map(|refused| refused.reason))
    };
    assert_eq!(all(&mut desk, 1), [None, None, None]);
    edit(&mut desk.world, |one| {
        one.switches.meeting_chat_features = Setting::Source
    });
    let disabled = Some(Reason::MEETING_CHAT_FEATURES_DISABLED);
    assert_eq!(all(&mut desk, 2), [disabled.clone(), disabled.clone(), disabled]);
    // Text, typing and receipts work.
    desk.say(EVE, "text");
    desk.must(|thread, context| thread.types(context, &actor(EVE)));
    desk.must(|thread, context| thread.read(context, &actor(EVE), first));
}

#[test]
fn l34_access_after_the_meeting() {
    let hour = Duration::from_secs(3_600);
    for (policy, after_leaving, an_hour_later) in [
        (AccessAfterMeeting::Persistent, true, true),
        (AccessAfterMeeting::Hours(1), true, false),
        (AccessAfterMeeting::None, false, false),
    ] {
        for ends in [false, true] {
            let mut desk = meeting(false);
            edit(&mut desk.world, |one| one.chat.access_after_meeting = policy);
            desk.say(EVE, "hi");
            if ends {
                desk.must(|thread, context| thread.meeting_over(context, true));
            } else {
                desk.must(|thread, context| thread.left(context, &id(EVE)));
            }
            let open = |desk: &mut Desk| {
                desk.tells.clear();
                desk.say(BOB, "are you there?");
                let told = !desk.told(EVE).is_empty();
                let read = desk.sees(EVE).map_err(|refused| refused.reason);
                let sent = desk
                    .ask(|thread, context| thread.send(context, &actor(EVE), text_message("x")))
                    .map_err(|refused| refused.reason);
                if !told {
                    assert_eq!(read.unwrap_err(), Reason::MEETING_CHAT_CLOSED);
                    assert_eq!(sent.unwrap_err(), Reason::MEETING_CHAT_CLOSED);
                    return false;
                }
                read.is_ok() && sent.is_ok()
            };
            assert_eq!(open(&mut desk), after_leaving, "{policy:?} {ends}");
            desk.pass(hour);
            assert_eq!(open(&mut desk), an_hour_later, "{policy:?} {ends}");
            assert!(desk.sees(BOB).is_ok(), "members keep it");
            // Who comes back has it again.
            desk.must(|thread, context| thread.meeting_over(context, false));
            desk.must(|thread, context| thread.joined(context, id(EVE), None));
            assert!(open(&mut desk));
        }
    }
}

#[test]
fn l42_members_chat_through_an_application() {
    let mut desk = chat();
    let custom = Actor {
        through: Some("shop".parse().unwrap()),
        ..actor(BOB)
    };
    desk.must(|thread, context| thread.send(context, &custom, text_message("hi")));
    edit(&mut desk.world, |one| one.switches.member_chat = Setting::Source);
    let refused = desk.refused(|thread, context| thread.send(context, &custom, text_message("hi")));
    assert_eq!(refused, Reason::MEMBER_CHAT_DISABLED);
    desk.say(BOB, "through the native client");
    desk.say(EVE, "as ever");
}
