//! What people do in threads, and what comes of it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::time::Duration;

use sidetone_chat::*;
use sidetone_ledger::EventKind;
use sidetone_organisation::{Federation, PolicyName};
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::Event;
use sidetone_signaling::protocol::chat::MessageKind;
use support::*;

fn invited(raw: &str) -> Invited {
    Invited {
        identity: id(raw),
        name: None,
    }
}

#[test]
fn a_thread_begins_with_everybody_told() {
    let mut desk = Desk::new();
    desk.begin(EVE, &[BOB, CAROL, BOB]).unwrap();
    assert_eq!(desk.thread().current().count(), 3);
    for who in [EVE, BOB, CAROL] {
        let told = desk.told(who);
        let [Event::ChatThreadCreated(created)] = &told[..] else {
            panic!("{told:?}")
        };
        let names: Vec<_> = created
            .participants
            .iter()
            .map(|one| one.display_name.as_str())
            .collect();
        assert_eq!(names, ["Eve (External)", "Bob", "Carol"]);
        assert_eq!(created.thread.topic, "Order 17");
    }
    let kinds: Vec<_> = desk
        .happenings
        .iter()
        .map(|one| (one.kind, one.recipient.clone()))
        .collect();
    assert_eq!(
        kinds,
        [
            (EventKind::ChatThreadCreatedWithUser, Some(id(BOB))),
            (EventKind::ChatThreadCreatedWithUser, Some(id(CAROL))),
            (EventKind::ChatThreadCreated, None),
        ]
    );
}

#[test]
fn the_gates_of_calls_are_the_gates_of_chats() {
    let reason = |desk: &mut Desk, by, with: &[&str]| desk.begin(by, with).unwrap_err().reason;
    let mut desk = Desk::new();
    assert_eq!(reason(&mut desk, FAR, &[BOB]), Reason::RESOURCE_NOT_ALLOWED);
    assert_eq!(
        reason(&mut desk, EVE, &["member:contoso:nobody"]),
        Reason::NO_SUCH_CALLEE
    );
    assert_eq!(
        reason(&mut desk, EVE, &["phone:+390612345"]),
        Reason::NO_SUCH_CALLEE
    );
    assert_eq!(
        reason(&mut desk, "member:contoso:nobody", &[BOB]),
        Reason::UNKNOWN_CALLER
    );
    // Not by way of a colleague, and not by way of another external user either.
    assert_eq!(
        reason(&mut desk, BOB, &[CAROL, FAR]),
        Reason::RESOURCE_NOT_ALLOWED
    );
    assert_eq!(reason(&mut desk, EVE, &[BOB, FAR]), Reason::RESOURCE_NOT_ALLOWED);
    desk.begin(EVE, &[FAR]).unwrap();
    let refused = desk.refused(|thread, context| thread.add(context, &actor(EVE), vec![invited(BOB)], None));
    assert_eq!(refused, Reason::RESOURCE_NOT_ALLOWED);
}

#[test]
fn access_that_is_closed_later_is_closed() {
    let mut desk = Desk::new();
    desk.begin(EVE, &[BOB]).unwrap();
    desk.say(EVE, "hi");
    let set = |desk: &mut Desk, open| {
        let federation = Federation {
            enable_external_users: open,
            allowed_resources: ["shop".parse().unwrap()].into(),
        };
        let organisation = contoso();
        let entity = sidetone_organisation::Entity::Federation {
            organisation,
            federation,
        };
        desk.world
            .apply(sidetone_organisation::Change::Put(entity))
            .unwrap();
    };
    set(&mut desk, false);
    let closed = Reason::TENANT_FEDERATION_DISABLED;
    for who in [EVE, BOB] {
        let refused = desk.refused(|thread, context| thread.send(context, &actor(who), text_message("x")));
        assert_eq!(refused, closed);
        assert_eq!(desk.sees(who).unwrap_err().reason, closed);
    }
    set(&mut desk, true);
    desk.say(EVE, "again");
    // A policy of one member closes it for that member; the others go on.
    desk.must(|thread, context| thread.add(context, &actor(EVE), vec![invited(CAROL)], None));
    let policy = sidetone_organisation::ExternalAccessPolicy {
        name: "closed".parse::<PolicyName>().unwrap(),
        enable_federation_access: false,
    };
    let organisation = contoso();
    let entity = sidetone_organisation::Entity::Policy { organisation, policy };
    desk.world
        .apply(sidetone_organisation::Change::Put(entity))
        .unwrap();
    edit_member(&mut desk.world, "bob", |bob| {
        bob.policy = Some("closed".parse().unwrap())
    });
    desk.tells.clear();
    desk.say(EVE, "to Carol alone");
    assert!(desk.told(BOB).is_empty());
    assert_eq!(desk.told(CAROL).len(), 1);
    assert_eq!(desk.sees(BOB).unwrap_err().reason, Reason::POLICY_DENIED);
}

#[test]
fn history_is_shared_from_the_time_that_is_named() {
    let mut desk = Desk::new();
    desk.begin(EVE, &[BOB]).unwrap();
    desk.say(EVE, "old");
    desk.breathe();
    let since = desk.now;
    desk.say(EVE, "new");
    for (history, seen) in [
        (None, vec!["now"]),
        (Some(since), vec!["new", "now"]),
        (Some(Default::default()), vec!["old", "new", "now"]),
    ] {
        let mut desk = Desk {
            world: world(),
            now: desk.now,
            shelf: desk.shelf.clone(),
            thread: Some(desk.thread().clone()),
            ..Desk::new()
        };
        desk.must(|thread, context| thread.add(context, &actor(EVE), vec![invited(CAROL)], history));
        desk.say(EVE, "now");
        assert_eq!(desk.texts(CAROL), seen);
    }
}

#[test]
fn who_was_removed_keeps_what_was_and_gets_nothing_new() {
    let mut desk = Desk::new();
    desk.begin(EVE, &[BOB, CAROL]).unwrap();
    desk.say(EVE, "one");
    desk.must(|thread, context| thread.remove(context, &actor(EVE), &id(CAROL)));
    desk.tells.clear();
    desk.say(EVE, "two");
    assert!(desk.told(CAROL).is_empty());
    assert_eq!(desk.texts(CAROL), ["one"]);
    let refused = desk.refused(|thread, context| thread.send(context, &actor(CAROL), text_message("x")));
    assert_eq!(refused, Reason::NOT_IN_THREAD);
    // Back again, without what was said meanwhile.
    desk.must(|thread, context| thread.add(context, &actor(BOB), vec![invited(CAROL)], None));
    desk.say(EVE, "three");
    assert_eq!(desk.texts(CAROL), ["one", "three"]);
    let changes = desk
        .thread()
        .changes(desk.context(), &actor(CAROL), 0, 200)
        .unwrap();
    let two = desk
        .thread()
        .heads()
        .map(|(id, _)| id)
        .find(|id| desk.message(*id).body.text() == "two");
    assert!(!changes.messages.contains(&two.unwrap()));
}

#[test]
fn only_the_sender_changes_a_message() {
    let mut desk = Desk::new();
    desk.begin(EVE, &[BOB]).unwrap();
    let said = desk.say(BOB, "mine");
    let message = desk.message(said);
    let content = || Content::Text("not yours".into());
    let refused =
        desk.refused(|thread, context| thread.edit(context, &actor(EVE), message.clone(), content(), None));
    assert_eq!(refused, Reason::NOT_THE_SENDER);
    let refused = desk.refused(|thread, context| thread.unsay(context, &actor(EVE), message.clone()));
    assert_eq!(refused, Reason::NOT_THE_SENDER);
    let system = desk.message(1);
    let refused = desk.refused(|thread, context| thread.unsay(context, &actor(EVE), system));
    assert_eq!(refused, Reason::NOT_THE_SENDER);
    desk.tells.clear();
    desk.must(|thread, context| thread.unsay(context, &actor(BOB), message.clone()));
    assert!(matches!(&desk.told(EVE)[..], [Event::ChatMessageDeleted(gone)] if gone.id == said));
    assert!(!format!("{:?}", desk.shelf).contains("mine"));
    // Once is enough, and nothing else can be done with it.
    let gone = desk.message(said);
    desk.must(|thread, context| thread.unsay(context, &actor(BOB), gone.clone()));
    let refused = desk.refused(|thread, context| thread.react(context, &actor(EVE), gone, "👍", true));
    assert_eq!(refused, Reason::MESSAGE_DELETED);
}

#[test]
fn a_token_sends_once_and_survives_a_restart() {
    let mut desk = Desk::new();
    desk.begin(EVE, &[BOB]).unwrap();
    let message = || NewMessage {
        token: Some("t-1".into()),
        ..text_message("once")
    };
    let first = desk.must(|thread, context| thread.send(context, &actor(EVE), message()));
    let again = desk.must(|thread, context| thread.send(context, &actor(EVE), message()));
    desk.restart();
    let later = desk.must(|thread, context| thread.send(context, &actor(EVE), message()));
    let bobs = desk.must(|thread, context| thread.send(context, &actor(BOB), message()));
    assert_eq!((first, first), (again, later));
    assert_ne!(first, bobs, "tokens are each sender's own");
    assert_eq!(desk.usage, 2);
}

#[test]
fn rates_are_refused_with_the_time_to_wait() {
    let mut desk = Desk::new();
    desk.begin(EVE, &[BOB]).unwrap();
    for n in 0..10 {
        desk.say(EVE, &n.to_string());
    }
    let refused = desk
        .ask(|thread, context| thread.send(context, &actor(EVE), text_message("11")))
        .unwrap_err();
    assert_eq!(refused.reason, Reason::CHAT_TOO_FAST);
    let wait = refused.retry_after.unwrap();
    assert!(wait <= Duration::from_secs(10));
    desk.say(BOB, "others are not kept waiting");
    desk.pass(wait);
    desk.say(EVE, "11");
}

#[test]
fn scopes_bound_what_a_token_does() {
    let with = |rights| Actor { rights, ..actor(EVE) };
    let mut desk = Desk::new();
    desk.begin(EVE, &[BOB]).unwrap();
    let missing = Reason::SCOPE_MISSING;
    let none = with(Rights::None);
    assert_eq!(desk.refused(|t, c| t.send(c, &none, text_message("x"))), missing);
    let limited = with(Rights::Limited);
    desk.must(|thread, context| thread.send(context, &limited, text_message("x")));
    let add = |rights: &Actor, desk: &mut Desk| {
        desk.ask(|thread, context| thread.add(context, rights, vec![invited(CAROL)], None))
            .map_err(|refused| refused.reason)
    };
    assert_eq!(add(&limited, &mut desk), Err(missing.clone()));
    let join = with(Rights::Join);
    assert!(add(&join, &mut desk).is_ok());
    let change = || ThreadChange {
        topic: Some("new".into()),
        metadata: None,
    };
    assert_eq!(desk.refused(|t, c| t.update(c, &join, change())), missing);
    assert_eq!(desk.refused(|t, c| t.delete(c, &join, None)), missing);
    desk.must(|thread, context| thread.update(context, &with(Rights::Full), change()));
}

#[test]
fn a_topic_changes_with_a_message_of_the_service() {
    let mut desk = Desk::new();
    desk.begin(EVE, &[BOB]).unwrap();
    desk.tells.clear();
    let change = ThreadChange {
        topic: Some(" Order 18 ".into()),
        metadata: None,
    };
    desk.must(|thread, context| thread.update(context, &actor(BOB), change));
    let told = desk.told(EVE);
    let [
        Event::ChatThreadUpdated(updated),
        Event::ChatMessageReceived(message),
    ] = &told[..]
    else {
        panic!("{told:?}")
    };
    assert_eq!(updated.thread.topic, "Order 18");
    assert_eq!(
        (message.kind, message.topic.as_deref()),
        (MessageKind::TopicUpdated, Some("Order 18"))
    );
    assert_eq!(updated.thread.version, message.version, "one change, one version");
}

#[test]
fn receipts_are_numbers_above_twenty() {
    let mut desk = Desk::new();
    for n in 0..30 {
        let member = sidetone_organisation::Member::new(format!("m{n}").parse().unwrap(), format!("M {n}"));
        let organisation = contoso();
        let entity = sidetone_organisation::Entity::Member { organisation, member };
        desk.world
            .apply(sidetone_organisation::Change::Put(entity))
            .unwrap();
    }
    let many: Vec<String> = (0..30).map(|n| format!("member:contoso:m{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    desk.begin(EVE, &many).unwrap();
    let said = desk.say(EVE, "hi all");
    desk.tells.clear();
    for reader in many.iter().take(5) {
        desk.must(|thread, context| thread.read(context, &actor(reader), said));
    }
    assert!(
        desk.tells.iter().all(|(to, _)| to.raw_id() == EVE),
        "the sender alone is told"
    );
    let told = desk.told(EVE);
    let Some(Event::ChatReadReceiptReceived(last)) = told.last() else {
        panic!("{told:?}")
    };
    assert_eq!((last.reader.clone(), last.read_by, last.of), (None, 5, 30));
    let receipts = desk.thread().receipts(desk.context(), &actor(BOB)).unwrap_err();
    assert_eq!(receipts.reason, Reason::NO_SUCH_THREAD);
    let receipts = desk.thread().receipts(desk.context(), &actor(EVE)).unwrap();
    assert_eq!(receipts, Receipts::Counts(vec![(said, 5)]));
}

#[test]
fn limits_are_exact() {
    let mut desk = Desk::new();
    desk.limits.participants = 2;
    assert_eq!(
        desk.begin(EVE, &[BOB, CAROL]).unwrap_err().reason,
        Reason::THREAD_FULL
    );
    desk.begin(EVE, &[BOB]).unwrap();
    let refused =
        desk.refused(|thread, context| thread.add(context, &actor(EVE), vec![invited(CAROL)], None));
    assert_eq!(refused, Reason::THREAD_FULL);
    desk.limits.participants = 3;
    desk.must(|thread, context| thread.add(context, &actor(EVE), vec![invited(CAROL)], None));
}

#[test]
fn the_thread_of_a_meeting_follows_the_meeting() {
    let mut desk = Desk::new();
    desk.begin_meeting(false);
    desk.say(BOB, "before you came");
    // No gate is asked: the meeting has let her in.
    desk.must(|thread, context| thread.joined(context, id(FAR), Some("Fay".into())));
    desk.must(|thread, context| thread.joined(context, id(CAROL), None));
    desk.say(BOB, "welcome");
    assert_eq!(desk.texts(FAR), ["welcome"]);
    assert_eq!(desk.texts(CAROL), ["before you came", "welcome"]);
    for deed in [
        desk.refused(|thread, context| thread.add(context, &actor(BOB), vec![invited(EVE)], None)),
        desk.refused(|thread, context| thread.remove(context, &actor(BOB), &id(FAR))),
        desk.refused(|thread, context| thread.delete(context, &actor(FAR), None)),
    ] {
        assert_eq!(deed, Reason::FOLLOWS_MEETING);
    }
}

#[test]
fn the_name_that_a_program_gives_is_everybodys() {
    let mut desk = Desk::new();
    desk.begin(BOB, &[EVE]).unwrap();
    let eve = Actor {
        name: Some("Dr. Eve (External)".into()),
        ..actor(EVE)
    };
    desk.must(|thread, context| thread.send(context, &eve, text_message("hi")));
    for viewer in [BOB, EVE] {
        assert_eq!(
            desk.sees(viewer).unwrap()[0].sender_display_name,
            "Dr. Eve (External)"
        );
        let shown = desk
            .thread()
            .people()
            .map(|one| desk.thread().participant_shown(&desk.world, &id(viewer), one));
        assert!(
            shown
                .into_iter()
                .any(|one| one.display_name == "Dr. Eve (External)")
        );
    }
    let bob = Actor {
        name: Some("The Boss".into()),
        ..actor(BOB)
    };
    desk.must(|thread, context| thread.send(context, &bob, text_message("hi")));
    assert_eq!(desk.sees(EVE).unwrap()[0].sender_display_name, "Bob");
}
