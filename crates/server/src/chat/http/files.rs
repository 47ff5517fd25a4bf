//! Files and images.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use serde::Deserialize;
use sidetone_chat::{AttachmentRecord, NewAttachment, looks_like};
use sidetone_signaling::Reason;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;
use uuid::Uuid;

use super::shape::Attachment;
use super::{insider, thread};
use crate::api::caller::Caller;
use crate::api::input::{Names, Query};
use crate::api::problem::{Problem, ProblemType};
use crate::chat::{Chats, problem};
use crate::clock::wall_now;

pub(super) fn router() -> OpenApiRouter<Arc<Chats>> {
    OpenApiRouter::new()
        // How much is read is decided by the handler, when it knows whom it reads for.
        .routes(routes!(upload).layer(DefaultBodyLimit::disable()))
        .routes(routes!(download))
}

/// The bytes of a file.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[allow(dead_code, reason = "stands for bytes, in the document")]
struct FileBytes(Bytes);

/// The file in a request, not yet read.
struct FileBody {
    body: Body,
    content_type: String,
}

impl FileBody {
    /// The bytes, at most so many.
    ///
    /// # Errors
    /// More; not whole.
    async fn read(self, most: u64) -> Result<Bytes, Problem> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        to_bytes(self.body, most).await.map_err(|error| {
            let source = error.into_inner();
            if source.is::<http_body_util::LengthLimitError>() {
                problem(Reason::ATTACHMENT_TOO_LARGE.into())
            } else {
                Problem::new(ProblemType::MALFORMED, "the body did not arrive whole")
            }
        })
    }
}

impl<S: Send + Sync> FromRequest<S> for FileBody {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let content_type = kind
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        Ok(Self {
            body: request.into_body(),
            content_type,
        })
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct FileQuery {
    /// The name of the file.
    #[param(min_length = 1, max_length = 255)]
    name: String,
    /// An image, to be shown within the text.
    #[serde(default)]
    inline: bool,
}

/// Uploads a file, to be sent with a message within a day. Its type is the body's content type; which types and how much
/// is taken is the organisation's policy.
#[utoipa::path(post, path = "/v1/chat/threads/{thread}/attachments", tag = "chat",
    params(("thread" = Uuid, Path), FileQuery),
    request_body(content = FileBytes, content_type = "application/octet-stream"),
    responses((status = 201, body = Attachment)))]
async fn upload(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    Names((id,)): Names<(Uuid,)>,
    query: Query,
    body: FileBody,
) -> Result<(StatusCode, Json<Attachment>), Problem> {
    let actor = insider(&chats, &caller, id).await?;
    let query: FileQuery = query.read()?;
    let most = chats
        .ask(thread(id), |thread, context| {
            Ok(thread.largest_file(context.world))
        })
        .await?;
    let content_type = body.content_type.clone();
    let bytes = body.read(most).await?;
    if !looks_like(&content_type.to_ascii_lowercase(), &bytes) {
        return Err(problem(Reason::ATTACHMENT_TYPE.into()));
    }
    let file = NewAttachment {
        id: Uuid::new_v4(),
        name: query.name,
        content_type,
        inline: query.inline,
        size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
    };
    let record = chats
        .change(&caller.actor, thread(id), |thread, context| {
            thread.attach(context, &actor, file)
        })
        .await?;
    // Behind its record, by which it is found again where this is cut off.
    let home = chats.home(thread(id))?;
    chats
        .shelf
        .put_bytes(thread(id), &home, record.id, &bytes, wall_now())
        .await?;
    Ok((StatusCode::CREATED, Json(shown(record))))
}

/// The bytes of a file. Whatever they are, a browser is told to keep them and not to show them.
#[utoipa::path(get, path = "/v1/chat/threads/{thread}/attachments/{attachment}", tag = "chat",
    params(("thread" = Uuid, Path), ("attachment" = Uuid, Path)),
    responses((status = 200, body = FileBytes, content_type = "application/octet-stream")))]
async fn download(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    Names((id, file)): Names<(Uuid, Uuid)>,
) -> Result<Response, Problem> {
    let actor = insider(&chats, &caller, id).await?;
    let record = chats
        .ask(thread(id), |thread, context| {
            thread.attachment(context, &actor, file).cloned()
        })
        .await?;
    let home = chats.home(thread(id))?;
    let bytes = chats.shelf.bytes(thread(id), &home, &record, wall_now()).await?;
    let bytes = bytes.ok_or_else(|| problem(Reason::NO_SUCH_ATTACHMENT.into()))?;
    chats
        .looked_through(&caller.actor, thread(id), &record, &bytes)
        .await?;
    let text = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("attachment"));
    let headers: [(HeaderName, HeaderValue); 4] = [
        (header::CONTENT_TYPE, text(&record.content_type)),
        (header::CONTENT_DISPOSITION, text(&disposition(&record))),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-store"),
        ),
    ];
    Ok((headers, bytes).into_response())
}

/// What to do with a file, and its name (RFC 6266, RFC 8187).
fn disposition(record: &AttachmentRecord) -> String {
    let kind = if record.inline { "inline" } else { "attachment" };
    let name: String = record
        .name
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    format!("{kind}; filename*=UTF-8''{name}")
}

fn shown(record: AttachmentRecord) -> Attachment {
    Attachment {
        id: record.id,
        name: record.name,
        content_type: record.content_type,
        size: record.size,
        inline: record.inline,
        expires_on: record.expires,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_break_out_of_nothing() {
        let record = AttachmentRecord {
            id: Uuid::nil(),
            by: "guest:g".parse().unwrap(),
            name: "a\"b é.pdf".into(),
            content_type: "application/pdf".into(),
            size: 1,
            inline: false,
            expires: sidetone_ledger::Timestamp::from_millis(1),
            message: None,
            verdict: None,
        };
        assert_eq!(
            disposition(&record),
            "attachment; filename*=UTF-8''a%22b%20%C3%A9.pdf"
        );
    }
}
