//! Answers to cards, and messages in another language.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::card::{CardAnswer, CardAnswers, NewCardAnswer, Translation};
use super::{insider, thread};
use crate::api::caller::Caller;
use crate::api::input::{Body, Names};
use crate::api::problem::Problem;
use crate::chat::Chats;
use crate::clock::wall_now;

pub(super) fn router() -> OpenApiRouter<Arc<Chats>> {
    OpenApiRouter::new()
        .routes(routes!(list, answer))
        .routes(routes!(translate))
}

/// Answers the card of a message, which its sender is told. For whoever takes part, but for the sender; of each the newest
/// answer counts.
#[utoipa::path(post, path = "/v1/chat/threads/{thread}/messages/{message}/answers", tag = "chat",
    params(("thread" = Uuid, Path), ("message" = u64, Path)),
    request_body = NewCardAnswer, responses((status = 204)))]
async fn answer(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    Names((id, message)): Names<(Uuid, u64)>,
    body: Body,
) -> Result<StatusCode, Problem> {
    let actor = insider(&chats, &caller, id).await?;
    let NewCardAnswer { action, value } = body.read()?;
    let answer = |thread: &mut sidetone_chat::Thread, context: sidetone_chat::Context<'_>, kept| {
        thread.answer(context, &actor, &kept, &action, &value)
    };
    chats
        .change_message(&caller.actor, thread(id), message, answer, &actor)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The answers to the card of a message: all for its sender, for others their own.
#[utoipa::path(get, path = "/v1/chat/threads/{thread}/messages/{message}/answers", tag = "chat",
    params(("thread" = Uuid, Path), ("message" = u64, Path)), responses((status = 200, body = CardAnswers)))]
async fn list(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    Names((id, message)): Names<(Uuid, u64)>,
) -> Result<Json<CardAnswers>, Problem> {
    let actor = insider(&chats, &caller, id).await?;
    let who = chats
        .ask(thread(id), |thread, context| {
            thread.answered_by(context, &actor, message)
        })
        .await?;
    let home = chats.home(thread(id))?;
    let answers = chats
        .shelf
        .answers(thread(id), &home, message, &who, wall_now())
        .await?;
    let shown = chats
        .ask(thread(id), |thread, context| {
            let shown = |answer| thread.answer_shown(context.world, &actor.identity, answer);
            Ok(answers.iter().map(shown).map(CardAnswer::from).collect())
        })
        .await?;
    Ok(Json(CardAnswers { items: shown }))
}

/// A message in another language, where the operator has a service for it. `language` is a tag of BCP 47.
#[utoipa::path(get, path = "/v1/chat/threads/{thread}/messages/{message}/translations/{language}", tag = "chat",
    params(("thread" = Uuid, Path), ("message" = u64, Path), ("language" = String, Path)),
    responses((status = 200, body = Translation)))]
async fn translate(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    Names((id, message, language)): Names<(Uuid, u64, String)>,
) -> Result<Json<Translation>, Problem> {
    let actor = insider(&chats, &caller, id).await?;
    let translation = chats.translated(&actor, thread(id), message, &language).await?;
    Ok(Json(translation.into()))
}
