//! What ends when (spec R95 to R98), and what a crash left to be done.
//!
//! A retention policy of the organisation, or of any member who takes or took part, holds for messages and for all copies
//! alike; the shortest one counts. Without one messages stay, and copies outside the home region end after 30 days. A
//! hold keeps everything.

use std::collections::BTreeSet;

use sidetone_ledger::Timestamp;
use sidetone_organisation::{OrganisationId, World};
use sidetone_signaling::Identifier;

use super::CopyHead;
use crate::attachment::days_after;
use crate::context::{is_external, scopes_of};
use crate::limits::{COPY_DAYS, DELETED_DAYS};
use crate::{Cause, Context, Copied, Erased, Item, ItemKey, Message, Plan, Region, Thread, ThreadRecord};

/// Items that one turn deletes at most.
pub(super) const TURN: usize = 500;

impl Thread {
    /// The organisations of the thread and of all members who take or took part.
    pub(crate) fn organisations_ever(&self) -> impl Iterator<Item = OrganisationId> {
        let home = self.record.home.organisation.clone();
        let members = self.people().filter_map(|one| match &one.identity {
            Identifier::Member { organisation, .. } => Some(OrganisationId::from(organisation.clone())),
            _ => None,
        });
        let all: BTreeSet<OrganisationId> = home.into_iter().chain(members).collect();
        all.into_iter()
    }

    /// After how many days everything is deleted; `None` where no policy says so.
    pub fn retention_days(&self, world: &World) -> Option<u32> {
        let host = self.record.home.organisation.as_ref();
        // In a meeting the host organisation's policies count, and its members'; elsewhere those of all.
        let counts = |id: &OrganisationId| self.is_ad_hoc() || host == Some(id);
        let organisations = self
            .organisations_ever()
            .filter(|id| counts(id))
            .filter_map(|id| world.organisation(&id)?.chat.retention_days);
        let members = self.people().filter_map(|one| match &one.identity {
            Identifier::Member { organisation, user } => {
                let organisation = OrganisationId::from(organisation.clone());
                counts(&organisation).then_some(())?;
                world
                    .member(&organisation, &user.clone().into())?
                    .chat_retention_days
            }
            _ => None,
        });
        organisations
            .chain(members)
            .chain(self.record.retention_days)
            .min()
    }

    /// What has to be deleted by now, some at a time: ask again until there is nothing.
    pub fn due(&self, context: Context<'_>) -> Plan {
        let Context { world, now, .. } = context;
        let mut plan = Plan::default();
        if self.is_held(world) {
            return plan;
        }
        let days = self.retention_days(world);
        if let Some(deleted) = &self.record.deleted
            && days_after(
                deleted.at,
                days.map_or(DELETED_DAYS, |days| days.min(DELETED_DAYS)),
            ) <= now
        {
            return self.everything();
        }
        if let Some(days) = days {
            self.purge(days, now, &mut plan);
        }
        self.copies_due(days, now, &mut plan);
        self.files_due(now, &mut plan);
        self.answers_due(&mut plan);
        for ((message, version), sender) in self.held.iter().take(TURN) {
            let item = ItemKey::Held(*message, *version);
            self.erase(item, Some(*message), Cause::HoldEnded, sender, &mut plan);
        }
        plan
    }

    /// Messages that are older than the policy has it.
    fn purge(&self, days: u32, now: Timestamp, plan: &mut Plan) {
        let old = |created: Timestamp| days_after(created, days) <= now;
        let due: Vec<u64> = self
            .heads
            .iter()
            .take_while(|(_, head)| old(head.created))
            .map(|(id, _)| *id)
            .take(TURN)
            .collect();
        let Some(last) = due.last().copied() else { return };
        // First the mark, so that no number and no version is ever used again.
        plan.before.push(Item::Thread(ThreadRecord {
            purged_through: last,
            version: self.next_version(),
            ..self.record.clone()
        }));
        for id in due {
            if let Some(head) = self.heads.get(&id) {
                self.erase(
                    ItemKey::Message(id),
                    Some(id),
                    Cause::Retention,
                    &head.sender,
                    plan,
                );
            }
            self.erase_files(id, Cause::Retention, plan);
            self.erase_answers(id, Cause::Retention, plan);
        }
    }

    fn copies_due(&self, days: Option<u32>, now: Timestamp, plan: &mut Plan) {
        for ((region, identity), copy) in self.copies.iter().take(TURN) {
            if let Some(cause) = copy.ends(days, now) {
                let item = ItemKey::Copy(region.clone(), identity.clone());
                self.erase(item, Some(copy.message), cause, identity, plan);
            }
        }
    }

    fn files_due(&self, now: Timestamp, plan: &mut Plan) {
        let planned: BTreeSet<ItemKey> = plan.deletes.iter().cloned().collect();
        for file in self.files.values() {
            let item = ItemKey::Attachment(file.id);
            if planned.contains(&item) || plan.deletes.len() >= TURN {
                continue;
            }
            let orphan = file.message.is_some_and(|message| !self.is_of(message, file.id));
            let cause = match (orphan, file.expires <= now, file.message) {
                (true, ..) | (_, true, None) => Cause::Orphaned,
                (false, true, Some(_)) => Cause::Age,
                (false, false, _) => continue,
            };
            self.erase(item, file.message, cause, &file.by, plan);
        }
    }

    /// All of a thread, its record last, some at a time: ask again until it is gone. For threads that were deleted long
    /// enough ago, and those of organisations that are no more.
    pub fn everything(&self) -> Plan {
        let mut plan = Plan::default();
        let by = self.record.created_by.clone();
        let messages = self
            .heads
            .iter()
            .map(|(id, head)| (ItemKey::Message(*id), Some(*id), &head.sender));
        let copies = self.copies.iter().map(|((region, identity), copy)| {
            (
                ItemKey::Copy(region.clone(), identity.clone()),
                Some(copy.message),
                identity,
            )
        });
        let files = self
            .files
            .values()
            .map(|file| (ItemKey::Attachment(file.id), file.message, &file.by));
        let held = self
            .held
            .iter()
            .map(|((message, version), sender)| (ItemKey::Held(*message, *version), Some(*message), sender));
        let answers = self
            .answers
            .iter()
            .flat_map(|(message, answers)| answers.keys().map(move |by| (*message, by)))
            .map(|(message, by)| (ItemKey::Answer(message, by.clone()), Some(message), by));
        let all = messages.chain(copies).chain(files).chain(held).chain(answers);
        for (item, message, sender) in all.take(TURN) {
            self.erase(item, message, Cause::ThreadDeleted, sender, &mut plan);
        }
        if plan.deletes.len() < TURN {
            let people = self
                .people
                .keys()
                .map(|identity| ItemKey::Participant(identity.clone()));
            plan.deletes.extend(people);
            self.erase(ItemKey::Thread, None, Cause::ThreadDeleted, &by, &mut plan);
        }
        plan
    }

    pub(super) fn erase(
        &self,
        item: ItemKey,
        message: Option<u64>,
        cause: Cause,
        whose: &Identifier,
        plan: &mut Plan,
    ) {
        // A copy is the resource's, wherever the thread is at home.
        let scope = match &item {
            ItemKey::Copy(..) => scopes_of(whose),
            _ => self.audited_by(whose),
        };
        plan.deletes.push(item.clone());
        plan.erased.push(Erased {
            item,
            message,
            cause,
            scope,
        });
    }

    /// The messages of which [`Thread::mend`] needs the content: the newest of each external user in a meeting, where its
    /// copy is not as it should be.
    pub fn needed_to_mend(&self, context: Context<'_>) -> Vec<u64> {
        let newest = self.newest_by_outsiders();
        newest
            .into_iter()
            .filter(|(identity, id)| self.copy_missing(context, identity, *id))
            .map(|(_, id)| id)
            .collect()
    }

    /// What a crash left to be done: copies that are missing, and copies that should be gone. `messages` are those that
    /// [`Thread::needed_to_mend`] named.
    pub fn mend(&self, context: Context<'_>, messages: Vec<Message>) -> Plan {
        let mut plan = Plan::default();
        if self.is_ad_hoc() {
            return plan;
        }
        for message in messages {
            if let Some(region) = Region::of_external_user(context.world, &message.sender) {
                plan.after.push(Item::Copy(Copied { region, message }));
            }
        }
        let newest = self.newest_by_outsiders();
        for ((region, identity), copy) in &self.copies {
            let head = self.heads.get(&copy.message).filter(|head| !head.deleted);
            let is_newest = newest
                .iter()
                .any(|(one, id)| one == identity && *id == copy.message);
            let current = is_newest && head.is_some_and(|head| head.version == copy.version);
            let replaced = plan.after.iter().any(|item| {
                matches!(item, Item::Copy(new) if new.region == *region && new.message.sender == *identity)
            });
            // Of a message that retention took the copy goes as well.
            if !current && !replaced {
                let item = ItemKey::Copy(region.clone(), identity.clone());
                self.erase(item, Some(copy.message), Cause::Orphaned, identity, &mut plan);
            }
        }
        plan
    }

    /// The newest message of each external user, deleted ones too.
    fn newest_by_outsiders(&self) -> Vec<(Identifier, u64)> {
        if self.is_ad_hoc() {
            return Vec::new();
        }
        let mut seen = BTreeSet::new();
        let sent = self
            .heads
            .iter()
            .rev()
            .filter(|(_, head)| !head.system && is_external(&head.sender));
        sent.filter(|(_, head)| seen.insert(&head.sender))
            .map(|(id, head)| (head.sender.clone(), *id))
            .collect()
    }

    fn copy_missing(&self, context: Context<'_>, identity: &Identifier, id: u64) -> bool {
        let Some(region) = Region::of_external_user(context.world, identity) else {
            return false;
        };
        let Some(head) = self.heads.get(&id).filter(|head| !head.deleted) else {
            return false;
        };
        let would = CopyHead {
            message: id,
            version: head.version,
            created: head.created,
        };
        let ends = would.ends(self.retention_days(context.world), context.now);
        match self.copies.get(&(region, identity.clone())) {
            Some(copy) if *copy == would => false,
            Some(_) => ends.is_none(),
            // What retention took does not come back when policies change; what the last change was to make does.
            None => {
                let fresh = days_after(head.created, COPY_DAYS) > context.now;
                ends.is_none() && fresh && self.last_changed() == Some(id)
            }
        }
    }
}

impl CopyHead {
    /// Why a copy ends by now; `None` while it stays.
    fn ends(self, days: Option<u32>, now: Timestamp) -> Option<Cause> {
        let (days, cause) = match days {
            Some(days) => (days, Cause::Retention),
            None => (COPY_DAYS, Cause::Age),
        };
        (days_after(self.created, days) <= now).then_some(cause)
    }
}
