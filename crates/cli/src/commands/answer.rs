//! `sidetone answer`: waits for calls and takes them, one at a time.

use std::time::Duration;

use serde_json::json;
use sidetone::{AcceptOptions, AgentEvent, CallEvent, IncomingCall, PickupOffered, Reason};

use super::conversation::{Conversation, Ended, tell_connection, tell_end, tell_mailbox};
use super::end::End;
use super::journal::Journal;
use crate::args::AnswerArgs;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;

/// Waits and answers.
pub fn run(args: AnswerArgs) -> Result<Exit, Failure> {
    super::runtime()?.block_on(async {
        let mut interrupt = Interrupt::new()?;
        let journal = Journal::new(args.end.json);
        let mut end = End::open(&args.end, &args.video, &journal, &mut interrupt).await?;
        let outcome = answer(&args, &mut end, &journal, &mut interrupt).await;
        let closed = end.close().await;
        outcome.and_then(|exit| closed.map(|()| exit))
    })
}

async fn answer(
    args: &AnswerArgs,
    end: &mut End,
    journal: &Journal,
    interrupt: &mut Interrupt,
) -> Result<Exit, Failure> {
    journal.event("waiting", "waiting for calls", json!({}));
    loop {
        let ended = match next_call(args.pick_up, end, journal, interrupt).await? {
            Next::Rings(call) => take(args, call, end, journal, interrupt).await,
            Next::Offered(offer) => pick_up(args, &offer, end, journal, interrupt).await,
        };
        let verdict = ended.and_then(Ended::verdict);
        match verdict {
            // One bad call is no reason to be deaf to the next.
            Err(failure) if failure.exit != Exit::Interrupted && !args.once => {
                crate::output::complain(&failure.message);
            }
            Ok(_) if !args.once => {}
            verdict => return verdict,
        }
        journal.event("waiting", "waiting for calls", json!({}));
    }
}

/// What there is to answer.
enum Next {
    /// A call that rings here.
    Rings(IncomingCall),
    /// A call that rings at a colleague.
    Offered(PickupOffered),
}

async fn next_call(
    pick_up: bool,
    end: &mut End,
    journal: &Journal,
    interrupt: &mut Interrupt,
) -> Result<Next, Failure> {
    loop {
        let event = tokio::select! {
            event = end.events.recv() => event,
            () = interrupt.raised() => return Err(Failure::interrupted()),
        };
        match event {
            // One that rang while another call was on, and has given up since, is not news.
            Some(AgentEvent::IncomingCall(call)) if call.end_reason().is_none() => {
                return Ok(Next::Rings(call));
            }
            Some(AgentEvent::PickupOffered(offer)) if pick_up => return Ok(Next::Offered(offer)),
            Some(AgentEvent::ConnectionStateChanged(state)) => tell_connection(&state, journal)?,
            Some(AgentEvent::MailboxChanged { unheard, heard }) => tell_mailbox(unheard, heard, journal),
            Some(_) => {}
            None => return Err(Failure::new(Exit::Failed, "the connection to the service ended")),
        }
    }
}

async fn take(
    args: &AnswerArgs,
    incoming: IncomingCall,
    end: &mut End,
    journal: &Journal,
    interrupt: &mut Interrupt,
) -> Result<Ended, Failure> {
    // Before anything is done to the call, so that nothing of it is missed.
    let mut events = incoming.events();
    let caller = incoming.caller();
    let on_behalf_of = incoming.on_behalf_of();
    let mut words = if caller.display_name.is_empty() {
        format!("call from {}", caller.identifier)
    } else {
        format!("call from {} ({})", caller.display_name, caller.identifier)
    };
    if let Some(callee) = &on_behalf_of {
        words.push_str(&format!(", for {callee}"));
    }
    if let Some(by) = incoming.transferred_by() {
        words.push_str(&format!(", handed over by {by}"));
    }
    if let Some(by) = incoming.placed_by() {
        words.push_str(&format!(", placed by {by}"));
    }
    if let Some(thread) = incoming.thread() {
        words.push_str(&format!(", out of thread {thread}"));
    }
    let fields = json!({
        "call": incoming.id(),
        "from": caller.identifier,
        "displayName": caller.display_name,
        "onBehalfOf": on_behalf_of,
        "transferredBy": incoming.transferred_by(),
        "placedBy": incoming.placed_by(),
        "thread": incoming.thread(),
    });
    journal.event("incoming", &words, fields);

    if let Some(reason) = rings(args.after, &mut events, interrupt).await? {
        tell_end(incoming.id(), &reason, journal);
        return Ok(Ended::missed(incoming.id(), reason));
    }
    if args.decline {
        incoming.reject()?;
        let reason = last(&mut events)
            .await
            .or(incoming.end_reason())
            .unwrap_or(Reason::DECLINED);
        tell_end(incoming.id(), &reason, journal);
        return Ok(Ended::declined(incoming.id(), reason));
    }
    let call = match incoming
        .accept(AcceptOptions {
            muted: args.end.muted,
            video: None,
        })
        .await
    {
        Ok(call) => call,
        Err(error) => {
            // It would ring on, with nobody to answer it.
            let _ = incoming.reject();
            return Err(error.into());
        }
    };
    journal.event("accepted", "accepted", json!({}));
    Ok(Conversation::new(call, events, &args.end)
        .follow(end, journal, interrupt)
        .await)
}

/// Takes a call that rings at a colleague.
async fn pick_up(
    args: &AnswerArgs,
    offer: &PickupOffered,
    end: &mut End,
    journal: &Journal,
    interrupt: &mut Interrupt,
) -> Result<Ended, Failure> {
    let fields = json!({ "call": offer.call, "from": offer.from, "at": offer.at });
    let words = format!("picking up the call from {} at {}", offer.from, offer.at);
    journal.event("pickingUp", &words, fields);
    tokio::select! {
        () = tokio::time::sleep(args.after) => {}
        () = interrupt.raised() => return Err(Failure::interrupted()),
    }
    let call = end.agent.pick_up(offer).await?;
    let events = call.events();
    Ok(Conversation::new(call, events, &args.end)
        .follow(end, journal, interrupt)
        .await)
}

/// Lets a call ring. Tells how it ended if it did.
async fn rings(
    after: Duration,
    events: &mut sidetone::Events<CallEvent>,
    interrupt: &mut Interrupt,
) -> Result<Option<Reason>, Failure> {
    tokio::select! {
        reason = last(events) => Ok(Some(reason.unwrap_or(Reason::CANCELLED))),
        () = tokio::time::sleep(after) => Ok(None),
        () = interrupt.raised() => Err(Failure::interrupted()),
    }
}

/// Waits for the end of a call.
async fn last(events: &mut sidetone::Events<CallEvent>) -> Option<Reason> {
    while let Some(event) = events.recv().await {
        if let CallEvent::Ended(reason) = event {
            return Some(reason);
        }
    }
    None
}
