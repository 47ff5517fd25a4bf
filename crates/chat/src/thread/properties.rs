//! What is said of a thread as a whole, and the hold that keeps everything.

use std::collections::BTreeMap;

use sidetone_organisation::World;
use sidetone_signaling::Reason;

use crate::content::{metadata, topic};
use crate::rate::Deed;
use crate::{
    Actor, Body, Context, Item, Message, News, Outcome, Plan, Refused, Rights, Thread, ThreadRecord,
};

/// What changes about a thread. What is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThreadChange {
    /// What it is about.
    pub topic: Option<String>,
    /// Whatever the application puts with it, all of it.
    pub metadata: Option<BTreeMap<String, String>>,
}

impl Thread {
    /// Changes what is said of a thread.
    ///
    /// # Errors
    /// Content against the rules; somebody from outside in the thread of a meeting; too fast.
    pub fn update(
        &mut self,
        context: Context<'_>,
        actor: &Actor,
        change: ThreadChange,
    ) -> Result<Outcome<()>, Refused> {
        actor.wants(Rights::Full)?;
        self.writes(context, actor)?;
        if !self.is_ad_hoc() && actor.is_external() {
            return Err(Reason::FOLLOWS_MEETING.into());
        }
        let topic = change.topic.as_deref().map(topic).transpose()?;
        if let Some(entries) = &change.metadata {
            metadata(entries)?;
        }
        self.rates.take(&actor.identity, Deed::Thread, context.now)?;
        let version = self.next_version();
        let new_topic = topic.filter(|topic| *topic != self.record.topic);
        let record = ThreadRecord {
            topic: new_topic.clone().unwrap_or_else(|| self.record.topic.clone()),
            metadata: change.metadata.unwrap_or_else(|| self.record.metadata.clone()),
            version,
            ..self.record.clone()
        };
        let mut plan = Plan {
            before: vec![Item::Thread(record)],
            news: vec![News::Updated {
                by: actor.identity.clone(),
                at: context.now,
            }],
            ..Plan::default()
        };
        if let Some(topic) = new_topic {
            let message = Message::system(
                self.next_message(),
                version,
                actor.identity.clone(),
                Body::TopicUpdated { topic },
                self.stamp(context.now),
            );
            plan.commit.push(Item::Message(message.clone()));
            plan.news.push(News::Sent(message));
        }
        Ok(Outcome { value: (), plan })
    }

    /// Puts a hold on the thread, or takes it off: while it is on, nothing of the thread is deleted from the store.
    pub fn set_hold(&self, on: bool) -> Outcome<()> {
        if self.record.hold == on {
            return Outcome::known(());
        }
        let record = ThreadRecord {
            hold: on,
            version: self.next_version(),
            ..self.record.clone()
        };
        Outcome {
            value: (),
            plan: Plan {
                commit: vec![Item::Thread(record)],
                ..Plan::default()
            },
        }
    }

    /// Whether a hold is on: the thread's own, or that of an organisation that has a say.
    pub fn is_held(&self, world: &World) -> bool {
        let holds = |id| world.organisation(&id).is_some_and(|one| one.chat.retention_hold);
        self.record.hold || self.organisations_ever().any(holds)
    }
}
