//! Greetings: of a member, and of the organisation for those who have none.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use sidetone_organisation::access::Operation;
use sidetone_organisation::{MemberId, OrganisationId};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

use super::{Sound, SoundAnswer, SoundBody, sound_answer};
use crate::api::caller::Caller;
use crate::api::input::Names;
use crate::api::problem::Problem;
use crate::clock::wall_now;
use crate::voicemail::Mailboxes;
use crate::voicemail::greeting::{Greeter, MAX_GREETING_BYTES};

pub(super) fn router() -> OpenApiRouter<Arc<Mailboxes>> {
    OpenApiRouter::new()
        .routes(routes!(show, put, delete).layer(DefaultBodyLimit::max(MAX_GREETING_BYTES)))
        .routes(
            routes!(show_common, put_common, delete_common).layer(DefaultBodyLimit::max(MAX_GREETING_BYTES)),
        )
}

fn own((organisation, member): (OrganisationId, MemberId)) -> Greeter {
    Greeter {
        organisation,
        member: Some(member),
    }
}

fn common(organisation: OrganisationId) -> Greeter {
    Greeter {
        organisation,
        member: None,
    }
}

/// What callers of a member are greeted with.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/members/{member}/voicemail/greeting", tag = "voicemail",
    params(("organisation" = OrganisationId, Path), ("member" = MemberId, Path)),
    responses((status = 200, body = Sound, content_type = "audio/ogg")))]
async fn show(
    State(mailboxes): State<Arc<Mailboxes>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, MemberId)>,
) -> Result<SoundAnswer, Problem> {
    caller.may(&Operation::ReadGreeting(name.0.clone(), name.1.clone()))?;
    Ok(sound_answer(mailboxes.greeting(&own(name), wall_now()).await?))
}

/// Sets what callers of a member are greeted with: Ogg Opus of at most 384 KiB.
#[utoipa::path(put, path = "/v1/organisations/{organisation}/members/{member}/voicemail/greeting", tag = "voicemail",
    params(("organisation" = OrganisationId, Path), ("member" = MemberId, Path)),
    request_body(content = Sound, content_type = "audio/ogg"), responses((status = 204)))]
async fn put(
    State(mailboxes): State<Arc<Mailboxes>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, MemberId)>,
    body: SoundBody,
) -> Result<StatusCode, Problem> {
    caller.may(&Operation::WriteGreeting(name.0.clone(), name.1.clone()))?;
    mailboxes
        .set_greeting(&caller.actor, &own(name), body.read()?, wall_now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a member's greeting: callers hear the organisation's.
#[utoipa::path(delete, path = "/v1/organisations/{organisation}/members/{member}/voicemail/greeting",
    tag = "voicemail", params(("organisation" = OrganisationId, Path), ("member" = MemberId, Path)),
    responses((status = 204)))]
async fn delete(
    State(mailboxes): State<Arc<Mailboxes>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, MemberId)>,
) -> Result<StatusCode, Problem> {
    caller.may(&Operation::WriteGreeting(name.0.clone(), name.1.clone()))?;
    mailboxes
        .delete_greeting(&caller.actor, &own(name), wall_now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What callers of members without a greeting of their own are greeted with.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/voicemail/greeting", tag = "voicemail",
    params(("organisation" = OrganisationId, Path)),
    responses((status = 200, body = Sound, content_type = "audio/ogg")))]
async fn show_common(
    State(mailboxes): State<Arc<Mailboxes>>,
    caller: Caller,
    Names((organisation,)): Names<(OrganisationId,)>,
) -> Result<SoundAnswer, Problem> {
    caller.may(&Operation::ReadCommonGreeting(organisation.clone()))?;
    let greeting = mailboxes.greeting(&common(organisation), wall_now()).await?;
    Ok(sound_answer(greeting))
}

/// Sets what callers of members without a greeting of their own are greeted with: Ogg Opus of at most 384 KiB.
#[utoipa::path(put, path = "/v1/organisations/{organisation}/voicemail/greeting", tag = "voicemail",
    params(("organisation" = OrganisationId, Path)),
    request_body(content = Sound, content_type = "audio/ogg"), responses((status = 204)))]
async fn put_common(
    State(mailboxes): State<Arc<Mailboxes>>,
    caller: Caller,
    Names((organisation,)): Names<(OrganisationId,)>,
    body: SoundBody,
) -> Result<StatusCode, Problem> {
    caller.may(&Operation::WriteCommonGreeting(organisation.clone()))?;
    mailboxes
        .set_greeting(&caller.actor, &common(organisation), body.read()?, wall_now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes the organisation's greeting: callers hear the application's own.
#[utoipa::path(delete, path = "/v1/organisations/{organisation}/voicemail/greeting", tag = "voicemail",
    params(("organisation" = OrganisationId, Path)), responses((status = 204)))]
async fn delete_common(
    State(mailboxes): State<Arc<Mailboxes>>,
    caller: Caller,
    Names((organisation,)): Names<(OrganisationId,)>,
) -> Result<StatusCode, Problem> {
    caller.may(&Operation::WriteCommonGreeting(organisation.clone()))?;
    mailboxes
        .delete_greeting(&caller.actor, &common(organisation), wall_now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
