//! Words by which messages are looked for (L16b). Compares texts, and refuses to know whose they are: who looks is shown
//! nothing that they could not read, because only what they could read is compared.

use crate::{Message, Refused};

/// Words that may be looked for at once.
const MAX_WORDS: usize = 8;
/// Longest text of them, in bytes.
const MAX_TEXT: usize = 256;

/// Words that are looked for. Upper and lower case are the same, and the beginning of a word is enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words(Vec<String>);

impl Words {
    /// Reads them: letters and digits are words, all else is between them.
    ///
    /// # Errors
    /// None; more than eight; too long.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let words: Vec<String> = words(text).collect();
        if words.is_empty() || words.len() > MAX_WORDS || text.len() > MAX_TEXT {
            return Err(Refused::content("one to eight words can be looked for"));
        }
        Ok(Self(words))
    }

    /// Whether a message says all of them. What the service says, and what was deleted, says nothing.
    pub fn are_in(&self, message: &Message) -> bool {
        if message.body.is_system() || message.deleted.is_some() {
            return false;
        }
        let mut text = match &message.body {
            crate::Body::Html { html } => plain(html),
            body => body.text().to_owned(),
        };
        // What a sender says to those who show no cards need not be what the card says.
        if let Some(card) = &message.card {
            text.push('\n');
            text.push_str(&crate::card_text(card));
        }
        let mut missing: Vec<&str> = self.0.iter().map(String::as_str).collect();
        for word in words(&text) {
            missing.retain(|wanted| !word.starts_with(wanted));
            if missing.is_empty() {
                return true;
            }
        }
        false
    }
}

/// The words of a text, in lower case.
fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// What cleaned HTML says, without its elements.
pub(crate) fn plain(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, element)) = rest.split_once('<') {
        text.push_str(before);
        text.push(' ');
        rest = element.split_once('>').map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    for (entity, character) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&nbsp;", " "),
        ("&amp;", "&"),
    ] {
        text = text.replace(entity, character);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sidetone_ledger::Timestamp;

    use super::*;
    use crate::Body;

    fn message(body: Body) -> Message {
        Message {
            id: 1,
            version: 1,
            sender: "guest:g".parse().unwrap(),
            through: None,
            body,
            card: None,
            previews: Vec::new(),
            created: Timestamp::from_millis(1),
            edited: None,
            deleted: None,
            metadata: Default::default(),
            reply_to: None,
            mentions: Vec::new(),
            attachments: Vec::new(),
            reactions: Vec::new(),
            pinned: false,
            priority: Default::default(),
            token: None,
        }
    }

    fn finds(wanted: &str, body: Body) -> bool {
        Words::parse(wanted).unwrap().are_in(&message(body))
    }

    fn text(text: &str) -> Body {
        Body::Text { text: text.into() }
    }

    fn html(html: &str) -> Body {
        Body::Html { html: html.into() }
    }

    #[test]
    fn all_words_must_be_there_and_their_beginning_is_enough() {
        let said = || text("The ORDER is No. 17, Müller!");
        for wanted in ["order", "ord 17", "müll", "17 the"] {
            assert!(finds(wanted, said()), "{wanted}");
        }
        for wanted in ["rder", "order 18", "mull"] {
            assert!(!finds(wanted, said()), "{wanted}");
        }
    }

    #[test]
    fn elements_of_html_are_not_what_it_says() {
        let said = || html("<p>a <b>bold</b>er <a href=\"https://secret.example\">plan</a> &amp; more</p>");
        assert!(finds("bold plan more", said()));
        for wanted in ["secret", "href", "amp", "p"] {
            assert_eq!(finds(wanted, said()), wanted == "p", "{wanted}");
        }
    }

    #[test]
    fn what_is_no_words_cannot_be_looked_for() {
        for text in ["", "  ", "?!", "a b c d e f g h i", &"x".repeat(257)] {
            assert!(Words::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_service_and_the_deleted_say_nothing() {
        let topic = Body::TopicUpdated {
            topic: "order".into(),
        };
        assert!(!finds("order", topic));
        let mut gone = message(text("order"));
        gone.deleted = Some(Timestamp::from_millis(2));
        assert!(!Words::parse("order").unwrap().are_in(&gone));
    }

    proptest! {
        #[test]
        fn a_word_of_a_message_finds_it(said in "[a-zA-Z0-9äé ,.<&-]{1,80}", at in 0usize..20) {
            let all: Vec<String> = words(&said).collect();
            if !all.is_empty() {
                prop_assert!(finds(&all[at % all.len()], text(&said)));
            }
        }

        #[test]
        fn no_html_is_too_odd(odd in "[<>&;a-z/\"]{0,200}") {
            let _ = plain(&odd);
        }
    }
}
