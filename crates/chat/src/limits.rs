//! How much of anything there may be (spec 3.10).

/// Longest text of a message, in bytes: 28 KB.
pub const MAX_MESSAGE_BYTES: usize = 28 * 1024;
/// Longest topic, in characters.
pub(crate) const MAX_TOPIC: usize = 250;
/// Participants that one request adds.
pub const BATCH: usize = 200;
/// Entries on a page.
pub const PAGE: usize = 200;
/// With more participants than this, receipts are numbers and not names.
pub const AGGREGATED_ABOVE: usize = 20;
/// Files of one message.
pub(crate) const MAX_ATTACHMENTS: usize = 10;
/// People spoken to in one message.
pub(crate) const MAX_MENTIONS: usize = 50;
/// Different signs on one message.
pub(crate) const MAX_EMOJIS: usize = 20;
/// Signs on one message, of all people together.
pub(crate) const MAX_REACTIONS: usize = 2_000;
/// Longest sign, in bytes: a family of five with skin tones fits.
pub(crate) const MAX_EMOJI_BYTES: usize = 64;
/// All texts of a card, in bytes.
pub(crate) const MAX_CARD_BYTES: usize = 12 * 1024;
/// Longest text that answers a card, in characters.
pub(crate) const MAX_CARD_VALUE: usize = 1_000;
/// Longest address, in bytes.
pub(crate) const MAX_URL_BYTES: usize = 2_048;
/// Addresses of one message that are previewed.
pub(crate) const MAX_PREVIEWS: usize = 3;
/// Longest title and longest description of what is behind an address, in characters.
pub(crate) const MAX_PREVIEW: (usize, usize) = (200, 500);
/// Entries of metadata, and bytes of them together.
pub(crate) const MAX_METADATA: (usize, usize) = (50, 4 * 1024);
/// Longest idempotency token, in bytes.
pub(crate) const MAX_TOKEN: usize = 128;
/// Stretches of a history that somebody may see, who left and came back.
pub(crate) const MAX_SPANS: usize = 32;
/// Files that wait in a thread to be sent.
pub(crate) const MAX_WAITING_FILES: usize = 100;
/// For how many days a copy outside the home region is kept where no policy says less (spec R98).
pub const COPY_DAYS: u32 = 30;
/// For how many days a deleted thread is kept where no policy says otherwise.
pub(crate) const DELETED_DAYS: u32 = 30;
/// Largest file where no policy says otherwise, in bytes.
pub const ATTACHMENT_BYTES: u64 = 10 * 1024 * 1024;
/// For how many days a file is kept where no policy says otherwise.
pub const ATTACHMENT_DAYS: u32 = 30;
/// For how long a file waits to be sent, in days.
pub(crate) const WAITING_DAYS: u32 = 1;

/// What the operator sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatLimits {
    /// Participants of one thread (L22: the sources have 250). More cost memory and one event each for every message.
    pub participants: usize,
}

impl Default for ChatLimits {
    fn default() -> Self {
        Self { participants: 1_000 }
    }
}
