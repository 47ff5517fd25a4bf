//! Hundreds of people in one conversation, in virtual time, from a seed: they write, change their minds, come and go,
//! lose their network, and the service loses its memory. Each client is a model of what a person would have on the
//! screen: in order, nothing lost, nothing doubled.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sidetone_chat::*;
use sidetone_organisation::{Change, Entity, ExternalUser};
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::Event;
use sidetone_signaling::protocol::chat::ChatMessage;
use support::*;

/// What one person's program has.
#[derive(Default)]
struct Client {
    online: bool,
    version: u64,
    messages: BTreeMap<u64, ChatMessage>,
    received: u64,
    synced: u64,
    asked_for: BTreeSet<u64>,
    /// It saw a version left out.
    gaps: u64,
}

impl Client {
    /// An event came. False when something is missing before it.
    fn event(&mut self, event: &Event) -> bool {
        let version = match event {
            Event::ChatMessageReceived(message) | Event::ChatMessageEdited(message) => message.version,
            Event::ChatMessageDeleted(gone) => gone.version,
            Event::ChatParticipantsAdded(added) => added.version,
            Event::ChatParticipantsRemoved(removed) => removed.version,
            Event::ChatThreadUpdated(updated) => updated.thread.version,
            Event::ChatThreadCreated(_) | Event::ChatThreadDeleted(_) => return false,
            _ => return true,
        };
        if version > self.version + 1 {
            self.gaps += 1;
            return false;
        }
        match event {
            Event::ChatMessageReceived(message) => {
                if self.asked_for.contains(&message.id) {
                    // The answer to what was asked ran ahead of the event: the client knows it by its number.
                    return true;
                }
                assert!(
                    !self.messages.contains_key(&message.id),
                    "message {} came twice",
                    message.id
                );
                let last = self.messages.last_key_value().map_or(0, |(id, _)| *id);
                assert!(message.id > last, "message {} came behind {last}", message.id);
                self.received += 1;
                self.messages.insert(message.id, (**message).clone());
            }
            Event::ChatMessageEdited(message) => {
                let known = self
                    .messages
                    .entry(message.id)
                    .or_insert_with(|| (**message).clone());
                if known.version < message.version {
                    *known = (**message).clone();
                }
            }
            Event::ChatMessageDeleted(gone) => {
                if let Some(message) = self.messages.get_mut(&gone.id) {
                    message.text.clear();
                    message.deleted_at_ms = Some(gone.deleted_at_ms);
                    message.version = gone.version;
                    message.reactions.clear();
                    message.pinned = false;
                }
            }
            _ => {}
        }
        self.version = self.version.max(version);
        true
    }

    /// Asks for everything since the last known version.
    fn sync(&mut self, desk: &Desk, who: &Identifier) {
        loop {
            let actor = Actor::new(who.clone());
            let Ok(changes) = desk.thread().changes(desk.context(), &actor, self.version, 7) else {
                return;
            };
            for id in &changes.messages {
                let message = desk.thread().message_shown(&desk.world, who, &desk.message(*id));
                if self.messages.insert(*id, message).is_none() {
                    self.asked_for.insert(*id);
                    self.synced += 1;
                }
            }
            assert!(
                changes.version > self.version || !changes.more,
                "asking again brings more"
            );
            self.version = changes.version;
            if !changes.more {
                return;
            }
        }
    }
}

struct World {
    desk: Desk,
    rng: ChaCha8Rng,
    clients: BTreeMap<Identifier, Client>,
    sent: u64,
}

impl World {
    fn new(seed: u64, members: usize, outsiders: usize) -> Self {
        let mut desk = Desk::new();
        for n in 0..members {
            let member =
                sidetone_organisation::Member::new(format!("m{n}").parse().unwrap(), format!("M {n}"));
            let organisation = contoso();
            desk.world
                .apply(Change::Put(Entity::Member { organisation, member }))
                .unwrap();
        }
        for n in 0..outsiders {
            let user = ExternalUser {
                resource: "shop".parse().unwrap(),
                user: label(&format!("x{n}")),
                display_name: Some(format!("X {n}")),
                bot: false,
            };
            desk.world.apply(Change::Put(Entity::ExternalUser(user))).unwrap();
        }
        let people: Vec<String> = (0..members)
            .map(|n| format!("member:contoso:m{n}"))
            .chain((0..outsiders).map(|n| format!("external:shop:x{n}")))
            .collect();
        let (first, rest) = people.split_at(150);
        let first: Vec<&str> = first.iter().map(String::as_str).collect();
        desk.begin(BOB, &first).unwrap();
        for chunk in rest.chunks(BATCH) {
            let invited = chunk.iter().map(|raw| Invited {
                identity: id(raw),
                name: None,
            });
            let invited = invited.collect();
            desk.must(|thread, context| thread.add(context, &actor(BOB), invited, Some(Default::default())));
        }
        let clients = people
            .iter()
            .map(|raw| {
                (
                    id(raw),
                    Client {
                        online: true,
                        ..Client::default()
                    },
                )
            })
            .chain([(
                id(BOB),
                Client {
                    online: true,
                    ..Client::default()
                },
            )])
            .collect();
        let mut world = Self {
            desk,
            rng: ChaCha8Rng::seed_from_u64(seed),
            clients,
            sent: 0,
        };
        world.deliver();
        world
    }

    fn someone(&mut self) -> Identifier {
        let all: Vec<Identifier> = self.clients.keys().cloned().collect();
        all.choose(&mut self.rng).unwrap().clone()
    }

    /// Hands out what is told: to who is online; the rest is lost, as it is when a session is over.
    fn deliver(&mut self) {
        for (to, event) in std::mem::take(&mut self.desk.tells) {
            let Some(client) = self.clients.get_mut(&to) else {
                continue;
            };
            if client.online && !client.event(&event) {
                client.sync(&self.desk, &to);
            }
        }
    }

    fn step(&mut self) {
        let millis = self.rng.random_range(50..3_000);
        self.desk.pass(Duration::from_millis(millis));
        let who = self.someone();
        let acting = Actor::new(who.clone());
        match self.rng.random_range(0..100) {
            0..50 => {
                let text = format!("{} says {}", who, self.sent);
                if let Ok(Some(_)) = self
                    .desk
                    .ask(|thread, context| thread.send(context, &acting, text_message(&text)))
                {
                    self.sent += 1;
                }
            }
            50..70 => {
                let last = self.desk.thread().last_message();
                let any = self.rng.random_range(last.saturating_sub(20).max(1)..=last);
                let message = self.desk.message(any);
                let by = Actor::new(message.sender.clone());
                let _ = match self.rng.random_range(0..4) {
                    0 => {
                        let content = Content::Text(format!("edited {}", self.sent));
                        self.desk
                            .ask(|thread, context| thread.edit(context, &by, message, content, None))
                            .map(drop)
                    }
                    1 => self
                        .desk
                        .ask(|thread, context| thread.unsay(context, &by, message))
                        .map(drop),
                    2 => self
                        .desk
                        .ask(|thread, context| thread.react(context, &acting, message, "👍", true))
                        .map(drop),
                    _ => self
                        .desk
                        .ask(|thread, context| thread.pin(context, &acting, message, true))
                        .map(drop),
                };
            }
            70..78 => {
                let whom = self.someone();
                let bob = actor(BOB);
                if whom != id(BOB) {
                    let current = self
                        .desk
                        .thread()
                        .participant(&whom)
                        .is_some_and(Participant::is_current);
                    let _ = if current {
                        self.desk
                            .ask(|thread, context| thread.remove(context, &bob, &whom))
                            .map(drop)
                    } else {
                        let invited = vec![Invited {
                            identity: whom,
                            name: None,
                        }];
                        self.desk
                            .ask(|thread, context| thread.add(context, &bob, invited, None))
                            .map(drop)
                    };
                }
            }
            78..95 => {
                // An outage, and its end: what was told meanwhile is gone.
                for _ in 0..10 {
                    let who = self.someone();
                    let client = self.clients.get_mut(&who).unwrap();
                    client.online = !client.online;
                    if client.online {
                        client.sync(&self.desk, &who);
                    }
                }
            }
            95..98 => {
                self.desk.fuse = Some(self.rng.random_range(0..3));
                let text = format!("{} half says {}", who, self.sent);
                let _ = self
                    .desk
                    .ask(|thread, context| thread.send(context, &acting, text_message(&text)));
                self.desk.fuse = None;
                self.desk.tells.clear();
                self.desk.restart();
                // The service is another process: all sessions are new, and everybody asks what was missed.
                for (who, client) in &mut self.clients {
                    if client.online {
                        client.sync(&self.desk, who);
                    }
                }
            }
            _ => {
                let version = self.desk.thread().clone();
                self.desk.restart();
                assert_eq!(*self.desk.thread(), version, "all that is known was written");
            }
        }
        self.deliver();
    }

    fn check(&mut self) {
        for (who, client) in &mut self.clients {
            if !client.online {
                client.online = true;
                client.sync(&self.desk, who);
            }
            let Ok(mut expected) = self.desk.sees(&who.raw_id()) else {
                panic!("{who} sees nothing")
            };
            // Older pages.
            let acting = Actor::new(who.clone());
            let mut next = self
                .desk
                .thread()
                .page(self.desk.context(), &acting, None, PAGE)
                .unwrap()
                .next;
            while let Some(before) = next {
                let page = self
                    .desk
                    .thread()
                    .page(self.desk.context(), &acting, Some(before), PAGE)
                    .unwrap();
                let shown = page.messages.iter().map(|id| {
                    self.desk
                        .thread()
                        .message_shown(&self.desk.world, who, &self.desk.message(*id))
                });
                expected.extend(shown);
                next = page.next;
            }
            expected.reverse();
            let has: Vec<(u64, u64, &str)> = client
                .messages
                .values()
                .map(|message| (message.id, message.version, message.text.as_str()))
                .collect();
            let expected: Vec<(u64, u64, &str)> = expected
                .iter()
                .map(|message| (message.id, message.version, message.text.as_str()))
                .collect();
            let current = self
                .desk
                .thread()
                .participant(who)
                .is_some_and(Participant::is_current);
            if current {
                assert_eq!(has, expected, "{who}");
            } else {
                // What is edited after somebody left is not told to them: they have the messages, perhaps as they were.
                let ids = |list: &[(u64, u64, &str)]| list.iter().map(|(id, ..)| *id).collect::<Vec<_>>();
                assert_eq!(ids(&has), ids(&expected), "{who}");
            }
        }
    }
}

#[test]
fn three_hundred_people_lose_nothing_and_get_nothing_twice() {
    for seed in 0..3 {
        println_seed(seed);
        let mut world = World::new(seed, 200, 100);
        for _ in 0..600 {
            world.step();
        }
        world.check();
        let received: u64 = world.clients.values().map(|client| client.received).sum();
        let synced: u64 = world.clients.values().map(|client| client.synced).sum();
        assert!(
            world.sent > 200 && received > 10_000 && synced > 5_000,
            "the world was busy"
        );
    }
}

/// Shown when the test fails, so that the seed can be run again.
fn println_seed(seed: u64) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "seed {seed}");
}
