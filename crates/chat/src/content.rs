//! What a message says: plain text, or HTML that is cleaned before it is kept, so that whoever shows it need not trust
//! its sender.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use ammonia::Builder;
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::chat::Card;
use uuid::Uuid;

use crate::card::{card_text, check_card};
use crate::limits::{MAX_MESSAGE_BYTES, MAX_METADATA, MAX_TOPIC};
use crate::{Body, Refused};

/// What somebody wants to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Plain text.
    Text(String),
    /// HTML. What is not among the harmless is taken out of it.
    Html(String),
    /// A card, with the text that clients are given that show none. Where that is empty it is made of the card.
    Card(Box<Card>, String),
}

impl Content {
    /// Whether it is a card.
    pub(crate) fn is_card(&self) -> bool {
        matches!(self, Self::Card(..))
    }

    /// Checks and cleans it. Without files it must say something.
    pub(crate) fn read(self, files: &[Uuid]) -> Result<(Body, Option<Card>), Refused> {
        let (Self::Text(text) | Self::Html(text) | Self::Card(_, text)) = &self;
        if text.len() > MAX_MESSAGE_BYTES {
            return Err(Reason::MESSAGE_TOO_LARGE.into());
        }
        if text.contains('\0') {
            return Err(Refused::content("the text must not hold NUL"));
        }
        let mut card = None;
        let body = match self {
            Self::Text(text) => Body::Text { text },
            Self::Card(wanted, text) => {
                let checked = check_card(*wanted, files)?;
                let text = if text.trim().is_empty() {
                    card_text(&checked)
                } else {
                    text
                };
                card = Some(checked);
                Body::Text { text }
            }
            Self::Html(html) => {
                let html = clean_html(&html);
                // Entities can make it longer.
                if html.len() > MAX_MESSAGE_BYTES {
                    return Err(Reason::MESSAGE_TOO_LARGE.into());
                }
                Body::Html { html }
            }
        };
        if body.text().trim().is_empty() && files.is_empty() {
            return Err(Refused::content("the message must say something"));
        }
        Ok((body, card))
    }
}

/// HTML without anything that could run, track or break out: no scripts, styles, forms, frames, and no images but those
/// that go with the message (`<img src="attachment:<id>">`). Cleaning it again changes nothing: every reader that parses
/// it sees what was checked.
pub fn clean_html(html: &str) -> String {
    let mut clean = CLEANER.clean(html).to_string();
    // An element that is taken out may have kept two apart that do not nest, such as a link in a link: what is left is
    // then read differently. A few rounds settle whatever people write.
    for _ in 0..4 {
        let again = CLEANER.clean(&clean).to_string();
        if again == clean {
            return clean;
        }
        clean = again;
    }
    Builder::empty().clean(&clean).to_string()
}

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let tags: HashSet<&str> = [
        "a",
        "b",
        "blockquote",
        "br",
        "code",
        "del",
        "div",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "hr",
        "i",
        "img",
        "ins",
        "kbd",
        "li",
        "ol",
        "p",
        "pre",
        "s",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "u",
        "ul",
    ]
    .into();
    let mut cleaner = Builder::new();
    cleaner
        .tags(tags)
        .generic_attributes(HashSet::new())
        .tag_attributes(
            [
                ("a", HashSet::from(["href"])),
                ("img", HashSet::from(["src", "alt", "width", "height"])),
                ("td", HashSet::from(["colspan", "rowspan"])),
                ("th", HashSet::from(["colspan", "rowspan"])),
                ("ol", HashSet::from(["start"])),
            ]
            .into(),
        )
        .url_schemes(["http", "https", "mailto", "attachment"].into())
        .url_relative(ammonia::UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"))
        .attribute_filter(|element, attribute, value| {
            let own = value.starts_with("attachment:");
            match (element, attribute) {
                ("img", "src") => own.then_some(Cow::Borrowed(value)),
                ("a", "href") => (!own).then_some(Cow::Borrowed(value)),
                _ => Some(Cow::Borrowed(value)),
            }
        });
    cleaner
});

/// Whether a character makes a line look like what it is not, or like two: it controls something, turns the direction of
/// writing, or ends a line in disguise.
pub(crate) fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Checks a topic, and takes the space around it.
pub(crate) fn topic(text: &str) -> Result<String, Refused> {
    let text = text.trim();
    if text.chars().count() > MAX_TOPIC {
        return Err(Refused::content("the topic is longer than 250 characters"));
    }
    if text.chars().any(char::is_control) {
        return Err(Refused::content("the topic must not hold control characters"));
    }
    Ok(text.to_owned())
}

/// Checks metadata.
pub(crate) fn metadata(entries: &BTreeMap<String, String>) -> Result<(), Refused> {
    let bytes: usize = entries.iter().map(|(key, value)| key.len() + value.len()).sum();
    if entries.len() > MAX_METADATA.0 || bytes > MAX_METADATA.1 {
        return Err(Refused::content("the metadata is too much"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_run_or_track_is_taken_out() {
        for (dirty, clean) in [
            ("<b>hi</b><script>alert(1)</script>", "<b>hi</b>"),
            ("<p onclick=\"x()\" style=\"position:fixed\">hi", "<p>hi</p>"),
            ("<img src=\"https://track.example/x.png\">", "<img>"),
            (
                "<img src=\"attachment:7\" onerror=\"x()\">",
                "<img src=\"attachment:7\">",
            ),
            (
                "<a href=\"javascript:alert(1)\">x</a>",
                "<a rel=\"noopener noreferrer nofollow\">x</a>",
            ),
            (
                "<a href=\"https://a.example\">x</a>",
                "<a href=\"https://a.example\" rel=\"noopener noreferrer nofollow\">x</a>",
            ),
            ("<iframe src=\"https://a.example\"></iframe>x", "x"),
            ("<svg><style><img src=x onerror=alert(1)></style></svg>", "<img>"),
            ("<form><input name=\"password\"></form>", ""),
        ] {
            assert_eq!(clean_html(dirty), clean, "{dirty}");
        }
    }

    #[test]
    fn what_is_clean_stays_as_it_is() {
        for html in [
            "a &lt; b",
            "<ul><li>1</li></ul>",
            "<table><tbody><tr><td>x</td></tr></tbody></table>",
        ] {
            assert_eq!(clean_html(html), html);
            assert_eq!(clean_html(&clean_html(html)), html);
        }
    }

    #[test]
    fn what_was_kept_apart_is_settled() {
        // Without the object between them, the second link ends the first.
        let html = "<a>x<object><a>y</a></object></a>";
        let link = "<a rel=\"noopener noreferrer nofollow\">";
        assert_eq!(CLEANER.clean(html).to_string(), format!("{link}x{link}y</a></a>"));
        assert_eq!(clean_html(html), format!("{link}x</a>{link}y</a>"));
    }

    #[test]
    fn a_message_is_bounded_and_says_something() {
        let read = |content: Content| content.read(&[]).map_err(|refused| refused.reason);
        assert!(read(Content::Text("a".repeat(MAX_MESSAGE_BYTES))).is_ok());
        let long = Content::Text("a".repeat(MAX_MESSAGE_BYTES + 1));
        assert_eq!(read(long), Err(Reason::MESSAGE_TOO_LARGE));
        // 20,000 angles become 80,000 bytes.
        assert_eq!(
            read(Content::Html("<".repeat(20_000))),
            Err(Reason::MESSAGE_TOO_LARGE)
        );
        assert_eq!(read(Content::Text(" \n".into())), Err(Reason::BAD_CONTENT));
        assert!(Content::Text(String::new()).read(&[Uuid::nil()]).is_ok());
        assert_eq!(
            read(Content::Html("<script>x</script>".into())),
            Err(Reason::BAD_CONTENT)
        );
    }

    proptest::proptest! {
        #[test]
        fn no_element_that_runs_is_ever_left(html in "[<>a-z/ =\"':();&#x0-9]{0,200}") {
            let clean = clean_html(&html);
            for bad in ["<script", "<iframe", "<style", "<object", "<svg", "<form"] {
                proptest::prop_assert!(!clean.contains(bad), "{clean}");
            }
            proptest::prop_assert_eq!(clean_html(&clean), clean);
        }
    }
}
