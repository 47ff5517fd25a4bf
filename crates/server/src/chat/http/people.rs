//! Who takes part.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sidetone_chat::Invited;
use sidetone_ledger::Timestamp;
use sidetone_signaling::Identifier;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::shape::ChatParticipant;
use super::threads::InvitedParticipant;
use super::{insider, thread};
use crate::api::caller::Caller;
use crate::api::input::{Body, Names, Query};
use crate::api::openapi::RawId;
use crate::api::page::{Page, PageQuery};
use crate::api::problem::Problem;
use crate::chat::Chats;

pub(super) fn router() -> OpenApiRouter<Arc<Chats>> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(remove))
}

/// Who is to be added.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AddedParticipants {
    /// Who. Those who take part already are left as they are.
    #[schema(max_items = 200)]
    participants: Vec<InvitedParticipant>,
    /// They see what was said since then; what is said from now on, without.
    share_history_time: Option<Timestamp>,
}

/// Those who are new.
#[derive(Serialize, ToSchema)]
struct NewParticipants {
    #[schema(value_type = Vec<RawId>)]
    added: Vec<Identifier>,
}

/// Who takes part, by raw id.
#[utoipa::path(get, path = "/v1/chat/threads/{thread}/participants", tag = "chat",
    params(("thread" = Uuid, Path), PageQuery), responses((status = 200, body = Page<ChatParticipant>)))]
async fn list(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    Names((id,)): Names<(Uuid,)>,
    query: Query,
) -> Result<Json<Page<ChatParticipant>>, Problem> {
    let actor = insider(&chats, &caller, id).await?;
    let query: PageQuery = query.read()?;
    let people = chats
        .ask(thread(id), |thread, context| {
            thread.reads(context, &actor)?;
            let mut people: Vec<_> = thread
                .current()
                .map(|one| thread.participant_shown(context.world, &actor.identity, one))
                .collect();
            people.sort_by_key(|one| one.identity.raw_id());
            Ok(people)
        })
        .await?;
    Ok(Json(query.page(
        people.into_iter(),
        |one| one.identity.raw_id(),
        ChatParticipant::from,
    )?))
}

/// Adds participants.
#[utoipa::path(post, path = "/v1/chat/threads/{thread}/participants", tag = "chat",
    params(("thread" = Uuid, Path)), request_body = AddedParticipants,
    responses((status = 200, body = NewParticipants)))]
async fn add(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    Names((id,)): Names<(Uuid,)>,
    body: Body,
) -> Result<Json<NewParticipants>, Problem> {
    let actor = insider(&chats, &caller, id).await?;
    let wish: AddedParticipants = body.read()?;
    let invited = wish.participants.into_iter().map(Invited::from).collect();
    let added = chats
        .change(&caller.actor, thread(id), |thread, context| {
            thread.add(context, &actor, invited, wish.share_history_time)
        })
        .await?;
    Ok(Json(NewParticipants { added }))
}

/// Removes a participant, who keeps what was said and sees nothing new. Of oneself: leaves.
#[utoipa::path(delete, path = "/v1/chat/threads/{thread}/participants/{participant}", tag = "chat",
    params(("thread" = Uuid, Path), ("participant" = RawId, Path)), responses((status = 204)))]
async fn remove(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    Names((id, whom)): Names<(Uuid, Identifier)>,
) -> Result<StatusCode, Problem> {
    let actor = insider(&chats, &caller, id).await?;
    chats
        .change(&caller.actor, thread(id), |thread, context| {
            thread.remove(context, &actor, &whom)
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
