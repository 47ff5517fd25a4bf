//! The directory: members of an organisation, found by id or by what people type.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sidetone_organisation::access::Operation;
use sidetone_organisation::{
    ExternalAccessPolicy, ExternalKey, GroupId, Member, MemberId, MemberMode, OrganisationId,
    OrganisationRole, PolicyName, PolicyOrigin, Routing,
};
use sidetone_signaling::Identifier;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Api, present, set};
use crate::api::caller::Caller;
use crate::api::input::{Body, Names, Query};
use crate::api::openapi::RawId;
use crate::api::page::{self, Page};
use crate::api::precondition::{Precondition, Tagged};
use crate::api::problem::{Problem, ProblemType};

/// Longest text to search for, in characters.
const MAX_QUERY: usize = 200;

pub(super) fn router() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, put, edit, delete))
        .routes(routes!(effective_policy))
        .routes(routes!(set_routing))
}

/// Which members.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct MemberQuery {
    /// Words that occur in name, id or attributes. Capitals and accents make no difference.
    #[param(max_length = 200)]
    query: Option<String>,
    /// Entries on the page, 1 to 200; 50 without.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before; the first page without.
    after: Option<MemberId>,
}

/// A member as a whole. What is absent takes its default.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewMember {
    /// The name everybody sees.
    #[schema(min_length = 1, max_length = 128)]
    display_name: String,
    /// Whatever else the directory has: department, city, telephone.
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    /// A guest in the directory, and not one of the organisation's own.
    #[serde(default)]
    guest: bool,
    #[serde(default)]
    mode: MemberMode,
    /// The policy assigned to the member itself.
    #[serde(default)]
    policy: Option<PolicyName>,
    #[serde(default)]
    #[schema(max_items = 64)]
    groups: BTreeSet<GroupId>,
    #[serde(default)]
    roles: BTreeSet<OrganisationRole>,
    #[serde(default)]
    routing: Routing,
    /// Who may call on the member's behalf.
    #[serde(default)]
    #[schema(value_type = Vec<RawId>, max_items = 64)]
    delegates: BTreeSet<Identifier>,
    /// After how many days chat in which the member takes part is deleted; the organisation's retention holds besides.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 36_500)]
    chat_retention_days: Option<u32>,
    /// The key of the entry in the directory that it is imported from.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    source: Option<String>,
}

/// A change of a member. What is absent stays as it is; `policy`, `chatRetentionDays` and `source` can be null to have none.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MemberChange {
    /// The name everybody sees.
    #[schema(min_length = 1, max_length = 128)]
    display_name: Option<String>,
    /// All attributes.
    attributes: Option<BTreeMap<String, String>>,
    /// A guest in the directory.
    guest: Option<bool>,
    mode: Option<MemberMode>,
    /// The policy assigned to the member itself.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<PolicyName>)]
    policy: Option<Option<PolicyName>>,
    /// All groups.
    #[schema(max_items = 64)]
    groups: Option<BTreeSet<GroupId>>,
    roles: Option<BTreeSet<OrganisationRole>>,
    routing: Option<Routing>,
    /// All who may call on the member's behalf.
    #[schema(value_type = Option<Vec<RawId>>, max_items = 64)]
    delegates: Option<BTreeSet<Identifier>>,
    /// After how many days chat in which the member takes part is deleted; the organisation's retention holds besides.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 36_500)]
    chat_retention_days: Option<Option<u32>>,
    /// The key of the entry in the directory that it is imported from.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    source: Option<Option<String>>,
}

/// A member, as far as the caller may see.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ShownMember {
    /// The directory's object id. Never changes.
    id: MemberId,
    /// The name everybody sees.
    display_name: String,
    /// Whatever else the directory has.
    attributes: BTreeMap<String, String>,
    /// A guest in the directory.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    guest: bool,
    mode: MemberMode,
    /// The policy assigned to the member itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<PolicyName>,
    groups: BTreeSet<GroupId>,
    roles: BTreeSet<OrganisationRole>,
    /// Where the member's calls go. Absent for who may not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    routing: Option<Routing>,
    /// Who may call on the member's behalf. Absent for who may not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<RawId>>)]
    delegates: Option<BTreeSet<Identifier>>,
    /// After how many days chat in which the member takes part is deleted; the organisation's retention holds besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    chat_retention_days: Option<u32>,
    /// The key of the entry in the directory that it is imported from.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<ExternalKey>,
}

impl ShownMember {
    fn new(member: Member, organisation: &OrganisationId, caller: &Caller) -> Self {
        let routing = Operation::ReadRouting(organisation.clone(), member.id.clone());
        let whole = caller.may(&routing).is_ok();
        Self {
            id: member.id,
            display_name: member.display_name,
            attributes: member.attributes,
            guest: member.guest,
            mode: member.mode,
            policy: member.policy,
            groups: member.groups,
            roles: member.roles,
            routing: whole.then_some(member.routing),
            delegates: whole.then_some(member.delegates),
            chat_retention_days: member.chat_retention_days,
            source: member.source,
        }
    }
}

/// The one policy that holds for a member.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EffectivePolicy {
    policy: ExternalAccessPolicy,
    /// Why it is that one.
    origin: PolicyOrigin,
}

/// Members of an organisation, by id. Their `id` is what calls are addressed to: `member:<organisation>:<id>`.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/members", tag = "directory",
    params(("organisation" = OrganisationId, Path), MemberQuery),
    responses((status = 200, body = Page<ShownMember>)))]
async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names((organisation,)): Names<(OrganisationId,)>,
    query: Query,
) -> Result<Json<Page<ShownMember>>, Problem> {
    caller.may(&Operation::ReadMembers(organisation.clone()))?;
    let query: MemberQuery = query.read()?;
    let limit = page::limit(query.limit)?;
    let words = query.query.unwrap_or_default();
    if words.chars().count() > MAX_QUERY {
        let detail = format!("query is longer than {MAX_QUERY} characters");
        return Err(Problem::new(ProblemType::MALFORMED, detail));
    }
    let world = api.registry.world();
    // One more than fits tells whether there is another page.
    let found = world.search_members(&organisation, &words, query.after.as_ref(), limit + 1);
    let more = found.len() > limit;
    let shown = |member: &Member| ShownMember::new(member.clone(), &organisation, &caller);
    let items: Vec<ShownMember> = found.into_iter().take(limit).map(shown).collect();
    let next = items.last().filter(|_| more).map(|member| member.id.to_string());
    Ok(Json(Page { items, next }))
}

/// A member.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/members/{member}", tag = "directory",
    params(("organisation" = OrganisationId, Path), ("member" = MemberId, Path)),
    responses((status = 200, body = ShownMember)))]
async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, MemberId)>,
) -> Result<Tagged<ShownMember>, Problem> {
    caller.may(&Operation::ReadMembers(name.0.clone()))?;
    let found = api.registry.find::<Member>(&name)?;
    Ok(found.map(|member| ShownMember::new(member, &name.0, &caller)))
}

/// Makes or replaces a member.
#[utoipa::path(put, path = "/v1/organisations/{organisation}/members/{member}", tag = "directory",
    params(("organisation" = OrganisationId, Path), ("member" = MemberId, Path),
        ("If-Match" = Option<String>, Header), ("If-None-Match" = Option<String>, Header)),
    request_body = NewMember,
    responses((status = 200, body = ShownMember), (status = 201, body = ShownMember)))]
async fn put(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, MemberId)>,
    precondition: Precondition,
    body: Body,
) -> Result<Tagged<ShownMember>, Problem> {
    caller.may(&Operation::WriteMembers(name.0.clone()))?;
    let new: NewMember = body.read()?;
    let member = Member {
        id: name.1.clone(),
        display_name: new.display_name,
        attributes: new.attributes,
        guest: new.guest,
        mode: new.mode,
        policy: new.policy,
        groups: new.groups,
        roles: new.roles,
        routing: new.routing,
        delegates: new.delegates,
        chat_retention_days: new.chat_retention_days,
        source: directory_key(new.source)?,
    };
    let stored = api
        .registry
        .edit(&caller.actor, "member.put", &name, &precondition, |_| Ok(member))
        .await?;
    Ok(stored.map(|member| ShownMember::new(member, &name.0, &caller)))
}

/// Changes a member.
#[utoipa::path(patch, path = "/v1/organisations/{organisation}/members/{member}", tag = "directory",
    params(("organisation" = OrganisationId, Path), ("member" = MemberId, Path),
        ("If-Match" = Option<String>, Header)),
    request_body = MemberChange, responses((status = 200, body = ShownMember)))]
async fn edit(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, MemberId)>,
    precondition: Precondition,
    body: Body,
) -> Result<Tagged<ShownMember>, Problem> {
    caller.may(&Operation::WriteMembers(name.0.clone()))?;
    let change: MemberChange = body.read()?;
    let source = change.source.map(directory_key).transpose()?;
    let edit = |old: Option<&Member>| {
        let mut member = existing(old)?;
        set(&mut member.display_name, change.display_name);
        set(&mut member.attributes, change.attributes);
        set(&mut member.guest, change.guest);
        set(&mut member.mode, change.mode);
        set(&mut member.policy, change.policy);
        set(&mut member.groups, change.groups);
        set(&mut member.roles, change.roles);
        set(&mut member.routing, change.routing);
        set(&mut member.delegates, change.delegates);
        set(&mut member.chat_retention_days, change.chat_retention_days);
        set(&mut member.source, source);
        Ok(member)
    };
    let stored = api
        .registry
        .edit(&caller.actor, "member.change", &name, &precondition, edit)
        .await?;
    Ok(stored.map(|member| ShownMember::new(member, &name.0, &caller)))
}

/// Deletes a member.
#[utoipa::path(delete, path = "/v1/organisations/{organisation}/members/{member}", tag = "directory",
    params(("organisation" = OrganisationId, Path), ("member" = MemberId, Path),
        ("If-Match" = Option<String>, Header)),
    responses((status = 204)))]
async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, MemberId)>,
    precondition: Precondition,
) -> Result<StatusCode, Problem> {
    caller.may(&Operation::WriteMembers(name.0.clone()))?;
    api.registry
        .delete::<Member>(&caller.actor, "member.delete", &name, &precondition)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The one external-access policy that holds for a member: assigned to the member, to one of its groups, or `global`.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/members/{member}/effective-policy", tag = "policies",
    params(("organisation" = OrganisationId, Path), ("member" = MemberId, Path)),
    responses((status = 200, body = EffectivePolicy)))]
async fn effective_policy(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names((organisation, member)): Names<(OrganisationId, MemberId)>,
) -> Result<Json<EffectivePolicy>, Problem> {
    caller.may(&Operation::ReadPolicies(organisation.clone()))?;
    let world = api.registry.world();
    let (policy, origin) = world
        .effective_policy(&organisation, &member)
        .ok_or_else(|| Problem::not_found("member"))?;
    Ok(Json(EffectivePolicy {
        policy: policy.clone(),
        origin,
    }))
}

/// Sets where a member's calls go. Members may do this for themselves.
#[utoipa::path(put, path = "/v1/organisations/{organisation}/members/{member}/routing", tag = "directory",
    params(("organisation" = OrganisationId, Path), ("member" = MemberId, Path),
        ("If-Match" = Option<String>, Header)),
    request_body = Routing, responses((status = 200, body = ShownMember)))]
async fn set_routing(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, MemberId)>,
    precondition: Precondition,
    body: Body,
) -> Result<Tagged<ShownMember>, Problem> {
    caller.may(&Operation::WriteRouting(name.0.clone(), name.1.clone()))?;
    let routing: Routing = body.read()?;
    let edit = |old: Option<&Member>| {
        let member = existing(old)?;
        Ok(Member { routing, ..member })
    };
    let stored = api
        .registry
        .edit(&caller.actor, "member.routing", &name, &precondition, edit)
        .await?;
    Ok(stored.map(|member| ShownMember::new(member, &name.0, &caller)))
}

/// A key of another directory: read here, so that a bad one is against the rules and not unreadable.
fn directory_key(text: Option<String>) -> Result<Option<ExternalKey>, Problem> {
    Ok(text.map(|text| text.parse::<ExternalKey>()).transpose()?)
}

fn existing(old: Option<&Member>) -> Result<Member, Problem> {
    old.cloned().ok_or_else(|| Problem::not_found("member"))
}
