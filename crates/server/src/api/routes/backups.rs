//! Copies of everything that the service keeps, made while it runs.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream;
use sidetone_organisation::access::Operation;
use sidetone_store::StoreError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Api;
use crate::api::FILE;
use crate::api::audit::{AuditEntry, AuditScope};
use crate::api::caller::Caller;
use crate::api::problem::{Problem, ProblemType};
use crate::clock::wall_now;

/// What the names of copies begin with that lie in the data folder while they are sent.
pub(crate) const COPY: &str = "copy.";
/// Sent in pieces of this many bytes.
const PIECE: usize = 256 * 1024;
/// When it is worth trying again while another copy is made.
const BUSY: Duration = Duration::from_secs(5);

pub(super) fn router() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(make))
}

/// A copy of everything that the service keeps, as it is at one moment: a file for the data folder of another service
/// (`sidetone.redb`). It holds the signing keys. Calls and requests go on meanwhile.
// The body, though empty, is read to its end: a connection with something unread is reset at its end, and the end of the copy
// would be lost with it.
#[utoipa::path(post, path = "/v1/backups", tag = "service",
    responses((status = 200, body = String, content_type = "application/octet-stream")))]
async fn make(State(api): State<Arc<Api>>, caller: Caller, _body: Bytes) -> Result<Response, Problem> {
    caller.may(&Operation::BackUp)?;
    let _turn = api.copying.try_lock().map_err(|_| {
        Problem::new(ProblemType::UNAVAILABLE, "another copy is being made").retry_after(BUSY)
    })?;
    let now = wall_now();
    let entry = AuditEntry::new(caller.actor.clone(), "backup.make", "store", now);
    api.registry
        .audit()
        .append(&AuditScope::Deployment, &entry, now)
        .await?;
    let path = api.copies.join(format!("{COPY}{}", Uuid::new_v4()));
    let size = api.store.back_up(&path).await?;
    let file = opened(path).await?;
    let head = [
        (header::CONTENT_TYPE, FILE.to_owned()),
        (header::CONTENT_LENGTH, size.to_string()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"sidetone.redb\"".to_owned(),
        ),
    ];
    let pieces = stream::try_unfold(file, async |file| {
        let (piece, file) = tokio::task::spawn_blocking(move || piece(file)).await??;
        Ok::<_, std::io::Error>((!piece.is_empty()).then_some((piece, file)))
    });
    Ok((head, Body::from_stream(pieces)).into_response())
}

/// Opens the copy and takes its name away: it is gone when it is sent, whatever becomes of the process.
async fn opened(path: PathBuf) -> Result<File, Problem> {
    let open = move || {
        let file = File::open(&path);
        std::fs::remove_file(&path).and(file)
    };
    let opened = tokio::task::spawn_blocking(open).await;
    let storage = |error: std::io::Error| StoreError::Storage {
        message: error.to_string(),
    };
    Ok(opened.map_err(|_| StoreError::Closed)?.map_err(storage)?)
}

fn piece(mut file: File) -> std::io::Result<(Bytes, File)> {
    let mut piece = vec![0; PIECE];
    let read = file.read(&mut piece)?;
    piece.truncate(read);
    Ok((piece.into(), file))
}
