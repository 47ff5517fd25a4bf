//! A small world, and a desk that keeps threads as a server does: it writes plans down item by item, and can lose its
//! memory at any point between two writes.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use sidetone_chat::*;
use sidetone_ledger::{Scope, Timestamp};
use sidetone_organisation::*;
use sidetone_signaling::protocol::Event;
use sidetone_signaling::protocol::chat::{ChatMessage, ThreadId};
use sidetone_signaling::{Identifier, Reason};
use uuid::Uuid;

pub const BOB: &str = "member:contoso:bob";
pub const CAROL: &str = "member:contoso:carol";
pub const EVE: &str = "external:shop:eve";
pub const PAT: &str = "external:shop:pat";
pub const FAR: &str = "external:far:fay";

pub fn id(raw: &str) -> Identifier {
    raw.parse().unwrap()
}

pub fn label(text: &str) -> sidetone_signaling::identifier::Label {
    text.parse().unwrap()
}

pub fn contoso() -> OrganisationId {
    "contoso".parse().unwrap()
}

/// Contoso in the EU with Bob and Carol, open to the shop in the US; the resource `far` is not on its list.
pub fn world() -> World {
    let mut world = World::new(Deployment::new(label("public")));
    let mut put = |entity| world.apply(Change::Put(entity)).unwrap();
    for resource in ["shop", "far"] {
        put(Entity::Resource(Resource {
            id: resource.parse().unwrap(),
            name: format!("The {resource}"),
            cloud: label("public"),
            allowed_origins: Vec::new(),
            switches: ResourceSwitches::default(),
            region: Some(label("us")),
        }));
    }
    for (resource, user, name) in [
        ("shop", "eve", "Eve"),
        ("shop", "pat", "Pat"),
        ("far", "fay", "Fay"),
    ] {
        put(Entity::ExternalUser(ExternalUser {
            resource: resource.parse().unwrap(),
            user: label(user),
            display_name: Some(name.into()),
            bot: false,
        }));
    }
    put(Entity::Organisation(Organisation {
        id: contoso(),
        name: "Contoso".into(),
        kind: OrganisationKind::Work,
        cloud: label("public"),
        approval: Approval::Approved,
        switches: Switches::default(),
        recording_consent: Default::default(),
        meetings: Default::default(),
        region: Some(label("eu")),
        chat: ChatPolicy::default(),
    }));
    put(Entity::Federation {
        organisation: contoso(),
        federation: Federation {
            enable_external_users: true,
            allowed_resources: ["shop".parse().unwrap()].into(),
        },
    });
    put(Entity::Policy {
        organisation: contoso(),
        policy: ExternalAccessPolicy {
            name: PolicyName::GLOBAL,
            enable_federation_access: true,
        },
    });
    for (member, name) in [("bob", "Bob"), ("carol", "Carol")] {
        put(Entity::Member {
            organisation: contoso(),
            member: Member::new(member.parse().unwrap(), name),
        });
    }
    world
}

pub fn edit(world: &mut World, change: impl FnOnce(&mut Organisation)) {
    let mut organisation = world.organisation(&contoso()).unwrap().clone();
    change(&mut organisation);
    world
        .apply(Change::Put(Entity::Organisation(organisation)))
        .unwrap();
}

pub fn edit_member(world: &mut World, member: &str, change: impl FnOnce(&mut Member)) {
    let mut member = world
        .member(&contoso(), &member.parse().unwrap())
        .unwrap()
        .clone();
    change(&mut member);
    let organisation = contoso();
    world
        .apply(Change::Put(Entity::Member { organisation, member }))
        .unwrap();
}

/// What is written.
pub type Shelf = BTreeMap<ItemKey, Item>;

/// Keeps one thread.
pub struct Desk {
    pub world: World,
    pub now: Timestamp,
    pub shelf: Shelf,
    pub thread: Option<Thread>,
    pub tells: Vec<(Identifier, Event)>,
    pub happenings: Vec<sidetone_ledger::ChatHappening>,
    pub erased: Vec<(Timestamp, Erased)>,
    pub usage: usize,
    /// Writes until the memory is lost.
    pub fuse: Option<usize>,
    pub limits: ChatLimits,
}

impl Desk {
    pub fn new() -> Self {
        Self {
            world: world(),
            now: Timestamp::from_millis(1_800_000_000_000),
            shelf: Shelf::new(),
            thread: None,
            tells: Vec::new(),
            happenings: Vec::new(),
            erased: Vec::new(),
            usage: 0,
            fuse: None,
            limits: ChatLimits::default(),
        }
    }

    pub fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
    }

    /// Time enough that no rate is a concern.
    pub fn breathe(&mut self) {
        self.pass(Duration::from_secs(61));
    }

    pub fn context(&self) -> Context<'_> {
        Context {
            world: &self.world,
            now: self.now,
            limits: self.limits,
            wanted: &|_: &Scope| true,
        }
    }

    pub fn thread(&self) -> &Thread {
        self.thread.as_ref().unwrap()
    }

    /// Has the thread plan something, and does it. `None`: the memory was lost on the way.
    pub fn ask<T>(
        &mut self,
        wish: impl FnOnce(&mut Thread, Context<'_>) -> Result<Outcome<T>, Refused>,
    ) -> Result<Option<T>, Refused> {
        let mut thread = self.thread.take().unwrap();
        let outcome = wish(&mut thread, self.context());
        self.thread = Some(thread);
        let outcome = outcome?;
        Ok(self.carry_out(&outcome.plan).then_some(outcome.value))
    }

    pub fn must<T>(
        &mut self,
        wish: impl FnOnce(&mut Thread, Context<'_>) -> Result<Outcome<T>, Refused>,
    ) -> T {
        self.ask(wish).unwrap().unwrap()
    }

    pub fn refused<T: std::fmt::Debug>(
        &mut self,
        wish: impl FnOnce(&mut Thread, Context<'_>) -> Result<Outcome<T>, Refused>,
    ) -> Reason {
        self.ask(wish).unwrap_err().reason
    }

    /// Writes a plan, one item after the other. False when the memory was lost on the way.
    pub fn carry_out(&mut self, plan: &Plan) -> bool {
        for item in plan.items() {
            if self.burns() {
                return false;
            }
            self.shelf.insert(item.key(), item.clone());
        }
        for key in &plan.deletes {
            if self.burns() {
                return false;
            }
            self.shelf.remove(key);
        }
        self.usage += plan.usage.len();
        self.erased
            .extend(plan.erased.iter().map(|erased| (self.now, erased.clone())));
        match &mut self.thread {
            Some(thread) => thread.apply(plan),
            None => self.thread = Thread::begun(plan),
        }
        if plan.deletes.contains(&ItemKey::Thread) {
            self.thread = None;
            return true;
        }
        for news in &plan.news {
            let told = self.thread().announce(self.context(), news);
            self.tells.extend(told.tells);
            self.happenings.extend(told.happenings);
        }
        true
    }

    fn burns(&mut self) -> bool {
        match &mut self.fuse {
            Some(0) => {
                self.fuse = None;
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }

    /// Forgets everything, and makes it again from what is written.
    pub fn restart(&mut self) {
        self.thread = Thread::load(self.shelf.values().cloned());
        if self.thread.is_none() {
            return;
        }
        let wanted = self.thread().needed_to_mend(self.context());
        let messages = wanted.into_iter().map(|id| self.message(id)).collect();
        let plan = self.thread().mend(self.context(), messages);
        assert!(self.carry_out(&plan));
    }

    pub fn sweep(&mut self) {
        while self.thread.is_some() {
            let plan = self.thread().due(self.context());
            if plan.is_empty() {
                return;
            }
            assert!(self.carry_out(&plan));
        }
    }

    pub fn message(&self, id: u64) -> Message {
        match self.shelf.get(&ItemKey::Message(id)) {
            Some(Item::Message(message)) => message.clone(),
            other => panic!("no message {id}: {other:?}"),
        }
    }

    pub fn begin(&mut self, by: &str, with: &[&str]) -> Result<(), Refused> {
        let new = NewThread {
            id: ThreadId(Uuid::from_u128(7)),
            topic: "Order 17".into(),
            participants: with
                .iter()
                .map(|raw| Invited {
                    identity: id(raw),
                    name: None,
                })
                .collect(),
            metadata: BTreeMap::new(),
            retention_days: None,
            token: None,
        };
        let outcome = Thread::begin(self.context(), &actor(by), new)?;
        self.thread = None;
        assert!(self.carry_out(&outcome.plan));
        Ok(())
    }

    pub fn begin_meeting(&mut self, channel: bool) {
        let new = NewMeetingThread {
            id: ThreadId(Uuid::from_u128(9)),
            channel,
            topic: "Visit".into(),
            organisation: contoso(),
            organiser: id(BOB),
        };
        let outcome = Thread::begin_meeting(self.context(), new).unwrap();
        self.thread = None;
        assert!(self.carry_out(&outcome.plan));
    }

    pub fn say(&mut self, by: &str, text: &str) -> u64 {
        self.must(|thread, context| thread.send(context, &actor(by), text_message(text)))
    }

    /// What somebody sees of the whole thread, the newest first.
    pub fn sees(&self, who: &str) -> Result<Vec<ChatMessage>, Refused> {
        let page = self.thread().page(self.context(), &actor(who), None, PAGE)?;
        let shown = |message: u64| {
            self.thread()
                .message_shown(&self.world, &id(who), &self.message(message))
        };
        Ok(page.messages.into_iter().map(shown).collect())
    }

    /// The texts that somebody sees, the oldest first.
    pub fn texts(&self, who: &str) -> Vec<String> {
        let mut seen = self.sees(who).unwrap();
        seen.reverse();
        seen.into_iter()
            .map(|message| message.text)
            .filter(|text| !text.is_empty())
            .collect()
    }

    /// The events that somebody was told since the last time this was asked.
    pub fn told(&mut self, who: &str) -> Vec<Event> {
        let (mine, others): (Vec<_>, Vec<_>) = self.tells.drain(..).partition(|(to, _)| to.raw_id() == who);
        self.tells = others;
        mine.into_iter().map(|(_, event)| event).collect()
    }

    /// The copies in another region, as they are written: whose, and what they say.
    pub fn copies(&self) -> Vec<(String, String, String)> {
        self.shelf
            .values()
            .filter_map(|item| match item {
                Item::Copy(copy) => Some((
                    copy.region.to_string(),
                    copy.message.sender.raw_id(),
                    copy.message.body.text().to_owned(),
                )),
                _ => None,
            })
            .collect()
    }

    /// The texts of messages as they are written in the home region.
    pub fn kept(&self) -> Vec<String> {
        let text = |item: &Item| match item {
            Item::Message(message) if !message.body.is_system() => Some(message.body.text().to_owned()),
            _ => None,
        };
        self.shelf.values().filter_map(text).collect()
    }
}

pub fn actor(raw: &str) -> Actor {
    Actor::new(id(raw))
}

pub fn text_message(text: &str) -> NewMessage {
    NewMessage::new(Content::Text(text.into()))
}

pub fn days(days: u64) -> Duration {
    Duration::from_secs(days * 24 * 3600)
}
