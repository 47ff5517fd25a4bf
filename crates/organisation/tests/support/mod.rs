//! A small world: organisation `contoso` with members `m1` and `m2` and queue `support`, organisation `fabrikam` with
//! member `ann`, resources `alpha` (allowed at contoso) and `beta` (not), with a user each. Everything is open.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;

use sidetone_organisation::*;
use sidetone_signaling::Identifier;
use sidetone_signaling::identifier::Label;

pub const CONTOSO: &str = "contoso";
pub const FABRIKAM: &str = "fabrikam";
pub const M1: &str = "member:contoso:m1";
pub const M2: &str = "member:contoso:m2";
pub const ANN: &str = "member:fabrikam:ann";
pub const SUPPORT: &str = "application:contoso:support";
pub const EVE: &str = "external:alpha:eve";
pub const ELI: &str = "external:alpha:eli";
pub const MALLORY: &str = "external:beta:mallory";

pub fn id(raw: &str) -> Identifier {
    raw.parse().unwrap()
}

pub fn label(text: &str) -> Label {
    text.parse().unwrap()
}

pub fn org(text: &str) -> OrganisationId {
    text.parse().unwrap()
}

pub fn deployment() -> Deployment {
    Deployment::new(label("public"))
}

pub fn organisation(name: &str) -> Organisation {
    Organisation {
        id: org(name),
        name: name.to_owned(),
        kind: OrganisationKind::Work,
        cloud: label("public"),
        approval: Approval::Approved,
        switches: Switches::default(),
        recording_consent: Default::default(),
        meetings: MeetingPolicy::default(),
        region: None,
        chat: Default::default(),
    }
}

pub fn resource(name: &str) -> Resource {
    Resource {
        id: name.parse().unwrap(),
        name: format!("The {name} app"),
        cloud: label("public"),
        allowed_origins: Vec::new(),
        switches: ResourceSwitches::default(),
        region: None,
    }
}

pub fn external_user(resource: &str, user: &str) -> ExternalUser {
    ExternalUser {
        resource: resource.parse().unwrap(),
        user: label(user),
        display_name: None,
        bot: false,
    }
}

pub fn member(name: &str) -> Member {
    Member::new(name.parse().unwrap(), name.to_uppercase())
}

pub fn federation(enabled: bool, resources: &[&str]) -> Federation {
    Federation {
        enable_external_users: enabled,
        allowed_resources: resources.iter().map(|id| id.parse().unwrap()).collect(),
    }
}

pub fn policy(name: &str, enabled: bool) -> ExternalAccessPolicy {
    ExternalAccessPolicy {
        name: name.parse().unwrap(),
        enable_federation_access: enabled,
    }
}

pub fn world() -> World {
    let mut world = World::new(deployment());
    for name in ["alpha", "beta"] {
        put(&mut world, Entity::Resource(resource(name)));
    }
    for (resource, user) in [("alpha", "eve"), ("alpha", "eli"), ("beta", "mallory")] {
        put(&mut world, Entity::ExternalUser(external_user(resource, user)));
    }
    for (name, members) in [(CONTOSO, ["m1", "m2"].as_slice()), (FABRIKAM, &["ann"])] {
        put(&mut world, Entity::Organisation(organisation(name)));
        set_federation(&mut world, name, federation(true, &["alpha"]));
        set_policy(&mut world, name, policy("global", true));
        for id in members {
            set_member(&mut world, name, member(id));
        }
    }
    let queue = Application {
        id: "support".parse().unwrap(),
        name: "Support".to_owned(),
        kind: ApplicationKind::Queue,
        policy: None,
        agents: BTreeSet::new(),
    };
    put(
        &mut world,
        Entity::Application {
            organisation: org(CONTOSO),
            application: queue,
        },
    );
    world
}

pub fn put(world: &mut World, entity: Entity) {
    world.apply(Change::Put(entity)).unwrap();
}

pub fn set_federation(world: &mut World, organisation: &str, federation: Federation) {
    let organisation = org(organisation);
    put(
        world,
        Entity::Federation {
            organisation,
            federation,
        },
    );
}

pub fn set_policy(world: &mut World, organisation: &str, policy: ExternalAccessPolicy) {
    let organisation = org(organisation);
    put(world, Entity::Policy { organisation, policy });
}

pub fn set_member(world: &mut World, organisation: &str, member: Member) {
    let organisation = org(organisation);
    put(world, Entity::Member { organisation, member });
}

pub fn set_group(world: &mut World, organisation: &str, group: Group) {
    let organisation = org(organisation);
    put(world, Entity::Group { organisation, group });
}

pub fn edit_member(world: &mut World, raw: &str, edit: impl FnOnce(&mut Member)) {
    let Identifier::Member { organisation, user } = id(raw) else {
        panic!("{raw} is no member")
    };
    let organisation: OrganisationId = organisation.into();
    let mut member = world.member(&organisation, &user.into()).unwrap().clone();
    edit(&mut member);
    put(world, Entity::Member { organisation, member });
}

pub fn edit_organisation(world: &mut World, name: &str, edit: impl FnOnce(&mut Organisation)) {
    let mut organisation = world.organisation(&org(name)).unwrap().clone();
    edit(&mut organisation);
    put(world, Entity::Organisation(organisation));
}

pub fn edit_deployment(world: &mut World, edit: impl FnOnce(&mut Deployment)) {
    let mut deployment = world.deployment().clone();
    edit(&mut deployment);
    world.set_deployment(deployment);
}
