//! A meeting at the terminal: made by a member, joined by link and by number, with a lobby; what one says is what the others
//! hear, and who speaks is named.

mod support;

use serde_json::{Value, json};
use support::hearing::{find, recording, wav};
use support::world::{BOB, CAROL, World};
use support::{Folder, Program, end_arguments, speech};

/// A meeting of Bob's, as `meet create` prints it.
fn meeting(world: &World, more: &[&str]) -> Value {
    let server = world.service.url.as_str();
    let create = ["meet", "create", "--json", "--server", server, "--identity", BOB];
    let made = Program::start(&[&create, more].concat()).end();
    made.assert_code(0);
    made.events[0].clone()
}

fn joining(world: &World, place: &[&str], identity: &str, more: &[&str]) -> Program {
    let ends = end_arguments(&world.service.url, identity);
    Program::start(&[&["meet", "join"], place, &ends[..], more].concat())
}

#[test]
fn whoever_is_let_in_is_heard_and_named() {
    let world = World::new();
    let federation = json!({ "enableExternalUsers": true, "allowedResources": [world.resource] });
    world.change("PUT", "federation", &federation);
    world.change(
        "PUT",
        "policies/global",
        &json!({ "enableFederationAccess": true }),
    );
    let made = meeting(&world, &["--subject", "Weekly"]);
    let text = |name: &str| made[name].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    let (link, number, passcode) = (text("link"), text("id"), text("passcode"));

    let folder = Folder::new();
    let (woman, at_bob) = (speech("woman-en.flac"), folder.file("bob.wav"));
    let sound = ["--input", &woman, "--output", "null", "--duration", "9s"];
    let place = [number.as_str(), "--passcode", &passcode, "--display-name", "Eve"];
    let mut eve = joining(&world, &place, &world.eve, &sound);
    eve.wait_for("the lobby", |event| event["state"] == "inLobby");
    let silent = ["--input", "silence", "--output", &at_bob, "--admit"];
    let mut bob = joining(&world, &[&link], BOB, &silent);
    let joined = bob.wait_for_event("joined");
    assert_eq!(
        (&joined["subject"], &joined["role"]),
        (&json!("Weekly"), &json!("organiser"))
    );
    let waits = bob.wait_for("Eve in the lobby", |event| {
        event["event"] == "lobby" && event["added"][0]["displayName"] == "Eve (External)"
    });
    let eves = waits["added"][0]["participant"].clone();
    eve.wait_until_connected();
    // She may be heard before the roster says that she is there.
    bob.wait_for("Eve's voice", |event| {
        event["event"] == "heard" && event["participants"] == json!([eves])
    });
    let eve = eve.end();
    eve.assert_code(0);
    assert_eq!(eve.event("joined")["displayName"], "Eve (External)");
    bob.wait_for("Eve's end", |event| {
        let gone = &event["removed"][0];
        gone["participant"] == eves && gone["displayName"] == "Eve (External)"
    });
    bob.interrupt();
    bob.end().assert_code(130);

    let found = find(&recording(&woman, 8), &wav(folder.path("bob.wav").as_ref()));
    assert!(found.share >= 0.75, "{found:#?}");
}

#[test]
fn a_call_becomes_a_group_call_that_a_member_joins_by_its_link() {
    let world = World::new();
    world.federate(true, &[&world.resource], true);
    world.change("PUT", "members/dora", &json!({ "displayName": "Dora" }));
    let _bob = world.answering(BOB, &[]);
    let _carol = world.answering(CAROL, &[]);
    let ends = end_arguments(&world.service.url, &world.eve);
    let call = [
        "call", BOB, "--input", "speech", "--output", "null", "--add", CAROL,
    ];
    let mut eve = Program::start(&[&call, &ends[..]].concat());
    let joined = eve.wait_for_event("joined");
    assert_eq!(joined["kind"], "group_call");
    let link = joined["link"].as_str().unwrap();
    let silent = ["--input", "silence", "--output", "null", "--duration", "3s"];
    let mut dora = joining(&world, &[link], "member:contoso:dora", &silent);
    dora.wait_for("Eve's voice", |event| event["event"] == "heard");
    let dora = dora.end();
    dora.assert_code(0);
    eve.interrupt();
    eve.end().assert_code(130);
}

#[test]
fn what_cannot_be_joined_has_its_code() {
    let world = World::new();
    let nowhere = joining(
        &world,
        &["https://meet.example/1/x"],
        CAROL,
        &["--input", "silence", "--output", "null"],
    );
    let nowhere = nowhere.end();
    nowhere.assert_code(3);
    assert_eq!(nowhere.reason(), (404, 20066));
    let number = joining(
        &world,
        &["123456789012"],
        CAROL,
        &["--input", "silence", "--output", "null"],
    );
    number.end().assert_code(2);
    let outsider = [
        "meet",
        "create",
        "--server",
        &world.service.url,
        "--identity",
        &world.eve,
        "--json",
    ];
    Program::start(&outsider).end().assert_code(2);
}

#[test]
fn breakout_rooms_are_made_and_opened_and_whoever_is_assigned_goes_there_and_back() {
    let world = World::new();
    let made = meeting(&world, &["--bypass", "everyone"]);
    let link = made["link"]
        .as_str()
        .unwrap_or_else(|| panic!("{made}"))
        .to_owned();
    let silent = ["--input", "silence", "--output", "null"];
    let mut carol = joining(&world, &[&link], CAROL, &silent);
    carol.wait_until_connected();
    let manage = |more: &[&str]| {
        let who = ["--json", "--server", &world.service.url, "--identity", BOB];
        Program::start(&[&["meet", "breakout", &link], &who[..], more].concat()).end()
    };
    let created = manage(&["create", "Red", "Blue", "--distribute"]);
    created.assert_code(0);
    let rooms = created.events[0]["rooms"].as_array().unwrap().clone();
    let hers = rooms
        .iter()
        .find(|room| room["invitees"][0].is_string() || room["invitees"][0].is_object());
    let hers = hers.unwrap_or_else(|| panic!("{rooms:?}"))["room"].clone();
    manage(&["open"]).assert_code(0);
    carol.wait_for("her room", |event| {
        event["event"] == "breakoutRoomJoin" && event["room"] == hers
    });
    let joined = carol.wait_for_event("joined");
    assert!(
        ["Red", "Blue"].contains(&joined["subject"].as_str().unwrap()),
        "{joined}"
    );
    let listed = manage(&["list"]);
    listed.assert_code(0);
    assert_eq!(listed.events[0]["rooms"][0]["state"], "open");
    manage(&["close"]).assert_code(0);
    carol.wait_for("the end of the room", |event| {
        event["event"] == "breakoutRoomLeft" && event["subcode"] == 20084
    });
    carol.wait_for("the meeting", |event| event["state"] == "connected");
    manage(&["assign", "--room", "9", CAROL]).assert_code(1);
    carol.interrupt();
    carol.end().assert_code(130);
}
