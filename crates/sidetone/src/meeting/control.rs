//! Joining, and keeping order: what is asked of a meeting as a whole.

use serde_json::Value;
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::meeting::{
    self, Act, Add, AddAnswer, Engage, Engaged, Lock, MediaAccess, MuteOthers, ParticipantId, Remove, Role,
    SetRole,
};
use sidetone_signaling::protocol::{CallId, Request};

use super::{Meeting, MeetingInfo};
use crate::Error;
use crate::call::Call;
use crate::driver::Ask;
use crate::pending::Pending;
use crate::video::LocalVideoStream;

/// Details of joining a meeting or group call.
#[derive(Clone, Debug, Default)]
pub struct JoinOptions {
    /// The name to be shown under, instead of the agent's. Members cannot override theirs.
    pub display_name: Option<String>,
    /// Start with the microphone off.
    pub muted: bool,
    /// A camera to send from the start.
    pub video: Option<LocalVideoStream>,
}

impl Call {
    /// What the meeting or group call is, once it is joined; `None` in a call of two.
    pub fn meeting(&self) -> Option<MeetingInfo> {
        self.in_meeting(|meeting| meeting.info.clone())
    }

    /// Switches the microphones of others off; they may switch them on again.
    ///
    /// # Errors
    /// [`Error::Refused`] to those who may not.
    pub fn mute_participants(&self, participants: &[ParticipantId]) -> Pending<()> {
        if participants.is_empty() {
            return Pending::ready(());
        }
        let participants = participants.to_vec();
        self.request(|call| Request::MeetingMuteOthers(MuteOthers { call, participants }))
    }

    /// Switches everyone else's microphone off; they may switch it on again.
    ///
    /// # Errors
    /// As of [`Call::mute_participants`].
    pub fn mute_all_others(&self) -> Pending<()> {
        let participants = Vec::new();
        self.request(|call| Request::MeetingMuteOthers(MuteOthers { call, participants }))
    }

    /// Asks somebody to come into the call. A call of two becomes a group call by it: it goes on, with the same id, through
    /// the service. The outcome is the number that they have.
    ///
    /// # Errors
    /// [`Error::Refused`] to those who may not, or where they cannot be asked.
    pub fn add_participant(&self, to: Identifier) -> Pending<ParticipantId> {
        let read = |answer: Value| {
            serde_json::from_value::<AddAnswer>(answer)
                .ok()
                .map(|answer| answer.participant)
        };
        self.request_for(|call| Request::MeetingAdd(Add { call, to }), read)
    }

    /// Puts somebody out, or stops asking them to come.
    ///
    /// # Errors
    /// [`Error::Refused`] to those who may not.
    pub fn remove_participant(&self, participant: ParticipantId) -> Pending<()> {
        self.request(|call| Request::MeetingRemove(Remove { call, participant }))
    }

    /// Gives somebody another role.
    ///
    /// # Errors
    /// [`Error::Refused`] to those who may not.
    pub fn set_role(&self, participant: ParticipantId, role: Role) -> Pending<()> {
        self.request(|call| {
            Request::MeetingSetRole(SetRole {
                call,
                participant,
                role,
            })
        })
    }

    /// Closes the meeting to those who are not in it, or opens it again.
    ///
    /// # Errors
    /// [`Error::Refused`] to those who may not.
    pub fn set_locked(&self, locked: bool) -> Pending<()> {
        self.request(|call| Request::MeetingLock(Lock { call, locked }))
    }

    /// Forbids attendees their microphones or cameras, or permits them. None named: every attendee, also those who come
    /// later. `None` leaves as it is.
    ///
    /// # Errors
    /// [`Error::Refused`] to those who may not.
    pub fn set_media_access(
        &self,
        participants: &[ParticipantId],
        audio: Option<bool>,
        video: Option<bool>,
    ) -> Pending<()> {
        let participants = participants.to_vec();
        self.request(|call| {
            Request::MeetingMediaAccess(MediaAccess {
                call,
                participants,
                audio,
                video,
            })
        })
    }

    /// Ends the meeting or group call for everyone.
    ///
    /// # Errors
    /// [`Error::Refused`] to those who may not.
    pub fn hang_up_for_everyone(&self) -> Pending<()> {
        self.request(|call| Request::MeetingEnd(meeting::Call { call }))
    }

    pub(super) fn in_meeting<T>(&self, read: impl FnOnce(&Meeting) -> T) -> Option<T> {
        self.shared.snapshot().meeting.as_deref().map(read)
    }

    /// Does something beside talking. `read` makes of the answer what the caller is told.
    pub(super) fn engage_then<T: Send + 'static>(
        &self,
        act: Act,
        read: impl FnOnce(Result<Engaged, Error>) -> Result<T, Error> + Send + 'static,
    ) -> Pending<T> {
        self.request_then(
            |call| Request::MeetingEngage(Box::new(Engage { call, act })),
            |answer| {
                let engaged = |value| serde_json::from_value(value).unwrap_or_default();
                read(answer.map(engaged))
            },
        )
    }

    /// Does something beside talking, of which there is nothing to know but that it was done.
    pub(super) fn engage(&self, act: Act) -> Pending<()> {
        self.engage_then(act, |answer| answer.map(drop))
    }

    /// Makes something. The outcome is its number within the call.
    pub(super) fn make(&self, act: Act) -> Pending<u32> {
        self.engage_then(act, |answer| {
            let unreadable = || Error::Network("the service answered something else".into());
            answer.and_then(|engaged| engaged.id.ok_or_else(unreadable))
        })
    }

    /// Asks something of the service, of which there is nothing to know but that it was done.
    pub(super) fn request(&self, request: impl FnOnce(CallId) -> Request) -> Pending<()> {
        self.request_for(request, |_| Some(()))
    }

    fn request_for<T: Send + 'static>(
        &self,
        request: impl FnOnce(CallId) -> Request,
        read: impl FnOnce(Value) -> Option<T> + Send + 'static,
    ) -> Pending<T> {
        self.request_then(request, |answer| {
            let unreadable = || Error::Network("the service answered something else".into());
            answer.and_then(|value| read(value).ok_or_else(unreadable))
        })
    }

    fn request_then<T: Send + 'static>(
        &self,
        request: impl FnOnce(CallId) -> Request,
        read: impl FnOnce(Result<Value, Error>) -> Result<T, Error> + Send + 'static,
    ) -> Pending<T> {
        let (reply, pending) = Pending::new();
        let call = self.id();
        let answer = move |answer: Result<Value, Error>| {
            // Nobody may be waiting any more.
            let _ = reply.send(read(answer));
        };
        let _ = self.driver.send(Ask::Request {
            call,
            request: Box::new(request(call)),
            answer: Box::new(answer),
        });
        pending
    }
}
