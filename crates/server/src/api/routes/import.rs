//! Importing many members from another directory. Its key for an entry is kept, so that the next import changes the
//! same member (spec R24); a new member's id is made of that key, so that even after a deletion it comes back alike.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use axum::Json;
use axum::extract::{DefaultBodyLimit, State};
use serde::{Deserialize, Serialize};
use sidetone_organisation::access::Operation;
use sidetone_organisation::{
    ExternalKey, GroupId, Member, MemberId, MemberMode, OrganisationId, PolicyName, World,
};
use utoipa::ToSchema;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

use super::{Api, set};
use crate::api::MAX_IMPORT_BYTES;
use crate::api::caller::Caller;
use crate::api::input::{Body, Names};
use crate::api::problem::{Problem, ProblemType};
use crate::api::registry::Edited;

/// Entries of one import.
const MAX_ROWS: usize = 1_000;

pub(super) fn router() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(import).layer(DefaultBodyLimit::max(MAX_IMPORT_BYTES)))
}

/// Members to import.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Import {
    #[schema(max_items = 1000)]
    members: Vec<ImportedMember>,
}

/// One entry of another directory.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ImportedMember {
    /// The other directory's own key for the entry, which must not change there. 1 to 256 characters.
    key: String,
    /// The id that a new member is to have; made of the key without.
    id: Option<MemberId>,
    /// The name everybody sees. 1 to 128 characters.
    display_name: String,
    /// Replaces all attributes where given.
    attributes: Option<BTreeMap<String, String>>,
    mode: Option<MemberMode>,
    policy: Option<PolicyName>,
    groups: Option<BTreeSet<GroupId>>,
}

/// What became of an import.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ImportReport {
    created: usize,
    updated: usize,
    unchanged: usize,
    failed: usize,
    /// One for each entry, in the order given.
    members: Vec<ImportOutcome>,
}

/// What became of one entry.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ImportOutcome {
    key: String,
    /// The member's id, where there is a member.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<MemberId>,
    outcome: Outcome,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
enum Outcome {
    Created,
    Updated,
    Unchanged,
    Failed,
}

/// Imports up to 1000 members. Each entry stands or falls alone; what an entry does not say of an existing member
/// stays as it is.
#[utoipa::path(post, path = "/v1/organisations/{organisation}/directory/import", tag = "directory",
    params(("organisation" = OrganisationId, Path)),
    request_body = Import, responses((status = 200, body = ImportReport)))]
async fn import(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names((organisation,)): Names<(OrganisationId,)>,
    body: Body,
) -> Result<Json<ImportReport>, Problem> {
    caller.may(&Operation::WriteMembers(organisation.clone()))?;
    let Import { members } = body.read()?;
    if members.len() > MAX_ROWS {
        let detail = format!("an import holds at most {MAX_ROWS} members: send the rest in another");
        return Err(Problem::new(ProblemType::INVALID, detail));
    }
    let mut report = ImportReport::default();
    let mut edits = Vec::new();
    // Which outcome an edit belongs to.
    let mut places = Vec::new();
    {
        let world = api.registry.world();
        if world.organisation(&organisation).is_none() {
            return Err(Problem::not_found("organisation"));
        }
        let mut seen = BTreeSet::new();
        for entry in members {
            let key = entry.key.clone();
            match entry.resolve(&world, &organisation) {
                Ok((_, id)) if !seen.insert(id.clone()) => {
                    report.fail(key, Some(id), "the member comes twice in this import".to_owned());
                }
                Ok((source, id)) => {
                    places.push(report.members.len());
                    report.members.push(ImportOutcome {
                        key,
                        id: Some(id.clone()),
                        outcome: Outcome::Unchanged,
                        detail: None,
                    });
                    let name = (organisation.clone(), id.clone());
                    edits.push((name, move |old: Option<&Member>| entry.merge(old, id, source)));
                }
                Err(detail) => report.fail(key, None, detail),
            }
        }
    }
    let outcomes = api
        .registry
        .edit_many::<Member>(&caller.actor, "member.import", edits)
        .await?;
    for (place, outcome) in places.into_iter().zip(outcomes) {
        report.settle(place, outcome);
    }
    Ok(Json(report))
}

impl ImportedMember {
    /// Which member the entry is: the one with its key, the one of the id given, or a new one.
    fn resolve(
        &self,
        world: &World,
        organisation: &OrganisationId,
    ) -> Result<(ExternalKey, MemberId), String> {
        let source: ExternalKey = self.key.parse().map_err(|error| format!("key: {error}"))?;
        let known = world
            .member_by_source(organisation, &source)
            .map(|member| member.id.clone());
        let id = match (known, &self.id) {
            (Some(known), Some(id)) if known != *id => {
                return Err(format!(
                    "the key belongs to member {known}, whose id cannot change"
                ));
            }
            (Some(known), _) => known,
            (None, Some(id)) => id.clone(),
            (None, None) => id_of(organisation, &source).ok_or("no id can be made of the key")?,
        };
        Ok((source, id))
    }

    fn merge(self, old: Option<&Member>, id: MemberId, source: ExternalKey) -> Member {
        let mut member = old.cloned().unwrap_or_else(|| Member::new(id, ""));
        member.display_name = self.display_name;
        member.source = Some(source);
        set(&mut member.attributes, self.attributes);
        set(&mut member.mode, self.mode);
        set(&mut member.groups, self.groups);
        if self.policy.is_some() {
            member.policy = self.policy;
        }
        member
    }
}

/// A UUID made of organisation and key: the same key gives the same id, in every import.
fn id_of(organisation: &OrganisationId, source: &ExternalKey) -> Option<MemberId> {
    let mut context = Context::new(&SHA256);
    context.update(organisation.as_str().as_bytes());
    context.update(&[0]);
    context.update(source.as_str().as_bytes());
    let digest = context.finish();
    let bytes: [u8; 16] = digest.as_ref().get(..16)?.try_into().ok()?;
    let id = uuid::Builder::from_random_bytes(bytes).into_uuid();
    id.to_string().parse().ok()
}

impl ImportReport {
    fn fail(&mut self, key: String, id: Option<MemberId>, detail: String) {
        self.failed += 1;
        self.members.push(ImportOutcome {
            key,
            id,
            outcome: Outcome::Failed,
            detail: Some(detail),
        });
    }

    fn settle(&mut self, place: usize, outcome: Result<Edited, Problem>) {
        let Some(entry) = self.members.get_mut(place) else {
            return;
        };
        let (count, settled) = match outcome {
            Ok(Edited::Created) => (&mut self.created, Outcome::Created),
            Ok(Edited::Updated) => (&mut self.updated, Outcome::Updated),
            Ok(Edited::Unchanged) => (&mut self.unchanged, Outcome::Unchanged),
            Err(problem) => {
                entry.detail = Some(problem.detail().to_owned());
                (&mut self.failed, Outcome::Failed)
            }
        };
        *count += 1;
        entry.outcome = settled;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_made_of_organisation_and_key_alone() {
        let id = |organisation: &str, key: &str| {
            id_of(&organisation.parse().unwrap(), &key.parse().unwrap()).unwrap()
        };
        assert_eq!(id("acme", "uid=ann"), id("acme", "uid=ann"));
        assert_ne!(id("acme", "uid=ann"), id("acme", "uid=bob"));
        assert_ne!(id("acme", "uid=ann"), id("other", "uid=ann"));
        assert!(uuid::Uuid::parse_str(id("acme", "uid=ann").as_str()).is_ok());
    }
}
