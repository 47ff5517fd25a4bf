//! What of it outlives the service, in small pieces that are written one by one as they change. What passes with the moment
//! is not of it: messages, text as it is typed, and how fast somebody may go on.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::meeting::{ParticipantId, QuestionsState, Scene, Slides};

use super::{Person, Room, captions, polls, questions};
use crate::api::Piece;
use crate::minutes::TranscriptLine;

/// What a piece is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Captions,
    /// So many lines.
    Transcript(usize),
    Polls,
    Poll(u32),
    /// Those of a poll whose identities fall on this sheet.
    Votes(u32, u8),
    Questions,
    Question(u32),
    Upvotes(u32, u8),
    Scene,
    Slides,
    /// What is drawn on a page, by its number.
    Drawn(u32, u32),
}

impl Part {
    fn name(self) -> String {
        match self {
            Self::Captions => "captions".to_owned(),
            Self::Transcript(sheet) => format!("transcript.{sheet}"),
            Self::Polls => "polls".to_owned(),
            Self::Poll(id) => format!("poll.{id}"),
            Self::Votes(poll, sheet) => format!("votes.{poll}.{sheet}"),
            Self::Questions => "questions".to_owned(),
            Self::Question(id) => format!("question.{id}"),
            Self::Upvotes(question, sheet) => format!("upvotes.{question}.{sheet}"),
            Self::Scene => "scene".to_owned(),
            Self::Slides => "slides".to_owned(),
            Self::Drawn(page, id) => format!("drawn.{page}.{id}"),
        }
    }
}

/// The sheet of an identity: whatever becomes of the others, it stays on it, so that a write that is cut off between two
/// sheets loses nobody.
pub(super) fn sheet_of(identity: &Identifier) -> u8 {
    let raw = identity.to_string();
    raw.bytes().fold(0, |sheet, byte| sheet.wrapping_mul(31) ^ byte)
}

/// A piece as it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Kept<'a> {
    Captions {
        on: bool,
        spoken: Cow<'a, str>,
        readers: Vec<(ParticipantId, Option<String>)>,
    },
    Transcript(usize, Cow<'a, [TranscriptLine]>),
    Polls {
        last: u32,
    },
    Poll(u32, Cow<'a, polls::One>),
    Votes(u32, Vec<Cow<'a, (Person, Vec<u8>)>>),
    Questions(QuestionsState),
    Question(u32, Cow<'a, questions::One>),
    Upvotes(u32, Vec<Cow<'a, Identifier>>),
    Scene(Cow<'a, Scene>),
    Slides(Cow<'a, Slides>),
    Drawn(u32, u32, Cow<'a, str>),
}

impl Room {
    /// The pieces that are other than when this was called last.
    pub(crate) fn changed_pieces(&mut self) -> Vec<Piece> {
        let changed = std::mem::take(&mut self.together.changed);
        let piece = |part: Part| Piece {
            name: part.name(),
            // Everything in it has a form in JSON.
            value: self.kept(part).and_then(|kept| serde_json::to_vec(&kept).ok()),
        };
        changed.into_iter().map(piece).collect()
    }

    /// None: there is no such thing any more.
    fn kept(&self, part: Part) -> Option<Kept<'_>> {
        let together = &self.together;
        let (polls, questions) = (&together.polls, &together.questions);
        Some(match part {
            Part::Captions => Kept::Captions {
                on: together.captions.on,
                spoken: Cow::from(&together.captions.spoken),
                readers: together.captions.readers.clone().into_iter().collect(),
            },
            Part::Transcript(sheet) => {
                let mut sheets = together.captions.transcript.chunks(captions::SHEET);
                Kept::Transcript(sheet, Cow::from(sheets.nth(sheet)?))
            }
            Part::Polls => Kept::Polls { last: polls.last },
            Part::Poll(id) => Kept::Poll(id, Cow::Borrowed(polls.list.get(&id)?)),
            Part::Votes(id, sheet) => {
                let votes = polls.list.get(&id)?.votes.values();
                let on_it = votes.filter(|(person, _)| sheet_of(&person.identity) == sheet);
                Kept::Votes(id, some(on_it.map(Cow::Borrowed))?)
            }
            Part::Questions => Kept::Questions(questions.state),
            Part::Question(id) => Kept::Question(id, Cow::Borrowed(questions.list.get(&id)?)),
            Part::Upvotes(id, sheet) => {
                let upvotes = questions.list.get(&id)?.upvotes.iter();
                let on_it = upvotes.filter(|identity| sheet_of(identity) == sheet);
                Kept::Upvotes(id, some(on_it.map(Cow::Borrowed))?)
            }
            Part::Scene => Kept::Scene(Cow::Borrowed(&together.scene.0)),
            Part::Slides => Kept::Slides(Cow::Borrowed(&together.slides.slides)),
            Part::Drawn(page, id) => {
                Kept::Drawn(page, id, Cow::from(together.slides.drawn.get(&(page, id))?))
            }
        })
    }

    /// It is as it was, as far as those are there again whom it is about. What cannot be read is left out.
    pub(in crate::room) fn recall_engagement(&mut self, pieces: &[Vec<u8>]) {
        let mut sheets = BTreeMap::new();
        let (mut votes, mut upvotes) = (Vec::new(), Vec::new());
        for piece in pieces {
            let Ok(kept) = serde_json::from_slice(piece) else {
                continue;
            };
            let together = &mut self.together;
            match kept {
                Kept::Captions { on, spoken, readers } => {
                    together.captions.on = on;
                    together.captions.spoken = spoken.into_owned();
                    together.captions.readers = readers.into_iter().collect();
                }
                Kept::Transcript(sheet, lines) => _ = sheets.insert(sheet, lines.into_owned()),
                Kept::Polls { last } => together.polls.last = last,
                Kept::Poll(id, one) => _ = together.polls.list.insert(id, one.into_owned()),
                Kept::Votes(id, of) => votes.push((id, of)),
                Kept::Questions(state) => together.questions.state = state,
                Kept::Question(id, one) => _ = together.questions.list.insert(id, one.into_owned()),
                Kept::Upvotes(id, of) => upvotes.push((id, of)),
                Kept::Scene(scene) => together.scene.0 = scene.into_owned(),
                Kept::Slides(slides) => together.slides.slides = slides.into_owned(),
                Kept::Drawn(page, id, data) => {
                    together.slides.drawn.insert((page, id), data.into_owned());
                }
            }
        }
        for (id, of) in votes {
            if let Some(poll) = self.together.polls.list.get_mut(&id) {
                let of = of.into_iter().map(Cow::into_owned);
                poll.votes.extend(of.map(|vote| (vote.0.identity.clone(), vote)));
            }
        }
        for (id, of) in upvotes {
            if let Some(question) = self.together.questions.list.get_mut(&id) {
                question.upvotes.extend(of.into_iter().map(Cow::into_owned));
            }
        }
        self.together.captions.transcript = sheets.into_values().flatten().collect();
        let last = |known: u32, listed: Option<&u32>| known.max(listed.copied().unwrap_or_default());
        let polls = &mut self.together.polls;
        polls.last = last(polls.last, polls.list.keys().next_back());
        let questions = &mut self.together.questions;
        questions.last = last(questions.last, questions.list.keys().next_back());
        self.forget_who_is_not_there();
    }

    fn forget_who_is_not_there(&mut self) {
        let there: BTreeSet<ParticipantId> = self.participants.keys().copied().collect();
        let together = &mut self.together;
        together.captions.readers.retain(|id, _| there.contains(id));
        for seat in &mut together.scene.0.seats {
            *seat = seat.filter(|id| there.contains(id));
        }
        if !together
            .slides
            .slides
            .presenter
            .is_some_and(|id| there.contains(&id))
        {
            together.slides = Default::default();
        }
    }
}

fn some<T>(all: impl Iterator<Item = T>) -> Option<Vec<T>> {
    let all: Vec<T> = all.collect();
    (!all.is_empty()).then_some(all)
}
