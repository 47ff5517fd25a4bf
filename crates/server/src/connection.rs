//! One WebSocket: moves text frames between the socket and the switchboard's driver, keeps the connection alive, and
//! ends it with a reason. Refuses to know what the frames say.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::ServerFrame;
use sidetone_signaling::switchboard::{CloseCode, ConnectionId};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, timeout};

use crate::PeerAddress;
use crate::config::ConnectionLimits;
use crate::driver::{Input, Inputs};
use crate::flag::raised;
use crate::metrics::Metrics;
use crate::outbox::{CutOff, Outgoing, Outlet, outbox};

/// How long the last words to a client may take, and then its own closing.
const FAREWELL: Duration = Duration::from_secs(1);

/// Longest close reason on the wire (RFC 6455 section 5.5: 125 bytes with the code).
const MAX_CLOSE_REASON: usize = 123;

/// What all connections share.
pub(crate) struct Connections {
    pub(crate) inputs: Inputs,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) limits: ConnectionLimits,
    /// Longest frame, in bytes.
    pub(crate) max_frame: usize,
    /// Number of the next connection.
    pub(crate) next: AtomicU64,
    /// Turns true when connections must end without last words.
    pub(crate) abandon: watch::Receiver<bool>,
}

/// How a connection came to its end.
enum End {
    /// The client closed it, or the network did.
    Gone,
    /// The switchboard closed it, everything before having been sent.
    Closed(CloseCode),
    /// This end closes it at once.
    Refused {
        cause: &'static str,
        reason: Reason,
        code: CloseCode,
    },
    /// Nothing came from the client for too long: nobody is there to hear last words.
    Silent,
    /// The service ends.
    Abandoned,
}

impl Connections {
    /// Serves one connection to its end.
    pub(crate) async fn serve(self: Arc<Self>, socket: WebSocket, peer: PeerAddress) {
        let id = ConnectionId(self.next.fetch_add(1, Ordering::Relaxed));
        let (outbox, mut outlet, cut_off) =
            outbox(self.limits.send_queue_frames, self.limits.send_queue_bytes);
        if self.inputs.send(Input::Connected(id, outbox)).await.is_err() {
            return;
        }
        self.metrics.connections_opened.inc();
        tracing::debug!(connection = id.0, %peer, "connection opened");

        let (mut sink, mut stream) = socket.split();
        let mut abandon = self.abandon.clone();
        let end = tokio::select! {
            biased;
            () = raised(&mut abandon) => End::Abandoned,
            Ok(CutOff { reason, code }) = cut_off => End::Refused { cause: "slow_reader", reason, code },
            end = self.read(id, &mut stream) => end,
            end = self.write(&mut sink, &mut outlet) => end,
        };
        // Told before the last words are said: others must not wait for them.
        let _ = self.inputs.send(Input::Disconnected(id)).await;
        self.finish(id, end, &mut sink, &mut stream).await;
    }

    async fn read(&self, id: ConnectionId, stream: &mut SplitStream<WebSocket>) -> End {
        let refused = |cause, reason, code| End::Refused { cause, reason, code };
        loop {
            let Ok(message) = timeout(self.limits.idle_timeout, stream.next()).await else {
                return End::Silent;
            };
            match message {
                Some(Ok(Message::Text(text))) => {
                    if text.len() > self.max_frame {
                        return refused("frame_too_large", Reason::FRAME_TOO_LARGE, CloseCode::TooLarge);
                    }
                    if self
                        .inputs
                        .send(Input::Frame(id, text.as_str().to_owned()))
                        .await
                        .is_err()
                    {
                        return End::Abandoned;
                    }
                }
                Some(Ok(Message::Binary(_))) => {
                    return refused("not_text", Reason::BAD_FRAME, CloseCode::Protocol);
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_))) | None => return End::Gone,
                Some(Err(error)) => return refusal(&error),
            }
        }
    }

    async fn write(&self, sink: &mut SplitSink<WebSocket, Message>, outlet: &mut Outlet) -> End {
        let mut ping = tokio::time::interval(self.limits.ping_interval);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        loop {
            let message = tokio::select! {
                next = outlet.next() => match next {
                    Some(Outgoing::Text(text)) => Message::Text(text.into()),
                    Some(Outgoing::Close(code)) => return End::Closed(code),
                    // The driver is gone without a word: the service ends, or it cut us off.
                    None => std::future::pending().await,
                },
                _ = ping.tick() => Message::Ping(Bytes::new()),
            };
            match timeout(self.limits.write_timeout, sink.send(message)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return End::Gone,
                Err(_) => {
                    let (reason, code) = (Reason::TOO_SLOW, CloseCode::Overload);
                    return End::Refused {
                        cause: "slow_reader",
                        reason,
                        code,
                    };
                }
            }
        }
    }

    async fn finish(
        &self,
        id: ConnectionId,
        end: End,
        sink: &mut SplitSink<WebSocket, Message>,
        stream: &mut SplitStream<WebSocket>,
    ) {
        let connection = id.0;
        match end {
            End::Abandoned => {}
            End::Silent => {
                self.metrics.connection_failed("silent");
                tracing::info!(connection, "connection is dead, closed");
            }
            End::Gone => {
                tracing::debug!(connection, "connection closed by the client");
                // Answers the client's closing, if it sent one.
                let _ = timeout(FAREWELL, sink.close()).await;
            }
            End::Closed(code) => {
                tracing::debug!(connection, code = code.code(), "connection closed");
                let _ = timeout(FAREWELL, close(sink, stream, code, "")).await;
            }
            End::Refused { cause, reason, code } => {
                self.metrics.connection_failed(cause);
                self.metrics.refused(&reason);
                tracing::info!(connection, %reason, "connection refused");
                let bye = ServerFrame::bye(&reason);
                let farewell = async {
                    if sink.send(Message::Text(bye.into())).await.is_ok() {
                        close(sink, stream, code, &reason.message).await;
                    }
                };
                let _ = timeout(FAREWELL, farewell).await;
            }
        }
    }
}

/// Sends a close frame and waits for the client's own, so that what was sent is not lost with the connection.
async fn close(
    sink: &mut SplitSink<WebSocket, Message>,
    stream: &mut SplitStream<WebSocket>,
    code: CloseCode,
    reason: &str,
) {
    let cut = reason.floor_char_boundary(MAX_CLOSE_REASON);
    let frame = CloseFrame {
        code: code.code(),
        reason: Utf8Bytes::from(&reason[..cut]),
    };
    if sink.send(Message::Close(Some(frame))).await.is_ok() {
        while let Some(Ok(_)) = stream.next().await {}
    }
}

/// What to tell a client whose bytes cannot be read.
fn refusal(error: &axum::Error) -> End {
    // The layers below give no typed error here, but their texts tell size from shape; a wrong guess only changes
    // which of two refusals the client reads.
    let text = error.to_string();
    if text.contains("too long") || text.contains("too big") || text.contains("exceeded") {
        return End::Refused {
            cause: "frame_too_large",
            reason: Reason::FRAME_TOO_LARGE,
            code: CloseCode::TooLarge,
        };
    }
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if error.is::<std::io::Error>() {
            return End::Gone;
        }
        source = error.source();
    }
    if text.contains("without closing handshake") || text.contains("Connection closed") {
        return End::Gone;
    }
    End::Refused {
        cause: "not_websocket",
        reason: Reason::BAD_FRAME,
        code: CloseCode::Protocol,
    }
}
