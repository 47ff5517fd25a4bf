//! Cards and what goes with messages besides their text, as they are written over HTTP: read strictly, so that nothing is
//! left out of a card without its sender knowing.

use serde::{Deserialize, Serialize};
use sidetone_ledger::Timestamp;
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::chat as wire;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::openapi::RawId;

/// A card: what a message says in parts that a program can show, in plain text, and buttons that are answered. 12 KB of
/// text at most.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Card {
    /// One line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 250)]
    title: String,
    /// Several lines.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 4000)]
    text: String,
    /// Names and values, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 30)]
    facts: Vec<CardFact>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 10)]
    images: Vec<CardImage>,
    /// Buttons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 10)]
    actions: Vec<CardAction>,
}

/// A name and a value, a line each.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CardFact {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    #[schema(min_length = 1, max_length = 500)]
    value: String,
}

/// An image of a card.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CardImage {
    /// Which of the message's files it is.
    attachment: Uuid,
    /// What it shows, for who cannot see it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 250)]
    alt: String,
}

/// A button.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "camelCase", deny_unknown_fields)]
enum CardAction {
    /// Opens an address.
    Open {
        /// What is on the button.
        #[schema(min_length = 1, max_length = 100)]
        title: String,
        /// An address of `https`, `http` or `mailto`, without a password.
        #[schema(max_length = 2048)]
        url: String,
    },
    /// Answers, with nothing but that it was pressed.
    Press {
        /// Its name in the card: letters, digits, `-` and `_`.
        #[schema(min_length = 1, max_length = 64)]
        id: String,
        /// What is on the button.
        #[schema(min_length = 1, max_length = 100)]
        title: String,
    },
    /// Answers with one of several values.
    Choose {
        /// Its name in the card.
        #[schema(min_length = 1, max_length = 64)]
        id: String,
        /// What is asked.
        #[schema(min_length = 1, max_length = 100)]
        title: String,
        /// The values, a line each, all different.
        #[schema(min_items = 1, max_items = 20)]
        choices: Vec<String>,
    },
    /// Answers with a text of the reader's own.
    Enter {
        /// Its name in the card.
        #[schema(min_length = 1, max_length = 64)]
        id: String,
        /// What is asked.
        #[schema(min_length = 1, max_length = 100)]
        title: String,
    },
}

impl From<Card> for wire::Card {
    fn from(card: Card) -> Self {
        let facts = card.facts.into_iter().map(|fact| wire::CardFact {
            name: fact.name,
            value: fact.value,
        });
        let images = card.images.into_iter().map(|image| wire::CardImage {
            attachment: image.attachment,
            alt: image.alt,
        });
        let actions = card.actions.into_iter().map(|action| match action {
            CardAction::Open { title, url } => wire::CardAction::Open { title, url },
            CardAction::Press { id, title } => wire::CardAction::Press { id, title },
            CardAction::Choose { id, title, choices } => wire::CardAction::Choose { id, title, choices },
            CardAction::Enter { id, title } => wire::CardAction::Enter { id, title },
        });
        Self {
            title: card.title,
            text: card.text,
            facts: facts.collect(),
            images: images.collect(),
            actions: actions.collect(),
        }
    }
}

impl From<wire::Card> for Card {
    fn from(card: wire::Card) -> Self {
        let facts = card.facts.into_iter().map(|fact| CardFact {
            name: fact.name,
            value: fact.value,
        });
        let images = card.images.into_iter().map(|image| CardImage {
            attachment: image.attachment,
            alt: image.alt,
        });
        let actions = card.actions.into_iter().filter_map(|action| {
            Some(match action {
                wire::CardAction::Open { title, url } => CardAction::Open { title, url },
                wire::CardAction::Press { id, title } => CardAction::Press { id, title },
                wire::CardAction::Choose { id, title, choices } => CardAction::Choose { id, title, choices },
                wire::CardAction::Enter { id, title } => CardAction::Enter { id, title },
                wire::CardAction::Later => return None,
            })
        });
        Self {
            title: card.title,
            text: card.text,
            facts: facts.collect(),
            images: images.collect(),
            actions: actions.collect(),
        }
    }
}

/// An answer to a card.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCardAnswer {
    /// The id of the button.
    #[schema(max_length = 64)]
    pub(super) action: String,
    /// One of the choices, or a text of one's own; nothing for a button that is pressed.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub(super) value: String,
}

/// What somebody answered to a card, the last time.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CardAnswer {
    /// Who.
    #[schema(value_type = RawId)]
    by: Identifier,
    /// Their name, never blank.
    display_name: String,
    /// The id of the button.
    action: String,
    /// What was chosen or written; empty for a button that was pressed.
    value: String,
    /// The version of the message that was answered.
    version: u64,
    answered_on: Timestamp,
}

impl From<wire::CardAnswer> for CardAnswer {
    fn from(answer: wire::CardAnswer) -> Self {
        Self {
            by: answer.by,
            display_name: answer.display_name,
            action: answer.action,
            value: answer.value,
            version: answer.version,
            answered_on: Timestamp::from_millis(answer.answered_at_ms),
        }
    }
}

/// The answers to a card that the caller may see.
#[derive(Serialize, ToSchema)]
pub(super) struct CardAnswers {
    /// Everybody's newest answer, for the card's sender; for others their own.
    pub(super) items: Vec<CardAnswer>,
}

/// What is behind an address in a message.
#[derive(Serialize, ToSchema)]
pub(super) struct LinkPreview {
    /// The address.
    url: String,
    title: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    /// A picture, to be fetched as the thread's files are.
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<Uuid>,
}

impl From<wire::LinkPreview> for LinkPreview {
    fn from(preview: wire::LinkPreview) -> Self {
        Self {
            url: preview.url,
            title: preview.title,
            description: preview.description,
            image: preview.image,
        }
    }
}

/// A message in another language.
#[derive(Serialize, ToSchema)]
pub(super) struct Translation {
    /// The message.
    message: u64,
    /// Its version.
    version: u64,
    /// In which language (BCP 47).
    language: String,
    /// The text, or where the message is HTML, cleaned HTML.
    text: String,
    /// From which language, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
}

impl From<wire::Translation> for Translation {
    fn from(translation: wire::Translation) -> Self {
        Self {
            message: translation.message,
            version: translation.version,
            language: translation.language,
            text: translation.text,
            from: translation.from,
        }
    }
}
