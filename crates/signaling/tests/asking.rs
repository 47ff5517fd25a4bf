//! Requests that another part of the service answers: each is handed on once and answered once, whatever becomes of the
//! socket meanwhile; and a call between two can become that part's without ending.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::{Ended, Locator};
use sidetone_signaling::protocol::{CallId, Event, Request, SessionId};
use sidetone_signaling::switchboard::{
    Ask, ConnectionId, Grant, Record, ServerInput, ServerOutput, Switchboard, SwitchboardConfig,
};
use uuid::Uuid;

const CALL: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

/// A switchboard, and what it wanted done.
struct Bench {
    switchboard: Switchboard,
    now: Instant,
    asks: Vec<Ask>,
    records: Vec<Record>,
    frames: Vec<(ConnectionId, Value)>,
}

/// Whose token is for chat alone.
const FOR_CHAT: &str = "chatter";

impl Bench {
    fn new() -> Self {
        Self {
            switchboard: Switchboard::new(SwitchboardConfig::default(), [1; 32]),
            now: Instant::now(),
            asks: Vec::new(),
            records: Vec::new(),
            frames: Vec::new(),
        }
    }

    fn input(&mut self, input: ServerInput) {
        self.switchboard.handle(input, self.now);
        loop {
            match self.switchboard.poll() {
                ServerOutput::Send { connection, text } => {
                    self.frames
                        .push((connection, serde_json::from_str(&text).unwrap()));
                }
                ServerOutput::Authenticate { connection, token } => {
                    let grant = Grant {
                        identity: token.parse().unwrap(),
                        display_name: "by token".into(),
                        expires_in: Duration::from_secs(3600),
                        may_start_calls: true,
                        may_take_calls: !token.ends_with(FOR_CHAT),
                        application: None,
                    };
                    let result = Ok(grant);
                    self.switchboard
                        .handle(ServerInput::Authenticated { connection, result }, self.now);
                }
                ServerOutput::Ask(ask) => self.asks.push(*ask),
                ServerOutput::Record(record) => self.records.push(*record),
                ServerOutput::Close { .. } => {}
                ServerOutput::Timeout(_) => return,
            }
        }
    }

    fn request(&mut self, connection: u64, id: u64, method: &str, params: &Value) {
        let frame = json!({"type": "request", "id": id, "method": method, "params": params});
        self.input(ServerInput::Frame {
            connection: ConnectionId(connection),
            text: frame.to_string(),
        });
    }

    fn connect(&mut self, connection: u64) {
        self.input(ServerInput::Connected {
            connection: ConnectionId(connection),
        });
    }

    /// Opens a session, and gives what resumes it.
    fn open(&mut self, connection: u64, identity: &str) -> (SessionId, String) {
        self.connect(connection);
        self.request(connection, 0, "session.open", &json!({"token": identity}));
        let opened = self.answers(connection, 0).remove(0);
        let session = serde_json::from_value(opened["result"]["session"].clone()).unwrap();
        let token = opened["result"]["resume_token"].as_str().unwrap().to_owned();
        (session, token)
    }

    /// Every response with this id on a connection.
    fn answers(&self, connection: u64, id: u64) -> Vec<Value> {
        self.frames
            .iter()
            .filter(|(to, frame)| to.0 == connection && frame["type"] == "response" && frame["id"] == id)
            .map(|(_, frame)| frame.clone())
            .collect()
    }

    fn events(&self, connection: u64) -> Vec<&str> {
        self.frames
            .iter()
            .filter(|(to, _)| to.0 == connection)
            .filter_map(|(_, frame)| frame["event"].as_str())
            .collect()
    }

    fn answer(&mut self, ask: &Ask, result: Result<Value, Reason>) {
        let (session, id) = (ask.session, ask.id);
        self.input(ServerInput::Answer { session, id, result });
    }
}

fn join() -> Value {
    json!({"locator": {"call": CALL}, "offer": "v=0", "muted": true})
}

#[test]
fn a_token_for_chat_alone_joins_no_meeting() {
    let mut bench = Bench::new();
    bench.open(1, &format!("external:dev:{FOR_CHAT}"));
    bench.request(1, 1, "meeting.join", &join());
    assert!(bench.asks.is_empty());
    let answer = bench.answers(1, 1).remove(0);
    let refused: Reason = serde_json::from_value(answer["error"].clone()).unwrap();
    assert!(refused.is(&Reason::SCOPE_MISSING) && refused.message.contains("voip.join"));
}

#[test]
fn a_request_is_handed_on_with_who_asks_and_answered_once() {
    let mut bench = Bench::new();
    let (session, _) = bench.open(1, "external:dev:eve");
    bench.request(1, 1, "meeting.join", &join());
    let ask = bench.asks.remove(0);
    assert_eq!((ask.session, ask.id), (session, 1));
    assert_eq!(ask.identity, "external:dev:eve".parse().unwrap());
    assert_eq!(ask.display_name, "by token");
    assert!(ask.may_start_calls && ask.pair.is_none());
    let Request::MeetingJoin(join) = &ask.request else {
        panic!("asked {:?}", ask.request)
    };
    assert_eq!(join.locator, Locator::Call(CallId(CALL.parse().unwrap())));
    assert!(join.muted);
    assert!(bench.answers(1, 1).is_empty(), "answered before the answer");
    bench.answer(&ask, Ok(json!({"answer": "v=1"})));
    bench.answer(&ask, Err(Reason::MEETING_LOCKED));
    let answers = bench.answers(1, 1);
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0]["result"]["answer"], "v=1");
    // Sent again, it gets the same answer, and is not handed on again.
    bench.request(1, 1, "meeting.join", &json!({}));
    assert_eq!(bench.answers(1, 1), [answers[0].clone(), answers[0].clone()]);
    assert!(bench.asks.is_empty());
}

#[test]
fn the_answer_finds_a_client_that_changed_its_socket() {
    for early in [false, true] {
        let mut bench = Bench::new();
        let (session, resume_token) = bench.open(1, "external:dev:eve");
        bench.request(1, 1, "meeting.join", &join());
        let ask = bench.asks.remove(0);
        bench.input(ServerInput::Disconnected {
            connection: ConnectionId(1),
        });
        if early {
            bench.answer(&ask, Ok(json!({"participant": 4})));
        }
        bench.connect(2);
        let resume = json!({"session": session, "resume_token": resume_token, "last_seq": 0});
        bench.request(2, 0, "session.resume", &resume);
        bench.request(2, 1, "meeting.join", &join());
        assert!(bench.asks.is_empty(), "handed on twice");
        if !early {
            assert!(bench.answers(2, 1).is_empty());
            bench.answer(&ask, Ok(json!({"participant": 4})));
        }
        let answers = bench.answers(2, 1);
        assert_eq!(answers.len(), 1, "early: {early}");
        assert_eq!(answers[0]["result"]["participant"], 4);
    }
}

#[test]
fn unanswered_requests_are_bounded() {
    let mut bench = Bench::new();
    bench.open(1, "external:dev:eve");
    for id in 1..=100 {
        bench.request(1, id, "meeting.leave", &json!({"call": CALL}));
        bench.now += Duration::from_millis(20);
    }
    assert_eq!(bench.asks.len(), 64);
    let refused = bench.answers(1, 65).remove(0);
    assert_eq!(refused["error"]["subcode"], Reason::TOO_MANY_REQUESTS.subcode);
}

#[test]
fn events_go_to_the_named_sessions_and_to_no_other() {
    let mut bench = Bench::new();
    let (eve, _) = bench.open(1, "external:dev:eve");
    bench.open(2, "external:dev:eve");
    let (bob, _) = bench.open(3, "member:contoso:bob");
    let event = Event::MeetingEnded(Ended {
        call: CallId(Uuid::nil()),
        reason: Reason::LOBBY_DENIED,
    });
    bench.input(ServerInput::TellSessions {
        sessions: vec![eve, bob, SessionId(Uuid::nil())],
        event: Box::new(event),
    });
    assert_eq!(bench.events(1), ["meeting.ended"]);
    assert!(bench.events(2).is_empty());
    assert_eq!(bench.events(3), ["meeting.ended"]);
}

/// Eve (on 1) and Bob (on 2) talk.
fn talking() -> Bench {
    let mut bench = Bench::new();
    bench.open(1, "external:dev:eve");
    bench.open(2, "member:contoso:bob");
    bench.request(
        1,
        1,
        "call.start",
        &json!({"call": CALL, "to": "member:contoso:bob"}),
    );
    bench.request(2, 1, "call.ring", &json!({"call": CALL, "leg": 1}));
    bench
}

#[test]
fn a_call_of_two_is_handed_over_without_an_end() {
    let mut bench = talking();
    let add = json!({"call": CALL, "to": "member:contoso:carol"});
    bench.request(2, 2, "meeting.add", &add);
    let refused = bench.answers(2, 2).remove(0);
    assert_eq!(
        refused["error"]["subcode"],
        Reason::WRONG_STATE.subcode,
        "while it rings"
    );
    bench.request(2, 3, "call.accept", &json!({"call": CALL, "leg": 1}));
    bench.request(2, 4, "meeting.add", &add);
    let ask = bench.asks.remove(0);
    let pair = ask.pair.clone().unwrap();
    assert_eq!(pair.caller.identity, "external:dev:eve".parse().unwrap());
    assert_eq!(pair.callee.identity, "member:contoso:bob".parse().unwrap());
    assert!(!pair.asked_by_caller && pair.caller.attached);
    bench.now += Duration::from_secs(30);
    let call = CallId(CALL.parse().unwrap());
    bench.input(ServerInput::MoveCall { call });
    assert_eq!(
        bench.records.last(),
        Some(&Record::CallMoved {
            call,
            after: Duration::from_secs(30)
        })
    );
    assert_eq!(bench.switchboard.stats().active_calls, 0);
    bench.now += Duration::from_secs(300);
    bench.input(ServerInput::Timeout);
    let ended = |record: &Record| {
        matches!(
            record,
            Record::CallEnded { .. } | Record::ParticipantRemoved { .. }
        )
    };
    assert!(!bench.records.iter().any(ended), "it goes on");
    assert!(!bench.events(1).contains(&"call.ended") && !bench.events(2).contains(&"call.ended"));
}

#[test]
fn a_call_that_rings_is_not_handed_over() {
    let mut bench = talking();
    bench.input(ServerInput::MoveCall {
        call: CallId(CALL.parse().unwrap()),
    });
    assert_eq!(bench.switchboard.stats().ringing_calls, 1);
}
