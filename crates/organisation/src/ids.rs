//! Names of things, each a type of its own, so that a member's id cannot stand where an organisation's belongs.
//!
//! All are one [`Label`] inside: lowercase, 1 to 64 letters, digits, `.`, `_` or `-`. Whether the thing exists is
//! the [`World`](crate::World)'s business.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sidetone_signaling::identifier::{IdentifierError, Label};
use utoipa::ToSchema;

macro_rules! id {
    ($(#[$doc:meta])* $type:ident, $example:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schema(value_type = String, example = $example)]
        pub struct $type(Label);

        impl $type {
            /// The text.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }

            /// As a part of a raw id.
            pub fn label(&self) -> &Label {
                &self.0
            }
        }

        impl From<Label> for $type {
            fn from(label: Label) -> Self {
                Self(label)
            }
        }

        impl From<$type> for Label {
            fn from(id: $type) -> Self {
                id.0
            }
        }

        // Equal and ordered as the label is, so that a map can be asked with a part of a raw id.
        impl Borrow<Label> for $type {
            fn borrow(&self) -> &Label {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = IdentifierError;

            fn from_str(text: &str) -> Result<Self, IdentifierError> {
                text.parse().map(Self)
            }
        }

        impl TryFrom<String> for $type {
            type Error = IdentifierError;

            fn try_from(text: String) -> Result<Self, IdentifierError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(id: $type) -> Self {
                id.0.to_string()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// An organisation.
    OrganisationId,
    "contoso"
);
id!(
    /// A resource: what a developer's application belongs to. Drawn at random when the resource is made, and the
    /// same through every rename and key rotation, so that an allow-list can hold it.
    ResourceId,
    "0f8fad5bd9cb469fa16570867728950e"
);
id!(
    /// A member within an organisation: the directory's object id.
    MemberId,
    "8f14e45f-ceea-467f-a83f-0c2d6d1f0a11"
);
id!(
    /// A voice application within an organisation.
    ApplicationId,
    "support"
);
id!(
    /// A group of members within an organisation.
    GroupId,
    "sales"
);

/// An external-access policy within an organisation. Every organisation has the one called `global`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "global")]
pub struct PolicyName(Option<Label>);

impl PolicyName {
    /// The policy that every organisation has, and that holds where no other is assigned.
    pub const GLOBAL: Self = Self(None);

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.as_ref().map_or("global", Label::as_str)
    }
}

impl From<Label> for PolicyName {
    fn from(label: Label) -> Self {
        Self((label.as_str() != Self::GLOBAL.as_str()).then_some(label))
    }
}

impl FromStr for PolicyName {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        text.parse::<Label>().map(Self::from)
    }
}

impl TryFrom<String> for PolicyName {
    type Error = IdentifierError;

    fn try_from(text: String) -> Result<Self, IdentifierError> {
        text.parse()
    }
}

impl From<PolicyName> for String {
    fn from(name: PolicyName) -> Self {
        name.as_str().to_owned()
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_strings_on_the_wire_and_case_makes_no_other() {
        let name: PolicyName = serde_json::from_str("\"Global\"").unwrap();
        assert_eq!(name, PolicyName::GLOBAL);
        assert_eq!(serde_json::to_string(&name).unwrap(), "\"global\"");
        assert!(serde_json::from_str::<MemberId>("\"a b\"").is_err());
        assert!(serde_json::from_str::<MemberId>("\"\"").is_err());
    }
}
