//! A member does not answer, and the caller leaves a message: the service, the member, the caller and the voicemail are
//! programs of their own.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "tests")]

mod support;

use std::io::{Cursor, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sidetone::media::recording::read_ogg_opus;
use support::hearing::{self, RATE};
use support::{Ended, Folder, Program, Service, end_arguments, eventually, speech};

const OPERATOR: &str = "operator-key-for-tests-0123456789abcdef";
const BOB: &str = "member:contoso:bob";
const MAILBOX: &str = "/v1/organisations/contoso/members/bob/voicemail";

/// The notes of the greeting of who has none, and the beep, in Hz.
const GREETING: [f64; 7] = [523.25, 659.25, 783.99, 1046.5, 783.99, 523.25, 1_000.0];

/// A service with a member who has voicemail, and an external user.
struct World {
    service: Service,
    administrator: String,
    owner: String,
    resource: String,
    eve: String,
}

impl World {
    fn new() -> Self {
        let service = Service::start(&["--operator-key", OPERATOR]);
        let organisation = json!({ "id": "contoso", "name": "Contoso" });
        let made = request(&service, "POST", "/v1/organisations", OPERATOR, &organisation);
        let administrator = key(&made);
        let made = request(
            &service,
            "POST",
            "/v1/resources",
            OPERATOR,
            &json!({ "name": "Shop" }),
        );
        let resource = made["resource"]["id"].as_str().expect("an id").to_owned();
        let owner = key(&made);
        let eve = request(
            &service,
            "POST",
            &format!("/v1/resources/{resource}/identities"),
            &owner,
            &json!({ "displayName": "Eve" }),
        );
        let eve = eve["id"].as_str().expect("an id").to_owned();
        let world = Self {
            service,
            administrator,
            owner,
            resource,
            eve,
        };
        let federation = json!({ "enableExternalUsers": true, "allowedResources": [world.resource] });
        let routing = json!({ "voicemail": true, "ringSeconds": 5 });
        for (path, body) in [
            ("federation", federation),
            ("policies/global", json!({ "enableFederationAccess": true })),
            (
                "members/bob",
                json!({ "displayName": "Bob Builder", "routing": routing }),
            ),
            (
                "applications/mail",
                json!({ "name": "Voicemail", "kind": "voicemail" }),
            ),
        ] {
            let path = format!("/v1/organisations/contoso/{path}");
            request(&world.service, "PUT", &path, &world.administrator, &body);
        }
        world
    }

    fn get(&self, path: &str) -> Value {
        request(&self.service, "GET", path, &self.administrator, &Value::Null)
    }

    /// The voicemail, with a token that the administrator issued.
    fn voicemail(&self, more: &[&str]) -> Program {
        let issued = self.admin(&["applications", "token", "mail"]);
        let token = issued["token"].as_str().expect("a token");
        let own = [
            "--json",
            "--media-bind",
            "127.0.0.1:0",
            "--server",
            &self.service.url,
            "--token",
            token,
        ];
        let mut program = Program::start(&[&["voicemail"], &own[..], more].concat());
        program.wait_for_event("waiting");
        program
    }

    /// What an administrator's command prints.
    fn admin(&self, command: &[&str]) -> Value {
        let url = self.service.url.replace("ws://", "http://");
        let with = ["--json", "--server", &url, "--key", &self.administrator];
        let mut program = Program::start_with(
            &[&["admin"], command, &with[..]].concat(),
            &[("SIDETONE_ADMIN_FILE".to_owned(), "/nonexistent".to_owned())],
        );
        program.wait_for("an answer", |_| true)
    }

    fn bob(&self, more: &[&str]) -> Program {
        let sound = ["--input", "silence", "--output", "null"];
        let end = end_arguments(&self.service.url, BOB);
        let mut program = Program::start(&[&["answer"], &sound[..], &end, more].concat());
        program.wait_for_event("waiting");
        program
    }

    fn eve(&self, more: &[&str]) -> Program {
        let end = end_arguments(&self.service.url, &self.eve);
        Program::start(&[&["call", BOB, "--name", "Eve"], &end[..], more].concat())
    }

    fn messages(&self) -> Vec<Value> {
        let listed = self.get(&format!("{MAILBOX}/messages"));
        listed["items"].as_array().expect("a list").clone()
    }

    /// The sound of a message, at the rate at which sounds are compared.
    fn sound(&self, message: &Value) -> Vec<f32> {
        let path = format!("{MAILBOX}/messages/{}/sound", message["id"].as_str().unwrap());
        let bytes = exchange(&self.service, "GET", &path, &self.administrator, &[], "");
        let sound = read_ogg_opus(Cursor::new(bytes), usize::MAX).expect("Ogg Opus");
        sound.into_iter().step_by(48_000 / RATE).collect()
    }
}

/// The first key in what was made.
fn key(made: &Value) -> String {
    let key = made["keys"][0]["secret"].as_str();
    key.unwrap_or_else(|| panic!("no key in {made}")).to_owned()
}

/// One request to the API, which must succeed.
fn request(service: &Service, method: &str, path: &str, key: &str, body: &Value) -> Value {
    let answer = exchange(
        service,
        method,
        path,
        key,
        body.to_string().as_bytes(),
        "application/json",
    );
    serde_json::from_slice(&answer).unwrap_or(Value::Null)
}

fn exchange(service: &Service, method: &str, path: &str, key: &str, body: &[u8], kind: &str) -> Vec<u8> {
    let mut socket = TcpStream::connect(service.address()).expect("the service listens");
    write!(
        socket,
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\
         content-type: {kind}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .expect("the service reads");
    socket.write_all(body).expect("the service reads");
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).expect("the service answers");
    let text = String::from_utf8_lossy(&answer).into_owned();
    assert!(text.starts_with("HTTP/1.1 2"), "{method} {path}: {text}");
    let split = answer
        .windows(4)
        .position(|at| at == b"\r\n\r\n")
        .expect("a head");
    answer[split + 4..].to_vec()
}

/// A recording in which somebody waits for the beep, and then speaks.
fn after_the_beep(path: &Path, name: &str, seconds: usize) -> Vec<f32> {
    let said = hearing::recording(&speech(name), seconds);
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE as u32,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(path, spec).unwrap();
    for sample in std::iter::repeat_n(&0.0, 4 * RATE).chain(&said) {
        file.write_sample((sample * 32_767.0) as i16).unwrap();
    }
    file.finalize().unwrap();
    said
}

/// Which tones are heard, one after the other.
fn tones(heard: &[f32]) -> Vec<f64> {
    let mut found: Vec<f64> = Vec::new();
    for frame in heard.chunks_exact(RATE / 20) {
        let energy: f64 = frame.iter().map(|s| f64::from(*s).powi(2)).sum();
        let share = |hertz: f64| {
            let step = hertz * std::f64::consts::TAU / RATE as f64;
            let (re, im) = frame.iter().enumerate().fold((0.0, 0.0), |(re, im), (n, s)| {
                let (sin, cos) = (step * n as f64).sin_cos();
                (re + f64::from(*s) * cos, im + f64::from(*s) * sin)
            });
            2.0 * (re * re + im * im) / (energy * frame.len() as f64)
        };
        if energy / (frame.len() as f64) < 1e-3 {
            continue;
        }
        let clear = GREETING.iter().find(|hertz| share(**hertz) > 0.8);
        if let Some(hertz) = clear
            && found.last() != Some(hertz)
        {
            found.push(*hertz);
        }
    }
    found
}

fn call_of(ended: &Ended) -> String {
    ended.event("calling")["call"].as_str().expect("an id").to_owned()
}

#[test]
fn a_caller_who_is_not_answered_leaves_a_message_that_is_heard() {
    let world = World::new();
    let folder = Folder::new();
    let mut mail = world.voicemail(&["--lines", "2", "--silence", "30s"]);
    // Bob's telephone rings, and he is in the garden.
    let mut bob = world.bob(&["--after", "10m"]);
    let said = after_the_beep(&folder.path("said.wav"), "woman-en.flac", 6);
    let (input, output) = (folder.file("said.wav"), folder.file("heard.wav"));
    let eve = world.eve(&["--input", &input, "--output", &output, "--duration", "11s"]);
    bob.wait_for_event("incoming");
    assert_eq!(mail.wait_for_event("incoming")["mailbox"], BOB);
    let left = mail.wait_for_event("message");
    let eve = eve.end();
    eve.assert_code(0);
    let call = call_of(&eve);
    assert_eq!(left["call"], call.as_str());

    let heard = tones(&hearing::wav(&folder.path("heard.wav")));
    assert_eq!(heard, GREETING, "the greeting, and the beep");

    let told = bob.wait_for_event("mailbox");
    assert_eq!((&told["unheard"], &told["heard"]), (&json!(1), &json!(0)));

    let messages = world.messages();
    assert_eq!(messages.len(), 1, "{messages:?}");
    let message = &messages[0];
    assert_eq!(message["id"], call.as_str());
    assert_eq!(message["displayName"], "Eve (External)");
    assert_eq!(message["from"], world.eve.as_str());
    let length = message["durationMs"].as_u64().expect("a length");
    assert!((6_000..12_000).contains(&length), "{length} ms");
    let found = hearing::find(&said, &world.sound(message));
    assert!(found.share > 0.8, "{found:?}");

    // What people type.
    let listed = world.admin(&["voicemail", "list", "--member", "bob"]);
    assert_eq!(listed[0]["id"], call.as_str());
    let file = folder.file("message.ogg");
    world.admin(&["voicemail", "fetch", &call, "--member", "bob", "--file", &file]);
    let fetched = read_ogg_opus(std::fs::File::open(&file).unwrap(), usize::MAX).expect("a sound");
    assert!(fetched.len().abs_diff(length as usize * 48) < 48_00);
    assert_eq!(
        world.admin(&["voicemail", "heard", &call, "--member", "bob"])["heard"],
        true
    );
    let told = bob.wait_for_event("mailbox");
    assert_eq!((&told["unheard"], &told["heard"]), (&json!(0), &json!(1)));

    // The organisation's receivers are sent it, the call is in the records, and its minutes in the usage.
    let event = eventually("the event", || {
        let events = world.get("/v1/organisations/contoso/events?limit=200");
        let events = events["items"].as_array().expect("a list").clone();
        events
            .into_iter()
            .map(|item| item.get("event").cloned().unwrap_or(item))
            .find(|event| event["type"] == "sidetone.calling.VoicemailReceived")
    });
    assert_eq!(event["data"]["messageId"], call.as_str());
    assert_eq!(event["data"]["callerDisplayName"], "Eve (External)");
    assert_eq!(event["data"]["mailbox"]["rawId"], BOB);
    assert_eq!(event["data"]["unheardMessages"], 1);
    let record = world.get(&format!("/v1/organisations/contoso/calls/{call}"));
    assert!(
        record.to_string().contains("application:contoso:mail"),
        "who took the call is in its record: {record}"
    );
    let usage = request(
        &world.service,
        "GET",
        &format!("/v1/resources/{}/usage/records?limit=200", world.resource),
        &world.owner,
        &Value::Null,
    );
    assert!(usage.to_string().contains(&call), "{usage}");

    let gone = world.admin(&["voicemail", "delete", &call, "--member", "bob"]);
    assert_eq!(gone, Value::Null);
    assert!(world.messages().is_empty());
    mail.interrupt();
    assert_eq!(mail.end().code, Some(130));
}

#[test]
fn two_callers_leave_messages_at_once_and_one_who_says_nothing_leaves_none() {
    let world = World::new();
    let folder = Folder::new();
    let greeting = folder.path("greeting.ogg");
    make_greeting(&greeting);
    world.admin(&[
        "voicemail",
        "greeting",
        "set",
        &greeting.display().to_string(),
        "--member",
        "bob",
    ]);
    let mut mail = world.voicemail(&["--lines", "3", "--silence", "3s", "--longest", "20s"]);
    let (one, other) = (folder.file("one.wav"), folder.file("other.wav"));
    let said = [
        after_the_beep(Path::new(&one), "woman-en.flac", 5),
        after_the_beep(Path::new(&other), "man-it.flac", 5),
    ];
    // Nobody is online: the calls go to voicemail at once. Two speak, one after the other being silent is cut off.
    let callers: Vec<Program> = [&one[..], &other, "silence"]
        .iter()
        .map(|input| world.eve(&["--input", input, "--output", "null"]))
        .collect();
    let mut calls = Vec::new();
    for caller in callers {
        // They never hang up: voicemail does, when nobody talks any more.
        let ended = caller.end();
        ended.assert_code(0);
        calls.push(call_of(&ended));
    }
    let mut outcomes = Vec::new();
    while outcomes.len() < 3 {
        outcomes.push(mail.wait_for("an outcome", |event| {
            event["event"] == "message" || event["event"] == "nothing"
        }));
    }
    assert!(
        mail.events
            .iter()
            .filter(|event| event["event"] == "greeting")
            .all(|event| event["greeting"] == "member"),
        "the member's own greeting is played"
    );
    let nothing: Vec<_> = outcomes
        .iter()
        .filter(|event| event["event"] == "nothing")
        .collect();
    assert_eq!(nothing.len(), 1, "{outcomes:?}");
    assert_eq!(nothing[0]["call"], calls[2].as_str());
    let messages = world.messages();
    assert_eq!(messages.len(), 2, "{messages:?}");
    for (said, call) in said.iter().zip(&calls) {
        let message = messages.iter().find(|message| message["id"] == call.as_str());
        let found = hearing::find(said, &world.sound(message.expect("a message of each call")));
        assert!(found.share > 0.8, "{found:?}");
    }
    // Bob comes online, and is told.
    let mut bob = world.bob(&[]);
    let seen = bob
        .events
        .iter()
        .find(|event| event["event"] == "mailbox")
        .cloned();
    let told = seen.unwrap_or_else(|| bob.wait_for_event("mailbox"));
    assert_eq!(told["unheard"], 2);
}

/// A greeting as somebody would make one: a second of a tone.
fn make_greeting(path: &Path) {
    use sidetone::media::recording::{Recorder, RecordingOptions};
    let options = RecordingOptions::new(path);
    let (recorder, mut taps) =
        Recorder::start(options, std::time::SystemTime::now(), |_| {}).expect("a recording");
    let start = Instant::now();
    for block in 0..100_u32 {
        let sound: Vec<f32> = (0..480_u32)
            .map(|n| {
                (f64::from(block * 480 + n) * 440.0 * std::f64::consts::TAU / 48_000.0).sin() as f32 * 0.2
            })
            .collect();
        let at = start + Duration::from_millis(10) * (block + 1);
        taps.this_end.push(&sound, at);
        taps.far_end.push_silence(480, at);
    }
    drop(taps);
    eventually("the greeting", || recorder.outcome()).expect("a file");
}
