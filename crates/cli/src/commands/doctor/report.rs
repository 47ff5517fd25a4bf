//! What was found: one check for each hop, in the order in which a call needs them.

use std::time::{Duration, Instant};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::exit::Exit;
use crate::output;

/// A hop between this machine and a call that works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Hop {
    /// The service's name has addresses.
    Name,
    /// Its port takes connections.
    Port,
    /// Its certificate is good.
    Tls,
    /// It is our service, and well.
    Http,
    /// Its clock and ours agree.
    Clock,
    /// WebSockets come through, with our subprotocol.
    Socket,
    /// The token looks right.
    Token,
    /// The service takes it.
    Session,
    /// What it allows.
    Scopes,
    /// A STUN server answers.
    Stun,
    /// A TURN server relays for us.
    Turn,
    /// Media can be set up at all.
    Media,
    /// Media can be set up through the relay.
    Relay,
    /// The service's own state.
    Service,
}

impl Hop {
    const fn words(self) -> &'static str {
        match self {
            Self::Name => "name resolution",
            Self::Port => "TCP port",
            Self::Tls => "TLS",
            Self::Http => "HTTP",
            Self::Clock => "clock",
            Self::Socket => "WebSocket",
            Self::Token => "token",
            Self::Session => "session",
            Self::Scopes => "identity, scopes",
            Self::Stun => "STUN",
            Self::Turn => "TURN",
            Self::Media => "media",
            Self::Relay => "media, relayed",
            Self::Service => "service",
        }
    }

    /// The exit code when it is the first that is broken.
    const fn code(self) -> u8 {
        match self {
            Self::Name => 10,
            Self::Port => 11,
            Self::Tls => 12,
            Self::Http => 13,
            Self::Socket => 14,
            Self::Token | Self::Session | Self::Scopes => 15,
            Self::Clock => 16,
            Self::Stun => 17,
            Self::Turn | Self::Relay => 18,
            Self::Media => 19,
            Self::Service => 20,
        }
    }
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// As it should be.
    Passed,
    /// Broken.
    Failed,
    /// Not looked at.
    Skipped,
}

/// One check.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    hop: Hop,
    outcome: Outcome,
    /// In milliseconds.
    took: f64,
    /// What was seen.
    found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

/// What a hop said that does not work, and what to do.
#[derive(Debug)]
pub struct Trouble {
    found: String,
    advice: String,
}

impl Trouble {
    /// What was seen, and what to do about it.
    pub fn new(found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            found: found.into(),
            advice: advice.into(),
        }
    }
}

/// What a hop said that works: words, and a remark that is worth acting on.
#[derive(Debug)]
pub struct Fine {
    found: String,
    remark: Option<String>,
}

impl Fine {
    /// Nothing to add.
    pub fn new(found: impl Into<String>) -> Self {
        Self {
            found: found.into(),
            remark: None,
        }
    }

    /// With something that ought to be done all the same.
    pub fn but(found: impl Into<String>, remark: impl Into<String>) -> Self {
        Self {
            found: found.into(),
            remark: Some(remark.into()),
        }
    }
}

/// Everything that was looked at.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Report {
    checks: Vec<Check>,
}

impl Report {
    /// Adds how a check went that began at `start`; gives what it found for those after it.
    pub fn add<T>(&mut self, hop: Hop, start: Instant, result: Result<(T, Fine), Trouble>) -> Option<T> {
        let took = start.elapsed();
        match result {
            Ok((value, fine)) => {
                self.push(hop, Outcome::Passed, took, fine.found, fine.remark);
                Some(value)
            }
            Err(trouble) => {
                self.push(hop, Outcome::Failed, took, trouble.found, Some(trouble.advice));
                None
            }
        }
    }

    /// Adds hops that nobody looked at.
    pub fn skip(&mut self, hops: &[Hop], why: &str) {
        for hop in hops {
            self.push(*hop, Outcome::Skipped, Duration::ZERO, why.to_owned(), None);
        }
    }

    fn push(&mut self, hop: Hop, outcome: Outcome, took: Duration, found: String, advice: Option<String>) {
        self.checks.push(Check {
            hop,
            outcome,
            took: (took.as_secs_f64() * 10_000.0).round() / 10.0,
            found: printable(&found),
            advice: advice.as_deref().map(printable),
        });
    }

    /// The first check that failed.
    pub fn first_broken(&self) -> Option<&Check> {
        self.checks.iter().find(|check| check.outcome == Outcome::Failed)
    }

    /// How the program ends.
    pub fn exit(&self) -> Exit {
        self.first_broken()
            .map_or(Exit::Done, |check| Exit::Hop(check.hop.code()))
    }

    /// For people.
    pub fn show(&self) {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(["hop", "", "ms", "found"]);
        for check in &self.checks {
            let (outcome, took) = match check.outcome {
                Outcome::Passed => ("ok", check.took.to_string()),
                Outcome::Failed => ("BROKEN", check.took.to_string()),
                Outcome::Skipped => ("skipped", String::new()),
            };
            table.add_row([
                check.hop.words().to_owned(),
                outcome.to_owned(),
                took,
                check.found.clone(),
            ]);
        }
        output::line(&table.to_string());
        for check in &self.checks {
            if let (Outcome::Passed, Some(advice)) = (check.outcome, &check.advice) {
                output::line(&format!("note    {}: {advice}", check.hop.words()));
            }
        }
        let mut broken = self
            .checks
            .iter()
            .filter(|check| check.outcome == Outcome::Failed);
        let Some(first) = broken.next() else {
            output::line("Nothing is broken between this machine and the service, as far as was looked.");
            return;
        };
        output::line(&format!("broken  {}: {}", first.hop.words(), first.found));
        if let Some(advice) = &first.advice {
            output::line(&format!("do      {advice}"));
        }
        for check in broken {
            let advice = check.advice.as_deref().unwrap_or_default();
            output::line(&format!("also    {}: {advice}", check.hop.words()));
        }
    }
}

/// What comes from others must not move the cursor.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_broken_hop_decides() {
        let mut report = Report::default();
        let start = Instant::now();
        assert_eq!(report.exit(), Exit::Done);
        assert_eq!(report.add(Hop::Name, start, Ok((7, Fine::new("x")))), Some(7));
        report.skip(&[Hop::Tls], "plain");
        assert_eq!(report.exit(), Exit::Done);
        let broken: Result<((), Fine), Trouble> = Err(Trouble::new("a\u{1b}[2Jb", "do"));
        assert!(report.add(Hop::Turn, start, broken).is_none());
        let broken: Result<((), Fine), Trouble> = Err(Trouble::new("c", "do"));
        report.add(Hop::Media, start, broken);
        assert_eq!(report.exit().code(), 18);
        assert_eq!(report.first_broken().unwrap().found, "a[2Jb");
    }
}
