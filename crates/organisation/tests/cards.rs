//! What everyone is shown of a caller (spec table 1.2).
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use sidetone_organisation::*;
use support::*;

fn name(world: &World, of: &str, wanted: Option<&str>) -> String {
    world.caller_card(&id(of), wanted).display_name
}

#[test]
fn an_external_user_has_any_name_and_the_suffix_once() {
    let world = world();
    for wanted in [
        "Eve",
        "Eve (External)",
        "Eve (external) ",
        "Eve \u{202E}(Ехternal)",
        "Eve\u{200B}",
    ] {
        assert_eq!(name(&world, EVE, Some(wanted)), "Eve (External)", "{wanted:?}");
    }
    assert_eq!(name(&world, EVE, Some("Bob, Contoso")), "Bob, Contoso (External)");
}

#[test]
fn a_name_is_never_blank_and_never_the_suffix_alone() {
    let mut world = world();
    for wanted in [
        None,
        Some(""),
        Some(" \u{3000} "),
        Some("(External)"),
        Some("\u{2800}"),
    ] {
        assert_eq!(
            name(&world, EVE, wanted),
            "The alpha app (External)",
            "{wanted:?}"
        );
        assert_eq!(
            name(&world, "external:nowhere:x", wanted),
            "Unnamed (External)",
            "{wanted:?}"
        );
    }
    let mut eve = external_user("alpha", "eve");
    eve.display_name = Some("Eve Smith".to_owned());
    put(&mut world, Entity::ExternalUser(eve));
    assert_eq!(name(&world, EVE, None), "Eve Smith (External)");
    assert_eq!(name(&world, EVE, Some("(external)")), "Eve Smith (External)");
}

#[test]
fn a_name_is_verified_when_it_is_the_one_on_record() {
    let mut world = world();
    let mut eve = external_user("alpha", "eve");
    eve.display_name = Some("Eve".to_owned());
    put(&mut world, Entity::ExternalUser(eve));
    let verified = |of: &str, wanted| world.caller_card(&id(of), wanted).verified;
    assert!(verified(EVE, None));
    assert!(verified(EVE, Some("Eve (External)")));
    assert!(!verified(EVE, Some("Bob")));
    assert!(!verified(ELI, Some("Eli")));
    assert!(!verified(ELI, None));
    assert!(verified(M1, Some("Somebody else")));
}

#[test]
fn a_member_has_the_directorys_name_whatever_the_program_says() {
    let mut world = world();
    edit_member(&mut world, M1, |member| {
        member.display_name = "Mia Moss".to_owned()
    });
    for wanted in [None, Some("Boss"), Some(""), Some("Mia (External)")] {
        let card = world.caller_card(&id(M1), wanted);
        assert_eq!(card.display_name, "Mia Moss", "{wanted:?}");
        assert_eq!(card.kind, IdentityKind::Member);
        assert_eq!(card.organisation.as_deref(), Some(CONTOSO));
        assert_eq!(card.resource, None);
    }
    assert_eq!(name(&world, SUPPORT, Some("Boss")), "Support");
}

#[test]
fn a_bot_looks_as_a_person_does_unless_it_says_so() {
    let mut world = world();
    let person = world.caller_card(&id(EVE), Some("Ada"));
    assert_eq!(world.caller_card(&id(ELI), Some("Ada")), person);
    let mut declared = external_user("alpha", "eli");
    declared.bot = true;
    put(&mut world, Entity::ExternalUser(declared));
    let bot = world.caller_card(&id(ELI), Some("Ada"));
    assert!(bot.bot);
    assert_eq!(Card { bot: false, ..bot }, person);
}

#[test]
fn everyone_is_shown_the_same_card() {
    let world = world();
    let card = world.caller_card(&id(EVE), Some("Eve"));
    for viewer in [
        EVE,
        ELI,
        MALLORY,
        M1,
        M2,
        ANN,
        SUPPORT,
        "guest:v",
        "phone:+390612345",
    ] {
        assert_eq!(
            world.card_for(&id(viewer), &id(EVE), Some("Eve")),
            card,
            "{viewer}"
        );
    }
    assert_eq!(card.resource.as_deref(), Some("The alpha app"));
}

/// L12: in the source an external user is shown as `External`, and the name may be missing.
#[test]
fn l12_an_organisation_may_keep_to_the_sources_label() {
    let mut world = world();
    edit_organisation(&mut world, CONTOSO, |found| {
        found.switches.external_names = Setting::Source
    });
    let shown = |viewer: &str, of: &str| world.card_for(&id(viewer), &id(of), Some("Eve")).display_name;
    assert_eq!(shown(M1, EVE), "External");
    assert_eq!(shown(M1, "guest:v"), "External");
    assert_eq!(shown(M1, M2), "M2");
    assert_eq!(shown(ANN, EVE), "Eve (External)");
    assert_eq!(shown(ELI, EVE), "Eve (External)");
}

#[test]
fn others_have_names_too() {
    let world = world();
    assert_eq!(name(&world, "guest:v", Some("Gus")), "Gus (External)");
    assert_eq!(name(&world, "phone:+390612345", None), "phone:+390612345");
    assert_eq!(name(&world, "member:dev:bob", Some("Bob\u{202E}\n")), "Bob");
    assert_eq!(name(&world, "member:dev:bob", None), "member:dev:bob");
}
