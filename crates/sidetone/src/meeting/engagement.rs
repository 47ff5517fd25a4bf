//! What people do together beside talking, as this end knows it: kept as the service tells it, and given to the app.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use sidetone_signaling::protocol::meeting::{
    Annotation, Caption, CaptionsState, Left, News, ParticipantId, Poll, Question, QuestionsState, Scene,
    Slides, Typed,
};

use super::real_time_text::{TypedLine, Writing};

/// What happened of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngagementEvent {
    /// Begin with nothing: what there is follows. After a lost connection, and when this end may see more or less.
    Reset,
    /// A message. See [`Call::messages`](crate::Call::messages).
    MessageReceived {
        /// Who sent it.
        from: ParticipantId,
        /// What it is about, as applications agree.
        channel: u16,
        /// Rises with every message of this sender.
        seq: u32,
        /// It was sent to some only.
        private: bool,
        /// What it says.
        data: Vec<u8>,
    },
    /// Somebody typed: the line as it is now. See [`Call::real_time_text`](crate::Call::real_time_text).
    LineTyped(TypedLine),
    /// There are captions, or none, or another language is spoken.
    CaptionsChanged(CaptionsState),
    /// Somebody said something.
    CaptionReceived(Caption),
    /// A poll is new or different.
    PollUpdated(Box<Poll>),
    /// A poll is there no longer.
    PollRemoved(u32),
    /// Questions can be asked, or no longer.
    QuestionsChanged(QuestionsState),
    /// A question is new or different.
    QuestionUpdated(Box<Question>),
    /// Others sit in the scene, or there is none.
    SceneChanged(Scene),
    /// Slides are presented, another page is shown, or it is over.
    SlidesChanged(Box<Slides>),
    /// Something was drawn on a page, or wiped.
    Annotated(Annotation),
}

/// All that is known of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Together {
    pub captions: CaptionsState,
    pub polls: BTreeMap<u32, Poll>,
    pub questions_state: QuestionsState,
    pub questions: BTreeMap<u32, Question>,
    pub scene: Scene,
    pub slides: Slides,
    pub annotations: BTreeMap<(u32, u32), String>,
    /// Lines that are not finished.
    pub lines: BTreeMap<ParticipantId, (u32, String)>,
    /// What this end writes: the app's side writes it, the service never tells it.
    pub writing: Arc<Mutex<Writing>>,
}

impl Together {
    /// Takes in what the service tells, and gives what the app is told.
    pub fn apply(&mut self, news: News) -> Option<EngagementEvent> {
        Some(match news {
            News::Anew => {
                let writing = self.writing.clone();
                *self = Self {
                    writing,
                    ..Self::default()
                };
                EngagementEvent::Reset
            }
            News::Message(message) => EngagementEvent::MessageReceived {
                from: message.from,
                channel: message.channel,
                seq: message.seq,
                private: message.private,
                data: message.data.0,
            },
            News::Typed(typed) => EngagementEvent::LineTyped(self.typed(typed)?),
            News::Captions(state) => {
                self.captions = state.clone();
                EngagementEvent::CaptionsChanged(state)
            }
            News::Caption(caption) => EngagementEvent::CaptionReceived(caption),
            News::Poll(poll) => {
                self.polls.insert(poll.id, (*poll).clone());
                EngagementEvent::PollUpdated(poll)
            }
            News::PollRemoved(which) => {
                self.polls.remove(&which.id);
                EngagementEvent::PollRemoved(which.id)
            }
            News::Questions(state) => {
                self.questions_state = state;
                EngagementEvent::QuestionsChanged(state)
            }
            News::Question(question) => {
                self.questions.insert(question.id, (*question).clone());
                EngagementEvent::QuestionUpdated(question)
            }
            News::Scene(scene) => {
                self.scene = scene.clone();
                EngagementEvent::SceneChanged(scene)
            }
            News::Slides(slides) => {
                if slides.presenter != self.slides.presenter || slides.pages != self.slides.pages {
                    self.annotations.clear();
                }
                self.slides = (*slides).clone();
                EngagementEvent::SlidesChanged(slides)
            }
            News::Annotation(annotation) => {
                let place = (annotation.page, annotation.id);
                match annotation.data.clone() {
                    Some(data) => self.annotations.insert(place, data),
                    None => self.annotations.remove(&place),
                };
                EngagementEvent::Annotated(annotation)
            }
            News::Unknown => return None,
        })
    }

    fn typed(&mut self, typed: Typed) -> Option<TypedLine> {
        let known = self
            .lines
            .remove(&typed.from)
            .filter(|(line, _)| *line == typed.line);
        let mut text = known.map(|(_, text)| text).unwrap_or_default();
        if !typed.apply(&mut text) {
            // What was before it is not known: the next line is.
            return None;
        }
        if !typed.last {
            self.lines.insert(typed.from, (typed.line, text.clone()));
        }
        Some(TypedLine {
            participant: typed.from,
            line: typed.line,
            text,
            is_final: typed.last,
        })
    }

    /// Whoever is gone finishes no line.
    pub fn left(&mut self, left: &[Left]) {
        for gone in left {
            self.lines.remove(&gone.participant);
        }
    }
}
