//! The server's brain: connections, the sessions on them, and the calls between those.

mod api;

use std::collections::VecDeque;
use std::time::Instant;

pub use api::{
    AllowAll, CallRequest, CloseCode, ConnectionId, Grant, Policy, Record, ServerInput, ServerOutput, Stats,
    SwitchboardConfig,
};

/// The server's brain. See the crate's page for how it is driven.
pub struct Switchboard {
    outputs: VecDeque<ServerOutput>,
}

impl Switchboard {
    /// An empty switchboard. `seed` must be secret and random: session ids and resume tokens are drawn from it.
    pub fn new(_config: SwitchboardConfig, _seed: [u8; 32]) -> Self {
        Self {
            outputs: VecDeque::new(),
        }
    }

    /// Replaces the policy, which lets everything through at first.
    pub fn set_policy(&mut self, _policy: Box<dyn Policy>) {}

    /// Takes one input.
    pub fn handle(&mut self, _input: ServerInput, _now: Instant) {}

    /// The next output; `Timeout` when there is none.
    pub fn poll(&mut self) -> ServerOutput {
        self.outputs.pop_front().unwrap_or(ServerOutput::Timeout(None))
    }

    /// How much there is right now.
    pub fn stats(&self) -> Stats {
        Stats::default()
    }

    /// Whether nothing is left: no connection, session, call or timer.
    pub fn is_idle(&self) -> bool {
        true
    }
}
