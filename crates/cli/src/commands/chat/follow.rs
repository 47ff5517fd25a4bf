//! Being in a thread: what happens is shown, and each line that is typed is sent.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use sidetone::{
    ChatClient, ChatEvent, ChatThreadClient, Error, Events, OutgoingMessage, Priority, ThreadUpdate,
};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin};

use super::args::UserArgs;
use super::{card, show};
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output;

/// Messages that are shown at the beginning.
const SHOWN: u32 = 20;

/// Follows a thread until somebody wants it to end.
pub async fn follow(
    chat: &ChatClient,
    thread: &ChatThreadClient,
    mut events: Events<ChatEvent>,
    length: Option<Duration>,
    user: &UserArgs,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let page = thread.messages(None, SHOWN).await?;
    let newest = page.messages.first().map_or(0, |message| message.id);
    for message in page.messages.iter().rev() {
        show::message(user, "message", message);
    }
    let ends = async {
        match length {
            Some(length) => tokio::time::sleep(length).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(ends);
    let mut typed = BufReader::new(tokio::io::stdin()).lines();
    let mut open = true;
    loop {
        tokio::select! {
            event = events.recv() => match event {
                // Shown already, above.
                Some(ChatEvent::MessageReceived(message))
                    if message.thread == thread.id() && message.id <= newest => {}
                Some(event) => {
                    show::event(user, thread.id(), &event);
                    if gone(&event, thread) {
                        return Ok(());
                    }
                }
                None => return Err(Failure::new(Exit::Service, "the connection to the service ended")),
            },
            line = next(&mut typed), if open => match line {
                Some(line) => match say(chat, thread, &line, user).await {
                    Ok(true) => {}
                    Ok(false) => return Ok(()),
                    // One bad line is no reason to go.
                    Err(error) => output::complain(&error.to_string()),
                },
                // Without a terminal: goes on for as long as was asked.
                None if length.is_some() => open = false,
                None => return Ok(()),
            },
            () = &mut ends => return Ok(()),
            () = interrupt.raised() => return Err(Failure::interrupted()),
        }
    }
}

async fn next(typed: &mut Lines<BufReader<Stdin>>) -> Option<String> {
    typed.next_line().await.ok().flatten()
}

fn gone(event: &ChatEvent, thread: &ChatThreadClient) -> bool {
    match event {
        ChatEvent::ThreadDeleted(gone) => gone.thread == thread.id(),
        ChatEvent::ThreadGone(gone) => *gone == thread.id(),
        _ => false,
    }
}

/// Sends a line, or does what it commands. False when it is the last.
async fn say(
    chat: &ChatClient,
    thread: &ChatThreadClient,
    line: &str,
    user: &UserArgs,
) -> Result<bool, Error> {
    let line = line.trim_end();
    let Some(command) = line.strip_prefix('/') else {
        if !line.is_empty() {
            thread.send(OutgoingMessage::text(line)).await?;
        }
        return Ok(true);
    };
    let (command, rest) = command.split_once(' ').unwrap_or((command, ""));
    let numbered = || -> Result<(u64, &str), Error> {
        let (id, text) = rest.split_once(' ').unwrap_or((rest, ""));
        let id = id
            .parse()
            .map_err(|_| Error::Argument(format!("/{command} needs the number of a message")))?;
        Ok((id, text))
    };
    match command {
        "who" => {
            for one in thread.participants().await? {
                let words = format!("      {} ({})", one.display_name, one.identity);
                show::done(user, "participant", &words, json!(one));
            }
        }
        "read" => {
            let last = thread.properties().await?.last_message;
            thread.read(last).await?;
        }
        "typing" => thread.typing().await?,
        "react" => {
            let (id, sign) = numbered()?;
            thread.react(id, sign.trim()).await?;
        }
        "unreact" => {
            let (id, sign) = numbered()?;
            thread.unreact(id, sign.trim()).await?;
        }
        "pin" | "unpin" => {
            let (id, _) = numbered()?;
            thread.pin(id, command == "pin").await?;
        }
        "important" | "urgent" => {
            let priority = if command == "urgent" {
                Priority::Urgent
            } else {
                Priority::High
            };
            let message = OutgoingMessage {
                priority,
                ..OutgoingMessage::text(rest)
            };
            thread.send(message).await?;
        }
        "mention" => {
            let (who, text) = rest.split_once(' ').unwrap_or((rest, ""));
            let who = who
                .parse()
                .map_err(|error| Error::Argument(format!("{who}: {error}")))?;
            let message = OutgoingMessage {
                mentions: vec![who],
                ..OutgoingMessage::text(text)
            };
            thread.send(message).await?;
        }
        "card" => {
            let card = card::read(Path::new(rest.trim()));
            let card = card.map_err(|failure| Error::Argument(failure.to_string()))?;
            thread.send(OutgoingMessage::card(card)).await?;
        }
        "answer" => {
            let (id, answer) = numbered()?;
            let (action, value) = answer.split_once(' ').unwrap_or((answer, ""));
            thread.answer(id, action, value).await?;
        }
        "answers" => {
            let (id, _) = numbered()?;
            show::answers(user, &thread.answers(id).await?);
        }
        "translate" => {
            let (id, language) = numbered()?;
            show::translation(user, &thread.translate(id, language.trim()).await?);
        }
        "reply" => {
            let (id, text) = numbered()?;
            let reply = OutgoingMessage {
                reply_to: Some(id),
                ..OutgoingMessage::text(text)
            };
            thread.send(reply).await?;
        }
        "edit" => {
            let (id, text) = numbered()?;
            thread.update_message(id, text, false).await?;
        }
        "delete" => {
            let (id, _) = numbered()?;
            thread.delete_message(id).await?;
        }
        "add" => {
            let who = rest.trim().parse();
            let who = who.map_err(|error| Error::Argument(format!("{rest}: {error}")))?;
            thread.add_participants([who], Some(0)).await?;
        }
        "topic" => {
            let update = ThreadUpdate {
                topic: Some(rest.to_owned()),
                metadata: None,
            };
            thread.update(update).await?;
        }
        "leave" => {
            let how = sidetone::ThreadDeletion::Leave;
            chat.delete_thread(thread.id(), Some(how)).await?;
            return Ok(false);
        }
        "quit" => return Ok(false),
        _ => return Err(Error::Argument(format!("there is no command /{command}"))),
    }
    Ok(true)
}
