//! Who is told of what: endpoints at once, and applications by events.

use std::collections::BTreeSet;

use sidetone_ledger::{ChatData, ChatHappening, ChatMember, ChatProperties, EventKind, Scope, Timestamp};
use sidetone_organisation::World;
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::Event;
use sidetone_signaling::protocol::chat::{
    MessageDeleted, ParticipantsAdded, ParticipantsRemoved, Priority, ReadReceiptReceived, ThreadCreated,
    ThreadDeleted, ThreadUpdated, TypingReceived,
};

use crate::context::scopes_of;
use crate::limits::AGGREGATED_ABOVE;
use crate::{Context, Message, News, Thread};

/// Who is told what, and what applications are sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Announced {
    /// What endpoints are told, in order.
    pub tells: Vec<(Identifier, Event)>,
    /// What applications are sent.
    pub happenings: Vec<ChatHappening>,
}

/// The two kinds of an event: for each of the people, and once for the thread.
#[derive(Clone, Copy)]
struct Kinds(EventKind, EventKind);

impl Thread {
    /// Puts news into words, for everybody whom they concern. The thread must be as it is after them.
    pub fn announce(&self, context: Context<'_>, news: &News) -> Announced {
        let mut told = Announced::default();
        let viewers: Vec<Identifier> = self
            .audience(context)
            .map(|participant| participant.identity.clone())
            .collect();
        match news {
            News::Created => self.created(context, &viewers, &mut told),
            News::Sent(message) => {
                let event = |view| Event::ChatMessageReceived(Box::new(view));
                self.message_told(context, &viewers, message, event, &mut told);
                let kinds = Kinds(
                    EventKind::ChatMessageReceived,
                    EventKind::ChatMessageReceivedInThread,
                );
                self.message_happened(
                    context,
                    kinds,
                    message,
                    &message.sender,
                    message.created,
                    &mut told,
                );
            }
            News::Changed { message, by } => {
                let event = |view| Event::ChatMessageEdited(Box::new(view));
                self.message_told(context, &viewers, message, event, &mut told);
                let kinds = Kinds(EventKind::ChatMessageEdited, EventKind::ChatMessageEditedInThread);
                self.message_happened(context, kinds, message, by, context.now, &mut told);
            }
            News::Unsaid(message) => {
                let deleted = MessageDeleted {
                    thread: self.id(),
                    id: message.id,
                    version: message.version,
                    deleted_at_ms: message.deleted.unwrap_or(context.now).as_millis(),
                };
                for viewer in self.seeing(&viewers, message.id) {
                    told.tells
                        .push((viewer.clone(), Event::ChatMessageDeleted(deleted.clone())));
                }
                let kinds = Kinds(
                    EventKind::ChatMessageDeleted,
                    EventKind::ChatMessageDeletedInThread,
                );
                self.message_happened(context, kinds, message, &message.sender, context.now, &mut told);
            }
            News::Answered(answer) => self.answered(context, answer, &viewers, &mut told),
            News::Typing(by) => self.typing(context.world, by, &viewers, &mut told),
            News::Read { by, message, at } => self.read_told(context, by, *message, *at, &viewers, &mut told),
            News::Updated { by, at } => self.updated(context, by, *at, &viewers, &mut told),
            News::Added { by, who, at } => self.added(context, by, who, *at, &viewers, &mut told),
            News::Removed { by, who, at, hide } => {
                self.removed(context, by, who, *at, *hide, &viewers, &mut told);
            }
            News::Hidden { by, at } => {
                told.tells.push((by.clone(), self.gone(by, *at, true)));
            }
            News::Deleted { by, at } => self.deleted(context, by, *at, &mut told),
        }
        told
    }

    pub(super) fn seeing<'a>(
        &'a self,
        viewers: &'a [Identifier],
        message: u64,
    ) -> impl Iterator<Item = &'a Identifier> {
        viewers
            .iter()
            .filter(move |viewer| self.people.get(viewer).is_some_and(|one| one.sees(message)))
    }

    fn message_told(
        &self,
        context: Context<'_>,
        viewers: &[Identifier],
        message: &Message,
        event: impl Fn(sidetone_signaling::protocol::chat::ChatMessage) -> Event,
        told: &mut Announced,
    ) {
        for viewer in self.seeing(viewers, message.id) {
            let view = self.message_shown(context.world, viewer, message);
            told.tells.push((viewer.clone(), event(view)));
        }
    }

    fn created(&self, context: Context<'_>, viewers: &[Identifier], told: &mut Announced) {
        for viewer in viewers {
            told.tells
                .push((viewer.clone(), self.begun_for(context.world, viewer)));
        }
        let by = self.record().created_by.clone();
        let kinds = Kinds(EventKind::ChatThreadCreatedWithUser, EventKind::ChatThreadCreated);
        self.happened(
            context,
            kinds,
            &by,
            self.record().created,
            told,
            |data, viewer| {
                self.describe(context.world, viewer, data);
            },
        );
    }

    /// What somebody is told to whom a thread is new.
    fn begun_for(&self, world: &World, viewer: &Identifier) -> Event {
        let people = self.current();
        Event::ChatThreadCreated(Box::new(ThreadCreated {
            thread: self.shown(),
            // The rest is asked for: an event must not be longer than clients take.
            participants: people
                .take(crate::limits::PAGE)
                .map(|one| self.participant_shown(world, viewer, one))
                .collect(),
        }))
    }

    fn updated(
        &self,
        context: Context<'_>,
        by: &Identifier,
        at: Timestamp,
        viewers: &[Identifier],
        told: &mut Announced,
    ) {
        for viewer in viewers {
            let event = Event::ChatThreadUpdated(Box::new(ThreadUpdated {
                thread: self.shown(),
                by: by.clone(),
            }));
            told.tells.push((viewer.clone(), event));
        }
        let kinds = Kinds(
            EventKind::ChatThreadPropertiesUpdatedPerUser,
            EventKind::ChatThreadPropertiesUpdated,
        );
        self.happened(context, kinds, by, at, told, |data, _| {
            data.properties = Some(self.properties());
            data.metadata = self.record().metadata.clone();
        });
    }

    fn added(
        &self,
        context: Context<'_>,
        by: &Identifier,
        who: &[Identifier],
        at: Timestamp,
        viewers: &[Identifier],
        told: &mut Announced,
    ) {
        let new: BTreeSet<&Identifier> = who.iter().collect();
        for viewer in viewers {
            if new.contains(viewer) {
                told.tells
                    .push((viewer.clone(), self.begun_for(context.world, viewer)));
                continue;
            }
            let people = who.iter().filter_map(|one| self.people.get(one));
            let event = Event::ChatParticipantsAdded(ParticipantsAdded {
                thread: self.id(),
                version: self.version(),
                participants: people
                    .map(|one| self.participant_shown(context.world, viewer, one))
                    .collect(),
                by: by.clone(),
            });
            told.tells.push((viewer.clone(), event));
        }
        for (number, one) in who.iter().enumerate() {
            let kinds = Kinds(
                EventKind::ChatParticipantAddedToThreadWithUser,
                EventKind::ChatThreadParticipantAdded,
            );
            self.numbered(context, kinds, by, at, Some(number), told, |data, viewer| {
                data.participant_added = Some(self.member(context.world, viewer, one));
            });
        }
    }

    #[allow(clippy::too_many_arguments, reason = "one piece of news, taken apart")]
    fn removed(
        &self,
        context: Context<'_>,
        by: &Identifier,
        who: &[Identifier],
        at: Timestamp,
        hide: bool,
        viewers: &[Identifier],
        told: &mut Announced,
    ) {
        for viewer in viewers {
            let event = Event::ChatParticipantsRemoved(ParticipantsRemoved {
                thread: self.id(),
                version: self.version(),
                participants: who.to_vec(),
                by: by.clone(),
            });
            told.tells.push((viewer.clone(), event));
        }
        for one in who {
            told.tells.push((one.clone(), self.gone(by, at, hide)));
        }
        for (number, one) in who.iter().enumerate() {
            let kinds = Kinds(
                EventKind::ChatParticipantRemovedFromThreadWithUser,
                EventKind::ChatThreadParticipantRemoved,
            );
            self.numbered(context, kinds, by, at, Some(number), told, |data, viewer| {
                data.participant_removed = Some(self.member(context.world, viewer, one));
            });
            self.gone_for(context, by, one, at, told);
        }
    }

    fn deleted(&self, context: Context<'_>, by: &Identifier, at: Timestamp, told: &mut Announced) {
        let people: Vec<Identifier> = self.current().map(|one| one.identity.clone()).collect();
        for one in &people {
            told.tells.push((one.clone(), self.gone(by, at, true)));
            self.gone_for(context, by, one, at, told);
        }
        let data = ChatData {
            delete_time: Some(at),
            actor_communication_identifier: Some(ChatMember::new(by.clone(), "").communication_identifier),
            ..ChatData::new(self.id(), self.version())
        };
        self.once(context, EventKind::ChatThreadDeleted, by, at, None, data, told);
    }

    fn gone(&self, by: &Identifier, at: Timestamp, hide: bool) -> Event {
        Event::ChatThreadDeleted(ThreadDeleted {
            thread: self.id(),
            version: self.version(),
            by: by.clone(),
            deleted_at_ms: at.as_millis(),
            hide_history: hide,
        })
    }

    /// The event that a thread is no more for one of its people.
    fn gone_for(
        &self,
        context: Context<'_>,
        by: &Identifier,
        one: &Identifier,
        at: Timestamp,
        told: &mut Announced,
    ) {
        let Some(scope) = scopes_of(one).filter(|scope| (context.wanted)(scope)) else {
            return;
        };
        let data = ChatData {
            delete_time: Some(at),
            actor_communication_identifier: Some(ChatMember::new(by.clone(), "").communication_identifier),
            ..ChatData::new(self.id(), self.version())
        };
        told.happenings.push(ChatHappening {
            kind: EventKind::ChatThreadWithUserDeleted,
            at,
            recipient: Some(one.clone()),
            by: by.clone(),
            number: None,
            data,
            scopes: [scope].into(),
        });
    }

    fn typing(&self, world: &World, by: &Identifier, viewers: &[Identifier], told: &mut Announced) {
        for viewer in viewers.iter().filter(|viewer| *viewer != by) {
            let display_name = if self.types_unnamed(world, by, viewer) {
                String::new()
            } else {
                self.name_of(world, viewer, by)
            };
            let event = Event::ChatTypingReceived(TypingReceived {
                thread: self.id(),
                sender: by.clone(),
                display_name,
            });
            told.tells.push((viewer.clone(), event));
        }
    }

    fn read_told(
        &self,
        context: Context<'_>,
        by: &Identifier,
        message: u64,
        at: Timestamp,
        viewers: &[Identifier],
        told: &mut Announced,
    ) {
        let (read_by, of) = self.readers(message);
        let many = self.current().count() > AGGREGATED_ABOVE;
        let sender = self.heads.get(&message).map(|head| &head.sender);
        for viewer in viewers.iter().filter(|viewer| *viewer != by) {
            if (many && Some(viewer) != sender) || !self.has_receipts(context.world, viewer) {
                continue;
            }
            let event = Event::ChatReadReceiptReceived(ReadReceiptReceived {
                thread: self.id(),
                message,
                reader: (!many).then(|| by.clone()),
                read_at_ms: at.as_millis(),
                read_by,
                of,
            });
            told.tells.push((viewer.clone(), event));
        }
    }

    fn message_happened(
        &self,
        context: Context<'_>,
        kinds: Kinds,
        message: &Message,
        by: &Identifier,
        at: Timestamp,
        told: &mut Announced,
    ) {
        self.happened(context, kinds, by, at, told, |data, viewer| {
            let sender = self.member(context.world, viewer, &message.sender);
            data.version = message.version;
            data.transaction_id = format!("{}.{}", self.id(), message.version);
            data.message_id = Some(message.id.to_string());
            data.message_type = Some(
                match message.body.kind() {
                    sidetone_signaling::protocol::chat::MessageKind::Text => "text",
                    sidetone_signaling::protocol::chat::MessageKind::Html => "html",
                    sidetone_signaling::protocol::chat::MessageKind::ParticipantAdded => "participantAdded",
                    sidetone_signaling::protocol::chat::MessageKind::ParticipantRemoved => {
                        "participantRemoved"
                    }
                    sidetone_signaling::protocol::chat::MessageKind::TopicUpdated => "topicUpdated",
                }
                .to_owned(),
            );
            data.message_body = message.deleted.is_none().then(|| message.body.text().to_owned());
            data.sender_communication_identifier = Some(sender.communication_identifier);
            data.sender_display_name = Some(sender.display_name);
            data.compose_time = Some(message.created);
            data.edit_time = message.edited;
            data.delete_time = message.deleted;
            data.metadata = message.metadata.clone();
            data.priority = match message.priority {
                Priority::Normal => None,
                Priority::High => Some("high".to_owned()),
                Priority::Urgent => Some("urgent".to_owned()),
            };
        });
    }

    fn happened(
        &self,
        context: Context<'_>,
        kinds: Kinds,
        by: &Identifier,
        at: Timestamp,
        told: &mut Announced,
        fill: impl Fn(&mut ChatData, &Identifier),
    ) {
        self.numbered(context, kinds, by, at, None, told, fill);
    }

    /// An event for each of the people but who did it, and one for the thread.
    #[allow(clippy::too_many_arguments, reason = "one event, taken apart")]
    fn numbered(
        &self,
        context: Context<'_>,
        kinds: Kinds,
        by: &Identifier,
        at: Timestamp,
        number: Option<usize>,
        told: &mut Announced,
        fill: impl Fn(&mut ChatData, &Identifier),
    ) {
        let actor = ChatMember::new(by.clone(), "").communication_identifier;
        let data = |viewer: &Identifier| {
            let mut data = ChatData {
                actor_communication_identifier: Some(actor.clone()),
                ..ChatData::new(self.id(), self.version())
            };
            fill(&mut data, viewer);
            data
        };
        for viewer in self
            .audience(context)
            .map(|one| &one.identity)
            .filter(|one| *one != by)
        {
            let Some(scope) = scopes_of(viewer).filter(|scope| (context.wanted)(scope)) else {
                continue;
            };
            told.happenings.push(ChatHappening {
                kind: kinds.0,
                at,
                recipient: Some(viewer.clone()),
                by: by.clone(),
                number,
                data: data(viewer),
                scopes: [scope].into(),
            });
        }
        let neutral = self.record().created_by.clone();
        self.once(context, kinds.1, by, at, number, data(&neutral), told);
    }

    /// An event for the thread, to every tenant that takes part and wants it.
    #[allow(clippy::too_many_arguments, reason = "one event, taken apart")]
    fn once(
        &self,
        context: Context<'_>,
        kind: EventKind,
        by: &Identifier,
        at: Timestamp,
        number: Option<usize>,
        data: ChatData,
        told: &mut Announced,
    ) {
        let scopes: BTreeSet<Scope> = self
            .scopes()
            .into_iter()
            .filter(|scope| (context.wanted)(scope))
            .collect();
        if scopes.is_empty() {
            return;
        }
        told.happenings.push(ChatHappening {
            kind,
            at,
            recipient: None,
            by: by.clone(),
            number,
            data,
            scopes,
        });
    }

    pub(super) fn member(&self, world: &World, viewer: &Identifier, whose: &Identifier) -> ChatMember {
        ChatMember::new(whose.clone(), self.name_of(world, viewer, whose))
    }

    fn properties(&self) -> ChatProperties {
        ChatProperties {
            topic: self.record().topic.clone(),
        }
    }

    /// What is said of a thread that is new to somebody.
    fn describe(&self, world: &World, viewer: &Identifier, data: &mut ChatData) {
        data.properties = Some(self.properties());
        data.metadata = self.record().metadata.clone();
        data.create_time = Some(self.record().created);
        data.created_by_communication_identifier =
            Some(ChatMember::new(self.record().created_by.clone(), "").communication_identifier);
        let people = self.current().take(crate::limits::PAGE);
        data.participants = people
            .map(|one| self.member(world, viewer, &one.identity))
            .collect();
    }
}
