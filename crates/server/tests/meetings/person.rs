//! Somebody who takes part: a signaling client, and media of their own.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sidetone_server::{ServerHandle, TokenRequest};
use sidetone_sfu::caller::{Answered, Caller as Voice};
use sidetone_sfu::link::{Certificate, Link, LinkConfig, Received};
use sidetone_sfu::room::AudioLevel;
use sidetone_signaling::protocol::meeting::{
    self as wire, Join, Joined, Locator, ParticipantId, Passage, Restarted,
};
use sidetone_signaling::protocol::{Opened, Request};
use sidetone_signaling::{Identifier, Reason};

use crate::client::Caller;
use crate::support::{Client, in_time};

/// Organisation `acme` with the members `nia` and `omar`, and a resource.
pub struct Place {
    pub server: ServerHandle,
    pub admin: Caller,
    pub resource: String,
    pub owner: Caller,
}

pub async fn place() -> Place {
    place_with(crate::client::config()).await
}

pub async fn place_with(config: sidetone_server::ServerConfig) -> Place {
    let server = crate::support::server(config).await;
    let admin = crate::client::organisation(&server, "acme").await;
    for (id, name) in [("nia", "Nia Nurse"), ("omar", "Dr Omar")] {
        admin
            .put(
                &format!("/v1/organisations/acme/members/{id}"),
                json!({ "displayName": name }),
            )
            .await
            .expect(201);
    }
    let (resource, owner) = crate::client::resource(&server, "Clinic").await;
    for user in ["pat", "eve"] {
        owner
            .put(
                &format!("/v1/resources/{resource}/external-users/{user}"),
                json!({ "displayName": null }),
            )
            .await;
    }
    admin
        .put(
            "/v1/organisations/acme/federation",
            json!({ "enableExternalUsers": true, "allowedResources": [resource] }),
        )
        .await
        .expect(200);
    admin
        .put(
            "/v1/organisations/acme/policies/global",
            json!({ "enableFederationAccess": true }),
        )
        .await
        .expect(200);
    Place {
        server,
        admin,
        resource,
        owner,
    }
}

impl Place {
    pub fn external(&self, user: &str) -> Identifier {
        Identifier::external_user(&self.resource, user).unwrap()
    }

    /// A meeting of Nia's, as the API shows it.
    pub async fn meeting(&self, body: Value) -> Value {
        let nia = crate::client::member(&self.server, "acme", "nia");
        nia.post("/v1/organisations/acme/meetings", body)
            .await
            .expect(201)
    }

    pub async fn somebody(&self, identity: Identifier, name: Option<&str>) -> Person {
        let mut request = TokenRequest::new(identity);
        request.name = name.map(str::to_owned);
        let token = self.server.issue_token(request).unwrap().token.into_exposed();
        let mut client = Client::connect(&self.server.url()).await;
        let opened = client.open_with(&token).await.unwrap();
        Person::new(client, opened)
    }

    /// A member, with the application of the resource.
    pub async fn member_by_application(&self, id: &str) -> Person {
        let mut request = TokenRequest::new(Identifier::member("acme", id).unwrap());
        request.resource = Some(self.resource.parse().unwrap());
        let token = self.server.issue_token(request).unwrap().token.into_exposed();
        let mut client = Client::connect(&self.server.url()).await;
        let opened = client.open_with(&token).await.unwrap();
        Person::new(client, opened)
    }

    /// Changes the organisation.
    pub async fn allow(&self, change: Value) {
        self.admin
            .patch("/v1/organisations/acme", change)
            .await
            .expect(200);
    }

    pub async fn member(&self, id: &str) -> Person {
        self.somebody(Identifier::member("acme", id).unwrap(), None).await
    }

    pub async fn pat(&self) -> Person {
        self.somebody(self.external("pat"), Some("Pat")).await
    }
}

pub fn link_of(meeting: &Value) -> Locator {
    Locator::Link(meeting["link"].as_str().unwrap().to_owned())
}

/// Their media.
struct Phone {
    link: Link,
    socket: UdpSocket,
    answered: Answered,
    sequence: u16,
}

/// The media and the call of somebody who is in another meanwhile.
#[derive(Default)]
pub struct Aside(Option<Phone>, Option<Joined>);

pub struct Person {
    pub client: Client,
    pub opened: Opened,
    pub joined: Option<Joined>,
    voice: Voice,
    config: LinkConfig,
    phone: Option<Phone>,
    /// Payloads heard, by who said them (the contributing source).
    pub heard: BTreeMap<u32, u64>,
}

impl Person {
    /// At a server that may be another process.
    pub async fn at(address: std::net::SocketAddr, identity: &str) -> Self {
        let token = crate::support::dev_token(address, identity).await;
        let mut client = Client::connect(&format!("ws://{address}/v1/ws")).await;
        let opened = client.open_with(&token).await.unwrap();
        Self::new(client, opened)
    }

    pub fn new(client: Client, opened: Opened) -> Self {
        let config = LinkConfig::new(Certificate::generate().unwrap(), Duration::from_secs(15)).unwrap();
        Self {
            client,
            opened,
            joined: None,
            voice: Voice::new(&config, 3),
            config,
            phone: None,
            heard: BTreeMap::new(),
        }
    }

    pub async fn join(&mut self, locator: Locator) -> Result<Joined, Reason> {
        self.join_as(locator, None).await
    }

    /// As the participant that they were before.
    pub async fn join_as(
        &mut self,
        locator: Locator,
        rejoin: Option<ParticipantId>,
    ) -> Result<Joined, Reason> {
        let join = Join {
            locator,
            display_name: None,
            offer: self.voice.offer(),
            muted: false,
            rejoin,
        };
        let answer = self.client.call(&Request::MeetingJoin(join)).await?;
        let joined: Joined = serde_json::from_value(answer).unwrap();
        let answered = Answered::parse(&joined.answer).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let link = self
            .voice
            .link(&self.config, &answered, socket.local_addr().unwrap());
        self.phone = Some(Phone {
            link,
            socket,
            answered,
            sequence: 0,
        });
        self.joined = Some(joined.clone());
        Ok(joined)
    }

    /// Joins, and is in.
    pub async fn enter(&mut self, locator: Locator) -> Joined {
        let joined = self.join(locator).await.unwrap();
        assert_eq!(joined.passage, Passage::Connected);
        self.connect().await;
        joined
    }

    /// Brings media up.
    pub async fn connect(&mut self) {
        in_time("connecting media", async {
            while !self.phone.as_ref().unwrap().link.is_connected() {
                self.poll();
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await;
    }

    /// An ICE restart: a new offer for the media that there is.
    pub async fn restart(&mut self) {
        self.voice = self.voice.clone().renewed();
        let request = Request::MeetingRestart(wire::Restart {
            call: self.joined.as_ref().unwrap().call,
            offer: self.voice.offer(),
        });
        let answer = self.client.call(&request).await.unwrap();
        let restarted: Restarted = serde_json::from_value(answer).unwrap();
        Answered::parse(&restarted.answer).unwrap();
    }

    pub fn poll(&mut self) {
        let Some(phone) = &mut self.phone else { return };
        let mut buffer = [0; 1500];
        let now = Instant::now();
        let socket = &phone.socket;
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let send = &mut |to, datagram: &[u8]| _ = socket.send_to(datagram, to);
            if let Ok(Received::Rtp(range)) = phone.link.receive(now, from, &mut buffer[..length], send) {
                let packet = &buffer[..range];
                let sources = usize::from(packet[0] & 0x0f);
                if sources > 0 {
                    let source = u32::from_be_bytes(packet[12..16].try_into().unwrap());
                    *self.heard.entry(source).or_default() += 1;
                }
            }
        }
        if phone.link.poll_timeout().is_none_or(|at| at <= now) {
            let send = &mut |to, datagram: &[u8]| _ = socket.send_to(datagram, to);
            phone.link.timeout(now, send);
        }
        while phone.link.poll_event().is_some() {}
    }

    /// Says 20 ms of something.
    pub fn talk(&mut self) {
        let Some(phone) = &mut self.phone else { return };
        let level = AudioLevel {
            minus_dbov: 20,
            voice: true,
        };
        let mut buffer = [0; 1500];
        let timestamp = u32::from(phone.sequence) * 960;
        let length = self
            .voice
            .packet(phone.sequence, timestamp, level, &[7; 60], &mut buffer)
            .unwrap();
        let length = phone.link.seal_rtp(&mut buffer, length).unwrap();
        phone.sequence += 1;
        phone
            .socket
            .send_to(&buffer[..length], phone.answered.addresses[0])
            .unwrap();
    }

    /// Speaks for as long as it is polled.
    pub async fn talk_on(&mut self) {
        loop {
            self.talk();
            self.poll();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Goes on with the media and the call that were put aside, and puts aside those in use.
    pub fn swap(&mut self, aside: &mut Aside) {
        std::mem::swap(&mut self.phone, &mut aside.0);
        std::mem::swap(&mut self.joined, &mut aside.1);
    }

    pub fn number(&self) -> u32 {
        self.joined.as_ref().unwrap().participant.0
    }

    pub fn call(&self) -> wire::Call {
        wire::Call {
            call: self.joined.as_ref().unwrap().call,
        }
    }

    pub async fn ask(&mut self, request: Request) -> Result<Value, Reason> {
        self.client.call(&request).await
    }

    /// Takes what was told so far, and says so: whoever does not is put out for being too slow.
    pub async fn keep_up(&mut self) {
        let soon = Duration::from_millis(1);
        while let Ok(true) = tokio::time::timeout(soon, self.client.read()).await {}
        let last = self.client.events.drain(..).next_back();
        if let Some((seq, ..)) = last {
            let ack = sidetone_signaling::protocol::ClientFrame::ack(seq);
            self.client.send(ack).await;
        }
    }

    /// Reads events until one of this kind fulfils a condition; the others are passed over.
    pub async fn until(&mut self, name: &str, mut fits: impl FnMut(&Value) -> bool) -> Value {
        in_time(&format!("waiting for {name}"), async {
            loop {
                while let Some((seq, event, params)) = self.client.events.pop_front() {
                    let ack = sidetone_signaling::protocol::ClientFrame::ack(seq);
                    self.client.send(ack).await;
                    if event == name && fits(&params) {
                        return params;
                    }
                }
                assert!(self.client.read().await, "closed while waiting for {name}");
            }
        })
        .await
    }
}

/// Lets one talk until another has heard them.
pub async fn hears(listener: &mut Person, speaker: &mut Person) {
    let source = speaker.number();
    let before = listener.heard.get(&source).copied().unwrap_or_default();
    in_time("being heard", async {
        while listener.heard.get(&source).copied().unwrap_or_default() < before + 3 {
            speaker.talk();
            speaker.poll();
            listener.poll();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Lets one talk for a while: how much of it another hears. Media of a third who may hear says that it was long enough.
pub async fn overheard(eavesdropper: &mut Person, listener: &mut Person, speaker: &mut Person) -> u64 {
    let before: u64 = eavesdropper.heard.values().sum();
    for _ in 0..10 {
        hears(listener, speaker).await;
        eavesdropper.poll();
    }
    eavesdropper.heard.values().sum::<u64>() - before
}

pub fn participants(of: &[&Person]) -> Vec<ParticipantId> {
    of.iter().map(|person| ParticipantId(person.number())).collect()
}
