//! The addresses of a resource, under which its events, subscriptions and dead letters are.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use sidetone_ledger::{Notification, Scope};
use sidetone_organisation::ResourceId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::desk::{
    Desk, LogQuery, MadeSubscription, NewSecret, NewSubscription, Replay, Replaying, Secretly,
    SubscriptionChange, SubscriptionList, SubscriptionView,
};
use crate::accounting::http::LogPage;
use crate::api::caller::Caller;
use crate::api::input::{Body, Names, Query};
use crate::api::problem::Problem;
use crate::events::{DeadLetter, SubscriptionId};

pub(super) fn router() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::new()
        .routes(routes!(resource_subscriptions, subscribe_resource))
        .routes(routes!(
            resource_subscription,
            change_resource_subscription,
            delete_resource_subscription
        ))
        .routes(routes!(rotate_resource_secret))
        .routes(routes!(replay_to_resource))
        .routes(routes!(resource_dead_letters))
        .routes(routes!(resource_events))
}

/// The event subscriptions of a resource.
#[utoipa::path(get, path = "/v1/resources/{resource}/subscriptions", tag = "events",
    params(("resource" = ResourceId, Path)),
    responses((status = 200, body = SubscriptionList)))]
async fn resource_subscriptions(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names((resource,)): Names<(ResourceId,)>,
) -> Result<Json<SubscriptionList>, Problem> {
    desk.list(&caller, &Scope::Resource(resource)).await
}

/// Has the events of a resource sent to an address.
#[utoipa::path(post, path = "/v1/resources/{resource}/subscriptions", tag = "events",
    params(("resource" = ResourceId, Path)), request_body = NewSubscription,
    responses((status = 201, body = MadeSubscription)))]
async fn subscribe_resource(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names((resource,)): Names<(ResourceId,)>,
    body: Body,
) -> Result<(StatusCode, Secretly<MadeSubscription>), Problem> {
    desk.create(&caller, Scope::Resource(resource), body).await
}

/// An event subscription of a resource.
#[utoipa::path(get, path = "/v1/resources/{resource}/subscriptions/{subscription}", tag = "events",
    params(("resource" = ResourceId, Path), ("subscription" = Uuid, Path)),
    responses((status = 200, body = SubscriptionView)))]
async fn resource_subscription(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names((resource, id)): Names<(ResourceId, SubscriptionId)>,
) -> Result<Json<SubscriptionView>, Problem> {
    desk.show(&caller, &Scope::Resource(resource), id).await
}

/// Changes an event subscription of a resource.
#[utoipa::path(patch, path = "/v1/resources/{resource}/subscriptions/{subscription}", tag = "events",
    params(("resource" = ResourceId, Path), ("subscription" = Uuid, Path)), request_body = SubscriptionChange,
    responses((status = 200, body = SubscriptionView)))]
async fn change_resource_subscription(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names((resource, id)): Names<(ResourceId, SubscriptionId)>,
    body: Body,
) -> Result<Json<SubscriptionView>, Problem> {
    desk.change(&caller, &Scope::Resource(resource), id, body).await
}

/// Deletes an event subscription of a resource.
#[utoipa::path(delete, path = "/v1/resources/{resource}/subscriptions/{subscription}", tag = "events",
    params(("resource" = ResourceId, Path), ("subscription" = Uuid, Path)),
    responses((status = 204)))]
async fn delete_resource_subscription(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names((resource, id)): Names<(ResourceId, SubscriptionId)>,
) -> Result<StatusCode, Problem> {
    desk.delete(&caller, &Scope::Resource(resource), id).await
}

/// Makes a new secret for a subscription of a resource. What is sent from now on is signed with it.
#[utoipa::path(post, path = "/v1/resources/{resource}/subscriptions/{subscription}/secret", tag = "events",
    params(("resource" = ResourceId, Path), ("subscription" = Uuid, Path)),
    responses((status = 200, body = NewSecret)))]
async fn rotate_resource_secret(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names((resource, id)): Names<(ResourceId, SubscriptionId)>,
) -> Result<Secretly<NewSecret>, Problem> {
    desk.rotate(&caller, &Scope::Resource(resource), id).await
}

/// Sends events of a resource again, from a number or a time on.
#[utoipa::path(post, path = "/v1/resources/{resource}/subscriptions/{subscription}/replay", tag = "events",
    params(("resource" = ResourceId, Path), ("subscription" = Uuid, Path)), request_body = Replay,
    responses((status = 202, body = Replaying)))]
async fn replay_to_resource(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names((resource, id)): Names<(ResourceId, SubscriptionId)>,
    body: Body,
) -> Result<(StatusCode, Json<Replaying>), Problem> {
    desk.replay(&caller, &Scope::Resource(resource), id, body).await
}

/// Events of a resource that the receiver of a subscription never took.
#[utoipa::path(get, path = "/v1/resources/{resource}/subscriptions/{subscription}/dead-letters", tag = "events",
    params(("resource" = ResourceId, Path), ("subscription" = Uuid, Path), LogQuery),
    responses((status = 200, body = LogPage<DeadLetter>)))]
async fn resource_dead_letters(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names((resource, id)): Names<(ResourceId, SubscriptionId)>,
    query: Query,
) -> Result<Json<LogPage<DeadLetter>>, Problem> {
    desk.dead(&caller, &Scope::Resource(resource), id, &query).await
}

/// The events of a resource, oldest first, for as long as they are kept.
#[utoipa::path(get, path = "/v1/resources/{resource}/events", tag = "events",
    params(("resource" = ResourceId, Path), LogQuery),
    responses((status = 200, body = LogPage<Notification>)))]
async fn resource_events(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names((resource,)): Names<(ResourceId,)>,
    query: Query,
) -> Result<Json<LogPage<Notification>>, Problem> {
    desk.events(&caller, &Scope::Resource(resource), &query).await
}
