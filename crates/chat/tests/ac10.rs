//! Where chat is stored and when it vanishes (spec AC10, R95 to R98), on a virtual clock.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use sidetone_chat::{Cause, ItemKey};
use sidetone_ledger::Scope;
use support::*;

/// A meeting with Bob and Eve in which each says five things.
fn visit() -> Desk {
    let mut desk = Desk::new();
    desk.begin_meeting(false);
    desk.must(|thread, context| thread.joined(context, id(EVE), None));
    for n in 1..=5 {
        desk.say(EVE, &format!("eve {n}"));
        desk.say(BOB, &format!("bob {n}"));
        desk.breathe();
    }
    desk
}

fn copy_of(text: &str) -> Vec<(String, String, String)> {
    vec![("us".into(), EVE.into(), text.into())]
}

#[test]
fn all_in_the_organisations_region_and_one_copy_in_the_resources() {
    let mut desk = visit();
    assert_eq!(desk.thread().record().home.region.as_str(), "eu");
    assert_eq!(desk.kept().len(), 10);
    assert_eq!(desk.copies(), copy_of("eve 5"));
    // An edit is in the copy too, and what was taken back is in neither.
    let last = desk.message(desk.thread().last_message() - 1);
    let edited = sidetone_chat::Content::Text("eve five".into());
    desk.must(|thread, context| thread.edit(context, &actor(EVE), last.clone(), edited, None));
    assert_eq!(desk.copies(), copy_of("eve five"));
    let last = desk.message(last.id);
    desk.must(|thread, context| thread.unsay(context, &actor(EVE), last));
    assert_eq!(desk.copies(), []);
    assert!(!format!("{:?}", desk.shelf).contains("eve five"));
    desk.say(EVE, "eve 6");
    assert_eq!(desk.copies(), copy_of("eve 6"));
}

#[test]
fn without_a_policy_copies_end_after_thirty_days_and_messages_stay() {
    let mut desk = visit();
    for (day, copies) in [(7, 1), (29, 1), (31, 0), (400, 0)] {
        let start = desk.now;
        desk.pass(days(day));
        desk.sweep();
        assert_eq!(desk.copies().len(), copies, "day {day}");
        assert_eq!(desk.kept().len(), 10);
        desk.now = start;
    }
    let [(_, erased)] = &desk.erased[..] else {
        panic!("one entry for the audit: {:?}", desk.erased)
    };
    assert_eq!(erased.cause, Cause::Age);
    assert!(matches!(&erased.item, ItemKey::Copy(region, _) if region.as_str() == "us"));
    assert_eq!(erased.scope, Some(Scope::Resource("shop".parse().unwrap())));
}

#[test]
fn between_day_thirty_and_thirty_one_by_the_hour() {
    let mut desk = visit();
    let sent = desk.message(desk.thread().last_message() - 1).created;
    for hour in 0..24 * 40 {
        desk.now = sent.after(std::time::Duration::from_secs(hour * 3600));
        desk.sweep();
        assert_eq!(desk.copies().is_empty(), hour >= 24 * 30, "hour {hour}");
    }
}

#[test]
fn the_organisations_policy_takes_messages_and_copies() {
    let mut desk = visit();
    edit(&mut desk.world, |organisation| {
        organisation.chat.retention_days = Some(7)
    });
    desk.pass(days(6));
    desk.sweep();
    assert_eq!((desk.kept().len(), desk.copies().len()), (10, 1));
    desk.pass(days(2));
    desk.sweep();
    assert_eq!((desk.kept().len(), desk.copies().len()), (0, 0));
    // One row for each message, the service's own among them, and one for the copy.
    let messages = desk
        .erased
        .iter()
        .filter(|(_, erased)| matches!(erased.item, ItemKey::Message(_)));
    assert_eq!(messages.count(), 11);
    assert!(
        desk.erased
            .iter()
            .all(|(_, erased)| erased.cause == Cause::Retention)
    );
    // Numbers go on where they were.
    assert_eq!(desk.say(BOB, "later"), 12);
    assert_eq!(desk.thread().shown().purged_through, 11);
}

#[test]
fn a_policy_of_one_member_in_the_meeting_is_enough() {
    let mut desk = visit();
    edit_member(&mut desk.world, "bob", |bob| bob.chat_retention_days = Some(7));
    edit_member(&mut desk.world, "carol", |carol| {
        carol.chat_retention_days = Some(3)
    });
    desk.pass(days(4));
    desk.sweep();
    assert_eq!(desk.copies().len(), 1, "Carol is not in the meeting");
    desk.pass(days(4));
    desk.sweep();
    assert_eq!((desk.kept().len(), desk.copies().len()), (0, 0));
}

#[test]
fn a_hold_keeps_everything_and_its_end_lets_go() {
    let mut desk = visit();
    edit(&mut desk.world, |organisation| {
        organisation.chat.retention_days = Some(7);
        organisation.chat.retention_hold = true;
    });
    let first = desk.message(2);
    assert_eq!(first.body.text(), "eve 1");
    desk.must(|thread, context| thread.unsay(context, &actor(EVE), first));
    assert!(!desk.texts(BOB).contains(&"eve 1".to_owned()));
    assert!(
        format!("{:?}", desk.shelf).contains("eve 1"),
        "kept where nobody sees it"
    );
    desk.pass(days(60));
    desk.sweep();
    assert_eq!((desk.kept().len(), desk.copies().len()), (10, 1));
    edit(&mut desk.world, |organisation| {
        organisation.chat.retention_hold = false
    });
    desk.sweep();
    assert_eq!((desk.kept().len(), desk.copies().len()), (0, 0));
    assert!(!format!("{:?}", desk.shelf).contains("eve 1"));
    assert!(
        desk.erased
            .iter()
            .any(|(_, erased)| erased.cause == Cause::HoldEnded)
    );

    // A hold on the thread alone does the same.
    let mut desk = visit();
    edit(&mut desk.world, |organisation| {
        organisation.chat.retention_days = Some(7)
    });
    desk.must(|thread, _| Ok(thread.set_hold(true)));
    desk.pass(days(60));
    desk.sweep();
    assert_eq!(desk.kept().len(), 10);
    desk.must(|thread, _| Ok(thread.set_hold(false)));
    desk.sweep();
    assert_eq!(desk.kept().len(), 0);
}

#[test]
fn a_resource_that_moves_takes_its_copies_along() {
    let mut desk = visit();
    let mut shop = desk.world.resource(&"shop".parse().unwrap()).unwrap().clone();
    shop.region = Some(label("asia"));
    let change = sidetone_organisation::Change::Put(sidetone_organisation::Entity::Resource(shop));
    desk.world.apply(change).unwrap();
    desk.say(EVE, "eve 6");
    assert_eq!(desk.copies(), [("asia".into(), EVE.into(), "eve 6".into())]);
}

#[test]
fn a_deleted_thread_is_kept_as_retention_has_it_and_then_gone() {
    let mut desk = Desk::new();
    desk.begin(EVE, &[BOB]).unwrap();
    desk.say(EVE, "secret");
    desk.must(|thread, context| thread.delete(context, &actor(EVE), None));
    assert!(desk.sees(BOB).is_err() && desk.sees(EVE).is_err());
    desk.pass(days(29));
    desk.sweep();
    assert!(format!("{:?}", desk.shelf).contains("secret"));
    desk.pass(days(2));
    desk.sweep();
    assert!(desk.shelf.is_empty());
    assert!(desk.thread.is_none());
}
