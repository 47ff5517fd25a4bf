//! Deleting a thread: for oneself, for the members, or for all (L11). None of it takes anything out of the store: what is
//! kept ends as retention has it.

use sidetone_organisation::Setting;
use sidetone_signaling::{Identifier, Reason};

use crate::context::is_external;
use crate::rate::Deed;
use crate::{
    Actor, Context, Deleted, Item, News, Outcome, Participant, Refused, Rights, Thread, ThreadRecord,
};

/// How a thread is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Deletion {
    /// The actor takes part no longer, and keeps what was said.
    Leave,
    /// The actor sees nothing of what was said so far, and is still told what is said from now on.
    HideForMe,
    /// It is gone for everybody.
    ForAll,
    /// As the source has it (L11): the members are removed and what was said is hidden from them. For external users.
    RemoveMembers,
}

impl Thread {
    /// Deletes a thread in one of the ways. Without one: for all, or as the source has it where an organisation wants
    /// that of external users.
    ///
    /// # Errors
    /// A way that is not open (L11); the thread of a meeting; not one's own thread.
    pub fn delete(
        &mut self,
        context: Context<'_>,
        actor: &Actor,
        how: Option<Deletion>,
    ) -> Result<Outcome<()>, Refused> {
        let external = actor.is_external();
        let as_source = external && self.deletes_as_source(context);
        let how = how.unwrap_or(if as_source {
            Deletion::RemoveMembers
        } else {
            Deletion::ForAll
        });
        if as_source && how != Deletion::RemoveMembers {
            return Err(Reason::CHAT_DELETION_DISABLED.into());
        }
        match how {
            Deletion::Leave => {
                let identity = actor.identity.clone();
                self.remove(context, actor, &identity)
            }
            Deletion::HideForMe => self.hide(context, actor),
            Deletion::ForAll => self.delete_for_all(context, actor),
            Deletion::RemoveMembers => self.remove_members(context, actor),
        }
    }

    fn deletes_as_source(&self, context: Context<'_>) -> bool {
        self.organisations()
            .filter_map(|id| context.world.organisation(&id))
            .any(|organisation| organisation.switches.chat_deletion == Setting::Source)
    }

    fn hide(&mut self, context: Context<'_>, actor: &Actor) -> Result<Outcome<()>, Refused> {
        let known = self.reads(context, actor)?.clone();
        self.rates.take(&actor.identity, Deed::Thread, context.now)?;
        let hidden = Participant {
            hidden_through: self.last_message(),
            version: self.next_version(),
            ..known
        };
        Ok(Outcome::change(
            Item::Participant(hidden),
            News::Hidden {
                by: actor.identity.clone(),
                at: context.now,
            },
        ))
    }

    fn delete_for_all(&mut self, context: Context<'_>, actor: &Actor) -> Result<Outcome<()>, Refused> {
        actor.wants(Rights::Full)?;
        self.writes(context, actor)?;
        if !self.is_ad_hoc() {
            return Err(Reason::FOLLOWS_MEETING.into());
        }
        if self.record.created_by != actor.identity && !actor.is_external() {
            return Err(Reason::NOT_THE_OWNER.into());
        }
        self.rates.take(&actor.identity, Deed::Thread, context.now)?;
        let record = ThreadRecord {
            deleted: Some(Deleted {
                at: context.now,
                by: actor.identity.clone(),
            }),
            version: self.next_version(),
            ..self.record.clone()
        };
        Ok(Outcome::change(
            Item::Thread(record),
            News::Deleted {
                by: actor.identity.clone(),
                at: context.now,
            },
        ))
    }

    fn remove_members(&mut self, context: Context<'_>, actor: &Actor) -> Result<Outcome<()>, Refused> {
        actor.wants(Rights::Full)?;
        self.writes(context, actor)?;
        if !self.is_ad_hoc() {
            return Err(Reason::FOLLOWS_MEETING.into());
        }
        if !actor.is_external() {
            return Err(Reason::NOT_THE_OWNER.into());
        }
        let members: Vec<Identifier> = self
            .current()
            .map(|one| one.identity.clone())
            .filter(|one| !is_external(one))
            .collect();
        if members.is_empty() {
            return Ok(Outcome::known(()));
        }
        self.rates.take(&actor.identity, Deed::Thread, context.now)?;
        let plan = self.removing(context, &actor.identity, members, true);
        Ok(Outcome { value: (), plan })
    }
}
