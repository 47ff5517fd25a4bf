//! Messages between the clients of a meeting, which the service passes on and does not keep; and real-time text (the
//! idea of RFC 4103: what somebody writes is read as it is typed).

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::super::ParticipantId;
use super::is_false;

/// Bytes, in base64 (RFC 4648 section 4).
#[derive(Clone, PartialEq, Eq)]
pub struct Blob(pub Vec<u8>);

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({})", self.0.len())
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        STANDARD
            .decode(text.as_bytes())
            .map(Self)
            .map_err(D::Error::custom)
    }
}

impl JsonSchema for Blob {
    fn schema_name() -> Cow<'static, str> {
        "Blob".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "contentEncoding": "base64",
            "description": "Bytes, in base64 (RFC 4648 section 4).",
        })
    }
}

/// Sends a message. Messages of one sender arrive in their order; whoever is not connected at the moment misses them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SendMessage {
    /// What it is about, from 1 on: applications agree on numbers of their own.
    #[schemars(range(min = 1))]
    pub channel: u16,
    /// To whom, 64 at most. None: everyone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<ParticipantId>,
    /// What it says, 32 KiB at most.
    pub data: Blob,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// Who sent it.
    pub from: ParticipantId,
    /// What it is about.
    pub channel: u16,
    /// Rises with every message of this sender, and has gaps where some were not for this endpoint.
    pub seq: u32,
    /// It was sent to some only.
    #[serde(default, skip_serializing_if = "is_false")]
    pub private: bool,
    /// What it says.
    pub data: Blob,
}

/// Types in a line: keeps what the line begins with, and puts something after it. So characters are added, taken back and
/// put right alike.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Type {
    /// The sender's number of the line. A higher one begins the next line, and finishes the one before.
    pub line: u32,
    /// How many characters (Unicode scalar values) of what is there stay.
    pub keep: u32,
    /// What follows them.
    pub text: String,
    /// The line is finished.
    #[serde(default, skip_serializing_if = "is_false")]
    pub last: bool,
}

impl fmt::Debug for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Type({}, {} kept)", self.line, self.keep)
    }
}

/// What somebody typed: to be done to the line as [`Type`] says. Not kept once the line is finished.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Typed {
    /// Who.
    pub from: ParticipantId,
    /// The sender's number of the line.
    pub line: u32,
    /// How many characters of what is there stay. 0 for whoever comes in the middle of a line.
    pub keep: u32,
    /// What follows them.
    pub text: String,
    /// The line is finished.
    #[serde(default, skip_serializing_if = "is_false")]
    pub last: bool,
}

impl fmt::Debug for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Typed({}, {}, {} kept)", self.from, self.line, self.keep)
    }
}

/// Does to a line what was typed. False: it keeps more than there is, and the line is as it was.
pub(super) fn edit(line: &mut String, keep: u32, text: &str) -> bool {
    let keep = keep as usize;
    let at = match line.char_indices().nth(keep) {
        Some((at, _)) => at,
        None if line.chars().count() == keep => line.len(),
        None => return false,
    };
    line.truncate(at);
    line.push_str(text);
    true
}

impl Type {
    /// Does it to the line as it is so far. False: it keeps more than there is, and the line is as it was.
    pub fn apply(&self, line: &mut String) -> bool {
        edit(line, self.keep, &self.text)
    }

    /// What makes `line` of what was `before`.
    pub fn between(number: u32, before: &str, line: &str, last: bool) -> Self {
        let same = before.chars().zip(line.chars()).take_while(|(a, b)| a == b);
        let kept: usize = same.map(|(a, _)| a.len_utf8()).sum();
        Self {
            line: number,
            keep: u32::try_from(before[..kept].chars().count()).unwrap_or(u32::MAX),
            text: line[kept..].to_owned(),
            last,
        }
    }
}

impl Typed {
    /// Does it to the line as it is so far. False: something was missed, and the line is as it was.
    pub fn apply(&self, line: &mut String) -> bool {
        edit(line, self.keep, &self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_between_two_lines_makes_one_of_the_other(
            lines in proptest::collection::vec("[aé漢🎈]{0,12}", 1..12),
        ) {
            let (mut typed, mut read) = (String::new(), String::new());
            for line in lines {
                let step = Type::between(1, &typed, &line, false);
                prop_assert!(step.apply(&mut read));
                prop_assert_eq!(&read, &line);
                typed = line;
            }
        }

        #[test]
        fn nothing_keeps_more_than_there_is(line in ".{0,20}", keep in 0_u32..40, text in ".{0,5}") {
            let mut after = line.clone();
            let done = edit(&mut after, keep, &text);
            let characters = line.chars().count();
            prop_assert_eq!(done, keep as usize <= characters);
            let wanted: String = match done {
                true => line.chars().take(keep as usize).chain(text.chars()).collect(),
                false => line,
            };
            prop_assert_eq!(after, wanted);
        }
    }
}
