//! What can be asked of `sidetone meet`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use sidetone::Identifier;

use crate::address::ServiceAddress;
use crate::args::EndArgs;
use crate::credential::CredentialArgs;
use crate::video::PictureArgs;

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
    /// Make a meeting, and print its link
    Create(Box<CreateArgs>),
    /// See and manage the breakout rooms of a meeting that is held
    Breakout(Box<BreakoutArgs>),
    /// Join a meeting or group call, and talk until it is over
    Join(JoinArgs),
    /// Join with the microphone off, and see who speaks
    Watch(WatchArgs),
}

/// `sidetone meet create`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sidetone meet create --identity member:acme:ann --subject \"Weekly\"
      a meeting of Ann's, with a development token
  sidetone meet create --token \"$TOKEN\" --bypass everyone --json | jq -r .link
      nobody waits in the lobby; the link alone
  sidetone meet create --token \"$TOKEN\" --kind webinar --hard-mute --presenter member:acme:bob
      few speak, many listen")]
pub struct CreateArgs {
    /// The service
    #[arg(
        long,
        value_name = "URL",
        env = "SIDETONE_SERVER",
        default_value = "http://127.0.0.1:7480"
    )]
    pub server: ServiceAddress,
    /// Whose meeting it is.
    #[command(flatten)]
    pub credential: CredentialArgs,
    /// What it is about
    #[arg(long, default_value = "")]
    pub subject: String,
    /// What kind of gathering it is
    #[arg(long, value_enum, default_value = "standard")]
    pub kind: KindName,
    /// Who may do what the organiser may. May be given several times
    #[arg(long, value_name = "ID")]
    pub co_organiser: Vec<Identifier>,
    /// Who presents. May be given several times
    #[arg(long, value_name = "ID")]
    pub presenter: Vec<Identifier>,
    /// Who is invited. May be given several times
    #[arg(long, value_name = "ID")]
    pub attendee: Vec<Identifier>,
    /// Who need not wait in the lobby; as the organisation has it without
    #[arg(long, value_enum)]
    pub bypass: Option<BypassName>,
    /// How many it holds
    #[arg(long, value_name = "COUNT")]
    pub max_participants: Option<u32>,
    /// How many voices each is sent at a time, as far as the operator permits
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub voices: Option<u8>,
    /// Attendees cannot switch their microphones on
    #[arg(long)]
    pub hard_mute: bool,
    /// When it is to begin, such as 2026-12-01T09:00:00Z
    #[arg(long, value_name = "TIME")]
    pub start: Option<String>,
    /// When it is to end
    #[arg(long, value_name = "TIME")]
    pub end: Option<String>,
    /// Trust the certificates in this PEM file and no others
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Send the token over plain HTTP to another machine, where everybody between can read it
    #[arg(long)]
    pub insecure_http: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `sidetone meet breakout`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sidetone meet breakout \"$LINK\" --identity member:acme:ann create Red Blue --distribute
      two rooms, with everyone who is there in one of them
  sidetone meet breakout \"$LINK\" --identity member:acme:ann open
      everyone goes to their room
  sidetone meet breakout \"$LINK\" --identity member:acme:ann set --ends-in 15m
      they close by themselves; everyone is told a minute before")]
pub struct BreakoutArgs {
    /// The meeting's link or number
    #[arg(value_name = "MEETING")]
    pub meeting: String,
    /// The service
    #[arg(
        long,
        value_name = "URL",
        env = "SIDETONE_SERVER",
        default_value = "http://127.0.0.1:7480"
    )]
    pub server: ServiceAddress,
    /// Who organises the meeting.
    #[command(flatten)]
    pub credential: CredentialArgs,
    /// Trust the certificates in this PEM file and no others
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Send the token over plain HTTP to another machine, where everybody between can read it
    #[arg(long)]
    pub insecure_http: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: BreakoutCommand,
}

/// What to do with breakout rooms.
#[derive(Debug, Subcommand)]
pub enum BreakoutCommand {
    /// Show them
    #[command(after_help = "\
Examples:
  sidetone meet breakout \"$LINK\" --identity member:acme:ann list")]
    List,
    /// Make rooms, closed
    #[command(after_help = "\
Examples:
  sidetone meet breakout \"$LINK\" --identity member:acme:ann create Red Blue --distribute")]
    Create {
        /// Their names
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
        /// Assign everyone who is there to one of them, as evenly as can be
        #[arg(long)]
        distribute: bool,
        /// People join by their own hand when they open
        #[arg(long)]
        by_hand: bool,
    },
    /// Close a room, and take it away
    #[command(after_help = "\
Examples:
  sidetone meet breakout \"$LINK\" --identity member:acme:ann remove 2")]
    Remove {
        /// Its number
        #[arg(value_name = "ROOM")]
        room: u32,
    },
    /// Assign people to a room, or move them
    #[command(after_help = "\
Examples:
  sidetone meet breakout \"$LINK\" --identity member:acme:ann assign --room 1 member:acme:bob")]
    Assign {
        /// Its number; to none without
        #[arg(long, value_name = "ROOM")]
        room: Option<u32>,
        /// Whom
        #[arg(value_name = "ID", required = true)]
        identities: Vec<Identifier>,
    },
    /// Open rooms
    #[command(after_help = "\
Examples:
  sidetone meet breakout \"$LINK\" --identity member:acme:ann open 1")]
    Open {
        /// Their numbers; all without
        #[arg(value_name = "ROOM")]
        rooms: Vec<u32>,
    },
    /// Close rooms: everyone in them is back in the meeting
    #[command(after_help = "\
Examples:
  sidetone meet breakout \"$LINK\" --identity member:acme:ann close")]
    Close {
        /// Their numbers; all without
        #[arg(value_name = "ROOM")]
        rooms: Vec<u32>,
    },
    /// Say what holds for all of them
    #[command(after_help = "\
Examples:
  sidetone meet breakout \"$LINK\" --identity member:acme:ann set --ends-in 15m")]
    Set {
        /// They close by themselves in so long, such as 15m; 0s: they do not
        #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
        ends_in: Option<std::time::Duration>,
        /// Nobody comes back to the meeting before they close
        #[arg(long, value_name = "YES")]
        forbid_return: Option<bool>,
        /// Everyone chooses a room themselves
        #[arg(long, value_name = "YES")]
        self_select: Option<bool>,
        /// Presenters who manage them, too. May be given several times
        #[arg(long, value_name = "ID")]
        manager: Vec<Identifier>,
    },
}

/// What kind of gathering a meeting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KindName {
    /// People meet
    Standard,
    /// The people of a channel meet
    Channel,
    /// Few speak, many listen and may be given the word
    Webinar,
    /// Few speak, very many listen
    TownHall,
}

/// Who need not wait in the lobby.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BypassName {
    /// The organiser and co-organisers
    Organiser,
    /// Who was invited by name
    Invited,
    /// Members, guests aside
    MembersWithoutGuests,
    /// Members
    Members,
    /// Members, and those of organisations that this one deals with
    Federated,
    /// Everyone
    Everyone,
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
  sidetone meet join \"$LINK\" --identity member:acme:ann --camera pattern --share screen
      with a test picture as the camera, showing the screen
  sidetone meet join \"$LINK\" --identity member:acme:ann --share film.y4m --share-sound film.wav
      showing a film with its sound
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
    /// Read captions, in this language where there are any in it
    #[arg(long, value_name = "LANGUAGE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub captions: Option<String>,
    /// What it shares with calls.
    #[command(flatten)]
    pub end: EndArgs,
    /// Its pictures.
    #[command(flatten)]
    pub video: PictureArgs,
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
