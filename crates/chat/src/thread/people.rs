//! Adding and removing participants of an ad-hoc thread.

use sidetone_ledger::Timestamp;
use sidetone_signaling::{Identifier, Reason};

use super::create::{admit_all, distinct};
use crate::limits::{BATCH, MAX_SPANS};
use crate::rate::Deed;
use crate::{
    Actor, Body, Context, Invited, Item, Message, News, Outcome, Participant, Plan, Refused, Rights, Span,
    Thread,
};

impl Thread {
    /// Adds participants, who see what was said since `history`, and nothing older; without it, what is said from now on.
    /// Those who take part already are left as they are. Gives those who are new.
    ///
    /// # Errors
    /// The thread of a meeting; too many; a gate or a limit (L9) between two who are to take part; too fast.
    pub fn add(
        &mut self,
        context: Context<'_>,
        actor: &Actor,
        invited: Vec<Invited>,
        history: Option<Timestamp>,
    ) -> Result<Outcome<Vec<Identifier>>, Refused> {
        actor.wants(Rights::Join)?;
        self.writes(context, actor)?;
        if !self.is_ad_hoc() {
            return Err(Reason::FOLLOWS_MEETING.into());
        }
        if invited.len() > BATCH {
            return Err(Refused::content("more than 200 participants at once"));
        }
        let new: Vec<Invited> = distinct(invited)
            .into_iter()
            .filter(|one| {
                !self
                    .people
                    .get(&one.identity)
                    .is_some_and(Participant::is_current)
            })
            .collect();
        if new.is_empty() {
            return Ok(Outcome::known(Vec::new()));
        }
        let there: Vec<&Identifier> = self.current().map(|one| &one.identity).collect();
        if there.len() + new.len() > context.limits.participants {
            return Err(Reason::THREAD_FULL.into());
        }
        admit_all(
            context.world,
            &actor.identity,
            new.iter().map(|one| &one.identity),
            &there,
        )?;
        self.rates.take(&actor.identity, Deed::People, context.now)?;
        let version = self.next_version();
        let from = self.first_since(history);
        let who: Vec<Identifier> = new.iter().map(|one| one.identity.clone()).collect();
        let mut plan = self.joining(context, actor, new, from, version);
        plan.news.insert(
            0,
            News::Added {
                by: actor.identity.clone(),
                who: who.clone(),
                at: context.now,
            },
        );
        Ok(Outcome { value: who, plan })
    }

    /// Removes a participant, who keeps what was said and sees nothing new. Of oneself: leaves.
    ///
    /// # Errors
    /// The thread of a meeting; nobody who takes part; too fast.
    pub fn remove(
        &mut self,
        context: Context<'_>,
        actor: &Actor,
        whom: &Identifier,
    ) -> Result<Outcome<()>, Refused> {
        if *whom != actor.identity {
            actor.wants(Rights::Join)?;
        }
        self.writes(context, actor)?;
        if !self.is_ad_hoc() {
            return Err(Reason::FOLLOWS_MEETING.into());
        }
        if !self.people.get(whom).is_some_and(Participant::is_current) {
            return Err(Reason::NO_SUCH_THREAD_PARTICIPANT.into());
        }
        self.rates.take(&actor.identity, Deed::People, context.now)?;
        let plan = self.removing(context, &actor.identity, vec![whom.clone()], false);
        Ok(Outcome { value: (), plan })
    }

    /// Takes somebody out who is no more: nothing of the thread is shown to a later one of the same name.
    pub fn expel(&self, context: Context<'_>, who: &Identifier) -> Outcome<()> {
        match self.people.get(who) {
            Some(known) if !known.spans.is_empty() => Outcome {
                value: (),
                plan: self.removing(context, who, vec![who.clone()], true),
            },
            _ => Outcome::known(()),
        }
    }

    /// The first message that was sent at this time or later.
    fn first_since(&self, history: Option<Timestamp>) -> u64 {
        let new = self.next_message();
        let Some(since) = history else { return new };
        self.heads
            .iter()
            .find(|(_, head)| head.created >= since)
            .map_or(new, |(id, _)| *id)
    }

    /// What is written when some come in.
    fn joining(
        &self,
        context: Context<'_>,
        actor: &Actor,
        new: Vec<Invited>,
        from: u64,
        version: u64,
    ) -> Plan {
        let message = Message::system(
            self.next_message(),
            version,
            actor.identity.clone(),
            Body::ParticipantAdded {
                participants: new.iter().map(|one| one.identity.clone()).collect(),
            },
            self.stamp(context.now),
        );
        let people = new
            .into_iter()
            .map(|one| Item::Participant(self.come_in(one, from, context.now, version)));
        Plan {
            before: people.collect(),
            commit: vec![Item::Message(message.clone())],
            news: vec![News::Sent(message)],
            ..Plan::default()
        }
    }

    /// Someone who comes in, or comes back.
    pub(super) fn come_in(&self, one: Invited, from: u64, now: Timestamp, version: u64) -> Participant {
        let known = self.people.get(&one.identity);
        let mut spans = known.map(|known| known.spans.clone()).unwrap_or_default();
        if spans.len() >= MAX_SPANS {
            spans.remove(0);
        }
        spans.push(Span { from, until: None });
        Participant {
            name: one.name.or_else(|| known.and_then(|known| known.name.clone())),
            joined: now,
            spans,
            left: None,
            hidden_through: known.map_or(0, |known| known.hidden_through),
            read: known.and_then(|known| known.read),
            identity: one.identity,
            version,
        }
    }

    /// What is written when some go. With `hide` they see nothing of it any more.
    pub(super) fn removing(
        &self,
        context: Context<'_>,
        by: &Identifier,
        who: Vec<Identifier>,
        hide: bool,
    ) -> Plan {
        let version = self.next_version();
        let last = self.last_message();
        let message = Message::system(
            self.next_message(),
            version,
            by.clone(),
            Body::ParticipantRemoved {
                participants: who.clone(),
            },
            self.stamp(context.now),
        );
        let people = who.iter().filter_map(|one| self.people.get(one));
        let people = people.map(|one| {
            let mut gone = Participant {
                version,
                ..one.clone()
            };
            if let Some(span) = gone.spans.last_mut() {
                span.until = Some(last);
            }
            if hide {
                gone.spans.clear();
            }
            Item::Participant(gone)
        });
        Plan {
            before: people.collect(),
            commit: vec![Item::Message(message.clone())],
            news: vec![
                News::Removed {
                    by: by.clone(),
                    who,
                    at: context.now,
                    hide,
                },
                News::Sent(message),
            ],
            ..Plan::default()
        }
    }
}
