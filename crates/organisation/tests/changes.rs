//! What a change must fulfil, and what goes with a deletion.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use sidetone_organisation::routing::{AlsoRing, Target};
use sidetone_organisation::*;
use support::*;

fn key(text: &str) -> EntityKey {
    text.parse().unwrap()
}

fn delete(world: &mut World, text: &str) -> Result<(), DomainError> {
    world.apply(Change::Delete(key(text)))
}

#[test]
fn a_new_organisation_is_closed() {
    let mut world = World::new(deployment());
    put(&mut world, Entity::Organisation(organisation(CONTOSO)));
    assert_eq!(world.federation(&org(CONTOSO)), Some(&Federation::default()));
    let policies: Vec<_> = world.policies(&org(CONTOSO)).collect();
    assert_eq!(policies, [&ExternalAccessPolicy::closed(PolicyName::GLOBAL)]);
}

#[test]
fn what_every_organisation_has_cannot_be_deleted() {
    let mut world = world();
    for text in ["federation.contoso", "policy.contoso.global"] {
        assert_eq!(
            delete(&mut world, text),
            Err(DomainError::Permanent { key: key(text) })
        );
    }
    assert!(matches!(
        delete(&mut world, "federation.nowhere"),
        Err(DomainError::NoSuch { .. })
    ));
}

#[test]
fn what_is_referred_to_must_exist() {
    let mut world = world();
    let mut mia = member("mia");
    mia.policy = Some("no-such".parse().unwrap());
    let change = |organisation: &str, member: &Member| {
        Change::Put(Entity::Member {
            organisation: org(organisation),
            member: member.clone(),
        })
    };
    let missing = |text: &str| Err(DomainError::NoSuch { key: key(text) });
    assert_eq!(
        world.apply(change(CONTOSO, &mia)),
        missing("policy.contoso.no-such")
    );
    mia.policy = None;
    mia.groups = ["no-such".parse().unwrap()].into();
    assert_eq!(
        world.apply(change(CONTOSO, &mia)),
        missing("group.contoso.no-such")
    );
    mia.groups.clear();
    assert_eq!(
        world.apply(change("nowhere", &mia)),
        missing("organisation.nowhere")
    );
    assert_eq!(world.apply(change(CONTOSO, &mia)), Ok(()));
    let user = Change::Put(Entity::ExternalUser(external_user("nowhere", "eve")));
    assert_eq!(world.apply(user), missing("resource.nowhere"));
    // A policy of one organisation is none of another.
    set_policy(&mut world, FABRIKAM, policy("theirs", true));
    mia.policy = Some("theirs".parse().unwrap());
    assert_eq!(
        world.apply(change(CONTOSO, &mia)),
        missing("policy.contoso.theirs")
    );
}

#[test]
fn what_is_in_use_cannot_be_deleted() {
    let mut world = world();
    set_policy(&mut world, CONTOSO, policy("custom", true));
    let group = Group {
        id: "sales".parse().unwrap(),
        name: "Sales".to_owned(),
        policy: Some("custom".parse().unwrap()),
        rank: 0,
        pickup: false,
    };
    set_group(&mut world, CONTOSO, group);
    edit_member(&mut world, M1, |member| {
        member.groups = ["sales".parse().unwrap()].into()
    });
    let in_use = |text: &str, by: &str| {
        Err(DomainError::InUse {
            key: key(text),
            by: key(by),
        })
    };
    let refused = delete(&mut world, "policy.contoso.custom");
    assert_eq!(refused, in_use("policy.contoso.custom", "group.contoso.sales"));
    let refused = delete(&mut world, "group.contoso.sales");
    assert_eq!(refused, in_use("group.contoso.sales", "member.contoso.m1"));
    delete(&mut world, "member.contoso.m1").unwrap();
    delete(&mut world, "group.contoso.sales").unwrap();
    delete(&mut world, "policy.contoso.custom").unwrap();
    assert!(matches!(
        delete(&mut world, "member.contoso.m1"),
        Err(DomainError::NoSuch { .. })
    ));
}

#[test]
fn the_allow_list_takes_ids_that_exist_and_keeps_those_that_did() {
    let mut world = world();
    let set = |world: &mut World, resources: &[&str]| {
        world.apply(Change::Put(Entity::Federation {
            organisation: org(CONTOSO),
            federation: federation(true, resources),
        }))
    };
    let typo = set(&mut world, &["alpha", "aplha"]);
    assert_eq!(
        typo,
        Err(DomainError::NoSuch {
            key: key("resource.aplha")
        })
    );
    set(&mut world, &["alpha", "beta"]).unwrap();
    delete(&mut world, "resource.beta").unwrap();
    set(&mut world, &["alpha", "beta"]).unwrap();
    set(&mut world, &["alpha"]).unwrap();
    assert!(set(&mut world, &["alpha", "beta"]).is_err());
}

#[test]
fn a_resource_keeps_its_id_and_cloud_through_every_change() {
    let mut world = world();
    let mut alpha = resource("alpha");
    alpha.name = "Renamed".to_owned();
    put(&mut world, Entity::Resource(alpha.clone()));
    assert_eq!(world.resource(&alpha.id).unwrap().name, "Renamed");
    assert!(
        world.admit(&id(EVE), &id(M1), Presence::Online).is_ok(),
        "and its users, and the allow-list"
    );
    alpha.cloud = label("elsewhere");
    let moved = world.apply(Change::Put(Entity::Resource(alpha)));
    assert!(matches!(
        moved,
        Err(DomainError::Immutable { field: "cloud", .. })
    ));
    let moved = Organisation {
        cloud: label("elsewhere"),
        ..organisation(CONTOSO)
    };
    let moved = world.apply(Change::Put(Entity::Organisation(moved)));
    assert!(matches!(
        moved,
        Err(DomainError::Immutable { field: "cloud", .. })
    ));
}

#[test]
fn an_import_finds_its_members_again() {
    let mut world = world();
    let source: ExternalKey = "uid=mia,ou=people".parse().unwrap();
    edit_member(&mut world, M1, |member| member.source = Some(source.clone()));
    let found = |world: &World| {
        world
            .member_by_source(&org(CONTOSO), &source)
            .map(|found| found.id.to_string())
    };
    assert_eq!(found(&world).as_deref(), Some("m1"));
    assert!(world.member_by_source(&org(FABRIKAM), &source).is_none());
    let mut other = member("m9");
    other.source = Some(source.clone());
    let change = Change::Put(Entity::Member {
        organisation: org(CONTOSO),
        member: other,
    });
    let holder = "m1".parse().unwrap();
    assert_eq!(
        world.check(&change),
        Err(DomainError::DuplicateSource { member: holder })
    );
    // Free again when its holder has another, or is gone.
    edit_member(&mut world, M1, |member| {
        member.source = Some("uid=mia2".parse().unwrap())
    });
    assert_eq!(found(&world), None);
    world.apply(change).unwrap();
    delete(&mut world, "member.contoso.m9").unwrap();
    assert_eq!(found(&world), None);
}

#[test]
fn everything_of_an_organisation_goes_with_it_and_nothing_else() {
    let mut world = world();
    set_policy(&mut world, CONTOSO, policy("custom", true));
    let mut gone: Vec<String> = world
        .dependants(&key("organisation.contoso"))
        .iter()
        .map(EntityKey::to_string)
        .collect();
    gone.sort();
    let expected = [
        "application.contoso.support",
        "federation.contoso",
        "member.contoso.m1",
        "member.contoso.m2",
        "policy.contoso.custom",
        "policy.contoso.global",
    ];
    assert_eq!(gone, expected);
    delete(&mut world, "organisation.contoso").unwrap();
    for text in expected {
        assert!(world.entity(&key(text)).is_none(), "{text}");
    }
    assert!(world.entity(&key("member.fabrikam.ann")).is_some());
    // A new one of the same name is empty and closed.
    put(&mut world, Entity::Organisation(organisation(CONTOSO)));
    assert_eq!(world.members(&org(CONTOSO)).count(), 0);
    assert!(!world.federation(&org(CONTOSO)).unwrap().enable_external_users);

    let users = world.dependants(&key("resource.alpha"));
    assert_eq!(
        users,
        [key("external-user.alpha.eli"), key("external-user.alpha.eve")]
    );
    delete(&mut world, "resource.alpha").unwrap();
    assert!(world.entity(&key("external-user.alpha.eve")).is_none());
}

#[test]
fn a_world_is_read_back_whatever_the_order() {
    let world = world();
    let mut keys: Vec<EntityKey> = Vec::new();
    for top in [
        "organisation.contoso",
        "organisation.fabrikam",
        "resource.alpha",
        "resource.beta",
    ] {
        keys.push(key(top));
        keys.extend(world.dependants(&key(top)));
    }
    let mut entities: Vec<Entity> = keys.iter().map(|key| world.entity(key).unwrap()).collect();
    entities.sort_by_key(|entity| std::cmp::Reverse(entity.key()));
    // Through JSON, as a store keeps them.
    let texts: Vec<String> = entities
        .iter()
        .map(|entity| serde_json::to_string(entity).unwrap())
        .collect();
    let read = texts
        .iter()
        .map(|text| serde_json::from_str::<Entity>(text).unwrap());
    let (copy, left_out) = World::load(deployment(), read);
    assert_eq!(left_out, []);
    for key in keys {
        assert_eq!(copy.entity(&key), world.entity(&key), "{key}");
    }
}

#[test]
fn what_does_not_fit_is_left_out_and_told() {
    let orphan = Entity::Federation {
        organisation: org("nowhere"),
        federation: federation(true, &[]),
    };
    let alpha = Entity::Resource(resource("alpha"));
    let (world, left_out) = World::load(deployment(), [orphan, alpha]);
    assert!(world.resource(&"alpha".parse().unwrap()).is_some());
    assert_eq!(left_out.len(), 1);
    assert_eq!(left_out[0].0, key("federation.nowhere"));
}

#[test]
fn texts_and_lists_are_bounded() {
    let mut world = world();
    let mut refused = |edit: &dyn Fn(&mut Member)| {
        let mut mia = member("mia");
        edit(&mut mia);
        let organisation = org(CONTOSO);
        world.apply(Change::Put(Entity::Member {
            organisation,
            member: mia,
        }))
    };
    assert!(matches!(
        refused(&|m| m.display_name.clear()),
        Err(DomainError::BadText { .. })
    ));
    assert!(matches!(
        refused(&|m| m.display_name = "a\u{202E}b".into()),
        Err(DomainError::BadText { .. })
    ));
    assert!(matches!(
        refused(&|m| m.display_name = "a".repeat(200)),
        Err(DomainError::TooLong { .. })
    ));
    assert!(matches!(
        refused(&|m| m.attributes = (0..100).map(|n| (n.to_string(), String::new())).collect()),
        Err(DomainError::TooMany { .. })
    ));
    assert!(matches!(
        refused(&|m| m.delegates = (0..100).map(|n| id(&format!("guest:{n}"))).collect()),
        Err(DomainError::TooMany { .. })
    ));
    for seconds in [0, 4, 121] {
        assert!(matches!(
            refused(&|m| m.routing.ring_seconds = seconds),
            Err(DomainError::OutOfRange { .. })
        ));
    }
    assert!(matches!(
        refused(&|m| m.routing.also_ring = vec![AlsoRing {
            identity: id(EVE),
            after_seconds: 500
        }]),
        Err(DomainError::OutOfRange { .. })
    ));
    assert!(refused(&|_| ()).is_ok());
}

#[test]
fn entities_on_the_wire() {
    let mut mia = member("mia");
    mia.routing.no_answer = Some(Target::Identity { identity: id(M1) });
    mia.roles = [OrganisationRole::Administrator].into();
    let json = serde_json::to_value(Entity::Member {
        organisation: org(CONTOSO),
        member: mia,
    })
    .unwrap();
    let expected = serde_json::json!({
        "entity": "member",
        "organisation": "contoso",
        "member": {
            "id": "mia",
            "displayName": "MIA",
            "mode": "nativeOnly",
            "roles": ["administrator"],
            "routing": {
                "doNotDisturb": false,
                "busyOnBusy": false,
                "noAnswer": { "kind": "identity", "identity": "member:contoso:m1" },
                "ringSeconds": 20,
                "voicemail": false
            }
        }
    });
    assert_eq!(json, expected);
    // What may be left out.
    let short: Member = serde_json::from_str(r#"{"id":"MIA","displayName":"Mia"}"#).unwrap();
    assert_eq!(short, Member::new("mia".parse().unwrap(), "Mia"));
    let short: Organisation =
        serde_json::from_str(r#"{"id":"contoso","name":"Contoso","cloud":"public"}"#).unwrap();
    assert_eq!(
        (short.kind, short.approval),
        (OrganisationKind::Work, Approval::Pending)
    );
    let refused = Approval::Refused { reason: "no".into() };
    assert_eq!(
        serde_json::to_value(refused).unwrap(),
        serde_json::json!({"state": "refused", "reason": "no"})
    );
}

#[test]
fn members_are_found_by_what_people_type() {
    let mut world = world();
    edit_member(&mut world, M1, |member| {
        member.display_name = "Zoë Ångström".to_owned();
        member.attributes.insert("city".to_owned(), "Örebro".to_owned());
    });
    edit_member(&mut world, M2, |member| {
        member.display_name = "Zoe Brown".to_owned()
    });
    let find = |query: &str, after: Option<&str>, limit| -> Vec<String> {
        let after = after.map(|id| id.parse().unwrap());
        let found = world.search_members(&org(CONTOSO), query, after.as_ref(), limit);
        found.iter().map(|member| member.id.to_string()).collect()
    };
    assert_eq!(find("zoe", None, 9), ["m1", "m2"]);
    assert_eq!(find("ZOË ang", None, 9), ["m1"]);
    assert_eq!(find("orebro", None, 9), ["m1"]);
    assert_eq!(find("m2", None, 9), ["m2"]);
    assert_eq!(find("", None, 9), ["m1", "m2"]);
    assert_eq!(find("", None, 1), ["m1"]);
    assert_eq!(find("", Some("m1"), 1), ["m2"]);
    assert_eq!(find("", Some("m2"), 1), Vec::<String>::new());
    assert_eq!(find("nobody", None, 9), Vec::<String>::new());
    assert_eq!(
        find("ann", None, 9),
        Vec::<String>::new(),
        "who is in another organisation"
    );
}
