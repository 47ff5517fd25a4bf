//! Files are looked through before anybody can fetch them, by an address of the operator's (L10). What it finds is kept
//! with the file, so that it is asked once. What it looks for, this refuses to know.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header;
use serde::Deserialize;
use sidetone_chat::{AttachmentRecord, Refused, Verdict};
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::chat::ThreadId;

use super::hook::Hook;
use super::{Chats, problem};
use crate::Secret;
use crate::api::caller::Actor;
use crate::api::problem::Problem;
use crate::error::ServerError;
use crate::outbound::Outbound;

/// Longest answer, in bytes.
const ANSWER: usize = 4 * 1024;
/// When to ask again for a file that is not looked through yet.
const AGAIN: Duration = Duration::from_secs(5);

/// Who looks through files. It is sent each as it is (`POST`, with its `content-type`), signed as webhooks are, and
/// answers `{"verdict": "clean"}`, `"refused"` or `"pending"`.
#[derive(Clone, Debug)]
pub struct FileScan {
    /// The address to ask. Whether it may be reached at all is [`crate::ServerConfig::outbound`]'s to say.
    pub url: String,
    /// With what questions are signed, so that it knows whose they are. `None`: they are not.
    pub secret: Option<Secret>,
    /// How long an answer may take, the file's way there included. Whoever fetches a file for the first time waits for it.
    pub timeout: Duration,
    /// Whether a file is given out where no answer comes.
    pub unanswered: Unanswered,
}

impl FileScan {
    /// Asks this address, without signatures, and gives nothing out without an answer.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            secret: None,
            // A scanner reads some 10 MiB in a second; people wait no longer than this for a picture.
            timeout: Duration::from_secs(10),
            unanswered: Unanswered::Withhold,
        }
    }
}

/// What becomes of a file that nobody could be asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Unanswered {
    /// It is given out to nobody until there is an answer: fails closed.
    #[default]
    Withhold,
    /// It is given out, and asked about again the next time: fails open.
    GiveOut,
}

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Finding {
    Clean,
    Refused,
    Pending,
}

/// The answer.
#[derive(Deserialize)]
struct Answer {
    verdict: Finding,
}

/// Asks about files.
pub(super) struct Scanner {
    hook: Hook,
    unanswered: Unanswered,
}

impl Scanner {
    /// # Errors
    /// An address that may not be asked.
    pub(super) fn new(scan: FileScan, outbound: Outbound) -> Result<Self, ServerError> {
        let hook = Hook::new(&scan.url, scan.secret, scan.timeout, outbound);
        Ok(Self {
            hook: hook.map_err(ServerError::FileScan)?,
            unanswered: scan.unanswered,
        })
    }

    /// None: there was no answer that could be read, for whatever reason.
    async fn ask(&self, thread: ThreadId, file: &AttachmentRecord, bytes: Bytes) -> Option<Finding> {
        let (thread, id) = (thread.to_string(), file.id.to_string());
        let about = [
            (header::CONTENT_TYPE.as_str(), file.content_type.as_str()),
            ("sidetone-thread", &thread),
            ("sidetone-file", &id),
        ];
        let answer: Answer = self.hook.ask(&id, &about, bytes, ANSWER).await?;
        Some(answer.verdict)
    }
}

impl Chats {
    /// Whether a file may be given out.
    ///
    /// # Errors
    /// [`Reason::ATTACHMENT_REFUSED`], [`Reason::ATTACHMENT_UNSCANNED`]; the store.
    pub(super) async fn looked_through(
        self: &Arc<Self>,
        by: &Actor,
        thread: ThreadId,
        file: &AttachmentRecord,
        bytes: &Bytes,
    ) -> Result<(), Problem> {
        let Some(scanner) = &self.scanner else {
            return given(file.verdict);
        };
        if file.verdict.is_some() {
            return given(file.verdict);
        }
        let _turn = scanner.hook.turn().await;
        let known = self.ask(thread, |thread, _| Ok(thread.verdict(file.id))).await?;
        if known.is_some() {
            return given(known);
        }
        let verdict = match scanner.ask(thread, file, bytes.clone()).await {
            Some(Finding::Clean) => Verdict::Clean,
            Some(Finding::Refused) => Verdict::Refused,
            None if scanner.unanswered == Unanswered::GiveOut => return Ok(()),
            Some(Finding::Pending) | None => {
                let refused = Refused {
                    retry_after: Some(AGAIN),
                    ..Reason::ATTACHMENT_UNSCANNED.into()
                };
                return Err(problem(refused));
            }
        };
        if verdict == Verdict::Refused {
            let note = file.id.to_string();
            self.audit(&Actor::Service, "chat.file.refuse", thread, &note)
                .await?;
        }
        self.change(by, thread, |thread, _| Ok(thread.judge(file.id, verdict)))
            .await?;
        given(Some(verdict))
    }
}

fn given(verdict: Option<Verdict>) -> Result<(), Problem> {
    match verdict {
        Some(Verdict::Refused) => Err(problem(Reason::ATTACHMENT_REFUSED.into())),
        Some(Verdict::Clean) | None => Ok(()),
    }
}
