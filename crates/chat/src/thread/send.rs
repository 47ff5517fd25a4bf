//! Sending a message.

use std::collections::{BTreeMap, BTreeSet};

use sidetone_ledger::{Client, Party, Scope, UsageRecord, message_usage};
use sidetone_signaling::protocol::chat::Priority;
use sidetone_signaling::{Identifier, Reason};
use uuid::Uuid;

use super::create::token;
use crate::content::metadata;
use crate::limits::{MAX_ATTACHMENTS, MAX_MENTIONS};
use crate::rate::Deed;
use crate::{
    Actor, AttachmentRecord, Content, Context, Copied, Item, ItemKey, Message, News, Outcome, Participant,
    Plan, Refused, Region, Rights, Thread,
};

/// A message that somebody wants to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// What it says.
    pub content: Content,
    /// Whatever the application puts with it.
    pub metadata: BTreeMap<String, String>,
    /// The message that it answers.
    pub reply_to: Option<u64>,
    /// Who is spoken to. They must take part.
    pub mentions: Vec<Identifier>,
    /// Files of the sender's that were uploaded before.
    pub attachments: Vec<Uuid>,
    /// How much it wants to be noticed.
    pub priority: Priority,
    /// Sent twice with the same token, it is there once.
    pub token: Option<String>,
}

impl NewMessage {
    /// A plain message.
    pub fn new(content: Content) -> Self {
        Self {
            content,
            metadata: BTreeMap::new(),
            reply_to: None,
            mentions: Vec::new(),
            attachments: Vec::new(),
            priority: Priority::Normal,
            token: None,
        }
    }
}

impl Thread {
    /// Sends a message; gives its id. One that was sent before with the same token is left as it is, and its id given.
    ///
    /// # Errors
    /// Content against the rules; a limit (L10, L16b, L17, L27); too fast; not (any more) a participant.
    pub fn send(
        &mut self,
        context: Context<'_>,
        actor: &Actor,
        new: NewMessage,
    ) -> Result<Outcome<u64>, Refused> {
        let named = self.writes(context, actor)?.clone();
        token(new.token.as_deref())?;
        if let Some(token) = &new.token
            && let Some(known) = self.tokens.get(&(actor.identity.clone(), token.clone()))
        {
            return Ok(Outcome::known(*known));
        }
        if new.content.is_card() {
            self.features_allowed(context.world, actor)?;
        }
        let (body, card) = new.content.read(&new.attachments)?;
        metadata(&new.metadata)?;
        if let Some(answered) = new.reply_to {
            self.replies_allowed(context.world, actor)?;
            let there = self.heads.get(&answered).is_some_and(|head| !head.deleted);
            if !there || !named.sees(answered) {
                return Err(Reason::NO_SUCH_MESSAGE.into());
            }
        }
        if !new.mentions.is_empty() {
            self.features_allowed(context.world, actor)?;
            self.mentions(&new.mentions)?;
        }
        if new.priority != Priority::Normal {
            self.features_allowed(context.world, actor)?;
        }
        let version = self.next_version();
        let id = self.next_message();
        let files = self.take_files(context, actor, &new.attachments, id)?;
        self.rates.take(&actor.identity, Deed::Send, context.now)?;

        let message = Message {
            id,
            version,
            sender: actor.identity.clone(),
            through: actor.through.clone(),
            body,
            card,
            previews: Vec::new(),
            created: self.stamp(context.now),
            edited: None,
            deleted: None,
            metadata: new.metadata,
            reply_to: new.reply_to,
            mentions: new.mentions,
            attachments: files.iter().map(|file| file.id).collect(),
            reactions: Vec::new(),
            pinned: false,
            priority: new.priority,
            token: new.token,
        };
        let mut plan = Plan {
            before: files.into_iter().map(Item::Attachment).collect(),
            commit: vec![Item::Message(message.clone())],
            usage: vec![self.used_by(&message)],
            news: vec![News::Sent(message.clone())],
            ..Plan::default()
        };
        plan.before
            .extend(renamed(&named, actor, version).map(Item::Participant));
        self.copy(context, &message, &mut plan);
        Ok(Outcome { value: id, plan })
    }

    fn mentions(&self, mentions: &[Identifier]) -> Result<(), Refused> {
        if mentions.len() > MAX_MENTIONS {
            return Err(Refused::content("more than 50 people are spoken to"));
        }
        let here = |one: &Identifier| self.people.get(one).is_some_and(Participant::is_current);
        if mentions.iter().all(here) {
            Ok(())
        } else {
            Err(Reason::NO_SUCH_THREAD_PARTICIPANT.into())
        }
    }

    /// The files of a message, bound to it.
    fn take_files(
        &self,
        context: Context<'_>,
        actor: &Actor,
        ids: &[Uuid],
        message: u64,
    ) -> Result<Vec<AttachmentRecord>, Refused> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.files_allowed(context.world, actor)?;
        if ids.len() > MAX_ATTACHMENTS {
            return Err(Refused::content("more than 10 files"));
        }
        let expires = self.file_expires(context.world, context.now);
        let mut files: Vec<AttachmentRecord> = Vec::new();
        for id in ids {
            let file = self
                .files
                .get(id)
                .filter(|file| file.by == actor.identity && file.expires > context.now)
                // One that was bound to a message which then was not written can be used again.
                .filter(|file| file.message.is_none_or(|bound| !self.is_of(bound, *id)))
                .filter(|_| files.iter().all(|taken| taken.id != *id))
                .ok_or(Reason::NO_SUCH_ATTACHMENT)?;
            files.push(AttachmentRecord {
                message: Some(message),
                expires,
                ..file.clone()
            });
        }
        Ok(files)
    }

    /// Whether a file goes with a message.
    pub(crate) fn is_of(&self, message: u64, file: Uuid) -> bool {
        self.heads
            .get(&message)
            .is_some_and(|head| head.attachments.contains(&file))
    }

    /// The one-copy rule (spec R96): of what an external user sends in a meeting, the newest message is also in the
    /// region of the resource. In one region one copy is enough.
    pub(super) fn copy(&self, context: Context<'_>, message: &Message, plan: &mut Plan) {
        if self.is_ad_hoc() {
            return;
        }
        let Some(region) = Region::of_external_user(context.world, &message.sender) else {
            return;
        };
        let elsewhere = self
            .copies
            .keys()
            .filter(|(place, identity)| *identity == message.sender && *place != region);
        plan.deletes
            .extend(elsewhere.map(|(place, identity)| ItemKey::Copy(place.clone(), identity.clone())));
        plan.after.push(Item::Copy(Copied {
            region,
            message: message.clone(),
        }));
    }

    /// The use of a message, entered with whoever pays for its sender.
    pub(super) fn used_by(&self, message: &Message) -> (UsageRecord, BTreeSet<Scope>) {
        let sender = Party {
            client: Client {
                application: message.through.clone(),
                ..Client::default()
            },
            ..Party::new(message.sender.clone(), "")
        };
        let resources = self
            .scopes()
            .into_iter()
            .filter(|scope| matches!(scope, Scope::Resource(_)));
        message_usage(
            self.id(),
            message.id,
            &sender,
            message.created,
            &resources.collect(),
        )
    }
}

/// The participant with the name that their own program wants, where that is another: everybody sees it from now on.
fn renamed(known: &Participant, actor: &Actor, version: u64) -> Option<Participant> {
    let wanted = actor.name.as_ref().filter(|_| actor.is_external())?;
    (known.name.as_ref() != Some(wanted)).then(|| Participant {
        name: Some(wanted.clone()),
        version,
        ..known.clone()
    })
}

impl Actor {
    /// Asks for what reading and writing asks for. For requests of which a thread is no part.
    ///
    /// # Errors
    /// [`Reason::SCOPE_MISSING`].
    pub fn may_chat(&self) -> Result<(), Refused> {
        self.wants(Rights::Limited)
    }
}
