//! What is behind the addresses in a message: which are to be looked up, and what of the answer is kept. Who looks them
//! up, this refuses to know.

use sidetone_organisation::World;
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::chat::{Card, LinkPreview};
use uuid::Uuid;

use crate::content::misleads;
use crate::limits::MAX_PREVIEW;
use crate::links::links;
use crate::{AttachmentRecord, Body, Context, Item, Message, Outcome, Refused, Thread};

/// What was found behind an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundPreview {
    /// The address, as it was asked for.
    pub url: String,
    /// What it is called.
    pub title: String,
    /// What it is about; may be empty.
    pub description: String,
    /// A picture of it.
    pub image: Option<FoundImage>,
}

/// A picture that is kept as files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundImage {
    /// Its id, drawn by who asks.
    pub id: Uuid,
    /// Its media type.
    pub content_type: String,
    /// How long it is, in bytes.
    pub size: u64,
}

impl Thread {
    /// The addresses in a message of which nothing is known yet and that may be looked up.
    pub fn unpreviewed(&self, world: &World, message: &Message) -> Vec<String> {
        // What a card says is put as its sender wants it.
        let plain = message.deleted.is_none() && message.card.is_none();
        if !plain || !self.previews_allowed(world) {
            return Vec::new();
        }
        let mut found = links(&message.body);
        found.retain(|url| message.previews.iter().all(|known| known.url != *url));
        found
    }

    /// Puts what was found with a message, which is as it is kept. What it says no longer is left out, and nothing
    /// counts as edited. Gives the pictures that are kept: the bytes of others are of no use.
    ///
    /// # Errors
    /// A message that is gone.
    pub fn preview(
        &self,
        context: Context<'_>,
        message: Message,
        found: Vec<FoundPreview>,
    ) -> Result<Outcome<Vec<Uuid>>, Refused> {
        if !self.holds(message.id) || self.record().deleted.is_some() {
            return Err(Reason::NO_SUCH_MESSAGE.into());
        }
        let wanted = self.unpreviewed(context.world, &message);
        let mut previews = message.previews.clone();
        let (mut files, mut images) = (Vec::new(), Vec::new());
        for one in found {
            let known = previews.iter().any(|known| known.url == one.url);
            let title = squeezed(&one.title, MAX_PREVIEW.0);
            if known || !wanted.contains(&one.url) || title.is_empty() {
                continue;
            }
            let most = self.largest_file(context.world);
            let image = one.image.filter(|image| (1..=most).contains(&image.size));
            if let Some(image) = &image {
                images.push(image.id);
                files.push(Item::Attachment(AttachmentRecord {
                    id: image.id,
                    by: message.sender.clone(),
                    name: "preview".to_owned(),
                    content_type: image.content_type.clone(),
                    size: image.size,
                    inline: true,
                    expires: self.file_expires(context.world, context.now),
                    message: Some(message.id),
                    verdict: None,
                }));
            }
            previews.push(LinkPreview {
                url: one.url,
                title,
                description: squeezed(&one.description, MAX_PREVIEW.1),
                image: image.map(|image| image.id),
            });
        }
        if previews == message.previews {
            return Ok(Outcome::known(Vec::new()));
        }
        let changed = Message {
            version: self.next_version(),
            previews,
            ..message
        };
        let mut plan = self.changed(&changed.sender, &changed);
        plan.before.extend(files);
        Ok(Outcome { value: images, plan })
    }
}

/// The previews of addresses that are still in what is said.
pub(super) fn still_said(body: &Body, card: Option<&Card>, previews: &[LinkPreview]) -> Vec<LinkPreview> {
    let said = if card.is_none() { links(body) } else { Vec::new() };
    let still = previews.iter().filter(|preview| said.contains(&preview.url));
    still.cloned().collect()
}

/// One line of at most so many characters.
fn squeezed(text: &str, most: usize) -> String {
    let words = text.split(|c: char| c.is_whitespace() || misleads(c));
    let line = words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let mut short: String = line.chars().take(most).collect();
    if short.len() < line.len() {
        short.pop();
        short.push('\u{2026}');
    }
    short
}
