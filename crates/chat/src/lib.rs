//! Conversations: threads and who takes part in them, messages and where they are kept, as values and pure decisions.
//!
//! A [`Thread`] is changed by asking it for a [`Plan`]: what to write, whom to tell, what happened. Whoever keeps
//! threads writes the plan down first and then has it applied; what a thread knows is made again from what was written,
//! with the very same function, so that nothing is known that was not kept. The crate refuses to know clocks, storage,
//! sockets and HTTP: the time is an argument, and bodies of messages are handed in when they are needed.
//!
//! # What is written
//!
//! Single [`Item`]s, each whole: the thread's record, its participants, its messages. Each carries the thread's
//! *version* that last changed it. Who was away asks for what is newer than the version last seen, and has everything,
//! once. Messages are numbered without gaps.
//!
//! # Where it is kept
//!
//! Each item says its region. All of a thread is in its home region, which for a meeting is its organisation's. Of what
//! an external user sends in a meeting, the newest message alone is also in the region of the user's resource
//! ([`Item::Copy`]), and all of it ends as retention has it: see [`Thread::due`].

#![forbid(unsafe_code)]

mod attachment;
mod card;
mod content;
mod context;
mod item;
mod language;
mod limits;
mod links;
mod plan;
mod rate;
mod refused;
mod region;
mod search;
mod thread;

pub use attachment::{NewAttachment, looks_like};
pub use card::{card_text, check_card};
pub use content::{Content, clean_html};
pub use context::{Actor, Context, Rights};
pub use item::{
    Answer, AttachmentRecord, Body, Copied, Deleted, Held, Home, Item, ItemKey, Message, Participant,
    ReadMark, Span, ThreadRecord, Verdict,
};
pub use language::Language;
pub use limits::{
    AGGREGATED_ABOVE, ATTACHMENT_BYTES, ATTACHMENT_DAYS, BATCH, COPY_DAYS, ChatLimits, MAX_MESSAGE_BYTES,
    PAGE,
};
pub use links::links;
pub use plan::{Cause, Erased, News, Outcome, Plan};
pub use rate::{Deed, Rates};
pub use refused::Refused;
pub use region::Region;
pub use search::Words;
pub use thread::announce::Announced;
pub use thread::create::{Invited, NewThread};
pub use thread::delete::Deletion;
pub use thread::history::{Changes, Page, Receipts};
pub use thread::meeting::NewMeetingThread;
pub use thread::preview::{FoundImage, FoundPreview};
pub use thread::properties::ThreadChange;
pub use thread::send::NewMessage;
pub use thread::{Head, Thread};
