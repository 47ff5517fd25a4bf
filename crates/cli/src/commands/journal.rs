//! What a call tells while it goes on: calm lines for people, one JSON object a line for programs.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::output;

/// Writes the events of a command, each with the time since its start.
pub struct Journal {
    json: bool,
    started: Instant,
}

impl Journal {
    /// A journal that begins now.
    pub fn new(json: bool) -> Self {
        Self {
            json,
            started: Instant::now(),
        }
    }

    /// Whether it is written for programs.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Writes an event: `words` for people, where there are any, `name` and the object `fields` for programs.
    pub fn event(&self, name: &str, words: &str, fields: Value) {
        let elapsed = self.started.elapsed();
        if self.json {
            output::json(&object(name, elapsed, fields));
        } else if !words.is_empty() {
            output::line(&format!("{:8.2} s  {words}", elapsed.as_secs_f64()));
        }
    }

    /// Writes a summary: `text` for people, as it is.
    pub fn summary(&self, name: &str, text: &str, fields: Value) {
        if self.json {
            output::json(&object(name, self.started.elapsed(), fields));
        } else {
            output::line(text);
        }
    }
}

/// `{"event": …, "elapsed": seconds, …fields}`.
fn object(name: &str, elapsed: Duration, fields: Value) -> Value {
    let mut object = Map::new();
    object.insert("event".into(), name.into());
    object.insert(
        "elapsed".into(),
        json!((elapsed.as_secs_f64() * 1e4).round() / 1e4),
    );
    if let Value::Object(fields) = fields {
        object.extend(fields);
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_flat_object() {
        let object = object(
            "state",
            Duration::from_micros(1_234_567),
            json!({ "state": "ringing" }),
        );
        assert_eq!(
            object,
            json!({ "event": "state", "elapsed": 1.2346, "state": "ringing" })
        );
    }
}
