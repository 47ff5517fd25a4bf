//! Polls. A vote is of an identity, so that whoever leaves and comes again has voted. Of an anonymous one it is known who
//! has voted and never told, to anybody, who chose what.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sidetone_signaling::protocol::meeting::{
    Capability, CreatePoll, News, ParticipantId, Poll, PollOption, PollState, Results, Vote, Voter, Which,
};
use sidetone_signaling::{Identifier, Reason};

use super::{Context, Part, Participant, Person, Room, may, sheet_of, text};

/// Most polls of one call.
const MOST: usize = 100;
/// Most who vote in one.
const MOST_VOTES: usize = 20_000;
/// Longest question and longest answer to choose, in bytes.
const LONGEST_QUESTION: usize = 1024;
const LONGEST_OPTION: usize = 256;
/// Voters are named to those who manage polls while so much was chosen in all; all of them are in the minutes.
const NAMED: usize = 100;

/// All polls of a call.
#[derive(Debug, Default)]
pub(super) struct Polls {
    pub(super) list: BTreeMap<u32, One>,
    pub(super) last: u32,
    /// To be told.
    dirty: BTreeSet<u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct One {
    made: CreatePoll,
    state: PollState,
    #[serde(skip)]
    pub(super) votes: BTreeMap<Identifier, (Person, Vec<u8>)>,
}

/// What somebody sees of a poll.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Sight {
    results: bool,
    names: bool,
    mine: Vec<u8>,
}

impl One {
    fn chose(&self, identity: &Identifier) -> Vec<u8> {
        self.votes
            .get(identity)
            .map(|(_, choices)| choices.clone())
            .unwrap_or_default()
    }

    /// None: it is not there for them.
    fn sight(&self, manages: bool, identity: &Identifier) -> Option<Sight> {
        let closed = self.state == PollState::Closed;
        let results = match self.made.results {
            Results::Always => true,
            Results::Voted => closed || self.votes.contains_key(identity),
            Results::Closed => closed,
            Results::Hidden => false,
        };
        let chosen = || -> usize { self.votes.values().map(|(_, choices)| choices.len()).sum() };
        (manages || self.state != PollState::Draft).then(|| Sight {
            results: manages || results,
            names: manages && !self.made.anonymous && chosen() <= NAMED,
            mine: self.chose(identity),
        })
    }

    fn seen(&self, id: u32, sight: &Sight) -> Poll {
        let option = |(place, text): (usize, &String)| {
            let chose = |choices: &[u8]| choices.iter().any(|choice| usize::from(*choice) == place);
            let of = || self.votes.values().filter(|(_, choices)| chose(choices));
            PollOption {
                text: text.clone(),
                votes: sight
                    .results
                    .then(|| u32::try_from(of().count()).unwrap_or(u32::MAX)),
                voters: of()
                    .filter(|_| sight.names)
                    .map(|(person, _)| Voter {
                        identity: person.identity.clone(),
                        display_name: person.display_name.clone(),
                    })
                    .collect(),
            }
        };
        Poll {
            id,
            question: self.made.question.clone(),
            options: self.made.options.iter().enumerate().map(option).collect(),
            state: self.state,
            multiple: self.made.multiple,
            anonymous: self.made.anonymous,
            changeable: self.made.changeable,
            voted: sight
                .results
                .then(|| u32::try_from(self.votes.len()).unwrap_or(u32::MAX)),
            mine: sight.mine.clone(),
        }
    }
}

impl Polls {
    fn create(&mut self, create: &CreatePoll) -> Result<u32, Reason> {
        text(&create.question, LONGEST_QUESTION)?;
        if !(2..=20).contains(&create.options.len()) {
            return Err(Reason::BAD_PARAMETERS);
        }
        create
            .options
            .iter()
            .try_for_each(|option| text(option, LONGEST_OPTION))?;
        if self.list.len() >= MOST {
            return Err(Reason::TOO_MANY_OBJECTS);
        }
        self.last += 1;
        let one = One {
            made: create.clone(),
            state: if create.open {
                PollState::Open
            } else {
                PollState::Draft
            },
            votes: BTreeMap::new(),
        };
        self.list.insert(self.last, one);
        self.dirty.insert(self.last);
        Ok(self.last)
    }

    /// Gives whether it was different before.
    fn open(&mut self, id: u32, open: bool) -> Result<bool, Reason> {
        let one = self.list.get_mut(&id).ok_or(Reason::NO_SUCH_OBJECT)?;
        let state = match (one.state, open) {
            (_, true) => PollState::Open,
            (PollState::Draft, false) => return Err(Reason::NOT_OPEN),
            (_, false) => PollState::Closed,
        };
        let changed = std::mem::replace(&mut one.state, state) != state;
        if changed {
            self.dirty.insert(id);
        }
        Ok(changed)
    }

    fn vote(&mut self, who: Person, vote: &Vote) -> Result<(), Reason> {
        let one = self.list.get_mut(&vote.poll).ok_or(Reason::NO_SUCH_OBJECT)?;
        match one.state {
            PollState::Open => {}
            PollState::Closed => return Err(Reason::NOT_OPEN),
            // Whoever cannot see it cannot learn that it is there.
            PollState::Draft => return Err(Reason::NO_SUCH_OBJECT),
        }
        let choices: BTreeSet<u8> = vote.choices.iter().copied().collect();
        let known = |choice: &u8| usize::from(*choice) < one.made.options.len();
        if !choices.iter().all(known) || (!one.made.multiple && choices.len() > 1) {
            return Err(Reason::BAD_PARAMETERS);
        }
        let voted = one.votes.contains_key(&who.identity);
        if voted && !one.made.changeable {
            return Err(Reason::ALREADY_VOTED);
        }
        if choices.is_empty() {
            if !voted {
                return Err(Reason::BAD_PARAMETERS);
            }
            one.votes.remove(&who.identity);
        } else if !voted && one.votes.len() >= MOST_VOTES {
            return Err(Reason::TOO_MANY_OBJECTS);
        } else {
            let choices = choices.into_iter().collect();
            one.votes.insert(who.identity.clone(), (who, choices));
        }
        self.dirty.insert(vote.poll);
        Ok(())
    }

    fn remove(&mut self, id: u32) -> Result<One, Reason> {
        self.dirty.remove(&id);
        self.list.remove(&id).ok_or(Reason::NO_SUCH_OBJECT)
    }

    /// All that were open, with all that is told of them.
    pub(super) fn record(&self) -> Vec<Poll> {
        let asked = self.list.iter().filter(|(_, one)| one.state != PollState::Draft);
        asked
            .map(|(id, one)| {
                let sight = Sight {
                    results: true,
                    names: !one.made.anonymous,
                    mine: Vec::new(),
                };
                one.seen(*id, &sight)
            })
            .collect()
    }
}

impl Room {
    /// Somebody makes a poll.
    pub(super) fn create_poll(
        &mut self,
        me: ParticipantId,
        create: &CreatePoll,
        cx: &mut Context<'_>,
    ) -> Result<u32, Reason> {
        self.require(me, Capability::ManagePolls)?;
        let id = self.together.polls.create(create)?;
        self.together.changed.extend([Part::Polls, Part::Poll(id)]);
        if create.open {
            self.tell_polled(me, id, cx);
        }
        self.schedule(cx);
        Ok(id)
    }

    /// Somebody lets people vote, or no longer.
    pub(super) fn open_poll(
        &mut self,
        me: ParticipantId,
        id: u32,
        open: bool,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        self.require(me, Capability::ManagePolls)?;
        if self.together.polls.open(id, open)? {
            self.together.changed.insert(Part::Poll(id));
            self.tell_polled(me, id, cx);
            self.schedule(cx);
        }
        Ok(())
    }

    /// Somebody takes a poll away.
    pub(super) fn remove_poll(
        &mut self,
        me: ParticipantId,
        id: u32,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        self.require(me, Capability::ManagePolls)?;
        let gone = self.together.polls.remove(id)?;
        let sheets = gone
            .votes
            .keys()
            .map(|identity| Part::Votes(id, sheet_of(identity)));
        self.together.changed.extend(sheets.chain([Part::Poll(id)]));
        let draft = gone.state == PollState::Draft;
        self.tell_of(
            |viewer| (!draft || may(viewer, Capability::ManagePolls)).then_some(()),
            |()| News::PollRemoved(Which { id }),
            cx,
        );
        Ok(())
    }

    /// Somebody votes.
    pub(super) fn vote(
        &mut self,
        me: ParticipantId,
        vote: &Vote,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        self.require(me, Capability::Vote)?;
        let who = self.person(me)?;
        let sheet = sheet_of(&who.identity);
        self.together.polls.vote(who, vote)?;
        self.together.changed.insert(Part::Votes(vote.poll, sheet));
        self.schedule(cx);
        Ok(())
    }

    /// The operator's book learns that a poll was opened or closed.
    fn tell_polled(&self, me: ParticipantId, id: u32, cx: &mut Context<'_>) {
        let (Some(one), Some(by)) = (self.together.polls.list.get(&id), self.participants.get(&me)) else {
            return;
        };
        cx.fact(crate::api::Fact::Polled {
            call: self.call,
            by: by.who(),
            poll: id,
            open: one.state == PollState::Open,
            voted: u32::try_from(one.votes.len()).unwrap_or(u32::MAX),
        });
    }

    /// Tells of the polls that changed.
    pub(super) fn flush_polls(&mut self, cx: &mut Context<'_>) {
        for id in std::mem::take(&mut self.together.polls.dirty) {
            let Some(one) = self.together.polls.list.get(&id) else {
                continue;
            };
            self.tell_of(
                |viewer| one.sight(may(viewer, Capability::ManagePolls), &viewer.identity),
                |sight| News::Poll(Box::new(one.seen(id, sight))),
                cx,
            );
        }
    }

    /// Every poll that somebody sees.
    pub(super) fn polls_for(&self, viewer: &Participant) -> Vec<News> {
        let manages = may(viewer, Capability::ManagePolls);
        let polls = self.together.polls.list.iter();
        let seen = polls.filter_map(|(id, one)| {
            let sight = one.sight(manages, &viewer.identity)?;
            Some(News::Poll(Box::new(one.seen(*id, &sight))))
        });
        seen.collect()
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

    fn made(multiple: bool, anonymous: bool, changeable: bool, results: Results) -> CreatePoll {
        CreatePoll {
            question: "Which?".into(),
            options: vec!["a".into(), "b".into(), "c".into()],
            multiple,
            anonymous,
            changeable,
            results,
            open: true,
        }
    }

    fn any_results() -> impl Strategy<Value = Results> {
        prop_oneof![
            Just(Results::Always),
            Just(Results::Voted),
            Just(Results::Closed),
            Just(Results::Hidden)
        ]
    }

    proptest! {
        #[test]
        fn each_has_at_most_one_vote_and_the_sums_are_right(
            multiple: bool, changeable: bool, anonymous: bool, results in any_results(),
            votes in proptest::collection::vec((0_u8..6, proptest::collection::vec(0_u8..5, 0..4)), 0..60),
            close_at in 0_usize..80,
        ) {
            let mut polls = Polls::default();
            let poll = polls.create(&made(multiple, anonymous, changeable, results)).unwrap();
            let mut wanted: BTreeMap<u8, BTreeSet<u8>> = BTreeMap::new();
            for (at, (who, choices)) in votes.into_iter().enumerate() {
                if at == close_at {
                    polls.open(poll, false).unwrap();
                }
                let set: BTreeSet<u8> = choices.iter().copied().collect();
                let fits = set.iter().all(|choice| *choice < 3) && (multiple || set.len() <= 1);
                let voted = wanted.contains_key(&who);
                let allowed = at < close_at && fits && (!voted || changeable) && (voted || !set.is_empty());
                let done = polls.vote(person(who), &Vote { poll, choices });
                prop_assert_eq!(done.is_ok(), allowed, "{:?}", done);
                if allowed {
                    if set.is_empty() { wanted.remove(&who); } else { wanted.insert(who, set); }
                }
            }
            let told = &polls.record()[0];
            prop_assert_eq!(told.voted, Some(wanted.len() as u32));
            for (place, option) in told.options.iter().enumerate() {
                let of = wanted.values().filter(|set| set.contains(&(place as u8))).count();
                prop_assert_eq!(option.votes, Some(of as u32));
                prop_assert_eq!(option.voters.len(), if anonymous { 0 } else { of });
            }
        }

        #[test]
        fn nobody_sees_results_before_their_time(
            results in any_results(), voted: bool, closed: bool, manages: bool, anonymous: bool,
        ) {
            let mut polls = Polls::default();
            let poll = polls.create(&made(false, anonymous, false, results)).unwrap();
            polls.vote(person(1), &Vote { poll, choices: vec![2] }).unwrap();
            if voted {
                polls.vote(person(0), &Vote { poll, choices: vec![1] }).unwrap();
            }
            if closed {
                polls.open(poll, false).unwrap();
            }
            let one = &polls.list[&poll];
            let sight = one.sight(manages, &person(0).identity).unwrap();
            let seen = one.seen(poll, &sight);
            let due = match results {
                Results::Always => true,
                Results::Voted => voted || closed,
                Results::Closed => closed,
                Results::Hidden => false,
            };
            prop_assert_eq!(seen.voted.is_some(), due || manages);
            prop_assert!(seen.options.iter().all(|option| option.votes.is_some() == (due || manages)));
            let named = seen.options.iter().any(|option| !option.voters.is_empty());
            prop_assert_eq!(named, manages && !anonymous);
            prop_assert_eq!(seen.mine, if voted { vec![1] } else { Vec::new() });
        }
    }

    #[test]
    fn a_draft_is_seen_by_those_who_manage_polls_only() {
        let mut polls = Polls::default();
        let draft = CreatePoll {
            open: false,
            ..made(false, false, false, Results::Always)
        };
        let poll = polls.create(&draft).unwrap();
        let vote = Vote {
            poll,
            choices: vec![0],
        };
        assert_eq!(polls.list[&poll].sight(false, &person(0).identity), None);
        assert!(polls.list[&poll].sight(true, &person(0).identity).is_some());
        assert_eq!(polls.vote(person(0), &vote), Err(Reason::NO_SUCH_OBJECT));
        assert_eq!(polls.open(poll, false), Err(Reason::NOT_OPEN));
        assert!(polls.record().is_empty());
        assert_eq!(polls.open(poll, true), Ok(true));
        assert_eq!(polls.open(poll, true), Ok(false));
        polls.vote(person(0), &vote).unwrap();
        assert_eq!(polls.vote(person(0), &vote), Err(Reason::ALREADY_VOTED));
    }

    #[test]
    fn what_is_no_poll_is_refused() {
        let mut polls = Polls::default();
        let refused = |polls: &mut Polls, edit: fn(&mut CreatePoll)| {
            let mut create = made(false, false, false, Results::Always);
            edit(&mut create);
            polls.create(&create).unwrap_err()
        };
        assert_eq!(
            refused(&mut polls, |made| made.question = " ".into()),
            Reason::BAD_PARAMETERS
        );
        assert_eq!(
            refused(&mut polls, |made| made.options.truncate(1)),
            Reason::BAD_PARAMETERS
        );
        assert_eq!(
            refused(&mut polls, |made| made.options[1] = "x".repeat(257)),
            Reason::TEXT_TOO_LONG
        );
        for _ in 0..MOST {
            polls.create(&made(false, false, false, Results::Always)).unwrap();
        }
        assert_eq!(refused(&mut polls, |_| {}), Reason::TOO_MANY_OBJECTS);
    }
}
