//! Answers to cards. Whoever takes part and is shown a card may answer it, but for who sent it; of each the newest answer
//! counts. It is told to the sender alone, and kept for as long as the message says something.

use std::collections::BTreeSet;

use sidetone_ledger::{ChatCardAnswer, ChatData, ChatHappening, EventKind};
use sidetone_organisation::World;
use sidetone_signaling::protocol::Event;
use sidetone_signaling::protocol::chat::CardAnswer;
use sidetone_signaling::{Identifier, Reason};

use super::announce::Announced;
use super::retention::TURN;
use crate::card::check_answer;
use crate::context::scopes_of;
use crate::rate::Deed;
use crate::{Actor, Answer, Cause, Context, Item, ItemKey, Message, News, Outcome, Plan, Refused, Thread};

impl Thread {
    /// Answers the card of a message, which is as it is kept.
    ///
    /// # Errors
    /// No such button; a value that it does not take; one's own card; a limit (L16b, L27); too fast.
    pub fn answer(
        &mut self,
        context: Context<'_>,
        actor: &Actor,
        message: &Message,
        action: &str,
        value: &str,
    ) -> Result<Outcome<()>, Refused> {
        self.writes(context, actor)?;
        self.replies_allowed(context.world, actor)?;
        self.living(context, actor, message)?;
        let card = message.card.as_ref().ok_or(Reason::NO_SUCH_ACTION)?;
        if message.sender == actor.identity {
            return Err(Refused::content("who sent a card does not answer it"));
        }
        let value = check_answer(card, action, value)?;
        self.rates.take(&actor.identity, Deed::Update, context.now)?;
        let answer = Answer {
            message: message.id,
            version: message.version,
            // The newest is kept, and replaced by a newer one only.
            number: self
                .answers
                .get(&message.id)
                .map_or(1, |answers| answers.values().max().map_or(1, |newest| newest + 1)),
            by: actor.identity.clone(),
            action: action.to_owned(),
            value,
            at: context.now,
        };
        Ok(Outcome::change(
            Item::Answer(answer.clone()),
            News::Answered(answer),
        ))
    }

    /// Whose answers to a message somebody may see, of those who gave one: the sender everybody's, others their own.
    ///
    /// # Errors
    /// No such message; deleted.
    pub fn answered_by(
        &self,
        context: Context<'_>,
        actor: &Actor,
        message: u64,
    ) -> Result<Vec<Identifier>, Refused> {
        self.message_for(context, actor, message)?;
        let head = self.heads.get(&message).ok_or(Reason::NO_SUCH_MESSAGE)?;
        if head.deleted {
            return Err(Reason::MESSAGE_DELETED.into());
        }
        let all = head.sender == actor.identity;
        let who = self.answerers(message);
        Ok(who
            .filter(|who| all || **who == actor.identity)
            .cloned()
            .collect())
    }

    /// An answer, as `viewer` is shown it.
    pub fn answer_shown(&self, world: &World, viewer: &Identifier, answer: &Answer) -> CardAnswer {
        CardAnswer {
            thread: self.id(),
            message: answer.message,
            version: answer.version,
            by: answer.by.clone(),
            display_name: self.name_of(world, viewer, &answer.by),
            action: answer.action.clone(),
            value: answer.value.clone(),
            answered_at_ms: answer.at.as_millis(),
        }
    }

    /// An answer to a card is its sender's to know, who may be gone by now, or have hidden the message.
    pub(super) fn answered(
        &self,
        context: Context<'_>,
        answer: &Answer,
        viewers: &[Identifier],
        told: &mut Announced,
    ) {
        let Some(sender) = self.heads.get(&answer.message).map(|head| &head.sender) else {
            return;
        };
        if !self.seeing(viewers, answer.message).any(|one| one == sender) {
            return;
        }
        let shown = self.answer_shown(context.world, sender, answer);
        told.tells
            .push((sender.clone(), Event::ChatCardAnswered(shown.clone())));
        let Some(scope) = scopes_of(sender).filter(|scope| (context.wanted)(scope)) else {
            return;
        };
        let member = self.member(context.world, sender, &answer.by);
        let data = ChatData {
            // One answer after the other changes no version.
            transaction_id: format!("{}.{}.{}", self.id(), answer.message, answer.number),
            message_id: Some(answer.message.to_string()),
            actor_communication_identifier: Some(member.communication_identifier),
            card_answer: Some(ChatCardAnswer {
                action: shown.action,
                value: shown.value,
                display_name: shown.display_name,
            }),
            ..ChatData::new(self.id(), answer.version)
        };
        told.happenings.push(ChatHappening {
            kind: EventKind::ChatCardAnswered,
            at: answer.at,
            recipient: Some(sender.clone()),
            by: answer.by.clone(),
            number: None,
            data,
            scopes: [scope].into(),
        });
    }

    fn answerers(&self, message: u64) -> impl Iterator<Item = &Identifier> {
        self.answers
            .get(&message)
            .into_iter()
            .flat_map(|answers| answers.keys())
    }

    /// The answers to a message, which end with what it said. Those that are too many for one turn are found by
    /// [`Thread::answers_due`].
    pub(super) fn erase_answers(&self, message: u64, cause: Cause, plan: &mut Plan) {
        let room = TURN.saturating_sub(plan.deletes.len());
        for who in self.answerers(message).take(room) {
            let item = ItemKey::Answer(message, who.clone());
            self.erase(item, Some(message), cause, who, plan);
        }
    }

    /// What a crash, an answer that crossed a deletion, or a deletion with more answers than one turn takes, left.
    pub(super) fn answers_due(&self, plan: &mut Plan) {
        let gone = |message: u64| self.heads.get(&message).is_none_or(|head| head.deleted);
        let left = self.answers.iter().filter(|(message, _)| gone(**message));
        let left = left.flat_map(|(message, answers)| answers.keys().map(move |who| (*message, who)));
        let planned: BTreeSet<ItemKey> = plan.deletes.iter().cloned().collect();
        let left = left.map(|(message, who)| (ItemKey::Answer(message, who.clone()), message, who));
        let room = TURN.saturating_sub(plan.deletes.len());
        for (item, message, who) in left.filter(|(item, ..)| !planned.contains(item)).take(room) {
            self.erase(item, Some(message), Cause::Orphaned, who, plan);
        }
    }
}
