//! A service that tells a book what happens, on a virtual clock.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use sidetone_ledger::{
    Book, Booked, Call, CallKind, Client, End, Event, Fact, Named, People, StreamReport, Timestamp, Told,
};
use sidetone_signaling::protocol::{CallId, SessionId};
use sidetone_signaling::{Identifier, Reason};
use uuid::Uuid;

/// A resource's id.
pub const ALPHA: &str = "0f8fad5bd9cb469fa16570867728950e";

/// Shows everybody as the second part of the raw id, external users with the suffix. The echo test is a bot.
pub struct Directory;

impl People for Directory {
    fn name(&self, identity: &Identifier, wanted: Option<&str>) -> Named {
        let raw = identity.raw_id();
        let own = raw.rsplit(':').next().unwrap().to_owned();
        let display_name = match identity {
            Identifier::ExternalUser { .. } => format!("{} (External)", wanted.unwrap_or(&own)),
            _ => own,
        };
        Named {
            display_name,
            bot: raw.ends_with(":robot"),
        }
    }
}

pub fn id(raw: &str) -> Identifier {
    raw.parse().unwrap()
}

pub fn eve() -> Identifier {
    Identifier::external_user(ALPHA, "eve").unwrap()
}

pub fn bob() -> Identifier {
    Identifier::member("contoso", "bob").unwrap()
}

pub fn call(n: u128) -> CallId {
    CallId(Uuid::from_u128(n))
}

pub fn end(identity: &Identifier) -> End {
    End::new(identity.clone())
}

/// An end on an endpoint of its own.
pub fn end_on(identity: &Identifier, endpoint: u128) -> End {
    End {
        endpoint: Some(SessionId(Uuid::from_u128(endpoint))),
        ..end(identity)
    }
}

/// The book, its clock, and all that came of it.
pub struct Service {
    pub book: Book,
    pub now: Timestamp,
    pub booked: Vec<Booked>,
}

impl Service {
    pub fn new() -> Self {
        Self {
            book: Book::default(),
            now: "2026-03-01T10:00:00Z".parse().unwrap(),
            booked: Vec::new(),
        }
    }

    pub fn tell(&mut self, told: Told) {
        self.booked.extend(self.book.take(told, self.now, &Directory));
    }

    pub fn pass(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
    }

    /// An endpoint that runs an application of the resource.
    pub fn application(&mut self, endpoint: u128, resource: &str) {
        let client = Client {
            application: Some(resource.parse().unwrap()),
            sdk_version: Some("sidetone/1.2".to_owned()),
            os_version: Some("linux".to_owned()),
        };
        self.open(endpoint, client);
    }

    pub fn open(&mut self, endpoint: u128, client: Client) {
        let endpoint = SessionId(Uuid::from_u128(endpoint));
        self.tell(Told::EndpointOpened { endpoint, client });
    }

    pub fn place(&mut self, call: CallId, kind: CallKind, by: End, to: &[Identifier]) {
        self.tell(Told::Placed {
            call,
            kind,
            correlation: None,
            place: (kind == CallKind::Meeting).then(|| "meeting-1".to_owned()),
            by,
            to: to.to_vec(),
            context: None,
            on_behalf_of: None,
            quiet: false,
        });
    }

    pub fn join(&mut self, call: CallId, end: End) {
        self.tell(Told::Joined { call, end });
    }

    pub fn leave(&mut self, call: CallId, end: End) {
        self.tell(Told::Left {
            call,
            end,
            reason: None,
        });
    }

    pub fn end(&mut self, call: CallId, reason: Reason) {
        self.tell(Told::Ended { call, reason });
    }

    pub fn measure(&mut self, call: CallId, end: End) {
        let stream = StreamReport {
            stream_id: "audio".to_owned(),
            packet_loss_rate_avg: Some(0.08),
            ..StreamReport::default()
        };
        self.tell(Told::Reported {
            call,
            end,
            streams: vec![stream],
            issues: Vec::new(),
            files: Vec::new(),
        });
    }

    /// A call of two who talk for this long.
    pub fn talk(&mut self, call: CallId, one: &End, other: &End, seconds: u64) {
        self.place(
            call,
            CallKind::TwoParty,
            one.clone(),
            std::slice::from_ref(&other.identity),
        );
        self.tell(Told::Answered { call });
        self.join(call, one.clone());
        self.join(call, other.clone());
        self.pass(seconds);
        self.end(call, Reason::HUNG_UP);
    }

    pub fn facts(&self) -> Vec<Fact> {
        self.booked.iter().map(|booked| booked.fact.clone()).collect()
    }

    pub fn events(&self) -> Vec<Event> {
        self.booked
            .iter()
            .filter_map(|b| Some(b.event.as_ref()?.0.clone()))
            .collect()
    }

    pub fn closed(&self) -> Vec<&Call> {
        self.booked
            .iter()
            .filter_map(|booked| booked.closed.as_deref())
            .collect()
    }
}
