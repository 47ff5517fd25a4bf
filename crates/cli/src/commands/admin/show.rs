//! Answers of the service for people: tables for lists, lines for one thing. Programs get the answer as it is.

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

use crate::output;

/// One column of a table, or one line of a thing: its title, and where the value is (RFC 6901).
pub type Column = (&'static str, &'static str);

/// Shows answers as the command line wants them.
#[derive(Clone, Copy, Debug)]
pub struct Show {
    json: bool,
}

impl Show {
    /// `json`: as the service answers.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether programs read it.
    pub fn is_json(self) -> bool {
        self.json
    }

    /// A list.
    pub fn list(self, answer: &Value, columns: &[Column], none: &str) {
        if self.json {
            return output::json(&answer["items"]);
        }
        let items = answer["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        if items.is_empty() {
            return output::line(none);
        }
        output::line(&table(items, columns).to_string());
    }

    /// One thing.
    pub fn one(self, answer: &Value, columns: &[Column]) {
        if self.json {
            return output::json(answer);
        }
        let width = columns
            .iter()
            .map(|(title, _)| title.chars().count())
            .max()
            .unwrap_or(0);
        for (title, place) in columns {
            let shown = text(answer.pointer(place));
            if !shown.is_empty() {
                output::line(&format!("{title:width$}  {shown}"));
            }
        }
    }

    /// That something is done: words for people.
    pub fn done(self, answer: &Value, words: &str) {
        if self.json {
            output::json(answer);
        } else {
            output::line(words);
        }
    }

    /// Keys that were just made, which nobody can show again.
    pub fn keys(self, keys: &Value) {
        if self.json {
            return;
        }
        let keys = keys.as_array().map(Vec::as_slice).unwrap_or_default();
        for key in keys {
            output::line(&format!(
                "{:9}  {}",
                text(key.get("slot")),
                text(key.get("secret"))
            ));
        }
        output::line("Keep them now: they cannot be shown again.");
    }
}

fn table(items: &[Value], columns: &[Column]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(columns.iter().map(|(title, _)| *title));
    for item in items {
        table.add_row(columns.iter().map(|(_, place)| text(item.pointer(place))));
    }
    table
}

/// A value in words. What comes from others must not move the cursor: control characters are left out.
pub fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.chars().filter(|c| !c.is_control()).collect(),
        Some(Value::Bool(true)) => "yes".to_owned(),
        Some(Value::Bool(false)) => "no".to_owned(),
        Some(Value::Array(items)) => {
            let items: Vec<String> = items.iter().map(|item| text(Some(item))).collect();
            items.join(", ")
        }
        Some(Value::Object(fields)) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| {
                    format!(
                        "{}={}",
                        text(Some(&Value::String(name.clone()))),
                        text(Some(value))
                    )
                })
                .collect();
            fields.join(", ")
        }
        // To the hundredth: people compare, programs ask for JSON.
        Some(Value::Number(number)) if number.is_f64() => {
            let rounded = (number.as_f64().unwrap_or_default() * 100.0).round() / 100.0;
            rounded.to_string()
        }
        Some(Value::Number(number)) => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_has_what_its_columns_point_at() {
        let items = [json!({ "id": "acme", "approval": { "state": "pending" }, "open": true })];
        let columns = [
            ("id", "/id"),
            ("state", "/approval/state"),
            ("open", "/open"),
            ("no", "/no"),
        ];
        let shown = table(&items, &columns).to_string();
        for part in ["id", "acme", "pending", "yes"] {
            assert!(shown.contains(part), "{part} is missing:\n{shown}");
        }
    }

    #[test]
    fn names_cannot_move_the_cursor() {
        assert_eq!(text(Some(&json!("a\u{1b}[2Jb\r"))), "a[2Jb");
        assert_eq!(text(Some(&json!({ "k\u{7}": ["x", "y"] }))), "k=x, y");
    }

    #[test]
    fn fractions_are_short_and_counts_exact() {
        assert_eq!(text(Some(&json!(1.0 / 30.0))), "0.03");
        assert_eq!(text(Some(&json!(1_795_254_310_378_u64))), "1795254310378");
    }
}
