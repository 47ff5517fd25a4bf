//! Typing, and up to where everybody has read.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sidetone_chat::Receipts;
use sidetone_ledger::Timestamp;
use sidetone_signaling::Identifier;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{insider, thread};
use crate::api::caller::Caller;
use crate::api::input::{Body, Names};
use crate::api::openapi::RawId;
use crate::api::problem::Problem;
use crate::chat::Chats;

pub(super) fn router() -> OpenApiRouter<Arc<Chats>> {
    OpenApiRouter::new()
        .routes(routes!(typing))
        .routes(routes!(list, read))
}

/// Up to where the caller has read.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewReadReceipt {
    /// The message.
    #[schema(minimum = 1)]
    message: u64,
}

/// Up to where somebody has read.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ReadReceipt {
    #[schema(value_type = RawId)]
    reader: Identifier,
    /// The message.
    message: u64,
    read_on: Timestamp,
}

/// How many have read up to a message, or further.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ReadCount {
    message: u64,
    read_by: u32,
}

/// The receipts of a thread: each reader's, or in a thread of more than twenty numbers.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ReadReceipts {
    /// Each reader's. Empty where there are numbers.
    receipts: Vec<ReadReceipt>,
    /// At each place, how many have read up to there, the oldest place first.
    counts: Vec<ReadCount>,
}

/// Tells the others that the caller types.
#[utoipa::path(post, path = "/v1/chat/threads/{thread}/typing", tag = "chat", params(("thread" = Uuid, Path)),
    responses((status = 204)))]
async fn typing(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    Names((id,)): Names<(Uuid,)>,
) -> Result<StatusCode, Problem> {
    let actor = insider(&chats, &caller, id).await?;
    chats
        .change(&caller.actor, thread(id), |thread, context| {
            thread.types(context, &actor)
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says up to where the caller has read.
#[utoipa::path(post, path = "/v1/chat/threads/{thread}/read-receipts", tag = "chat",
    params(("thread" = Uuid, Path)), request_body = NewReadReceipt, responses((status = 204)))]
async fn read(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    Names((id,)): Names<(Uuid,)>,
    body: Body,
) -> Result<StatusCode, Problem> {
    let actor = insider(&chats, &caller, id).await?;
    let NewReadReceipt { message } = body.read()?;
    chats
        .change(&caller.actor, thread(id), |thread, context| {
            thread.read(context, &actor, message)
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Up to where everybody has read.
#[utoipa::path(get, path = "/v1/chat/threads/{thread}/read-receipts", tag = "chat",
    params(("thread" = Uuid, Path)), responses((status = 200, body = ReadReceipts)))]
async fn list(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    Names((id,)): Names<(Uuid,)>,
) -> Result<Json<ReadReceipts>, Problem> {
    let actor = insider(&chats, &caller, id).await?;
    let receipts = chats
        .ask(thread(id), |thread, context| thread.receipts(context, &actor))
        .await?;
    let (each, counts) = match receipts {
        Receipts::Each(each) => (each, Vec::new()),
        Receipts::Counts(counts) => (Vec::new(), counts),
    };
    let each = each.into_iter().map(|(reader, read)| ReadReceipt {
        reader,
        message: read.message,
        read_on: read.at,
    });
    let counts = counts
        .into_iter()
        .map(|(message, read_by)| ReadCount { message, read_by });
    Ok(Json(ReadReceipts {
        receipts: each.collect(),
        counts: counts.collect(),
    }))
}
