//! The `sidetone.v1` wire protocol: JSON text frames on one WebSocket.
//!
//! A client sends **requests** with ids that count up from 1 in each session, and **acknowledgements** of events.
//! The server answers every request with exactly one **response**, and sends **events** with sequence numbers that
//! count up from 1 in each session. After a lost socket the client resumes: the server replays events it did not
//! see, the client sends again requests without a response, and the server answers repeated ids from memory.
//!
//! Fields that a reader does not know are ignored, event kinds that a client does not know are skipped and
//! acknowledged, and unknown requests are refused with a typed reason. The JSON Schema of all frames is
//! `schema/sidetone.v1.json`, made by [`schema()`].

mod call;
pub mod chat;
mod frame;
mod limits;
mod mailbox;
pub mod meeting;
mod notice;
mod pickup;
mod schema;
mod session;
mod transfer;
mod watch;

pub use call::{
    Accept, Accepted, CallEnded, CallId, CandidateLine, Candidates, Decline, DeclineReason, DescriptionType,
    HangUp, Hold, Incoming, IncomingLeg, LegEnded, LegId, MediaFailure, MediaReport, MediaState, Mute, Muted,
    PeerHeld, PeerPresence, Pictures, Presence, Report, ReportItem, Restart, Ring, Ringing,
    SessionDescription, Show, Shown, Start, Started,
};
pub use frame::{ClientFrame, Event, FrameError, Request, ServerFrame};
pub use limits::Limits;
pub(crate) use limits::REQUEST_WINDOW;
pub use mailbox::MailboxChanged;
pub use notice::{Consent, Notice, NoticeKind, NoticeSet, NoticeState, Notices, SetNotice};
pub use pickup::{PickUp, PickedUp, PickupOffered, PickupWithdrawn};
pub use schema::schema;
pub use session::{
    Close, EndpointOptions, IceServer, Open, Opened, Ping, Refresh, Refreshed, Resume, Resumed, SessionId,
};
pub use transfer::{Transfer, TransferChanged, TransferOutcome, TransferRequested, TransferTarget};
pub use watch::{Extent, MAX_WIDTH, Watch, Watched};

/// The WebSocket subprotocol (RFC 6455 section 1.9).
pub const SUBPROTOCOL: &str = "sidetone.v1";

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A duration on the wire, in whole milliseconds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Millis(pub u32);

impl From<Duration> for Millis {
    fn from(duration: Duration) -> Self {
        Self(u32::try_from(duration.as_millis()).unwrap_or(u32::MAX))
    }
}

impl From<Millis> for Duration {
    fn from(millis: Millis) -> Self {
        Self::from_millis(millis.0.into())
    }
}
