//! Cards: what may be in one, what it says to who shows none, and what answers it takes. Checks as strictly as HTML is
//! cleaned: what is kept can be shown as it is, and checking it again changes nothing.

use std::collections::BTreeSet;

use sidetone_signaling::Reason;
use sidetone_signaling::protocol::chat::{Card, CardAction, CardFact, CardImage};
use url::Url;
use uuid::Uuid;

use crate::Refused;
use crate::content::misleads;
use crate::limits::{MAX_CARD_BYTES, MAX_CARD_VALUE, MAX_URL_BYTES};

const MAX_TITLE: usize = 250;
const MAX_TEXT: usize = 4_000;
const MAX_FACTS: usize = 30;
const MAX_FACT: (usize, usize) = (100, 500);
const MAX_IMAGES: usize = 10;
const MAX_ACTIONS: usize = 10;
const MAX_ACTION_ID: usize = 64;
const MAX_ACTION_TITLE: usize = 100;
const MAX_CHOICES: usize = 20;

/// Checks a card, and takes the space around its texts. `files` are those that go with its message.
///
/// # Errors
/// [`Reason::BAD_CONTENT`], with what is wrong; [`Reason::MESSAGE_TOO_LARGE`].
pub fn check_card(card: Card, files: &[Uuid]) -> Result<Card, Refused> {
    if card.facts.len() > MAX_FACTS || card.images.len() > MAX_IMAGES || card.actions.len() > MAX_ACTIONS {
        return Err(Refused::content(
            "a card has at most 30 facts, 10 images and 10 actions",
        ));
    }
    let facts = card.facts.into_iter().map(|fact| {
        Ok(CardFact {
            name: some(line(fact.name, MAX_FACT.0)?)?,
            value: some(line(fact.value, MAX_FACT.1)?)?,
        })
    });
    let images = card.images.into_iter().map(|image| {
        if !files.contains(&image.attachment) {
            return Err(Refused::content("an image of a card goes with its message"));
        }
        Ok(CardImage {
            attachment: image.attachment,
            alt: line(image.alt, MAX_TITLE)?,
        })
    });
    let mut ids = BTreeSet::new();
    let actions = card.actions.into_iter().map(|action| {
        let action = check_action(action)?;
        match id_of(&action) {
            Some(id) if !ids.insert(id.to_owned()) => Err(Refused::content("two actions have one id")),
            _ => Ok(action),
        }
    });
    let card = Card {
        title: line(card.title, MAX_TITLE)?,
        text: text(card.text)?,
        facts: facts.collect::<Result<_, Refused>>()?,
        images: images.collect::<Result<_, Refused>>()?,
        actions: actions.collect::<Result<_, Refused>>()?,
    };
    if card == Card::default() {
        return Err(Refused::content("the card must say something"));
    }
    if size(&card) > MAX_CARD_BYTES {
        return Err(Reason::MESSAGE_TOO_LARGE.into());
    }
    Ok(card)
}

/// All its texts, in bytes.
fn size(card: &Card) -> usize {
    let facts = card.facts.iter().map(|fact| fact.name.len() + fact.value.len());
    let images = card.images.iter().map(|image| image.alt.len());
    let actions = card.actions.iter().map(|action| match action {
        CardAction::Open { title, url } => title.len() + url.len(),
        CardAction::Press { id, title } | CardAction::Enter { id, title } => id.len() + title.len(),
        CardAction::Choose { id, title, choices } => {
            id.len() + title.len() + choices.iter().map(String::len).sum::<usize>()
        }
        CardAction::Later => 0,
    });
    card.title.len() + card.text.len() + facts.chain(images).chain(actions).sum::<usize>()
}

fn check_action(action: CardAction) -> Result<CardAction, Refused> {
    let title = |title| some(line(title, MAX_ACTION_TITLE)?);
    Ok(match action {
        CardAction::Open { title: on, url } => CardAction::Open {
            title: title(on)?,
            url: address(&url)?,
        },
        CardAction::Press { id, title: on } => CardAction::Press {
            id: action_id(id)?,
            title: title(on)?,
        },
        CardAction::Choose {
            id,
            title: on,
            choices,
        } => {
            let choices: Vec<String> = choices.into_iter().map(title).collect::<Result<_, _>>()?;
            let different: BTreeSet<&String> = choices.iter().collect();
            if choices.is_empty() || choices.len() > MAX_CHOICES || different.len() < choices.len() {
                return Err(Refused::content("an action has 1 to 20 different choices"));
            }
            CardAction::Choose {
                id: action_id(id)?,
                title: title(on)?,
                choices,
            }
        }
        CardAction::Enter { id, title: on } => CardAction::Enter {
            id: action_id(id)?,
            title: title(on)?,
        },
        CardAction::Later => return Err(Refused::content("there is no such action on a card")),
    })
}

fn id_of(action: &CardAction) -> Option<&str> {
    match action {
        CardAction::Press { id, .. } | CardAction::Choose { id, .. } | CardAction::Enter { id, .. } => {
            Some(id)
        }
        CardAction::Open { .. } | CardAction::Later => None,
    }
}

fn action_id(id: String) -> Result<String, Refused> {
    let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if id.is_empty() || id.len() > MAX_ACTION_ID || !id.bytes().all(letter) {
        return Err(Refused::content(
            "the id of an action is 1 to 64 letters, digits, - and _",
        ));
    }
    Ok(id)
}

/// One line of at most so many characters, without the space around it.
fn line(text: String, most: usize) -> Result<String, Refused> {
    if text.chars().any(misleads) {
        return Err(Refused::content(
            "a line of a card must not hold control characters",
        ));
    }
    let text = text.trim();
    if text.chars().count() > most {
        return Err(Refused::content("a text of the card is too long"));
    }
    Ok(text.to_owned())
}

fn some(line: String) -> Result<String, Refused> {
    if line.is_empty() {
        return Err(Refused::content(
            "facts, choices and actions of a card must say something",
        ));
    }
    Ok(line)
}

fn text(text: String) -> Result<String, Refused> {
    if text.chars().any(|c| misleads(c) && c != '\n') {
        return Err(Refused::content(
            "the text of a card must not hold control characters",
        ));
    }
    let text = text.trim();
    if text.chars().count() > MAX_TEXT {
        return Err(Refused::content("a text of the card is too long"));
    }
    Ok(text.to_owned())
}

/// An address that a button may open, in its one form: nothing that runs, and nobody's password.
fn address(text: &str) -> Result<String, Refused> {
    const BAD: Refused = Refused {
        reason: Reason::BAD_CONTENT,
        detail: Some("an action opens an address of https, http or mailto"),
        retry_after: None,
    };
    if text.len() > MAX_URL_BYTES {
        return Err(BAD);
    }
    let url = Url::parse(text).map_err(|_| BAD)?;
    let named = match url.scheme() {
        "http" | "https" => url.has_host() && url.username().is_empty() && url.password().is_none(),
        "mailto" => !url.path().is_empty(),
        _ => false,
    };
    // What parses as something else when it is read again is shown to nobody.
    let settled = Url::parse(url.as_str()).is_ok_and(|again| again.as_str() == url.as_str());
    if !named || !settled || url.as_str().len() > MAX_URL_BYTES {
        return Err(BAD);
    }
    Ok(url.into())
}

/// What a card says, as plain text: for clients that show no cards, and for searching.
pub fn card_text(card: &Card) -> String {
    let mut lines: Vec<String> = [&card.title, &card.text]
        .into_iter()
        .filter(|line| !line.is_empty())
        .cloned()
        .collect();
    lines.extend(
        card.facts
            .iter()
            .map(|fact| format!("{}: {}", fact.name, fact.value)),
    );
    let alts = card.images.iter().filter(|image| !image.alt.is_empty());
    lines.extend(alts.map(|image| format!("[{}]", image.alt)));
    lines.extend(card.actions.iter().filter_map(|action| {
        Some(match action {
            CardAction::Open { title, url } => format!("{title}: {url}"),
            CardAction::Press { title, .. } | CardAction::Enter { title, .. } => format!("[{title}]"),
            CardAction::Choose { title, choices, .. } => format!("[{title}: {}]", choices.join(" / ")),
            CardAction::Later => return None,
        })
    }));
    lines.join("\n")
}

/// Checks an answer to a card; gives its value as it is kept.
///
/// # Errors
/// [`Reason::NO_SUCH_ACTION`]; a value that this button does not take.
pub(crate) fn check_answer(card: &Card, action: &str, value: &str) -> Result<String, Refused> {
    let named = card.actions.iter().find(|one| id_of(one) == Some(action));
    match named.ok_or(Reason::NO_SUCH_ACTION)? {
        CardAction::Press { .. } if value.is_empty() => Ok(String::new()),
        CardAction::Choose { choices, .. } if choices.iter().any(|choice| choice == value) => {
            Ok(value.to_owned())
        }
        CardAction::Enter { .. } => {
            let value = value.trim();
            if value.is_empty() || value.chars().count() > MAX_CARD_VALUE {
                return Err(Refused::content("the answer is 1 to 1000 characters"));
            }
            if value.chars().any(|c| c.is_control() && c != '\n') {
                return Err(Refused::content("the answer must not hold control characters"));
            }
            Ok(value.to_owned())
        }
        _ => Err(Refused::content("the button does not take this value")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn approval() -> Card {
        Card {
            title: " Leave ".into(),
            text: "Two days\nin March".into(),
            facts: vec![CardFact {
                name: "From".into(),
                value: "2 March".into(),
            }],
            images: vec![CardImage {
                attachment: Uuid::from_u128(7),
                alt: "a beach".into(),
            }],
            actions: vec![
                CardAction::Open {
                    title: "Rules".into(),
                    url: "https://rules.example".into(),
                },
                CardAction::Press {
                    id: "yes".into(),
                    title: "Approve".into(),
                },
                CardAction::Choose {
                    id: "when".into(),
                    title: "When".into(),
                    choices: vec!["now".into(), "later".into()],
                },
                CardAction::Enter {
                    id: "why".into(),
                    title: "Why".into(),
                },
            ],
        }
    }

    fn checked(card: Card) -> Result<Card, Reason> {
        check_card(card, &[Uuid::from_u128(7)]).map_err(|refused| refused.reason)
    }

    #[test]
    fn a_card_says_the_same_as_text() {
        let card = checked(approval()).unwrap();
        assert_eq!(
            card_text(&card),
            "Leave\nTwo days\nin March\nFrom: 2 March\n[a beach]\nRules: https://rules.example/\n[Approve]\n\
             [When: now / later]\n[Why]"
        );
        assert_eq!(checked(card.clone()), Ok(card));
    }

    #[test]
    fn what_could_deceive_or_run_is_not_taken() {
        let with = |change: fn(&mut Card)| {
            let mut card = approval();
            change(&mut card);
            checked(card)
        };
        let open = |url: &str| {
            let mut card = approval();
            card.actions[0] = CardAction::Open {
                title: "x".into(),
                url: url.into(),
            };
            checked(card)
        };
        let bad = Err(Reason::BAD_CONTENT);
        for url in [
            "javascript:alert(1)",
            " JaVaScRiPt:alert(1)",
            "data:text/html,x",
            "/relative",
            "https://bank.example@evil.example/",
            "file:///etc/passwd",
            "attachment:7",
            "mailto:",
            "",
        ] {
            assert_eq!(open(url), bad, "{url}");
        }
        assert!(open("mailto:eve@shop.example").is_ok());
        assert_eq!(with(|card| card.title = "a\u{1b}[2J".into()), bad);
        assert_eq!(with(|card| card.facts[0].value = "a\u{202e}b".into()), bad);
        assert_eq!(with(|card| card.text = "a\u{2028}b".into()), bad);
        assert_eq!(with(|card| card.images[0].attachment = Uuid::from_u128(8)), bad);
        assert_eq!(with(|card| card.actions.push(card.actions[1].clone())), bad);
        assert_eq!(with(|card| card.actions[0] = CardAction::Later), bad);
        assert_eq!(with(|card| card.facts[0].name = "  ".into()), bad);
        assert_eq!(checked(Card::default()), bad);
        // 4,000 characters of four bytes each are more than a card may be.
        let large = with(|card| card.text = "\u{1f600}".repeat(4_000));
        assert_eq!(large, Err(Reason::MESSAGE_TOO_LARGE));
    }

    #[test]
    fn a_button_takes_what_it_offers() {
        let card = checked(approval()).unwrap();
        let answer = |action, value| check_answer(&card, action, value).map_err(|refused| refused.reason);
        assert_eq!(answer("yes", ""), Ok(String::new()));
        assert_eq!(answer("when", "later"), Ok("later".into()));
        assert_eq!(answer("why", " because\nso "), Ok("because\nso".into()));
        for (action, value) in [
            ("yes", "x"),
            ("when", "never"),
            ("when", ""),
            ("why", " "),
            ("why", "\u{7}"),
        ] {
            assert_eq!(
                answer(action, value),
                Err(Reason::BAD_CONTENT),
                "{action} {value}"
            );
        }
        assert_eq!(answer("no", ""), Err(Reason::NO_SUCH_ACTION));
    }

    fn words() -> impl Strategy<Value = String> {
        "[ a-z\n\u{7}é😀/:@.]{0,40}"
    }

    fn any_card() -> impl Strategy<Value = Card> {
        let action = prop_oneof![
            (
                words(),
                "(https?|mailto|javascript|data):/{0,2}[a-z@./:%#?é]{0,20}"
            )
                .prop_map(|(title, url)| CardAction::Open { title, url }),
            ("[a-c]{0,2}", words()).prop_map(|(id, title)| CardAction::Press { id, title }),
            ("[a-c]{1,2}", words(), prop::collection::vec("[xyz ]{0,3}", 0..4))
                .prop_map(|(id, title, choices)| CardAction::Choose { id, title, choices }),
        ];
        let fact = (words(), words()).prop_map(|(name, value)| CardFact { name, value });
        (
            words(),
            words(),
            prop::collection::vec(fact, 0..3),
            prop::collection::vec(action, 0..4),
        )
            .prop_map(|(title, text, facts, actions)| Card {
                title,
                text,
                facts,
                images: Vec::new(),
                actions,
            })
    }

    proptest! {
        #[test]
        fn what_is_taken_is_settled_and_says_something(card in any_card()) {
            if let Ok(card) = check_card(card, &[]) {
                prop_assert_eq!(check_card(card.clone(), &[]).ok(), Some(card.clone()));
                let text = card_text(&card);
                prop_assert!(!text.trim().is_empty());
                prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
                for action in &card.actions {
                    if let CardAction::Open { url, .. } = action {
                        prop_assert!(url.starts_with("http") || url.starts_with("mailto:"), "{}", url);
                    }
                }
            }
        }
    }
}
