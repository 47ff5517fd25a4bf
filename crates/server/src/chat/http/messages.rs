//! Messages: sending, reading, editing, taking back, reacting, pinning.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sidetone_chat::{NewMessage, Outcome};
use sidetone_signaling::{Identifier, Reason};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::card::Card;
use super::shape::{ChatMessage, ContentType, Priority};
use super::{insider, thread};
use crate::api::caller::Caller;
use crate::api::input::{Body, Names, Query};
use crate::api::openapi::RawId;
use crate::api::page;
use crate::api::problem::Problem;
use crate::chat::{Chats, problem};

pub(super) fn router() -> OpenApiRouter<Arc<Chats>> {
    OpenApiRouter::new()
        .routes(routes!(list, send))
        .routes(routes!(show, edit, delete))
        .routes(routes!(react, unreact))
        .routes(routes!(pin, unpin))
}

/// A message to send.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewChatMessage {
    /// The text or HTML, at most 28 KB. May be empty where files or a card go with it. With a card it is what clients
    /// are given that show no cards, made of the card without.
    #[serde(default)]
    content: String,
    #[serde(default)]
    r#type: ContentType,
    card: Option<Card>,
    /// The name to show; of a member it is not asked.
    #[schema(max_length = 256)]
    sender_display_name: Option<String>,
    /// Whatever the application puts with it.
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    /// The message that it answers.
    #[schema(minimum = 1)]
    reply_to: Option<u64>,
    /// Who is spoken to.
    #[serde(default)]
    #[schema(value_type = Vec<RawId>, max_items = 50)]
    mentions: Vec<Identifier>,
    /// Files that were uploaded before.
    #[serde(default)]
    #[schema(max_items = 10)]
    attachments: Vec<Uuid>,
    #[serde(default)]
    priority: Priority,
    /// Sent twice with the same token, it is there once, however much time lies between.
    #[schema(min_length = 1, max_length = 128)]
    idempotency_token: Option<String>,
}

/// A message that was sent.
#[derive(Serialize, ToSchema)]
struct SentMessage {
    /// Its place in the thread.
    id: u64,
}

/// What a message is to say.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ChatMessageChange {
    /// The text or HTML, at most 28 KB.
    #[serde(default)]
    content: String,
    #[serde(default)]
    r#type: ContentType,
    /// Its card; it has none any more without.
    card: Option<Card>,
    /// Whatever the application puts with it, all of it; as it is without.
    metadata: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct MessageQuery {
    /// Messages on the page, 1 to 200; 50 without.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before; the newest messages without.
    #[param(minimum = 1)]
    before: Option<u64>,
}

/// A page of messages, the newest first.
#[derive(Serialize, ToSchema)]
struct MessagePage {
    items: Vec<ChatMessage>,
    /// Give it as `before` for older messages; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

/// Sends a message.
#[utoipa::path(post, path = "/v1/chat/threads/{thread}/messages", tag = "chat", params(("thread" = Uuid, Path)),
    request_body = NewChatMessage, responses((status = 201, body = SentMessage)))]
async fn send(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    Names((id,)): Names<(Uuid,)>,
    body: Body,
) -> Result<(StatusCode, Json<SentMessage>), Problem> {
    let mut actor = insider(&chats, &caller, id).await?;
    let new: NewChatMessage = body.read()?;
    if let Some(name) = new.sender_display_name {
        actor.name = Some(name.chars().take(256).collect());
    }
    let addresses = new.content.to_ascii_lowercase().contains("http");
    let wish = NewMessage {
        content: new.r#type.of(new.content, new.card)?,
        metadata: new.metadata,
        reply_to: new.reply_to,
        mentions: new.mentions,
        attachments: new.attachments,
        priority: new.priority.into(),
        token: new.idempotency_token,
    };
    let (sent, new) = chats
        .change(&caller.actor, thread(id), |thread, context| {
            thread.send(context, &actor, wish).map(Outcome::marked)
        })
        .await?;
    if new && addresses {
        chats.look_up(thread(id), sent);
    }
    Ok((StatusCode::CREATED, Json(SentMessage { id: sent })))
}

/// Messages of a thread, the newest first.
#[utoipa::path(get, path = "/v1/chat/threads/{thread}/messages", tag = "chat",
    params(("thread" = Uuid, Path), MessageQuery), responses((status = 200, body = MessagePage)))]
async fn list(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    Names((id,)): Names<(Uuid,)>,
    query: Query,
) -> Result<Json<MessagePage>, Problem> {
    let actor = insider(&chats, &caller, id).await?;
    let query: MessageQuery = query.read()?;
    let limit = page::limit(query.limit)?;
    let page = chats
        .ask(thread(id), |thread, context| {
            thread.page(context, &actor, query.before, limit)
        })
        .await?;
    let messages = chats.messages(thread(id), &actor, &page.messages).await?;
    Ok(Json(MessagePage {
        items: messages.into_iter().map(ChatMessage::from).collect(),
        next: page.next,
    }))
}

/// A message.
#[utoipa::path(get, path = "/v1/chat/threads/{thread}/messages/{message}", tag = "chat",
    params(("thread" = Uuid, Path), ("message" = u64, Path)), responses((status = 200, body = ChatMessage)))]
async fn show(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    Names((id, message)): Names<(Uuid, u64)>,
) -> Result<Json<ChatMessage>, Problem> {
    let actor = insider(&chats, &caller, id).await?;
    shown(&chats, &actor, id, message).await
}

async fn shown(
    chats: &Arc<Chats>,
    actor: &sidetone_chat::Actor,
    id: Uuid,
    message: u64,
) -> Result<Json<ChatMessage>, Problem> {
    chats
        .ask(thread(id), |thread, context| {
            thread.message_for(context, actor, message)
        })
        .await?;
    let found = chats.messages(thread(id), actor, &[message]).await?;
    let found = found.into_iter().next();
    let found = found.ok_or_else(|| problem(Reason::NO_SUCH_MESSAGE.into()))?;
    Ok(Json(found.into()))
}

/// Changes what a message says. For its sender.
#[utoipa::path(patch, path = "/v1/chat/threads/{thread}/messages/{message}", tag = "chat",
    params(("thread" = Uuid, Path), ("message" = u64, Path)),
    request_body = ChatMessageChange, responses((status = 200, body = ChatMessage)))]
async fn edit(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    Names((id, message)): Names<(Uuid, u64)>,
    body: Body,
) -> Result<Json<ChatMessage>, Problem> {
    let actor = insider(&chats, &caller, id).await?;
    let change: ChatMessageChange = body.read()?;
    let content = change.r#type.of(change.content, change.card)?;
    let edit = |thread: &mut sidetone_chat::Thread, context: sidetone_chat::Context<'_>, kept| {
        thread.edit(context, &actor, kept, content, change.metadata)
    };
    chats
        .change_message(&caller.actor, thread(id), message, edit, &actor)
        .await?;
    chats.look_up(thread(id), message);
    shown(&chats, &actor, id, message).await
}

/// Takes a message back: nothing is left of what it said. For its sender.
#[utoipa::path(delete, path = "/v1/chat/threads/{thread}/messages/{message}", tag = "chat",
    params(("thread" = Uuid, Path), ("message" = u64, Path)), responses((status = 204)))]
async fn delete(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    Names((id, message)): Names<(Uuid, u64)>,
) -> Result<StatusCode, Problem> {
    let actor = insider(&chats, &caller, id).await?;
    let unsay = |thread: &mut sidetone_chat::Thread, context: sidetone_chat::Context<'_>, kept| {
        thread.unsay(context, &actor, kept)
    };
    chats
        .change_message(&caller.actor, thread(id), message, unsay, &actor)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a message a sign of feeling.
#[utoipa::path(put, path = "/v1/chat/threads/{thread}/messages/{message}/reactions/{emoji}", tag = "chat",
    params(("thread" = Uuid, Path), ("message" = u64, Path), ("emoji" = String, Path)),
    responses((status = 204)))]
async fn react(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    Names((id, message, emoji)): Names<(Uuid, u64, String)>,
) -> Result<StatusCode, Problem> {
    set_reaction(&chats, &caller, id, message, &emoji, true).await
}

/// Takes a sign of feeling back.
#[utoipa::path(delete, path = "/v1/chat/threads/{thread}/messages/{message}/reactions/{emoji}", tag = "chat",
    params(("thread" = Uuid, Path), ("message" = u64, Path), ("emoji" = String, Path)),
    responses((status = 204)))]
async fn unreact(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    Names((id, message, emoji)): Names<(Uuid, u64, String)>,
) -> Result<StatusCode, Problem> {
    set_reaction(&chats, &caller, id, message, &emoji, false).await
}

async fn set_reaction(
    chats: &Arc<Chats>,
    caller: &Caller,
    id: Uuid,
    message: u64,
    emoji: &str,
    given: bool,
) -> Result<StatusCode, Problem> {
    let actor = insider(chats, caller, id).await?;
    let react = |thread: &mut sidetone_chat::Thread, context: sidetone_chat::Context<'_>, kept| {
        thread.react(context, &actor, kept, emoji, given)
    };
    chats
        .change_message(&caller.actor, thread(id), message, react, &actor)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Pins a message to the thread.
#[utoipa::path(put, path = "/v1/chat/threads/{thread}/messages/{message}/pin", tag = "chat",
    params(("thread" = Uuid, Path), ("message" = u64, Path)), responses((status = 204)))]
async fn pin(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    Names((id, message)): Names<(Uuid, u64)>,
) -> Result<StatusCode, Problem> {
    set_pin(&chats, &caller, id, message, true).await
}

/// Takes a message down that was pinned.
#[utoipa::path(delete, path = "/v1/chat/threads/{thread}/messages/{message}/pin", tag = "chat",
    params(("thread" = Uuid, Path), ("message" = u64, Path)), responses((status = 204)))]
async fn unpin(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    Names((id, message)): Names<(Uuid, u64)>,
) -> Result<StatusCode, Problem> {
    set_pin(&chats, &caller, id, message, false).await
}

async fn set_pin(
    chats: &Arc<Chats>,
    caller: &Caller,
    id: Uuid,
    message: u64,
    pinned: bool,
) -> Result<StatusCode, Problem> {
    let actor = insider(chats, caller, id).await?;
    let pin = |thread: &mut sidetone_chat::Thread, context: sidetone_chat::Context<'_>, kept| {
        thread.pin(context, &actor, kept, pinned)
    };
    chats
        .change_message(&caller.actor, thread(id), message, pin, &actor)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
