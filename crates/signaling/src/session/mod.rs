//! The two ends of a session: the server's keeps events until they are seen, the client's comes back for them.
//!
//! Together they make one reliable, ordered stream each way out of sockets that come and go. Neither knows calls.

mod backoff;
pub(crate) mod client;
mod event_log;
mod frames;
mod link;
pub(crate) mod rate;
pub(crate) mod response_log;
pub(crate) mod server;
