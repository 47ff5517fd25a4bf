//! The signalling of one participant: a session of its own on a socket of its own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use futures_util::{SinkExt, StreamExt};
use sidetone_signaling::protocol::meeting::{Join, Joined, Locator};
use sidetone_signaling::protocol::{ClientFrame, EndpointOptions, Open, Request, SUBPROTOCOL, ServerFrame};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{WebSocketStream, client_async};

/// An open session.
pub struct Line {
    socket: WebSocketStream<TcpStream>,
    requests: u64,
}

fn broken(error: impl std::fmt::Display) -> String {
    format!("signalling: {error}")
}

impl Line {
    /// Opens a session with a token, from an address of this participant's own: the service bounds the connections of
    /// one address.
    ///
    /// # Errors
    /// In words.
    pub async fn open(service: SocketAddr, from: Ipv4Addr, token: String) -> Result<Self, String> {
        let socket = TcpSocket::new_v4().map_err(broken)?;
        socket.bind((IpAddr::V4(from), 0).into()).map_err(broken)?;
        let stream = socket.connect(service).await.map_err(broken)?;
        stream.set_nodelay(true).map_err(broken)?;
        let mut request = format!("ws://{service}/v1/ws")
            .into_client_request()
            .map_err(broken)?;
        let protocol = HeaderValue::from_static(SUBPROTOCOL);
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
        let (socket, _) = client_async(request, stream).await.map_err(broken)?;
        let mut line = Self { socket, requests: 0 };
        let open = Open {
            token,
            display_name: None,
            options: EndpointOptions::default(),
        };
        line.ask::<serde_json::Value>(&Request::Open(open)).await?;
        Ok(line)
    }

    /// Joins.
    ///
    /// # Errors
    /// In words.
    pub async fn join(&mut self, locator: Locator, offer: String) -> Result<Joined, String> {
        let join = Join {
            locator,
            display_name: None,
            offer,
            muted: false,
            rejoin: None,
        };
        self.ask(&Request::MeetingJoin(join)).await
    }

    async fn ask<T: serde::de::DeserializeOwned>(&mut self, request: &Request) -> Result<T, String> {
        let id = self.requests;
        self.requests += 1;
        self.send(ClientFrame::request(id, request)).await?;
        loop {
            match self.next().await? {
                ServerFrame::Response {
                    id: of,
                    result,
                    error,
                } if of == id => {
                    if let Some(reason) = error {
                        return Err(format!("refused: {reason}"));
                    }
                    return serde_json::from_value(result.unwrap_or_default()).map_err(broken);
                }
                ServerFrame::Bye { reason } => return Err(format!("the service says goodbye: {reason}")),
                _ => {}
            }
        }
    }

    /// Takes what comes, until the service or the network ends it. Gives the reason.
    pub async fn keep(mut self) -> String {
        loop {
            match self.next().await {
                Ok(ServerFrame::Bye { reason }) => return reason.to_string(),
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    }

    /// The next frame. Events are acknowledged.
    async fn next(&mut self) -> Result<ServerFrame, String> {
        loop {
            let message = self
                .socket
                .next()
                .await
                .ok_or("the service closed the connection")?;
            let Message::Text(text) = message.map_err(broken)? else {
                continue;
            };
            let frame = ServerFrame::parse(&text).map_err(broken)?;
            if let ServerFrame::Event { seq, .. } = &frame {
                self.send(ClientFrame::ack(*seq)).await?;
            }
            return Ok(frame);
        }
    }

    async fn send(&mut self, text: String) -> Result<(), String> {
        self.socket.send(Message::text(text)).await.map_err(broken)
    }
}
