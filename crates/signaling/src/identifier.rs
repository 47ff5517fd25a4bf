//! Who can be called: identities and their canonical raw ids.
//!
//! A raw id is one lowercase string, `kind:part[:part]`, equal exactly when the identities are equal. This module
//! refuses to know whether an identity exists or may be called: that is the directory's and the policy's business.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest raw id that is accepted, in bytes.
pub const MAX_RAW_ID: usize = 200;
const MAX_LABEL: usize = 64;

/// One part of a raw id: 1 to 64 of `a-z`, `0-9`, `.`, `_`, `-`. A lowercase UUID is one; so is `alice`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Label(String);

impl Label {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Label {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if text.is_empty() || text.len() > MAX_LABEL || !text.bytes().all(fits) {
            return Err(IdentifierError::BadLabel);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Label {
    type Error = IdentifierError;

    fn try_from(text: String) -> Result<Self, IdentifierError> {
        text.parse()
    }
}

impl From<Label> for String {
    fn from(label: Label) -> Self {
        label.0
    }
}

/// An E.164 number: `+` and 3 to 15 digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// The text, with its `+`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PhoneNumber {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        let digits = text.strip_prefix('+').ok_or(IdentifierError::BadNumber)?;
        if !(3..=15).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(IdentifierError::BadNumber);
        }
        Ok(Self(text.to_owned()))
    }
}

/// An identity that can call or be called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum Identifier {
    /// A user that a resource made: `external:<resource>:<user>`.
    ExternalUser {
        /// The resource the user belongs to.
        resource: Label,
        /// The user within it.
        user: Label,
    },
    /// A member of an organisation: `member:<organisation>:<user>`.
    Member {
        /// The organisation.
        organisation: Label,
        /// The member within it.
        user: Label,
    },
    /// A call queue, attendant or bot of an organisation: `application:<organisation>:<application>`.
    Application {
        /// The organisation.
        organisation: Label,
        /// The application within it.
        application: Label,
    },
    /// Someone without an account, known for one visit: `guest:<visit>`.
    Guest {
        /// The visit.
        visit: Label,
    },
    /// A telephone: `phone:+<digits>`.
    Phone {
        /// Its number.
        number: PhoneNumber,
    },
    /// A kind this version does not know, kept as it came. It can be shown and sent back, not called.
    Unknown {
        /// The whole raw id.
        raw_id: UnknownId,
    },
}

/// The raw id of a kind this version does not know: printable ASCII, bounded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnknownId(String);

impl Identifier {
    /// Shorthand for an external user.
    ///
    /// # Errors
    /// [`IdentifierError::BadLabel`] when a part is empty, too long or has other characters.
    pub fn external_user(resource: &str, user: &str) -> Result<Self, IdentifierError> {
        Ok(Self::ExternalUser {
            resource: resource.parse()?,
            user: user.parse()?,
        })
    }

    /// Shorthand for a member.
    ///
    /// # Errors
    /// [`IdentifierError::BadLabel`] when a part is empty, too long or has other characters.
    pub fn member(organisation: &str, user: &str) -> Result<Self, IdentifierError> {
        Ok(Self::Member {
            organisation: organisation.parse()?,
            user: user.parse()?,
        })
    }

    /// The canonical raw id.
    pub fn raw_id(&self) -> String {
        self.to_string()
    }

    /// Whether clients may register under this identity.
    pub fn can_register(&self) -> bool {
        !matches!(self, Self::Phone { .. } | Self::Unknown { .. })
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExternalUser { resource, user } => write!(f, "external:{resource}:{user}"),
            Self::Member { organisation, user } => write!(f, "member:{organisation}:{user}"),
            Self::Application {
                organisation,
                application,
            } => {
                write!(f, "application:{organisation}:{application}")
            }
            Self::Guest { visit } => write!(f, "guest:{visit}"),
            Self::Phone { number } => write!(f, "phone:{}", number.0),
            Self::Unknown { raw_id } => f.write_str(&raw_id.0),
        }
    }
}

impl FromStr for Identifier {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        if text.len() > MAX_RAW_ID {
            return Err(IdentifierError::TooLong);
        }
        let (kind, rest) = text.split_once(':').ok_or(IdentifierError::NoKind)?;
        let pair = || -> Result<(Label, Label), IdentifierError> {
            let (first, second) = rest.split_once(':').ok_or(IdentifierError::MissingPart)?;
            Ok((first.parse()?, second.parse()?))
        };
        match kind {
            "external" => pair().map(|(resource, user)| Self::ExternalUser { resource, user }),
            "member" => pair().map(|(organisation, user)| Self::Member { organisation, user }),
            "application" => pair().map(|(organisation, application)| Self::Application {
                organisation,
                application,
            }),
            "guest" => Ok(Self::Guest { visit: rest.parse()? }),
            "phone" => Ok(Self::Phone {
                number: rest.parse()?,
            }),
            _ => {
                let _: Label = kind.parse()?;
                if rest.is_empty() || !rest.bytes().all(|b| b.is_ascii_graphic()) {
                    return Err(IdentifierError::BadLabel);
                }
                Ok(Self::Unknown {
                    raw_id: UnknownId(text.to_owned()),
                })
            }
        }
    }
}

impl TryFrom<String> for Identifier {
    type Error = IdentifierError;

    fn try_from(text: String) -> Result<Self, IdentifierError> {
        text.parse()
    }
}

impl From<Identifier> for String {
    fn from(identifier: Identifier) -> Self {
        identifier.to_string()
    }
}

impl schemars::JsonSchema for Identifier {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Identifier".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Canonical raw id, such as external:<resource>:<user> or member:<organisation>:<user>.",
            "type": "string",
            "maxLength": MAX_RAW_ID,
            "pattern": "^[A-Za-z0-9._-]+:[!-~]+$"
        })
    }
}

/// Why a text is no raw id. The caller gave a wrong text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// Longer than [`MAX_RAW_ID`].
    #[error("raw id is longer than {MAX_RAW_ID} bytes")]
    TooLong,
    /// No `kind:` in front.
    #[error("raw id has no kind: expected kind:part")]
    NoKind,
    /// A part is missing.
    #[error("raw id lacks a part: expected kind:part:part")]
    MissingPart,
    /// A part is empty, too long, or has characters other than letters, digits, `.`, `_`, `-`.
    #[error("raw id part must be 1 to {MAX_LABEL} letters, digits, '.', '_' or '-'")]
    BadLabel,
    /// Not E.164.
    #[error("phone number must be + and 3 to 15 digits")]
    BadNumber,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_kind_prints_what_it_parsed() {
        for raw in [
            "external:shop:eve",
            "member:contoso:8f14e45f-ceea-467f-a83f-0c2d6d1f0a11",
            "application:contoso:support",
            "guest:v-17",
            "phone:+390612345",
            "robot:r2/d2",
        ] {
            let id: Identifier = raw.parse().unwrap();
            assert_eq!(id.raw_id(), raw);
        }
    }

    #[test]
    fn case_does_not_make_another_person() {
        let a: Identifier = "external:Shop:EVE".parse().unwrap();
        assert_eq!(a, Identifier::external_user("shop", "eve").unwrap());
    }

    #[test]
    fn malformed_ids_say_why() {
        let err = |t: &str| t.parse::<Identifier>().unwrap_err();
        assert_eq!(err("alice"), IdentifierError::NoKind);
        assert_eq!(err("member:contoso"), IdentifierError::MissingPart);
        assert_eq!(err("member:contoso:a:b"), IdentifierError::BadLabel);
        assert_eq!(err("external::x"), IdentifierError::BadLabel);
        assert_eq!(err("phone:0612345"), IdentifierError::BadNumber);
        assert_eq!(err("guest:à"), IdentifierError::BadLabel);
        assert_eq!(
            err(&format!("guest:{}", "a".repeat(300))),
            IdentifierError::TooLong
        );
    }

    proptest! {
        #[test]
        fn parsing_is_canonical(text in "\\PC{0,220}") {
            if let Ok(id) = text.parse::<Identifier>() {
                prop_assert_eq!(id.raw_id().parse::<Identifier>().unwrap(), id);
            }
        }
    }
}
