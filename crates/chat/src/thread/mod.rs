//! A thread: what is known of one conversation. It is made of what was written, and of nothing else.

pub(crate) mod announce;
mod answer;
pub(crate) mod create;
pub(crate) mod delete;
mod edit;
pub(crate) mod history;
mod last;
pub(crate) mod meeting;
mod people;
pub(crate) mod preview;
pub(crate) mod properties;
mod receipts;
mod retention;
pub(crate) mod send;
mod standing;
mod translate;
mod typing;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use sidetone_ledger::{Scope, Timestamp};
use sidetone_organisation::OrganisationId;
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::chat::{ThreadId, ThreadKind};
use uuid::Uuid;

use crate::context::scopes_of;
use crate::{AttachmentRecord, Item, ItemKey, Participant, Plan, Rates, Region, ThreadRecord};

/// What is known of a message without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The thread's version that last changed it.
    pub version: u64,
    /// Who sent it.
    pub sender: Identifier,
    /// When.
    pub created: Timestamp,
    /// Nothing is left of what it said.
    pub deleted: bool,
    /// The service says it.
    pub system: bool,
    /// Files that go with it, and the pictures of its previews.
    pub attachments: Vec<Uuid>,
    token: Option<String>,
}

/// What is known of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CopyHead {
    message: u64,
    version: u64,
    created: Timestamp,
}

/// One conversation.
#[derive(Clone, Debug)]
pub struct Thread {
    record: ThreadRecord,
    people: BTreeMap<Identifier, Participant>,
    heads: BTreeMap<u64, Head>,
    /// Messages by the version that last changed them.
    versions: BTreeSet<(u64, u64)>,
    pub(crate) files: BTreeMap<Uuid, AttachmentRecord>,
    copies: BTreeMap<(Region, Identifier), CopyHead>,
    held: BTreeMap<(u64, u64), Identifier>,
    /// For each message with a card who answered it, with the number of the answer.
    answers: BTreeMap<u64, BTreeMap<Identifier, u64>>,
    /// Which message came with an idempotency token.
    tokens: BTreeMap<(Identifier, String), u64>,
    version: u64,
    pub(crate) rates: Rates,
}

impl PartialEq for Thread {
    /// Equal in what is kept: what was done lately is forgotten by a restart.
    fn eq(&self, other: &Self) -> bool {
        self.record == other.record
            && self.people == other.people
            && self.heads == other.heads
            && self.versions == other.versions
            && self.files == other.files
            && self.copies == other.copies
            && self.held == other.held
            && self.answers == other.answers
            && self.tokens == other.tokens
            && self.version == other.version
    }
}

impl Thread {
    /// A thread of which nothing but its record is known.
    pub fn new(record: ThreadRecord) -> Self {
        let version = record.version;
        Self {
            record,
            people: BTreeMap::new(),
            heads: BTreeMap::new(),
            versions: BTreeSet::new(),
            files: BTreeMap::new(),
            copies: BTreeMap::new(),
            held: BTreeMap::new(),
            answers: BTreeMap::new(),
            tokens: BTreeMap::new(),
            version,
            rates: Rates::default(),
        }
    }

    /// The thread that a plan begins.
    pub fn begun(plan: &Plan) -> Option<Self> {
        Self::load(plan.items().cloned())
    }

    /// The thread that these items make up, in whatever order they come. `None` where its record is not among them.
    pub fn load(items: impl IntoIterator<Item = Item>) -> Option<Self> {
        let (records, rest): (Vec<_>, Vec<_>) = items
            .into_iter()
            .partition(|item| matches!(item, Item::Thread(_)));
        let record = records.into_iter().find_map(|item| match item {
            Item::Thread(record) => Some(record),
            _ => None,
        })?;
        let mut thread = Self::new(record);
        rest.iter().for_each(|item| thread.learn(item));
        Some(thread)
    }

    /// Takes in what was written.
    pub fn apply(&mut self, plan: &Plan) {
        plan.items().for_each(|item| self.learn(item));
        plan.deletes.iter().for_each(|key| self.forget(key));
    }

    /// Takes in one item that was written.
    pub fn learn(&mut self, item: &Item) {
        match item {
            Item::Thread(record) => {
                self.version = self.version.max(record.version);
                self.record = record.clone();
            }
            Item::Participant(participant) => {
                self.version = self.version.max(participant.version);
                self.people
                    .insert(participant.identity.clone(), participant.clone());
            }
            Item::Message(message) => {
                self.forget(&ItemKey::Message(message.id));
                self.version = self.version.max(message.version);
                self.versions.insert((message.version, message.id));
                if let Some(token) = &message.token {
                    self.tokens
                        .insert((message.sender.clone(), token.clone()), message.id);
                }
                let head = Head {
                    version: message.version,
                    sender: message.sender.clone(),
                    created: message.created,
                    deleted: message.deleted.is_some(),
                    system: message.body.is_system(),
                    attachments: message
                        .attachments
                        .iter()
                        .copied()
                        .chain(message.previews.iter().filter_map(|preview| preview.image))
                        .collect(),
                    token: message.token.clone(),
                };
                self.heads.insert(message.id, head);
            }
            Item::Attachment(file) => {
                self.files.insert(file.id, file.clone());
            }
            Item::Copy(copy) => {
                let key = (copy.region.clone(), copy.message.sender.clone());
                let head = CopyHead {
                    message: copy.message.id,
                    version: copy.message.version,
                    created: copy.message.created,
                };
                self.copies.insert(key, head);
            }
            Item::Held(held) => {
                let message = &held.message;
                self.held
                    .insert((message.id, message.version), message.sender.clone());
            }
            Item::Answer(answer) => {
                let answers = self.answers.entry(answer.message).or_default();
                answers.insert(answer.by.clone(), answer.number);
            }
        }
    }

    /// Takes in that one item was deleted.
    pub fn forget(&mut self, key: &ItemKey) {
        match key {
            // The thread itself is gone: whoever keeps it drops it.
            ItemKey::Thread => {}
            ItemKey::Participant(identity) => {
                self.people.remove(identity);
            }
            ItemKey::Message(id) => {
                if let Some(head) = self.heads.remove(id) {
                    self.versions.remove(&(head.version, *id));
                    if let Some(token) = head.token {
                        self.tokens.remove(&(head.sender, token));
                    }
                }
            }
            ItemKey::Attachment(id) => {
                self.files.remove(id);
            }
            ItemKey::Copy(region, identity) => {
                self.copies.remove(&(region.clone(), identity.clone()));
            }
            ItemKey::Held(message, version) => {
                self.held.remove(&(*message, *version));
            }
            ItemKey::Answer(message, by) => {
                if let Some(answers) = self.answers.get_mut(message) {
                    answers.remove(by);
                    if answers.is_empty() {
                        self.answers.remove(message);
                    }
                }
            }
        }
    }

    /// Which thread.
    pub fn id(&self) -> ThreadId {
        self.record.id
    }

    /// What is said of it as a whole.
    pub fn record(&self) -> &ThreadRecord {
        &self.record
    }

    /// Its version: that of the newest change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Everyone who takes part, or did.
    pub fn people(&self) -> impl Iterator<Item = &Participant> {
        self.people.values()
    }

    /// Someone who takes part, or did.
    pub fn participant(&self, identity: &Identifier) -> Option<&Participant> {
        self.people.get(identity)
    }

    /// Everyone who takes part now.
    pub fn current(&self) -> impl Iterator<Item = &Participant> {
        self.people
            .values()
            .filter(|participant| participant.is_current())
    }

    /// Messages that are kept, the oldest first.
    pub fn heads(&self) -> impl DoubleEndedIterator<Item = (u64, &Head)> {
        self.heads.iter().map(|(id, head)| (*id, head))
    }

    /// Files that are kept.
    pub fn files(&self) -> impl Iterator<Item = &AttachmentRecord> {
        self.files.values()
    }

    /// The copies outside the home region: where, of whose message, of which.
    pub fn copies(&self) -> impl Iterator<Item = (&Region, &Identifier, u64)> {
        self.copies
            .iter()
            .map(|((region, identity), copy)| (region, identity, copy.message))
    }

    /// Messages that a hold keeps although they were deleted or edited: which, at which version.
    pub fn held(&self) -> impl Iterator<Item = (u64, u64)> {
        self.held.keys().copied()
    }

    /// The id of the newest message, 0 for none.
    pub fn last_message(&self) -> u64 {
        let last = self.heads.last_key_value().map_or(0, |(id, _)| *id);
        last.max(self.record.purged_through)
    }

    /// Whether a message is kept, deleted or not.
    pub(crate) fn holds(&self, message: u64) -> bool {
        self.heads.contains_key(&message)
    }

    fn is_ad_hoc(&self) -> bool {
        self.record.kind == ThreadKind::AdHoc
    }

    /// The organisations that have a say: that of the thread, and those of the members who take part.
    pub(crate) fn organisations(&self) -> impl Iterator<Item = OrganisationId> {
        let home = self.record.home.organisation.clone();
        let members = self
            .current()
            .filter_map(|participant| match &participant.identity {
                Identifier::Member { organisation, .. } => Some(OrganisationId::from(organisation.clone())),
                _ => None,
            });
        let all: BTreeSet<OrganisationId> = home.into_iter().chain(members).collect();
        all.into_iter()
    }

    /// The tenants of those who take part.
    fn scopes(&self) -> BTreeSet<Scope> {
        let home = self.record.home.organisation.clone().map(Scope::Organisation);
        let people = self
            .current()
            .filter_map(|participant| scopes_of(&participant.identity));
        people.chain(home).collect()
    }

    /// Whose audit log tells of what is deleted of somebody's: the home organisation's, or that of their tenant.
    pub(crate) fn audited_by(&self, identity: &Identifier) -> Option<Scope> {
        let home = self.record.home.organisation.clone().map(Scope::Organisation);
        home.or_else(|| scopes_of(identity))
    }

    fn next_version(&self) -> u64 {
        self.version + 1
    }

    fn next_message(&self) -> u64 {
        self.last_message() + 1
    }

    /// When a message is sent now: never before the one before it, whatever the clock says.
    fn stamp(&self, now: Timestamp) -> Timestamp {
        self.heads
            .last_key_value()
            .map_or(now, |(_, head)| now.max(head.created))
    }
}
