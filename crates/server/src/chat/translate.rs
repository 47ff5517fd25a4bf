//! Messages in another language, by a service of the operator's (L16b). What it says is kept in memory for a while, so that
//! many readers of one message ask it once.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use sidetone_chat::{Body, Language, MAX_MESSAGE_BYTES, Refused, clean_html};
use sidetone_ledger::Timestamp;
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::chat::{ThreadId, Translation};

use super::hook::{ChatHook, Hook};
use super::{Chats, problem};
use crate::api::problem::Problem;
use crate::clock::wall_now;
use crate::error::ServerError;
use crate::outbound::Outbound;

/// Longest answer, in bytes: a text may be written with escapes.
const ANSWER: usize = 6 * MAX_MESSAGE_BYTES + 1024;
/// Bytes of translations that are kept in memory.
const KEPT: usize = 8 * 1024 * 1024;
/// What one takes besides its text, in bytes, more or less.
const AROUND: usize = 200;
/// When to ask again where no answer came.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(5);

/// How long somebody waits for a translation. Shorter than any request may take: who asked is to learn what failed, and
/// when to ask again.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(8);

/// What is asked: `{"thread": "...", "message": 7, "to": "de", "type": "text", "text": "..."}`, where `type` is `text` or
/// `html`.
#[derive(Serialize)]
struct Question<'a> {
    thread: ThreadId,
    message: u64,
    to: &'a str,
    r#type: &'a str,
    text: &'a str,
}

/// The answer: `{"text": "...", "from": "en"}`.
#[derive(Clone, Deserialize)]
struct Answer {
    text: String,
    from: Option<String>,
}

/// Has messages translated.
pub(super) struct Translator {
    hook: Hook,
    known: Mutex<Known>,
}

/// Which text: of which message, as it was said when, in which language. Its version will not do: reactions change that.
type Which = (ThreadId, u64, Timestamp, Language);

/// What was translated lately.
#[derive(Default)]
struct Known {
    answers: HashMap<Which, (Answer, u64)>,
    /// By when they were wanted last.
    order: BTreeMap<u64, Which>,
    bytes: usize,
    now: u64,
}

impl Known {
    fn find(&mut self, which: &Which) -> Option<Answer> {
        self.now += 1;
        let (answer, wanted) = self.answers.get_mut(which)?;
        self.order.remove(wanted);
        *wanted = self.now;
        self.order.insert(self.now, which.clone());
        Some(answer.clone())
    }

    fn keep(&mut self, which: Which, answer: Answer) {
        self.drop(&which);
        self.now += 1;
        self.bytes += answer.text.len() + AROUND;
        self.order.insert(self.now, which.clone());
        self.answers.insert(which, (answer, self.now));
        while self.bytes > KEPT
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.drop(&oldest);
        }
    }

    fn drop(&mut self, which: &Which) {
        if let Some((answer, wanted)) = self.answers.remove(which) {
            self.order.remove(&wanted);
            self.bytes -= answer.text.len() + AROUND;
        }
    }

    fn forget(&mut self, thread: ThreadId, message: u64) {
        let gone: Vec<Which> = self
            .answers
            .keys()
            .filter(|(of, id, ..)| *of == thread && *id == message)
            .cloned()
            .collect();
        gone.iter().for_each(|which| self.drop(which));
    }
}

impl Translator {
    /// # Errors
    /// An address that may not be asked.
    pub(super) fn new(hook: ChatHook, outbound: Outbound) -> Result<Self, ServerError> {
        Ok(Self {
            hook: Hook::of(hook, outbound).map_err(ServerError::Translation)?,
            known: Mutex::default(),
        })
    }

    fn known(&self, which: &Which) -> Option<Answer> {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .find(which)
    }

    /// Of a message that is gone nothing is kept.
    pub(super) fn forget(&self, thread: ThreadId, message: u64) {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .forget(thread, message);
    }

    async fn ask(&self, (thread, message, said, language): &Which, body: &Body) -> Option<Answer> {
        let html = matches!(body, Body::Html { .. });
        let question = Question {
            thread: *thread,
            message: *message,
            to: language.as_str(),
            r#type: if html { "html" } else { "text" },
            text: body.text(),
        };
        let id = format!("{thread}.{message}.{}.{language}", said.as_millis());
        let answer: Answer = self.hook.question(&id, &question, ANSWER).await?;
        // As strict as with what people send.
        let text = if html {
            clean_html(&answer.text)
        } else {
            answer.text.replace('\0', "")
        };
        let from = answer.from.and_then(|from| Language::parse(&from).ok());
        (!text.trim().is_empty() && text.len() <= MAX_MESSAGE_BYTES).then(|| Answer {
            text,
            from: from.map(|from| from.to_string()),
        })
    }
}

impl Chats {
    /// A message in another language.
    ///
    /// # Errors
    /// [`Reason::TRANSLATION_NOT_OFFERED`], [`Reason::TRANSLATION_FAILED`]; what the thread refuses; the store.
    pub(super) async fn translated(
        self: &Arc<Self>,
        actor: &sidetone_chat::Actor,
        thread: ThreadId,
        message: u64,
        language: &str,
    ) -> Result<Translation, Problem> {
        let (entry, changing) = self.enter(thread).await?;
        self.within(&entry, |thread, context| {
            thread.message_for(context, actor, message)
        })
        .map_err(problem)?;
        let language = Language::parse(language).map_err(problem)?;
        let home = self.home(thread)?;
        let kept = self.shelf.message(thread, &home, message, wall_now()).await?;
        let kept = kept.ok_or_else(|| problem(Reason::NO_SUCH_MESSAGE.into()))?;
        self.within(&entry, |thread, context| {
            thread.may_translate(context, actor, &kept)
        })
        .map_err(problem)?;
        let offered = self.translator.as_ref();
        let translator = offered.ok_or_else(|| problem(Reason::TRANSLATION_NOT_OFFERED.into()))?;
        // The thread goes on while a service of somebody else's thinks.
        drop(changing);
        let which = (thread, message, kept.edited.unwrap_or(kept.created), language);
        let answer = match translator.known(&which) {
            Some(answer) => answer,
            None => {
                self.within(&entry, |thread, context| thread.translates(context, actor))
                    .map_err(problem)?;
                let translating = self.translate(translator, &which, &kept.body);
                let answer = tokio::time::timeout(PATIENCE, translating).await;
                answer.unwrap_or_else(|_| Err(failed()))?
            }
        };
        Ok(Translation {
            message,
            version: kept.version,
            language: which.3.to_string(),
            text: answer.text,
            from: answer.from,
        })
    }

    async fn translate(
        &self,
        translator: &Translator,
        which: &Which,
        body: &Body,
    ) -> Result<Answer, Problem> {
        let _turn = translator.hook.turn().await;
        // Somebody before us may have asked for the same.
        if let Some(answer) = translator.known(which) {
            return Ok(answer);
        }
        let answer = translator.ask(which, body).await.ok_or_else(failed)?;
        let mut known = translator.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.keep(which.clone(), answer.clone());
        drop(known);
        // One that was taken back meanwhile was forgotten before it was known.
        let there = self.threads.find(which.0).is_some_and(|entry| {
            let thread = entry.read();
            thread.heads().any(|(id, head)| id == which.1 && !head.deleted)
        });
        if !there {
            translator.forget(which.0, which.1);
            return Err(problem(Reason::NO_SUCH_MESSAGE.into()));
        }
        Ok(answer)
    }
}

fn failed() -> Problem {
    problem(Refused {
        retry_after: Some(AGAIN),
        ..Reason::TRANSLATION_FAILED.into()
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn which(message: u64) -> Which {
        let thread = ThreadId(Uuid::from_u128(1));
        (
            thread,
            message,
            Timestamp::from_millis(1),
            Language::parse("de").unwrap(),
        )
    }

    fn answer(len: usize) -> Answer {
        Answer {
            text: "x".repeat(len),
            from: None,
        }
    }

    #[test]
    fn what_was_wanted_last_is_kept_and_no_more_than_there_is_room_for() {
        let mut known = Known::default();
        let len = KEPT / 10;
        for message in 0..9 {
            known.keep(which(message), answer(len));
        }
        assert!(known.find(&which(0)).is_some());
        for message in 10..18 {
            known.keep(which(message), answer(len));
        }
        assert!(known.bytes <= KEPT);
        assert!(known.find(&which(0)).is_some(), "it was wanted again");
        assert!(known.find(&which(1)).is_none());
        known.keep(which(0), answer(1));
        assert_eq!(known.find(&which(0)).unwrap().text, "x");
        for message in 0..20 {
            known.forget(which(0).0, message);
        }
        assert_eq!((known.bytes, known.order.len(), known.answers.len()), (0, 0, 0));
    }
}
