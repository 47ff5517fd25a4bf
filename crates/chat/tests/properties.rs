//! Whatever people do in the chat of a meeting, and wherever a crash cuts it off: what is known is what was written, what
//! was acknowledged is there, the one-copy rule holds, and no number is used twice.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use sidetone_chat::*;
use sidetone_signaling::protocol::chat::{Card, CardAction};
use support::*;
use uuid::Uuid;

const PEOPLE: [&str; 5] = [BOB, CAROL, EVE, PAT, FAR];

#[derive(Clone, Debug)]
enum Step {
    Send(usize),
    Edit(usize, usize),
    Unsay(usize, usize),
    React(usize, usize),
    Ask(usize),
    Answer(usize, usize),
    Preview(usize),
    Join(usize),
    Leave(usize),
    Read(usize, usize),
    Over(bool),
    Retention(Option<u32>),
    Hold(bool),
    Pass(u64),
    Sweep,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let person = 0..PEOPLE.len();
    prop_oneof![
        8 => person.clone().prop_map(Step::Send),
        2 => (person.clone(), 0usize..8).prop_map(|(who, back)| Step::Edit(who, back)),
        2 => (person.clone(), 0usize..8).prop_map(|(who, back)| Step::Unsay(who, back)),
        1 => (person.clone(), 0usize..8).prop_map(|(who, back)| Step::React(who, back)),
        2 => person.clone().prop_map(Step::Ask),
        2 => (person.clone(), 0usize..8).prop_map(|(who, back)| Step::Answer(who, back)),
        1 => (0usize..8).prop_map(Step::Preview),
        3 => person.clone().prop_map(Step::Join),
        1 => person.clone().prop_map(Step::Leave),
        1 => (person, 0usize..8).prop_map(|(who, back)| Step::Read(who, back)),
        1 => any::<bool>().prop_map(Step::Over),
        1 => prop::option::of(1u32..60).prop_map(Step::Retention),
        1 => any::<bool>().prop_map(Step::Hold),
        2 => (0u64..24 * 20).prop_map(Step::Pass),
        2 => Just(Step::Sweep),
        1 => Just(Step::Restart),
    ]
}

/// What was acknowledged: the text of each message, nothing where it was taken back.
type Acknowledged = BTreeMap<u64, Option<String>>;

fn take(desk: &mut Desk, acknowledged: &mut Acknowledged, step: &Step, number: usize) {
    let pick = |desk: &Desk, back: usize| {
        let id = desk.thread().last_message().checked_sub(back as u64)?;
        desk.shelf
            .contains_key(&ItemKey::Message(id))
            .then(|| desk.message(id))
    };
    match step {
        Step::Send(who) => {
            let text = format!("message {number}, https://a.example");
            let sent =
                desk.ask(|thread, context| thread.send(context, &actor(PEOPLE[*who]), text_message(&text)));
            if let Ok(Some(id)) = sent {
                assert_eq!(acknowledged.insert(id, Some(text)), None, "a number is used once");
            }
        }
        Step::Edit(who, back) => {
            let Some(message) = pick(desk, *back) else { return };
            let (id, text) = (message.id, format!("edit {number}"));
            let content = Content::Text(text.clone());
            let by = actor(PEOPLE[*who]);
            if let Ok(Some(_)) = desk.ask(|thread, context| thread.edit(context, &by, message, content, None))
            {
                acknowledged.insert(id, Some(text));
            }
        }
        Step::Unsay(who, back) => {
            let Some(message) = pick(desk, *back) else { return };
            let id = message.id;
            let by = actor(PEOPLE[*who]);
            if let Ok(Some(())) = desk.ask(|thread, context| thread.unsay(context, &by, message)) {
                acknowledged.insert(id, None);
            }
        }
        Step::React(who, back) => {
            let Some(message) = pick(desk, *back) else { return };
            let by = actor(PEOPLE[*who]);
            let _ = desk.ask(|thread, context| thread.react(context, &by, message, "👍", true));
        }
        Step::Ask(who) => {
            let card = Card {
                actions: vec![CardAction::Press {
                    id: "yes".into(),
                    title: format!("yes {number}"),
                }],
                ..Card::default()
            };
            let text = card_text(&card);
            let new = NewMessage::new(Content::Card(Box::new(card), String::new()));
            let sent = desk.ask(|thread, context| thread.send(context, &actor(PEOPLE[*who]), new));
            if let Ok(Some(id)) = sent {
                assert_eq!(acknowledged.insert(id, Some(text)), None, "a number is used once");
            }
        }
        Step::Answer(who, back) => {
            let Some(message) = pick(desk, *back) else { return };
            let by = actor(PEOPLE[*who]);
            let answered = desk.ask(|thread, context| thread.answer(context, &by, &message, "yes", ""));
            if let Ok(Some(())) = answered {
                let key = ItemKey::Answer(message.id, by.identity);
                assert!(desk.shelf.contains_key(&key), "what is acknowledged is kept");
            }
        }
        Step::Preview(back) => {
            let Some(message) = pick(desk, *back) else { return };
            let found = FoundPreview {
                url: "https://a.example/".into(),
                title: "A".into(),
                description: String::new(),
                image: Some(FoundImage {
                    id: Uuid::from_u128(number as u128 + 1),
                    content_type: "image/png".into(),
                    size: 10,
                }),
            };
            let _ = desk.ask(|thread, context| thread.preview(context, message, vec![found]));
        }
        Step::Join(who) => {
            let _ = desk.ask(|thread, context| thread.joined(context, id(PEOPLE[*who]), None));
        }
        Step::Leave(who) => {
            let _ = desk.ask(|thread, context| thread.left(context, &id(PEOPLE[*who])));
        }
        Step::Read(who, back) => {
            let Some(message) = pick(desk, *back) else { return };
            let by = actor(PEOPLE[*who]);
            let _ = desk.ask(|thread, context| thread.read(context, &by, message.id));
        }
        Step::Over(over) => {
            let _ = desk.ask(|thread, context| thread.meeting_over(context, *over));
        }
        Step::Retention(days) => edit(&mut desk.world, |one| one.chat.retention_days = *days),
        Step::Hold(on) => edit(&mut desk.world, |one| one.chat.retention_hold = *on),
        Step::Pass(hours) => desk.pass(Duration::from_secs(hours * 3_600)),
        Step::Sweep => {
            let plan = desk.thread().due(desk.context());
            let _ = desk.carry_out(&plan);
        }
        Step::Restart => desk.restart(),
    }
}

/// For each external user at most one copy, and it is the newest message, as it is.
fn one_copy(desk: &Desk) {
    let mut whose = BTreeSet::new();
    for item in desk.shelf.values() {
        let Item::Copy(copy) = item else { continue };
        let sender = &copy.message.sender;
        assert!(whose.insert(sender.clone()), "two copies of {sender}");
        assert_eq!(copy.region.as_str(), "us");
        let newest = desk
            .thread()
            .heads()
            .filter(|(_, head)| head.sender == *sender && !head.system)
            .map(|(id, _)| id)
            .next_back();
        if let Some(newest) = newest {
            assert_eq!(
                copy.message,
                desk.message(newest),
                "the copy of {sender} is of the newest message"
            );
            assert!(copy.message.deleted.is_none());
        }
    }
}

/// And it is there for as long as it may be.
fn copies_are_there(desk: &Desk) {
    assert_eq!(desk.thread().needed_to_mend(desk.context()), Vec::<u64>::new());
}

/// Nothing is left of an answer to what nobody says any more, nor of a picture of it.
fn swept(desk: &mut Desk) {
    edit(&mut desk.world, |one| one.chat.retention_hold = false);
    desk.sweep();
    let said = |desk: &Desk, id| {
        let head = desk.thread().heads().find(|(one, _)| *one == id);
        head.is_some_and(|(_, head)| !head.deleted)
    };
    for item in desk.shelf.values() {
        match item {
            Item::Answer(answer) => assert!(said(desk, answer.message), "{answer:?}"),
            Item::Attachment(file) => assert!(said(desk, file.message.unwrap()), "{file:?}"),
            _ => {}
        }
    }
}

proptest! {
    #[test]
    fn what_is_acknowledged_is_kept_and_no_more_than_the_rules_have_it(
        steps in prop::collection::vec((step(), prop::option::weighted(0.15, 0usize..5)), 1..60),
    ) {
        let mut desk = Desk::new();
        desk.begin_meeting(false);
        let mut acknowledged = Acknowledged::new();
        let mut version = 0;
        for (number, (step, fuse)) in steps.iter().enumerate() {
            desk.pass(Duration::from_secs(7));
            desk.fuse = *fuse;
            take(&mut desk, &mut acknowledged, step, number);
            let cut_off = fuse.is_some() && desk.fuse.is_none();
            desk.fuse = None;
            if cut_off {
                desk.restart();
                // What was not acknowledged may be there: it is as good as acknowledged now.
                for item in desk.shelf.values() {
                    if let Item::Message(message) = item && !message.body.is_system() {
                        let text = message.deleted.is_none().then(|| message.body.text().to_owned());
                        acknowledged.insert(message.id, text);
                    }
                }
            }
            let again = Thread::load(desk.shelf.values().cloned()).unwrap();
            prop_assert_eq!(&again, desk.thread(), "all that is known was written");
            prop_assert!(desk.thread().version() >= version, "versions never go back");
            version = desk.thread().version();
            one_copy(&desk);
            copies_are_there(&desk);
            let purged = desk.thread().record().purged_through;
            for (id, text) in acknowledged.range(purged + 1..) {
                let message = desk.message(*id);
                let kept = message.deleted.is_none().then(|| message.body.text().to_owned());
                prop_assert_eq!(&kept, text, "message {}", id);
            }
            let ids: Vec<u64> = desk.thread().heads().map(|(id, _)| id).filter(|id| *id > purged).collect();
            let last = desk.thread().last_message();
            prop_assert_eq!(ids, (purged + 1..=last).collect::<Vec<_>>(), "no gaps");
        }
        swept(&mut desk);
    }
}
