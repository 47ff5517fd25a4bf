//! Breakout rooms of a meeting while it is held: made, changed, opened and closed by those who organise it and by
//! administrators, who need not be in it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sidetone_meeting::Order;
use sidetone_organisation::{MeetingId, OrganisationId};
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::meeting::{
    Act, AssignBreakout, Breakout, BreakoutSettings, ChangeBreakout, CreateBreakouts, NewBreakout,
    ParticipantId, SetBreakouts, SomeBreakouts, Which,
};
use sidetone_signaling::protocol::{CallId, Millis};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Desk;
use crate::api::caller::Caller;
use crate::api::input::{Body, Names};
use crate::api::openapi::RawId;
use crate::api::problem::{Problem, ProblemType};
use crate::driver::Input;

pub(super) fn router() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::new()
        .routes(routes!(list, create, set))
        .routes(routes!(change, remove))
        .routes(routes!(assign))
        .routes(routes!(open))
        .routes(routes!(close))
}

/// Breakout rooms, and what holds for all of them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ShownBreakouts {
    /// The rooms, by number.
    rooms: Vec<ShownBreakout>,
    /// They close by themselves in so many milliseconds. Absent: they do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_in_ms: Option<u32>,
    /// Who is in a room that is open does not come back to the meeting before it closes.
    disable_return_to_main_meeting: bool,
    /// Everyone chooses a room themselves, among those that are open.
    self_select: bool,
    /// Presenters who manage the rooms besides those who organise the meeting.
    #[schema(value_type = Vec<RawId>)]
    managers: Vec<Identifier>,
}

/// A breakout room.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ShownBreakout {
    /// Its number within the meeting.
    room: u32,
    /// Its name.
    display_name: String,
    /// `open` or `closed`.
    #[schema(example = "open")]
    state: &'static str,
    /// The call that it is while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Uuid)]
    call: Option<CallId>,
    /// The conversation beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    thread: Option<String>,
    /// The clients of those who are assigned to it join it by themselves when it opens.
    auto_move_participants: bool,
    /// Who is assigned to it.
    #[schema(value_type = Vec<RawId>)]
    invitees: Vec<Identifier>,
    /// The numbers of those who are in it.
    #[schema(value_type = Vec<u32>)]
    present: Vec<ParticipantId>,
    /// The numbers of those in it who ask for help.
    #[schema(value_type = Vec<u32>)]
    help: Vec<ParticipantId>,
}

impl From<(BreakoutSettings, Vec<Breakout>)> for ShownBreakouts {
    fn from((settings, rooms): (BreakoutSettings, Vec<Breakout>)) -> Self {
        let rooms = rooms.into_iter().map(|one| ShownBreakout {
            room: one.id,
            state: if one.call.is_some() { "open" } else { "closed" },
            display_name: one.display_name,
            call: one.call,
            thread: one.thread,
            auto_move_participants: !one.by_hand,
            invitees: one.invitees,
            present: one.present,
            help: one.help,
        });
        Self {
            rooms: rooms.collect(),
            ends_in_ms: settings.ends_in_ms.map(|ms| ms.0),
            disable_return_to_main_meeting: settings.return_forbidden,
            self_select: settings.self_select,
            managers: settings.managers,
        }
    }
}

/// New breakout rooms.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewBreakouts {
    /// Which: at most 50 in all.
    #[schema(min_items = 1, max_items = 50)]
    rooms: Vec<NewRoom>,
    /// Everyone who is there and manages no rooms is assigned to one of these, as evenly as can be.
    #[serde(default)]
    distribute: bool,
}

/// A new breakout room.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewRoom {
    /// Its name.
    #[schema(min_length = 1, max_length = 128)]
    display_name: String,
    /// Who is assigned to it.
    #[serde(default)]
    #[schema(value_type = Vec<RawId>)]
    invitees: Vec<Identifier>,
    /// The clients of those who are assigned to it join it by themselves when it opens.
    #[serde(default = "yes")]
    auto_move_participants: bool,
}

fn yes() -> bool {
    true
}

/// A change of a breakout room. What is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RoomChange {
    /// Its name.
    #[schema(min_length = 1, max_length = 128)]
    display_name: Option<String>,
    /// The clients of those who are assigned to it join it by themselves when it opens.
    auto_move_participants: Option<bool>,
}

/// A change of what holds for all breakout rooms. What is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SettingsChange {
    /// They close by themselves in so many milliseconds, at most a day. 0: they do not.
    #[schema(maximum = 86_400_000)]
    ends_in_ms: Option<u32>,
    /// Who is in a room that is open does not come back to the meeting before it closes.
    disable_return_to_main_meeting: Option<bool>,
    /// Everyone chooses a room themselves.
    self_select: Option<bool>,
    /// Presenters who manage the rooms besides those who organise the meeting.
    #[schema(value_type = Option<Vec<RawId>>, max_items = 50)]
    managers: Option<Vec<Identifier>>,
}

/// Who goes to which room.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Assignment {
    /// To which. Absent: to none, and back to the meeting.
    room: Option<u32>,
    /// Whom. They need not have come yet.
    #[schema(value_type = Vec<RawId>)]
    identities: Vec<Identifier>,
}

/// Some of the rooms.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SomeRooms {
    /// Their numbers. Absent: all.
    #[serde(default)]
    rooms: Vec<u32>,
}

type Name = (OrganisationId, MeetingId);

/// The breakout rooms of a meeting that is held.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/meetings/{meeting}/breakouts", tag = "meetings",
    params(("organisation" = OrganisationId, Path), ("meeting" = MeetingId, Path)),
    responses((status = 200, body = ShownBreakouts)))]
async fn list(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names(name): Names<Name>,
) -> Result<Json<ShownBreakouts>, Problem> {
    caller.may(&desk.conducting(&name))?;
    desk.breakouts(&name).await.map(Json)
}

/// Makes breakout rooms, closed.
#[utoipa::path(post, path = "/v1/organisations/{organisation}/meetings/{meeting}/breakouts", tag = "meetings",
    params(("organisation" = OrganisationId, Path), ("meeting" = MeetingId, Path)),
    request_body = NewBreakouts, responses((status = 201, body = ShownBreakouts)))]
async fn create(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names(name): Names<Name>,
    body: Body,
) -> Result<(StatusCode, Json<ShownBreakouts>), Problem> {
    caller.may(&desk.conducting(&name))?;
    let new: NewBreakouts = body.read()?;
    let rooms = new.rooms.into_iter().map(|new| NewBreakout {
        display_name: new.display_name,
        invitees: new.invitees,
        by_hand: !new.auto_move_participants,
    });
    let act = Act::CreateBreakouts(CreateBreakouts {
        rooms: rooms.collect(),
        distribute: new.distribute,
    });
    desk.manage(&caller, &name, "meeting.breakouts.create", act)
        .await?;
    Ok((StatusCode::CREATED, Json(desk.breakouts(&name).await?)))
}

/// Changes what holds for all breakout rooms: when they close, whether people come back before, who chooses and manages.
#[utoipa::path(patch, path = "/v1/organisations/{organisation}/meetings/{meeting}/breakouts", tag = "meetings",
    params(("organisation" = OrganisationId, Path), ("meeting" = MeetingId, Path)),
    request_body = SettingsChange, responses((status = 200, body = ShownBreakouts)))]
async fn set(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names(name): Names<Name>,
    body: Body,
) -> Result<Json<ShownBreakouts>, Problem> {
    caller.may(&desk.conducting(&name))?;
    let change: SettingsChange = body.read()?;
    let act = Act::SetBreakouts(SetBreakouts {
        ends_in_ms: change.ends_in_ms.map(Millis),
        return_forbidden: change.disable_return_to_main_meeting,
        self_select: change.self_select,
        managers: change.managers,
    });
    desk.manage(&caller, &name, "meeting.breakouts.set", act).await?;
    desk.breakouts(&name).await.map(Json)
}

/// Changes a breakout room.
#[utoipa::path(patch, path = "/v1/organisations/{organisation}/meetings/{meeting}/breakouts/{room}", tag = "meetings",
    params(("organisation" = OrganisationId, Path), ("meeting" = MeetingId, Path), ("room" = u32, Path)),
    request_body = RoomChange, responses((status = 204)))]
async fn change(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names((organisation, meeting, room)): Names<(OrganisationId, MeetingId, u32)>,
    body: Body,
) -> Result<StatusCode, Problem> {
    let name = (organisation, meeting);
    caller.may(&desk.conducting(&name))?;
    let change: RoomChange = body.read()?;
    let act = Act::ChangeBreakout(ChangeBreakout {
        room,
        display_name: change.display_name,
        by_hand: change.auto_move_participants.map(|moves| !moves),
    });
    desk.manage(&caller, &name, "meeting.breakouts.change", act).await
}

/// Closes a breakout room, and takes it away.
#[utoipa::path(delete, path = "/v1/organisations/{organisation}/meetings/{meeting}/breakouts/{room}", tag = "meetings",
    params(("organisation" = OrganisationId, Path), ("meeting" = MeetingId, Path), ("room" = u32, Path)),
    responses((status = 204)))]
async fn remove(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names((organisation, meeting, room)): Names<(OrganisationId, MeetingId, u32)>,
) -> Result<StatusCode, Problem> {
    let name = (organisation, meeting);
    caller.may(&desk.conducting(&name))?;
    let act = Act::RemoveBreakout(Which { id: room });
    desk.manage(&caller, &name, "meeting.breakouts.remove", act).await
}

/// Assigns people to a breakout room, or to none. Those who are in another that is open are moved.
#[utoipa::path(post, path = "/v1/organisations/{organisation}/meetings/{meeting}/breakouts/assign", tag = "meetings",
    params(("organisation" = OrganisationId, Path), ("meeting" = MeetingId, Path)),
    request_body = Assignment, responses((status = 204)))]
async fn assign(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names(name): Names<Name>,
    body: Body,
) -> Result<StatusCode, Problem> {
    caller.may(&desk.conducting(&name))?;
    let Assignment { room, identities } = body.read()?;
    let act = Act::AssignBreakout(AssignBreakout { room, identities });
    desk.manage(&caller, &name, "meeting.breakouts.assign", act).await
}

/// Opens breakout rooms.
#[utoipa::path(post, path = "/v1/organisations/{organisation}/meetings/{meeting}/breakouts/open", tag = "meetings",
    params(("organisation" = OrganisationId, Path), ("meeting" = MeetingId, Path)),
    request_body = SomeRooms, responses((status = 204)))]
async fn open(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names(name): Names<Name>,
    body: Body,
) -> Result<StatusCode, Problem> {
    caller.may(&desk.conducting(&name))?;
    let SomeRooms { rooms } = body.read()?;
    let act = Act::OpenBreakouts(SomeBreakouts { rooms });
    desk.manage(&caller, &name, "meeting.breakouts.open", act).await
}

/// Closes breakout rooms: everyone in them is back in the meeting.
#[utoipa::path(post, path = "/v1/organisations/{organisation}/meetings/{meeting}/breakouts/close", tag = "meetings",
    params(("organisation" = OrganisationId, Path), ("meeting" = MeetingId, Path)),
    request_body = SomeRooms, responses((status = 204)))]
async fn close(
    State(desk): State<Arc<Desk>>,
    caller: Caller,
    Names(name): Names<Name>,
    body: Body,
) -> Result<StatusCode, Problem> {
    caller.may(&desk.conducting(&name))?;
    let SomeRooms { rooms } = body.read()?;
    let act = Act::CloseBreakouts(SomeBreakouts { rooms });
    desk.manage(&caller, &name, "meeting.breakouts.close", act).await
}

impl Desk {
    async fn breakouts(&self, name: &Name) -> Result<ShownBreakouts, Problem> {
        if self.meeting(name).is_none() {
            return Err(Problem::not_found("meeting"));
        }
        let id = name.1.clone();
        let found = self.ask(|reply| Input::Breakouts(id, reply)).await?;
        let not_held = || Problem::new(ProblemType::CONFLICT, "the meeting is not held at the moment");
        found.map(ShownBreakouts::from).ok_or_else(not_held)
    }

    async fn manage(
        &self,
        caller: &Caller,
        name: &Name,
        action: &str,
        act: Act,
    ) -> Result<StatusCode, Problem> {
        self.order(caller, name, action, Order::Breakouts(Box::new(act)))
            .await
    }
}
