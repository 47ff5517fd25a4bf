//! Breakout rooms of a meeting. One that this end is in is a call of its own, beside that of the meeting, which waits on
//! hold until the room is left or closed.

use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::CallId;
use sidetone_signaling::protocol::meeting::{
    Act, Announce, AssignBreakout, Breakout, BreakoutSettings, CallForHelp, ChangeBreakout, CreateBreakouts,
    SetBreakouts, SomeBreakouts, Which,
};

use crate::Error;
use crate::call::Call;
use crate::driver::Ask;
use crate::pending::Pending;

/// What changed of breakout rooms. That this end is in one comes as
/// [`CallEvent::BreakoutRoomJoined`](crate::CallEvent::BreakoutRoomJoined), with its call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BreakoutRoomsUpdate {
    /// A room is new or different.
    Room(Box<Breakout>),
    /// A room is there no longer, or not for this end.
    RoomRemoved(u32),
    /// This end is assigned to this room, or to none.
    Assigned(Option<u32>),
    /// What holds for all of them is different, or they close soon.
    Settings(BreakoutSettings),
    /// This end goes to a room at once, unless it is there.
    GoTo {
        /// Which.
        room: u32,
        /// Its call.
        call: CallId,
    },
    /// Somebody says something to everyone in breakout rooms.
    Announced {
        /// Who.
        from: String,
        /// What.
        text: String,
    },
}

/// Breakout rooms. See [`Call::breakout_rooms`].
#[derive(Clone, Debug)]
pub struct BreakoutRoomsFeature(Call);

impl BreakoutRoomsFeature {
    /// All rooms, as far as this end may see them: those who manage them all, everyone else the one that is theirs and
    /// those that they may choose. Changes come as [`EngagementEvent::BreakoutRooms`](crate::EngagementEvent::BreakoutRooms).
    pub fn all(&self) -> Vec<Breakout> {
        self.0
            .in_meeting(|meeting| meeting.together.breakouts.values().cloned().collect())
            .unwrap_or_default()
    }

    /// The room to which this end is assigned.
    pub fn assigned(&self) -> Option<Breakout> {
        self.all().into_iter().find(|room| room.assigned)
    }

    /// What holds for all of them.
    pub fn settings(&self) -> BreakoutSettings {
        self.0
            .in_meeting(|meeting| meeting.together.breakout_settings.clone())
            .unwrap_or_default()
    }

    /// Makes rooms, closed. The outcome is the number of the first; those of the others follow it.
    ///
    /// # Errors
    /// [`Error::Refused`] to those who may not, and of what are no rooms.
    pub fn create(&self, rooms: CreateBreakouts) -> Pending<u32> {
        self.0.make(Act::CreateBreakouts(rooms))
    }

    /// Changes a room.
    ///
    /// # Errors
    /// As of [`BreakoutRoomsFeature::create`].
    pub fn change(&self, change: ChangeBreakout) -> Pending<()> {
        self.0.engage(Act::ChangeBreakout(change))
    }

    /// Closes a room, and takes it away.
    ///
    /// # Errors
    /// As of [`BreakoutRoomsFeature::create`].
    pub fn remove(&self, room: u32) -> Pending<()> {
        self.0.engage(Act::RemoveBreakout(Which { id: room }))
    }

    /// Assigns people to a room, or to none. Those who are in another that is open are moved.
    ///
    /// # Errors
    /// As of [`BreakoutRoomsFeature::create`].
    pub fn assign(&self, room: Option<u32>, identities: &[Identifier]) -> Pending<()> {
        let identities = identities.to_vec();
        self.0
            .engage(Act::AssignBreakout(AssignBreakout { room, identities }))
    }

    /// Opens rooms; none named: all.
    ///
    /// # Errors
    /// As of [`BreakoutRoomsFeature::create`].
    pub fn open(&self, rooms: &[u32]) -> Pending<()> {
        let rooms = rooms.to_vec();
        self.0.engage(Act::OpenBreakouts(SomeBreakouts { rooms }))
    }

    /// Closes rooms, and calls everyone in them back; none named: all.
    ///
    /// # Errors
    /// As of [`BreakoutRoomsFeature::create`].
    pub fn close(&self, rooms: &[u32]) -> Pending<()> {
        let rooms = rooms.to_vec();
        self.0.engage(Act::CloseBreakouts(SomeBreakouts { rooms }))
    }

    /// Changes what holds for all rooms.
    ///
    /// # Errors
    /// As of [`BreakoutRoomsFeature::create`].
    pub fn set(&self, settings: SetBreakouts) -> Pending<()> {
        self.0.engage(Act::SetBreakouts(settings))
    }

    /// Says something to everyone in rooms that are open; none named: in all.
    ///
    /// # Errors
    /// As of [`BreakoutRoomsFeature::create`].
    pub fn announce(&self, text: &str, rooms: &[u32]) -> Pending<()> {
        self.0.engage(Act::Announce(Announce {
            text: text.to_owned(),
            rooms: rooms.to_vec(),
        }))
    }

    /// Asks those who manage rooms to come to the one in which this end is, or no longer.
    ///
    /// # Errors
    /// [`Error::Refused`] to those who are in none.
    pub fn call_for_help(&self, wanted: bool) -> Pending<()> {
        self.0.engage(Act::CallForHelp(CallForHelp { wanted }))
    }

    /// Comes back to the meeting.
    ///
    /// # Errors
    /// [`Error::Refused`] where that is forbidden before the room closes, and to those who are in none.
    pub fn return_to_main(&self) -> Pending<()> {
        self.0.engage(Act::LeaveBreakout)
    }

    /// Goes to a room that is open: its own, one that may be chosen, or any for those who manage them. The outcome is its
    /// call; this one waits on hold.
    ///
    /// # Errors
    /// [`Error::State`] where it is not open for this end, [`Error::Closed`].
    pub fn join(&self, room: u32) -> Pending<Call> {
        let (reply, pending) = Pending::new();
        let found = self
            .0
            .in_meeting(|meeting| meeting.together.breakouts.get(&room).and_then(|room| room.call));
        let Some(breakout) = found.flatten() else {
            let _ = reply.send(Err(Error::State("not open")));
            return pending;
        };
        let main = self.0.id();
        let _ = self.0.driver.send(Ask::JoinBreakout {
            main,
            breakout,
            reply,
        });
        pending
    }
}

impl Call {
    /// Breakout rooms of the meeting.
    pub fn breakout_rooms(&self) -> BreakoutRoomsFeature {
        BreakoutRoomsFeature(self.clone())
    }
}
