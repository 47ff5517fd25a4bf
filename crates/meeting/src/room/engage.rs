//! Hands, reactions, the spotlight and who speaks.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sidetone_signaling::Reason;
use sidetone_signaling::protocol::Event;
use sidetone_signaling::protocol::meeting::{
    Capability, Hands, ParticipantId, Reaction, SetSpotlight, Spotlight,
};

use super::{Context, Room};
use crate::api::MediaOrder;

/// Reactions that somebody may send at once; one comes back each second.
const BURST: u32 = 5;
const REFILL: Duration = Duration::from_secs(1);
/// Most who are in front at a time.
const MOST_SPOTLIGHTED: usize = 20;

/// Whose hands are up, and since when.
#[derive(Debug, Default)]
pub(super) struct HandsUp {
    up: BTreeMap<ParticipantId, u32>,
    order: u32,
}

impl HandsUp {
    pub(super) fn order_of(&self, id: ParticipantId) -> Option<u32> {
        self.up.get(&id).copied()
    }

    /// Whose hands are up, the longest first.
    pub(super) fn in_order(&self) -> Vec<ParticipantId> {
        let mut up: Vec<ParticipantId> = self.up.keys().copied().collect();
        up.sort_by_key(|id| self.up.get(id));
        up
    }
}

/// How fast somebody reacts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    used: u32,
    since: Option<Instant>,
}

impl Bucket {
    /// Whether one more may be had of `burst`, of which one comes back each `refill`.
    pub(super) fn take(&mut self, now: Instant, burst: u32, refill: Duration) -> bool {
        let since = self.since.unwrap_or(now);
        let elapsed = now.saturating_duration_since(since);
        let back = u32::try_from(elapsed.as_millis() / refill.as_millis().max(1)).unwrap_or(u32::MAX);
        self.used = self.used.saturating_sub(back);
        self.since = Some(if back > 0 { now } else { since });
        if self.used >= burst {
            return false;
        }
        self.used += 1;
        true
    }
}

impl Room {
    /// Somebody raises their hand, or lowers it.
    pub(crate) fn hand(
        &mut self,
        id: ParticipantId,
        raised: bool,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        if !raised {
            self.lower(id, cx);
            return Ok(());
        }
        self.require(id, Capability::RaiseHand)?;
        self.raise(id, cx);
        Ok(())
    }

    pub(super) fn raise(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        if !self.hands.up.contains_key(&id) {
            self.hands.order += 1;
            self.hands.up.insert(id, self.hands.order);
            self.board.hand(id);
            self.schedule(cx);
        }
    }

    pub(super) fn lower(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        if self.hands.up.remove(&id).is_some() {
            self.board.hand(id);
            self.schedule(cx);
        }
    }

    /// Somebody lowers the hands of others.
    pub(crate) fn lower_hands(
        &mut self,
        by: ParticipantId,
        who: &[ParticipantId],
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        // Who may silence people may take the word from them.
        self.require(by, Capability::MuteOthers)?;
        self.known(who)?;
        let whose: Vec<ParticipantId> = if who.is_empty() {
            self.hands.up.keys().copied().collect()
        } else {
            who.to_vec()
        };
        for id in whose {
            self.lower(id, cx);
            self.tell_lowered(id, cx);
        }
        Ok(())
    }

    /// Whoever does not see all hands sees at least that theirs is down.
    fn tell_lowered(&self, id: ParticipantId, cx: &mut Context<'_>) {
        let Some(participant) = self.participants.get(&id) else {
            return;
        };
        if self.standing(id, Capability::ViewAttendeeNames).is_capable() {
            return;
        }
        if let Some(session) = participant.welcomed_session() {
            cx.tell_one(
                session,
                Event::MeetingHands(Hands {
                    call: self.call,
                    raised: Vec::new(),
                    lowered: vec![id],
                }),
            );
        }
    }

    /// Somebody shows a reaction.
    pub(crate) fn react(
        &mut self,
        id: ParticipantId,
        reaction: Reaction,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        self.require(id, Capability::Reaction)?;
        let participant = self.participants.get_mut(&id).ok_or(Reason::NO_SUCH_CALL)?;
        if !participant.reactions.take(cx.now, BURST, REFILL) {
            return Err(Reason::TOO_MANY_REACTIONS);
        }
        self.board.reaction(id, reaction);
        self.schedule(cx);
        Ok(())
    }

    /// Somebody puts people in front, or takes them back.
    pub(crate) fn set_spotlight(
        &mut self,
        by: ParticipantId,
        set: &SetSpotlight,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        self.require(by, Capability::Spotlight)?;
        let before = self.spotlight.clone();
        if set.on {
            self.known(&set.participants)?;
            let fresh: Vec<ParticipantId> = set
                .participants
                .iter()
                .copied()
                .filter(|id| !before.contains(id))
                .collect();
            if before.len() + fresh.len() > MOST_SPOTLIGHTED {
                return Err(Reason::MEETING_RESTRICTED);
            }
            for id in fresh {
                if !self.spotlight.contains(&id) {
                    self.spotlight.push(id);
                }
            }
        } else if set.participants.is_empty() {
            self.spotlight.clear();
        } else {
            self.spotlight.retain(|id| !set.participants.contains(id));
        }
        if self.spotlight != before {
            self.tell_spotlight(cx);
        }
        Ok(())
    }

    pub(super) fn spotlighted(&self) -> Spotlight {
        Spotlight {
            call: self.call,
            participants: self.spotlight.clone(),
        }
    }

    pub(super) fn tell_spotlight(&self, cx: &mut Context<'_>) {
        let participants = self.spotlight.clone();
        cx.media(self.call, MediaOrder::Spotlight { participants });
        cx.tell(self.audience(), Event::MeetingSpotlight(self.spotlighted()));
    }

    pub(super) fn unspotlight(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        let before = self.spotlight.len();
        self.spotlight.retain(|known| *known != id);
        if self.spotlight.len() != before {
            self.tell_spotlight(cx);
        }
    }

    /// Who is heard now.
    pub(crate) fn speakers(&mut self, speakers: Vec<ParticipantId>, cx: &mut Context<'_>) {
        let heard: Vec<ParticipantId> = speakers
            .into_iter()
            .filter(|id| self.participants.get(id).is_some_and(|known| known.is_inside()))
            .collect();
        if self.board.heard(heard) {
            self.schedule(cx);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reactions_come_back_with_time() {
        let now = Instant::now();
        let mut bucket = Bucket::default();
        assert_eq!((0..10).filter(|_| bucket.take(now, BURST, REFILL)).count(), 5);
        assert_eq!(
            (0..10)
                .filter(|_| bucket.take(now + Duration::from_secs(2), BURST, REFILL))
                .count(),
            2
        );
        let later = now + Duration::from_secs(1_000);
        assert_eq!((0..10).filter(|_| bucket.take(later, BURST, REFILL)).count(), 5);
    }
}
