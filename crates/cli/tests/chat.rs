//! `sidetone chat`, by real processes: an external user and members of an organisation.

mod support;

use serde_json::json;
use support::world::{BOB, CAROL, World};
use support::{Folder, Program};

fn chat(world: &World, who: &str, arguments: &[&str]) -> Program {
    let url = world.service.url.clone();
    Program::start(
        &[
            &["chat"],
            arguments,
            &["--json", "--server", &url, "--identity", who],
        ]
        .concat(),
    )
}

#[test]
fn an_external_user_and_members_chat_from_the_command_line() {
    let world = World::new();
    let federation = json!({ "enableExternalUsers": true, "allowedResources": [world.resource] });
    world.change("PUT", "federation", &federation);
    world.change(
        "PUT",
        "policies/global",
        &json!({ "enableFederationAccess": true }),
    );
    let created = chat(&world, &world.eve, &["create", BOB, "--topic", "Order 17"]).end();
    created.assert_code(0);
    let thread = created.event("created")["thread"].as_str().unwrap().to_owned();

    let mut bob = chat(&world, BOB, &["follow", &thread, "--for", "60s"]);
    bob.wait_for_event("connected");
    let folder = Folder::new();
    std::fs::write(folder.path("plan.txt"), "the plan").unwrap();
    let file = folder.file("plan.txt");
    let sent = chat(&world, &world.eve, &["send", &thread, "Hello", "--file", &file]).end();
    sent.assert_code(0);
    let heard = bob.wait_for_event("messageReceived");
    assert_eq!(heard["text"], "Hello");
    assert_eq!(heard["sender_display_name"], "Eve (External)");
    assert_eq!(heard["attachments"][0]["name"], "plan.txt");
    let id = sent.event("sent")["id"].clone();
    chat(
        &world,
        BOB,
        &["send", &thread, "Hi Eve", "--reply-to", &id.to_string()],
    )
    .end()
    .assert_code(0);
    bob.wait_for("the reply", |event| event["reply_to"] == id);

    let history = chat(&world, &world.eve, &["history", &thread]).end();
    history.assert_code(0);
    let texts: Vec<_> = history.events.iter().map(|event| event["text"].clone()).collect();
    assert_eq!(texts, ["", "Hello", "Hi Eve"]);
    let listed = chat(&world, BOB, &["list"]).end();
    assert_eq!(listed.event("thread")["topic"], "Order 17");

    // Whoever has no business there is told so, with a code.
    let stranger = chat(&world, CAROL, &["history", &thread]).end();
    stranger.assert_code(4);
    assert!(
        stranger.complaints.contains("404/20100"),
        "{}",
        stranger.complaints
    );
    chat(&world, &world.eve, &["delete", &thread])
        .end()
        .assert_code(0);
    bob.wait_for_event("threadDeleted");
    bob.end().assert_code(0);
}
