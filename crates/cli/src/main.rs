//! The `sidetone` program: serves, administers, calls, answers, lists devices and measures.
//!
//! This file parses the command line and hands over. What a command does is in [`commands`]; it refuses to know how
//! calls work, which is the SDK's business.

#![forbid(unsafe_code)]

mod address;
mod args;
mod bench;
mod commands;
mod credential;
mod dev_token;
mod exit;
mod interrupt;
mod logging;
mod output;
mod sound;
mod speech;
mod video;

use std::process::ExitCode;

use clap::Parser;

use args::{BenchCommand, Cli, Command, DevicesCommand};
use exit::{Exit, Failure};

fn main() -> ExitCode {
    // Wrong usage ends here, with code 2.
    let cli = Cli::parse();
    match run(cli.command) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            if !failure.message.is_empty() {
                output::complain(&failure.message);
            }
            failure.exit.into()
        }
    }
}

fn run(command: Command) -> Result<Exit, Failure> {
    let json_logs = matches!(&command, Command::Serve(args) if args.json_logs);
    logging::start(json_logs)?;
    match command {
        Command::Serve(args) => commands::serve::run(args),
        Command::Admin(args) => commands::admin::run(*args),
        Command::Token(args) => commands::token::run(args),
        Command::Call(args) => commands::call::run(args),
        Command::Answer(args) => commands::answer::run(args),
        Command::Meet(args) => commands::meet::run(*args),
        Command::Chat(args) => commands::chat::run(*args),
        Command::Voicemail(args) => commands::voicemail::run(args),
        Command::Doctor(args) => commands::doctor::run(*args),
        Command::Devices {
            command: DevicesCommand::List { json },
        } => commands::devices::list(json),
        Command::Devices {
            command: DevicesCommand::Watch { json, duration },
        } => commands::devices::watch(json, duration),
        Command::Bench {
            command: BenchCommand::Loopback(args),
        } => measured(bench::loopback::run(&args)),
        Command::Bench {
            command: BenchCommand::Echo(args),
        } => measured(bench::echo::run(&args)),
        Command::Bench {
            command: BenchCommand::Voice(args),
        } => measured(bench::voice::run(&args)),
        Command::Bench {
            command: BenchCommand::Meeting(args),
        } => measured(bench::meeting::run(&args)),
        Command::Bench {
            command: BenchCommand::Video(args),
        } => measured(bench::pictures::video(&args)),
        Command::Bench {
            command: BenchCommand::Screen(args),
        } => measured(bench::pictures::screen(&args)),
        Command::Bench {
            command: BenchCommand::End,
        } => measured(bench::loopback::child().map(|()| String::new())),
    }
}

/// Prints what the benchmark has to say.
fn measured(outcome: Result<String, String>) -> Result<Exit, Failure> {
    let text = outcome.map_err(|message| Failure::new(Exit::Failed, message))?;
    if !text.is_empty() {
        output::line(&text);
    }
    Ok(Exit::Done)
}
