//! What people do together beside talking, in words and as JSON.

use serde_json::{Value, json};
use sidetone::{BreakoutRoomsUpdate, Call, EngagementEvent, Poll, PollState, Question, QuestionState};

use crate::commands::name;

/// Its name, words for people, fields for programs. None: nothing to say.
pub fn describe(call: &Call, event: &EngagementEvent) -> Option<(&'static str, String, Value)> {
    Some(match event {
        EngagementEvent::Reset => return None,
        EngagementEvent::MessageReceived {
            from,
            channel,
            seq,
            private,
            data,
        } => {
            let text = std::str::from_utf8(data).ok();
            let said = match text {
                Some(text) => name::plain(text),
                None => format!("{} bytes", data.len()),
            };
            let fields = json!({
                "from": from, "channel": channel, "seq": seq, "private": private,
                "bytes": data.len(), "text": text,
            });
            let words = format!(
                "message of {} on channel {channel}: {said}",
                name::of(call, *from)
            );
            ("message", words, fields)
        }
        EngagementEvent::LineTyped(line) => {
            let fields = json!({
                "participant": line.participant, "line": line.line, "text": line.text, "final": line.is_final,
            });
            let more = if line.is_final { "" } else { "…" };
            let words = format!(
                "{} writes: {}{more}",
                name::of(call, line.participant),
                name::plain(&line.text)
            );
            ("lineTyped", words, fields)
        }
        EngagementEvent::CaptionsChanged(state) => {
            let words = match (state.on, state.transcribed) {
                (false, _) => "no captions".to_owned(),
                (true, false) => format!("captions are on, spoken is {}", state.language),
                (true, true) => format!("captions are on and kept, spoken is {}", state.language),
            };
            ("captions", words, json!(state))
        }
        EngagementEvent::CaptionReceived(caption) => {
            let more = if caption.last { "" } else { "…" };
            let words = format!(
                "{} says: {}{more}",
                name::of(call, caption.speaker),
                name::plain(&caption.text)
            );
            ("caption", words, json!(caption))
        }
        EngagementEvent::PollUpdated(poll) => ("poll", of_poll(poll), json!(poll)),
        EngagementEvent::PollRemoved(id) => {
            let words = format!("poll {id} is gone");
            ("pollRemoved", words, json!({ "poll": id }))
        }
        EngagementEvent::QuestionsChanged(state) => {
            let words = match (state.open, state.moderated) {
                (false, _) => "questions are closed",
                (true, false) => "questions are open",
                (true, true) => "questions are open and looked through first",
            };
            ("questions", words.to_owned(), json!(state))
        }
        EngagementEvent::QuestionUpdated(question) => ("question", of_question(question), json!(question)),
        EngagementEvent::SceneChanged(scene) => {
            let seated: Vec<_> = scene.seats.iter().flatten().copied().collect();
            let words = match &scene.scene {
                Some(name) => format!("seated in {}: {}", name::plain(name), name::all(call, &seated)),
                None => "nobody is seated".to_owned(),
            };
            ("scene", words, json!(scene))
        }
        EngagementEvent::SlidesChanged(slides) => {
            let words = match slides.presenter {
                Some(presenter) => format!(
                    "{} presents {}: page {} of {}",
                    name::of(call, presenter),
                    match slides.title.as_str() {
                        "" => "slides".to_owned(),
                        title => name::plain(title),
                    },
                    slides.page + 1,
                    slides.pages
                ),
                None => "nobody presents slides".to_owned(),
            };
            ("slides", words, json!(slides))
        }
        EngagementEvent::Annotated(annotation) => {
            let did = match annotation.data {
                Some(_) => "drawn on",
                None => "wiped from",
            };
            let words = format!("{did} page {}", annotation.page + 1);
            ("annotation", words, json!(annotation))
        }
        EngagementEvent::BreakoutRooms(update) => of_breakouts(update),
    })
}

/// Whether the rest of it is still to come, or it says nothing to people.
pub fn is_unfinished(event: &EngagementEvent) -> bool {
    match event {
        EngagementEvent::LineTyped(line) => !line.is_final,
        EngagementEvent::CaptionReceived(caption) => !caption.last,
        EngagementEvent::Annotated(_) => true,
        _ => false,
    }
}

fn of_breakouts(update: &BreakoutRoomsUpdate) -> (&'static str, String, Value) {
    match update {
        BreakoutRoomsUpdate::Room(room) => {
            let state = if room.call.is_some() { "open" } else { "closed" };
            let words = format!(
                "breakout room {} ({}) is {state}",
                room.id,
                name::plain(&room.display_name)
            );
            ("breakoutRoom", words, json!(room))
        }
        BreakoutRoomsUpdate::RoomRemoved(room) => {
            let words = format!("breakout room {room} is gone");
            ("breakoutRoomRemoved", words, json!({ "room": room }))
        }
        BreakoutRoomsUpdate::Assigned(room) => {
            let words = match room {
                Some(room) => format!("assigned to breakout room {room}"),
                None => "assigned to no breakout room".to_owned(),
            };
            ("breakoutRoomAssigned", words, json!({ "room": room }))
        }
        BreakoutRoomsUpdate::Settings(settings) => {
            let words = match settings.ends_in_ms {
                Some(ends) => format!("breakout rooms close in {} s", ends.0.div_ceil(1_000)),
                None => "breakout rooms close when they are closed".to_owned(),
            };
            ("breakoutSettings", words, json!(settings))
        }
        BreakoutRoomsUpdate::GoTo { room, call } => {
            let words = format!("going to breakout room {room}");
            ("breakoutRoomJoin", words, json!({ "room": room, "call": call }))
        }
        BreakoutRoomsUpdate::Announced { from, text } => {
            let words = format!("{} says to all rooms: {}", name::plain(from), name::plain(text));
            ("announcement", words, json!({ "from": from, "text": text }))
        }
    }
}

fn of_poll(poll: &Poll) -> String {
    let options = poll.options.iter().map(|option| {
        let text = name::plain(&option.text);
        match option.votes {
            Some(votes) => format!("{text} ({votes})"),
            None => text,
        }
    });
    let state = match poll.state {
        PollState::Draft => "not open yet",
        PollState::Open => "open",
        PollState::Closed => "closed",
    };
    let options: Vec<_> = options.collect();
    let question = name::plain(&poll.question);
    format!("poll {} is {state}: {question} {}", poll.id, options.join(", "))
}

fn of_question(question: &Question) -> String {
    let state = match question.state {
        QuestionState::Pending => "is looked through",
        QuestionState::Shown => "is asked",
        QuestionState::Answered => "is answered",
        QuestionState::Dismissed => "was taken away",
    };
    let mut words = format!("question {} {state}", question.id);
    if !question.text.is_empty() {
        words.push_str(&format!(": {}", name::plain(&question.text)));
    }
    if let Some(author) = &question.author {
        words.push_str(&format!(" ({})", name::plain(&author.display_name)));
    }
    for answer in question.answers.iter().filter(|answer| !answer.text.is_empty()) {
        words.push_str(&format!(" — {}", name::plain(&answer.text)));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::from_value;

    #[test]
    fn a_poll_is_told_with_its_results_where_there_are_any() {
        let mut poll: Poll = from_value(json!({
            "id": 3, "question": "When\u{7}?", "state": "open",
            "options": [{ "text": "now" }, { "text": "later" }],
        }))
        .unwrap();
        assert_eq!(of_poll(&poll), "poll 3 is open: When? now, later");
        poll.state = PollState::Closed;
        poll.options[0].votes = Some(2);
        poll.options[1].votes = Some(0);
        assert_eq!(of_poll(&poll), "poll 3 is closed: When? now (2), later (0)");
    }

    #[test]
    fn a_question_is_told_with_who_asks_and_what_was_answered() {
        let question: Question = from_value(json!({
            "id": 1, "text": "Why?", "state": "answered", "upvotes": 2, "at_ms": 0,
            "author": { "identity": "guest:eve", "display_name": "Eve" },
            "answers": [{ "text": "So.", "author": { "identity": "guest:bob", "display_name": "Bob" } }],
        }))
        .unwrap();
        assert_eq!(of_question(&question), "question 1 is answered: Why? (Eve) — So.");
    }

    #[test]
    fn half_a_line_is_no_news() {
        let line = |is_final| {
            EngagementEvent::LineTyped(sidetone::TypedLine {
                participant: sidetone::ParticipantId(1),
                line: 1,
                text: "He".into(),
                is_final,
            })
        };
        assert!(is_unfinished(&line(false)) && !is_unfinished(&line(true)));
    }
}
