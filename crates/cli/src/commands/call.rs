//! `sidetone call`: calls somebody and talks until either end hangs up.

use serde_json::json;
use sidetone::StartCallOptions;

use super::conversation::{Conversation, Ended};
use super::end::End;
use super::journal::Journal;
use crate::args::CallArgs;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;

/// Places the call.
pub fn run(args: CallArgs) -> Result<Exit, Failure> {
    super::runtime()?.block_on(async {
        let mut interrupt = Interrupt::new()?;
        let journal = Journal::new(args.end.json);
        let mut end = End::open(&args.end, &args.video, &journal, &mut interrupt).await?;
        let outcome = call(&args, &mut end, &journal, &mut interrupt).await;
        // What happened in the call matters more than a file that could not be completed.
        let closed = end.close().await;
        outcome?.verdict().and_then(|exit| closed.map(|()| exit))
    })
}

async fn call(
    args: &CallArgs,
    end: &mut End,
    journal: &Journal,
    interrupt: &mut Interrupt,
) -> Result<Ended, Failure> {
    let options = StartCallOptions {
        display_name: args.end.name.clone(),
        ring_for: args.ring_for,
        muted: args.end.muted,
        on_behalf_of: args.on_behalf_of.clone(),
        ..StartCallOptions::default()
    };
    let call = end.agent.start_call(args.to.clone(), options).await?;
    let id = call.id();
    journal.event(
        "calling",
        &format!("calling {}", args.to),
        json!({ "call": id, "to": args.to }),
    );
    let events = call.events();
    let mut conversation = Conversation::new(call, events, &args.end);
    conversation.add = args.add.clone();
    Ok(conversation.follow(end, journal, interrupt).await)
}
