//! What people do together beside talking, in words and as JSON.

use serde_json::{Value, json};
use sidetone::{Call, EngagementEvent, Poll, PollState, Question, QuestionState};

use super::name;

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
    })
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
