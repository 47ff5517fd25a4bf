//! `sidetone meet join`: joins and talks.

use serde_json::json;
use sidetone::JoinOptions;

use super::args::JoinArgs;
use super::place::locator;
use crate::commands::conversation::{Conversation, Ended};
use crate::commands::end::End;
use crate::commands::journal::Journal;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;

/// Joins the meeting.
pub fn run(args: JoinArgs) -> Result<Exit, Failure> {
    crate::commands::runtime()?.block_on(async {
        let mut interrupt = Interrupt::new()?;
        let journal = Journal::new(args.end.json);
        let mut end = End::open(&args.end, &args.video, &journal, &mut interrupt).await?;
        let outcome = join(&args, &mut end, &journal, &mut interrupt).await;
        // What happened in the meeting matters more than a file that could not be completed.
        let closed = end.close().await;
        outcome?.verdict().and_then(|exit| closed.map(|()| exit))
    })
}

/// Joins, and tells what happens until it is over.
pub(super) async fn join(
    args: &JoinArgs,
    end: &mut End,
    journal: &Journal,
    interrupt: &mut Interrupt,
) -> Result<Ended, Failure> {
    let locator = locator(&args.place)?;
    let options = JoinOptions {
        display_name: args.place.display_name.clone().or_else(|| args.end.name.clone()),
        muted: args.end.muted,
        video: None,
    };
    let call = end.agent.join(locator, options).await?;
    let events = call.events();
    journal.event("joining", "joining", json!({}));
    let mut conversation = Conversation::new(call, events, &args.end);
    conversation.admit = args.admit;
    conversation.raise_hand = args.raise_hand;
    conversation.captions.clone_from(&args.captions);
    Ok(conversation.follow(end, journal, interrupt).await)
}
