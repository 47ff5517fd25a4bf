//! Messages: left by the voicemail application, heard and deleted by their owner.

use std::sync::Arc;

use axum::Json;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sidetone_organisation::access::Operation;
use sidetone_organisation::{MemberId, OrganisationId};
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::CallId;
use sidetone_store::WallTime;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;
use uuid::Uuid;

use super::{Sound, SoundAnswer, SoundBody, sound_answer};
use crate::api::audit::timestamp;
use crate::api::caller::Caller;
use crate::api::input::{Body, Names, Query};
use crate::api::page::{Page, PageQuery};
use crate::api::problem::{Problem, ProblemType};
use crate::clock::wall_now;
use crate::voicemail::{MAX_MESSAGE_BYTES, Mailboxes, Message, NewMessage, place};

/// Longest name of a caller that is read, in characters.
const MAX_NAME: usize = 128;

pub(super) fn router() -> OpenApiRouter<Arc<Mailboxes>> {
    OpenApiRouter::new()
        .routes(routes!(leave).layer(DefaultBodyLimit::max(MAX_MESSAGE_BYTES)))
        .routes(routes!(list))
        .routes(routes!(show, mark, delete))
        .routes(routes!(sound))
}

/// What is known of a message beside its sound.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LeaveQuery {
    /// The call in which it was left. A second message of the same call is not taken: the first is answered.
    call: Uuid,
    /// Who called: the raw id.
    #[param(value_type = String, example = "external:0f8fad5bd9cb469fa16570867728950e:eve",
        pattern = r"^((external|member|application):[A-Za-z0-9._-]{1,64}:[A-Za-z0-9._-]{1,64}|guest:[A-Za-z0-9._-]{1,64}|phone:[+][0-9]{3,15})$")]
    from: Identifier,
    /// The name that the caller was shown under. The service's own word on it stands above.
    #[param(max_length = 128)]
    display_name: Option<String>,
}

/// A message in a mailbox.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct VoicemailMessage {
    /// Its id: that of the call in which it was left.
    id: Uuid,
    /// Who left it.
    #[schema(value_type = String)]
    from: Identifier,
    /// Their name, as the service shows it everywhere.
    display_name: String,
    /// When (RFC 3339).
    #[schema(format = DateTime)]
    received_at: String,
    /// How long it plays, in milliseconds.
    #[schema(minimum = 0)]
    duration_ms: u64,
    /// How long its sound is, in bytes.
    #[schema(minimum = 0)]
    bytes: usize,
    /// Whether it was heard.
    heard: bool,
}

impl From<Message> for VoicemailMessage {
    fn from(message: Message) -> Self {
        Self {
            id: message.call.0,
            from: message.from,
            display_name: message.display_name,
            received_at: timestamp(WallTime::from_millis(message.received)),
            duration_ms: message.duration_ms,
            bytes: message.bytes,
            heard: message.heard,
        }
    }
}

/// What changes about a message.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Mark {
    /// Whether it was heard.
    heard: bool,
}

/// Leaves a message for a member: its sound, Ogg Opus of at most 4 MiB. For voicemail applications of the organisation.
/// The member's endpoints are told at once.
#[utoipa::path(post, path = "/v1/organisations/{organisation}/members/{member}/voicemail/messages", tag = "voicemail",
    params(("organisation" = OrganisationId, Path), ("member" = MemberId, Path), LeaveQuery),
    request_body(content = Sound, content_type = "audio/ogg"),
    responses((status = 201, body = VoicemailMessage), (status = 200, body = VoicemailMessage)))]
async fn leave(
    State(mailboxes): State<Arc<Mailboxes>>,
    caller: Caller,
    Names(owner): Names<(OrganisationId, MemberId)>,
    query: Query,
    body: SoundBody,
) -> Result<(StatusCode, Json<VoicemailMessage>), Problem> {
    caller.may(&Operation::LeaveMessage(owner.0.clone(), owner.1.clone()))?;
    let query: LeaveQuery = query.read()?;
    let long = |name: &String| name.chars().count() > MAX_NAME;
    if query.display_name.as_ref().is_some_and(long) {
        let detail = format!("displayName is longer than {MAX_NAME} characters");
        return Err(Problem::new(ProblemType::MALFORMED, detail));
    }
    let new = NewMessage {
        call: CallId(query.call),
        from: query.from,
        display_name: query.display_name,
        sound: body.read()?,
    };
    let (message, is_new) = mailboxes.leave(&caller.actor, &owner, new, wall_now()).await?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(message.into())))
}

/// The messages in a member's mailbox, the newest first.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/members/{member}/voicemail/messages", tag = "voicemail",
    params(("organisation" = OrganisationId, Path), ("member" = MemberId, Path), PageQuery),
    responses((status = 200, body = Page<VoicemailMessage>)))]
async fn list(
    State(mailboxes): State<Arc<Mailboxes>>,
    caller: Caller,
    Names(owner): Names<(OrganisationId, MemberId)>,
    query: Query,
) -> Result<Json<Page<VoicemailMessage>>, Problem> {
    caller.may(&Operation::ReadMessages(owner.0.clone(), owner.1.clone()))?;
    let query: PageQuery = query.read()?;
    let messages = mailboxes.list(&owner, wall_now()).await?;
    Ok(Json(query.page(
        messages.into_iter(),
        place,
        VoicemailMessage::from,
    )?))
}

/// A message.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/members/{member}/voicemail/messages/{message}",
    tag = "voicemail",
    params(("organisation" = OrganisationId, Path), ("member" = MemberId, Path), ("message" = Uuid, Path)),
    responses((status = 200, body = VoicemailMessage)))]
async fn show(
    State(mailboxes): State<Arc<Mailboxes>>,
    caller: Caller,
    Names((organisation, member, message)): Names<(OrganisationId, MemberId, Uuid)>,
) -> Result<Json<VoicemailMessage>, Problem> {
    caller.may(&Operation::ReadMessages(organisation.clone(), member.clone()))?;
    let owner = (organisation, member);
    let message = mailboxes.find(&owner, CallId(message), wall_now()).await?;
    Ok(Json(message.into()))
}

/// The sound of a message.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/members/{member}/voicemail/messages/{message}/sound",
    tag = "voicemail",
    params(("organisation" = OrganisationId, Path), ("member" = MemberId, Path), ("message" = Uuid, Path)),
    responses((status = 200, body = Sound, content_type = "audio/ogg")))]
async fn sound(
    State(mailboxes): State<Arc<Mailboxes>>,
    caller: Caller,
    Names((organisation, member, message)): Names<(OrganisationId, MemberId, Uuid)>,
) -> Result<SoundAnswer, Problem> {
    caller.may(&Operation::ReadMessages(organisation.clone(), member.clone()))?;
    let owner = (organisation, member);
    let sound = mailboxes.sound(&owner, CallId(message), wall_now()).await?;
    Ok(sound_answer(sound))
}

/// Marks a message as heard, or as not heard.
#[utoipa::path(patch, path = "/v1/organisations/{organisation}/members/{member}/voicemail/messages/{message}",
    tag = "voicemail",
    params(("organisation" = OrganisationId, Path), ("member" = MemberId, Path), ("message" = Uuid, Path)),
    request_body = Mark, responses((status = 200, body = VoicemailMessage)))]
async fn mark(
    State(mailboxes): State<Arc<Mailboxes>>,
    caller: Caller,
    Names((organisation, member, message)): Names<(OrganisationId, MemberId, Uuid)>,
    body: Body,
) -> Result<Json<VoicemailMessage>, Problem> {
    caller.may(&Operation::WriteMessages(organisation.clone(), member.clone()))?;
    let Mark { heard } = body.read()?;
    let owner = (organisation, member);
    let marked = mailboxes
        .mark(&caller.actor, &owner, CallId(message), heard, wall_now())
        .await?;
    Ok(Json(marked.into()))
}

/// Deletes a message and its sound.
#[utoipa::path(delete, path = "/v1/organisations/{organisation}/members/{member}/voicemail/messages/{message}",
    tag = "voicemail",
    params(("organisation" = OrganisationId, Path), ("member" = MemberId, Path), ("message" = Uuid, Path)),
    responses((status = 204)))]
async fn delete(
    State(mailboxes): State<Arc<Mailboxes>>,
    caller: Caller,
    Names((organisation, member, message)): Names<(OrganisationId, MemberId, Uuid)>,
) -> Result<StatusCode, Problem> {
    caller.may(&Operation::WriteMessages(organisation.clone(), member.clone()))?;
    let owner = (organisation, member);
    mailboxes
        .delete(&caller.actor, &owner, CallId(message), wall_now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
