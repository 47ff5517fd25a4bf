//! Asking twice and having it done once. A changing request may carry an `Idempotency-Key`; its answer is kept for a
//! day, sealed with the caller's own secret, and given again when the same request comes again.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use sidetone_store::{Key, Kv, Revision, StoreError};

use super::caller::{Actor, Caller};
use super::keys::hex;
use super::problem::{Problem, ProblemType};
use super::{Api, MAX_IMPORT_BYTES, seal};
use crate::clock::wall_now;

/// The header, in words.
pub(crate) const HEADER: &str = "idempotency-key";
/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// Longest key, in bytes.
const MAX_KEY: usize = 255;
/// Longest answer that is kept, in bytes. The longest of any change is that of an import.
const MAX_ANSWER: usize = 256 * 1024;
/// Where answers are kept.
const STORED_UNDER: &str = "idempotency.";

/// Answers that are kept, and requests that are being answered.
pub(crate) struct Answers {
    kv: Arc<dyn Kv>,
    busy: Mutex<HashSet<String>>,
}

/// An answer, as it is sealed.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// Of the request that it answers.
    fingerprint: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// Which headers of an answer matter to its reader.
const HEADERS: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    header::ETAG,
    header::LOCATION,
    header::CACHE_CONTROL,
];

impl Answers {
    pub(crate) fn new(kv: Arc<dyn Kv>) -> Self {
        Self {
            kv,
            busy: Mutex::default(),
        }
    }

    /// Marks a place as busy until the guard is dropped.
    fn enter(&self, place: &str) -> Option<Busy<'_>> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.insert(place.to_owned()).then(|| Busy {
            answers: self,
            place: place.to_owned(),
        })
    }

    async fn find(&self, place: &str, seal: &[u8; 32]) -> Result<Option<Kept>, StoreError> {
        let Some(entry) = self.kv.get(&Key::new(place)?, wall_now()).await? else {
            return Ok(None);
        };
        let kept =
            seal::open(seal, place, &entry.value).and_then(|plain| serde_json::from_slice(&plain).ok());
        Ok(kept)
    }

    async fn keep(&self, place: &str, seal: &[u8; 32], kept: &Kept) -> Result<(), StoreError> {
        let plain = serde_json::to_vec(kept).ok();
        let Some(sealed) = plain.and_then(|plain| seal::seal(seal, place, plain)) else {
            return Ok(());
        };
        let now = wall_now();
        let expires = Some(now.after(KEPT));
        self.kv
            .put(&Key::new(place)?, sealed.into(), Revision::ABSENT, expires, now)
            .await?;
        Ok(())
    }
}

struct Busy<'a> {
    answers: &'a Answers,
    place: String,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        let mut busy = self.answers.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.remove(&self.place);
    }
}

/// Middleware behind [`super::caller::authenticate`].
pub(crate) async fn once(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let changing = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let caller = request.extensions().get::<Caller>().cloned();
    let (Some(key), Some(caller), true) = (request.headers().get(HEADER).cloned(), caller, changing) else {
        return next.run(request).await;
    };
    match answer(&api, &key, &caller, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn answer(
    api: &Api,
    key: &HeaderValue,
    caller: &Caller,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if key.is_empty() || key.len() > MAX_KEY {
        return Err(Problem::new(
            ProblemType::MALFORMED,
            format!("the idempotency key must be 1 to {MAX_KEY} bytes long"),
        ));
    }
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_IMPORT_BYTES).await.map_err(|_| {
        Problem::new(
            ProblemType::TOO_LARGE,
            "the body is too long, or did not arrive whole",
        )
    })?;
    let place = place(&caller.actor, key.as_bytes());
    let fingerprint = fingerprint(&parts.method, &parts.uri, &body);
    let answers = &api.answers;
    let _busy = answers.enter(&place).ok_or_else(|| {
        Problem::new(
            ProblemType::CONFLICT,
            "the first request with this idempotency key is being answered",
        )
        .retry_after(Duration::from_secs(1))
    })?;
    if let Some(kept) = answers.find(&place, &caller.seal).await? {
        if kept.fingerprint != fingerprint {
            return Err(Problem::new(
                ProblemType::IDEMPOTENCY,
                "the idempotency key was used for another request: take a new one",
            ));
        }
        return kept.replay();
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    // A file is no answer that could be kept; asking again makes another.
    let is_file = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == super::FILE);
    if is_file || !worth_keeping(response.status()) {
        return Ok(response);
    }
    let (head, body) = response.into_parts();
    let body = to_bytes(body, MAX_ANSWER)
        .await
        .map_err(|_| Problem::new(ProblemType::INTERNAL, "the answer is too long to be kept"))?;
    let kept = Kept::new(fingerprint, &head, &body);
    // Done it is: an answer that cannot be kept is given all the same.
    if let Err(error) = answers.keep(&place, &caller.seal, &kept).await {
        tracing::warn!(%error, "an answer could not be kept for its idempotency key");
    }
    Ok(Response::from_parts(head, Body::from(body)))
}

/// What may be different next time is not kept.
fn worth_keeping(status: StatusCode) -> bool {
    let passing = [
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    !status.is_server_error() && !passing.contains(&status)
}

impl Kept {
    fn new(fingerprint: String, head: &axum::http::response::Parts, body: &Bytes) -> Self {
        let header = |name: &HeaderName| {
            let value = head.headers.get(name)?.to_str().ok()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        };
        Self {
            fingerprint,
            status: head.status.as_u16(),
            headers: HEADERS.iter().filter_map(header).collect(),
            body: String::from_utf8_lossy(body).into_owned(),
        }
    }

    fn replay(self) -> Result<Response, Problem> {
        let mut builder = Response::builder()
            .status(self.status)
            .header("idempotency-replayed", "true");
        for (name, value) in &self.headers {
            builder = builder.header(name, value);
        }
        builder
            .body(Body::from(self.body))
            .map_err(|_| Problem::new(ProblemType::INTERNAL, "the kept answer cannot be given"))
    }
}

/// Where the answer is kept: each caller has keys of his own.
fn place(actor: &Actor, key: &[u8]) -> String {
    // Plain data: serialising it cannot fail.
    let actor = serde_json::to_vec(actor).unwrap_or_default();
    format!("{STORED_UNDER}{}", digest(&[&actor, key]))
}

/// What makes two requests the same.
fn fingerprint(method: &Method, uri: &axum::http::Uri, body: &Bytes) -> String {
    let target = uri
        .path_and_query()
        .map_or("", axum::http::uri::PathAndQuery::as_str);
    digest(&[method.as_str().as_bytes(), target.as_bytes(), body])
}

/// SHA-256 of parts that cannot run into each other.
fn digest(parts: &[&[u8]]) -> String {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&part.len().to_be_bytes());
        context.update(part);
    }
    hex(context.finish().as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
        assert_ne!(digest(&[b"ab"]), digest(&[b"ab", b""]));
    }

    #[test]
    fn a_place_is_busy_until_it_is_left() {
        let store = sidetone_store::Store::in_memory().unwrap();
        let answers = Answers::new(store.kv);
        let busy = answers.enter("a").unwrap();
        assert!(answers.enter("a").is_none());
        assert!(answers.enter("b").is_some());
        drop(busy);
        assert!(answers.enter("a").is_some());
    }

    #[test]
    fn passing_refusals_are_not_kept() {
        for (status, kept) in [
            (200, true),
            (201, true),
            (409, true),
            (422, true),
            (403, false),
            (429, false),
            (503, false),
        ] {
            assert_eq!(
                worth_keeping(StatusCode::from_u16(status).unwrap()),
                kept,
                "{status}"
            );
        }
    }
}
