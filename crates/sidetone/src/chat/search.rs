//! Looking for messages by their words.

use sidetone_signaling::protocol::chat::{ChatMessage, ThreadId};

use super::http::{Request, escape};
use super::{ChatClient, rest};
use crate::pending::Pending;

/// What was found on one page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoundMessages {
    /// The messages: thread after thread, in each the newest first.
    pub messages: Vec<ChatMessage>,
    /// How many messages the service read for them.
    pub searched: u64,
    /// There may be more: give it as `after`. A page may be empty and yet not be the last.
    pub next: Option<String>,
}

impl ChatClient {
    /// Looks for messages that say all of these words (one to eight; the beginning of each is enough), in one thread or
    /// in all of this user's. Only what this user may read is looked at, on the service, which reads at most 2000
    /// messages for a page.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused), [`Error::Network`](crate::Error::Network).
    pub fn search(
        &self,
        words: &str,
        thread: Option<ThreadId>,
        after: Option<&str>,
    ) -> Pending<FoundMessages> {
        let thread = thread
            .map(|thread| format!("&thread={thread}"))
            .unwrap_or_default();
        let after = after
            .map(|after| format!("&after={}", escape(after)))
            .unwrap_or_default();
        let request = Request::get(format!("/v1/chat/search?words={}{thread}{after}", escape(words)));
        self.ask(request, |answer| Ok(answer.json::<rest::Found>()?.into()))
    }
}
