//! What is said to the XDG desktop portal: asks the person what to share, and ends it. It refuses to know pixels.

use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

use ashpd::desktop::screencast::{CursorMode, Screencast, SelectSourcesOptions, SourceType};
use ashpd::desktop::{PersistMode, ResponseError, Session};
use ashpd::enumflags2::BitFlags;
use ashpd::zbus::{self, connection::Builder};
use ashpd::{Error, PortalError};
use futures_util::{Stream, StreamExt};
use tokio::time::timeout;

use super::HOST;
use crate::source::CaptureError;

/// Longest wait for an answer of the portal itself. How long a person thinks is not counted: that comes as a signal.
const ANSWER: Duration = Duration::from_secs(10);

/// Longest wait for a session to be closed. It also ends with our connection.
const CLOSING: Duration = Duration::from_millis(500);

/// The versions of the interface that know how pointers are drawn, and how choices are remembered.
const POINTERS: u32 = 2;
const MEMORY: u32 = 4;

/// What a person allowed to be seen, while it lasts.
pub(super) struct Cast {
    session: Session<Screencast>,
    /// The way to PipeWire.
    remote: OwnedFd,
    /// What to ask for there.
    pub(super) node: u32,
    /// Gives the same again without a dialog, where the portal allows that.
    pub(super) token: Option<String>,
}

/// Looks whether there is a portal that shows screens. Waits for it on a thread of its own: a caller may be an async
/// runtime's.
///
/// # Errors
/// [`CaptureError::Unavailable`].
pub(super) fn check(bus: Option<&str>) -> Result<(), CaptureError> {
    let look = || -> Result<(), Failure> {
        let asked = async { sources(&connect(bus).await?).await };
        let answer = runtime()?.block_on(async { timeout(ANSWER, asked).await });
        answer.map_err(std::io::Error::from)?.map(|_| ())
    };
    let looked = thread::scope(|scope| {
        let thread = thread::Builder::new().name("wayland portal".into());
        match thread.spawn_scoped(scope, look)?.join() {
            Ok(looked) => looked,
            // The library met something that it holds impossible.
            Err(_) => Err(Failure::Nothing),
        }
    });
    looked.map_err(|failure| failure.into_error(HOST))
}

/// What went wrong between us and the portal.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Portal(#[from] Error),
    #[error(transparent)]
    System(#[from] std::io::Error),
    #[error("the desktop has no screen or window to give")]
    Nothing,
}

impl From<zbus::Error> for Failure {
    fn from(error: zbus::Error) -> Self {
        Self::Portal(error.into())
    }
}

/// A runtime for the thread that calls.
///
/// # Errors
/// When the system has no more descriptors.
pub(super) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_io().enable_time().build()
}

/// A connection of our own: one that is shared would belong to the runtime of whoever was first.
async fn connect(bus: Option<&str>) -> Result<Screencast, Failure> {
    let builder = match bus {
        Some(address) => Builder::address(address)?,
        None => Builder::session()?,
    };
    let connection = builder.method_timeout(ANSWER).build().await?;
    Ok(Screencast::with_connection(connection).await?)
}

/// What a person can be asked for. A portal without a desktop behind it has nothing.
async fn sources(portal: &Screencast) -> Result<BitFlags<SourceType>, Failure> {
    let sources = portal.available_source_types().await? & (SourceType::Monitor | SourceType::Window);
    if sources.is_empty() {
        return Err(Failure::Nothing);
    }
    Ok(sources)
}

impl Cast {
    /// Asks the person, unless `token` stands for an answer that still holds. Dropping the future takes the question
    /// back, together with the runtime that runs it.
    ///
    /// # Errors
    /// [`CaptureError::Denied`] when the person or the desktop says no, [`CaptureError::Unavailable`] when it cannot be
    /// asked.
    pub(super) async fn ask(
        id: &str,
        bus: Option<&str>,
        token: Option<&str>,
        cursor: bool,
    ) -> Result<Self, CaptureError> {
        let asked = Self::start(bus, token, cursor).await;
        asked.map_err(|failure| failure.into_error(id))
    }

    async fn start(bus: Option<&str>, token: Option<&str>, cursor: bool) -> Result<Self, Failure> {
        let portal = connect(bus).await?;
        let mut options = SelectSourcesOptions::default()
            .set_sources(sources(&portal).await?)
            .set_multiple(false);
        if portal.version() >= POINTERS {
            let known = portal.available_cursor_modes().await?;
            let wanted = if cursor {
                CursorMode::Embedded
            } else {
                CursorMode::Hidden
            };
            options = options.set_cursor_mode(known.contains(wanted).then_some(wanted));
        }
        if portal.version() >= MEMORY {
            options = options
                .set_persist_mode(PersistMode::ExplicitlyRevoked)
                .set_restore_token(token);
        }
        let session = portal.create_session(Default::default()).await?;
        portal.select_sources(&session, options).await?.response()?;
        let answer = portal.start(&session, None, Default::default()).await?;
        let answer = answer.response()?;
        let stream = answer.streams().first().ok_or(Failure::Nothing)?;
        let remote = portal.open_pipe_wire_remote(&session, Default::default()).await?;
        Ok(Self {
            remote,
            node: stream.pipe_wire_node_id(),
            token: answer.restore_token().map(str::to_owned),
            session,
        })
    }

    /// The way to PipeWire, for one connection.
    ///
    /// # Errors
    /// When the system has no more descriptors.
    pub(super) fn remote(&self) -> std::io::Result<OwnedFd> {
        self.remote.try_clone()
    }

    /// Says when the desktop, or the person at it, ends it.
    ///
    /// # Errors
    /// When the portal is gone.
    pub(super) async fn closed(&self) -> Result<impl Stream<Item = ()> + use<'_> + Unpin, Error> {
        let closed = self.session.receive_closed().await?;
        Ok(Box::pin(closed.map(|_| ())))
    }

    /// Tells the desktop that nobody looks any more.
    pub(super) async fn close(&self) {
        match timeout(CLOSING, self.session.close()).await {
            Ok(Ok(())) => {}
            // Closed by the desktop already, or gone with it.
            Ok(Err(error)) => tracing::debug!(%error, "a portal session is not closed"),
            Err(_) => tracing::debug!("the portal does not answer; its session ends with our connection"),
        }
    }
}

impl Failure {
    fn into_error(self, id: &str) -> CaptureError {
        let (id, reason) = (id.to_owned(), self.to_string());
        match self {
            Self::Portal(Error::Response(ResponseError::Cancelled)) => CaptureError::Denied {
                id,
                reason: "the person at the screen said no".into(),
            },
            Self::Portal(Error::Portal(PortalError::NotAllowed(_) | PortalError::Cancelled(_))) => {
                CaptureError::Denied { id, reason }
            }
            _ => CaptureError::Unavailable { id, reason },
        }
    }
}
