//! The addresses of mailboxes: for the voicemail application, for members, and for administrators.

mod greetings;
mod messages;

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderName, StatusCode, header};
use bytes::Bytes;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

use super::Mailboxes;
use crate::api::problem::{Problem, ProblemType};

/// The media type of every sound here (RFC 7845 section 9).
const OGG: &str = "audio/ogg";

/// The addresses.
pub(crate) fn router(mailboxes: Arc<Mailboxes>) -> OpenApiRouter {
    OpenApiRouter::new()
        .merge(messages::router())
        .merge(greetings::router())
        .with_state(mailboxes)
}

/// A sound: Ogg Opus in one or two channels (RFC 7845).
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[allow(dead_code, reason = "stands for bytes, in the document")]
struct Sound(Bytes);

/// The sound in a request, not yet looked at.
struct SoundBody {
    bytes: Result<Bytes, StatusCode>,
    is_ogg: bool,
}

impl SoundBody {
    const TYPE: ProblemType = ProblemType {
        name: "sound-type",
        title: "The body must be a sound",
        status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
    };

    /// The bytes.
    ///
    /// # Errors
    /// Another content type; too long; not whole.
    fn read(self) -> Result<Bytes, Problem> {
        if !self.is_ogg {
            return Err(Problem::new(
                Self::TYPE,
                format!("the body must be of content type {OGG}"),
            ));
        }
        self.bytes.map_err(|status| {
            if status == ProblemType::TOO_LARGE.status {
                Problem::new(
                    ProblemType::TOO_LARGE,
                    "the sound is longer than this address takes",
                )
            } else {
                Problem::new(ProblemType::MALFORMED, "the body did not arrive whole")
            }
        })
    }
}

impl<S: Send + Sync> FromRequest<S> for SoundBody {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let essence = kind
            .and_then(|kind| kind.to_str().ok())
            .and_then(|kind| kind.split(';').next());
        let is_ogg = essence.is_some_and(|kind| kind.trim().eq_ignore_ascii_case(OGG));
        let bytes = Bytes::from_request(request, state).await;
        Ok(Self {
            bytes: bytes.map_err(|rejection| rejection.status()),
            is_ogg,
        })
    }
}

/// A sound as an answer. It is private: nothing on the way keeps it.
type SoundAnswer = ([(HeaderName, &'static str); 2], Bytes);

fn sound_answer(bytes: Bytes) -> SoundAnswer {
    (
        [(header::CONTENT_TYPE, OGG), (header::CACHE_CONTROL, "no-store")],
        bytes,
    )
}
