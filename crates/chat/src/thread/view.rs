//! Threads, participants and messages as one of the people is shown them. Names are the service's, resolved when they
//! are shown, so that everybody sees the same one and nobody chooses another's.

use sidetone_ledger::Timestamp;
use sidetone_organisation::World;
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::chat::{
    Attachment, ChatMessage, ChatParticipant, ChatThread, LinkPreview, Reaction,
};
use uuid::Uuid;

use crate::{Body, Message, Participant, Thread};

/// Names that are shown of those who gave a sign.
const SHOWN_REACTORS: usize = 20;

impl Thread {
    /// The name of somebody, as `viewer` is shown it. Never blank.
    pub(crate) fn name_of(&self, world: &World, viewer: &Identifier, whose: &Identifier) -> String {
        let wanted = self
            .people
            .get(whose)
            .and_then(|participant| participant.name.as_deref());
        world.card_for(viewer, whose, wanted).display_name
    }

    /// The thread.
    pub fn shown(&self) -> ChatThread {
        let record = &self.record;
        ChatThread {
            id: record.id,
            kind: record.kind,
            topic: record.topic.clone(),
            created_by: record.created_by.clone(),
            created_at_ms: record.created.as_millis(),
            deleted_at_ms: record.deleted.as_ref().map(|deleted| deleted.at.as_millis()),
            ended_at_ms: record.ended.map(Timestamp::as_millis),
            metadata: record.metadata.clone(),
            version: self.version,
            last_message: self.last_message(),
            purged_through: record.purged_through,
        }
    }

    /// Someone who takes part, or did.
    pub fn participant_shown(
        &self,
        world: &World,
        viewer: &Identifier,
        participant: &Participant,
    ) -> ChatParticipant {
        let wanted = participant.name.as_deref();
        ChatParticipant {
            identity: participant.identity.clone(),
            display_name: world.card_for(viewer, &participant.identity, wanted).display_name,
            joined_at_ms: participant.joined.as_millis(),
            removed: !participant.is_current(),
            version: participant.version,
        }
    }

    /// A message. Files that have expired are left out, and so are such pictures of previews.
    pub fn message_shown(&self, world: &World, viewer: &Identifier, message: &Message) -> ChatMessage {
        let (topic, participants) = match &message.body {
            Body::TopicUpdated { topic } => (Some(topic.clone()), Vec::new()),
            Body::ParticipantAdded { participants } | Body::ParticipantRemoved { participants } => {
                (None, participants.clone())
            }
            Body::Text { .. } | Body::Html { .. } => (None, Vec::new()),
        };
        let reaction = |(emoji, by): &(String, Vec<Identifier>)| Reaction {
            emoji: emoji.clone(),
            count: u32::try_from(by.len()).unwrap_or(u32::MAX),
            by: by.iter().take(SHOWN_REACTORS).cloned().collect(),
        };
        let preview = |preview: &LinkPreview| LinkPreview {
            image: preview.image.filter(|id| self.files.contains_key(id)),
            ..preview.clone()
        };
        ChatMessage {
            thread: self.record.id,
            id: message.id,
            version: message.version,
            kind: message.body.kind(),
            sender: message.sender.clone(),
            sender_display_name: self.name_of(world, viewer, &message.sender),
            text: message.body.text().to_owned(),
            card: message.card.clone(),
            previews: message.previews.iter().map(preview).collect(),
            topic,
            participants,
            created_at_ms: message.created.as_millis(),
            edited_at_ms: message.edited.map(Timestamp::as_millis),
            deleted_at_ms: message.deleted.map(Timestamp::as_millis),
            metadata: message.metadata.clone(),
            reply_to: message.reply_to,
            mentions: message.mentions.clone(),
            attachments: self.files_shown(&message.attachments),
            reactions: message.reactions.iter().map(reaction).collect(),
            pinned: message.pinned,
            priority: message.priority,
        }
    }

    fn files_shown(&self, ids: &[Uuid]) -> Vec<Attachment> {
        let files = ids.iter().filter_map(|id| self.files.get(id));
        files
            .map(|file| Attachment {
                id: file.id,
                name: file.name.clone(),
                content_type: file.content_type.clone(),
                size: file.size,
                inline: file.inline,
                expires_at_ms: file.expires.as_millis(),
            })
            .collect()
    }
}
