//! A client made of nothing but a WebSocket and the protocol's types, and a bare HTTP request.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod killed;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use sidetone_server::{Server, ServerConfig, ServerHandle, TokenRequest};
use sidetone_signaling::protocol::{
    CallId, ClientFrame, EndpointOptions, Open, Opened, Request, Resume, Resumed, SUBPROTOCOL, ServerFrame,
    SessionId, Start,
};
use sidetone_signaling::{Identifier, Reason};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use uuid::Uuid;

/// Nothing here takes anywhere near this long: what does is stuck.
pub const STUCK: Duration = Duration::from_secs(20);

pub async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(STUCK, future)
        .await
        .unwrap_or_else(|_| panic!("stuck: {what}"))
}

pub async fn server(config: ServerConfig) -> ServerHandle {
    Server::start(config).await.unwrap()
}

pub fn member(name: &str) -> Identifier {
    Identifier::member("acme", name).unwrap()
}

pub fn token(server: &ServerHandle, name: &str) -> String {
    let mut request = TokenRequest::new(member(name));
    request.name = Some(name.to_owned());
    server.issue_token(request).unwrap().token.into_exposed()
}

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Opens a WebSocket with our subprotocol.
pub async fn socket(url: &str) -> Socket {
    let mut request = url.into_client_request().unwrap();
    request
        .headers_mut()
        .insert("sec-websocket-protocol", SUBPROTOCOL.parse().unwrap());
    let (socket, response) = in_time(
        "connecting",
        tokio_tungstenite::connect_async_with_config(request, None, true),
    )
    .await
    .unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], SUBPROTOCOL);
    socket
}

pub struct Client {
    pub socket: Socket,
    next_id: u64,
    responses: HashMap<u64, Result<Value, Reason>>,
    pub events: VecDeque<(u64, String, Value)>,
    pub last_seq: u64,
    pub bye: Option<Reason>,
    pub close_code: Option<u16>,
}

impl Client {
    pub async fn connect(url: &str) -> Self {
        Self::on(socket(url).await)
    }

    pub fn on(socket: Socket) -> Self {
        Self {
            socket,
            next_id: 1,
            responses: HashMap::new(),
            events: VecDeque::new(),
            last_seq: 0,
            bye: None,
            close_code: None,
        }
    }

    /// Connects and opens a session for a member.
    pub async fn open(server: &ServerHandle, name: &str) -> (Self, Opened) {
        let mut client = Self::connect(&server.url()).await;
        let opened = client.open_with(&token(server, name)).await.unwrap();
        (client, opened)
    }

    pub async fn open_with(&mut self, token: &str) -> Result<Opened, Reason> {
        let open = Open {
            token: token.to_owned(),
            display_name: None,
            options: EndpointOptions::default(),
        };
        let result = self.call_as(0, &Request::Open(open)).await?;
        Ok(serde_json::from_value(result).unwrap())
    }

    pub async fn resume(
        &mut self,
        session: SessionId,
        resume_token: &str,
        last_seq: u64,
    ) -> Result<Resumed, Reason> {
        self.last_seq = last_seq;
        let resume = Resume {
            session,
            resume_token: resume_token.to_owned(),
            last_seq,
        };
        let result = self.call_as(0, &Request::Resume(resume)).await?;
        Ok(serde_json::from_value(result).unwrap())
    }

    /// Sends a request and waits for its response.
    pub async fn call(&mut self, request: &Request) -> Result<Value, Reason> {
        let id = self.next_id;
        self.next_id += 1;
        self.call_as(id, request).await
    }

    pub async fn call_as(&mut self, id: u64, request: &Request) -> Result<Value, Reason> {
        self.send(ClientFrame::request(id, request)).await;
        loop {
            if let Some(response) = self.responses.remove(&id) {
                return response;
            }
            if !self.read().await {
                return Err(self.bye.clone().expect("closed without a word"));
            }
        }
    }

    pub async fn send(&mut self, text: impl Into<String>) {
        let text: String = text.into();
        in_time("sending", self.socket.send(Message::text(text)))
            .await
            .unwrap();
    }

    pub async fn start(&mut self, to: &str) -> CallId {
        let call = CallId(Uuid::new_v4());
        self.call(&Request::Start(Start::new(call, member(to))))
            .await
            .unwrap();
        call
    }

    /// The next event, which must be of this kind. Acknowledges it.
    pub async fn event(&mut self, name: &str) -> Value {
        let (_, event, params) = self.any_event().await;
        assert_eq!(event, name, "{params}");
        params
    }

    /// The next event, whatever it is. Acknowledges it.
    pub async fn any_event(&mut self) -> (u64, String, Value) {
        let next = async {
            while self.events.is_empty() {
                assert!(
                    self.read().await,
                    "closed while waiting for an event: {:?}",
                    self.bye
                );
            }
        };
        in_time("waiting for an event", next).await;
        let (seq, event, params) = self.events.pop_front().unwrap();
        self.send(ClientFrame::ack(seq)).await;
        (seq, event, params)
    }

    /// Reads until the server has closed the connection; gives its last words.
    pub async fn end(&mut self) -> Option<Reason> {
        while self.read().await {}
        self.bye.clone()
    }

    /// Reads one message; false at the end.
    pub async fn read(&mut self) -> bool {
        let message = match in_time("reading", self.socket.next()).await {
            Some(Ok(message)) => message,
            Some(Err(_)) | None => return false,
        };
        match message {
            Message::Text(text) => match ServerFrame::parse(&text).unwrap() {
                ServerFrame::Response { id, result, error } => {
                    let response = error.map_or_else(|| Ok(result.unwrap_or_default()), Err);
                    assert!(
                        self.responses.insert(id, response).is_none(),
                        "two responses to {id}"
                    );
                }
                ServerFrame::Event { seq, event, params } => {
                    assert_eq!(seq, self.last_seq + 1, "events are in order, each once");
                    self.last_seq = seq;
                    self.events.push_back((seq, event, params));
                }
                ServerFrame::Bye { reason } => self.bye = Some(reason),
            },
            Message::Close(frame) => self.close_code = frame.map(|frame| frame.code.into()),
            _ => {}
        }
        true
    }
}

/// Sends bytes over a fresh connection and reads until the server closes it.
pub async fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may close before all is written.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = in_time("reading the answer", stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// An HTTP request; gives the status and the body.
pub async fn http(address: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = raw(address, request.as_bytes()).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0);
    (status, body.to_owned())
}

/// A development token, from a server that gives them.
pub async fn dev_token(address: SocketAddr, identity: &str) -> String {
    let wish = serde_json::json!({ "identity": identity }).to_string();
    let kind = "content-type: application/json\r\n";
    let (status, body) = http(address, "POST", "/v1/dev/token", kind, &wish).await;
    assert_eq!(status, 200, "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    body["token"].as_str().unwrap().to_owned()
}

pub async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    http(address, "GET", path, "", "").await
}

/// Waits until `condition` holds.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    in_time(what, async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// The value of a metric line, such as `sidetone_calls_started_total` or with labels.
pub async fn metric(server: &ServerHandle, line: &str) -> Option<f64> {
    let (status, page) = get(server.local_addr(), "/metrics").await;
    assert_eq!(status, 200);
    let start = format!("{line} ");
    page.lines()
        .find_map(|l| l.strip_prefix(&start))
        .map(|value| value.parse().unwrap())
}
