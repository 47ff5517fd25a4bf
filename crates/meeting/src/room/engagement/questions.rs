//! Questions and answers. Everyone sees a question at once, or when somebody who manages questions shows it. Who asks is
//! told to those who may know of them, and to nobody where they asked anonymously.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sidetone_signaling::protocol::Millis;
use sidetone_signaling::protocol::meeting::{
    AnswerQuestion, AskQuestion, Author, Capability, Moderate, News, ParticipantId, Question, QuestionAnswer,
    QuestionState, QuestionsState, SetQuestions, Upvote,
};
use sidetone_signaling::{Identifier, Reason};

use super::{Allowance, Context, Part, Participant, Person, Room, may, sheet_of, text};
use crate::api::Fact;

/// Most questions of one call.
const MOST: usize = 1_000;
/// Most who want one answered too.
const MOST_VOTES: usize = 20_000;
/// Most answers to one.
const MOST_ANSWERS: usize = 10;
/// Longest question and answer, in bytes.
const LONGEST: usize = 2 * 1024;
/// Of each: one every five seconds, five at once.
const EACH: Duration = Duration::from_secs(5);
const BURST: Duration = Duration::from_secs(25);

/// All questions of a call.
#[derive(Debug, Default)]
pub(super) struct Questions {
    pub(super) state: QuestionsState,
    pub(super) list: BTreeMap<u32, One>,
    pub(super) last: u32,
    askers: BTreeMap<ParticipantId, Allowance>,
    /// To be told.
    dirty: BTreeSet<u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct One {
    text: String,
    anonymous: bool,
    author: Person,
    state: QuestionState,
    /// Everyone saw it, so everyone must learn that it was taken away.
    was_shown: bool,
    #[serde(skip)]
    pub(super) upvotes: BTreeSet<Identifier>,
    answers: Vec<QuestionAnswer>,
    at_ms: Millis,
}

/// What somebody sees of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Sight {
    text: bool,
    author: bool,
    own: bool,
    upvoted: bool,
}

impl One {
    /// None: it is not there for them. `names`: they may know of the author.
    fn sight(&self, manages: bool, names: bool, identity: &Identifier) -> Option<Sight> {
        let own = self.author.identity == *identity;
        let (there, text) = match self.state {
            QuestionState::Pending => (manages || own, true),
            QuestionState::Shown | QuestionState::Answered => (true, true),
            QuestionState::Dismissed => (manages || own || self.was_shown, manages || own),
        };
        there.then(|| Sight {
            text,
            author: text && !self.anonymous && (names || own),
            own,
            upvoted: self.upvotes.contains(identity),
        })
    }

    fn sight_of(&self, viewer: &Participant) -> Option<Sight> {
        let manages = may(viewer, Capability::ManageQuestions);
        let names = viewer.may_know(self.author.external, false);
        self.sight(manages, names, &viewer.identity)
    }

    fn seen(&self, id: u32, sight: Sight) -> Question {
        Question {
            id,
            text: if sight.text {
                self.text.clone()
            } else {
                String::new()
            },
            author: sight.author.then(|| author(&self.author)),
            own: sight.own,
            state: self.state,
            upvotes: u32::try_from(self.upvotes.len()).unwrap_or(u32::MAX),
            upvoted: sight.upvoted,
            answers: if sight.text {
                self.answers.clone()
            } else {
                Vec::new()
            },
            at_ms: self.at_ms,
        }
    }
}

fn author(person: &Person) -> Author {
    Author {
        identity: person.identity.clone(),
        display_name: person.display_name.clone(),
    }
}

impl Questions {
    pub(super) fn left(&mut self, id: ParticipantId) {
        self.askers.remove(&id);
    }

    fn ask(&mut self, who: Person, ask: &AskQuestion, at_ms: Millis) -> Result<u32, Reason> {
        if !self.state.open {
            return Err(Reason::NOT_OPEN);
        }
        text(&ask.text, LONGEST)?;
        if self.list.len() >= MOST {
            return Err(Reason::TOO_MANY_OBJECTS);
        }
        self.last += 1;
        let state = if self.state.moderated {
            QuestionState::Pending
        } else {
            QuestionState::Shown
        };
        self.list.insert(
            self.last,
            One {
                text: ask.text.clone(),
                anonymous: ask.anonymous,
                author: who,
                state,
                was_shown: state == QuestionState::Shown,
                upvotes: BTreeSet::new(),
                answers: Vec::new(),
                at_ms,
            },
        );
        self.dirty.insert(self.last);
        Ok(self.last)
    }

    fn upvote(&mut self, who: &Identifier, upvote: Upvote) -> Result<(), Reason> {
        let one = self
            .list
            .get_mut(&upvote.question)
            .ok_or(Reason::NO_SUCH_OBJECT)?;
        match one.state {
            QuestionState::Shown | QuestionState::Answered => {}
            QuestionState::Pending | QuestionState::Dismissed => return Err(Reason::NO_SUCH_OBJECT),
        }
        let changed = if !upvote.on {
            one.upvotes.remove(who)
        } else if one.upvotes.len() >= MOST_VOTES {
            return Err(Reason::TOO_MANY_OBJECTS);
        } else {
            one.upvotes.insert(who.clone())
        };
        if changed {
            self.dirty.insert(upvote.question);
        }
        Ok(())
    }

    fn answer(&mut self, who: &Person, answer: &AnswerQuestion) -> Result<(), Reason> {
        let one = self
            .list
            .get_mut(&answer.question)
            .ok_or(Reason::NO_SUCH_OBJECT)?;
        if answer.text.len() > LONGEST {
            return Err(Reason::TEXT_TOO_LONG);
        }
        if one.answers.len() >= MOST_ANSWERS {
            return Err(Reason::TOO_MANY_OBJECTS);
        }
        one.answers.push(QuestionAnswer {
            text: answer.text.clone(),
            author: author(who),
        });
        one.state = QuestionState::Answered;
        one.was_shown = true;
        self.dirty.insert(answer.question);
        Ok(())
    }

    fn moderate(&mut self, moderate: Moderate) -> Result<(), Reason> {
        let one = self
            .list
            .get_mut(&moderate.question)
            .ok_or(Reason::NO_SUCH_OBJECT)?;
        let state = match moderate.shown {
            true if one.answers.is_empty() => QuestionState::Shown,
            true => QuestionState::Answered,
            false => QuestionState::Dismissed,
        };
        one.was_shown |= moderate.shown;
        if std::mem::replace(&mut one.state, state) != state {
            self.dirty.insert(moderate.question);
        }
        Ok(())
    }

    /// All of them, with all that is told of them.
    pub(super) fn record(&self) -> Vec<Question> {
        self.list
            .iter()
            .map(|(id, one)| {
                let sight = Sight {
                    text: true,
                    author: !one.anonymous,
                    own: false,
                    upvoted: false,
                };
                one.seen(*id, sight)
            })
            .collect()
    }
}

impl Room {
    /// Somebody opens or closes the questions.
    pub(super) fn set_questions(
        &mut self,
        me: ParticipantId,
        set: SetQuestions,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        self.require(me, Capability::ManageQuestions)?;
        let before = self.together.questions.state;
        let state = QuestionsState {
            open: set.open.unwrap_or(before.open),
            moderated: set.moderated.unwrap_or(before.moderated),
        };
        if state != before {
            self.together.questions.state = state;
            self.together.changed.insert(Part::Questions);
            self.tell_of(|_| Some(()), |()| News::Questions(state), cx);
        }
        Ok(())
    }

    /// Somebody asks a question.
    pub(super) fn ask_question(
        &mut self,
        me: ParticipantId,
        ask: &AskQuestion,
        cx: &mut Context<'_>,
    ) -> Result<u32, Reason> {
        self.require(me, Capability::AskQuestion)?;
        let who = self.person(me)?;
        let at_ms = self.together.since(cx.now);
        let questions = &mut self.together.questions;
        let mut allowance = questions.askers.get(&me).copied().unwrap_or_default();
        if !allowance.take(EACH, BURST, cx.now) {
            return Err(Reason::ENGAGED_TOO_FAST);
        }
        let id = questions.ask(who, ask, at_ms)?;
        questions.askers.insert(me, allowance);
        self.together.changed.insert(Part::Question(id));
        let participant = self.participants.get(&me).filter(|_| !ask.anonymous);
        cx.fact(Fact::Asked {
            call: self.call,
            by: participant.map(Participant::who),
            question: id,
        });
        self.schedule(cx);
        Ok(id)
    }

    /// Somebody wants a question answered too, or no longer.
    pub(super) fn upvote(
        &mut self,
        me: ParticipantId,
        upvote: Upvote,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        self.require(me, Capability::AskQuestion)?;
        let who = self.person(me)?;
        self.together.questions.upvote(&who.identity, upvote)?;
        let sheet = sheet_of(&who.identity);
        self.together
            .changed
            .insert(Part::Upvotes(upvote.question, sheet));
        self.schedule(cx);
        Ok(())
    }

    /// Somebody answers a question.
    pub(super) fn answer_question(
        &mut self,
        me: ParticipantId,
        answer: &AnswerQuestion,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        self.require(me, Capability::ManageQuestions)?;
        let who = self.person(me)?;
        self.together.questions.answer(&who, answer)?;
        self.together.changed.insert(Part::Question(answer.question));
        self.schedule(cx);
        Ok(())
    }

    /// Somebody shows a question, or takes it away.
    pub(super) fn moderate(
        &mut self,
        me: ParticipantId,
        moderate: Moderate,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        self.require(me, Capability::ManageQuestions)?;
        self.together.questions.moderate(moderate)?;
        self.together.changed.insert(Part::Question(moderate.question));
        self.schedule(cx);
        Ok(())
    }

    /// Tells of the questions that changed.
    pub(super) fn flush_questions(&mut self, cx: &mut Context<'_>) {
        for id in std::mem::take(&mut self.together.questions.dirty) {
            let Some(one) = self.together.questions.list.get(&id) else {
                continue;
            };
            self.tell_of(
                |viewer| one.sight_of(viewer),
                |sight| News::Question(Box::new(one.seen(id, *sight))),
                cx,
            );
        }
    }

    /// Whether questions can be asked, and every question that somebody sees.
    pub(super) fn questions_for(&self, viewer: &Participant) -> Vec<News> {
        let questions = &self.together.questions;
        let state = Some(questions.state).filter(|state| *state != QuestionsState::default());
        let seen = questions.list.iter().filter_map(|(id, one)| {
            let sight = one.sight_of(viewer)?;
            Some(News::Question(Box::new(one.seen(*id, sight))))
        });
        state.map(News::Questions).into_iter().chain(seen).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn person(number: u8) -> Person {
        Person {
            identity: format!("guest:g{number}").parse().unwrap(),
            display_name: number.to_string(),
            external: true,
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Ask(u8, bool),
        Upvote(u8, u32, bool),
        Answer(u32),
        Moderate(u32, bool),
        Set(bool),
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0_u8..4, any::<bool>()).prop_map(|(who, anonymous)| Step::Ask(who, anonymous)),
            (0_u8..4, 0_u32..6, any::<bool>())
                .prop_map(|(who, question, on)| Step::Upvote(who, question, on)),
            (0_u32..6).prop_map(Step::Answer),
            (0_u32..6, any::<bool>()).prop_map(|(question, shown)| Step::Moderate(question, shown)),
            any::<bool>().prop_map(Step::Set),
        ]
    }

    proptest! {
        #[test]
        fn what_was_not_shown_is_seen_by_nobody_else(steps in proptest::collection::vec(any_step(), 1..80)) {
            let mut questions = Questions::default();
            questions.state.open = true;
            for step in steps {
                let _ = match step {
                    Step::Ask(who, anonymous) => {
                        let ask = AskQuestion { text: "Why?".into(), anonymous };
                        questions.ask(person(who), &ask, Millis(0)).map(drop)
                    }
                    Step::Upvote(who, question, on) => {
                        questions.upvote(&person(who).identity, Upvote { question, on })
                    }
                    Step::Answer(question) => {
                        questions.answer(&person(9), &AnswerQuestion { question, text: "So.".into() })
                    }
                    Step::Moderate(question, shown) => questions.moderate(Moderate { question, shown }),
                    Step::Set(moderated) => {
                        questions.state.moderated = moderated;
                        Ok(())
                    }
                };
                for (id, one) in &questions.list {
                    let stranger = one.sight(false, true, &person(8).identity);
                    match one.state {
                        QuestionState::Pending => prop_assert!(stranger.is_none()),
                        QuestionState::Dismissed => {
                            prop_assert_eq!(stranger.is_some(), one.was_shown);
                            if let Some(sight) = stranger {
                                let seen = one.seen(*id, sight);
                                prop_assert!(seen.text.is_empty() && seen.author.is_none() && seen.answers.is_empty());
                            }
                        }
                        QuestionState::Shown | QuestionState::Answered => {
                            let seen = one.seen(*id, stranger.unwrap());
                            prop_assert_eq!(seen.author.is_some(), !one.anonymous);
                            prop_assert_eq!(seen.upvotes as usize, one.upvotes.len());
                        }
                    }
                    // Whoever asked always sees what became of it; whoever manages sees all but the anonymous author.
                    prop_assert!(one.sight(false, false, &one.author.identity).is_some_and(|sight| sight.own));
                    let managed = one.sight(true, true, &person(8).identity).unwrap();
                    prop_assert_eq!(managed.author, !one.anonymous);
                }
            }
        }
    }

    #[test]
    fn closed_questions_take_none() {
        let mut questions = Questions::default();
        let ask = AskQuestion {
            text: "Why?".into(),
            anonymous: false,
        };
        assert_eq!(questions.ask(person(0), &ask, Millis(0)), Err(Reason::NOT_OPEN));
        questions.state.open = true;
        assert_eq!(questions.ask(person(0), &ask, Millis(0)), Ok(1));
        let long = AskQuestion {
            text: "x".repeat(LONGEST + 1),
            anonymous: false,
        };
        assert_eq!(
            questions.ask(person(0), &long, Millis(0)),
            Err(Reason::TEXT_TOO_LONG)
        );
    }
}
