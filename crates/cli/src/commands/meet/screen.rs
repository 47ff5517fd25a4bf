//! A meeting on a terminal: who is there and how loud, drawn again in place. What is drawn is decided here, and so is
//! nothing else: lines come out of a [`View`] and a width.

use std::fmt::Write as _;
use std::time::Duration;

use console::{Style, Term, measure_text_width, pad_str, truncate_str};

/// What there is to see.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// What the meeting is called.
    pub title: String,
    /// How it stands, where that is not simply that it goes on.
    pub status: Option<String>,
    /// Since when this end is in it.
    pub elapsed: Duration,
    /// How many are there, listed or not.
    pub total: u32,
    /// Those who are listed.
    pub people: Vec<Person>,
    /// Who waits, and how long.
    pub lobby: Vec<(String, Duration)>,
    /// How the network does.
    pub network: Option<Network>,
    /// What happened last, the newest last.
    pub news: Vec<String>,
}

/// Somebody in the meeting.
#[derive(Clone, Debug, Default)]
pub struct Person {
    /// Their name, fit for a terminal.
    pub name: String,
    /// What they are here.
    pub role: &'static str,
    /// Root mean square of what is heard of them, 0 to 1; zero when nothing is.
    pub level: f64,
    /// Their microphone is off.
    pub muted: bool,
    /// Place in the queue of raised hands, from 1.
    pub hand: Option<usize>,
    /// In front for everyone.
    pub spotlighted: bool,
    /// Ringing or coming back.
    pub away: Option<&'static str>,
}

/// How the network does.
#[derive(Clone, Copy, Debug, Default)]
pub struct Network {
    /// Share of packets lost on the way here, 0 to 1.
    pub lost: f64,
    /// Interarrival jitter.
    pub jitter: Duration,
    /// Round trip to the service.
    pub round_trip: Option<Duration>,
    /// Share of sound made up, 0 to 1.
    pub concealed: f64,
}

/// Cells of a level's bar.
const BAR: usize = 24;
/// Quieter than this, in dB, is an empty bar; a full one is [`LOUDEST`].
const QUIETEST: f64 = -60.0;
const LOUDEST: f64 = -6.0;
/// Lines of news.
const NEWS: usize = 3;
/// Widest name, in cells.
const NAME: usize = 28;

/// The lines of a picture that is `width` cells wide and at most `height` lines high.
pub fn draw(view: &View, width: usize, height: usize, colour: bool) -> Vec<String> {
    let style = |style: Style| style.force_styling(colour);
    let (dim, bold) = (style(Style::new().dim()), style(Style::new().bold()));
    let mut head = format!(
        "{} · {} · {}",
        bold.apply_to(&view.title),
        people(view.total),
        clock(view.elapsed)
    );
    if let Some(status) = &view.status {
        let _ = write!(head, " · {}", style(Style::new().yellow()).apply_to(status));
    }
    let rule = dim.apply_to("─".repeat(width.min(72))).to_string();
    let mut foot = vec![rule.clone()];
    if !view.lobby.is_empty() {
        let waiting: Vec<_> = view
            .lobby
            .iter()
            .map(|(name, since)| format!("{name} {}", clock(*since)))
            .collect();
        let words = format!("waiting to be let in: {}", waiting.join(", "));
        foot.push(style(Style::new().yellow()).apply_to(words).to_string());
    }
    if let Some(network) = &view.network {
        foot.push(dim.apply_to(network_line(network)).to_string());
    }
    let news = &view.news[view.news.len().saturating_sub(NEWS)..];
    foot.extend(news.iter().map(|line| format!("{} {line}", dim.apply_to("›"))));

    let room = height.saturating_sub(foot.len() + 3).max(1);
    let mut shown: Vec<&Person> = view.people.iter().collect();
    if shown.len() > room {
        // Those who matter now come first; the others stay in their order.
        shown.sort_by_key(|one| !(one.spotlighted || one.hand.is_some() || one.level > 0.0));
        shown.truncate(room);
    }
    // This end is not listed.
    let unseen = (view.total as usize).saturating_sub(shown.len() + 1);
    let mut lines = vec![head, rule];
    lines.extend(shown.iter().map(|one| person_line(one, colour)));
    if unseen > 0 {
        lines.push(dim.apply_to(format!("  … and {unseen} more")).to_string());
    }
    lines.extend(foot);
    lines
        .into_iter()
        .map(|line| truncate_str(&line, width, "…").into_owned())
        .collect()
}

fn person_line(one: &Person, colour: bool) -> String {
    let style = |style: Style| style.force_styling(colour);
    let mark = if one.spotlighted { "★" } else { " " };
    let name = pad_str(&one.name, NAME, console::Alignment::Left, Some("…"));
    let speaks = one.level > 0.0;
    let name = if speaks {
        style(Style::new().bold()).apply_to(name)
    } else {
        style(Style::new()).apply_to(name)
    };
    let bar = bar(one.level);
    let bar = match decibels(one.level) {
        loud if loud > -12.0 => style(Style::new().yellow()).apply_to(bar),
        _ => style(Style::new().green()).apply_to(bar),
    };
    let mut notes = Vec::new();
    notes.extend(one.away.map(str::to_owned));
    notes.extend(one.muted.then(|| "mic off".to_owned()));
    notes.extend(one.hand.map(|place| format!("✋ {place}")));
    notes.push(one.role.to_owned());
    let notes = style(Style::new().dim()).apply_to(notes.join(" · "));
    format!("{mark} {name} {bar} {notes}")
}

/// A level as a bar of fixed width, in eighths of a cell.
fn bar(level: f64) -> String {
    const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let share = ((decibels(level) - QUIETEST) / (LOUDEST - QUIETEST)).clamp(0.0, 1.0);
    let eighths = (share * (BAR * 8) as f64).round() as usize;
    let mut bar = "█".repeat(eighths / 8);
    if eighths / 8 < BAR {
        bar.push(EIGHTHS[eighths % 8]);
    }
    let used = measure_text_width(&bar);
    bar + &" ".repeat(BAR - used.min(BAR))
}

fn decibels(level: f64) -> f64 {
    20.0 * level.max(1e-6).log10()
}

fn people(count: u32) -> String {
    match count {
        1 => "1 person".to_owned(),
        _ => format!("{count} people"),
    }
}

fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds / 3600 {
        0 => format!("{}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}

fn network_line(network: &Network) -> String {
    let round_trip = network.round_trip.map_or_else(
        || "unknown".to_owned(),
        |time| format!("{:.0} ms", time.as_secs_f64() * 1e3),
    );
    format!(
        "lost {:.1} %  made up {:.1} %  jitter {:.0} ms  round trip {round_trip}",
        100.0 * network.lost,
        100.0 * network.concealed,
        network.jitter.as_secs_f64() * 1e3,
    )
}

/// A terminal on which a picture stays in its place. The cursor is hidden as long as this lives.
pub struct Screen {
    term: Term,
    /// Lines of the last picture.
    drawn: usize,
}

impl Screen {
    /// The program's output, if that is a terminal.
    pub fn open() -> Option<Self> {
        let term = Term::stdout();
        if !term.is_term() {
            return None;
        }
        // What cannot be hidden is seen.
        let _ = term.hide_cursor();
        Some(Self { term, drawn: 0 })
    }

    /// Draws over what was drawn before.
    pub fn show(&mut self, view: &View) {
        let (height, width) = self.term.size();
        let colour = console::colors_enabled();
        let lines = draw(
            view,
            usize::from(width).saturating_sub(1),
            usize::from(height),
            colour,
        );
        let mut picture = String::new();
        if self.drawn > 0 {
            let _ = write!(picture, "\x1b[{}A\r", self.drawn);
        }
        for line in &lines {
            let _ = write!(picture, "{line}\x1b[K\r\n");
        }
        picture.push_str("\x1b[J");
        self.drawn = lines.len();
        // A terminal that went away is noticed by its signal.
        let _ = self.term.write_str(&picture);
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.term.show_cursor();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn person(name: &str, level: f64) -> Person {
        Person {
            name: name.into(),
            role: "attendee",
            level,
            ..Person::default()
        }
    }

    #[test]
    fn it_shows_who_speaks_who_waits_and_how_the_network_does() {
        let view = View {
            title: "Weekly".into(),
            status: Some("locked".into()),
            elapsed: Duration::from_secs(3_725),
            total: 12,
            people: vec![
                Person {
                    spotlighted: true,
                    ..person("Ann", 0.1)
                },
                Person {
                    muted: true,
                    hand: Some(1),
                    ..person("Bob (External)", 0.0)
                },
            ],
            lobby: vec![("Eve".into(), Duration::from_secs(65))],
            network: Some(Network {
                lost: 0.012,
                jitter: Duration::from_millis(4),
                round_trip: Some(Duration::from_millis(31)),
                concealed: 0.001,
            }),
            news: (0..9).map(|n| format!("news {n}")).collect(),
        };
        let picture = draw(&view, 100, 30, false).join("\n");
        for part in [
            "Weekly · 12 people · 1:02:05 · locked",
            "★ Ann ",
            "█",
            "mic off · ✋ 1 · attendee",
            "… and 9 more",
            "waiting to be let in: Eve 1:05",
            "lost 1.2 %  made up 0.1 %  jitter 4 ms  round trip 31 ms",
            "news 8",
        ] {
            assert!(picture.contains(part), "{part} is missing:\n{picture}");
        }
        assert!(
            !picture.contains("news 5") && !picture.contains('\x1b'),
            "{picture}"
        );
    }

    #[test]
    fn whoever_speaks_is_seen_where_not_all_fit() {
        let mut people: Vec<_> = (0..50).map(|n| person(&format!("p{n}"), 0.0)).collect();
        people[40].level = 0.2;
        let view = View {
            total: 50,
            people,
            ..View::default()
        };
        let picture = draw(&view, 80, 10, false);
        assert!(picture.len() <= 10, "{picture:?}");
        assert!(
            picture[2].contains("p40") && picture[3].contains("p0 "),
            "{picture:?}"
        );
    }

    #[test]
    fn a_bar_grows_with_the_level() {
        let filled = |level: f64| bar(level).trim_end().chars().count();
        assert_eq!((filled(0.0), filled(1.0)), (0, BAR));
        assert!(filled(0.001) < filled(0.01) && filled(0.01) < filled(0.1));
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_terminal(
            name in "\\PC{0,60}", level in 0.0_f64..2.0, width in 1_usize..200, height in 1_usize..60, colour: bool,
            news in prop::collection::vec("\\PC{0,80}", 0..5), total: u32, many in 0_usize..40,
        ) {
            let view = View {
                title: name.clone(),
                total,
                people: vec![person(&name, level); many],
                lobby: vec![(name, Duration::from_secs(9)); many],
                news,
                ..View::default()
            };
            for line in draw(&view, width, height, colour) {
                prop_assert!(measure_text_width(&line) <= width, "{line:?}");
            }
        }
    }
}
