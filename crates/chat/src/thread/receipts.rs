//! Up to where everybody has read.

use sidetone_signaling::Reason;

use super::history::Receipts;
use crate::limits::AGGREGATED_ABOVE;
use crate::rate::Deed;
use crate::{Actor, Context, Item, News, Outcome, Participant, ReadMark, Refused, Thread};

impl Thread {
    /// Says that the actor has read everything up to a message. Never goes back.
    ///
    /// # Errors
    /// No such message; a limit (L14); too fast.
    pub fn read(
        &mut self,
        context: Context<'_>,
        actor: &Actor,
        message: u64,
    ) -> Result<Outcome<()>, Refused> {
        let known = self.writes(context, actor)?.clone();
        if !self.has_receipts(context.world, &actor.identity) {
            return Err(Reason::READ_RECEIPTS_DISABLED.into());
        }
        self.message_for(context, actor, message)?;
        if known.read.is_some_and(|read| read.message >= message) {
            return Ok(Outcome::known(()));
        }
        self.rates.take(&actor.identity, Deed::Read, context.now)?;
        let read = ReadMark {
            message,
            at: context.now,
        };
        let participant = Participant {
            read: Some(read),
            ..known
        };
        Ok(Outcome::change(
            Item::Participant(participant),
            News::Read {
                by: actor.identity.clone(),
                message,
                at: context.now,
            },
        ))
    }

    /// How many have read a message, and of how many: of those who take part and may see it, its sender aside.
    pub fn readers(&self, message: u64) -> (u32, u32) {
        let sender = self.heads.get(&message).map(|head| &head.sender);
        let others = self
            .current()
            .filter(|one| Some(&one.identity) != sender && one.sees(message));
        let (mut read_by, mut of) = (0, 0);
        for one in others {
            of += 1;
            if one.read.is_some_and(|read| read.message >= message) {
                read_by += 1;
            }
        }
        (read_by, of)
    }

    /// The receipts of a thread: of each reader, or in a thread of more than twenty how many have read up to where.
    ///
    /// # Errors
    /// Not (any more) a participant; a limit (L14).
    pub fn receipts(&self, context: Context<'_>, actor: &Actor) -> Result<Receipts, Refused> {
        self.reads(context, actor)?;
        if !self.has_receipts(context.world, &actor.identity) {
            return Err(Reason::READ_RECEIPTS_DISABLED.into());
        }
        let marks = self
            .current()
            .filter(|one| self.has_receipts(context.world, &one.identity))
            .filter_map(|one| Some((one.identity.clone(), one.read?)));
        if self.current().count() <= AGGREGATED_ABOVE {
            return Ok(Receipts::Each(marks.collect()));
        }
        let mut places: Vec<u64> = marks.map(|(_, read)| read.message).collect();
        places.sort_unstable();
        let readers = places.len();
        // So many have read up to there or further.
        let mut counts: Vec<(u64, u32)> = Vec::new();
        for (index, place) in places.into_iter().enumerate() {
            if counts.last().is_none_or(|(last, _)| *last != place) {
                counts.push((place, u32::try_from(readers - index).unwrap_or(u32::MAX)));
            }
        }
        Ok(Receipts::Counts(counts))
    }
}
