//! The states of a call as an application sees them.

/// State of a call. Whether it is being recovered is told beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallState {
    /// Asked for, and not yet sent: the client has no session.
    None,
    /// On its way: to the callee's endpoints, or, after the answer, until media is up.
    Connecting,
    /// An endpoint of the callee rings; or this endpoint rings.
    Ringing,
    /// Media of the far end before the answer, such as an announcement.
    EarlyMedia,
    /// Before the door of a meeting, until somebody lets this endpoint in.
    InLobby,
    /// Answered, and media is up.
    Connected,
    /// On hold from here (and perhaps from there too).
    LocalHold,
    /// On hold from there.
    RemoteHold,
    /// Ending.
    Disconnecting,
    /// Over.
    Disconnected,
}
