//! Captions: reading what is said, and publishing it. Speech is understood by an engine of the app's, on its machine: none
//! is part of this crate, and the service hears nothing.

use std::collections::BTreeMap;

use sidetone_signaling::protocol::meeting::{
    Act, CaptionsState, ParticipantId, PublishCaption, ReceiveCaptions, SetCaptions,
};

use crate::call::Call;
use crate::pending::Pending;

/// Captions of the meeting. See [`Call::captions`].
#[derive(Clone, Debug)]
pub struct CaptionsFeature(Call);

impl CaptionsFeature {
    /// Whether there are captions, and what is spoken. Changes come as
    /// [`EngagementEvent::CaptionsChanged`](crate::EngagementEvent::CaptionsChanged).
    pub fn state(&self) -> CaptionsState {
        self.0
            .in_meeting(|meeting| meeting.together.captions.clone())
            .unwrap_or_default()
    }

    /// Switches captions on for everyone who wants to read them. `language` is what is spoken (BCP 47).
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) to those who may not.
    pub fn start(&self, language: &str) -> Pending<()> {
        self.set(true, Some(language))
    }

    /// Switches them off.
    ///
    /// # Errors
    /// As of [`CaptionsFeature::start`].
    pub fn stop(&self) -> Pending<()> {
        self.set(false, None)
    }

    /// Says that another language is spoken.
    ///
    /// # Errors
    /// As of [`CaptionsFeature::start`].
    pub fn set_spoken_language(&self, language: &str) -> Pending<()> {
        self.set(self.state().on, Some(language))
    }

    fn set(&self, on: bool, language: Option<&str>) -> Pending<()> {
        let language = language.map(str::to_owned);
        self.0.engage(Act::SetCaptions(SetCaptions { on, language }))
    }

    /// Reads captions from now on, in `language` where they are published in it and otherwise as they are spoken. They
    /// come as [`EngagementEvent::CaptionReceived`](crate::EngagementEvent::CaptionReceived). After this end has left and
    /// joined again, ask again.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) to those who may not.
    pub fn receive(&self, language: Option<&str>) -> Pending<()> {
        let language = language.map(str::to_owned);
        let receive = ReceiveCaptions { on: true, language };
        self.0.engage(Act::ReceiveCaptions(receive))
    }

    /// Reads no captions.
    ///
    /// # Errors
    /// None of the meeting's.
    pub fn ignore(&self) -> Pending<()> {
        let receive = ReceiveCaptions {
            on: false,
            language: None,
        };
        self.0.engage(Act::ReceiveCaptions(receive))
    }

    /// Says what was said. Of others only bots and those who keep order do.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) where it is not allowed, captions are off, or it comes too fast.
    pub fn publish(&self, caption: PublishCaption) -> Pending<()> {
        self.0.engage(Act::Caption(caption))
    }

    /// Has `engine` write down what `speaker` says, or where none is named what this end's own speaker does.
    pub fn transcriber(&self, engine: Box<dyn SpeechEngine>, speaker: Option<ParticipantId>) -> Transcriber {
        Transcriber {
            captions: self.clone(),
            engine,
            speaker,
        }
    }
}

/// Understands speech. Runs on the thread that gives it sound, which must be none of the devices'.
pub trait SpeechEngine: Send {
    /// Takes sound, mono at 48 kHz, and gives what it has understood since the last time, in order.
    fn hear(&mut self, samples: &[f32]) -> Vec<Utterance>;

    /// Gives what is still to be said when there is no more sound.
    fn finish(&mut self) -> Vec<Utterance>;
}

/// Something that an engine understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Utterance {
    /// The engine's number of what was said without a break: what comes later replaces what came before of this number.
    pub segment: u32,
    /// What was said.
    pub text: String,
    /// It changes no more.
    pub is_final: bool,
    /// In which language (BCP 47), where the engine knows.
    pub language: Option<String>,
    /// The same in other languages, by language.
    pub translations: BTreeMap<String, String>,
}

/// Publishes what an engine understands.
pub struct Transcriber {
    captions: CaptionsFeature,
    engine: Box<dyn SpeechEngine>,
    speaker: Option<ParticipantId>,
}

impl std::fmt::Debug for Transcriber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transcriber")
            .field("speaker", &self.speaker)
            .finish_non_exhaustive()
    }
}

impl Transcriber {
    /// Gives the engine sound, mono at 48 kHz, and publishes what it understands. Where the microphone is off, give none.
    /// The outcomes of what was published, in order: only a refusal is news.
    pub fn feed(&mut self, samples: &[f32]) -> Vec<Pending<()>> {
        let heard = self.engine.hear(samples);
        self.publish(heard)
    }

    /// There is no more sound.
    pub fn finish(mut self) -> Vec<Pending<()>> {
        let heard = self.engine.finish();
        self.publish(heard)
    }

    fn publish(&self, heard: Vec<Utterance>) -> Vec<Pending<()>> {
        let publish = |utterance: Utterance| {
            self.captions.publish(PublishCaption {
                speaker: self.speaker,
                segment: utterance.segment,
                text: utterance.text,
                last: utterance.is_final,
                language: utterance.language,
                translations: utterance.translations,
            })
        };
        heard.into_iter().map(publish).collect()
    }
}

impl Call {
    /// Captions of the meeting.
    pub fn captions(&self) -> CaptionsFeature {
        CaptionsFeature(self.clone())
    }
}
