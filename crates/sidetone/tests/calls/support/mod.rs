//! A service, people with phones, and ears.

mod microphone;
#[allow(dead_code)] // those that show nothing
pub mod pictures;
mod proxy;
#[allow(dead_code)] // by calls that stay where they are
pub mod rack;
pub mod speech;
#[allow(dead_code)] // those that share nothing
pub mod tone;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use sidetone::media::voice::Processing;
use sidetone::{
    AcceptOptions, AgentEvent, AgentOptions, AudioInput, AudioOutput, AudioTap, Call, CallAgent, CallClient,
    CallEvent, CallState, Credential, Events, Identifier, IncomingCall, NetworkOptions, Reason,
    StartCallOptions,
};
use sidetone_server::{Server, ServerConfig, ServerHandle, TokenRequest};
use tokio::runtime::Runtime;

#[allow(unused_imports)] // by those that unplug nothing and cut no wire
pub use {microphone::Microphone, proxy::Proxy};

/// Nothing here takes anywhere near this long: what does is stuck.
pub const STUCK: Duration = Duration::from_secs(40);

/// Looks again and again until there is something to see.
pub fn await_some<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let patience = Instant::now() + STUCK;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < patience, "stuck: {what}");
        std::thread::sleep(Duration::from_millis(3));
    }
}

pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    await_some(what, || condition().then_some(()));
}

/// The service, with a runtime of its own.
pub struct Service {
    pub runtime: Runtime,
    pub server: ServerHandle,
}

impl Service {
    pub fn start() -> Self {
        Self::with(ServerConfig::default())
    }

    pub fn with(config: ServerConfig) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let server = runtime.block_on(Server::start(config)).unwrap();
        Self { runtime, server }
    }

    pub fn token(&self, name: &str) -> String {
        self.token_for(name, None)
    }

    pub fn token_for(&self, name: &str, lifetime: Option<Duration>) -> String {
        let mut request = TokenRequest::new(identifier(name));
        request.name = Some(name.to_owned());
        request.lifetime = lifetime;
        self.server.issue_token(request).unwrap().token.into_exposed()
    }

    /// Calls that ring, and calls that are on.
    pub fn calls(&self) -> (usize, usize) {
        let stats = self.runtime.block_on(self.server.stats()).unwrap();
        (stats.ringing_calls, stats.active_calls)
    }
}

pub fn identifier(name: &str) -> Identifier {
    Identifier::member("acme", name).unwrap()
}

/// Loopback only, and sound as it is.
pub fn plain() -> AgentOptions {
    let mut options = AgentOptions {
        network: NetworkOptions {
            bind: vec!["127.0.0.1:0".parse().unwrap()],
            ..NetworkOptions::default()
        },
        ..AgentOptions::default()
    };
    options.audio.processing = Processing::OFF;
    options
}

/// Somebody with an agent.
pub struct Phone {
    pub agent: CallAgent,
    pub client: CallClient,
    events: Events<AgentEvent>,
    tap: AudioTap,
}

/// Somebody who says nothing.
pub fn phone(service: &Service, name: &str) -> Phone {
    Phone::new(
        &service.server.url(),
        service.token(name),
        AudioInput::Silence,
        plain(),
    )
}

/// Somebody who reads a recording aloud, again and again.
pub fn talker(service: &Service, name: &str, recording: &str) -> Phone {
    Phone::new(
        &service.server.url(),
        service.token(name),
        recorded(recording),
        plain(),
    )
}

/// A microphone that hears a recording.
pub fn recorded(recording: &str) -> AudioInput {
    AudioInput::File {
        path: PathBuf::from(speech::path(recording)),
        repeat: true,
    }
}

impl Phone {
    pub fn new(url: &str, token: String, input: AudioInput, options: AgentOptions) -> Self {
        Self::with(url, Credential::new(token), input, options)
    }

    pub fn with(url: &str, credential: Credential, input: AudioInput, options: AgentOptions) -> Self {
        let client = CallClient::new().unwrap();
        let (output, tap) = AudioOutput::raw();
        client.device_manager().select_microphone(input);
        client.device_manager().select_speaker(output);
        let agent = client.create_call_agent(url, credential, options).wait().unwrap();
        let events = agent.events();
        Self {
            agent,
            client,
            events,
            tap,
        }
    }

    pub fn call(&self, name: &str) -> Call {
        self.agent
            .start_call(identifier(name), StartCallOptions::default())
            .wait()
            .unwrap()
    }

    /// Waits for an event that `pick` likes.
    pub fn told<T>(&mut self, what: &str, mut pick: impl FnMut(AgentEvent) -> Option<T>) -> T {
        await_some(what, || self.events.try_next().and_then(&mut pick))
    }

    /// Waits until somebody calls.
    pub fn rings(&mut self) -> IncomingCall {
        self.told("an incoming call", |event| match event {
            AgentEvent::IncomingCall(call) => Some(call),
            _ => None,
        })
    }

    /// Waits until somebody calls, and answers.
    pub fn answers(&mut self) -> Call {
        self.rings().accept(AcceptOptions::default()).wait().unwrap()
    }

    /// What comes out of the speaker from now on.
    pub fn listen(&self, length: Duration) -> Vec<f32> {
        let mut block = [0.0; 4800];
        while self.tap.read(&mut block) > 0 {}
        let wanted = (length.as_secs_f64() * 48_000.0) as usize;
        let mut heard = Vec::with_capacity(wanted + block.len());
        await_some("the speaker", || {
            let read = self.tap.read(&mut block);
            heard.extend_from_slice(&block[..read]);
            (heard.len() >= wanted).then_some(())
        });
        heard
    }

    /// Waits until this recording is heard, and nobody else's.
    pub fn hears(&self, recording: &str) {
        let mut best = 0.0_f64;
        let other = speech::RECORDINGS
            .into_iter()
            .find(|other| *other != recording)
            .unwrap();
        for _ in 0..8 {
            let heard = self.listen(Duration::from_secs(3));
            best = best.max(speech::likeness(&heard, recording));
            if best > 0.85 && speech::likeness(&heard, other) < best - 0.1 {
                return;
            }
        }
        panic!("{recording} is not heard: likeness {best:.2}");
    }

    /// Waits until nothing is heard. Longer than any pause of the recordings.
    pub fn hears_nothing(&self) {
        let mut loudest = 0.0;
        for _ in 0..8 {
            loudest = speech::level(&self.listen(Duration::from_millis(2500)));
            if loudest < 1e-3 {
                return;
            }
        }
        panic!("something is heard: {loudest}");
    }
}

pub fn in_state(call: &Call, state: CallState) {
    until(&format!("{state:?}"), || {
        assert!(
            call.end_reason().is_none() || state == CallState::Disconnected,
            "ended instead of {state:?}: {:?}",
            call.end_reason()
        );
        call.state() == state && !call.is_reconnecting()
    });
}

pub fn connected(calls: &[&Call]) {
    for call in calls {
        in_state(call, CallState::Connected);
    }
}

/// Waits for the end of a call.
pub fn end_of(call: &Call) -> Reason {
    await_some("the end of the call", || call.end_reason())
}

/// Events of a call from here on, without those that are kept for the first reader.
pub fn events_from_now(call: &Call) -> Events<CallEvent> {
    let mut events = call.events();
    while events.try_next().is_some() {}
    events
}

/// A call between two people that is on: the caller's object, and the callee's.
pub fn call_between(caller: &Phone, callee: &mut Phone) -> (Call, Call) {
    let name = callee.agent.identity().unwrap();
    let call = caller
        .agent
        .start_call(name, StartCallOptions::default())
        .wait()
        .unwrap();
    let answered = callee.answers();
    connected(&[&call, &answered]);
    assert_eq!(call.id(), answered.id());
    (call, answered)
}
