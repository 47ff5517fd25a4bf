//! `sidetone meet`: meetings and group calls at the terminal. What happens in them is told by `tell` line by line, or
//! drawn by `watch` on a `screen`.

pub mod args;
mod breakout;
mod create;
mod engagement;
mod join;
mod place;
mod screen;
mod tell;
mod watch;

pub use tell::{lobby_reason, tell};

use crate::exit::{Exit, Failure};
use args::{MeetArgs, MeetCommand};

/// Does what was asked.
pub fn run(args: MeetArgs) -> Result<Exit, Failure> {
    match args.command {
        MeetCommand::Create(args) => create::run(*args),
        MeetCommand::Breakout(args) => breakout::run(*args),
        MeetCommand::Join(args) => join::run(args),
        MeetCommand::Watch(args) => watch::run(args),
    }
}
