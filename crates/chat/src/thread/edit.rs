//! Changing a message that was sent: its text, its reactions, its pin. And taking it back.

use sidetone_signaling::{Identifier, Reason};

use super::preview::still_said;
use crate::content::metadata;
use crate::limits::{MAX_EMOJI_BYTES, MAX_EMOJIS, MAX_REACTIONS};
use crate::rate::Deed;
use crate::{
    Actor, Cause, Content, Context, Copied, Erased, Held, Item, ItemKey, Message, News, Outcome, Plan,
    Refused, Thread,
};
use std::collections::BTreeMap;

impl Thread {
    /// Whether a message can be seen by somebody: its id.
    ///
    /// # Errors
    /// No such message; not (any more) a participant.
    pub fn message_for(&self, context: Context<'_>, actor: &Actor, id: u64) -> Result<u64, Refused> {
        let participant = self.reads(context, actor)?;
        if !self.holds(id) || !participant.sees(id) {
            return Err(Reason::NO_SUCH_MESSAGE.into());
        }
        Ok(id)
    }

    /// Changes what a message says: all of it, its card too. `message` is it as it is kept.
    ///
    /// # Errors
    /// Not the sender's; deleted; content against the rules; a limit (L16); too fast.
    pub fn edit(
        &mut self,
        context: Context<'_>,
        actor: &Actor,
        message: Message,
        content: Content,
        entries: Option<BTreeMap<String, String>>,
    ) -> Result<Outcome<Message>, Refused> {
        self.of_actor(context, actor, &message)?;
        self.edits_allowed(context.world, actor)?;
        if content.is_card() {
            self.features_allowed(context.world, actor)?;
        }
        let (body, card) = content.read(&message.attachments)?;
        if let Some(entries) = &entries {
            metadata(entries)?;
        }
        self.rates.take(&actor.identity, Deed::Update, context.now)?;
        let changed = Message {
            version: self.next_version(),
            previews: still_said(&body, card.as_ref(), &message.previews),
            body,
            card,
            metadata: entries.unwrap_or_else(|| message.metadata.clone()),
            edited: Some(context.now),
            ..message.clone()
        };
        let mut plan = self.changed(&actor.identity, &changed);
        self.keep_held(context, &message, &mut plan);
        Ok(Outcome { value: changed, plan })
    }

    /// Takes a message back: nothing is left of what it said, and the files that went with it are gone. While a hold is
    /// on, what it said is kept where nobody sees it.
    ///
    /// # Errors
    /// Not the sender's; too fast.
    pub fn unsay(
        &mut self,
        context: Context<'_>,
        actor: &Actor,
        message: Message,
    ) -> Result<Outcome<()>, Refused> {
        self.writes(context, actor)?;
        if message.sender == actor.identity && message.deleted.is_some() {
            return Ok(Outcome::known(()));
        }
        self.of_actor(context, actor, &message)?;
        self.rates.take(&actor.identity, Deed::Delete, context.now)?;
        let gone = Message {
            version: self.next_version(),
            body: message.body.emptied(),
            card: None,
            previews: Vec::new(),
            deleted: Some(context.now),
            metadata: BTreeMap::new(),
            mentions: Vec::new(),
            attachments: Vec::new(),
            reactions: Vec::new(),
            pinned: false,
            ..message.clone()
        };
        let mut plan = Plan {
            commit: vec![Item::Message(gone.clone())],
            news: vec![News::Unsaid(gone)],
            ..Plan::default()
        };
        plan.erased.push(Erased {
            item: ItemKey::Message(message.id),
            message: Some(message.id),
            cause: Cause::Deleted,
            scope: self.audited_by(&message.sender),
        });
        self.erase_copy(&message, Cause::Deleted, &mut plan);
        if self.is_held(context.world) {
            self.keep_held(context, &message, &mut plan);
        } else {
            self.erase_files(message.id, Cause::Deleted, &mut plan);
            self.erase_answers(message.id, Cause::Deleted, &mut plan);
        }
        Ok(Outcome { value: (), plan })
    }

    /// Gives a sign of feeling, or takes it back.
    ///
    /// # Errors
    /// Deleted; too many; a limit (L16b, L27); too fast.
    pub fn react(
        &mut self,
        context: Context<'_>,
        actor: &Actor,
        message: Message,
        emoji: &str,
        given: bool,
    ) -> Result<Outcome<Message>, Refused> {
        self.writes(context, actor)?;
        self.replies_allowed(context.world, actor)?;
        self.living(context, actor, &message)?;
        let bad = |c: char| c.is_control() || c.is_whitespace();
        if emoji.is_empty() || emoji.len() > MAX_EMOJI_BYTES || emoji.chars().any(bad) {
            return Err(Refused::content("the reaction cannot be taken"));
        }
        let reactions = reacted(&message.reactions, &actor.identity, emoji, given)?;
        let Some(reactions) = reactions else {
            return Ok(Outcome::known(message));
        };
        self.rates.take(&actor.identity, Deed::Update, context.now)?;
        let changed = Message {
            version: self.next_version(),
            reactions,
            ..message
        };
        let plan = self.changed(&actor.identity, &changed);
        Ok(Outcome { value: changed, plan })
    }

    /// Pins a message to the thread, or takes it down.
    ///
    /// # Errors
    /// Deleted; a limit (L16b); too fast.
    pub fn pin(
        &mut self,
        context: Context<'_>,
        actor: &Actor,
        message: Message,
        pinned: bool,
    ) -> Result<Outcome<Message>, Refused> {
        self.writes(context, actor)?;
        self.features_allowed(context.world, actor)?;
        self.living(context, actor, &message)?;
        if message.pinned == pinned {
            return Ok(Outcome::known(message));
        }
        self.rates.take(&actor.identity, Deed::Update, context.now)?;
        let changed = Message {
            version: self.next_version(),
            pinned,
            ..message
        };
        let plan = self.changed(&actor.identity, &changed);
        Ok(Outcome { value: changed, plan })
    }

    /// A message that is there, and can be changed by who sees it.
    pub(super) fn living(
        &self,
        context: Context<'_>,
        actor: &Actor,
        message: &Message,
    ) -> Result<(), Refused> {
        self.message_for(context, actor, message.id)?;
        if message.deleted.is_some() {
            return Err(Reason::MESSAGE_DELETED.into());
        }
        Ok(())
    }

    fn of_actor(&self, context: Context<'_>, actor: &Actor, message: &Message) -> Result<(), Refused> {
        self.writes(context, actor)?;
        self.living(context, actor, message)?;
        if message.sender != actor.identity || message.body.is_system() {
            return Err(Reason::NOT_THE_SENDER.into());
        }
        Ok(())
    }

    pub(super) fn changed(&self, by: &Identifier, message: &Message) -> Plan {
        let mut plan = Plan {
            commit: vec![Item::Message(message.clone())],
            news: vec![News::Changed {
                message: message.clone(),
                by: by.clone(),
            }],
            ..Plan::default()
        };
        // A copy says what its message says.
        let copies = self
            .copies
            .iter()
            .filter(|((_, identity), copy)| *identity == message.sender && copy.message == message.id);
        plan.after.extend(copies.map(|((region, _), _)| {
            Item::Copy(Copied {
                region: region.clone(),
                message: message.clone(),
            })
        }));
        plan
    }

    fn keep_held(&self, context: Context<'_>, message: &Message, plan: &mut Plan) {
        if self.is_held(context.world) {
            plan.before.push(Item::Held(Held {
                message: message.clone(),
                at: context.now,
            }));
        }
    }

    fn erase_copy(&self, message: &Message, cause: Cause, plan: &mut Plan) {
        let copies = self
            .copies
            .iter()
            .filter(|((_, identity), copy)| *identity == message.sender && copy.message == message.id);
        for ((region, identity), _) in copies {
            let item = ItemKey::Copy(region.clone(), identity.clone());
            plan.deletes.push(item.clone());
            plan.erased.push(Erased {
                item,
                message: Some(message.id),
                cause,
                scope: self.audited_by(identity),
            });
        }
    }
}

/// The reactions with one more, or one less. `None` where that changes nothing.
#[allow(clippy::type_complexity, reason = "the field's own type")]
fn reacted(
    reactions: &[(String, Vec<Identifier>)],
    who: &Identifier,
    emoji: &str,
    given: bool,
) -> Result<Option<Vec<(String, Vec<Identifier>)>>, Refused> {
    let known = reactions.iter().find(|(sign, _)| sign == emoji);
    let gave = known.is_some_and(|(_, by)| by.contains(who));
    if gave == given {
        return Ok(None);
    }
    let mut reactions = reactions.to_vec();
    if given {
        let all: usize = reactions.iter().map(|(_, by)| by.len()).sum();
        if all >= MAX_REACTIONS || (known.is_none() && reactions.len() >= MAX_EMOJIS) {
            return Err(Refused::content("the message has as many reactions as it may"));
        }
        match reactions.iter_mut().find(|(sign, _)| sign == emoji) {
            Some((_, by)) => by.push(who.clone()),
            None => reactions.push((emoji.to_owned(), vec![who.clone()])),
        }
    } else {
        for (_, by) in reactions.iter_mut().filter(|(sign, _)| sign == emoji) {
            by.retain(|one| one != who);
        }
        reactions.retain(|(_, by)| !by.is_empty());
    }
    Ok(Some(reactions))
}
