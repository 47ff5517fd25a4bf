//! Cards and their answers, and previews of addresses: who is told, what is kept, and what ends with what (L16b).
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::time::Duration;

use sidetone_chat::*;
use sidetone_ledger::EventKind;
use sidetone_organisation::Setting;
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::Event;
use sidetone_signaling::protocol::chat::{Card, CardAction, CardAnswer};
use support::*;
use uuid::Uuid;

/// Eve's thread with Bob and Carol, in which she has sent a card.
fn asked() -> (Desk, u64) {
    let mut desk = Desk::new();
    desk.begin(EVE, &[BOB, CAROL]).unwrap();
    let card = Card {
        title: "Lunch?".into(),
        actions: vec![
            CardAction::Choose {
                id: "where".into(),
                title: "Where".into(),
                choices: vec!["here".into(), "there".into()],
            },
            CardAction::Press {
                id: "no".into(),
                title: "No".into(),
            },
            CardAction::Open {
                title: "Menu".into(),
                url: "https://menu.example".into(),
            },
        ],
        ..Card::default()
    };
    let new = NewMessage::new(Content::Card(Box::new(card), String::new()));
    let id = desk.must(|thread, context| thread.send(context, &actor(EVE), new));
    (desk, id)
}

fn answer(desk: &mut Desk, by: &str, id: u64, action: &str, value: &str) -> Result<(), Reason> {
    let message = desk.message(id);
    desk.ask(|thread, context| thread.answer(context, &actor(by), &message, action, value))
        .map(drop)
        .map_err(|refused| refused.reason)
}

/// The answers that were told since this was asked last, and to whom.
fn told(desk: &mut Desk) -> Vec<(String, CardAnswer)> {
    let told = std::mem::take(&mut desk.tells).into_iter();
    told.filter_map(|(to, event)| match event {
        Event::ChatCardAnswered(answer) => Some((to.raw_id(), answer)),
        _ => None,
    })
    .collect()
}

fn kept(desk: &Desk) -> Vec<&Answer> {
    desk.shelf
        .values()
        .filter_map(|item| match item {
            Item::Answer(answer) => Some(answer),
            _ => None,
        })
        .collect()
}

#[test]
fn everybody_is_shown_the_same_card_and_its_sender_is_told_who_answers() {
    let (mut desk, id) = asked();
    let views: Vec<_> = [EVE, BOB, CAROL]
        .into_iter()
        .map(|who| {
            desk.sees(who)
                .unwrap()
                .into_iter()
                .find(|one| one.id == id)
                .unwrap()
        })
        .collect();
    let message = desk.message(id);
    assert!(desk.thread().unpreviewed(&desk.world, &message).is_empty());
    assert_eq!(
        views[0].text,
        "Lunch?\n[Where: here / there]\n[No]\nMenu: https://menu.example/"
    );
    assert!(
        views
            .iter()
            .all(|view| view.card == views[0].card && view.text == views[0].text)
    );

    let version = desk.thread().version();
    answer(&mut desk, BOB, id, "where", "here").unwrap();
    answer(&mut desk, CAROL, id, "no", "").unwrap();
    answer(&mut desk, BOB, id, "where", "there").unwrap();
    let heard = told(&mut desk);
    assert!(heard.iter().all(|(to, _)| to == EVE));
    let said: Vec<_> = heard
        .iter()
        .map(|(_, one)| (one.display_name.as_str(), one.action.as_str(), one.value.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            ("Bob", "where", "here"),
            ("Carol", "no", ""),
            ("Bob", "where", "there")
        ]
    );
    let events = desk
        .happenings
        .iter()
        .filter(|one| one.kind == EventKind::ChatCardAnswered);
    assert!(events.clone().all(|one| one.recipient == Some(support::id(EVE))));
    assert_eq!(events.count(), 3);
    assert_eq!(
        desk.thread().version(),
        version,
        "nobody else asks for what changed"
    );

    // Of each the newest is kept, a lost memory or not.
    desk.restart();
    let values: Vec<_> = kept(&desk)
        .iter()
        .map(|one| (one.number, one.value.clone()))
        .collect();
    assert_eq!(values, [(3, "there".into()), (2, String::new())]);
    let by = |who| {
        desk.thread()
            .answered_by(desk.context(), &actor(who), id)
            .unwrap()
    };
    assert_eq!(by(EVE), [support::id(BOB), support::id(CAROL)]);
    assert_eq!(by(CAROL), [support::id(CAROL)], "others see their own");
}

#[test]
fn only_who_is_asked_answers_and_only_what_is_offered() {
    let (mut desk, id) = asked();
    for (who, action, value, reason) in [
        (EVE, "no", "", Reason::BAD_CONTENT),
        (PAT, "no", "", Reason::NO_SUCH_THREAD),
        (BOB, "yes", "", Reason::NO_SUCH_ACTION),
        (BOB, "where", "elsewhere", Reason::BAD_CONTENT),
        (BOB, "no", "x", Reason::BAD_CONTENT),
    ] {
        assert_eq!(
            answer(&mut desk, who, id, action, value),
            Err(reason),
            "{who} {action}"
        );
    }
    let plain = desk.say(EVE, "no card");
    assert_eq!(
        answer(&mut desk, BOB, plain, "no", ""),
        Err(Reason::NO_SUCH_ACTION)
    );
    // An edit makes another card of it; an answer says which one it was to.
    let other = Card {
        title: "Dinner?".into(),
        actions: vec![CardAction::Press {
            id: "fine".into(),
            title: "Fine".into(),
        }],
        ..Card::default()
    };
    let message = desk.message(id);
    let content = Content::Card(Box::new(other), "Dinner, then?".into());
    desk.must(|thread, context| thread.edit(context, &actor(EVE), message, content, None));
    assert_eq!(desk.message(id).body.text(), "Dinner, then?");
    assert_eq!(answer(&mut desk, BOB, id, "no", ""), Err(Reason::NO_SUCH_ACTION));
    answer(&mut desk, BOB, id, "fine", "").unwrap();
    assert_eq!(kept(&desk)[0].version, desk.message(id).version);
    // Words of the card find it, whatever its text says.
    assert!(Words::parse("fine").unwrap().are_in(&desk.message(id)));
}

#[test]
fn answers_end_with_what_was_asked() {
    // Taken back.
    let (mut desk, id) = asked();
    answer(&mut desk, BOB, id, "no", "").unwrap();
    let message = desk.message(id);
    desk.must(|thread, context| thread.unsay(context, &actor(EVE), message));
    assert!(kept(&desk).is_empty());
    assert_eq!(desk.message(id).card, None);
    assert_eq!(answer(&mut desk, BOB, id, "no", ""), Err(Reason::MESSAGE_DELETED));

    // While a hold is on nothing is deleted; when it is over they go.
    let (mut desk, id) = asked();
    answer(&mut desk, BOB, id, "no", "").unwrap();
    edit(&mut desk.world, |one| one.chat.retention_hold = true);
    let message = desk.message(id);
    desk.must(|thread, context| thread.unsay(context, &actor(EVE), message));
    assert_eq!(kept(&desk).len(), 1);
    let refused = desk
        .thread()
        .answered_by(desk.context(), &actor(EVE), id)
        .unwrap_err();
    assert_eq!(refused.reason, Reason::MESSAGE_DELETED, "and nobody sees them");
    edit(&mut desk.world, |one| one.chat.retention_hold = false);
    let due = desk.thread().due(desk.context());
    assert!(desk.carry_out(&due));
    assert!(kept(&desk).is_empty());

    // Retention.
    let (mut desk, id) = asked();
    answer(&mut desk, BOB, id, "no", "").unwrap();
    edit(&mut desk.world, |one| one.chat.retention_days = Some(1));
    desk.pass(Duration::from_secs(25 * 3600));
    let due = desk.thread().due(desk.context());
    assert!(desk.carry_out(&due));
    assert!(kept(&desk).is_empty());
}

#[test]
fn answers_that_are_too_many_for_one_turn_go_in_the_next() {
    let (desk, id) = asked();
    let mut thread = desk.thread().clone();
    for number in 0..1_200 {
        thread.learn(&Item::Answer(Answer {
            message: id,
            version: 1,
            number,
            by: format!("guest:g{number}").parse().unwrap(),
            action: "no".into(),
            value: String::new(),
            at: desk.context().now,
        }));
    }
    let mut plan = thread
        .unsay(desk.context(), &actor(EVE), desk.message(id))
        .unwrap()
        .plan;
    let mut turns = Vec::new();
    while !plan.is_empty() {
        thread.apply(&plan);
        turns.push(plan.deletes.len());
        plan = thread.due(desk.context());
    }
    assert_eq!(turns, [500, 500, 200]);
}

#[test]
fn who_hid_a_card_is_told_of_no_answer() {
    let (mut desk, id) = asked();
    desk.must(|thread, context| thread.delete(context, &actor(EVE), Some(Deletion::HideForMe)));
    answer(&mut desk, BOB, id, "no", "").unwrap();
    assert_eq!(told(&mut desk), []);
    let mut events = desk.happenings.iter();
    assert!(!events.any(|one| one.kind == EventKind::ChatCardAnswered));
}

#[test]
fn an_answer_is_a_feature_that_can_be_closed() {
    let mut desk = Desk::new();
    desk.begin(BOB, &[EVE, CAROL]).unwrap();
    let card = Card {
        actions: vec![CardAction::Enter {
            id: "name".into(),
            title: "Your name".into(),
        }],
        ..Card::default()
    };
    let new = NewMessage::new(Content::Card(Box::new(card), String::new()));
    let id = desk.must(|thread, context| thread.send(context, &actor(BOB), new));
    answer(&mut desk, EVE, id, "name", "Eve").unwrap();
    edit(&mut desk.world, |one| {
        one.switches.chat_features = Setting::Source
    });
    let refused = answer(&mut desk, EVE, id, "name", "Eve");
    assert_eq!(refused, Err(Reason::CHAT_FEATURES_DISABLED));
    answer(&mut desk, CAROL, id, "name", "Carol").unwrap();
}

fn found(url: &str, image: Option<u128>) -> FoundPreview {
    FoundPreview {
        url: url.into(),
        title: " A  title\n".into(),
        description: "x".repeat(600),
        image: image.map(|id| FoundImage {
            id: Uuid::from_u128(id),
            content_type: "image/png".into(),
            size: 100,
        }),
    }
}

#[test]
fn a_preview_comes_to_everybody_and_goes_with_its_address() {
    let mut desk = Desk::new();
    desk.begin(EVE, &[BOB]).unwrap();
    let id = desk.say(EVE, "see https://a.example and https://b.example");
    let message = desk.message(id);
    let wanted = desk.thread().unpreviewed(&desk.world, &message);
    assert_eq!(wanted, ["https://a.example/", "https://b.example/"]);
    desk.tells.clear();
    let all = vec![
        found("https://a.example/", Some(1)),
        found("https://a.example/", Some(2)),
        found("https://nobody-asked.example/", Some(3)),
    ];
    let images = desk.must(|thread, context| thread.preview(context, message, all));
    assert_eq!(images, [Uuid::from_u128(1)]);
    let told: Vec<_> = desk
        .tells
        .iter()
        .filter_map(|(to, event)| match event {
            Event::ChatMessageEdited(message) => Some((to.raw_id(), message.previews.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(told.len(), 2, "the sender too");
    let preview = &told[0].1[0];
    assert_eq!(
        (preview.title.as_str(), preview.image),
        ("A title", Some(Uuid::from_u128(1)))
    );
    assert_eq!(preview.description.chars().count(), 500);
    assert_eq!(desk.message(id).edited, None, "nobody edited it");
    let message = desk.message(id);
    assert_eq!(
        desk.thread().unpreviewed(&desk.world, &message),
        ["https://b.example/"]
    );
    // Its picture is there for whoever sees the message, and no file of the message.
    assert!(
        desk.thread()
            .attachment(desk.context(), &actor(BOB), Uuid::from_u128(1))
            .is_ok()
    );
    assert!(
        desk.sees(BOB)
            .unwrap()
            .iter()
            .all(|one| one.attachments.is_empty())
    );

    let content = Content::Text("only https://b.example".into());
    desk.must(|thread, context| thread.edit(context, &actor(EVE), message, content, None));
    assert_eq!(desk.message(id).previews, []);
    let due = desk.thread().due(desk.context());
    assert!(desk.carry_out(&due));
    assert_eq!(desk.thread().files().count(), 0, "nor is its picture kept");
}

#[test]
fn a_picture_that_has_ended_is_named_no_more() {
    let mut desk = Desk::new();
    desk.begin(EVE, &[BOB]).unwrap();
    let id = desk.say(EVE, "see https://a.example");
    let (message, all) = (desk.message(id), vec![found("https://a.example/", Some(1))]);
    desk.must(|thread, context| thread.preview(context, message, all));
    desk.pass(Duration::from_secs(31 * 24 * 3600));
    let due = desk.thread().due(desk.context());
    assert!(desk.carry_out(&due));
    let shown = desk
        .thread()
        .message_shown(&desk.world, &support::id(BOB), &desk.message(id));
    assert_eq!(shown.previews[0].title, "A title");
    assert_eq!(shown.previews[0].image, None);
}

#[test]
fn l16b_previews_and_translation_can_be_closed() {
    let mut desk = Desk::new();
    desk.begin(EVE, &[BOB]).unwrap();
    let id = desk.say(BOB, "see https://a.example");
    let message = desk.message(id);
    let translate = |desk: &Desk, who| {
        let message = desk.message(id);
        desk.thread()
            .may_translate(desk.context(), &actor(who), &message)
            .map_err(|refused| refused.reason)
    };
    assert_eq!(desk.thread().unpreviewed(&desk.world, &message).len(), 1);
    assert_eq!(translate(&desk, EVE), Ok(()));
    edit(&mut desk.world, |one| {
        one.switches.link_previews = Setting::Source;
        one.switches.chat_translation = Setting::Source;
    });
    assert!(desk.thread().unpreviewed(&desk.world, &message).is_empty());
    assert_eq!(translate(&desk, EVE), Err(Reason::CHAT_FEATURES_DISABLED));
    assert_eq!(translate(&desk, BOB), Ok(()));
    // What was found when it was allowed is not put there any more.
    let late = vec![found("https://a.example/", None)];
    desk.must(|thread, context| thread.preview(context, message, late));
    assert_eq!(desk.message(id).previews, []);
}
