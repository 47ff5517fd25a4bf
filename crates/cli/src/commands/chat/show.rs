//! Threads, messages and events as lines: for people, or as JSON. What comes from others is shown without control
//! characters: a message must not move the cursor of who reads it.

use serde_json::{Value, json};
use sidetone::{
    CardAnswer, ChatEvent, ChatMessage, ChatThread, MessageKind, Priority, ThreadId, Translation,
};

use super::args::UserArgs;
use super::card;
use crate::output;

/// Something was done.
pub fn done(user: &UserArgs, name: &str, words: &str, fields: Value) {
    line(user, name, words, fields);
}

/// A thread of the list.
pub fn thread(user: &UserArgs, thread: &ChatThread) {
    let topic = if thread.topic.is_empty() {
        "(no topic)".to_owned()
    } else {
        plain(&thread.topic)
    };
    let words = format!("{}  {topic}  {} messages", thread.id, thread.last_message);
    line(user, "thread", &words, json!(thread));
}

/// A message that was looked for, with the thread that it is in.
pub fn found(user: &UserArgs, found: &ChatMessage) {
    if !user.json {
        output::line(&found.thread.to_string());
    }
    message(user, "found", found);
}

/// A message.
pub fn message(user: &UserArgs, name: &str, message: &ChatMessage) {
    let sender = plain(&message.sender_display_name);
    let names = || {
        let ids: Vec<String> = message.participants.iter().map(ToString::to_string).collect();
        ids.join(", ")
    };
    let said = match message.kind {
        MessageKind::ParticipantAdded => format!("* {sender} added {}", names()),
        MessageKind::ParticipantRemoved => format!("* {sender} removed {}", names()),
        MessageKind::TopicUpdated => {
            let topic = message.topic.as_deref().unwrap_or_default();
            format!("* {sender} changed the topic to {}", plain(topic))
        }
        MessageKind::Text | MessageKind::Html if message.deleted_at_ms.is_some() => {
            format!("{sender}: (deleted)")
        }
        // The text says the same as the card, which is drawn below.
        MessageKind::Text | MessageKind::Html if message.card.is_some() => format!("{sender}:"),
        MessageKind::Text | MessageKind::Html => format!("{sender}: {}", plain(&message.text)),
    };
    let said = match message.priority {
        Priority::Normal => said,
        Priority::High => format!("(important) {said}"),
        Priority::Urgent => format!("(URGENT) {said}"),
    };
    let mut words = format!("{:>4}  {}  {said}", message.id, clock(message.created_at_ms));
    if let Some(answered) = message.reply_to {
        words.push_str(&format!("  (to {answered})"));
    }
    if message.edited_at_ms.is_some() && message.deleted_at_ms.is_none() {
        words.push_str("  (edited)");
    }
    if message.pinned {
        words.push_str("  (pinned)");
    }
    for who in &message.mentions {
        words.push_str(&format!("  @{who}"));
    }
    for file in &message.attachments {
        words.push_str(&format!("  [{}, {} bytes]", plain(&file.name), file.size));
    }
    for reaction in &message.reactions {
        words.push_str(&format!("  {} {}", plain(&reaction.emoji), reaction.count));
    }
    if let Some(card) = &message.card {
        words.push_str(&card::drawn(card));
    }
    for preview in &message.previews {
        let title = plain(&preview.title);
        words.push_str(&format!("\n      > {title}  {}", plain(&preview.url)));
        if !preview.description.is_empty() {
            words.push_str(&format!("\n      > {}", plain(&preview.description)));
        }
    }
    line(user, name, &words, json!(message));
}

/// What was answered to a card.
pub fn answers(user: &UserArgs, answers: &[CardAnswer]) {
    for one in answers {
        answer(user, "answer", one);
    }
    if answers.is_empty() && !user.json {
        output::line("      no answers");
    }
}

fn answer(user: &UserArgs, name: &str, answer: &CardAnswer) {
    let who = plain(&answer.display_name);
    let said = plain(&answer.value);
    let action = plain(&answer.action);
    let words = format!("      {who} answers {}: {action} {said}", answer.message);
    line(user, name, words.trim_end(), json!(answer));
}

/// A message in another language.
pub fn translation(user: &UserArgs, translation: &Translation) {
    let from = translation.from.as_deref();
    let from = from.map(|from| format!("from {}, ", plain(from)));
    let words = format!(
        "{:>4}  ({}{})  {}",
        translation.message,
        from.unwrap_or_default(),
        plain(&translation.language),
        plain(&translation.text)
    );
    line(user, "translation", &words, json!(translation));
}

/// Something that happened, where it is about this thread.
pub fn event(user: &UserArgs, thread: ThreadId, event: &ChatEvent) {
    match event {
        ChatEvent::MessageReceived(new) if new.thread == thread => message(user, "messageReceived", new),
        ChatEvent::MessageEdited(changed) if changed.thread == thread => {
            message(user, "messageEdited", changed)
        }
        ChatEvent::MessageDeleted(gone) if gone.thread == thread => {
            line(
                user,
                "messageDeleted",
                &format!("{:>4}  deleted", gone.id),
                json!(gone),
            );
        }
        ChatEvent::TypingReceived(typing) if typing.thread == thread => {
            let words = format!("      {} types …", plain(&typing.display_name));
            line(user, "typing", &words, json!(typing));
        }
        ChatEvent::ReadReceiptReceived(receipt) if receipt.thread == thread => {
            let who = receipt
                .reader
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default();
            let words = format!(
                "      read up to {} by {} of {} {who}",
                receipt.message, receipt.read_by, receipt.of
            );
            line(user, "read", words.trim_end(), json!(receipt));
        }
        ChatEvent::ThreadUpdated(updated) if updated.thread.id == thread => {
            let words = format!("      topic: {}", plain(&updated.thread.topic));
            line(user, "threadUpdated", &words, json!(updated));
        }
        ChatEvent::ThreadDeleted(gone) if gone.thread == thread => {
            line(user, "threadDeleted", "      the thread is gone", json!(gone));
        }
        ChatEvent::ThreadGone(gone) if *gone == thread => {
            line(
                user,
                "threadDeleted",
                "      the thread is gone",
                json!({ "thread": gone }),
            );
        }
        ChatEvent::CardAnswered(given) if given.thread == thread => answer(user, "cardAnswered", given),
        ChatEvent::Connected => line(user, "connected", "      connected", json!({})),
        ChatEvent::Disconnected => line(
            user,
            "disconnected",
            "      connection lost, trying again",
            json!({}),
        ),
        _ => {}
    }
}

fn line(user: &UserArgs, name: &str, words: &str, fields: Value) {
    if user.json {
        let mut object = json!({ "event": name });
        if let (Some(object), Value::Object(fields)) = (object.as_object_mut(), fields) {
            object.extend(fields);
        }
        output::json(&object);
    } else {
        output::line(words);
    }
}

/// A text without what could move the cursor or change a colour.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// The time of day, in UTC.
fn clock(millis: u64) -> String {
    let seconds = millis / 1_000 % 86_400;
    format!("{:02}:{:02}", seconds / 3_600, seconds / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_cannot_move_the_cursor() {
        assert_eq!(plain("a\x1b[2Jb\rc\nd"), "a [2Jb c d");
    }

    #[test]
    fn the_time_of_day() {
        assert_eq!(clock(1_772_359_200_250), "10:00");
    }
}
