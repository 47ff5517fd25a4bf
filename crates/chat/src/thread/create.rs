//! Beginning a thread.

use std::collections::{BTreeMap, BTreeSet};

use sidetone_organisation::{OrganisationId, World};
use sidetone_signaling::protocol::chat::{ThreadId, ThreadKind};
use sidetone_signaling::{Identifier, Reason};

use super::standing::member_chat;
use crate::content::{metadata, topic};
use crate::limits::{BATCH, MAX_TOKEN};
use crate::{
    Actor, Body, Context, Home, Item, Message, News, Outcome, Participant, Plan, Refused, Region, Rights,
    Span, Thread, ThreadRecord,
};

/// Someone who is to take part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invited {
    /// Who. A member and an external user are named in the same way (spec R41).
    pub identity: Identifier,
    /// A name for them, where they have none of their own.
    pub name: Option<String>,
}

/// A thread that somebody wants to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewThread {
    /// Its id, drawn by who asks.
    pub id: ThreadId,
    /// What it is about.
    pub topic: String,
    /// Who takes part besides who begins it.
    pub participants: Vec<Invited>,
    /// Whatever the application puts with it.
    pub metadata: BTreeMap<String, String>,
    /// Its own retention, in days: 30 to 90.
    pub retention_days: Option<u32>,
    /// Asked twice with the same token, it is begun once. Whoever keeps threads looks for it first.
    pub token: Option<String>,
}

impl Thread {
    /// Begins a thread.
    ///
    /// # Errors
    /// Content against the rules; too many; a gate or a limit (L9) between two who are to take part.
    pub fn begin(context: Context<'_>, actor: &Actor, new: NewThread) -> Result<Outcome<ThreadId>, Refused> {
        actor.wants(Rights::Full)?;
        member_chat(context.world, actor)?;
        let topic = topic(&new.topic)?;
        metadata(&new.metadata)?;
        token(new.token.as_deref())?;
        if new.retention_days.is_some_and(|days| !(30..=90).contains(&days)) {
            return Err(Refused::content("the retention of a thread is 30 to 90 days"));
        }
        if new.participants.len() > BATCH {
            return Err(Refused::content("more than 200 participants at once"));
        }
        let others: BTreeMap<Identifier, Option<String>> = new
            .participants
            .into_iter()
            .filter(|invited| invited.identity != actor.identity)
            .map(|invited| (invited.identity, invited.name))
            .collect();
        if others.len() + 1 > context.limits.participants {
            return Err(Reason::THREAD_FULL.into());
        }
        admit_all(context.world, &actor.identity, others.keys(), &[])?;

        let everyone: Vec<&Identifier> = [&actor.identity].into_iter().chain(others.keys()).collect();
        let record = ThreadRecord {
            id: new.id,
            kind: ThreadKind::AdHoc,
            topic,
            created_by: actor.identity.clone(),
            created: context.now,
            home: home_of(context.world, &everyone),
            metadata: new.metadata,
            retention_days: new.retention_days,
            hold: false,
            purged_through: 0,
            ended: None,
            deleted: None,
            token: new.token,
            version: 1,
        };
        let first = Message::system(
            1,
            1,
            actor.identity.clone(),
            Body::ParticipantAdded {
                participants: everyone.into_iter().cloned().collect(),
            },
            context.now,
        );
        let own = [(actor.identity.clone(), actor.name.clone())];
        let people = own.into_iter().chain(others).map(|(identity, name)| {
            Item::Participant(Participant {
                identity,
                name,
                joined: context.now,
                spans: vec![Span { from: 1, until: None }],
                left: None,
                hidden_through: 0,
                read: None,
                version: 1,
            })
        });
        Ok(Outcome {
            value: new.id,
            plan: Plan {
                before: people.chain([Item::Message(first)]).collect(),
                commit: vec![Item::Thread(record)],
                news: vec![News::Created],
                ..Plan::default()
            },
        })
    }
}

impl Message {
    /// What the service says.
    pub(crate) fn system(
        id: u64,
        version: u64,
        by: Identifier,
        body: Body,
        now: sidetone_ledger::Timestamp,
    ) -> Self {
        Self {
            id,
            version,
            sender: by,
            through: None,
            body,
            card: None,
            previews: Vec::new(),
            created: now,
            edited: None,
            deleted: None,
            metadata: BTreeMap::new(),
            reply_to: None,
            mentions: Vec::new(),
            attachments: Vec::new(),
            reactions: Vec::new(),
            pinned: false,
            priority: Default::default(),
            token: None,
        }
    }
}

/// Whether somebody may take these into a thread, and they may meet each other and those who are there: the gates of
/// calls, each with its subcode.
pub(super) fn admit_all<'a>(
    world: &World,
    by: &Identifier,
    new: impl Iterator<Item = &'a Identifier> + Clone,
    there: &[&Identifier],
) -> Result<(), Refused> {
    for one in new.clone() {
        if !one.can_register() {
            return Err(Reason::NO_SUCH_CALLEE.into());
        }
        world.may_begin_chat(by, one)?;
    }
    let new: Vec<&Identifier> = new.collect();
    for (index, one) in new.iter().enumerate() {
        let met = there.iter().chain(new.iter().skip(index + 1));
        for other in met.filter(|other| **other != by && *other != one) {
            world.may_meet_in_chat(one, other)?;
        }
    }
    Ok(())
}

/// Where an ad-hoc thread is kept: with the organisation of the first member, or else with the resource.
fn home_of(world: &World, people: &[&Identifier]) -> Home {
    let organisation = people.iter().find_map(|one| match one {
        Identifier::Member { organisation, .. } => Some(OrganisationId::from(organisation.clone())),
        _ => None,
    });
    let region = match &organisation {
        Some(organisation) => Region::of_organisation(world, organisation),
        None => people
            .iter()
            .find_map(|one| Region::of_external_user(world, one))
            .unwrap_or_default(),
    };
    Home { organisation, region }
}

/// Checks an idempotency token.
pub(super) fn token(token: Option<&str>) -> Result<(), Refused> {
    let good = token.is_none_or(|token| {
        !token.is_empty() && token.len() <= MAX_TOKEN && token.bytes().all(|b| b.is_ascii_graphic())
    });
    if good {
        Ok(())
    } else {
        Err(Refused::content("the idempotency token cannot be taken"))
    }
}

/// Those who are named more than once count once.
pub(super) fn distinct(invited: Vec<Invited>) -> Vec<Invited> {
    let mut seen = BTreeSet::new();
    invited
        .into_iter()
        .filter(|one| seen.insert(one.identity.clone()))
        .collect()
}
