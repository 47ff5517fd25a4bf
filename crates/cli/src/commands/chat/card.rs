//! Cards on a terminal: read from a file, and drawn so that people can answer them.

use std::path::Path;

use serde_json::Value;
use sidetone::{Card, CardAction};

use super::show::plain;
use crate::exit::{Exit, Failure};

/// Reads a card from a file. What this program does not know of it is said, and not left out.
pub fn read(path: &Path) -> Result<Card, Failure> {
    let wrong =
        |error: &dyn std::fmt::Display| Failure::new(Exit::Usage, format!("{}: {error}", path.display()));
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::new(Exit::Resource, format!("{}: {error}", path.display())))?;
    let value: Value = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
    let card: Card = serde_json::from_value(value.clone()).map_err(|error| wrong(&error))?;
    let known = serde_json::to_value(&card).map_err(|error| wrong(&error))?;
    match left_out(&value, &known) {
        Some(key) => Err(wrong(&format_args!("a card has no {key}"))),
        None => Ok(card),
    }
}

/// The first thing that says something and is left out.
fn left_out(wanted: &Value, known: &Value) -> Option<String> {
    match (wanted, known) {
        (Value::Object(wanted), Value::Object(known)) => {
            wanted.iter().find_map(|(key, value)| match known.get(key) {
                Some(known) => left_out(value, known),
                None if value.as_str() == Some("") || value.as_array().is_some_and(Vec::is_empty) => None,
                None => Some(format!("{key:?}")),
            })
        }
        (Value::Array(wanted), Value::Array(known)) => wanted
            .iter()
            .zip(known)
            .find_map(|(wanted, known)| left_out(wanted, known)),
        (wanted, known) => (wanted != known).then(|| wanted.to_string()),
    }
}

/// A card as lines. Each button has in brackets by what `/answer` names it.
pub fn drawn(card: &Card) -> String {
    let mut lines = Vec::new();
    if !card.title.is_empty() {
        lines.push(plain(&card.title));
    }
    lines.extend(card.text.lines().map(plain));
    let widest = card.facts.iter().map(|fact| fact.name.chars().count()).max();
    for fact in &card.facts {
        let name = plain(&fact.name);
        lines.push(format!(
            "{name:<0$}  {1}",
            widest.unwrap_or(0),
            plain(&fact.value)
        ));
    }
    for image in &card.images {
        let alt = if image.alt.is_empty() {
            "a picture"
        } else {
            &image.alt
        };
        lines.push(format!("(picture: {})", plain(alt)));
    }
    for action in &card.actions {
        lines.push(match action {
            CardAction::Open { title, url } => format!("-> {}  {}", plain(title), plain(url)),
            CardAction::Press { id, title } => format!("[{}] {}", plain(id), plain(title)),
            CardAction::Choose { id, title, choices } => {
                let choices: Vec<String> = choices.iter().map(|choice| plain(choice)).collect();
                format!("[{}] {}: {}", plain(id), plain(title), choices.join(" | "))
            }
            CardAction::Enter { id, title } => format!("[{}] {}: ...", plain(id), plain(title)),
            CardAction::Later => "(a button that this version does not know)".to_owned(),
        });
    }
    lines.iter().map(|line| format!("\n      | {line}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn card(value: Value) -> Card {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_card_is_drawn_with_what_answers_it() {
        let card = card(json!({
            "title": "Leave\u{1b}[2J",
            "text": "Two days\nin March",
            "facts": [{ "name": "From", "value": "2" }, { "name": "Until", "value": "4" }],
            "actions": [
                { "type": "open", "title": "Rules", "url": "https://a.example/" },
                { "type": "press", "id": "ok", "title": "Approve" },
                { "type": "choose", "id": "when", "title": "When", "choices": ["now", "later"] },
                { "type": "enter", "id": "why", "title": "Why" },
                { "type": "slide", "id": "s" },
            ],
        }));
        let lines = [
            "",
            "      | Leave [2J",
            "      | Two days",
            "      | in March",
            "      | From   2",
            "      | Until  4",
            "      | -> Rules  https://a.example/",
            "      | [ok] Approve",
            "      | [when] When: now | later",
            "      | [why] Why: ...",
            "      | (a button that this version does not know)",
        ];
        assert_eq!(drawn(&card), lines.join("\n"));
    }

    #[test]
    fn what_a_card_does_not_have_is_said() {
        let lost = |value: Value| left_out(&value, &serde_json::to_value(card(value.clone())).unwrap());
        assert_eq!(lost(json!({ "title": "x", "facts": [], "text": "" })), None);
        assert_eq!(
            lost(json!({ "title": "x", "colour": "red" })),
            Some("\"colour\"".into())
        );
        let action = json!({ "type": "press", "id": "a", "title": "A", "style": 1 });
        assert_eq!(lost(json!({ "actions": [action] })), Some("\"style\"".into()));
        assert_eq!(
            lost(json!({ "actions": [{ "type": "run" }] })),
            Some("\"run\"".into())
        );
    }
}
