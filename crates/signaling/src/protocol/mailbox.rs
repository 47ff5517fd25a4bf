//! Messages that were left for somebody.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `mailbox.changed`: how many voice messages wait (the message summary of RFC 3842 section 3.5). Told to every endpoint
/// of their owner when that changes, and when a session opens while there are unheard ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MailboxChanged {
    /// Messages that were not heard yet.
    pub unheard: u32,
    /// Messages that were heard and kept.
    pub heard: u32,
}
