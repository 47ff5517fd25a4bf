//! Meetings that run, kept so that they go on when this process is cut off: who was there is then known to those who read
//! the roster, and who comes back is the same participant.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sidetone_meeting::{Memory, Place, Stay};
use sidetone_organisation::{MeetingId, OrganisationId};
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::CallId;
use sidetone_signaling::protocol::meeting::{LobbyReason, Role};
use sidetone_store::{Key, Kv, Revision, StoreError, WallTime};

use super::attendance::{Attended, SHEET, State, attended, encode};
use super::breakouts::{Assigned, Breakouts};

/// What the keys begin with.
const PREFIX: &str = "running-meeting.";
/// What they end with: the meeting as a whole, its breakout rooms, who goes to which; those with a number alone are who is
/// and was there.
const HEAD: &str = "head";
const ROOMS: &str = "rooms";
const ASSIGNED: &str = "assigned-";

/// A meeting that runs, as it is kept.
#[derive(Debug)]
pub(crate) struct Running {
    head: Head,
    breakouts: Breakouts,
    assigned: Assigned,
    attended: Vec<Attended>,
}

/// What is kept of it as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    call: CallId,
    organisation: OrganisationId,
    meeting: MeetingId,
    numbered: u32,
    // Keys of a map are strings in JSON, and identities have a form of their own there.
    roles: Vec<(Identifier, Role)>,
    put_out: BTreeSet<Identifier>,
    locked: bool,
    attendee_audio: bool,
    attendee_video: bool,
}

impl Running {
    pub(crate) fn new(memory: Memory, now: (Instant, WallTime)) -> Self {
        let (breakouts, assigned) = Breakouts::new(memory.breakouts, now);
        Self {
            breakouts,
            assigned,
            head: Head {
                call: memory.call,
                organisation: memory.organisation,
                meeting: memory.meeting,
                numbered: memory.numbered,
                roles: memory.roles.into_iter().collect(),
                put_out: memory.put_out,
                locked: memory.locked,
                attendee_audio: memory.attendee_audio,
                attendee_video: memory.attendee_video,
            },
            attended: memory.stays.iter().map(|stay| attended(stay, now)).collect(),
        }
    }

    /// The call that it is, and whose meeting.
    pub(crate) fn names(&self) -> (CallId, &OrganisationId, &MeetingId) {
        (self.head.call, &self.head.organisation, &self.head.meeting)
    }

    /// As the brain of meetings has it.
    pub(crate) fn memory(self, now: (Instant, WallTime)) -> Memory {
        let head = self.head;
        Memory {
            call: head.call,
            organisation: head.organisation,
            meeting: head.meeting,
            numbered: head.numbered,
            roles: head.roles.into_iter().collect(),
            put_out: head.put_out,
            locked: head.locked,
            attendee_audio: head.attendee_audio,
            attendee_video: head.attendee_video,
            breakouts: self.breakouts.memory(self.assigned, now),
            stays: self.attended.into_iter().map(|one| stay(one, now)).collect(),
        }
    }
}

/// Somebody as the brain has them. What was before this process began is so long ago.
fn stay(attended: Attended, (now, wall): (Instant, WallTime)) -> Stay {
    let at = |millis: u64| {
        let ago = Duration::from_millis(wall.as_millis().saturating_sub(millis));
        now.checked_sub(ago).unwrap_or(now)
    };
    Stay {
        participant: attended.participant,
        identity: attended.identity,
        display_name: attended.display_name,
        kind: attended.kind,
        role: attended.role,
        place: match attended.state {
            State::Ringing => Place::Ringing,
            State::InLobby => Place::InLobby(LobbyReason::WaitingForAdmission),
            State::Connected => Place::Inside,
            State::Reconnecting => Place::Reconnecting,
            State::Disconnected => Place::Gone,
        },
        waited: attended.waited_ms.map(at),
        joined: attended.joined_ms.map(at),
        left: attended.left_ms.map(at).zip(attended.reason),
    }
}

/// What was found of one.
#[derive(Default)]
struct Found {
    head: Option<Head>,
    breakouts: Breakouts,
    assigned: Assigned,
    attended: Vec<Attended>,
    written: Written,
}

/// The values of one meeting, as they are in the store.
type Written = BTreeMap<Key, (Vec<u8>, Revision)>;

/// Writes meetings that run, each value only where it changed.
#[derive(Default)]
pub(crate) struct Ledger(HashMap<CallId, Written>);

impl Ledger {
    /// Writes one as it is now.
    pub(crate) async fn put(
        &mut self,
        kv: &dyn Kv,
        running: &Running,
        now: WallTime,
    ) -> Result<(), StoreError> {
        let written = self.0.entry(running.head.call).or_default();
        let mut values = vec![(key(running.head.call, HEAD)?, encode(&running.head)?)];
        if running.breakouts != Breakouts::default() {
            values.push((key(running.head.call, ROOMS)?, encode(&running.breakouts)?));
        }
        for (number, chunk) in running.assigned.chunks(SHEET).enumerate() {
            values.push((
                key(running.head.call, &format!("{ASSIGNED}{number:04}"))?,
                encode(&chunk)?,
            ));
        }
        for (number, chunk) in running.attended.chunks(SHEET).enumerate() {
            values.push((key(running.head.call, &format!("{number:04}"))?, encode(&chunk)?));
        }
        // Assignments become fewer, too.
        let gone: Vec<Key> = written
            .keys()
            .filter(|known| !values.iter().any(|(key, _)| key == *known))
            .cloned()
            .collect();
        for key in gone {
            if let Some((_, revision)) = written.remove(&key) {
                kv.delete(&key, revision, now).await?;
            }
        }
        for (key, value) in values {
            let before = written.get(&key);
            if before.is_some_and(|(before, _)| *before == value) {
                continue;
            }
            let revision = before.map_or(Revision::ABSENT, |(_, revision)| *revision);
            let revision = kv.put(&key, value.clone().into(), revision, None, now).await?;
            written.insert(key, (value, revision));
        }
        Ok(())
    }

    /// Forgets one that is over.
    pub(crate) async fn forget(
        &mut self,
        kv: &dyn Kv,
        call: CallId,
        now: WallTime,
    ) -> Result<(), StoreError> {
        for (key, (_, revision)) in self.0.remove(&call).unwrap_or_default() {
            kv.delete(&key, revision, now).await?;
        }
        Ok(())
    }

    /// What a process that was cut off has left, and is written on from here.
    pub(crate) async fn read(&mut self, kv: &dyn Kv, now: WallTime) -> Result<Vec<Running>, StoreError> {
        let mut found: BTreeMap<String, Found> = BTreeMap::new();
        for entry in kv.list(PREFIX, now).await? {
            let name = entry.key.as_str().strip_prefix(PREFIX).unwrap_or_default();
            let Some((call, part)) = name.split_once('.') else {
                continue;
            };
            let of = found.entry(call.to_owned()).or_default();
            let read = if part == HEAD {
                serde_json::from_slice(&entry.value).map(|read| of.head = Some(read))
            } else if part == ROOMS {
                serde_json::from_slice(&entry.value).map(|read| of.breakouts = read)
            } else if part.starts_with(ASSIGNED) {
                serde_json::from_slice::<Assigned>(&entry.value).map(|read| of.assigned.extend(read))
            } else {
                serde_json::from_slice::<Vec<Attended>>(&entry.value).map(|read| of.attended.extend(read))
            };
            if let Err(error) = read {
                tracing::error!(key = %entry.key, %error, "a meeting that ran cannot be read");
            }
            of.written
                .insert(entry.key, (entry.value.to_vec(), entry.revision));
        }
        let mut running = Vec::new();
        for of in found.into_values() {
            match of.head {
                Some(head) => {
                    self.0.insert(head.call, of.written);
                    running.push(Running {
                        head,
                        breakouts: of.breakouts,
                        assigned: of.assigned,
                        attended: of.attended,
                    });
                }
                None => {
                    for (key, (_, revision)) in of.written {
                        kv.delete(&key, revision, now).await?;
                    }
                }
            }
        }
        Ok(running)
    }
}

fn key(call: CallId, part: &str) -> Result<Key, StoreError> {
    Key::new(format!("{PREFIX}{call}.{part}"))
}
