//! `sidetone bench meeting`: meetings full of headless participants, and what forwarding between them costs.

mod args;
mod bare;
mod case;
mod cores;
mod crowd;
mod report;
mod service;
mod show;
mod signals;
mod talk;

use std::time::{Duration, Instant};

pub use args::MeetingArgs;

use case::{CASES, Case, FRAME};
use cores::Cores;
use crowd::{Crowd, Heard, Newcomer};
use report::{Outcome, Report, Spread};
use service::Service;
use sidetone_sfu::caller::{Answered, Caller, Camera};
use sidetone_sfu::link::{CONSENT, Certificate, LinkConfig};
use sidetone_signaling::protocol::CallId;
use sidetone_signaling::protocol::meeting::Locator;
use signals::Line;
use talk::{Plan, Size};
use tokio::task::JoinSet;

use crate::bench::machine::{self, Machine};
use crate::bench::{file, origin, table};

/// A participant that is not in after this long is not coming.
const PATIENCE: Duration = Duration::from_secs(10);

/// Before anything is counted, so that everybody has settled.
const SETTLE: Duration = Duration::from_secs(1);

/// Runs the benchmark and returns what to print.
///
/// # Errors
/// In words, when no case has such a name, the service cannot be started, a participant cannot join, or a file cannot
/// be written.
pub fn run(args: &MeetingArgs) -> Result<String, String> {
    let named = |case: &&Case| {
        args.case.is_empty() || args.case.iter().any(|name| case.name.starts_with(name.as_str()))
    };
    let cases: Vec<&Case> = CASES.iter().filter(named).collect();
    if cases.is_empty() {
        let names: Vec<&str> = CASES.iter().map(|case| case.name).collect();
        return Err(format!("no such case; there are: {}", names.join(", ")));
    }
    let mut report = Report {
        machine: Machine::probe(),
        versions: machine::versions(),
        ..Report::default()
    };
    let cores = Cores::find();
    if let Some(cores) = cores {
        cores.with_crowd();
    }
    if !args.without_bare {
        report.bare = Some(bare::measure(args.payload.into(), cores)?);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    for case in cases {
        report.cases.push(runtime.block_on(meeting(case, args, cores))?);
    }
    report.finished_at = origin::finished_now();
    report.command = origin::command();
    report.judge();
    let mut text = table::render(report.sections(), &report.targets);
    if let Some(path) = &args.json {
        file::json(path, &report)?;
        text.push_str(&format!("\nJSON: {}", file::shown(path)));
    }
    if let Some(path) = &args.html {
        file::text(path, &report.page())?;
        text.push_str(&format!("\nReport with plots: {}", file::shown(path)));
    }
    Ok(text)
}

/// One meeting, from an empty service to an empty service.
async fn meeting(case: &Case, args: &MeetingArgs, cores: Option<Cores>) -> Result<Outcome, String> {
    let service = Service::start(cores, case.slots)?;
    let certificate = Certificate::generate().ok_or("no certificate")?;
    let config = LinkConfig::new(certificate, CONSENT).map_err(|error| error.to_string())?;
    let crowd = Crowd::new(config.clone(), case.turns, move || {
        if let Some(cores) = cores {
            cores.with_crowd();
        }
    });
    let crowd = crowd.map_err(|error| format!("no crowd: {error}"))?;
    let empty = service.memory();
    let mut locator = Locator::Group {
        call: CallId(uuid::Uuid::new_v4()),
        invite: Vec::new(),
    };
    let mut kept = JoinSet::new();
    let mut joins = Vec::new();
    for index in 0..case.participants as usize {
        let token = service.token(index)?;
        let mut line = Line::open(service.address, Crowd::address(index), token).await?;
        // Who joins as soon as the one before heard a frame would always wait for the whole of the next.
        tokio::time::sleep(FRAME.mul_f64(rand::random())).await;
        let shows = index < case.cameras as usize;
        let camera = match (case.cameras, shows) {
            (0, _) => Camera::None,
            (_, true) => Camera::Sends,
            (_, false) => Camera::Sees,
        };
        let caller = Caller::new(&config, case.slots.into()).with_camera(camera);
        let asked = Instant::now();
        let joined = line.join(locator.clone(), caller.offer()).await?;
        let answered = Answered::parse(&joined.answer).map_err(|error| error.to_string())?;
        if let (0, Some(link)) = (index, joined.link) {
            locator = Locator::Link(link);
        }
        crowd.add(Newcomer {
            index,
            caller,
            answered,
            plan: plan(case, index as u32),
            shows,
            size: Size {
                mean: args.payload,
                vary: args.vary,
            },
            asked,
        });
        // A picture begins with its next keyframe, whenever that is.
        let voice = index > 0 && case.talkers > 0 && !case.turns;
        joins.extend(arrival(&crowd, index, voice)?);
        kept.spawn(line.keep());
    }
    tokio::time::sleep(SETTLE).await;
    let full = service.memory();
    let (forwarding, generator) = (service.forwarding(), used());
    crowd.begin();
    tokio::time::sleep(length(case, args.duration)).await;
    let measured = crowd.finish().ok_or("the crowd is gone")?;
    let seconds = measured.length.as_secs_f64();
    let spent = service
        .forwarding()
        .zip(forwarding)
        .map(|(now, then)| now.saturating_sub(then));
    let generator = used().zip(generator).map(|(now, then)| now.saturating_sub(then));
    if let Some(reason) = kept.try_join_next() {
        return Err(format!("{}: a participant was put out: {reason:?}", case.name));
    }
    let percent = |used: Option<Duration>| used.map(|used| used.as_secs_f64() / seconds * 100.0);
    let gained = full.zip(empty).map(|(full, empty)| full.saturating_sub(empty));
    Ok(Outcome {
        case: case.name.to_owned(),
        participants: case.participants,
        talkers: case.talkers,
        cameras: case.cameras,
        slots: case.slots,
        seconds,
        join_ms: Spread::of(&joins),
        sent_per_second: measured.sent as f64 / seconds,
        forwarded_per_second: measured.received as f64 / seconds,
        lost: measured.lost,
        sfu_us_per_packet: spent
            .filter(|_| measured.received > 0)
            .map(|spent| spent.as_secs_f64() * 1e6 / measured.received as f64),
        sfu_percent_of_core: percent(spent),
        latency_ms: measured.latency,
        kib_per_participant: gained.map(|bytes| bytes as f64 / 1024.0 / f64::from(case.participants)),
        clipped_ms: Spread::of(&measured.clipped),
        generator_percent_of_core: percent(generator),
        latency_over_time: measured.latency_over_time,
    })
}

/// A turn, and the silence after it.
const TURN: (Duration, Duration) = (Duration::from_millis(1_500), Duration::from_millis(500));

/// Length of the measured part: at least so that everybody has had two turns.
fn length(case: &Case, wanted: Duration) -> Duration {
    if case.turns {
        wanted.max((TURN.0 + TURN.1) * case.talkers * 3)
    } else {
        wanted
    }
}

/// When the participant at a place talks, if ever.
fn plan(case: &Case, index: u32) -> Option<Plan> {
    if index >= case.talkers {
        return None;
    }
    if !case.turns {
        return Some(Plan::Always);
    }
    let (turn, pause) = TURN;
    Some(Plan::Turns {
        turn,
        every: (turn + pause) * case.talkers,
        first: (turn + pause) * index,
    })
}

/// Waits until the participant is in and, with `voice`, until it hears somebody. Gives the milliseconds since it asked.
fn arrival(crowd: &Crowd, index: usize, voice: bool) -> Result<Option<f64>, String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match crowd.heard.recv_timeout(left) {
            Ok(Heard::First(of, after)) if of == index => return Ok(Some(after.as_secs_f64() * 1e3)),
            Ok(Heard::Connected(of)) if of == index && !voice => return Ok(None),
            Ok(Heard::Lost(of)) => return Err(format!("participant {of} lost its link")),
            Ok(_) => {}
            Err(_) => return Err(format!("participant {index} did not come in")),
        }
    }
}

/// Processor time of this process.
fn used() -> Option<Duration> {
    machine::threads(None)
        .iter()
        .map(|thread| thread.cpu)
        .reduce(|a, b| a + b)
}
