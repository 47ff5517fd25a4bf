//! Addresses in messages are looked up by a service of the operator's, and what it finds is put with the message
//! afterwards (L16b). This service itself fetches nothing that people name. What fails leaves a message as it is.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sidetone_chat::{FoundImage, FoundPreview, ItemKey, looks_like};
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::chat::ThreadId;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::hook::{ChatHook, Hook};
use super::{Chats, problem};
use crate::api::caller::Actor;
use crate::api::problem::Problem;
use crate::clock::wall_now;
use crate::error::ServerError;
use crate::outbound::Outbound;

/// Longest answer, in bytes: the pictures of three addresses, and their texts.
const ANSWER: usize = 512 * 1024;
/// Largest picture, in bytes.
const IMAGE: usize = 96 * 1024;
/// Types of pictures that are taken: those of which it is known how they begin, and that run nothing.
const PICTURES: [&str; 4] = ["image/gif", "image/jpeg", "image/png", "image/webp"];
/// Messages that wait to be looked up. Those that come while so many wait have no previews.
const WAITING: usize = 1_000;

/// What is asked: what is behind these addresses. `{"thread": "...", "message": 7, "urls": ["https://..."]}`
#[derive(Serialize)]
struct Question<'a> {
    thread: ThreadId,
    message: u64,
    urls: &'a [String],
}

/// The answer: `{"previews": [{"url": "...", "title": "...", "description": "...",
/// "image": {"contentType": "image/png", "data": "<base64>"}}]}`. Addresses without an answer are left out.
#[derive(Deserialize)]
struct Answer {
    previews: Vec<Preview>,
}

#[derive(Deserialize)]
struct Preview {
    url: String,
    title: String,
    #[serde(default)]
    description: String,
    image: Option<Image>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Image {
    content_type: String,
    data: String,
}

/// Has addresses looked up.
pub(super) struct Previewer {
    hook: Hook,
    waiting: Arc<Semaphore>,
}

impl Previewer {
    /// # Errors
    /// An address that may not be asked.
    pub(super) fn new(hook: ChatHook, outbound: Outbound) -> Result<Self, ServerError> {
        Ok(Self {
            hook: Hook::of(hook, outbound).map_err(ServerError::LinkPreview)?,
            waiting: Arc::new(Semaphore::new(WAITING)),
        })
    }

    async fn ask(
        &self,
        thread: ThreadId,
        message: u64,
        version: u64,
        urls: &[String],
    ) -> Option<Vec<Preview>> {
        let _turn = self.hook.turn().await;
        let question = Question {
            thread,
            message,
            urls,
        };
        // An edit asks anew, and is no repetition.
        let id = format!("{thread}.{message}.{version}");
        let answer: Answer = self.hook.question(&id, &question, ANSWER).await?;
        Some(answer.previews)
    }
}

impl Preview {
    /// What was found, and the bytes of its picture: one that is too large, or not what it says, is left out.
    fn read(self) -> (FoundPreview, Option<Bytes>) {
        let bytes = self.image.and_then(|image| {
            let kind = image.content_type.to_ascii_lowercase();
            let bytes = STANDARD.decode(image.data).ok()?;
            let known = PICTURES.contains(&kind.as_str());
            let fits = known && bytes.len() <= IMAGE && looks_like(&kind, &bytes);
            fits.then(|| (kind, Bytes::from(bytes)))
        });
        let image = bytes.as_ref().map(|(content_type, bytes)| FoundImage {
            id: Uuid::new_v4(),
            content_type: content_type.clone(),
            size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        });
        let found = FoundPreview {
            url: self.url,
            title: self.title,
            description: self.description,
            image,
        };
        (found, bytes.map(|(_, bytes)| bytes))
    }
}

impl Chats {
    /// Has the addresses in a message looked up, some time after it was sent or edited. Nobody waits for it.
    pub(super) fn look_up(self: &Arc<Self>, thread: ThreadId, message: u64) {
        let Some(previewer) = self.previewer.clone() else {
            return;
        };
        let Ok(place) = previewer.waiting.clone().try_acquire_owned() else {
            tracing::warn!(%thread, message, "too many messages wait for previews");
            return;
        };
        // Who is asked for a preview must not keep a service that stops.
        let chats = Arc::downgrade(self);
        tokio::spawn(async move {
            let _place = place;
            let (version, urls) = match chats.upgrade() {
                Some(chats) => chats.unpreviewed(thread, message).await.unwrap_or_default(),
                None => return,
            };
            if urls.is_empty() {
                return;
            }
            let found = previewer.ask(thread, message, version, &urls).await;
            let found = found.unwrap_or_default();
            if let Some(chats) = chats.upgrade().filter(|_| !found.is_empty())
                && let Err(error) = chats.put_previews(thread, message, found).await
            {
                tracing::info!(%thread, message, ?error, "a message has no previews");
            }
        });
    }

    /// The addresses to look up in a message, and its version.
    async fn unpreviewed(
        self: &Arc<Self>,
        thread: ThreadId,
        message: u64,
    ) -> Result<(u64, Vec<String>), Problem> {
        let (entry, _changing) = self.enter(thread).await?;
        let home = self.home(thread)?;
        let kept = self.shelf.message(thread, &home, message, wall_now()).await?;
        let found = kept.map(|kept| {
            let urls = self.within(&entry, |thread, context| thread.unpreviewed(context.world, &kept));
            (kept.version, urls)
        });
        Ok(found.unwrap_or_default())
    }

    async fn put_previews(
        self: &Arc<Self>,
        thread: ThreadId,
        message: u64,
        found: Vec<Preview>,
    ) -> Result<(), Problem> {
        let (previews, bytes): (Vec<_>, Vec<_>) = found.into_iter().map(Preview::read).unzip();
        let images: Vec<(Uuid, Bytes)> = previews
            .iter()
            .zip(bytes)
            .filter_map(|(found, bytes)| Some((found.image.as_ref()?.id, bytes?)))
            .collect();
        let (entry, changing) = self.enter(thread).await?;
        let (home, now) = (self.home(thread)?, wall_now());
        let kept = self.shelf.message(thread, &home, message, now).await?;
        let kept = kept.ok_or_else(|| problem(Reason::NO_SUCH_MESSAGE.into()))?;
        let outcome = self
            .within(&entry, |thread, context| thread.preview(context, kept, previews))
            .map_err(problem)?;
        // Before those who are told ask for it.
        for (id, bytes) in images.iter().filter(|(id, _)| outcome.value.contains(id)) {
            self.shelf.put_bytes(thread, &home, *id, bytes, now).await?;
        }
        let done = self.done(&Actor::Service, &entry, outcome.plan, changing).await;
        if done.is_err() {
            for id in outcome.value {
                // What is left of it is found by nobody.
                let _ = self
                    .shelf
                    .delete(thread, &home, &ItemKey::Attachment(id), now)
                    .await;
            }
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_that_is_none_or_too_large_is_left_out() {
        let png = |len: usize| {
            let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
            bytes.resize(len, 0);
            STANDARD.encode(bytes)
        };
        let read = |content_type: &str, data: String| {
            let preview = Preview {
                url: "https://a.example/".into(),
                title: "A".into(),
                description: String::new(),
                image: Some(Image {
                    content_type: content_type.into(),
                    data,
                }),
            };
            let (found, bytes) = preview.read();
            assert_eq!(
                found.image.as_ref().map(|image| image.size),
                bytes.as_ref().map(|bytes| bytes.len() as u64)
            );
            found.image.map(|image| image.content_type)
        };
        assert_eq!(read("Image/PNG", png(100)), Some("image/png".into()));
        assert_eq!(read("image/png", png(IMAGE + 1)), None);
        assert_eq!(read("image/png", STANDARD.encode("<svg>")), None);
        assert_eq!(
            read("image/svg+xml", STANDARD.encode("<svg onload=x>")),
            None,
            "it runs"
        );
        assert_eq!(read("text/plain", png(100)), None);
        assert_eq!(read("image/png", "no base64".into()), None);
    }
}
