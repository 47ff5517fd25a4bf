//! A meeting while it is held: who is there, letting people in, putting them out, ending it. For those who organise it and
//! for administrators, who need not be in it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sidetone_meeting::Order;
use sidetone_organisation::{MeetingId, OrganisationId};
use sidetone_signaling::protocol::CallId;
use sidetone_signaling::protocol::meeting::ParticipantId;
use sidetone_signaling::{Identifier, Reason};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Desk;
use super::shown::ShownParticipant;
use crate::api::audit::{AuditEntry, AuditScope};
use crate::api::caller::Caller;
use crate::api::input::{Body, Names, Query};
use crate::api::page::{Page, PageQuery};
use crate::api::problem::{Problem, ProblemType};
use crate::clock::wall_now;
use crate::driver::Input;

pub(super) fn router() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::new()
        .routes(routes!(participants))
        .routes(routes!(status))
        .routes(routes!(admit))
        .routes(routes!(reject))
        .routes(routes!(remove))
        .routes(routes!(end))
}

/// Whether a meeting is held.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MeetingStatus {
    /// The call that it is right now. Absent: nobody is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Uuid)]
    call: Option<CallId>,
    /// How many are in, or before the door.
    present: usize,
}

/// Some of those who wait.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Waiting {
    /// Their numbers. Absent: all.
    #[schema(value_type = Option<Vec<u32>>, max_items = 1000)]
    participants: Option<Vec<ParticipantId>>,
}

/// Somebody in it.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Somebody {
    /// Their number.
    #[schema(value_type = u32)]
    participant: ParticipantId,
}

/// Everyone who is or was in a meeting or its lobby, each time it was held: whatever kind of person, and by whichever way
/// they came.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/meetings/{meeting}/participants", tag = "meetings",
    params(("organisation" = OrganisationId, Path), ("meeting" = MeetingId, Path), PageQuery),
    responses((status = 200, body = Page<ShownParticipant>)))]
async fn participants(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, MeetingId)>,
    query: Query,
) -> Result<Json<Page<ShownParticipant>>, Problem> {
    caller.may(&desk.reading(&name))?;
    let page: PageQuery = query.read()?;
    if desk.meeting(&name).is_none() {
        return Err(Problem::not_found("meeting"));
    }
    let id = name.1.clone();
    // First those of the past: one that ends meanwhile is then seen twice rather than not at all, and told once.
    let present = desk.ask(|reply| Input::Present(id, reply)).await?;
    let mut held = desk.attendance.of(&name.0, &name.1, wall_now()).await?;
    if let Some(present) = present {
        held.retain(|(call, _)| *call != present.call);
        held.push((present.call, present.attended));
    }
    // L20: the source lists no external users.
    let world = desk.registry.world();
    let everyone = world
        .organisation(&name.0)
        .is_none_or(|organisation| organisation.switches.participant_lists.is_open());
    let entries = held
        .into_iter()
        .enumerate()
        .flat_map(|(number, (call, attended))| {
            let shown = move |(place, attended)| (number, place, ShownParticipant::new(call, attended));
            attended.into_iter().enumerate().map(shown)
        });
    let listed = entries.filter(|(_, _, shown)| {
        everyone
            || !matches!(
                shown.identity,
                Identifier::ExternalUser { .. } | Identifier::Guest { .. }
            )
    });
    Ok(Json(page.page(
        listed,
        |(number, place, _)| format!("{number:06}.{place:06}"),
        |(_, _, shown)| shown,
    )?))
}

/// Whether a meeting is held right now.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/meetings/{meeting}/status", tag = "meetings",
    params(("organisation" = OrganisationId, Path), ("meeting" = MeetingId, Path)),
    responses((status = 200, body = MeetingStatus)))]
async fn status(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, MeetingId)>,
) -> Result<Json<MeetingStatus>, Problem> {
    caller.may(&desk.reading(&name))?;
    if desk.meeting(&name).is_none() {
        return Err(Problem::not_found("meeting"));
    }
    let id = name.1.clone();
    let present = desk.ask(|reply| Input::Present(id, reply)).await?;
    Ok(Json(MeetingStatus {
        call: present.as_ref().map(|present| present.call),
        present: present.map_or(0, |present| {
            let here = present
                .attended
                .iter()
                .filter(|attended| attended.left_ms.is_none());
            here.count()
        }),
    }))
}

/// Lets in those who wait.
#[utoipa::path(post, path = "/v1/organisations/{organisation}/meetings/{meeting}/admit", tag = "meetings",
    params(("organisation" = OrganisationId, Path), ("meeting" = MeetingId, Path)),
    request_body = Waiting, responses((status = 204)))]
async fn admit(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, MeetingId)>,
    body: Body,
) -> Result<StatusCode, Problem> {
    caller.may(&desk.conducting(&name))?;
    let waiting: Waiting = body.read()?;
    let order = waiting.participants.map_or(Order::AdmitAll, Order::Admit);
    desk.order(&caller, &name, "meeting.admit", order).await
}

/// Turns away those who wait. They may try again.
#[utoipa::path(post, path = "/v1/organisations/{organisation}/meetings/{meeting}/reject", tag = "meetings",
    params(("organisation" = OrganisationId, Path), ("meeting" = MeetingId, Path)),
    request_body = Waiting, responses((status = 204)))]
async fn reject(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, MeetingId)>,
    body: Body,
) -> Result<StatusCode, Problem> {
    caller.may(&desk.conducting(&name))?;
    let waiting: Waiting = body.read()?;
    let order = waiting.participants.map_or(Order::RejectAll, Order::Reject);
    desk.order(&caller, &name, "meeting.reject", order).await
}

/// Puts somebody out. They come in again only if somebody lets them.
#[utoipa::path(post, path = "/v1/organisations/{organisation}/meetings/{meeting}/remove", tag = "meetings",
    params(("organisation" = OrganisationId, Path), ("meeting" = MeetingId, Path)),
    request_body = Somebody, responses((status = 204)))]
async fn remove(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, MeetingId)>,
    body: Body,
) -> Result<StatusCode, Problem> {
    caller.may(&desk.conducting(&name))?;
    let somebody: Somebody = body.read()?;
    desk.order(
        &caller,
        &name,
        "meeting.remove",
        Order::Remove(somebody.participant),
    )
    .await
}

/// Ends a meeting for everyone who is in it. It can be held again.
#[utoipa::path(post, path = "/v1/organisations/{organisation}/meetings/{meeting}/end", tag = "meetings",
    params(("organisation" = OrganisationId, Path), ("meeting" = MeetingId, Path)),
    responses((status = 204)))]
async fn end(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, MeetingId)>,
) -> Result<StatusCode, Problem> {
    caller.may(&desk.conducting(&name))?;
    desk.order(&caller, &name, "meeting.end", Order::End(Reason::ENDED_FOR_ALL))
        .await
}

impl Desk {
    /// Carries out an order, entered in the audit log first.
    pub(super) async fn order(
        &self,
        caller: &Caller,
        name: &(OrganisationId, MeetingId),
        action: &str,
        order: Order,
    ) -> Result<StatusCode, Problem> {
        if self.meeting(name).is_none() {
            return Err(Problem::not_found("meeting"));
        }
        let now = wall_now();
        let target = format!("meeting.{}.{}", name.0, name.1);
        let entry = AuditEntry::new(caller.actor.clone(), action, target, now);
        let scope = AuditScope::Organisation(name.0.clone());
        self.registry.audit().append(&scope, &entry, now).await?;
        let id = name.1.clone();
        match self.ask(|reply| Input::Order(id, order, reply)).await? {
            Ok(()) => Ok(StatusCode::NO_CONTENT),
            Err(reason) if reason.is(&Reason::NO_SUCH_CALL) => Err(Problem::new(
                ProblemType::CONFLICT,
                "the meeting is not held at the moment",
            )),
            Err(reason) if reason.is(&Reason::NO_SUCH_PARTICIPANT) => Err(Problem::not_found("participant")),
            Err(reason) if reason.is(&Reason::NO_SUCH_OBJECT) => Err(Problem::not_found("breakout room")),
            Err(reason) if reason.is(&Reason::BAD_PARAMETERS) || reason.is(&Reason::TEXT_TOO_LONG) => {
                Err(Problem::new(ProblemType::INVALID, reason.to_string()))
            }
            Err(reason) => Err(Problem::new(ProblemType::CONFLICT, reason.to_string())),
        }
    }
}
