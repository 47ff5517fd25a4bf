//! Cards: what a message says in parts that a program can show, and buttons that are answered. Everything in them is
//! plain text, and every reader is shown the same.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ThreadId;
use crate::identifier::Identifier;

/// A card. Goes with a message whose `text` says the same to clients that show no cards; who shows the card does not
/// show that text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Card {
    /// One line, at most 250 characters.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// Plain text of several lines, at most 4,000 characters.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Names and values, in this order, at most 30.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<CardFact>,
    /// Images, at most ten: each is a file that goes with the message.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<CardImage>,
    /// Buttons, at most ten.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<CardAction>,
}

/// A name and a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CardFact {
    /// One line, at most 100 characters.
    pub name: String,
    /// One line, at most 500 characters.
    pub value: String,
}

/// An image of a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CardImage {
    /// Which of the message's files it is.
    pub attachment: Uuid,
    /// What it shows, for who cannot see it: one line, at most 250 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alt: String,
}

/// A button. Besides the first, each is answered by its id: by whoever takes part, other than the card's sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CardAction {
    /// Opens an address.
    Open {
        /// What is on the button: one line, at most 100 characters.
        title: String,
        /// The address: `https`, `http` or `mailto`.
        url: String,
    },
    /// Answers, with nothing but that it was pressed.
    Press {
        /// Its name in the card: 1 to 64 letters, digits, `-` and `_`.
        id: String,
        /// What is on the button.
        title: String,
    },
    /// Answers with one of several values.
    Choose {
        /// Its name in the card.
        id: String,
        /// What is asked.
        title: String,
        /// The values, 1 to 20 different lines of at most 100 characters.
        choices: Vec<String>,
    },
    /// Answers with a text of the reader's own, at most 1,000 characters.
    Enter {
        /// Its name in the card.
        id: String,
        /// What is asked.
        title: String,
    },
    /// One of a later version: not shown.
    #[serde(other)]
    Later,
}

/// `chat.card_answered`, for the card's sender: somebody pressed a button of it. Of each person the newest answer counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CardAnswer {
    /// The thread.
    pub thread: ThreadId,
    /// The message with the card.
    pub message: u64,
    /// The message's version that was answered: an edit may have made it another card since.
    pub version: u64,
    /// Who answers.
    pub by: Identifier,
    /// Their name, never blank.
    pub display_name: String,
    /// The button's id.
    pub action: String,
    /// What was chosen or written; empty for a button that was pressed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// When, in milliseconds since the Unix epoch.
    pub answered_at_ms: u64,
}

/// What is behind an address in a message, as the operator's service found it. Comes some time after the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkPreview {
    /// The address, as it is in the message.
    pub url: String,
    /// One line of plain text.
    pub title: String,
    /// Plain text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// A picture: it is fetched as the message's files are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Uuid>,
}

/// A message in another language. Kept nowhere: it is asked for over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Translation {
    /// The message.
    pub message: u64,
    /// Its version when it was asked for.
    pub version: u64,
    /// In which language (BCP 47).
    pub language: String,
    /// The text, or where the message is HTML, cleaned HTML.
    pub text: String,
    /// From which language, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_of_a_later_version_is_read() {
        let text = r#"{"title":"x","colour":"red","actions":[{"type":"slide","id":"s","from":1},
            {"type":"press","id":"ok","title":"OK","icon":"+"}]}"#;
        let card: Card = serde_json::from_str(text).unwrap();
        let press = CardAction::Press {
            id: "ok".into(),
            title: "OK".into(),
        };
        assert_eq!(card.actions, [CardAction::Later, press]);
        let text = serde_json::to_string(&card).unwrap();
        assert_eq!(serde_json::from_str::<Card>(&text).unwrap(), card);
    }
}
