//! What the registry keeps, seen as the types that handlers work with. An [`Entity`] is what is stored; this says for
//! each type how it is named, found and stored.

use serde::Serialize;
use sidetone_organisation::{
    Application, ApplicationId, Entity, EntityKey, EntityName, ExternalAccessPolicy, ExternalUser,
    Federation, Group, GroupId, Meeting, MeetingId, Member, MemberId, Organisation, OrganisationId,
    PolicyName, Resource, ResourceId, World,
};
use sidetone_signaling::identifier::Label;

/// A type of things that the registry keeps.
pub(crate) trait Kept: Clone + Serialize + Send + Sync + 'static {
    /// What such a thing is called, in messages and in the audit log.
    const WORD: &'static str;

    /// What names one.
    type Name: Clone + Send + Sync + 'static;

    /// Where it is kept.
    fn key(name: &Self::Name) -> EntityKey;

    /// The one of that name.
    fn find<'a>(world: &'a World, name: &Self::Name) -> Option<&'a Self>;

    /// As it is stored.
    fn entity(self, name: &Self::Name) -> Entity;
}

macro_rules! kept {
    ($type:ident, $word:literal, ($($part:ident: $part_type:ident),+), $find:ident, $entity:expr) => {
        impl Kept for $type {
            const WORD: &'static str = $word;
            type Name = ($($part_type,)+);

            fn key(($($part,)+): &Self::Name) -> EntityKey {
                EntityName::$type($($part.clone()),+).into()
            }

            fn find<'a>(world: &'a World, ($($part,)+): &Self::Name) -> Option<&'a Self> {
                world.$find($($part),+)
            }

            fn entity(self, name: &Self::Name) -> Entity {
                let build: fn(Self, &Self::Name) -> Entity = $entity;
                build(self, name)
            }
        }
    };
}

/// The names as [`EntityName`] has them.
use ExternalAccessPolicy as Policy;

kept!(Organisation, "organisation", (id: OrganisationId), organisation, |organisation, _| {
    Entity::Organisation(organisation)
});
kept!(Federation, "federation", (id: OrganisationId), federation, |federation, (organisation,)| {
    Entity::Federation { organisation: organisation.clone(), federation }
});
kept!(Policy, "policy", (organisation: OrganisationId, name: PolicyName), policy, |policy, (organisation, _)| {
    Entity::Policy { organisation: organisation.clone(), policy }
});
kept!(Group, "group", (organisation: OrganisationId, id: GroupId), group, |group, (organisation, _)| {
    Entity::Group { organisation: organisation.clone(), group }
});
kept!(Member, "member", (organisation: OrganisationId, id: MemberId), member, |member, (organisation, _)| {
    Entity::Member { organisation: organisation.clone(), member }
});
kept!(
    Application,
    "application",
    (organisation: OrganisationId, id: ApplicationId),
    application,
    |application, (organisation, _)| Entity::Application { organisation: organisation.clone(), application }
);
kept!(Meeting, "meeting", (organisation: OrganisationId, id: MeetingId), meeting, |meeting, (organisation, _)| {
    Entity::Meeting { organisation: organisation.clone(), meeting }
});
kept!(Resource, "resource", (id: ResourceId), resource, |resource, _| Entity::Resource(resource));
kept!(
    ExternalUser,
    "external user",
    (resource: ResourceId, user: Label),
    external_user,
    |user, _| Entity::ExternalUser(user)
);
