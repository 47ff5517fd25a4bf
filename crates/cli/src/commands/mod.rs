//! What each command does, one file for each. `end` and `conversation` are what calling and answering share.

pub mod admin;
pub mod answer;
mod breakout;
pub mod call;
pub mod chat;
mod conversation;
pub mod devices;
pub mod doctor;
mod end;
mod journal;
pub mod meet;
mod name;
mod notices;
pub mod serve;
mod statistics;
pub mod token;
mod video;
pub mod voicemail;

use std::io;

/// A runtime for a command that waits for one thing at a time.
fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
