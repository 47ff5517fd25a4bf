//! Meetings: made, read, changed and deleted, by members for themselves and by administrators for them.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use serde::{Deserialize, Deserializer};
use sidetone_meeting::Credentials;
use sidetone_organisation::access::Operation;
use sidetone_organisation::{Meeting, MeetingId, MeetingKind, MeetingOptions, MemberId, OrganisationId};
use sidetone_signaling::Identifier;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Desk;
use super::shown::{ShownMeeting, time};
use crate::api::caller::{Actor, Caller};
use crate::api::input::{Body, Names, Query};
use crate::api::openapi::RawId;
use crate::api::page::{Page, PageQuery};
use crate::api::precondition::{Precondition, Tagged};
use crate::api::problem::{Problem, ProblemType};

/// How often another number is drawn where one is taken. With 9·10¹¹ numbers the first is free.
const DRAWS: usize = 8;

pub(super) fn router() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, edit, delete))
}

/// A new meeting.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewMeeting {
    /// What it is about.
    #[serde(default)]
    #[schema(max_length = 256)]
    subject: String,
    #[serde(default)]
    kind: MeetingKind,
    /// Whose it is; the member who makes it, without.
    organiser: Option<MemberId>,
    #[serde(default)]
    #[schema(value_type = Vec<RawId>, max_items = 1000)]
    co_organisers: BTreeSet<Identifier>,
    #[serde(default)]
    #[schema(value_type = Vec<RawId>, max_items = 1000)]
    presenters: BTreeSet<Identifier>,
    #[serde(default)]
    #[schema(value_type = Vec<RawId>, max_items = 1000)]
    attendees: BTreeSet<Identifier>,
    /// When it is to begin (RFC 3339).
    #[schema(format = DateTime)]
    start_time: Option<String>,
    /// When it is to end (RFC 3339).
    #[schema(format = DateTime)]
    end_time: Option<String>,
    #[serde(default)]
    options: MeetingOptions,
}

/// A change of a meeting. What is absent stays as it is; times can be null to have none.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MeetingChange {
    /// What it is about.
    #[schema(max_length = 256)]
    subject: Option<String>,
    #[schema(value_type = Option<Vec<RawId>>, max_items = 1000)]
    co_organisers: Option<BTreeSet<Identifier>>,
    #[schema(value_type = Option<Vec<RawId>>, max_items = 1000)]
    presenters: Option<BTreeSet<Identifier>>,
    #[schema(value_type = Option<Vec<RawId>>, max_items = 1000)]
    attendees: Option<BTreeSet<Identifier>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, format = DateTime)]
    start_time: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, format = DateTime)]
    end_time: Option<Option<String>>,
    /// All options.
    options: Option<MeetingOptions>,
}

/// Tells a field that is absent (keep) from one that is null (remove).
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// Meetings of an organisation, by number: to members those in which they are named.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/meetings", tag = "meetings",
    params(("organisation" = OrganisationId, Path), PageQuery),
    responses((status = 200, body = Page<ShownMeeting>)))]
async fn list(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names((organisation,)): Names<(OrganisationId,)>,
    query: Query,
) -> Result<Json<Page<ShownMeeting>>, Problem> {
    caller.may(&Operation::ListMeetings(organisation.clone()))?;
    let page: PageQuery = query.read()?;
    let world = desk.registry.world();
    let readable = |meeting: &&Meeting| {
        let named = super::named(meeting, &organisation, true);
        caller
            .may(&Operation::ReadMeeting(organisation.clone(), named))
            .is_ok()
    };
    let meetings = world.meetings(&organisation).filter(readable);
    Ok(Json(page.page(
        meetings,
        |meeting| meeting.id.to_string(),
        |meeting| ShownMeeting::new(meeting.clone(), &desk.link_base),
    )?))
}

/// Makes a meeting: members for themselves, administrators for a member. Its link is in the answer.
#[utoipa::path(post, path = "/v1/organisations/{organisation}/meetings", tag = "meetings",
    params(("organisation" = OrganisationId, Path)), request_body = NewMeeting,
    responses((status = 201, body = ShownMeeting)))]
async fn create(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names((organisation,)): Names<(OrganisationId,)>,
    body: Body,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<ShownMeeting>), Problem> {
    // Whoever may list may make some; for whom, the body says.
    caller.may(&Operation::ListMeetings(organisation.clone()))?;
    let new: NewMeeting = body.read()?;
    let organiser = match new.organiser {
        Some(organiser) => organiser,
        None => themselves(&caller, &organisation)
            .ok_or_else(|| Problem::new(ProblemType::INVALID, "organiser: whose meeting shall it be?"))?,
    };
    caller.may(&Operation::CreateMeeting(organisation.clone(), organiser.clone()))?;
    let credentials = draw(&desk)?;
    let meeting = Meeting {
        id: credentials.id,
        subject: new.subject,
        kind: new.kind,
        organiser,
        co_organisers: new.co_organisers,
        presenters: new.presenters,
        attendees: new.attendees,
        start_ms: new.start_time.map(|text| time("startTime", &text)).transpose()?,
        end_ms: new.end_time.map(|text| time("endTime", &text)).transpose()?,
        options: new.options,
        key: credentials.key,
        passcode: credentials.passcode,
        thread: Some(uuid::Uuid::new_v4().to_string()),
    };
    let name = (organisation, meeting.id.clone());
    let always = Precondition::default();
    let create = |old: Option<&Meeting>| match old {
        None => Ok(meeting),
        Some(_) => Err(Problem::new(
            ProblemType::CONFLICT,
            "the number of the meeting is taken",
        )),
    };
    let made = desk
        .registry
        .edit(&caller.actor, "meeting.create", &name, &always, create)
        .await?;
    let location = format!("/v1/organisations/{}/meetings/{}", name.0, name.1);
    let shown = ShownMeeting::new(made.value, &desk.link_base);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(shown)))
}

/// A number that nobody has, and secrets.
fn draw(desk: &Desk) -> Result<Credentials, Problem> {
    let world = desk.registry.world();
    (0..DRAWS)
        .filter_map(|_| Credentials::draw(&mut rand::rng()))
        .find(|drawn| world.meeting_by_number(&drawn.id).is_none())
        .ok_or_else(|| Problem::new(ProblemType::INTERNAL, "no number is free"))
}

/// The member of this organisation that calls.
fn themselves(caller: &Caller, organisation: &OrganisationId) -> Option<MemberId> {
    match &caller.actor {
        Actor::Member {
            identity:
                Identifier::Member {
                    organisation: of,
                    user,
                },
        } if of == organisation.label() => Some(user.clone().into()),
        _ => None,
    }
}

/// A meeting, for those who are named in it.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/meetings/{meeting}", tag = "meetings",
    params(("organisation" = OrganisationId, Path), ("meeting" = MeetingId, Path)),
    responses((status = 200, body = ShownMeeting)))]
async fn show(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, MeetingId)>,
) -> Result<Tagged<ShownMeeting>, Problem> {
    caller.may(&desk.reading(&name))?;
    let found = desk.registry.find::<Meeting>(&name)?;
    Ok(found.map(|meeting| ShownMeeting::new(meeting, &desk.link_base)))
}

/// Changes a meeting, for those who organise it. What changes holds at once, also while it is held.
#[utoipa::path(patch, path = "/v1/organisations/{organisation}/meetings/{meeting}", tag = "meetings",
    params(("organisation" = OrganisationId, Path), ("meeting" = MeetingId, Path),
        ("If-Match" = Option<String>, Header)),
    request_body = MeetingChange, responses((status = 200, body = ShownMeeting)))]
async fn edit(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, MeetingId)>,
    precondition: Precondition,
    body: Body,
) -> Result<Tagged<ShownMeeting>, Problem> {
    caller.may(&desk.conducting(&name))?;
    let change: MeetingChange = body.read()?;
    let at = |field: &str, text: Option<Option<String>>| match text {
        Some(Some(text)) => time(field, &text).map(|time| Some(Some(time))),
        Some(None) => Ok(Some(None)),
        None => Ok(None),
    };
    let (start, end) = (
        at("startTime", change.start_time)?,
        at("endTime", change.end_time)?,
    );
    let edit = |old: Option<&Meeting>| {
        let old = old.cloned().ok_or_else(|| Problem::not_found("meeting"))?;
        Ok(Meeting {
            subject: change.subject.unwrap_or(old.subject),
            co_organisers: change.co_organisers.unwrap_or(old.co_organisers),
            presenters: change.presenters.unwrap_or(old.presenters),
            attendees: change.attendees.unwrap_or(old.attendees),
            start_ms: start.unwrap_or(old.start_ms),
            end_ms: end.unwrap_or(old.end_ms),
            options: change.options.unwrap_or(old.options),
            ..old
        })
    };
    let stored = desk
        .registry
        .edit(&caller.actor, "meeting.change", &name, &precondition, edit)
        .await?;
    Ok(stored.map(|meeting| ShownMeeting::new(meeting, &desk.link_base)))
}

/// Deletes a meeting, and ends it where it is held. Its link leads nowhere from then on.
#[utoipa::path(delete, path = "/v1/organisations/{organisation}/meetings/{meeting}", tag = "meetings",
    params(("organisation" = OrganisationId, Path), ("meeting" = MeetingId, Path),
        ("If-Match" = Option<String>, Header)),
    responses((status = 204)))]
async fn delete(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, MeetingId)>,
    precondition: Precondition,
) -> Result<StatusCode, Problem> {
    caller.may(&desk.conducting(&name))?;
    desk.registry
        .delete::<Meeting>(&caller.actor, "meeting.delete", &name, &precondition)
        .await?;
    desk.attendance.forget(&name.0, Some(&name.1)).await?;
    Ok(StatusCode::NO_CONTENT)
}
