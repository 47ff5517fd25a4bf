//! The users of a resource, as the directory has them. Making identities with tokens is another module's business.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use sidetone_organisation::access::Operation;
use sidetone_organisation::{ExternalUser, ResourceId};
use sidetone_signaling::identifier::Label;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use crate::api::caller::Caller;
use crate::api::input::{Body, Names, Query};
use crate::api::page::{Page, PageQuery};
use crate::api::precondition::{Precondition, Tagged};
use crate::api::problem::Problem;

pub(super) fn router() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, put, delete))
}

/// What is known of an external user.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ExternalUserFields {
    /// Its name where the application gives none at the call.
    #[serde(default)]
    #[schema(max_length = 128)]
    display_name: Option<String>,
    /// Whether it is to be shown as a bot.
    #[serde(default)]
    bot: bool,
}

/// The users of a resource, by id. Each can be called as `external:<resource>:<user>`.
#[utoipa::path(get, path = "/v1/resources/{resource}/external-users", tag = "resources",
    params(("resource" = ResourceId, Path), PageQuery),
    responses((status = 200, body = Page<ExternalUser>)))]
async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names((resource,)): Names<(ResourceId,)>,
    query: Query,
) -> Result<Json<Page<ExternalUser>>, Problem> {
    caller.may(&Operation::ReadIdentities(resource.clone()))?;
    let page: PageQuery = query.read()?;
    let world = api.registry.world();
    let users = world.external_users(&resource);
    Ok(Json(page.page(
        users,
        |user| user.user.to_string(),
        Clone::clone,
    )?))
}

/// An external user.
#[utoipa::path(get, path = "/v1/resources/{resource}/external-users/{user}", tag = "resources",
    params(("resource" = ResourceId, Path), ("user" = String, Path)),
    responses((status = 200, body = ExternalUser)))]
async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(ResourceId, Label)>,
) -> Result<Tagged<ExternalUser>, Problem> {
    caller.may(&Operation::ReadIdentities(name.0.clone()))?;
    api.registry.find(&name)
}

/// Makes or replaces an external user.
#[utoipa::path(put, path = "/v1/resources/{resource}/external-users/{user}", tag = "resources",
    params(("resource" = ResourceId, Path), ("user" = String, Path),
        ("If-Match" = Option<String>, Header), ("If-None-Match" = Option<String>, Header)),
    request_body = ExternalUserFields,
    responses((status = 200, body = ExternalUser), (status = 201, body = ExternalUser)))]
async fn put(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(ResourceId, Label)>,
    precondition: Precondition,
    body: Body,
) -> Result<Tagged<ExternalUser>, Problem> {
    caller.may(&Operation::WriteIdentities(name.0.clone()))?;
    let fields: ExternalUserFields = body.read()?;
    let user = ExternalUser {
        resource: name.0.clone(),
        user: name.1.clone(),
        display_name: fields.display_name,
        bot: fields.bot,
    };
    api.registry
        .edit(&caller.actor, "external-user.put", &name, &precondition, |_| {
            Ok(user)
        })
        .await
}

/// Deletes an external user.
#[utoipa::path(delete, path = "/v1/resources/{resource}/external-users/{user}", tag = "resources",
    params(("resource" = ResourceId, Path), ("user" = String, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 204)))]
async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(ResourceId, Label)>,
    precondition: Precondition,
) -> Result<StatusCode, Problem> {
    caller.may(&Operation::WriteIdentities(name.0.clone()))?;
    api.registry
        .delete::<ExternalUser>(&caller.actor, "external-user.delete", &name, &precondition)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
