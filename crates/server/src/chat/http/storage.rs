//! Where chat is kept, for who looks after it; and the hold that keeps all of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sidetone_chat::Item;
use sidetone_ledger::{Scope, Timestamp};
use sidetone_organisation::access::{Operation, Scope as Tenant};
use sidetone_organisation::{OrganisationId, ResourceId};
use sidetone_signaling::Identifier;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::thread;
use crate::api::caller::Caller;
use crate::api::input::{Body, Names, Query};
use crate::api::openapi::RawId;
use crate::api::page::{Page, PageQuery};
use crate::api::problem::Problem;
use crate::chat::{Chats, problem};
use crate::clock::wall_now;

pub(super) fn router() -> OpenApiRouter<Arc<Chats>> {
    OpenApiRouter::new()
        .routes(routes!(of_organisation))
        .routes(routes!(of_resource))
        .routes(routes!(hold))
}

/// What is kept of a thread in its home region.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct StoredThread {
    thread: Uuid,
    /// Where all of it is kept.
    region: String,
    /// How many messages are kept, those that were deleted and say nothing any more included.
    messages: u64,
    /// How many files are kept.
    files: u64,
    /// How many messages a hold keeps that were deleted or edited away.
    held: u64,
    /// After how many days messages and all copies of them are deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    retention_days: Option<u32>,
    /// Nothing of it is deleted from the store.
    hold: bool,
    /// The copies in other regions.
    copies: Vec<StoredCopy>,
}

/// A copy of an external user's newest message.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct StoredCopy {
    thread: Uuid,
    region: String,
    #[schema(value_type = RawId)]
    sender: Identifier,
    message: u64,
    /// When the message was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_on: Option<Timestamp>,
}

/// Whether a hold is on.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Hold {
    hold: bool,
}

/// What is kept of the chats that are at home in an organisation, thread by thread. Of what was said nothing is shown.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/chat/storage", tag = "chat",
    params(("organisation" = OrganisationId, Path), PageQuery),
    responses((status = 200, body = Page<StoredThread>)))]
async fn of_organisation(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    Names((organisation,)): Names<(OrganisationId,)>,
    query: Query,
) -> Result<Json<Page<StoredThread>>, Problem> {
    caller.may(&Operation::ReadChatStorage(Tenant::Organisation(
        organisation.clone(),
    )))?;
    let query: PageQuery = query.read()?;
    let mut entries = chats.threads.all();
    entries.retain(|entry| entry.read().record().home.organisation.as_ref() == Some(&organisation));
    entries.sort_by_key(|entry| entry.id);
    let mut stored = Vec::new();
    for entry in entries {
        // Gone meanwhile.
        let Ok(one) = chats
            .ask(entry.id, |thread, context| {
                let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
                Ok(StoredThread {
                    thread: thread.id().0,
                    region: thread.record().home.region.to_string(),
                    messages: count(thread.heads().count()),
                    files: count(thread.files().count()),
                    held: count(thread.held().count()),
                    retention_days: thread.retention_days(context.world),
                    hold: thread.is_held(context.world),
                    copies: thread
                        .copies()
                        .map(|(region, sender, message)| StoredCopy {
                            thread: thread.id().0,
                            region: region.to_string(),
                            sender: sender.clone(),
                            message,
                            created_on: None,
                        })
                        .collect(),
                })
            })
            .await
        else {
            continue;
        };
        stored.push(one);
    }
    Ok(Json(query.page(
        stored.into_iter(),
        |one| one.thread.to_string(),
        |one| one,
    )?))
}

/// The copies of the newest messages of a resource's users that are kept in the resource's region. Of what was said
/// nothing is shown.
#[utoipa::path(get, path = "/v1/resources/{resource}/chat/storage", tag = "chat",
    params(("resource" = ResourceId, Path), PageQuery), responses((status = 200, body = Page<StoredCopy>)))]
async fn of_resource(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    Names((resource,)): Names<(ResourceId,)>,
    query: Query,
) -> Result<Json<Page<StoredCopy>>, Problem> {
    caller.may(&Operation::ReadChatStorage(Tenant::Resource(resource.clone())))?;
    let query: PageQuery = query.read()?;
    let region = {
        let world = chats.registry.world();
        let resource = world.resource(&resource);
        resource
            .ok_or_else(|| Problem::not_found("resource"))?
            .region
            .clone()
    };
    let region = region.map(sidetone_chat::Region::from).unwrap_or_default();
    let copies = chats.shelf.copies(&region, wall_now()).await?;
    let own = copies.into_iter().filter_map(|(thread, item)| match item {
        Item::Copy(copy) => {
            let mine = sender_scope(&copy.message.sender) == Some(Scope::Resource(resource.clone()));
            mine.then(|| StoredCopy {
                thread: thread.0,
                region: copy.region.to_string(),
                sender: copy.message.sender.clone(),
                message: copy.message.id,
                created_on: Some(copy.message.created),
            })
        }
        _ => None,
    });
    Ok(Json(query.page(
        own,
        |one| format!("{}.{}", one.thread, one.sender),
        |one| one,
    )?))
}

fn sender_scope(sender: &Identifier) -> Option<Scope> {
    match sender {
        Identifier::ExternalUser { resource, .. } => Some(Scope::Resource(resource.clone().into())),
        _ => None,
    }
}

/// Puts a hold on a chat of the organisation, or takes it off: while it is on, nothing of the chat is deleted from the
/// store, and what people delete is hidden only.
#[utoipa::path(put, path = "/v1/organisations/{organisation}/chat/threads/{thread}/hold", tag = "chat",
    params(("organisation" = OrganisationId, Path), ("thread" = Uuid, Path)), request_body = Hold,
    responses((status = 204)))]
async fn hold(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    Names((organisation, id)): Names<(OrganisationId, Uuid)>,
    body: Body,
) -> Result<StatusCode, Problem> {
    caller.may(&Operation::HoldChat(organisation.clone()))?;
    let Hold { hold } = body.read()?;
    let own = chats
        .threads
        .find(thread(id))
        .is_some_and(|entry| entry.read().record().home.organisation.as_ref() == Some(&organisation));
    if !own {
        return Err(problem(sidetone_signaling::Reason::NO_SUCH_THREAD.into()));
    }
    let action = if hold { "chat.hold" } else { "chat.unhold" };
    chats.audit(&caller.actor, action, thread(id), "").await?;
    chats
        .change(&caller.actor, thread(id), |thread, _| Ok(thread.set_hold(hold)))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
