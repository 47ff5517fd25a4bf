//! Sound cards for the two ends, and the rooms around them: the conductor's side of `--devices sound`.

use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::carrier::{Carrier, Side};
use super::track::Track;
use super::wire::{Notice, Order, Recorded, Role, RoomConfig, Seat, SoundCards};
use crate::bench::sound_server::SoundServer;

/// The null sinks: what is played to an end's `room` is what its microphone hears.
const SINKS: [[&str; 2]; 2] = [["caller_room", "caller_ear"], ["callee_room", "callee_ear"]];

/// Opening eight streams takes a moment on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A sound server of the benchmark's own, and the process that speaks and records.
pub struct Stage {
    room: Carrier,
    notices: Receiver<((), Notice)>,
    seats: [Seat; 2],
    // Last to go: the room's streams are on it.
    server: SoundServer,
}

impl Stage {
    /// Starts both. Recordings are in `folder`, the speech of the ends in its files `speech-0` and `speech-1`.
    ///
    /// # Errors
    /// In words, when the sound server is not installed, does not start, or a card cannot be opened.
    pub fn start(folder: &Path) -> Result<Self, String> {
        if !cfg!(target_os = "linux") {
            return Err("sound devices are measured on Linux only".into());
        }
        let server = SoundServer::start(&folder.join("sound"), &SINKS.concat())?;
        let seats = [0, 1].map(|index| {
            let [room, ear] = SINKS[index];
            let path = |what: &str| folder.join(format!("{what}-{index}"));
            Seat {
                speech: path("speech"),
                mouth: format!("alsa:{room}"),
                microphone: format!("alsa:{room}_monitor"),
                speaker: format!("alsa:{ear}_monitor"),
                said: path("said"),
                heard: path("heard"),
            }
        });
        let role = Role::Room(RoomConfig {
            seats: seats.to_vec(),
        });
        let (outbox, notices) = channel();
        let room =
            Carrier::process((), &role, &server.environment(), outbox).map_err(|error| error.to_string())?;
        let this = Self {
            room,
            notices,
            seats,
            server,
        };
        match this.next()? {
            Notice::Ready => Ok(this),
            other => Err(format!("the room said {other:?}")),
        }
    }

    /// Variables that bring an end to its sound cards.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.server.environment()
    }

    /// The sound cards of an end.
    pub fn cards(side: Side) -> SoundCards {
        let [room, ear] = SINKS[side as usize];
        SoundCards {
            microphone: format!("alsa:{room}_monitor"),
            speaker: format!("alsa:{ear}"),
        }
    }

    /// Records from here.
    pub fn measure(&self) {
        self.room.order(Order::Measure);
    }

    /// What each end said and heard, and the samples that the recorders lost.
    pub fn report(&self) -> Result<([Track; 2], [Track; 2], u64), String> {
        self.room.order(Order::Report);
        let recorded = match self.next()? {
            Notice::Recorded(recorded) => recorded,
            other => return Err(format!("the room said {other:?}")),
        };
        let [[caller_said, caller_heard], [callee_said, callee_heard]] =
            <[[Recorded; 2]; 2]>::try_from(recorded).map_err(|_| "the room recorded something else")?;
        let lost = [caller_said, caller_heard, callee_said, callee_heard]
            .iter()
            .map(|recorded| recorded.lost)
            .sum();
        let [caller, callee] = &self.seats;
        let said = [
            Track::read(&caller.said, caller_said.from)?,
            Track::read(&callee.said, callee_said.from)?,
        ];
        let heard = [
            Track::read(&caller.heard, caller_heard.from)?,
            Track::read(&callee.heard, callee_heard.from)?,
        ];
        Ok((said, heard, lost))
    }

    fn next(&self) -> Result<Notice, String> {
        match self.notices.recv_timeout(PATIENCE) {
            Ok(((), Notice::Failed { message })) => Err(format!("the room failed: {message}")),
            Ok(((), notice)) => Ok(notice),
            Err(_) => Err("nothing was heard of the room for too long".into()),
        }
    }
}
