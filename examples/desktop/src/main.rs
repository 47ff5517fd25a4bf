//! A call in a window: what an app does with the SDK, on the desktop.
//!
//! `app` is the window and `call` the call, each on a thread of its own; between them is the `scene`. `view` says where things
//! are and `canvas` draws them, on any buffer of pixels.

mod app;
mod call;
mod canvas;
mod numbers;
mod scene;
mod token;
mod view;
#[cfg(test)]
mod view_tests;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use sidetone::Identifier;
use winit::event_loop::EventLoop;

use app::App;
use call::{Camera, Failure, Message, Plan, What};
use scene::{Board, Scene};
use token::Who;
use view::Button;

/// Time to say goodbye in. A service that does not answer is not waited for longer.
const GOODBYE: Duration = Duration::from_secs(2);

/// Shows a call in a window.
#[derive(Parser)]
#[command(after_help = "\
Keys: M mute, V camera, S share the screen, F fill the window, Q or Escape hang up.

Examples:
  sidetone serve --dev-tokens loopback
  sidetone-desktop --identity member:acme:bob --answer
  sidetone-desktop --identity member:acme:ann --call member:acme:bob --camera film.y4m
  sidetone-desktop --token \"$TOKEN\" --meeting \"$LINK\"

Exit codes: 0 done, 1 it failed, 2 the command line makes no sense.")]
struct Args {
    /// The service
    #[arg(
        long,
        value_name = "URL",
        env = "SIDETONE_SERVER",
        default_value = "ws://127.0.0.1:7480"
    )]
    server: String,
    /// Access token
    #[arg(
        long,
        env = "SIDETONE_TOKEN",
        hide_env_values = true,
        required_unless_present = "identity"
    )]
    token: Option<String>,
    /// Who to be: asks the service for a development token
    #[arg(long, value_name = "ID", conflicts_with = "token")]
    identity: Option<Identifier>,
    #[command(flatten)]
    what: WhatArgs,
    /// What is sent as a camera: pattern, device, device:ID, or a film's path (Y4M or motion JPEG)
    #[arg(long, value_name = "SOURCE", default_value = "pattern")]
    camera: String,
    /// Use no microphone and no speaker
    #[arg(long)]
    silent: bool,
    /// Local address for media, as often as needed; all of this machine's without
    #[arg(long, value_name = "ADDRESS")]
    media_bind: Vec<SocketAddr>,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct WhatArgs {
    /// Whom to call
    #[arg(long, value_name = "ID")]
    call: Option<Identifier>,
    /// Answer the first call
    #[arg(long)]
    answer: bool,
    /// Which meeting to join
    #[arg(long, value_name = "LINK")]
    meeting: Option<String>,
}

impl From<Args> for Plan {
    fn from(args: Args) -> Self {
        let who = match args.identity {
            Some(identity) => Who::Identity(identity),
            None => Who::Token(args.token.unwrap_or_default()),
        };
        let what = match (args.what.call, args.what.meeting) {
            (Some(to), _) => What::Call(to),
            (None, Some(link)) => What::Meet(link),
            (None, None) => What::Answer,
        };
        Self {
            server: args.server,
            who,
            what,
            camera: Camera::named(&args.camera),
            silent: args.silent,
            bind: args.media_bind,
        }
    }
}

fn main() -> ExitCode {
    match run(Args::parse().into()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(plan: Plan) -> Result<(), Failure> {
    let event_loop = EventLoop::new()?;
    let proxy = event_loop.create_proxy();
    // A loop that is gone draws nothing.
    let board = Arc::new(Board::new(move || {
        let _ = proxy.send_event(());
    }));
    board.change(|scene| scene.title = "Connecting".into());
    let (sender, messages) = mpsc::channel();
    let mut app = App::new(board.clone(), sender.clone());
    let told = sender.clone();
    let call = thread::Builder::new().name("call".into()).spawn(move || {
        let outcome = call::lead(&plan, &told, &messages, &board).map_err(|error| error.to_string());
        if let Err(error) = &outcome {
            let (title, state) = ("No call".into(), error.clone());
            board.change(|scene| {
                *scene = Scene {
                    title,
                    state,
                    ..Scene::default()
                }
            });
        }
        outcome
    })?;
    event_loop.run_app(&mut app)?;

    let _ = sender.send(Message::Pressed(Button::HangUp));
    let patience = Instant::now() + GOODBYE;
    while !call.is_finished() && Instant::now() < patience {
        thread::sleep(Duration::from_millis(10));
    }
    if let Some(failure) = app.failure {
        return Err(failure);
    }
    if !call.is_finished() {
        return Ok(());
    }
    match call.join() {
        Ok(outcome) => outcome.map_err(Failure::from),
        Err(_) => Err("the thread of the call broke".into()),
    }
}
