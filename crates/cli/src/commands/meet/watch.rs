//! `sidetone meet watch`: joins with the microphone off, and draws who speaks.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::json;
use sidetone::{
    Call, CallEvent, CallState, CallStats, Events, JoinOptions, ParticipantId, ParticipantState, Reason,
};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::args::{JoinArgs, WatchArgs};
use super::place::locator;
use super::screen::{Network, Person, Screen, View};
use super::{join, tell};
use crate::commands::conversation::{self, Ended};
use crate::commands::end::End;
use crate::commands::journal::Journal;
use crate::commands::name;
use crate::commands::video::Tally;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::sound::InputChoice;
use crate::video::PictureArgs;

/// Pictures a second: as often as there is something new of what is heard.
const DRAW: Duration = Duration::from_millis(100);
/// How often statistics are read.
const STATS: Duration = Duration::from_secs(1);
/// What a bar falls to from one picture to the next: a syllable is seen for half a second.
const FALL: f64 = 0.75;
/// Quieter than this, a bar is gone.
const GONE: f64 = 0.001;
/// News that are kept.
const NEWS: usize = 16;

/// Watches the meeting.
pub fn run(mut args: WatchArgs) -> Result<Exit, Failure> {
    args.end.muted = true;
    if args.end.input == InputChoice::Default {
        // Nobody will hear it, so none is needed.
        args.end.input = InputChoice::Silence;
    }
    crate::commands::runtime()?.block_on(async {
        let mut interrupt = Interrupt::new()?;
        let journal = Journal::new(args.end.json);
        let mut end = End::open(&args.end, &PictureArgs::default(), &journal, &mut interrupt).await?;
        let screen = if args.plain || args.end.json {
            None
        } else {
            Screen::open()
        };
        let (place, ended) = (args.place, args.end);
        let outcome = match screen {
            Some(screen) => {
                let options = JoinOptions {
                    display_name: place.display_name.clone().or_else(|| ended.name.clone()),
                    muted: true,
                    video: None,
                };
                let call = end.agent.join(locator(&place)?, options).await?;
                Ok(Watch::new(call, screen, ended.duration)
                    .follow(&mut interrupt, &journal)
                    .await)
            }
            None => {
                let args = JoinArgs {
                    place,
                    admit: false,
                    raise_hand: false,
                    captions: None,
                    end: ended,
                    video: PictureArgs::default(),
                };
                join::join(&args, &mut end, &journal, &mut interrupt).await
            }
        };
        let closed = end.close().await;
        outcome?.verdict().and_then(|exit| closed.map(|()| exit))
    })
}

/// A meeting that is watched.
struct Watch {
    call: Call,
    events: Events<CallEvent>,
    screen: Screen,
    length: Option<Duration>,
    connected: Option<Instant>,
    stats: Option<CallStats>,
    news: VecDeque<String>,
    /// What the bars show.
    levels: BTreeMap<ParticipantId, f64>,
    /// Since when those who wait were seen.
    waiting: BTreeMap<ParticipantId, Instant>,
}

impl Watch {
    fn new(call: Call, screen: Screen, length: Option<Duration>) -> Self {
        Self {
            events: call.events(),
            call,
            screen,
            length,
            connected: None,
            stats: None,
            news: VecDeque::new(),
            levels: BTreeMap::new(),
            waiting: BTreeMap::new(),
        }
    }

    async fn follow(mut self, interrupt: &mut Interrupt, journal: &Journal) -> Ended {
        let (mut pictures, mut looks) = (interval(DRAW), interval(STATS));
        pictures.set_missed_tick_behavior(MissedTickBehavior::Delay);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut interrupted = false;
        let reason = loop {
            tokio::select! {
                event = self.events.recv() => match event {
                    Some(CallEvent::Ended(reason)) => break reason,
                    Some(event) => self.note(&event),
                    None => break self.call.end_reason().unwrap_or(Reason::HUNG_UP),
                },
                _ = pictures.tick() => {
                    let view = self.view();
                    self.screen.show(&view);
                    let over = self.connected.zip(self.length);
                    if over.is_some_and(|(since, length)| since.elapsed() >= length) {
                        // Over already is as good.
                        let _ = self.call.hang_up();
                    }
                }
                _ = looks.tick() => if let Ok(stats) = self.call.stats().await {
                    self.stats = Some(stats);
                },
                () = interrupt.raised() => {
                    if interrupted {
                        break Reason::HUNG_UP;
                    }
                    interrupted = true;
                    let _ = self.call.hang_up();
                }
            }
        };
        let view = self.view();
        self.screen.show(&view);
        drop(self.screen);
        let call = self.call.id();
        conversation::tell_end(call, &reason, journal);
        if let Some(stats) = &self.stats {
            let table = crate::commands::statistics::table(stats, &Tally::default());
            journal.summary("stats", &table, json!({ "stats": stats }));
        }
        Ended::of(call, reason, self.connected.is_some(), interrupted)
    }

    fn note(&mut self, event: &CallEvent) {
        if let Some(words) = tell::words(&self.call, event) {
            self.news.push_back(words);
            if self.news.len() > NEWS {
                self.news.pop_front();
            }
        }
    }

    fn view(&mut self) -> View {
        let state = self.call.state();
        if state == CallState::Connected {
            self.connected.get_or_insert_with(Instant::now);
        }
        let Some(meeting) = self.call.meeting() else {
            return View {
                title: "joining".into(),
                status: Some(conversation::describe(state).1.to_owned()),
                ..View::default()
            };
        };
        let status = match self.call.lobby_reason() {
            _ if self.call.is_reconnecting() => Some("connection lost, getting it back"),
            Some(reason) => Some(tell::lobby_reason(reason)),
            None if state != CallState::Connected => Some(conversation::describe(state).1),
            None if meeting.is_locked => Some("locked"),
            None => None,
        };
        View {
            title: tell::title(&meeting),
            status: status.map(str::to_owned),
            elapsed: self.connected.map(|since| since.elapsed()).unwrap_or_default(),
            total: self.call.total_participants().max(1),
            people: self.people(),
            lobby: self.lobby(),
            network: self.stats.as_ref().map(network),
            news: self.news.iter().cloned().collect(),
        }
    }

    fn people(&mut self) -> Vec<Person> {
        self.levels.values_mut().for_each(|level| *level *= FALL);
        self.levels.retain(|_, level| *level > GONE);
        for speaker in self.call.dominant_speakers().heard() {
            let level = self.levels.entry(speaker.participant).or_default();
            *level = level.max(speaker.audio_level);
        }
        let hands = self.call.raise_hand().raised();
        let people = self.call.participants().into_iter();
        people
            .map(|one| Person {
                name: name::of(&self.call, one.participant),
                role: tell::role(one.role),
                level: self.levels.get(&one.participant).copied().unwrap_or_default(),
                muted: one.is_muted,
                hand: hands
                    .iter()
                    .position(|hand| hand.participant == one.participant)
                    .map(|at| at + 1),
                spotlighted: one.is_spotlighted,
                away: match one.state {
                    ParticipantState::Ringing => Some("ringing"),
                    ParticipantState::Reconnecting => Some("coming back"),
                    ParticipantState::Connected => None,
                },
            })
            .collect()
    }

    fn lobby(&mut self) -> Vec<(String, Duration)> {
        let waiting = self.call.lobby().participants();
        self.waiting
            .retain(|number, _| waiting.iter().any(|one| one.participant == *number));
        let waiting = waiting.into_iter().map(|one| {
            let since = self.waiting.entry(one.participant).or_insert_with(Instant::now);
            let name = match one.display_name.as_str() {
                "" => one.identifier.to_string(),
                name => name::plain(name),
            };
            (name, one.waited + since.elapsed())
        });
        waiting.collect()
    }
}

fn network(stats: &CallStats) -> Network {
    let transport = &stats.transport;
    let lost = transport.packets_lost.max(0) as f64;
    let jitter = stats.voice.inbound.iter().map(|inbound| &inbound.jitter);
    let sum =
        |of: fn(&sidetone_media::jitter::JitterStats) -> u64| jitter.clone().map(of).sum::<u64>() as f64;
    Network {
        lost: lost / (lost + transport.packets_received as f64).max(1.0),
        jitter: transport.jitter,
        round_trip: transport.round_trip_time,
        concealed: sum(|jitter| jitter.concealed_samples)
            / sum(|jitter| jitter.total_samples_received).max(1.0),
    }
}
