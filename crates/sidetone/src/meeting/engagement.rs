//! What people do together beside talking, as this end knows it: kept as the service tells it, and given to the app.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use sidetone_signaling::protocol::meeting::{
    Annotation, Breakout, BreakoutSettings, Caption, CaptionsState, Left, News, ParticipantId, Poll,
    Question, QuestionsState, Scene, Slides, Typed,
};

use super::breakouts::BreakoutRoomsUpdate;
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
    /// Something about breakout rooms. See [`Call::breakout_rooms`](crate::Call::breakout_rooms).
    BreakoutRooms(BreakoutRoomsUpdate),
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
    pub breakouts: BTreeMap<u32, Breakout>,
    pub breakout_settings: BreakoutSettings,
    /// Lines that are not finished.
    pub lines: BTreeMap<ParticipantId, (u32, String)>,
    /// What this end writes: the app's side writes it, the service never tells it.
    pub writing: Arc<Mutex<Writing>>,
}

impl Together {
    /// Takes in what the service tells, and gives what the app is told.
    pub fn apply(&mut self, news: News) -> Vec<EngagementEvent> {
        match news {
            News::Several(several) => several
                .into_iter()
                .flat_map(|news| self.apply_one(news))
                .collect(),
            one => self.apply_one(one),
        }
    }

    fn apply_one(&mut self, news: News) -> Vec<EngagementEvent> {
        let before = self.assigned();
        let mut told: Vec<EngagementEvent> = self.take(news).into_iter().collect();
        let assigned = self.assigned();
        if assigned != before {
            told.push(EngagementEvent::BreakoutRooms(BreakoutRoomsUpdate::Assigned(
                assigned,
            )));
        }
        told
    }

    fn assigned(&self) -> Option<u32> {
        let mut rooms = self.breakouts.values();
        rooms.find(|room| room.assigned).map(|room| room.id)
    }

    fn take(&mut self, news: News) -> Option<EngagementEvent> {
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
                // They begin with nothing drawn; another page is told otherwise.
                self.annotations.clear();
                self.slides = (*slides).clone();
                EngagementEvent::SlidesChanged(slides)
            }
            News::Page(shown) => {
                self.slides.page = shown.page;
                self.slides.follow = shown.follow;
                EngagementEvent::SlidesChanged(Box::new(self.slides.clone()))
            }
            News::Annotation(annotation) => {
                let place = (annotation.page, annotation.id);
                match annotation.data.clone() {
                    Some(data) => self.annotations.insert(place, data),
                    None => self.annotations.remove(&place),
                };
                EngagementEvent::Annotated(annotation)
            }
            News::Breakout(room) => {
                self.breakouts.insert(room.id, (*room).clone());
                EngagementEvent::BreakoutRooms(BreakoutRoomsUpdate::Room(room))
            }
            News::BreakoutRemoved(which) => {
                self.breakouts.remove(&which.id);
                EngagementEvent::BreakoutRooms(BreakoutRoomsUpdate::RoomRemoved(which.id))
            }
            News::BreakoutSettings(settings) => {
                self.breakout_settings = settings.clone();
                EngagementEvent::BreakoutRooms(BreakoutRoomsUpdate::Settings(settings))
            }
            News::GoToBreakout(go) => EngagementEvent::BreakoutRooms(BreakoutRoomsUpdate::GoTo {
                room: go.id,
                call: go.call,
            }),
            News::Announcement(said) => EngagementEvent::BreakoutRooms(BreakoutRoomsUpdate::Announced {
                from: said.display_name,
                text: said.text,
            }),
            // Several are never within several.
            News::Several(_) | News::Unknown => return None,
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
