//! What people did in a meeting beside talking: its polls with their results, its questions and its transcript, each time
//! it was held, also while it is. For those who organise it and for administrators.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use sidetone_meeting::{BreakoutMinutes, Minutes, TranscriptLine, Visit};
use sidetone_organisation::{MeetingId, OrganisationId};
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::CallId;
use sidetone_signaling::protocol::meeting as wire;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Desk;
use crate::api::caller::Caller;
use crate::api::input::{Names, Query};
use crate::api::openapi::RawId;
use crate::api::page::{Page, PageQuery};
use crate::api::problem::Problem;
use crate::clock::wall_now;
use crate::driver::Input;

pub(super) fn router() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::new()
        .routes(routes!(polls))
        .routes(routes!(questions))
        .routes(routes!(transcript))
        .routes(routes!(breakout_visits))
}

/// A poll that was open, with its results.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ShownPoll {
    /// The call: the meeting as it was held that time.
    #[schema(value_type = String, format = Uuid)]
    call: CallId,
    /// Its number within the call.
    poll: u32,
    /// What was asked.
    question: String,
    /// `open` or `closed`.
    #[schema(value_type = String, example = "closed")]
    state: wire::PollState,
    /// More than one could be chosen.
    is_multiple: bool,
    /// Nobody is told who chose what.
    is_anonymous: bool,
    /// How many voted.
    voted: u32,
    /// What could be chosen.
    options: Vec<ShownOption>,
}

/// What could be chosen in a poll.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ShownOption {
    /// What it says.
    text: String,
    /// How often it was chosen.
    votes: u32,
    /// Who chose it, where the poll is not anonymous.
    voters: Vec<ShownPerson>,
}

/// Somebody.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ShownPerson {
    /// Who.
    #[schema(value_type = RawId)]
    identity: Identifier,
    /// The name everyone saw.
    display_name: String,
}

/// A question.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ShownQuestion {
    /// The call: the meeting as it was held that time.
    #[schema(value_type = String, format = Uuid)]
    call: CallId,
    /// Its number within the call.
    question: u32,
    /// What was asked.
    text: String,
    /// Who asked, where they did not ask anonymously.
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<ShownPerson>,
    /// `pending`, `shown`, `answered` or `dismissed`.
    #[schema(value_type = String, example = "answered")]
    state: wire::QuestionState,
    /// How many wanted it answered too.
    upvotes: u32,
    /// The answers.
    answers: Vec<ShownAnswer>,
    /// When it was asked, in milliseconds since the call began.
    at_ms: u32,
}

/// An answer.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ShownAnswer {
    /// What it says. Empty: it was given by word of mouth.
    text: String,
    /// Who answered.
    author: ShownPerson,
}

/// Something that was said.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ShownLine {
    /// The call: the meeting as it was held that time.
    #[schema(value_type = String, format = Uuid)]
    call: CallId,
    /// The speaker's number within the call.
    participant: u32,
    /// Who spoke.
    speaker: ShownPerson,
    /// The language (BCP 47).
    language: String,
    /// What was said.
    text: String,
    /// When, in milliseconds since the call began.
    at_ms: u32,
}

/// Somebody's stay in a breakout room. They are in the meeting all the while.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ShownVisit {
    /// The call: the meeting as it was held that time.
    #[schema(value_type = String, format = Uuid)]
    call: CallId,
    /// The room's number within the meeting.
    room: u32,
    /// The room's name.
    room_name: String,
    /// Their number within the meeting.
    participant: u32,
    /// Who.
    person: ShownPerson,
    /// When they came, in milliseconds since the call began.
    came_ms: u32,
    /// When they went, where they have.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_ms: Option<u32>,
}

/// The polls of a meeting that were open, with their results, each time it was held.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/meetings/{meeting}/polls", tag = "meetings",
    params(("organisation" = OrganisationId, Path), ("meeting" = MeetingId, Path), PageQuery),
    responses((status = 200, body = Page<ShownPoll>)))]
async fn polls(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, MeetingId)>,
    query: Query,
) -> Result<Json<Page<ShownPoll>>, Problem> {
    let page: PageQuery = query.read()?;
    let held = desk.minutes(&caller, &name).await?;
    list(&page, held, |minutes| minutes.polls, shown_poll)
}

/// The questions that were asked in a meeting, each time it was held.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/meetings/{meeting}/questions", tag = "meetings",
    params(("organisation" = OrganisationId, Path), ("meeting" = MeetingId, Path), PageQuery),
    responses((status = 200, body = Page<ShownQuestion>)))]
async fn questions(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, MeetingId)>,
    query: Query,
) -> Result<Json<Page<ShownQuestion>>, Problem> {
    let page: PageQuery = query.read()?;
    let held = desk.minutes(&caller, &name).await?;
    list(&page, held, |minutes| minutes.questions, shown_question)
}

/// What was said in a meeting while it was transcribed, each time it was held.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/meetings/{meeting}/transcript", tag = "meetings",
    params(("organisation" = OrganisationId, Path), ("meeting" = MeetingId, Path), PageQuery),
    responses((status = 200, body = Page<ShownLine>)))]
async fn transcript(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, MeetingId)>,
    query: Query,
) -> Result<Json<Page<ShownLine>>, Problem> {
    let page: PageQuery = query.read()?;
    let held = desk.minutes(&caller, &name).await?;
    list(&page, held, |minutes| minutes.transcript, shown_line)
}

/// Who was in which breakout room of a meeting, each time it was held.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/meetings/{meeting}/breakout-visits", tag = "meetings",
    params(("organisation" = OrganisationId, Path), ("meeting" = MeetingId, Path), PageQuery),
    responses((status = 200, body = Page<ShownVisit>)))]
async fn breakout_visits(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, MeetingId)>,
    query: Query,
) -> Result<Json<Page<ShownVisit>>, Problem> {
    let page: PageQuery = query.read()?;
    let held = desk.minutes(&caller, &name).await?;
    let visits = |minutes: Minutes| -> Vec<(u32, String, Visit)> {
        let rooms = minutes.breakouts.into_iter();
        let of = |one: BreakoutMinutes| {
            let (room, name) = (one.room, one.display_name);
            one.visits
                .into_iter()
                .map(move |visit| (room, name.clone(), visit))
        };
        rooms.flat_map(of).collect()
    };
    list(&page, held, visits, shown_visit)
}

impl Desk {
    /// What was done in a meeting, each time it was held, for those who may know.
    async fn minutes(
        &self,
        caller: &Caller,
        name: &(OrganisationId, MeetingId),
    ) -> Result<Vec<(CallId, Minutes)>, Problem> {
        caller.may(&self.conducting(name))?;
        if self.meeting(name).is_none() {
            return Err(Problem::not_found("meeting"));
        }
        let id = name.1.clone();
        // First what is now: of one that ends meanwhile both are there, and told once.
        let running = self.ask(|reply| Input::Minutes(id, reply)).await?;
        let mut held = self.attendance.minutes(&name.0, &name.1, wall_now()).await?;
        if let Some((call, minutes)) = running {
            held.retain(|(known, _)| *known != call);
            held.push((call, minutes));
        }
        Ok(held)
    }
}

fn list<T, U: ToSchema>(
    page: &PageQuery,
    held: Vec<(CallId, Minutes)>,
    of: fn(Minutes) -> Vec<T>,
    shown: fn(CallId, T) -> U,
) -> Result<Json<Page<U>>, Problem> {
    let entries = held
        .into_iter()
        .enumerate()
        .flat_map(|(number, (call, minutes))| {
            let placed = of(minutes).into_iter().enumerate();
            placed.map(move |(place, one)| (number, place, call, one))
        });
    Ok(Json(page.page(
        entries,
        |(number, place, ..)| format!("{number:06}.{place:06}"),
        |(_, _, call, one)| shown(call, one),
    )?))
}

fn person(identity: Identifier, display_name: String) -> ShownPerson {
    ShownPerson {
        identity,
        display_name,
    }
}

fn shown_poll(call: CallId, poll: wire::Poll) -> ShownPoll {
    let options = poll.options.into_iter().map(|option| ShownOption {
        text: option.text,
        votes: option.votes.unwrap_or_default(),
        voters: option
            .voters
            .into_iter()
            .map(|voter| person(voter.identity, voter.display_name))
            .collect(),
    });
    ShownPoll {
        call,
        poll: poll.id,
        question: poll.question,
        state: poll.state,
        is_multiple: poll.multiple,
        is_anonymous: poll.anonymous,
        voted: poll.voted.unwrap_or_default(),
        options: options.collect(),
    }
}

fn shown_question(call: CallId, question: wire::Question) -> ShownQuestion {
    let author = |author: wire::Author| person(author.identity, author.display_name);
    let answers = question.answers.into_iter().map(|answer| ShownAnswer {
        text: answer.text,
        author: author(answer.author),
    });
    ShownQuestion {
        call,
        question: question.id,
        text: question.text,
        state: question.state,
        upvotes: question.upvotes,
        answers: answers.collect(),
        at_ms: question.at_ms.0,
        author: question.author.map(author),
    }
}

fn shown_visit(call: CallId, (room, room_name, visit): (u32, String, Visit)) -> ShownVisit {
    ShownVisit {
        call,
        room,
        room_name,
        participant: visit.participant.0,
        person: person(visit.identity, visit.display_name),
        came_ms: visit.came_ms.0,
        left_ms: visit.left_ms.map(|ms| ms.0),
    }
}

fn shown_line(call: CallId, line: TranscriptLine) -> ShownLine {
    ShownLine {
        call,
        participant: line.participant.0,
        speaker: person(line.identity, line.display_name),
        language: line.language,
        text: line.text,
        at_ms: line.at_ms.0,
    }
}
