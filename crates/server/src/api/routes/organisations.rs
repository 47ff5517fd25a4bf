//! Organisations, and what the operator says of them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use serde::{Deserialize, Serialize};
use sidetone_organisation::access::Operation;
use sidetone_organisation::{
    Approval, ChatPolicy, MeetingPolicy, Organisation, OrganisationId, OrganisationKind, RecordingConsent,
    Switches,
};
use sidetone_signaling::identifier::Label;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Api, Patch, set, turn};
use crate::api::caller::Caller;
use crate::api::input::{Body, Names, Query};
use crate::api::keys::{KeyOwner, NewKey};
use crate::api::page::{Page, PageQuery};
use crate::api::precondition::{Precondition, Tagged};
use crate::api::problem::{Problem, ProblemType};
use crate::clock::wall_now;

pub(super) fn router() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, edit, delete))
        .routes(routes!(approve))
        .routes(routes!(refuse))
}

/// A new organisation.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewOrganisation {
    id: OrganisationId,
    /// Shown to people.
    #[schema(min_length = 1, max_length = 128)]
    name: String,
    #[serde(default)]
    kind: OrganisationKind,
    /// The cloud it lives in; this deployment's without.
    #[schema(value_type = Option<String>, example = "public", pattern = "^[A-Za-z0-9._-]{1,64}$")]
    cloud: Option<Label>,
    /// Where the chat of its meetings is kept: the name of a region.
    #[schema(value_type = Option<String>, example = "eu", pattern = "^[A-Za-z0-9._-]{1,64}$")]
    region: Option<Label>,
}

/// An organisation that was made, with the keys of its administrators. They cannot be shown again.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MadeOrganisation {
    organisation: Organisation,
    keys: Vec<NewKey>,
}

/// What an organisation changes about itself. What is absent stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OrganisationChange {
    /// Shown to people.
    #[schema(min_length = 1, max_length = 128)]
    name: Option<String>,
    /// Switches that it turns; the others stay.
    #[schema(value_type = Option<Switches>)]
    switches: Option<Patch<Switches>>,
    /// Whether people are asked before a call of its members is recorded or transcribed.
    recording_consent: Option<RecordingConsent>,
    /// What its meetings may be: the fields that it changes; the others stay.
    #[schema(value_type = Option<MeetingPolicy>)]
    meetings: Option<Patch<MeetingPolicy>>,
    /// Where the chat of meetings that begin from now on is kept: the name of a region.
    #[schema(value_type = Option<String>, example = "eu", pattern = "^[A-Za-z0-9._-]{1,64}$")]
    region: Option<Label>,
    /// What it decides about chat; what is absent stays.
    #[schema(value_type = Option<ChatPolicy>)]
    chat: Option<Patch<ChatPolicy>>,
}

/// Why an organisation is refused.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OrganisationRefusal {
    /// For the administrators of the organisation.
    #[schema(max_length = 500)]
    reason: String,
}

/// Organisations that the caller may read, by id.
#[utoipa::path(get, path = "/v1/organisations", tag = "organisations", params(PageQuery),
    responses((status = 200, body = Page<Organisation>)))]
async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    query: Query,
) -> Result<Json<Page<Organisation>>, Problem> {
    let page: PageQuery = query.read()?;
    let world = api.registry.world();
    let readable = |organisation: &&Organisation| {
        let read = Operation::ReadOrganisation(organisation.id.clone());
        caller.may(&read).is_ok()
    };
    let organisations = world.organisations().filter(readable);
    Ok(Json(page.page(
        organisations,
        |o| o.id.to_string(),
        Clone::clone,
    )?))
}

/// Makes an organisation, closed to external users. Its state of approval is as the deployment has it for new ones.
#[utoipa::path(post, path = "/v1/organisations", tag = "organisations", request_body = NewOrganisation,
    responses((status = 201, body = MadeOrganisation)))]
async fn create(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<MadeOrganisation>), Problem> {
    caller.may(&Operation::CreateOrganisation)?;
    let new: NewOrganisation = body.read()?;
    let (own_cloud, approval) = {
        let world = api.registry.world();
        (
            world.deployment().cloud.clone(),
            world.deployment().approval.initial(),
        )
    };
    let organisation = Organisation {
        id: new.id.clone(),
        name: new.name,
        kind: new.kind,
        cloud: new.cloud.unwrap_or(own_cloud),
        approval,
        switches: Switches::default(),
        recording_consent: RecordingConsent::default(),
        meetings: MeetingPolicy::default(),
        region: new.region,
        chat: ChatPolicy::default(),
    };
    let name = (new.id.clone(),);
    let create = |old: Option<&Organisation>| match old {
        None => Ok(organisation),
        Some(_) => Err(Problem::new(
            ProblemType::CONFLICT,
            "there is an organisation of this id",
        )),
    };
    let always = Precondition::default();
    let made = api
        .registry
        .edit(&caller.actor, "organisation.create", &name, &always, create)
        .await?;
    let owner = KeyOwner::Organisation {
        organisation: new.id.clone(),
    };
    let keys = api.keys.make_both(&owner, wall_now()).await?;
    let location = [(header::LOCATION, format!("/v1/organisations/{}", new.id))];
    let body = MadeOrganisation {
        organisation: made.value,
        keys,
    };
    Ok((StatusCode::CREATED, location, Json(body)))
}

/// An organisation.
#[utoipa::path(get, path = "/v1/organisations/{organisation}", tag = "organisations",
    params(("organisation" = OrganisationId, Path)),
    responses((status = 200, body = Organisation)))]
async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(OrganisationId,)>,
) -> Result<Tagged<Organisation>, Problem> {
    caller.may(&Operation::ReadOrganisation(name.0.clone()))?;
    api.registry.find(&name)
}

/// Changes an organisation's name and switches.
#[utoipa::path(patch, path = "/v1/organisations/{organisation}", tag = "organisations",
    params(("organisation" = OrganisationId, Path), ("If-Match" = Option<String>, Header)),
    request_body = OrganisationChange, responses((status = 200, body = Organisation)))]
async fn edit(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(OrganisationId,)>,
    precondition: Precondition,
    body: Body,
) -> Result<Tagged<Organisation>, Problem> {
    caller.may(&Operation::UpdateOrganisation(name.0.clone()))?;
    let change: OrganisationChange = body.read()?;
    let edit = |old: Option<&Organisation>| {
        let mut organisation = existing(old)?;
        set(&mut organisation.name, change.name);
        turn(&mut organisation.switches, change.switches);
        set(&mut organisation.recording_consent, change.recording_consent);
        turn(&mut organisation.meetings, change.meetings);
        set(&mut organisation.region, change.region.map(Some));
        turn(&mut organisation.chat, change.chat);
        Ok(organisation)
    };
    api.registry
        .edit(&caller.actor, "organisation.change", &name, &precondition, edit)
        .await
}

/// Deletes an organisation with everything in it. Its audit log stays.
#[utoipa::path(delete, path = "/v1/organisations/{organisation}", tag = "organisations",
    params(("organisation" = OrganisationId, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 204)))]
async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(OrganisationId,)>,
    precondition: Precondition,
) -> Result<StatusCode, Problem> {
    caller.may(&Operation::DeleteOrganisation(name.0.clone()))?;
    api.registry
        .delete::<Organisation>(&caller.actor, "organisation.delete", &name, &precondition)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The operator approves an organisation: it may deal with external users and other organisations.
#[utoipa::path(post, path = "/v1/organisations/{organisation}/approve", tag = "organisations",
    params(("organisation" = OrganisationId, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = Organisation)))]
async fn approve(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(OrganisationId,)>,
    precondition: Precondition,
) -> Result<Tagged<Organisation>, Problem> {
    caller.may(&Operation::DecideOnOrganisation(name.0.clone()))?;
    decide(
        &api,
        &caller,
        "organisation.approve",
        name,
        &precondition,
        Approval::Approved,
    )
    .await
}

/// The operator refuses an organisation.
#[utoipa::path(post, path = "/v1/organisations/{organisation}/refuse", tag = "organisations",
    params(("organisation" = OrganisationId, Path), ("If-Match" = Option<String>, Header)),
    request_body = OrganisationRefusal, responses((status = 200, body = Organisation)))]
async fn refuse(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(OrganisationId,)>,
    precondition: Precondition,
    body: Body,
) -> Result<Tagged<Organisation>, Problem> {
    caller.may(&Operation::DecideOnOrganisation(name.0.clone()))?;
    let OrganisationRefusal { reason } = body.read()?;
    let refused = Approval::Refused { reason };
    decide(&api, &caller, "organisation.refuse", name, &precondition, refused).await
}

async fn decide(
    api: &Api,
    caller: &Caller,
    action: &str,
    name: (OrganisationId,),
    precondition: &Precondition,
    approval: Approval,
) -> Result<Tagged<Organisation>, Problem> {
    let edit = |old: Option<&Organisation>| {
        let organisation = existing(old)?;
        Ok(Organisation {
            approval,
            ..organisation
        })
    };
    api.registry
        .edit(&caller.actor, action, &name, precondition, edit)
        .await
}

fn existing(old: Option<&Organisation>) -> Result<Organisation, Problem> {
    old.cloned().ok_or_else(|| Problem::not_found("organisation"))
}
