//! `sidetone chat call`: calls everyone in a thread, and talks.

use serde_json::json;
use sidetone::{JoinOptions, ThreadId};

use super::args::CallThreadArgs;
use crate::commands::conversation::{Conversation, Ended};
use crate::commands::end::End;
use crate::commands::journal::Journal;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;

/// Calls, or joins the call that runs.
pub async fn run(args: CallThreadArgs, interrupt: &mut Interrupt) -> Result<Exit, Failure> {
    let journal = Journal::new(args.end.json);
    let mut end = End::open(&args.end, &args.video, &journal, interrupt).await?;
    let outcome = call(&args, &mut end, &journal, interrupt).await;
    // What happened in the call matters more than a file that could not be completed.
    let closed = end.close().await;
    outcome?.verdict().and_then(|exit| closed.map(|()| exit))
}

async fn call(
    args: &CallThreadArgs,
    end: &mut End,
    journal: &Journal,
    interrupt: &mut Interrupt,
) -> Result<Ended, Failure> {
    let thread = end.agent.chat().thread(ThreadId(args.thread));
    let options = JoinOptions {
        display_name: args.end.name.clone(),
        muted: args.end.muted,
        video: None,
    };
    let call = thread.call(options).await?;
    let events = call.events();
    let fields = json!({ "call": call.id(), "thread": thread.id() });
    journal.event(
        "calling",
        &format!("calling out of thread {}", thread.id()),
        fields,
    );
    Ok(Conversation::new(call, events, &args.end)
        .follow(end, journal, interrupt)
        .await)
}
