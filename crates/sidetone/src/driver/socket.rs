//! One WebSocket to the service: a task that turns it into events, and text into frames.

use futures_util::{SinkExt, StreamExt};
use sidetone_signaling::agent::{SocketEvent, SocketId};
use sidetone_signaling::protocol::SUBPROTOCOL;
use tokio::sync::mpsc;
use tokio_tungstenite::connect_async_with_config;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Uri, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

/// Largest frame taken from the service. Session descriptions are the largest thing it sends.
const MAX_FRAME: usize = 256 * 1024;

/// What sockets tell the driver.
pub type SocketReport = (SocketId, SocketEvent);

/// The writing end of a socket. Dropping it closes the socket after what was sent.
pub struct Socket {
    pub id: SocketId,
    frames: mpsc::UnboundedSender<String>,
}

impl Socket {
    /// Opens a socket to `uri` in the background.
    pub fn open(id: SocketId, uri: Uri, reports: mpsc::UnboundedSender<SocketReport>) -> Self {
        let (frames, outbox) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            if let Err(error) = carry(id, uri, outbox, &reports).await {
                // The address stays out of the log; the kind of failure is what helps.
                tracing::debug!(error = %error, "socket to the service ended");
            }
            // A driver that is gone needs no report.
            let _ = reports.send((id, SocketEvent::Closed));
        });
        Self { id, frames }
    }

    /// Sends a text frame. A socket that is gone has reported so already.
    pub fn send(&self, text: String) {
        let _ = self.frames.send(text);
    }
}

async fn carry(
    id: SocketId,
    uri: Uri,
    mut outbox: mpsc::UnboundedReceiver<String>,
    reports: &mpsc::UnboundedSender<SocketReport>,
) -> Result<(), Error> {
    let mut request = uri.into_client_request()?;
    request.headers_mut().insert(
        header::SEC_WEBSOCKET_PROTOCOL,
        HeaderValue::from_static(SUBPROTOCOL),
    );
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_FRAME))
        .max_frame_size(Some(MAX_FRAME));
    // Frames are small and each matters at once: no waiting to fill a segment (RFC 896).
    let no_delay = true;
    let connect = connect_async_with_config(request, Some(config), no_delay);
    let (mut socket, _) = tokio::select! {
        opened = connect => opened?,
        // The driver gave up before the socket was open.
        () = closed(&mut outbox) => return Ok(()),
    };
    let report = |event| reports.send((id, event)).is_ok();
    report(SocketEvent::Opened);
    loop {
        tokio::select! {
            frame = outbox.recv() => match frame {
                Some(text) => socket.send(Message::text(text)).await?,
                None => break,
            },
            message = socket.next() => match message.transpose()? {
                Some(Message::Text(text)) => {
                    if !report(SocketEvent::Text(text.as_str().to_owned())) {
                        break;
                    }
                }
                // Pings are answered by the library; binary frames mean nothing in this protocol.
                Some(Message::Close(_)) | None => return Ok(()),
                Some(_) => {}
            },
        }
    }
    socket.close(None).await?;
    // Until the service has closed too (RFC 6455 section 7.1.1): a socket that is dropped with something unread is
    // reset, and a reset overtakes the last frames. The driver bounds how long it waits.
    while let Some(message) = socket.next().await {
        message?;
    }
    Ok(())
}

/// Waits for the writing end to be dropped; nothing is written before the socket is open.
async fn closed(outbox: &mut mpsc::UnboundedReceiver<String>) {
    while outbox.recv().await.is_some() {}
}
