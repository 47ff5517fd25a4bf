//! Malformed, oversized, out-of-order and unauthenticated input: a typed refusal, and nobody else is harmed.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod support;

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::{Value, json};
use sidetone_signaling::Reason;
use sidetone_signaling::agent::{
    Agent, AgentConfig, AgentInput, AgentOutput, Command, MediaEvent, SocketEvent, SocketId,
};
use sidetone_signaling::protocol::{CallId, LegId, MediaState, Request};
use sidetone_signaling::switchboard::{
    CloseCode, ConnectionId, Grant, ServerInput, ServerOutput, Switchboard, SwitchboardConfig,
};
use support::*;

/// A switchboard and raw clients.
struct Bench {
    switchboard: Switchboard,
    now: Instant,
}

#[derive(Default, Debug)]
struct Reply {
    frames: Vec<Value>,
    closed: Option<CloseCode>,
}

impl Reply {
    fn error(&self) -> Option<(u64, u64)> {
        let error = self.frames.iter().find_map(|frame| frame.get("error"))?;
        Some((error["code"].as_u64()?, error["subcode"].as_u64()?))
    }

    fn bye(&self) -> Option<u64> {
        self.frames.iter().find(|frame| frame["type"] == "bye")?["reason"]["subcode"].as_u64()
    }
}

impl Bench {
    fn new() -> Self {
        Self::with(SwitchboardConfig::default())
    }

    fn with(config: SwitchboardConfig) -> Self {
        Self {
            switchboard: Switchboard::new(config, [1; 32]),
            now: Instant::now(),
        }
    }

    fn input(&mut self, input: ServerInput, to: ConnectionId) -> Reply {
        self.switchboard.handle(input, self.now);
        let mut reply = Reply::default();
        loop {
            match self.switchboard.poll() {
                ServerOutput::Send { connection, text } if connection == to => {
                    reply.frames.push(serde_json::from_str(&text).unwrap());
                }
                ServerOutput::Close { connection, code } if connection == to => reply.closed = Some(code),
                ServerOutput::Authenticate { connection, token } => {
                    let result = token
                        .parse()
                        .map_err(|_| Reason::INVALID_TOKEN)
                        .map(|identity| Grant {
                            identity,
                            display_name: String::new(),
                            expires_in: Duration::from_secs(3600),
                            may_start_calls: !token.contains("guest"),
                            may_take_calls: !token.contains("chat"),
                            application: None,
                        });
                    self.switchboard
                        .handle(ServerInput::Authenticated { connection, result }, self.now);
                }
                ServerOutput::Timeout(_) => return reply,
                _ => {}
            }
        }
    }

    fn connect(&mut self, number: u64) -> ConnectionId {
        let connection = ConnectionId(number);
        self.input(ServerInput::Connected { connection }, connection);
        connection
    }

    fn text(&mut self, connection: ConnectionId, text: impl Into<String>) -> Reply {
        self.input(
            ServerInput::Frame {
                connection,
                text: text.into(),
            },
            connection,
        )
    }

    fn request(&mut self, connection: ConnectionId, id: u64, method: &str, params: Value) -> Reply {
        let frame = json!({"type": "request", "id": id, "method": method, "params": params});
        self.text(connection, frame.to_string())
    }

    fn open(&mut self, number: u64, identity: &str) -> (ConnectionId, Value) {
        let connection = self.connect(number);
        let mut reply = self.request(connection, 0, "session.open", json!({"token": identity}));
        (connection, reply.frames.remove(0)["result"].take())
    }
}

fn code(reason: &Reason) -> Option<(u64, u64)> {
    Some((reason.code.into(), reason.subcode.into()))
}

fn a_call() -> Value {
    json!({"call": "67e55044-10b1-426f-9247-bb680e5fe0c8", "leg": 1})
}

#[test]
fn nothing_is_done_for_a_client_without_a_session() {
    for method in Request::METHODS
        .iter()
        .filter(|m| !["session.open", "session.resume", "session.ping"].contains(m))
    {
        let mut bench = Bench::new();
        let connection = bench.connect(1);
        let mut full = json!({
            "call": "67e55044-10b1-426f-9247-bb680e5fe0c8", "leg": 1, "to": BOB, "kind": "offer", "sdp": "",
            "state": "connected", "muted": true, "held": true, "token": BOB, "given": true,
            "streams": [], "locator": {"link": "x"}, "offer": "", "participants": [], "participant": 1,
            "role": "attendee", "locked": true, "on": true, "raised": true, "reaction": "like",
            "act": "stop_presenting",
        });
        // Those whose parameters of the same name are of another kind.
        match *method {
            "call.transfer" => full["to"] = json!({"identity": BOB}),
            "call.show" | "meeting.show" => full["pictures"] = json!({}),
            "call.notice" => {
                full["kind"] = json!("recording");
                full["state"] = json!("active");
            }
            _ => {}
        }
        let reply = bench.request(connection, 0, method, full);
        assert_eq!(reply.error(), code(&Reason::NOT_AUTHENTICATED), "{method}");
        assert_eq!(reply.closed, Some(CloseCode::Unauthorised), "{method}");
        assert!(bench.switchboard.is_idle(), "{method}");
    }
}

#[test]
fn a_connection_without_a_session_is_closed_in_time() {
    let mut bench = Bench::new();
    let connection = bench.connect(1);
    bench.now += Duration::from_secs(4);
    assert_eq!(bench.input(ServerInput::Timeout, connection).closed, None);
    bench.now += Duration::from_secs(1);
    let reply = bench.input(ServerInput::Timeout, connection);
    assert_eq!(reply.closed, Some(CloseCode::Unauthorised));
    assert_eq!(reply.bye(), Some(Reason::OPEN_TIMEOUT.subcode.into()));
    assert!(bench.switchboard.is_idle());
}

#[test]
fn broken_frames_close_that_session_only() {
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    for text in [
        "",
        "{",
        "null",
        "[]",
        "\u{0}",
        "{\"type\":\"event\"}",
        "{\"type\":\"request\"}",
        &deep,
    ] {
        let mut bench = Bench::new();
        let (alice, _) = bench.open(1, ALICE);
        let (bob, _) = bench.open(2, BOB);
        let reply = bench.text(alice, text);
        assert_eq!(reply.bye(), Some(Reason::BAD_FRAME.subcode.into()), "{text:.20}");
        assert_eq!(reply.closed, Some(CloseCode::Protocol));
        assert_eq!(bench.switchboard.stats().sessions, 1);
        assert_eq!(bench.request(bob, 1, "session.ping", json!({})).frames.len(), 1);
    }
}

#[test]
fn a_frame_too_large_closes_the_session() {
    let mut bench = Bench::new();
    let (alice, _) = bench.open(1, ALICE);
    let reply = bench.text(alice, "x".repeat(64 * 1024 + 1));
    assert_eq!(
        (reply.bye(), reply.closed),
        (Some(20002), Some(CloseCode::TooLarge))
    );
    assert!(bench.switchboard.is_idle());
}

#[test]
fn each_limit_has_its_refusal_and_the_session_goes_on() {
    let mut bench = Bench::new();
    let (alice, _) = bench.open(1, ALICE);
    let call = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    let line = json!({"candidate": "candidate:1"});
    let cases = [
        ("call.sing", json!({}), Reason::UNKNOWN_REQUEST),
        ("call.accept", json!({"call": 3}), Reason::BAD_PARAMETERS),
        (
            "call.start",
            json!({"call": call, "to": "bob"}),
            Reason::BAD_PARAMETERS,
        ),
        (
            "call.start",
            json!({"call": "x", "to": BOB}),
            Reason::BAD_PARAMETERS,
        ),
        (
            "call.start",
            json!({"call": call, "to": BOB, "context": "x".repeat(5000)}),
            Reason::TEXT_TOO_LONG,
        ),
        (
            "call.start",
            json!({"call": call, "to": BOB, "display_name": "x".repeat(300)}),
            Reason::TEXT_TOO_LONG,
        ),
        (
            "call.description",
            json!({"call": call, "leg": 1, "kind": "offer", "sdp": "x".repeat(50_000)}),
            Reason::DESCRIPTION_TOO_LARGE,
        ),
        (
            "call.candidates",
            json!({"call": call, "leg": 1, "candidates": vec![line; 65]}),
            Reason::TOO_MANY_CANDIDATES,
        ),
        (
            "call.candidates",
            json!({"call": call, "leg": 1, "candidates": [{"candidate": "x".repeat(600)}]}),
            Reason::TEXT_TOO_LONG,
        ),
        (
            "meeting.join",
            json!({"locator": {"link": "x"}, "offer": "x".repeat(50_000)}),
            Reason::DESCRIPTION_TOO_LARGE,
        ),
        (
            "meeting.join",
            json!({"locator": {"link": "x".repeat(600)}, "offer": ""}),
            Reason::TEXT_TOO_LONG,
        ),
        (
            "meeting.join",
            json!({"locator": {"group": {"call": call, "invite": vec![BOB; 65]}}, "offer": ""}),
            Reason::TOO_MANY_INVITATIONS,
        ),
        (
            "meeting.join",
            json!({"locator": {"door": "x"}, "offer": ""}),
            Reason::BAD_PARAMETERS,
        ),
        (
            "meeting.restart",
            json!({"call": call, "offer": "x".repeat(50_000)}),
            Reason::DESCRIPTION_TOO_LARGE,
        ),
        ("session.open", json!({"token": ALICE}), Reason::ALREADY_OPEN),
        ("call.accept", a_call(), Reason::NO_SUCH_CALL),
        ("call.hang_up", a_call(), Reason::NO_SUCH_CALL),
        (
            "call.media",
            json!({"call": call, "state": "failed"}),
            Reason::NO_SUCH_CALL,
        ),
    ];
    for (number, (method, params, expected)) in cases.into_iter().enumerate() {
        let reply = bench.request(alice, number as u64 + 1, method, params);
        assert_eq!(reply.error(), code(&expected), "{method}");
        assert_eq!(
            (reply.frames.len(), reply.closed),
            (1, None),
            "{method}: exactly one response"
        );
    }
}

#[test]
fn someone_elses_call_does_not_exist() {
    let mut bench = Bench::new();
    let (alice, _) = bench.open(1, ALICE);
    let (bob, _) = bench.open(2, BOB);
    let (mallory, _) = bench.open(3, CAROL);
    let call = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    bench.request(alice, 1, "call.start", json!({"call": call, "to": BOB}));
    let leg = json!({"call": call, "leg": 1});
    let mut described = leg.clone();
    described["kind"] = "offer".into();
    described["sdp"] = "v=0".into();
    let requests = [
        ("call.accept", leg.clone(), &Reason::NO_SUCH_LEG),
        ("call.ring", leg.clone(), &Reason::NO_SUCH_LEG),
        ("call.decline", leg.clone(), &Reason::NO_SUCH_LEG),
        ("call.restart", leg.clone(), &Reason::NO_SUCH_LEG),
        ("call.candidates", leg.clone(), &Reason::NO_SUCH_LEG),
        ("call.description", described.clone(), &Reason::NO_SUCH_LEG),
        ("call.hang_up", leg.clone(), &Reason::NO_SUCH_CALL),
        (
            "call.mute",
            json!({"call": call, "muted": true}),
            &Reason::WRONG_STATE,
        ),
        (
            "call.show",
            json!({"call": call, "pictures": {"camera": true}}),
            &Reason::WRONG_STATE,
        ),
        (
            "call.hold",
            json!({"call": call, "held": true}),
            &Reason::WRONG_STATE,
        ),
    ];
    for (number, (method, params, expected)) in requests.into_iter().enumerate() {
        let reply = bench.request(mallory, number as u64 + 1, method, params);
        assert_eq!(reply.error(), code(expected), "{method}");
    }
    // Nor may the caller do the callee's part, or the other way round.
    assert_eq!(
        bench.request(alice, 2, "call.accept", leg.clone()).error(),
        code(&Reason::NO_SUCH_LEG)
    );
    assert_eq!(
        bench
            .request(alice, 3, "call.description", described.clone())
            .error(),
        code(&Reason::WRONG_STATE)
    );
    described["kind"] = "answer".into();
    assert_eq!(
        bench.request(bob, 1, "call.description", described).error(),
        code(&Reason::WRONG_STATE)
    );
    // A call id that is in use cannot be taken over.
    let start = json!({"call": call, "to": ALICE});
    assert_eq!(
        bench.request(mallory, 20, "call.start", start).error(),
        code(&Reason::CALL_EXISTS)
    );
    // And the call is unharmed.
    assert_eq!(bench.request(bob, 2, "call.accept", leg).error(), None);
    assert_eq!(bench.switchboard.stats().active_calls, 1);
}

#[test]
fn a_token_without_the_scope_cannot_start_calls() {
    let mut bench = Bench::new();
    bench.open(1, BOB);
    let (carol, _) = bench.open(2, CAROL);
    let start = json!({"call": "67e55044-10b1-426f-9247-bb680e5fe0c8", "to": BOB});
    assert_eq!(
        bench.request(carol, 1, "call.start", start).error(),
        code(&Reason::SCOPE_MISSING)
    );
}

#[test]
fn a_repeated_request_is_answered_alike_and_done_once() {
    let mut bench = Bench::new();
    let (alice, _) = bench.open(1, ALICE);
    let (bob, _) = bench.open(2, BOB);
    let start = json!({"call": "67e55044-10b1-426f-9247-bb680e5fe0c8", "to": BOB});
    let first = bench.request(alice, 1, "call.start", start.clone());
    let second = bench.request(alice, 1, "call.start", start);
    assert_eq!(first.frames, second.frames);
    assert_eq!(bench.switchboard.stats().ringing_calls, 1);
    // An id that was skipped is not new either.
    bench.request(bob, 5, "session.ping", json!({}));
    assert_eq!(
        bench.request(bob, 3, "session.ping", json!({})).error(),
        code(&Reason::STALE_REQUEST)
    );
}

#[test]
fn resuming_needs_the_secret_and_known_events() {
    let mut bench = Bench::new();
    let (_, opened) = bench.open(1, ALICE);
    let resume = |token: &Value, last_seq: u64| json!({"session": opened["session"], "resume_token": token, "last_seq": last_seq});
    let thief = bench.connect(2);
    let reply = bench.request(thief, 0, "session.resume", resume(&json!("guess"), 0));
    assert_eq!(reply.error(), code(&Reason::NO_SUCH_SESSION));
    assert_eq!(reply.closed, None, "it may open its own session");
    assert_eq!(bench.switchboard.stats().sessions, 1);
    // Events that were never sent: whoever asks is confused, and the session is beyond repair.
    let confused = bench.connect(3);
    let reply = bench.request(confused, 0, "session.resume", resume(&opened["resume_token"], 99));
    assert_eq!(reply.error(), code(&Reason::EVENTS_GONE));
    assert_eq!(bench.switchboard.stats().sessions, 0);
}

#[test]
fn a_session_that_is_resumed_elsewhere_leaves_the_old_connection() {
    let mut bench = Bench::new();
    let (old, opened) = bench.open(1, ALICE);
    let new = bench.connect(2);
    let params = json!({"session": opened["session"], "resume_token": opened["resume_token"], "last_seq": 0});
    let frame = json!({"type": "request", "id": 0, "method": "session.resume", "params": params}).to_string();
    let told = bench.input(
        ServerInput::Frame {
            connection: new,
            text: frame,
        },
        old,
    );
    assert_eq!(
        (told.bye(), told.closed),
        (Some(20014), Some(CloseCode::Replaced))
    );
    // News of the old connection's end does not hurt the session.
    bench.input(ServerInput::Disconnected { connection: old }, old);
    assert_eq!(bench.switchboard.stats().detached_sessions, 0);
    assert_eq!(bench.request(new, 1, "session.ping", json!({})).error(), None);
}

#[test]
fn too_many_requests_are_refused_and_a_flood_is_ended() {
    let mut bench = Bench::new();
    let (alice, _) = bench.open(1, ALICE);
    let mut refused = 0;
    for id in 1..1000 {
        let reply = bench.request(alice, id, "session.ping", json!({}));
        if reply.closed.is_some() {
            assert_eq!(
                (reply.bye(), reply.closed),
                (Some(20005), Some(CloseCode::Overload))
            );
            assert!(refused > 100, "it was warned: {refused}");
            assert!(bench.switchboard.is_idle());
            return;
        }
        refused += u64::from(reply.error() == code(&Reason::TOO_MANY_REQUESTS));
    }
    panic!("never ended");
}

#[test]
fn candidates_are_counted_by_leg_and_side() {
    let mut bench = Bench::new();
    let (alice, _) = bench.open(1, ALICE);
    let (bob, _) = bench.open(2, BOB);
    let call = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    bench.request(alice, 1, "call.start", json!({"call": call, "to": BOB}));
    let lines =
        |count: usize| json!({"call": call, "leg": 1, "candidates": vec![json!({"candidate": "c"}); count]});
    assert_eq!(bench.request(bob, 1, "call.candidates", lines(60)).error(), None);
    assert_eq!(
        bench.request(alice, 2, "call.candidates", lines(60)).error(),
        None
    );
    assert_eq!(
        bench.request(bob, 2, "call.candidates", lines(5)).error(),
        code(&Reason::TOO_MANY_CANDIDATES)
    );
    // A new description begins a new generation.
    let offer = json!({"call": call, "leg": 1, "kind": "offer", "sdp": "v=0"});
    bench.request(bob, 3, "call.description", offer);
    assert_eq!(bench.request(bob, 4, "call.candidates", lines(60)).error(), None);
}

#[test]
fn a_client_that_acknowledges_nothing_is_let_go() {
    let mut config = SwitchboardConfig::default();
    config.limits.unacknowledged_events = 20;
    config.limits.requests_per_second = 1000;
    let mut bench = Bench::with(config);
    let (alice, _) = bench.open(1, ALICE);
    let (bob, _) = bench.open(2, BOB);
    let call = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    bench.request(alice, 1, "call.start", json!({"call": call, "to": BOB}));
    bench.request(bob, 1, "call.accept", json!({"call": call, "leg": 1}));
    for id in 2..200 {
        bench.request(bob, id, "call.mute", json!({"call": call, "muted": id % 2 == 0}));
    }
    assert_eq!(
        bench.switchboard.stats().sessions,
        1,
        "only the one that listens is left"
    );
    assert_eq!(bench.switchboard.stats().active_calls, 0);
}

#[test]
fn sessions_of_one_identity_are_bounded() {
    let mut bench = Bench::new();
    for number in 0..16 {
        bench.open(number, ALICE);
    }
    let connection = bench.connect(16);
    let reply = bench.request(connection, 0, "session.open", json!({"token": ALICE}));
    assert_eq!(reply.error(), code(&Reason::TOO_MANY_SESSIONS));
    assert_eq!(bench.switchboard.stats().sessions, 16);
}

#[test]
fn inputs_about_connections_that_are_gone_do_nothing() {
    let mut bench = Bench::new();
    let gone = ConnectionId(9);
    assert!(bench.text(gone, "{}").frames.is_empty());
    bench.input(ServerInput::Disconnected { connection: gone }, gone);
    let grant = Err(Reason::INVALID_TOKEN);
    bench.input(
        ServerInput::Authenticated {
            connection: gone,
            result: grant,
        },
        gone,
    );
    assert!(bench.switchboard.is_idle());
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0_u64..4).prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
        Just(json!("67e55044-10b1-426f-9247-bb680e5fe0c8")),
        prop::sample::select(vec![ALICE, BOB, CAROL]).prop_map(Value::from),
        prop::sample::select(vec!["offer", "answer", "connected", "failed", "busy"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(field(), inner, 0..6).prop_map(|m| m.into_iter().collect()),
        ]
    })
}

fn field() -> impl Strategy<Value = String> {
    let known = vec![
        "call",
        "leg",
        "to",
        "kind",
        "sdp",
        "candidates",
        "candidate",
        "end",
        "state",
        "muted",
        "held",
        "token",
        "session",
        "resume_token",
        "last_seq",
        "reason",
        "failure",
        "outcome",
        "incoming",
        "from",
        "warm",
        "presence",
    ];
    prop_oneof![prop::sample::select(known).prop_map(str::to_owned), "[a-z]{1,6}"]
}

fn client_frame() -> impl Strategy<Value = String> {
    let method = prop::sample::select(Request::METHODS.to_vec());
    let params = prop::collection::btree_map(field(), json_value(), 0..6);
    let request = (0_u64..40, method, params).prop_map(|(id, method, params)| {
        json!({"type": "request", "id": id, "method": method, "params": params}).to_string()
    });
    let ack = any::<u64>().prop_map(|seq| json!({"type": "ack", "seq": seq}).to_string());
    prop_oneof![6 => request, 1 => ack, 1 => json_value().prop_map(|v| v.to_string()), 1 => "\\PC{0,60}"]
}

fn server_frame() -> impl Strategy<Value = String> {
    use sidetone_signaling::protocol::Event;
    let params = || prop::collection::btree_map(field(), json_value(), 0..7);
    let event = (0_u64..30, prop::sample::select(Event::EVENTS.to_vec()), params()).prop_map(
        |(seq, event, params)| {
            json!({"type": "event", "seq": seq, "event": event, "params": params}).to_string()
        },
    );
    let response = (0_u64..30, json_value())
        .prop_map(|(id, result)| json!({"type": "response", "id": id, "result": result}).to_string());
    let error = (0_u64..30, any::<u16>()).prop_map(|(id, code)| {
        let error = json!({"code": code, "subcode": 1, "category": "ExpectedError", "message": "x"});
        json!({"type": "response", "id": id, "error": error}).to_string()
    });
    let opened = Just(
        json!({"type": "response", "id": 0, "result": {
            "session": "67e55044-10b1-426f-9247-bb680e5fe0c8", "resume_token": "x", "identity": ALICE,
            "resume_window_ms": 120_000, "media_lease_ms": 60_000, "token_expires_in_ms": 3_600_000,
        }})
        .to_string(),
    );
    let incoming = (1_u64..30).prop_map(|seq| {
        json!({"type": "event", "seq": seq, "event": "call.incoming", "params": {
            "call": "67e55044-10b1-426f-9247-bb680e5fe0c8", "leg": 1, "from": BOB, "warm": true,
        }})
        .to_string()
    });
    prop_oneof![4 => event, 2 => response, 1 => error, 1 => opened, 1 => incoming, 1 => "\\PC{0,60}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever frames come on whatever connections, the switchboard answers each request once and, when all
    /// are gone and time has passed, holds nothing.
    #[test]
    fn hostile_clients_leave_nothing_behind(steps in prop::collection::vec((0_u64..4, client_frame(), 0_u64..3), 1..60)) {
        let mut bench = Bench::new();
        for (number, identity) in [(0, ALICE), (1, BOB), (2, BOB)] {
            bench.open(number, identity);
        }
        bench.connect(3);
        for (connection, text, pause) in steps {
            let reply = bench.text(ConnectionId(connection), text);
            prop_assert!(reply.frames.iter().filter(|frame| frame["type"] == "response").count() <= 1);
            bench.now += Duration::from_secs(pause);
            bench.input(ServerInput::Timeout, ConnectionId(connection));
        }
        for number in 0..4 {
            bench.input(ServerInput::Disconnected { connection: ConnectionId(number) }, ConnectionId(number));
        }
        for _ in 0..4 {
            bench.now += Duration::from_secs(200);
            bench.input(ServerInput::Timeout, ConnectionId(0));
        }
        prop_assert!(bench.switchboard.is_idle(), "{:?}", bench.switchboard.stats());
    }

    /// Whatever a service sends, the agent neither panics nor spins, and closing it ends everything.
    #[test]
    fn a_hostile_service_cannot_wedge_an_agent(steps in prop::collection::vec((server_frame(), 0_u64..12, 0_u8..8), 1..60)) {
        let mut now = Instant::now();
        let mut agent = Agent::new(AgentConfig::new("token"), now);
        let mut socket = SocketId(0);
        let call = CallId("67e55044-10b1-426f-9247-bb680e5fe0c8".parse().unwrap());
        let drain = |agent: &mut Agent, socket: &mut SocketId, now: Instant| {
            for _ in 0..10_000 {
                match agent.poll() {
                    AgentOutput::Connect { socket: wanted } => {
                        *socket = wanted;
                        agent.handle(AgentInput::Socket { socket: wanted, event: SocketEvent::Opened }, now);
                    }
                    AgentOutput::Timeout(_) => return,
                    _ => {}
                }
            }
            panic!("the agent does not come to rest");
        };
        drain(&mut agent, &mut socket, now);
        for (text, pause, doing) in steps {
            agent.handle(AgentInput::Socket { socket, event: SocketEvent::Text(text) }, now);
            let input = match doing {
                0 => AgentInput::Command(Command::Accept { call }),
                1 => AgentInput::Command(Command::StartCall { call, to: BOB.parse().unwrap(), options: Default::default() }),
                2 => AgentInput::Media { call, leg: LegId(1), event: MediaEvent::State(MediaState::Failed) },
                3 => AgentInput::Media { call, leg: LegId(1), event: MediaEvent::State(MediaState::Connected) },
                4 => AgentInput::Command(Command::Hold { call }),
                _ => AgentInput::Timeout,
            };
            agent.handle(input, now);
            drain(&mut agent, &mut socket, now);
            now += Duration::from_secs(pause);
            agent.handle(AgentInput::Timeout, now);
            drain(&mut agent, &mut socket, now);
        }
        agent.handle(AgentInput::Command(Command::Close), now);
        drain(&mut agent, &mut socket, now);
        prop_assert!(agent.is_idle());
        prop_assert!(matches!(agent.poll(), AgentOutput::Timeout(None)));
    }
}
