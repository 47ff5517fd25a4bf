//! The federation configuration: exactly one for each organisation, so it can be changed and never made.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use sidetone_organisation::access::Operation;
use sidetone_organisation::{Approval, Federation, OrganisationId, ResourceId};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Api, set};
use crate::api::caller::Caller;
use crate::api::input::{Body, Names};
use crate::api::precondition::{Precondition, Tagged};
use crate::api::problem::{Problem, ProblemType};

pub(super) fn router() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(show, replace, edit, create))
}

/// The whole configuration.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewFederation {
    /// Whether external users may deal with this organisation at all.
    enable_external_users: bool,
    /// Immutable ids of the resources whose users may.
    #[schema(max_items = 1000)]
    allowed_resources: BTreeSet<ResourceId>,
}

/// A change of the configuration. What is absent stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FederationChange {
    enable_external_users: Option<bool>,
    /// Resources to put on the allow-list.
    #[serde(default)]
    #[schema(max_items = 1000)]
    allow: BTreeSet<ResourceId>,
    /// Resources to take off the allow-list.
    #[serde(default)]
    #[schema(max_items = 1000)]
    disallow: BTreeSet<ResourceId>,
}

/// Who is not approved has nobody to deal with.
///
/// # Errors
/// [`ProblemType::NOT_APPROVED`].
fn approved(api: &Api, organisation: &OrganisationId) -> Result<(), Problem> {
    let approval = api
        .registry
        .world()
        .organisation(organisation)
        .map(|found| found.approval.clone());
    let detail = match approval {
        // One that is not there is told apart where it is looked for.
        None | Some(Approval::Approved) => return Ok(()),
        Some(Approval::Pending) => "OrganisationNotApproved: the operator has not approved it yet".to_owned(),
        Some(Approval::Refused { reason }) => {
            format!("OrganisationNotApproved: the operator refused it: {reason}")
        }
    };
    Err(Problem::new(ProblemType::NOT_APPROVED, detail))
}

/// The federation configuration of an organisation.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/federation", tag = "federation",
    params(("organisation" = OrganisationId, Path)),
    responses((status = 200, body = Federation)))]
async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(OrganisationId,)>,
) -> Result<Tagged<Federation>, Problem> {
    caller.may(&Operation::ReadFederation(name.0.clone()))?;
    api.registry.find(&name)
}

/// Sets the whole federation configuration. It is not made by this: it has always been there.
#[utoipa::path(put, path = "/v1/organisations/{organisation}/federation", tag = "federation",
    params(("organisation" = OrganisationId, Path), ("If-Match" = Option<String>, Header)),
    request_body = NewFederation, responses((status = 200, body = Federation)))]
async fn replace(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(OrganisationId,)>,
    precondition: Precondition,
    body: Body,
) -> Result<Tagged<Federation>, Problem> {
    caller.may(&Operation::SetFederation(name.0.clone()))?;
    let new: NewFederation = body.read()?;
    approved(&api, &name.0)?;
    let federation = Federation {
        enable_external_users: new.enable_external_users,
        allowed_resources: new.allowed_resources,
    };
    let edit = |old: Option<&Federation>| existing(old).map(|_| federation);
    api.registry
        .edit(&caller.actor, "federation.put", &name, &precondition, edit)
        .await
}

/// Changes the federation configuration: the switch, and entries of the allow-list.
#[utoipa::path(patch, path = "/v1/organisations/{organisation}/federation", tag = "federation",
    params(("organisation" = OrganisationId, Path), ("If-Match" = Option<String>, Header)),
    request_body = FederationChange, responses((status = 200, body = Federation)))]
async fn edit(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(OrganisationId,)>,
    precondition: Precondition,
    body: Body,
) -> Result<Tagged<Federation>, Problem> {
    caller.may(&Operation::SetFederation(name.0.clone()))?;
    let change: FederationChange = body.read()?;
    approved(&api, &name.0)?;
    if let Some(both) = change.allow.intersection(&change.disallow).next() {
        let detail = format!("{both} is to be put on the list and taken off it");
        return Err(Problem::new(ProblemType::INVALID, detail));
    }
    let edit = |old: Option<&Federation>| {
        let mut federation = existing(old)?;
        set(
            &mut federation.enable_external_users,
            change.enable_external_users,
        );
        federation.allowed_resources.extend(change.allow);
        federation
            .allowed_resources
            .retain(|id| !change.disallow.contains(id));
        Ok(federation)
    };
    api.registry
        .edit(&caller.actor, "federation.change", &name, &precondition, edit)
        .await
}

/// Always refused: an organisation has exactly one federation configuration, which can be changed, not duplicated.
#[utoipa::path(post, path = "/v1/organisations/{organisation}/federation", tag = "federation",
    params(("organisation" = OrganisationId, Path)),
    responses((status = 409, body = crate::api::problem::ProblemDetails, content_type = "application/problem+json")))]
async fn create(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(OrganisationId,)>,
) -> Result<(), Problem> {
    caller.may(&Operation::SetFederation(name.0.clone()))?;
    api.registry.find::<Federation>(&name)?;
    Err(Problem::new(
        ProblemType::CONFLICT,
        "the organisation has its one federation configuration: change it with PUT or PATCH",
    ))
}

fn existing(old: Option<&Federation>) -> Result<Federation, Problem> {
    old.cloned().ok_or_else(|| Problem::not_found("organisation"))
}
