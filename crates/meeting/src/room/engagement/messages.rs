//! Messages between the clients of a meeting: passed on at once to those who are connected, in each sender's order, and not
//! kept.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::{Capability, Message, News, ParticipantId, SendMessage};

use super::{Allowance, Context, Room};

/// Longest message, in bytes.
const LONGEST: usize = 32 * 1024;
/// Most who are named.
const MOST_NAMED: usize = 64;
/// Of each sender: twenty messages a second, two seconds' worth at once.
const EACH: Duration = Duration::from_millis(50);
const EACH_BURST: Duration = Duration::from_secs(2);
/// And 64 kbit/s, eight seconds' worth at once.
const BYTES_PER_SECOND: u32 = 8 * 1024;
const BYTES_BURST: Duration = Duration::from_secs(8);
/// To everyone, of all senders together: eighty a second, for each costs as many frames as there are people.
const BROADCAST: Duration = Duration::from_micros(12_500);
const BROADCAST_BURST: Duration = Duration::from_secs(2);

/// How much was sent, and by whom.
#[derive(Debug, Default)]
pub(super) struct Messages {
    senders: BTreeMap<ParticipantId, Sender>,
    broadcast: Allowance,
}

#[derive(Debug, Default)]
struct Sender {
    count: Allowance,
    bytes: Allowance,
    seq: u32,
}

impl Messages {
    /// The number of the sender's message, where it may be sent.
    fn number(
        &mut self,
        from: ParticipantId,
        bytes: usize,
        broadcast: bool,
        now: Instant,
    ) -> Result<u32, Reason> {
        let sender = self.senders.entry(from).or_default();
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let cost = Duration::from_secs(1) * bytes / BYTES_PER_SECOND;
        // What is refused for one reason must not use up anything of the others.
        let (mut count, mut volume, mut all) = (sender.count, sender.bytes, self.broadcast);
        let fits = count.take(EACH, EACH_BURST, now)
            && volume.take(cost, BYTES_BURST, now)
            && (!broadcast || all.take(BROADCAST, BROADCAST_BURST, now));
        if !fits {
            return Err(Reason::ENGAGED_TOO_FAST);
        }
        (sender.count, sender.bytes, self.broadcast) = (count, volume, all);
        sender.seq = sender.seq.wrapping_add(1);
        Ok(sender.seq)
    }

    pub(super) fn left(&mut self, id: ParticipantId) {
        self.senders.remove(&id);
    }
}

impl Room {
    /// Somebody sends others a message.
    pub(super) fn send_message(
        &mut self,
        me: ParticipantId,
        message: &SendMessage,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        self.require(me, Capability::SendMessage)?;
        if message.channel == 0 || message.to.len() > MOST_NAMED {
            return Err(Reason::BAD_PARAMETERS);
        }
        if message.data.0.len() > LONGEST {
            return Err(Reason::MESSAGE_TOO_LARGE);
        }
        self.known(&message.to)?;
        let to: BTreeSet<ParticipantId> = message.to.iter().copied().collect();
        let everyone = to.is_empty();
        let seq = self
            .together
            .messages
            .number(me, message.data.0.len(), everyone, cx.now)?;
        let (channel, data) = (message.channel, message.data.clone());
        self.tell_of(
            None,
            |viewer| {
                let meant = if everyone {
                    viewer.id != me
                } else {
                    to.contains(&viewer.id)
                };
                // Nobody hears of somebody they may not know of.
                (meant && self.sees(viewer, me)).then_some(())
            },
            |()| {
                News::Message(Message {
                    from: me,
                    channel,
                    seq,
                    private: !everyone,
                    data: data.clone(),
                })
            },
            cx,
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_of_a_sender_rise_and_refusals_use_up_nothing(
            steps in proptest::collection::vec((0_u32..3, 0_usize..LONGEST, any::<bool>(), 0_u64..500), 1..200),
        ) {
            let mut now = Instant::now();
            let mut messages = Messages::default();
            let mut last: BTreeMap<u32, u32> = BTreeMap::new();
            for (from, bytes, broadcast, wait) in steps {
                now += Duration::from_millis(wait);
                match messages.number(ParticipantId(from), bytes, broadcast, now) {
                    Ok(seq) => {
                        let before = last.insert(from, seq).unwrap_or_default();
                        prop_assert_eq!(seq, before + 1);
                    }
                    Err(_) => {
                        let refused = messages.number(ParticipantId(from), bytes, broadcast, now);
                        prop_assert!(refused.is_err());
                        // Whoever waits is heard again.
                        let later = now + Duration::from_secs(8);
                        prop_assert!(messages.number(ParticipantId(from), bytes, broadcast, later).is_ok());
                        *last.entry(from).or_default() += 1;
                        now = later;
                    }
                }
            }
        }
    }
}
