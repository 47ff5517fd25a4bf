//! `sidetone chat`: threads from the command line, for people and for scripts.

pub mod args;
mod call;
mod card;
mod follow;
mod show;

use std::path::Path;

use serde_json::json;
use sidetone::{
    CallClient, ChatClient, ChatThreadClient, NewThread, OutgoingMessage, ThreadDeletion, ThreadId,
};

use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output;
use args::{ChatArgs, ChatCommand, How, MessageArgs, UserArgs};

/// Does what was asked.
pub fn run(args: ChatArgs) -> Result<Exit, Failure> {
    super::runtime()?.block_on(async {
        let mut interrupt = Interrupt::new()?;
        match args.command {
            ChatCommand::List { user } => list(&user).await,
            ChatCommand::Create {
                with,
                topic,
                follow,
                user,
            } => {
                let (_client, chat) = open(&user).await?;
                // Before the thread begins, so that nothing of it is missed.
                let events = chat.events();
                let new = NewThread {
                    topic,
                    ..NewThread::with(with)
                };
                let thread = chat.create_thread(new).await?;
                show::done(
                    &user,
                    "created",
                    &thread.id().to_string(),
                    json!({ "thread": thread.id() }),
                );
                if follow {
                    follow::follow(&chat, &thread, events, None, &user, &mut interrupt).await?;
                }
                Ok(Exit::Done)
            }
            ChatCommand::Send {
                thread,
                text,
                html,
                reply_to,
                file,
                mention,
                priority,
                card,
                user,
            } => {
                let card = card.as_deref().map(card::read).transpose()?;
                let (_client, chat) = open(&user).await?;
                let thread = chat.thread(ThreadId(thread));
                let mut attachments = Vec::new();
                for path in &file {
                    attachments.push(upload(&thread, path).await?);
                }
                let message = OutgoingMessage {
                    html,
                    reply_to,
                    attachments,
                    mentions: mention,
                    priority: priority.into(),
                    card,
                    ..OutgoingMessage::text(text)
                };
                let id = thread.send(message).await?;
                show::done(&user, "sent", &format!("message {id}"), json!({ "id": id }));
                Ok(Exit::Done)
            }
            ChatCommand::React {
                message,
                sign,
                remove,
                user,
            } => {
                let (_client, chat) = open(&user).await?;
                let thread = chat.thread(ThreadId(message.thread));
                if remove {
                    thread.unreact(message.id, &sign).await?;
                } else {
                    thread.react(message.id, &sign).await?;
                }
                show::done(&user, "reacted", "done", json!({ "id": message.id }));
                Ok(Exit::Done)
            }
            ChatCommand::Pin { message, user } => pin(message, true, &user).await,
            ChatCommand::Unpin { message, user } => pin(message, false, &user).await,
            ChatCommand::Answer {
                message,
                action,
                value,
                user,
            } => {
                let (_client, chat) = open(&user).await?;
                let thread = chat.thread(ThreadId(message.thread));
                thread.answer(message.id, &action, &value).await?;
                show::done(&user, "answered", "answered", json!({ "id": message.id }));
                Ok(Exit::Done)
            }
            ChatCommand::Answers { message, user } => {
                let (_client, chat) = open(&user).await?;
                let thread = chat.thread(ThreadId(message.thread));
                show::answers(&user, &thread.answers(message.id).await?);
                Ok(Exit::Done)
            }
            ChatCommand::Translate {
                message,
                language,
                user,
            } => {
                let (_client, chat) = open(&user).await?;
                let thread = chat.thread(ThreadId(message.thread));
                show::translation(&user, &thread.translate(message.id, &language).await?);
                Ok(Exit::Done)
            }
            ChatCommand::History { thread, limit, user } => {
                let (_client, chat) = open(&user).await?;
                history(&chat.thread(ThreadId(thread)), limit, &user).await
            }
            ChatCommand::Search {
                words,
                thread,
                limit,
                user,
            } => {
                let (_client, chat) = open(&user).await?;
                search(&chat, &words, thread.map(ThreadId), limit, &user).await
            }
            ChatCommand::Follow { thread, length, user } => {
                let (_client, chat) = open(&user).await?;
                let events = chat.events();
                let thread = chat.thread(ThreadId(thread));
                follow::follow(&chat, &thread, events, length, &user, &mut interrupt).await?;
                Ok(Exit::Done)
            }
            ChatCommand::Call(args) => call::run(*args, &mut interrupt).await,
            ChatCommand::Delete { thread, how, user } => {
                let (_client, chat) = open(&user).await?;
                let how = how.map(|how| match how {
                    How::Leave => ThreadDeletion::Leave,
                    How::HideForMe => ThreadDeletion::HideForMe,
                    How::ForAll => ThreadDeletion::ForAll,
                    How::RemoveMembers => ThreadDeletion::RemoveMembers,
                });
                chat.delete_thread(ThreadId(thread), how).await?;
                show::done(&user, "deleted", "deleted", json!({ "thread": thread }));
                Ok(Exit::Done)
            }
        }
    })
}

/// A chat as the user of the options.
async fn open(user: &UserArgs) -> Result<(CallClient, ChatClient), Failure> {
    let credential = user.credential.credential(&user.server, None).await?;
    let client = CallClient::new()?;
    let chat = client
        .create_chat_client(&user.server.socket(), credential)
        .await?;
    Ok((client, chat))
}

async fn list(user: &UserArgs) -> Result<Exit, Failure> {
    let (_client, chat) = open(user).await?;
    let threads = chat.list_threads().await?;
    for thread in &threads {
        show::thread(user, thread);
    }
    if threads.is_empty() && !user.json {
        output::line("no threads");
    }
    Ok(Exit::Done)
}

async fn pin(message: MessageArgs, pinned: bool, user: &UserArgs) -> Result<Exit, Failure> {
    let (_client, chat) = open(user).await?;
    let thread = chat.thread(ThreadId(message.thread));
    thread.pin(message.id, pinned).await?;
    let name = if pinned { "pinned" } else { "unpinned" };
    show::done(user, name, name, json!({ "id": message.id }));
    Ok(Exit::Done)
}

async fn history(thread: &ChatThreadClient, limit: u32, user: &UserArgs) -> Result<Exit, Failure> {
    let mut messages = Vec::new();
    let mut before = None;
    while messages.len() < limit as usize {
        let left = limit.saturating_sub(u32::try_from(messages.len()).unwrap_or(u32::MAX));
        let page = thread.messages(before, left.min(200)).await?;
        messages.extend(page.messages);
        match page.next {
            Some(next) => before = Some(next),
            None => break,
        }
    }
    for message in messages.iter().rev() {
        show::message(user, "message", message);
    }
    Ok(Exit::Done)
}

/// Shows what was found, as it is found.
async fn search(
    chat: &ChatClient,
    words: &str,
    thread: Option<ThreadId>,
    limit: usize,
    user: &UserArgs,
) -> Result<Exit, Failure> {
    let (mut found, mut searched) = (0, 0);
    let mut after = None;
    let more = loop {
        let page = chat.search(words, thread, after.as_deref()).await?;
        searched += page.searched;
        for message in &page.messages {
            if found == limit {
                break;
            }
            found += 1;
            show::found(user, message);
        }
        match page.next {
            Some(next) if found < limit => after = Some(next),
            next => break next.is_some() || found == limit,
        }
    };
    let end = if more { ", there may be more" } else { "" };
    let words = format!("{found} found among {searched} messages{end}");
    let fields = json!({ "found": found, "searched": searched, "more": more });
    show::done(user, "searched", &words, fields);
    Ok(Exit::Done)
}

/// Uploads a file; gives its id.
async fn upload(thread: &ChatThreadClient, path: &Path) -> Result<uuid::Uuid, Failure> {
    let unreadable = |error| Failure::new(Exit::Resource, format!("{}: {error}", path.display()));
    let bytes = tokio::fs::read(path).await.map_err(unreadable)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let content_type = content_type(path);
    let inline = content_type.starts_with("image/");
    let file = thread.upload(&name, content_type, inline, bytes).await?;
    Ok(file.id)
}

/// The media type of a file, by how its name ends.
fn content_type(path: &Path) -> &'static str {
    let end = path
        .extension()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    match end.as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "pdf" => "application/pdf",
        "txt" | "log" => "text/plain",
        "md" => "text/markdown",
        "csv" => "text/csv",
        "json" => "application/json",
        "zip" => "application/zip",
        "wav" => "audio/wav",
        "ogg" | "opus" => "audio/ogg",
        "flac" => "audio/flac",
        "mp4" => "video/mp4",
        _ => "application/octet-stream",
    }
}
