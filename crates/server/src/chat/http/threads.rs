//! Threads: beginning, listing, changing, deleting, and what changed since.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use serde::{Deserialize, Serialize};
use sidetone_chat::{Deletion, Invited, NewThread, PAGE, Thread, ThreadChange};
use sidetone_signaling::Identifier;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::shape::{ChatMessage, ChatParticipant, ChatThread};
use super::{insider, thread, user};
use crate::api::caller::Caller;
use crate::api::input::{Body, Names, Query};
use crate::api::openapi::RawId;
use crate::api::page::{Page, PageQuery};
use crate::api::problem::Problem;
use crate::chat::meeting::new_id;
use crate::chat::{Chats, problem};
use crate::clock::wall_now;

pub(super) fn router() -> OpenApiRouter<Arc<Chats>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, edit, delete))
        .routes(routes!(changes))
}

/// Someone who is to take part.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct InvitedParticipant {
    /// Who. Members and external users are named in the same way.
    #[schema(value_type = RawId)]
    id: Identifier,
    /// A name for an external user who has none on record.
    #[schema(max_length = 256)]
    display_name: Option<String>,
}

impl From<InvitedParticipant> for Invited {
    fn from(one: InvitedParticipant) -> Self {
        Self {
            identity: one.id,
            name: one.display_name,
        }
    }
}

/// A thread to begin.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewChatThread {
    /// What it is about.
    #[serde(default)]
    #[schema(max_length = 250)]
    topic: String,
    /// Who takes part besides the caller.
    #[serde(default)]
    #[schema(max_items = 200)]
    participants: Vec<InvitedParticipant>,
    /// Whatever the application puts with it.
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    /// After how many days its messages are deleted; the organisations' policies hold besides.
    #[schema(minimum = 30, maximum = 90)]
    retention_days: Option<u32>,
    /// Asked twice with the same token, it is begun once, however much time lies between.
    #[schema(min_length = 1, max_length = 128)]
    idempotency_token: Option<String>,
}

/// A thread with the people in it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MadeThread {
    /// The thread.
    chat_thread: ChatThread,
    /// Who takes part, at most the first 200.
    participants: Vec<ChatParticipant>,
}

/// What changes about a thread. What is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ChatThreadChange {
    /// What it is about.
    #[schema(max_length = 250)]
    topic: Option<String>,
    /// Whatever the application puts with it, all of it.
    metadata: Option<BTreeMap<String, String>>,
}

/// How a thread is deleted.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
enum DeletionMode {
    /// The caller takes part no longer, and keeps what was said.
    Leave,
    /// The caller sees nothing of what was said so far.
    HideForMe,
    /// It is gone for everybody.
    ForAll,
    /// The members are removed and what was said is hidden from them. For external users.
    RemoveMembers,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct DeletionQuery {
    /// In which way; for all, or as the members' organisation has it, without.
    #[param(inline)]
    mode: Option<DeletionMode>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ChangesQuery {
    /// The version that the caller knows, 0 for none.
    #[serde(default)]
    #[param(minimum = 0)]
    since: u64,
    /// How many changes at most, 1 to 200; 200 without. What changed together stays together.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// What changed in a thread since a version, each thing once and as it is now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ChatChanges {
    /// The thread, where that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    thread: Option<ChatThread>,
    /// People who came, went or changed.
    participants: Vec<ChatParticipant>,
    /// Messages that were sent, edited or deleted, in the order in which they were.
    messages: Vec<ChatMessage>,
    /// Everything up to this version is told with these.
    version: u64,
    /// There is more: ask again with this version.
    more: bool,
}

/// Begins a thread.
#[utoipa::path(post, path = "/v1/chat/threads", tag = "chat", request_body = NewChatThread,
    responses((status = 201, body = MadeThread)))]
async fn create(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    body: Body,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<MadeThread>), Problem> {
    let actor = user(&caller)?;
    let new: NewChatThread = body.read()?;
    let wish = NewThread {
        id: new_id(),
        topic: new.topic,
        participants: new.participants.into_iter().map(Invited::from).collect(),
        metadata: new.metadata,
        retention_days: new.retention_days,
        token: new.idempotency_token,
    };
    let id = chats.create(&caller.actor, &actor, wish).await?;
    let made = chats
        .ask(id, |thread, context| {
            thread.reads(context, &actor)?;
            let people = thread.current().take(PAGE);
            let people = people.map(|one| thread.participant_shown(context.world, &actor.identity, one));
            Ok(MadeThread {
                chat_thread: thread.shown().into(),
                participants: people.map(ChatParticipant::from).collect(),
            })
        })
        .await?;
    let location = [(header::LOCATION, format!("/v1/chat/threads/{id}"))];
    Ok((StatusCode::CREATED, location, Json(made)))
}

/// The threads in which the caller takes part, or did, by id.
#[utoipa::path(get, path = "/v1/chat/threads", tag = "chat", params(PageQuery),
    responses((status = 200, body = Page<ChatThread>)))]
async fn list(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    query: Query,
) -> Result<Json<Page<ChatThread>>, Problem> {
    let actor = user(&caller)?;
    actor.may_chat().map_err(problem)?;
    let query: PageQuery = query.read()?;
    let mut threads = Vec::new();
    for entry in chats.threads.of(&actor.identity) {
        let shown = chats
            .ask(entry.id, |thread, context| {
                Ok(thread.is_listed(context, &actor).then(|| thread.shown()))
            })
            .await;
        // Gone meanwhile.
        threads.extend(shown.ok().flatten());
    }
    Ok(Json(query.page(
        threads.into_iter(),
        |thread| thread.id.to_string(),
        ChatThread::from,
    )?))
}

/// A thread.
#[utoipa::path(get, path = "/v1/chat/threads/{thread}", tag = "chat", params(("thread" = Uuid, Path)),
    responses((status = 200, body = ChatThread)))]
async fn show(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    Names((id,)): Names<(Uuid,)>,
) -> Result<Json<ChatThread>, Problem> {
    let actor = insider(&chats, &caller, id).await?;
    let shown = chats
        .ask(thread(id), |thread, context| {
            thread.reads(context, &actor)?;
            Ok(thread.shown())
        })
        .await?;
    Ok(Json(shown.into()))
}

/// Changes what is said of a thread as a whole.
#[utoipa::path(patch, path = "/v1/chat/threads/{thread}", tag = "chat", params(("thread" = Uuid, Path)),
    request_body = ChatThreadChange, responses((status = 200, body = ChatThread)))]
async fn edit(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    Names((id,)): Names<(Uuid,)>,
    body: Body,
) -> Result<Json<ChatThread>, Problem> {
    let actor = insider(&chats, &caller, id).await?;
    let change: ChatThreadChange = body.read()?;
    let change = ThreadChange {
        topic: change.topic,
        metadata: change.metadata,
    };
    chats
        .change(&caller.actor, thread(id), |thread, context| {
            thread.update(context, &actor, change)
        })
        .await?;
    let shown = chats.ask(thread(id), |thread, _| Ok(thread.shown())).await?;
    Ok(Json(shown.into()))
}

/// Deletes a thread, for oneself, for the members, or for all. What is stored ends as retention has it.
#[utoipa::path(delete, path = "/v1/chat/threads/{thread}", tag = "chat",
    params(("thread" = Uuid, Path), DeletionQuery), responses((status = 204)))]
async fn delete(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    Names((id,)): Names<(Uuid,)>,
    query: Query,
) -> Result<StatusCode, Problem> {
    let actor = insider(&chats, &caller, id).await?;
    let DeletionQuery { mode } = query.read()?;
    let how = mode.map(|mode| match mode {
        DeletionMode::Leave => Deletion::Leave,
        DeletionMode::HideForMe => Deletion::HideForMe,
        DeletionMode::ForAll => Deletion::ForAll,
        DeletionMode::RemoveMembers => Deletion::RemoveMembers,
    });
    let note = format!("by {}, {how:?}", actor.identity);
    chats
        .change(&caller.actor, thread(id), |thread, context| {
            thread.delete(context, &actor, how)
        })
        .await?;
    chats
        .audit(&caller.actor, "chat.thread.delete", thread(id), &note)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What changed in a thread since a version that the caller knows. Who was away asks this, and has everything, once.
#[utoipa::path(get, path = "/v1/chat/threads/{thread}/changes", tag = "chat",
    params(("thread" = Uuid, Path), ChangesQuery), responses((status = 200, body = ChatChanges)))]
async fn changes(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    Names((id,)): Names<(Uuid,)>,
    query: Query,
) -> Result<Json<ChatChanges>, Problem> {
    let actor = insider(&chats, &caller, id).await?;
    let query: ChangesQuery = query.read()?;
    let limit = crate::api::page::limit(Some(query.limit.unwrap_or(200)))?;
    let (shown, participants, changes) = chats
        .ask(thread(id), |thread, context| {
            let changes = thread.changes(context, &actor, query.since, limit)?;
            let people = changes
                .participants
                .iter()
                .filter_map(|one| thread.participant(one));
            let people: Vec<ChatParticipant> = people
                .map(|one| {
                    thread
                        .participant_shown(context.world, &actor.identity, one)
                        .into()
                })
                .collect();
            Ok((changes.thread.then(|| thread.shown().into()), people, changes))
        })
        .await?;
    let messages = chats.messages(thread(id), &actor, &changes.messages).await?;
    Ok(Json(ChatChanges {
        thread: shown,
        participants,
        messages: messages.into_iter().map(ChatMessage::from).collect(),
        version: changes.version,
        more: changes.more,
    }))
}

impl Chats {
    /// Begins a thread, or finds the one that was begun with the same token.
    async fn create(
        self: &Arc<Self>,
        by: &crate::api::caller::Actor,
        actor: &sidetone_chat::Actor,
        new: NewThread,
    ) -> Result<sidetone_signaling::protocol::chat::ThreadId, Problem> {
        let Some(token) = new.token.clone() else {
            return self.begin(by, |context| Thread::begin(context, actor, new)).await;
        };
        let _beginning = self.beginning.lock().await;
        if let Some(known) = self.threads.begun(&actor.identity, &token) {
            return Ok(known);
        }
        self.begin(by, |context| Thread::begin(context, actor, new)).await
    }

    /// Messages as somebody is shown them, in this order. Those that are gone meanwhile are left out.
    pub(super) async fn messages(
        self: &Arc<Self>,
        id: sidetone_signaling::protocol::chat::ThreadId,
        actor: &sidetone_chat::Actor,
        ids: &[u64],
    ) -> Result<Vec<sidetone_signaling::protocol::chat::ChatMessage>, Problem> {
        let Some(entry) = self.threads.find(id) else {
            return Ok(Vec::new());
        };
        let home = entry.read().record().home.region.clone();
        let messages = self.shelf.messages(id, &home, ids, wall_now()).await?;
        let world = self.registry.world();
        let thread = entry.read();
        Ok(messages
            .iter()
            .map(|message| thread.message_shown(&world, &actor.identity, message))
            .collect())
    }
}
