//! The WebSocket and the session on it, as a client opens them.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use sidetone::Reason;
use sidetone_signaling::protocol::{
    ClientFrame, Close, EndpointOptions, Open, Opened, Request, SUBPROTOCOL, ServerFrame,
};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::report::{Fine, Trouble};
use super::way::Stream;
use crate::address::ServiceAddress;

/// An open WebSocket.
pub type Socket = WebSocketStream<Stream>;

/// Upgrades a way to a WebSocket with our subprotocol (RFC 6455).
pub async fn upgrade(
    stream: Stream,
    server: &ServiceAddress,
    patience: Duration,
) -> Result<(Socket, Fine), Trouble> {
    let no_request = |error: &Error| Trouble::new(format!("WebSocket: {error}"), "correct --server");
    let mut request = format!("{}/v1/ws", server.socket())
        .into_client_request()
        .map_err(|error| no_request(&error))?;
    request.headers_mut().insert(
        header::SEC_WEBSOCKET_PROTOCOL,
        HeaderValue::from_static(SUBPROTOCOL),
    );
    match timeout(patience, client_async(request, stream)).await {
        Ok(Ok((socket, _))) => Ok((socket, Fine::new(SUBPROTOCOL))),
        Ok(Err(error)) => Err(refused(&error)),
        Err(_) => Err(Trouble::new(
            format!("no answer to the upgrade in {patience:?}"),
            "the proxy in front may hold WebSockets back: let it pass `Upgrade` and `Connection` on",
        )),
    }
}

fn refused(error: &Error) -> Trouble {
    match error {
        Error::Http(answer) => {
            let status = answer.status();
            let words: String = answer
                .body()
                .as_deref()
                .map(|body| String::from_utf8_lossy(body).chars().take(200).collect())
                .unwrap_or_default();
            let advice = match status {
                StatusCode::NOT_FOUND => {
                    "let the proxy in front pass /v1/ws on; correct the path in --server"
                }
                StatusCode::TOO_MANY_REQUESTS => {
                    "too many connections from one address: is the proxy in front among the service's trusted ones?"
                }
                StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY => {
                    "the service is full or gone: look into its log"
                }
                _ => "let the proxy in front pass `Upgrade`, `Connection` and `Sec-WebSocket-*` on",
            };
            Trouble::new(format!("the upgrade is refused: {status} {words}"), advice)
        }
        Error::Protocol(error) => Trouble::new(
            format!("what answers is not our WebSocket: {error}"),
            "let the proxy in front pass `Sec-WebSocket-Protocol` on, both ways",
        ),
        other => Trouble::new(
            format!("the upgrade broke off: {other}"),
            "look into the log of the service, and of the proxy in front",
        ),
    }
}

/// Opens a session with a token, and closes it: nobody rings here. Gives what the service grants.
pub async fn session(mut socket: Socket, token: &str, patience: Duration) -> Result<(Opened, Fine), Trouble> {
    let open = Request::Open(Open {
        token: token.to_owned(),
        display_name: None,
        options: EndpointOptions::default(),
    });
    let talk = async {
        let broken = |error: &dyn std::fmt::Display| {
            Trouble::new(
                format!("the socket broke: {error}"),
                "look into the service's log",
            )
        };
        socket
            .send(Message::text(ClientFrame::request(1, &open)))
            .await
            .map_err(|error| broken(&error))?;
        while let Some(message) = socket.next().await {
            let Message::Text(text) = message.map_err(|error| broken(&error))? else {
                continue;
            };
            match ServerFrame::parse(&text) {
                Ok(ServerFrame::Response { id: 1, result, error }) => {
                    if let Some(reason) = error {
                        return Err(token_refused(&reason));
                    }
                    let opened = serde_json::from_value::<Opened>(result.unwrap_or_default());
                    // Answered or not: the session is over when the service hears of it.
                    let _ = socket
                        .send(Message::text(ClientFrame::request(2, &Request::Close(Close {}))))
                        .await;
                    let _ = socket.close(None).await;
                    let opened = opened.map_err(|error| broken(&error))?;
                    let found = format!("opened as {}", opened.identity);
                    return Ok((opened, Fine::new(found)));
                }
                Ok(ServerFrame::Bye { reason }) => return Err(token_refused(&reason)),
                Ok(_) => {}
                Err(error) => return Err(broken(&error)),
            }
        }
        Err(broken(&"closed without a word"))
    };
    timeout(patience, talk).await.unwrap_or_else(|_| {
        Err(Trouble::new(
            format!("no session in {patience:?}"),
            "the proxy in front may hold WebSocket frames back",
        ))
    })
}

fn token_refused(reason: &Reason) -> Trouble {
    let words = reason.message.as_ref();
    let advice = if words.contains("revoked") {
        "its tokens were taken back, or the identity deleted: issue a new one"
    } else if words.contains("unknown key") || words.contains("signature") {
        "it is of another service, or of keys that were dropped: issue one here"
    } else if words.contains("expired") {
        "ask for a new one; compare the clocks"
    } else if words.contains("scope") {
        "ask for a token with the scope `voip`"
    } else {
        "issue a new token at this service"
    };
    Trouble::new(format!("the service refuses the token: {reason}"), advice)
}
