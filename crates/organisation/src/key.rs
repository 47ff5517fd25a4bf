//! Where an entity is kept: one text for each, in parts between dots, for a store that lists by prefix.
//!
//! Labels may hold dots and never `=`, so a dot of a label is written `=`: keys never collide, and
//! `member.contoso.` lists the members of `contoso` and nobody else's.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sidetone_signaling::identifier::{IdentifierError, Label};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::{
    ApplicationId, EntityKind, GroupId, MeetingId, MemberId, OrganisationId, PolicyName, ResourceId,
};

/// The store key of an entity: ASCII letters, digits and `- _ = .`, at most 160 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EntityKey(Arc<Inner>);

/// Shared: keys are handed around and never changed.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Inner {
    text: String,
    name: EntityName,
}

/// What an [`EntityKey`] names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityName {
    /// An organisation.
    Organisation(OrganisationId),
    /// Its federation configuration.
    Federation(OrganisationId),
    /// One of its policies.
    Policy(OrganisationId, PolicyName),
    /// One of its members.
    Member(OrganisationId, MemberId),
    /// One of its groups.
    Group(OrganisationId, GroupId),
    /// One of its voice applications.
    Application(OrganisationId, ApplicationId),
    /// One of its meetings.
    Meeting(OrganisationId, MeetingId),
    /// A resource.
    Resource(ResourceId),
    /// One of its users.
    ExternalUser(ResourceId, Label),
}

impl EntityName {
    /// Which kind it is.
    pub fn kind(&self) -> EntityKind {
        match self {
            Self::Organisation(_) => EntityKind::Organisation,
            Self::Federation(_) => EntityKind::Federation,
            Self::Policy(..) => EntityKind::Policy,
            Self::Member(..) => EntityKind::Member,
            Self::Group(..) => EntityKind::Group,
            Self::Application(..) => EntityKind::Application,
            Self::Meeting(..) => EntityKind::Meeting,
            Self::Resource(_) => EntityKind::Resource,
            Self::ExternalUser(..) => EntityKind::ExternalUser,
        }
    }

    /// The organisation that it is of, or that it is.
    pub fn organisation(&self) -> Option<&OrganisationId> {
        match self {
            Self::Organisation(id)
            | Self::Federation(id)
            | Self::Policy(id, _)
            | Self::Member(id, _)
            | Self::Group(id, _)
            | Self::Application(id, _)
            | Self::Meeting(id, _) => Some(id),
            Self::Resource(_) | Self::ExternalUser(..) => None,
        }
    }

    /// The resource that it is of, or that it is.
    pub fn resource(&self) -> Option<&ResourceId> {
        match self {
            Self::Resource(id) | Self::ExternalUser(id, _) => Some(id),
            _ => None,
        }
    }

    fn parts(&self) -> (&str, Option<&str>) {
        match self {
            Self::Organisation(id) | Self::Federation(id) => (id.as_str(), None),
            Self::Policy(id, name) => (id.as_str(), Some(name.as_str())),
            Self::Member(id, member) => (id.as_str(), Some(member.as_str())),
            Self::Group(id, group) => (id.as_str(), Some(group.as_str())),
            Self::Application(id, application) => (id.as_str(), Some(application.as_str())),
            Self::Meeting(id, meeting) => (id.as_str(), Some(meeting.as_str())),
            Self::Resource(id) => (id.as_str(), None),
            Self::ExternalUser(id, user) => (id.as_str(), Some(user.as_str())),
        }
    }
}

impl EntityKey {
    /// The key as text, for the store.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// What it names, for people: `member bob of contoso`.
    pub fn words(&self) -> String {
        let mut parts = self.as_str().split('.').map(|part| part.replace('=', "."));
        let kind = parts.next().unwrap_or_default().replace('-', " ");
        match (parts.next(), parts.next()) {
            (Some(of), Some(id)) => format!("{kind} {id} of {of}"),
            (Some(id), None) => format!("{kind} {id}"),
            _ => kind,
        }
    }

    /// What it names.
    pub fn name(&self) -> &EntityName {
        &self.0.name
    }

    /// The beginning that the keys of all entities of this kind within one organisation or resource share.
    pub fn prefix(kind: EntityKind, of: &Label) -> String {
        format!("{}.{}.", kind.word(), escape(of.as_str()))
    }
}

fn escape(label: &str) -> String {
    label.replace('.', "=")
}

fn unescape(part: &str) -> Result<Label, IdentifierError> {
    part.replace('=', ".").parse()
}

impl From<EntityName> for EntityKey {
    fn from(name: EntityName) -> Self {
        let kind = name.kind().word();
        let text = match name.parts() {
            (first, None) => format!("{kind}.{}", escape(first)),
            (first, Some(second)) => format!("{kind}.{}.{}", escape(first), escape(second)),
        };
        Self(Arc::new(Inner { text, name }))
    }
}

impl FromStr for EntityKey {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        let mut parts = text.split('.');
        let kind = parts.next().unwrap_or_default();
        let kind = EntityKind::ALL
            .into_iter()
            .find(|known| known.word() == kind)
            .ok_or(IdentifierError::NoKind)?;
        let mut part = || unescape(parts.next().ok_or(IdentifierError::MissingPart)?);
        let first = part()?;
        let name = match kind {
            EntityKind::Organisation => EntityName::Organisation(first.into()),
            EntityKind::Federation => EntityName::Federation(first.into()),
            EntityKind::Policy => EntityName::Policy(first.into(), part()?.into()),
            EntityKind::Member => EntityName::Member(first.into(), part()?.into()),
            EntityKind::Group => EntityName::Group(first.into(), part()?.into()),
            EntityKind::Application => EntityName::Application(first.into(), part()?.into()),
            EntityKind::Meeting => {
                let id = part()?.as_str().parse()?;
                EntityName::Meeting(first.into(), id)
            }
            EntityKind::Resource => EntityName::Resource(first.into()),
            EntityKind::ExternalUser => EntityName::ExternalUser(first.into(), part()?),
        };
        let key = Self::from(name);
        // One text for each key: no further parts, no capitals.
        if key.as_str() != text {
            return Err(IdentifierError::BadLabel);
        }
        Ok(key)
    }
}

impl PartialSchema for EntityKey {
    fn schema() -> RefOr<Schema> {
        String::schema()
    }
}

impl ToSchema for EntityKey {}

impl TryFrom<String> for EntityKey {
    type Error = IdentifierError;

    fn try_from(text: String) -> Result<Self, IdentifierError> {
        text.parse()
    }
}

impl From<EntityKey> for String {
    fn from(key: EntityKey) -> Self {
        key.as_str().to_owned()
    }
}

impl fmt::Display for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dots_in_labels_do_not_mix_owners_up() {
        let key = |organisation: &str, id: &str| {
            EntityKey::from(EntityName::Member(
                organisation.parse().unwrap(),
                id.parse().unwrap(),
            ))
        };
        assert_eq!(key("a", "b.c").as_str(), "member.a.b=c");
        assert_eq!(key("a.b", "c").as_str(), "member.a=b.c");
        assert_eq!(key("a.b", "c").words(), "member c of a.b");
        let resource = EntityKey::from(EntityName::Resource("shop".parse().unwrap()));
        assert_eq!(resource.words(), "resource shop");
        let prefix = EntityKey::prefix(EntityKind::Member, &"a".parse().unwrap());
        assert!(key("a", "b.c").as_str().starts_with(&prefix));
        assert!(!key("a.b", "c").as_str().starts_with(&prefix));
        assert!(!key("ab", "c").as_str().starts_with(&prefix));
    }

    #[test]
    fn other_texts_are_no_keys() {
        for bad in [
            "",
            "member",
            "member.a",
            "member.a.b.c",
            "member.A.b",
            "organisation.a.b",
            "robot.a",
            "member..b",
        ] {
            assert!(bad.parse::<EntityKey>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn keys_round_trip_and_never_collide(
            first in "[a-z0-9._-]{1,64}", second in "[a-z0-9._-]{1,64}",
            third in "[a-z0-9._-]{1,64}", fourth in "[a-z0-9._-]{1,64}",
        ) {
            let name = |a: &str, b: &str| EntityName::ExternalUser(a.parse().unwrap(), b.parse().unwrap());
            let one = EntityKey::from(name(&first, &second));
            prop_assert_eq!(&one.as_str().parse::<EntityKey>().unwrap(), &one);
            prop_assert!(one.as_str().len() <= 160);
            prop_assert!(one.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b"-_=.".contains(&b)));
            let other = EntityKey::from(name(&third, &fourth));
            prop_assert_eq!(one.as_str() == other.as_str(), (first, second) == (third, fourth));
        }

        #[test]
        fn any_text_is_a_key_or_none(text in "\\PC{0,80}") {
            if let Ok(key) = text.parse::<EntityKey>() {
                prop_assert_eq!(key.as_str(), text.as_str());
            }
        }
    }
}
