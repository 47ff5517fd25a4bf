//! Hostile frames to the service and to a client, at any time and in any order.
//!
//! Input: lines. The first byte says what the rest is: `0` to `3` a frame from that client to the service (0 and 1
//! have sessions, 2 and 3 do not), `c` and `d` with a digit connect and disconnect a client, `s` a frame from the
//! service to an agent, `a` something that the agent's application or media does (by the next byte), `t` some
//! seconds that pass (by the next byte).
#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use sidetone_signaling::agent::{
    Agent, AgentConfig, AgentInput, AgentOutput, Command, MediaEvent, SocketEvent, SocketId,
};
use sidetone_signaling::protocol::{CallId, LegId, MediaFailure, MediaState};
use sidetone_signaling::switchboard::{
    ConnectionId, Grant, ServerInput, ServerOutput, Switchboard, SwitchboardConfig,
};
use sidetone_signaling::{Identifier, Reason};

/// Longer stories only make runs slower.
const MAX_LINES: usize = 64;
const CALL: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

struct Service {
    switchboard: Switchboard,
    now: Instant,
}

impl Service {
    fn input(&mut self, input: ServerInput) {
        self.switchboard.handle(input, self.now);
        for _ in 0..100_000 {
            match self.switchboard.poll() {
                ServerOutput::Authenticate { connection, token } => {
                    let result = token
                        .parse()
                        .map_err(|_| Reason::INVALID_TOKEN)
                        .map(|identity| Grant {
                            identity,
                            display_name: String::new(),
                            expires_in: Duration::from_secs(3600),
                            may_start_calls: true,
                            may_take_calls: true,
                            application: None,
                        });
                    self.switchboard
                        .handle(ServerInput::Authenticated { connection, result }, self.now);
                }
                ServerOutput::Timeout(_) => return,
                _ => {}
            }
        }
        panic!("the switchboard does not come to rest");
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.input(ServerInput::Timeout);
    }
}

struct Client {
    agent: Agent,
    socket: SocketId,
    now: Instant,
}

impl Client {
    fn input(&mut self, input: AgentInput) {
        self.agent.handle(input, self.now);
        self.drain();
    }

    fn drain(&mut self) {
        for _ in 0..100_000 {
            match self.agent.poll() {
                AgentOutput::Connect { socket } => {
                    self.socket = socket;
                    let event = SocketEvent::Opened;
                    self.agent.handle(AgentInput::Socket { socket, event }, self.now);
                }
                AgentOutput::Timeout(_) => return,
                _ => {}
            }
        }
        panic!("the agent does not come to rest");
    }

    fn act(&mut self, which: u8) {
        let Ok(uuid) = CALL.parse() else { return };
        let (call, leg) = (CallId(uuid), LegId(1));
        let media = |event| AgentInput::Media { call, leg, event };
        let input = match which % 12 {
            0 => match "external:dev:bob".parse::<Identifier>() {
                Ok(to) => AgentInput::Command(Command::StartCall {
                    call,
                    to,
                    options: Default::default(),
                }),
                Err(_) => return,
            },
            1 => AgentInput::Command(Command::Accept { call }),
            2 => AgentInput::Command(Command::Decline { call }),
            3 => AgentInput::Command(Command::HangUp { call }),
            4 => AgentInput::Command(Command::Hold { call }),
            5 => AgentInput::Command(Command::Resume { call }),
            6 => media(MediaEvent::State(MediaState::Connected)),
            7 => media(MediaEvent::State(MediaState::Failed)),
            8 => media(MediaEvent::LocalDescription { sdp: "v=0".into() }),
            9 => media(MediaEvent::Error(MediaFailure::Setup)),
            10 => AgentInput::Command(Command::NetworkChanged),
            _ => AgentInput::Socket {
                socket: self.socket,
                event: SocketEvent::Closed,
            },
        };
        self.input(input);
    }
}

fuzz_target!(|data: &[u8]| {
    let now = Instant::now();
    let mut service = Service {
        switchboard: Switchboard::new(SwitchboardConfig::default(), [7; 32]),
        now,
    };
    for (number, identity) in [(0, "external:dev:alice"), (1, "external:dev:bob")] {
        let connection = ConnectionId(number);
        service.input(ServerInput::Connected { connection });
        let text = format!(
            r#"{{"type":"request","id":0,"method":"session.open","params":{{"token":"{identity}"}}}}"#
        );
        service.input(ServerInput::Frame { connection, text });
    }
    let mut client = Client {
        agent: Agent::new(AgentConfig::new("token"), now),
        socket: SocketId(0),
        now,
    };
    client.drain();

    for line in data.split(|byte| *byte == b'\n').take(MAX_LINES) {
        let Some((&what, rest)) = line.split_first() else {
            continue;
        };
        let text = || String::from_utf8_lossy(rest).into_owned();
        let number = rest.first().copied().unwrap_or(0);
        match what {
            b'0'..=b'3' => {
                let connection = ConnectionId(u64::from(what - b'0'));
                service.input(ServerInput::Frame {
                    connection,
                    text: text(),
                });
            }
            b'c' => service.input(ServerInput::Connected {
                connection: ConnectionId(u64::from(number % 4)),
            }),
            b'd' => service.input(ServerInput::Disconnected {
                connection: ConnectionId(u64::from(number % 4)),
            }),
            b's' => {
                let (socket, event) = (client.socket, SocketEvent::Text(text()));
                client.input(AgentInput::Socket { socket, event });
            }
            b'a' => client.act(number),
            b't' => {
                let time = Duration::from_secs(u64::from(number));
                service.pass(time);
                client.now += time;
                client.input(AgentInput::Timeout);
            }
            _ => {}
        }
    }

    for number in 0..4 {
        service.input(ServerInput::Disconnected {
            connection: ConnectionId(number),
        });
    }
    for _ in 0..3 {
        service.pass(Duration::from_secs(200));
    }
    assert!(service.switchboard.is_idle(), "{:?}", service.switchboard.stats());
    client.input(AgentInput::Command(Command::Close));
    assert!(client.agent.is_idle());
    assert!(matches!(client.agent.poll(), AgentOutput::Timeout(None)));
});
