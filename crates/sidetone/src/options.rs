//! How an agent and its calls are set up.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sidetone_media::jitter::JitterConfig;
use sidetone_media::voice::{Processing, Profile};
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::chat::ThreadId;

use crate::video::LocalVideoStream;

/// Where tokens come from.
#[derive(Clone)]
pub struct Credential {
    pub(crate) token: String,
    pub(crate) refresher: Option<Refresher>,
}

/// Fetches a new token from the app's backend. Runs on a thread of its own, so it may block.
pub(crate) type Refresher = Arc<dyn Fn() -> Result<String, String> + Send + Sync>;

impl Credential {
    /// A token that the app's backend got for its user.
    pub fn new(token: impl Into<String>) -> Self {
        Self {
            token: token.into(),
            refresher: None,
        }
    }

    /// Calls `refresher` for a new token before the old one ends, so that long calls are not cut, and when the service
    /// refuses a token (401/10009). While it fails, or takes longer than ten seconds, it is called again after growing
    /// pauses; calls that are on when the old token ends are cut with 495/4507.
    #[must_use]
    pub fn refreshed_by(
        mut self,
        refresher: impl Fn() -> Result<String, String> + Send + Sync + 'static,
    ) -> Self {
        self.refresher = Some(Arc::new(refresher));
        self
    }
}

/// Tokens are secrets: never printed.
impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential")
            .field("refreshed", &self.refresher.is_some())
            .finish_non_exhaustive()
    }
}

/// How an agent behaves.
#[derive(Clone, Debug, Default)]
pub struct AgentOptions {
    /// Name shown to others; the token's name where absent. Members cannot override theirs.
    pub display_name: Option<String>,
    /// Do not ring here while in a call.
    pub busy_when_in_call: bool,
    /// Never ring here: the agent is there for chat.
    pub no_calls: bool,
    /// Sound.
    pub audio: AudioOptions,
    /// Sockets and addresses.
    pub network: NetworkOptions,
}

/// How sound is sent and played.
#[derive(Clone, Debug)]
pub struct AudioOptions {
    /// Delay against robustness.
    pub profile: Profile,
    /// Echo, noise and gain processing.
    pub processing: Processing,
    /// Limits of the jitter buffer.
    pub jitter: JitterConfig,
    /// Wanted period of microphone callbacks.
    pub input_period: Duration,
    /// Wanted period of speaker callbacks. Smaller is less delay and more wake-ups.
    pub output_period: Duration,
}

impl AudioOptions {
    /// The least delay: 10 ms frames, the low-delay coder, and a speaker that asks every 2.5 ms.
    pub fn low_latency() -> Self {
        Self {
            profile: Profile::LOW_LATENCY,
            output_period: Duration::from_micros(2500),
            ..Self::default()
        }
    }
}

impl Default for AudioOptions {
    fn default() -> Self {
        Self {
            profile: Profile::default(),
            processing: Processing::default(),
            jitter: JitterConfig::default(),
            input_period: Duration::from_millis(10),
            output_period: Duration::from_millis(5),
        }
    }
}

/// How media reaches the network.
#[derive(Clone, Debug, Default)]
pub struct NetworkOptions {
    /// Local addresses to bind, port 0 for any. Empty: every interface that is up.
    pub bind: Vec<SocketAddr>,
    /// Address announced instead of the bound one (static port forwarding, or a test relay).
    pub advertise: Option<SocketAddr>,
    /// Send no addresses to the other end before the answer. Costs the time of ICE and DTLS after it.
    pub hide_addresses: bool,
    /// Only relayed candidates: the other end never learns this host's addresses. Needs a TURN server.
    pub relay_only: bool,
}

/// Details of an outgoing call.
#[derive(Clone, Debug, Default)]
pub struct StartCallOptions {
    /// Shown to the callee instead of the agent's display name.
    pub display_name: Option<String>,
    /// Free text for the callee's app.
    pub context: Option<String>,
    /// How long to ring; the service's value where absent.
    pub ring_for: Option<Duration>,
    /// Start with the microphone off.
    pub muted: bool,
    /// The member as whom to call, who let this user do so. The callee sees both.
    pub on_behalf_of: Option<Identifier>,
    /// The chat thread that the call comes out of: both ends take part in it.
    pub thread: Option<ThreadId>,
    /// A camera to send from the answer on.
    pub video: Option<LocalVideoStream>,
}

/// Details of an answer.
#[derive(Clone, Debug, Default)]
pub struct AcceptOptions {
    /// Start with the microphone off.
    pub muted: bool,
    /// A camera to send from the start.
    pub video: Option<LocalVideoStream>,
}
