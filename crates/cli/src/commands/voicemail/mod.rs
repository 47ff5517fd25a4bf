//! `sidetone voicemail`: takes calls on members' behalf, greets the caller, records what is said after the beep and
//! leaves it in the member's mailbox at the service.
//!
//! Every line is an endpoint of the same application: all idle ones ring, and the first to claim a call answers it. So
//! many callers are taken at once as there are lines; who comes when all talk rings on.

pub mod args;
mod desk;
mod greeting;
mod line;

use std::sync::Arc;

use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::args::VoicemailArgs;
use self::desk::Desk;
use super::journal::Journal;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;

/// Runs until Ctrl-C.
pub fn run(args: VoicemailArgs) -> Result<Exit, Failure> {
    super::runtime()?.block_on(async {
        let mut interrupt = Interrupt::new()?;
        let journal = Arc::new(Journal::new(args.json));
        let (stop, stopped) = watch::channel(false);
        let desk = Arc::new(Desk::open(&args).await?);
        let mut lines = JoinSet::new();
        for _ in 0..args.lines {
            let line = line::Line::open(&args, desk.clone(), journal.clone(), stopped.clone());
            let line = tokio::select! {
                line = line => line?,
                () = interrupt.raised() => return Err(Failure::interrupted()),
            };
            lines.spawn(line.run());
        }
        let identity = desk.identity().map(ToString::to_string).unwrap_or_default();
        journal.event(
            "waiting",
            &format!("taking messages as {identity}, {} at once", args.lines),
            json!({ "identity": identity, "lines": args.lines }),
        );
        let outcome = tokio::select! {
            // A line that ends by itself was refused by the service: so will the others be.
            Some(ended) = lines.join_next() => ended.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?,
            () = interrupt.raised() => Err(Failure::interrupted()),
        };
        // Whoever talks is cut off, and what was said is kept.
        stop.send_replace(true);
        tokio::select! {
            () = async { while lines.join_next().await.is_some() {} } => {}
            () = interrupt.raised() => {}
        }
        outcome.map(|()| Exit::Done)
    })
}
