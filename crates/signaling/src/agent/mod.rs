//! The client's brain: one session with the service, and the calls of one endpoint.

mod api;

use std::collections::VecDeque;
use std::time::Instant;

pub use api::{
    AgentConfig, AgentEvent, AgentInput, AgentOutput, AgentTiming, Command, ConnectionState, MediaAction,
    MediaEvent, Role, SocketEvent, SocketId, StartOptions,
};

/// The client's brain. See the crate's page for how it is driven.
pub struct Agent {
    outputs: VecDeque<AgentOutput>,
}

impl Agent {
    /// A client that connects at once.
    pub fn new(_config: AgentConfig, _now: Instant) -> Self {
        Self {
            outputs: VecDeque::new(),
        }
    }

    /// Takes one input.
    pub fn handle(&mut self, _input: AgentInput, _now: Instant) {}

    /// The next output; `Timeout` when there is none.
    pub fn poll(&mut self) -> AgentOutput {
        self.outputs.pop_front().unwrap_or(AgentOutput::Timeout(None))
    }
}
