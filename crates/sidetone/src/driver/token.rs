//! When the app's refresher is asked for a token: before the old one ends, when the service refuses it, and again after
//! growing pauses while the refresher fails. It refuses to know what a token is.
//!
//! Inputs: *expiring*, *invalid*, *refused*, *taken* from the service; *answered* from the refresher; *timeout*.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long a refresher may take. One that takes longer has failed; what it brings later is still welcome.
const PATIENCE: Duration = Duration::from_secs(10);

/// First pause after a failure. It doubles with each, up to the longest: a backend that is down for an hour is asked
/// twice a minute, and one that stumbles is asked again while a token of a minute still lives.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Calls of the refresher that may hang at once. Each holds a thread.
const HANGING: u32 = 3;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Call the refresher.
    Ask,
    /// Tell the app that it must act.
    Tell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The token in use is good for a while.
    Content,
    /// The refresher has this long.
    Asked(Instant),
    /// It failed, and is asked again at this time.
    Pausing(Instant),
    /// Its token is with the service.
    HandedIn,
}

/// Keeps an agent in tokens.
#[derive(Debug)]
pub struct TokenKeeper {
    has_refresher: bool,
    phase: Phase,
    /// Calls of the refresher that have not come back.
    under_way: u32,
    failures: u32,
    steps: VecDeque<Step>,
}

impl TokenKeeper {
    pub fn new(has_refresher: bool) -> Self {
        Self {
            has_refresher,
            phase: Phase::Content,
            under_way: 0,
            failures: 0,
            steps: VecDeque::new(),
        }
    }

    /// Next thing to do.
    pub fn poll(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    pub fn next_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Asked(until) | Phase::Pausing(until) => Some(until),
            Phase::Content | Phase::HandedIn => None,
        }
    }

    /// The token in use ends soon.
    pub fn expiring(&mut self, now: Instant) {
        if self.has_refresher {
            self.want(now);
        } else {
            self.steps.push_back(Step::Tell);
        }
    }

    /// The service has no use for the token in use. Tells whether another one may come.
    pub fn invalid(&mut self, now: Instant) -> bool {
        match self.phase {
            // It was not good either.
            Phase::HandedIn => self.failed(now),
            _ if self.has_refresher => self.want(now),
            _ => {}
        }
        self.has_refresher
    }

    /// The service did not take a new token for the one in use.
    pub fn refused(&mut self, now: Instant) {
        match self.phase {
            Phase::HandedIn => self.failed(now),
            // The app's own.
            _ => self.steps.push_back(Step::Tell),
        }
    }

    /// The service took a token.
    pub fn taken(&mut self) {
        self.phase = Phase::Content;
        self.failures = 0;
    }

    /// A call of the refresher came back. Tells whether its token, if it brought one, is to be handed in.
    pub fn answered(&mut self, brought_one: bool, now: Instant) -> bool {
        self.under_way = self.under_way.saturating_sub(1);
        match self.phase {
            Phase::Asked(_) | Phase::Pausing(_) if brought_one => {
                self.phase = Phase::HandedIn;
                true
            }
            Phase::Asked(_) => {
                self.failed(now);
                false
            }
            _ => false,
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        match self.phase {
            Phase::Asked(until) if now >= until => self.failed(now),
            Phase::Pausing(until) if now >= until && self.under_way < HANGING => self.ask(now),
            Phase::Pausing(until) if now >= until => self.phase = Phase::Pausing(now + LONGEST_PAUSE),
            _ => {}
        }
    }

    fn want(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Content | Phase::HandedIn) {
            self.ask(now);
        }
    }

    fn ask(&mut self, now: Instant) {
        self.phase = Phase::Asked(now + PATIENCE);
        self.under_way += 1;
        self.steps.push_back(Step::Ask);
    }

    fn failed(&mut self, now: Instant) {
        if self.failures == 0 {
            self.steps.push_back(Step::Tell);
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16));
        self.failures += 1;
        self.phase = Phase::Pausing(now + pause.min(LONGEST_PAUSE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(keeper: &mut TokenKeeper) -> Vec<Step> {
        std::iter::from_fn(|| keeper.poll()).collect()
    }

    /// Lets time pass up to the next thing to happen.
    fn pass(keeper: &mut TokenKeeper, now: &mut Instant) -> Duration {
        let next = keeper.next_timeout().unwrap();
        let passed = next - *now;
        *now = next;
        keeper.handle_timeout(next);
        passed
    }

    #[test]
    fn a_good_refresher_is_asked_once_and_nobody_is_told() {
        let (mut keeper, now) = (TokenKeeper::new(true), Instant::now());
        keeper.expiring(now);
        keeper.expiring(now);
        assert_eq!(steps(&mut keeper), [Step::Ask]);
        assert!(keeper.answered(true, now));
        keeper.taken();
        assert_eq!((steps(&mut keeper), keeper.next_timeout()), (vec![], None));
        keeper.expiring(now);
        assert_eq!(steps(&mut keeper), [Step::Ask], "the next token ends too");
    }

    #[test]
    fn a_refresher_that_fails_is_asked_again_and_again_and_the_app_is_told_once() {
        let (mut keeper, mut now) = (TokenKeeper::new(true), Instant::now());
        keeper.expiring(now);
        let (mut pauses, mut told) = (Vec::new(), 0);
        for _ in 0..12 {
            let mut asked = steps(&mut keeper);
            asked.retain(|step| *step == Step::Ask);
            assert_eq!(asked, [Step::Ask]);
            assert!(!keeper.answered(false, now));
            told += steps(&mut keeper).len();
            // That the token ended meanwhile changes nothing.
            assert!(keeper.invalid(now));
            pauses.push(pass(&mut keeper, &mut now));
        }
        assert_eq!(told, 1);
        assert_eq!(pauses[..3], [FIRST_PAUSE, FIRST_PAUSE * 2, FIRST_PAUSE * 4]);
        assert_eq!(pauses[11], LONGEST_PAUSE);
        assert!(keeper.answered(true, now), "it works again");
        keeper.taken();
        keeper.expiring(now);
        keeper.answered(false, now);
        assert_eq!(
            pass(&mut keeper, &mut now),
            FIRST_PAUSE,
            "failures were forgotten"
        );
    }

    #[test]
    fn a_refresher_that_hangs_has_failed_and_may_still_come_back() {
        let (mut keeper, mut now) = (TokenKeeper::new(true), Instant::now());
        keeper.expiring(now);
        assert_eq!(pass(&mut keeper, &mut now), PATIENCE);
        assert_eq!(steps(&mut keeper), [Step::Ask, Step::Tell]);
        let mut calls = 1;
        for _ in 0..100 {
            pass(&mut keeper, &mut now);
            calls += steps(&mut keeper).len();
        }
        assert_eq!(calls, HANGING as usize, "each holds a thread");
        assert!(keeper.answered(true, now), "late is welcome");
        keeper.taken();
        assert!(!keeper.answered(true, now), "and not welcome twice");
    }

    #[test]
    fn a_token_that_the_service_does_not_take_is_a_failure() {
        for verdict in [TokenKeeper::refused, |keeper: &mut TokenKeeper, now| {
            keeper.invalid(now);
        }] {
            let (mut keeper, mut now) = (TokenKeeper::new(true), Instant::now());
            keeper.invalid(now);
            assert!(keeper.answered(true, now));
            verdict(&mut keeper, now);
            assert_eq!(steps(&mut keeper), [Step::Ask, Step::Tell]);
            assert_eq!(pass(&mut keeper, &mut now), FIRST_PAUSE);
            assert_eq!(steps(&mut keeper), [Step::Ask]);
        }
    }

    #[test]
    fn without_a_refresher_the_app_is_told_before_the_end() {
        let (mut keeper, now) = (TokenKeeper::new(false), Instant::now());
        keeper.expiring(now);
        assert_eq!(steps(&mut keeper), [Step::Tell]);
        keeper.refused(now);
        assert_eq!(steps(&mut keeper), [Step::Tell], "that one will not do");
        assert!(!keeper.invalid(now), "nobody else can bring one");
        assert_eq!(steps(&mut keeper), []);
    }
}
