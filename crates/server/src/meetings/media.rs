//! What carries the media of meetings. Orders go in as the brain gives them; what comes of them comes back as events, in
//! their own time and from any thread.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use sidetone_meeting::{MediaError, MediaEvent, MediaOrder};
use sidetone_sfu::room::{Media as Medium, Want};
use sidetone_sfu::{Config, Event, JoinError, RoomId, RoomSettings, Sfu, SfuError};
use sidetone_signaling::protocol::CallId;
use sidetone_signaling::protocol::meeting::{ParticipantId, Picture, PictureSource};
use tokio::sync::mpsc;

use super::MediaConfig;

/// Events of media on their way to the driver. Not bounded: media's threads must not wait, and what comes is bounded by
/// what was ordered and by how often speakers change.
pub(crate) type Heard = mpsc::UnboundedSender<(CallId, MediaEvent)>;

/// Carries media.
pub(crate) trait Media: Send {
    /// Carries out an order. Answers to offers come by [`Heard`].
    fn order(&mut self, call: CallId, order: MediaOrder);
}

/// Carries nothing: whoever joins is told that media is not available.
pub(crate) struct NoMedia(pub(crate) Heard);

impl Media for NoMedia {
    fn order(&mut self, call: CallId, order: MediaOrder) {
        if let MediaOrder::Join { attempt, .. } | MediaOrder::Restart { attempt, .. } = order {
            let result = Err(MediaError::Unavailable);
            let _ = self.0.send((call, MediaEvent::Answered { attempt, result }));
        }
    }
}

/// Which call is in which room: known to the threads of the SFU too, which tell of rooms.
type Calls = Arc<RwLock<HashMap<RoomId, CallId>>>;

/// Forwards what each sends to the others, in this process.
pub(crate) struct SfuMedia {
    sfu: Sfu,
    heard: Heard,
    rooms: HashMap<CallId, RoomId>,
    calls: Calls,
    /// How many voices each is sent, and the most that a meeting may choose.
    voices: (u8, u8),
}

impl SfuMedia {
    /// Starts the threads.
    ///
    /// # Errors
    /// Of sockets, threads and certificates.
    pub(crate) fn start(config: &MediaConfig, heard: Heard) -> Result<Self, SfuError> {
        let calls = Calls::default();
        let (known, told) = (calls.clone(), heard.clone());
        let sfu = Sfu::start(
            &Config {
                bind: config.bind,
                port: config.port,
                advertise: config.advertise.clone(),
                shards: config.threads,
                ..Config::default()
            },
            move |event| {
                if let Some((room, event)) = event_of(event) {
                    let call = known
                        .read()
                        .unwrap_or_else(PoisonError::into_inner)
                        .get(&room)
                        .copied();
                    if let Some(call) = call {
                        // The driver may have ended.
                        let _ = told.send((call, event));
                    }
                }
            },
        )?;
        Ok(Self {
            sfu,
            heard,
            rooms: HashMap::new(),
            calls,
            voices: (config.voices, config.most_voices.max(config.voices)),
        })
    }

    fn open(&mut self, call: CallId, participants: usize, voices: Option<u8>) {
        let (usual, most) = self.voices;
        let settings = RoomSettings {
            participants,
            audio_slots: voices.map_or(usual, |voices| voices.min(most)).into(),
            ..RoomSettings::default()
        };
        match self.sfu.open_room(settings) {
            Ok(room) => {
                self.rooms.insert(call, room);
                self.calls
                    .write()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(room, call);
            }
            Err(error) => tracing::error!(%call, %error, "no room for the media of a call"),
        }
    }

    fn close(&mut self, call: CallId) {
        if let Some(room) = self.rooms.remove(&call) {
            self.calls
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&room);
            warn(call, self.sfu.close_room(room));
        }
    }
}

impl Media for SfuMedia {
    fn order(&mut self, call: CallId, order: MediaOrder) {
        match order {
            MediaOrder::Open { participants, voices } => return self.open(call, participants, voices),
            MediaOrder::Close => return self.close(call),
            _ => {}
        }
        let Some(room) = self.rooms.get(&call).copied() else {
            return NoMedia(self.heard.clone()).order(call, order);
        };
        let heard = self.heard.clone();
        let answered = move |attempt| {
            move |result: Result<String, JoinError>| {
                let result = result.map_err(|error| {
                    tracing::debug!(%call, %error, "an offer is not answered");
                    media_error(&error)
                });
                let _ = heard.send((call, MediaEvent::Answered { attempt, result }));
            }
        };
        match order {
            MediaOrder::Join {
                participant,
                attempt,
                offer,
                rights,
            } => self
                .sfu
                .join(room, participant.0, &offer, rights_of(rights), answered(attempt)),
            MediaOrder::Restart {
                participant,
                attempt,
                offer,
            } => self.sfu.restart(room, participant.0, &offer, answered(attempt)),
            MediaOrder::SetRights { participant, rights } => {
                warn(call, self.sfu.set_rights(room, participant.0, rights_of(rights)));
            }
            MediaOrder::Spotlight { participants } => {
                let numbers = participants
                    .into_iter()
                    .map(|participant| participant.0)
                    .collect();
                warn(call, self.sfu.spotlight(room, numbers));
            }
            MediaOrder::Watch {
                participant,
                pictures,
                cameras,
            } => {
                let wants = pictures.iter().map(want).collect();
                let cameras = cameras.map(usize::from);
                warn(call, self.sfu.watch(room, participant.0, wants, cameras));
            }
            MediaOrder::Leave { participant } => warn(call, self.sfu.leave(room, participant.0)),
            MediaOrder::Open { .. } | MediaOrder::Close => {}
        }
    }
}

fn warn(call: CallId, result: Result<(), SfuError>) {
    if let Err(error) = result {
        tracing::error!(%call, %error, "media does not follow");
    }
}

fn rights_of(rights: sidetone_meeting::Rights) -> sidetone_sfu::Rights {
    sidetone_sfu::Rights {
        audio: rights.audio,
        video: rights.video,
        share: rights.share,
        receive: rights.receive,
    }
}

fn want(picture: &Picture) -> Want {
    Want {
        number: picture.participant.0,
        media: match picture.source {
            PictureSource::Camera => Medium::Video,
            PictureSource::Share => Medium::Share,
        },
        height: picture.height,
        pinned: picture.pinned,
    }
}

fn media_error(error: &JoinError) -> MediaError {
    match error {
        JoinError::Offer(_) => MediaError::Offer,
        JoinError::Absent(_) => MediaError::Gone,
        JoinError::NoRoom | JoinError::Full | JoinError::Room(_) | JoinError::Busy => MediaError::Unavailable,
    }
}

fn event_of(event: Event) -> Option<(RoomId, MediaEvent)> {
    Some(match event {
        Event::Connected { room, participant } | Event::Back { room, participant } => {
            (room, MediaEvent::Up(ParticipantId(participant)))
        }
        Event::Lost { room, participant } => (room, MediaEvent::Lost(ParticipantId(participant))),
        Event::Failed {
            room, participant, ..
        } => (room, MediaEvent::Failed(ParticipantId(participant))),
        Event::Speakers { room, speakers } => {
            let speakers = speakers.into_iter().map(ParticipantId).collect();
            (room, MediaEvent::Speakers(speakers))
        }
        Event::Carries {
            room,
            participant,
            cameras,
        } => {
            let cameras = u16::try_from(cameras).unwrap_or(u16::MAX);
            (room, MediaEvent::Carries(ParticipantId(participant), cameras))
        }
        // Which picture is in which slot is told with the pictures.
        Event::Shown { .. } => return None,
    })
}
