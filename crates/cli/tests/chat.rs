//! `sidetone chat`, by real processes: an external user and members of an organisation.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};
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

/// A service of the operator's that translates into capitals and knows a title for every address. Ends with the process.
fn hook() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || listener.incoming().map_while(Result::ok).for_each(answer));
    url
}

fn answer(stream: TcpStream) {
    let mut request = BufReader::new(&stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        request.read_line(&mut line).unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    request.read_exact(&mut body).unwrap();
    let question: Value = serde_json::from_slice(&body).unwrap();
    let answer = match question["text"].as_str() {
        Some(text) => json!({ "text": text.to_uppercase(), "from": "en" }),
        None => json!({ "previews": [{ "url": question["urls"][0], "title": "A page" }] }),
    };
    let answer = answer.to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length:";
    write!(&stream, "{head} {}\r\n\r\n{answer}", answer.len()).unwrap();
}

#[test]
fn everything_that_a_message_can_have_from_the_command_line() {
    let hook = hook();
    let options = [
        "--reach-loopback",
        "--preview-links",
        &hook,
        "--translate-messages",
        &hook,
    ];
    let world = World::with(&options);
    let created = chat(&world, BOB, &["create", CAROL]).end();
    let thread = created.event("created")["thread"].as_str().unwrap().to_owned();
    let mut bob = chat(&world, BOB, &["follow", &thread, "--for", "120s"]);
    bob.wait_for_event("connected");
    let done = |who: &str, arguments: &[&str]| {
        let ended = chat(&world, who, arguments).end();
        ended.assert_code(0);
        ended
    };
    let say = [
        "send",
        &thread,
        "see https://a.example",
        "--priority",
        "urgent",
        "--mention",
        BOB,
    ];
    let id = done(CAROL, &say).event("sent")["id"].to_string();
    let heard = bob.wait_for_event("messageReceived");
    assert_eq!(
        (&heard["priority"], &heard["mentions"]),
        (&json!("urgent"), &json!([BOB]))
    );
    let previewed = bob.wait_for("the preview", |event| event["previews"][0]["title"] == "A page");
    assert_eq!(previewed["id"].to_string(), id);
    done(BOB, &["react", &thread, &id, "+1"]);
    done(BOB, &["pin", &thread, &id]);
    let pinned = bob.wait_for("the pin", |event| event["pinned"] == true);
    assert_eq!(pinned["reactions"][0]["emoji"], "+1");
    done(BOB, &["react", &thread, &id, "+1", "--remove"]);
    done(BOB, &["unpin", &thread, &id]);
    bob.wait_for("neither", |event| {
        event["pinned"] == false && event["reactions"] == Value::Null
    });
    let translated = done(BOB, &["translate", &thread, &id, "DE"]);
    let translation = translated.event("translation");
    assert_eq!(translation["text"], "SEE HTTPS://A.EXAMPLE");
    assert_eq!(
        (&translation["language"], &translation["from"]),
        (&json!("de"), &json!("en"))
    );

    // A card, which Bob sends and Carol answers.
    let folder = Folder::new();
    let card = json!({
        "title": "Lunch?",
        "actions": [{ "type": "choose", "id": "where", "title": "Where", "choices": ["here", "there"] }],
    });
    std::fs::write(folder.path("card.json"), card.to_string()).unwrap();
    let file = folder.file("card.json");
    let id = done(BOB, &["send", &thread, "--card", &file]).event("sent")["id"].to_string();
    let shown = bob.wait_for("the card", |event| event["card"] == card);
    assert_eq!(shown["text"], "Lunch?\n[Where: here / there]");
    done(CAROL, &["answer", &thread, &id, "where", "there"]);
    let told = bob.wait_for_event("cardAnswered");
    assert_eq!(
        (&told["display_name"], &told["value"]),
        (&json!("Carol Carpenter"), &json!("there"))
    );
    let answers = done(BOB, &["answers", &thread, &id]);
    assert_eq!(answers.event("answer")["by"], CAROL);
    let refused = chat(&world, CAROL, &["answer", &thread, &id, "where", "nowhere"]).end();
    refused.assert_code(4);
    assert!(refused.complaints.contains("422/20110"), "{}", refused.complaints);
    std::fs::write(folder.path("card.json"), r#"{ "title": "x", "colour": "red" }"#).unwrap();
    let wrong = chat(&world, BOB, &["send", &thread, "--card", &file]).end();
    wrong.assert_code(2);
    assert!(wrong.complaints.contains("colour"), "{}", wrong.complaints);
    bob.interrupt();
}
