//! Meetings that run, kept so that they go on when this process is cut off: who was there is then known to those who read
//! the roster, and who comes back is the same participant.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sidetone_meeting::{KeptNotice, Memory, Piece, Place, Stay};
use sidetone_organisation::{MeetingId, OrganisationId};
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::CallId;
use sidetone_signaling::protocol::meeting::{LobbyReason, ParticipantId, Role};
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

/// Sheets of those who go to a room.
const SHEETS: usize = 64;

/// What the names of pieces begin with, within a meeting.
const PIECE: &str = "piece.";

/// A meeting that runs, as it is kept.
#[derive(Debug)]
pub(crate) struct Running {
    head: Head,
    breakouts: Breakouts,
    assigned: Assigned,
    attended: Vec<Attended>,
    /// What people did beside talking, as the brain of meetings writes it.
    pieces: Vec<Vec<u8>>,
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
    #[serde(default)]
    hands: Vec<ParticipantId>,
    #[serde(default)]
    spotlight: Vec<ParticipantId>,
    #[serde(default)]
    notices: Vec<KeptNotice>,
    #[serde(default)]
    agreed: BTreeSet<ParticipantId>,
}

impl Running {
    /// As it is now. Its pieces are written apart, as they change.
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
                hands: memory.hands,
                spotlight: memory.spotlight,
                notices: memory.notices,
                agreed: memory.agreed,
            },
            attended: memory.stays.iter().map(|stay| attended(stay, now)).collect(),
            pieces: Vec::new(),
        }
    }

    /// The call that it is, and whose meeting.
    pub(crate) fn names(&self) -> (CallId, &OrganisationId, &MeetingId) {
        (self.head.call, &self.head.organisation, &self.head.meeting)
    }

    /// As the brain of meetings has it.
    pub(crate) fn memory(self, now: (Instant, WallTime)) -> (Memory, Vec<Vec<u8>>) {
        let head = self.head;
        let memory = Memory {
            call: head.call,
            organisation: head.organisation,
            meeting: head.meeting,
            numbered: head.numbered,
            roles: head.roles.into_iter().collect(),
            put_out: head.put_out,
            locked: head.locked,
            attendee_audio: head.attendee_audio,
            attendee_video: head.attendee_video,
            hands: head.hands,
            spotlight: head.spotlight,
            notices: head.notices,
            agreed: head.agreed,
            breakouts: self.breakouts.memory(self.assigned, now),
            stays: self.attended.into_iter().map(|one| stay(one, now)).collect(),
        };
        (memory, self.pieces)
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

/// The values of one meeting.
#[derive(Default)]
struct Values {
    /// As they are in the store.
    written: BTreeMap<Key, (Vec<u8>, Revision)>,
    /// Pieces that are to be written.
    pieces: BTreeMap<Key, Option<Vec<u8>>>,
}

impl Values {
    /// Writes one, where it changed.
    async fn put(&mut self, kv: &dyn Kv, key: Key, value: Vec<u8>, now: WallTime) -> Result<(), StoreError> {
        let before = self.written.get(&key);
        if before.is_some_and(|(before, _)| *before == value) {
            return Ok(());
        }
        let revision = before.map_or(Revision::ABSENT, |(_, revision)| *revision);
        let revision = kv.put(&key, value.clone().into(), revision, None, now).await?;
        self.written.insert(key, (value, revision));
        Ok(())
    }

    async fn delete(&mut self, kv: &dyn Kv, key: &Key, now: WallTime) -> Result<(), StoreError> {
        if let Some((_, revision)) = self.written.get(key) {
            kv.delete(key, *revision, now).await?;
            self.written.remove(key);
        }
        Ok(())
    }
}

/// Writes meetings that run, each value only where it changed.
#[derive(Default)]
pub(crate) struct Ledger(HashMap<CallId, Values>);

impl Ledger {
    /// Writes one as it is now.
    pub(crate) async fn put(
        &mut self,
        kv: &dyn Kv,
        running: &Running,
        now: WallTime,
    ) -> Result<(), StoreError> {
        let call = running.head.call;
        let values = self.0.entry(call).or_default();
        values
            .put(kv, key(call, HEAD)?, encode(&running.head)?, now)
            .await?;
        if running.breakouts != Breakouts::default() {
            values
                .put(kv, key(call, ROOMS)?, encode(&running.breakouts)?, now)
                .await?;
        }
        let mut sheets: BTreeMap<usize, Vec<&(Identifier, u32)>> = BTreeMap::new();
        for one in &running.assigned {
            sheets.entry(sheet(&one.0)).or_default().push(one);
        }
        for number in 0..SHEETS {
            let key = assigned(call, number)?;
            match sheets.get(&number) {
                Some(sheet) => values.put(kv, key, encode(&sheet)?, now).await?,
                None => values.delete(kv, &key, now).await?,
            }
        }
        for (number, chunk) in running.attended.chunks(SHEET).enumerate() {
            let key = key(call, &format!("{number:04}"))?;
            values.put(kv, key, encode(&chunk)?, now).await?;
        }
        Ok(())
    }

    /// Writes what is another of what people did in it beside talking. What cannot be written is written with the next.
    pub(crate) async fn put_pieces(
        &mut self,
        kv: &dyn Kv,
        call: CallId,
        pieces: Vec<Piece>,
        now: WallTime,
    ) -> Result<(), StoreError> {
        let values = self.0.entry(call).or_default();
        for piece in pieces {
            let key = key(call, &format!("{PIECE}{}", piece.name))?;
            values.pieces.insert(key, piece.value);
        }
        while let Some((key, value)) = values.pieces.pop_first() {
            let done = match value.clone() {
                Some(value) => values.put(kv, key.clone(), value, now).await,
                None => values.delete(kv, &key, now).await,
            };
            if done.is_err() {
                values.pieces.insert(key, value);
                return done;
            }
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
        for (key, (_, revision)) in self.0.remove(&call).unwrap_or_default().written {
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
            let one = found.entry(call.to_owned()).or_default();
            let read = if part == HEAD {
                serde_json::from_slice(&entry.value).map(|read| one.head = Some(read))
            } else if part == ROOMS {
                serde_json::from_slice(&entry.value).map(|read| one.breakouts = read)
            } else if part.starts_with(ASSIGNED) {
                serde_json::from_slice::<Assigned>(&entry.value).map(|read| one.assigned.extend(read))
            } else if part.starts_with(PIECE) {
                one.pieces.push(entry.value.to_vec());
                Ok(())
            } else {
                serde_json::from_slice::<Vec<Attended>>(&entry.value).map(|read| one.attended.extend(read))
            };
            if let Err(error) = read {
                tracing::error!(key = %entry.key, %error, "a meeting that ran cannot be read");
            }
            let value = (entry.value.to_vec(), entry.revision);
            one.values.written.insert(entry.key, value);
        }
        let mut running = Vec::new();
        for found in found.into_values() {
            let Some(head) = found.head else {
                for (key, (_, revision)) in found.values.written {
                    kv.delete(&key, revision, now).await?;
                }
                continue;
            };
            self.0.insert(head.call, found.values);
            running.push(Running {
                head,
                breakouts: found.breakouts,
                assigned: found.assigned,
                attended: found.attended,
                pieces: found.pieces,
            });
        }
        Ok(running)
    }
}

/// What is found of a meeting.
#[derive(Default)]
struct Found {
    head: Option<Head>,
    breakouts: Breakouts,
    assigned: Assigned,
    attended: Vec<Attended>,
    pieces: Vec<Vec<u8>>,
    values: Values,
}

/// Where it is written to which room somebody goes: always on the same sheet, so that nobody is lost between two writes when
/// others come or go.
fn sheet(identity: &Identifier) -> usize {
    // FNV-1a: another hash in another version would only move everybody once.
    let hash = identity
        .to_string()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    (hash % SHEETS as u64) as usize
}

fn assigned(call: CallId, sheet: usize) -> Result<Key, StoreError> {
    key(call, &format!("{ASSIGNED}{sheet:04}"))
}

fn key(call: CallId, part: &str) -> Result<Key, StoreError> {
    Key::new(format!("{PREFIX}{call}.{part}"))
}
