//! What can be asked of `sidetone meet`.

use clap::{Args, Subcommand};

use crate::args::EndArgs;

/// `sidetone meet`.
#[derive(Args, Debug)]
pub struct MeetArgs {
    /// What about meetings.
    #[command(subcommand)]
    pub command: MeetCommand,
}

/// What about meetings.
#[derive(Debug, Subcommand)]
pub enum MeetCommand {
    /// Join a meeting or group call, and talk until it is over
    Join(JoinArgs),
    /// Join with the microphone off, and see who speaks
    Watch(WatchArgs),
}

/// Where a meeting is.
#[derive(Args, Debug)]
pub struct PlaceArgs {
    /// The meeting's link; its number, with --passcode; or the id of a group call
    #[arg(value_name = "LINK")]
    pub place: String,
    /// Passcode that goes with the meeting's number
    #[arg(long, value_name = "CODE")]
    pub passcode: Option<String>,
    /// Name to be shown under in this meeting. Members cannot choose theirs
    #[arg(long, value_name = "NAME")]
    pub display_name: Option<String>,
}

/// `sidetone meet join`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sidetone meet join \"$LINK\" --identity guest:visit7 --display-name Eve
      with the default microphone and speaker, until the meeting ends or Ctrl-C
  sidetone meet join 123456789012 --passcode abcd2345 --token \"$TOKEN\" --input speech --output heard.wav --json
      for scripts: one event a line, the statistics last
  sidetone meet join \"$LINK\" --identity member:acme:ann --admit
      lets in everyone who waits in the lobby")]
pub struct JoinArgs {
    /// Where.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Let in everyone who waits in the lobby, as they come
    #[arg(long)]
    pub admit: bool,
    /// Raise a hand once inside
    #[arg(long)]
    pub raise_hand: bool,
    /// What it shares with calls.
    #[command(flatten)]
    pub end: EndArgs,
}

/// `sidetone meet watch`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sidetone meet watch \"$LINK\" --identity member:acme:ann --output null
      a live view on a terminal: who speaks and how loud, the lobby, hands, the network
  sidetone meet watch \"$LINK\" --identity member:acme:ann --output null | tee log
      one line for each thing that happens")]
pub struct WatchArgs {
    /// Where.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Tell line by line, also on a terminal
    #[arg(long)]
    pub plain: bool,
    /// What it shares with calls.
    #[command(flatten)]
    pub end: EndArgs,
}
