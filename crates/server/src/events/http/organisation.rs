//! The addresses of an organisation, under which its events, subscriptions and dead letters are.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use sidetone_ledger::{Notification, Scope};
use sidetone_organisation::OrganisationId;
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
        .routes(routes!(organisation_subscriptions, subscribe_organisation))
        .routes(routes!(
            organisation_subscription,
            change_organisation_subscription,
            delete_organisation_subscription
        ))
        .routes(routes!(rotate_organisation_secret))
        .routes(routes!(replay_to_organisation))
        .routes(routes!(organisation_dead_letters))
        .routes(routes!(organisation_events))
}

/// The event subscriptions of an organisation.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/subscriptions", tag = "events",
    params(("organisation" = OrganisationId, Path)),
    responses((status = 200, body = SubscriptionList)))]
async fn organisation_subscriptions(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names((organisation,)): Names<(OrganisationId,)>,
) -> Result<Json<SubscriptionList>, Problem> {
    desk.list(&caller, &Scope::Organisation(organisation)).await
}

/// Has the events of an organisation sent to an address.
#[utoipa::path(post, path = "/v1/organisations/{organisation}/subscriptions", tag = "events",
    params(("organisation" = OrganisationId, Path)), request_body = NewSubscription,
    responses((status = 201, body = MadeSubscription)))]
async fn subscribe_organisation(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names((organisation,)): Names<(OrganisationId,)>,
    body: Body,
) -> Result<(StatusCode, Secretly<MadeSubscription>), Problem> {
    desk.create(&caller, Scope::Organisation(organisation), body)
        .await
}

/// An event subscription of an organisation.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/subscriptions/{subscription}", tag = "events",
    params(("organisation" = OrganisationId, Path), ("subscription" = Uuid, Path)),
    responses((status = 200, body = SubscriptionView)))]
async fn organisation_subscription(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names((organisation, id)): Names<(OrganisationId, SubscriptionId)>,
) -> Result<Json<SubscriptionView>, Problem> {
    desk.show(&caller, &Scope::Organisation(organisation), id).await
}

/// Changes an event subscription of an organisation.
#[utoipa::path(patch, path = "/v1/organisations/{organisation}/subscriptions/{subscription}", tag = "events",
    params(("organisation" = OrganisationId, Path), ("subscription" = Uuid, Path)), request_body = SubscriptionChange,
    responses((status = 200, body = SubscriptionView)))]
async fn change_organisation_subscription(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names((organisation, id)): Names<(OrganisationId, SubscriptionId)>,
    body: Body,
) -> Result<Json<SubscriptionView>, Problem> {
    desk.change(&caller, &Scope::Organisation(organisation), id, body)
        .await
}

/// Deletes an event subscription of an organisation.
#[utoipa::path(delete, path = "/v1/organisations/{organisation}/subscriptions/{subscription}", tag = "events",
    params(("organisation" = OrganisationId, Path), ("subscription" = Uuid, Path)),
    responses((status = 204)))]
async fn delete_organisation_subscription(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names((organisation, id)): Names<(OrganisationId, SubscriptionId)>,
) -> Result<StatusCode, Problem> {
    desk.delete(&caller, &Scope::Organisation(organisation), id).await
}

/// Makes a new secret for a subscription of an organisation. What is sent from now on is signed with it.
#[utoipa::path(post, path = "/v1/organisations/{organisation}/subscriptions/{subscription}/secret", tag = "events",
    params(("organisation" = OrganisationId, Path), ("subscription" = Uuid, Path)),
    responses((status = 200, body = NewSecret)))]
async fn rotate_organisation_secret(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names((organisation, id)): Names<(OrganisationId, SubscriptionId)>,
) -> Result<Secretly<NewSecret>, Problem> {
    desk.rotate(&caller, &Scope::Organisation(organisation), id).await
}

/// Sends events of an organisation again, from a number or a time on.
#[utoipa::path(post, path = "/v1/organisations/{organisation}/subscriptions/{subscription}/replay", tag = "events",
    params(("organisation" = OrganisationId, Path), ("subscription" = Uuid, Path)), request_body = Replay,
    responses((status = 202, body = Replaying)))]
async fn replay_to_organisation(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names((organisation, id)): Names<(OrganisationId, SubscriptionId)>,
    body: Body,
) -> Result<(StatusCode, Json<Replaying>), Problem> {
    desk.replay(&caller, &Scope::Organisation(organisation), id, body)
        .await
}

/// Events of an organisation that the receiver of a subscription never took.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/subscriptions/{subscription}/dead-letters", tag = "events",
    params(("organisation" = OrganisationId, Path), ("subscription" = Uuid, Path), LogQuery),
    responses((status = 200, body = LogPage<DeadLetter>)))]
async fn organisation_dead_letters(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names((organisation, id)): Names<(OrganisationId, SubscriptionId)>,
    query: Query,
) -> Result<Json<LogPage<DeadLetter>>, Problem> {
    desk.dead(&caller, &Scope::Organisation(organisation), id, &query)
        .await
}

/// The events of an organisation, oldest first, for as long as they are kept.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/events", tag = "events",
    params(("organisation" = OrganisationId, Path), LogQuery),
    responses((status = 200, body = LogPage<Notification>)))]
async fn organisation_events(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names((organisation,)): Names<(OrganisationId,)>,
    query: Query,
) -> Result<Json<LogPage<Notification>>, Problem> {
    desk.events(&caller, &Scope::Organisation(organisation), &query)
        .await
}
