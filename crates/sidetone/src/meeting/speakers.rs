//! Who speaks: by the service's word, the loudest first; and by what is heard here, as it is heard.

use sidetone_media::voice::Heard;
use sidetone_signaling::protocol::meeting::ParticipantId;

use crate::call::{Call, CallEvent};

/// Somebody who is heard here, right now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speaker {
    /// Who.
    pub participant: ParticipantId,
    /// Root mean square of the last tenth of a second, 0 to 1.
    pub audio_level: f64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Speakers {
    dominant: Vec<ParticipantId>,
    heard: Vec<Speaker>,
}

impl Speakers {
    pub fn dominate(&mut self, speakers: Vec<ParticipantId>) -> Option<CallEvent> {
        let before = std::mem::replace(&mut self.dominant, speakers.clone());
        (before != speakers).then_some(CallEvent::DominantSpeakersChanged(speakers))
    }

    /// What is heard at this end now. Gives what the app is told, where somebody began or stopped.
    pub fn hear(&mut self, heard: &Heard) -> Option<CallEvent> {
        let mut now: Vec<Speaker> = Vec::new();
        for one in &heard.speaking {
            let Some(source) = one.source else { continue };
            let participant = ParticipantId(source);
            match now.iter_mut().find(|speaker| speaker.participant == participant) {
                Some(speaker) => speaker.audio_level = speaker.audio_level.max(one.audio_level),
                None => now.push(Speaker {
                    participant,
                    audio_level: one.audio_level,
                }),
            }
        }
        now.sort_by_key(|speaker| speaker.participant);
        let who = |speakers: &[Speaker]| -> Vec<ParticipantId> {
            speakers.iter().map(|speaker| speaker.participant).collect()
        };
        let before = std::mem::replace(&mut self.heard, now);
        let now = who(&self.heard);
        (who(&before) != now).then_some(CallEvent::SpeakingChanged(now))
    }

    pub fn is_heard(&self, participant: ParticipantId) -> bool {
        self.heard
            .iter()
            .any(|speaker| speaker.participant == participant)
    }
}

/// Who speaks. See [`Call::dominant_speakers`].
#[derive(Clone, Debug)]
pub struct DominantSpeakers(Call);

impl DominantSpeakers {
    /// Who speaks in the meeting, the loudest first, by the service's word. Changes come as
    /// [`CallEvent::DominantSpeakersChanged`].
    pub fn list(&self) -> Vec<ParticipantId> {
        self.0
            .in_meeting(|meeting| meeting.speakers.dominant.clone())
            .unwrap_or_default()
    }

    /// Who is heard at this end, and how loud: at most a tenth of a second old. Who begins and who stops comes as
    /// [`CallEvent::SpeakingChanged`]; levels are read here, as often as they are shown.
    pub fn heard(&self) -> Vec<Speaker> {
        self.0
            .in_meeting(|meeting| meeting.speakers.heard.clone())
            .unwrap_or_default()
    }
}

impl Call {
    /// Who speaks.
    pub fn dominant_speakers(&self) -> DominantSpeakers {
        DominantSpeakers(self.clone())
    }
}
