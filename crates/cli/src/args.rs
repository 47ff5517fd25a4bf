//! The command line, as types.
//!
//! What a value means is decided where its type lives ([`crate::sound`], [`crate::address`]); here is only what can be
//! asked for.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use sidetone::{Identifier, TransferTarget};
use sidetone_signaling::identifier::Label;

use crate::address::ServiceAddress;
use crate::bench::echo::EchoArgs;
use crate::bench::loopback::LoopbackArgs;
use crate::bench::meeting::MeetingArgs;
use crate::bench::pictures::{ScreenArgs, VideoArgs};
use crate::bench::voice::VoiceArgs;
use crate::commands::admin::args::AdminArgs;
use crate::commands::chat::args::ChatArgs;
use crate::commands::doctor::args::DoctorArgs;
use crate::commands::meet::args::MeetArgs;
use crate::commands::voicemail::args::VoicemailArgs;
use crate::credential::CredentialArgs;
use crate::exit;
use crate::sound::{InputChoice, OutputChoice};
use crate::video::PictureArgs;

/// For `sidetone --help`.
const EXAMPLES: &str = "\
Examples:
  sidetone serve
  sidetone answer --identity external:dev:bob --input speech --output bob.wav
  sidetone call external:dev:bob --identity external:dev:alice --input speech --output null --duration 10s

Environment:
  SIDETONE_LOG     what is logged to standard error: error, warn (default), info, or a filter by module
  SIDETONE_SERVER  address of the service
  SIDETONE_TOKEN   access token; keeps it out of the list of processes
  SIDETONE_OPERATOR_KEY, SIDETONE_TURN_SECRET, SIDETONE_ADMIN_KEY, SIDETONE_ADMIN_FILE: see `serve` and `admin`";

/// Voice calls from the command line: the service, both ends of a call, devices and the benchmark.
#[derive(Debug, Parser)]
#[command(name = "sidetone", version, propagate_version = true, max_term_width = 110)]
#[command(after_help = exit::HELP, after_long_help = format!("{EXAMPLES}\n\n{}", exit::HELP))]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the calling service until Ctrl-C
    Serve(ServeArgs),
    /// Configure a service: organisations, policies, members, resources
    Admin(Box<AdminArgs>),
    /// Make an access token for a user
    Token(TokenArgs),
    /// Call somebody
    Call(CallArgs),
    /// Wait for calls and answer them
    Answer(AnswerArgs),
    /// Meetings and group calls: join or watch one
    Meet(Box<MeetArgs>),
    /// Chat: threads, messages, and being in a conversation
    Chat(Box<ChatArgs>),
    /// Take messages for members of an organisation who do not answer
    Voicemail(VoicemailArgs),
    /// Find the first broken hop between this machine and a service, and what to do about it
    Doctor(Box<DoctorArgs>),
    /// Microphones, speakers, cameras, screens and windows
    Devices {
        /// What about them.
        #[command(subcommand)]
        command: DevicesCommand,
    },
    /// Measure
    Bench {
        /// What to measure.
        #[command(subcommand)]
        command: BenchCommand,
    },
}

/// `sidetone serve`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sidetone serve
      on this machine only, everything in memory, tokens for programs on this machine
  sidetone serve --bind 0.0.0.0:7480 --data-dir /var/lib/sidetone --dev-tokens off --json-logs
      for others, behind a proxy that speaks TLS; tokens by `sidetone token --data-dir`
  SIDETONE_TURN_SECRET=… sidetone serve --stun stun:turn.example:3478 --turn turn:turn.example:3478
      with relays for clients behind strict firewalls: coturn with `use-auth-secret` and the same secret")]
pub struct ServeArgs {
    /// Address to listen on; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7480")]
    pub bind: SocketAddr,
    /// Folder for the signing key and call records; in memory without
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Who may ask the service for a token for any identity
    #[arg(long, value_enum, default_value = "loopback")]
    pub dev_tokens: DevTokens,
    /// Key of the API for the operator, at least 32 characters; without, one is made at the first start and shown once
    #[arg(
        long,
        value_name = "KEY",
        env = "SIDETONE_OPERATOR_KEY",
        hide_env_values = true
    )]
    pub operator_key: Option<String>,
    /// How organisations are approved
    #[arg(long, value_enum, default_value = "automatic")]
    pub approval: Approval,
    /// Name of the cloud that this deployment is
    #[arg(long, value_name = "NAME", default_value = "public")]
    pub cloud: Label,
    /// Another cloud whose organisations and resources may deal with this one's. May be given several times
    #[arg(long, value_name = "NAME")]
    pub trust_cloud: Vec<Label>,
    /// Requests that one key may send to the API in a second
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub api_requests_per_second: u32,
    /// How long a call rings
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "60s")]
    pub no_answer: Duration,
    /// How long call records are kept
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30days")]
    pub keep_records: Duration,
    /// How long voice messages are kept
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30days")]
    pub keep_voicemail: Duration,
    /// How long a client that lost its connection is waited for
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "120s")]
    pub resume_window: Duration,
    /// Reverse proxy in front, whose X-Forwarded-For is believed. May be given several times
    #[arg(long, value_name = "IP")]
    pub trusted_proxy: Vec<IpAddr>,
    /// Send events to, and ask identity providers in, private networks too (RFC 1918, RFC 4193). Whoever may name an
    /// address can then reach what answers there over TLS
    #[arg(long)]
    pub reach_private_networks: bool,
    /// The same for this machine, over plain HTTP too. For development
    #[arg(long)]
    pub reach_loopback: bool,
    /// Have files in chats looked through before anybody can fetch them: each is sent to this address, which answers
    /// {"verdict": "clean"}, "refused" or "pending"
    #[arg(long, value_name = "URL")]
    pub scan_files: Option<String>,
    /// With what these requests are signed, as webhooks are
    #[arg(
        long,
        value_name = "SECRET",
        env = "SIDETONE_SCAN_SECRET",
        hide_env_values = true
    )]
    pub scan_secret: Option<String>,
    /// How long such an answer may take
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    pub scan_timeout: Duration,
    /// Give files out where no answer comes; they are withheld without
    #[arg(long, requires = "scan_files")]
    pub scan_fail_open: bool,
    /// Have the addresses in chat messages looked up: this address is sent {"thread", "message", "urls"} and answers
    /// {"previews": [{"url", "title", "description", "image": {"contentType", "data"}}]}. The service itself fetches none
    #[arg(long, value_name = "URL")]
    pub preview_links: Option<String>,
    /// Have chat messages translated for who asks: this address is sent {"thread", "message", "to", "type", "text"} and
    /// answers {"text", "from"}
    #[arg(long, value_name = "URL")]
    pub translate_messages: Option<String>,
    /// With what the requests to these two are signed, as webhooks are
    #[arg(
        long,
        value_name = "SECRET",
        env = "SIDETONE_CHAT_HOOK_SECRET",
        hide_env_values = true
    )]
    pub chat_hook_secret: Option<String>,
    /// How long their answers may take
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    pub chat_hook_timeout: Duration,
    /// How seconds of use become minutes on reports
    #[arg(long, value_enum, default_value = "second")]
    pub usage_rounding: UsageRounding,
    /// STUN server for clients: stun:HOST[:PORT]. May be given several times
    #[arg(long, value_name = "URL")]
    pub stun: Vec<String>,
    /// TURN server for clients, which shares the secret below: turn:HOST[:PORT]. May be given several times
    #[arg(long, value_name = "URL", requires = "turn_secret")]
    pub turn: Vec<String>,
    /// What coturn calls static-auth-secret: each session gets TURN credentials of its own, good as long as its token
    #[arg(
        long,
        value_name = "SECRET",
        env = "SIDETONE_TURN_SECRET",
        hide_env_values = true
    )]
    pub turn_secret: Option<String>,
    /// Address at which media of meetings and group calls is received; port 0 takes any free one, otherwise each thread
    /// takes the next
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub media_bind: SocketAddr,
    /// Address that clients are told to send media to, where it is another: the public one. May be given several times,
    /// the best first
    #[arg(long, value_name = "IP")]
    pub media_advertise: Vec<IpAddr>,
    /// Threads that forward media
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub media_threads: u16,
    /// Voices that each participant of a meeting is sent at a time, where the meeting says nothing else
    #[arg(long, value_name = "COUNT", default_value_t = 6, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub voices: u8,
    /// Most voices that a meeting may choose to have
    #[arg(long, value_name = "COUNT", default_value_t = 16, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub most_voices: u8,
    /// What links of meetings begin with: a page of yours that opens a client
    #[arg(long, value_name = "URL", default_value = "sidetone:meet/")]
    pub meeting_links: String,
    /// Tell an OpenTelemetry collector about calls and metrics: its base address for OTLP over HTTP
    #[cfg(feature = "otlp")]
    #[arg(long, value_name = "URL")]
    pub otlp: Option<sidetone_telemetry::Collector>,
    /// How often it is told
    #[cfg(feature = "otlp")]
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    pub otlp_every: Duration,
    /// Log as JSON, one object a line
    #[arg(long)]
    pub json_logs: bool,
    /// Print where it listens as JSON
    #[arg(long)]
    pub json: bool,
}

/// How seconds of use become minutes on reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum UsageRounding {
    /// Not rounded: half a minute is 0.5
    Second,
    /// Every stay in a call up to whole minutes
    MinuteOfStay,
    /// The sum of the report up to whole minutes
    MinuteOfReport,
}

/// How organisations are approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Approval {
    /// By being made; the operator may still refuse one
    Automatic,
    /// By the operator, one by one: `sidetone admin organisations approve`
    Manual,
}

/// Who may ask for development tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DevTokens {
    /// Nobody
    Off,
    /// Programs on the service's machine
    Loopback,
    /// Anyone who reaches the service: only on a network you own
    Anyone,
}

/// `sidetone token`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sidetone token --identity external:dev:alice
      from the service on this machine
  sidetone token --identity member:acme:ann --name Ann --lifetime 8h --data-dir /var/lib/sidetone
      from the signing key itself, while no service runs on that folder

The service is asked over plain HTTP: for one behind TLS, make the token where the service runs.")]
pub struct TokenArgs {
    /// For whom: external:RESOURCE:USER, member:ORGANISATION:USER or guest:VISIT
    #[arg(long, value_name = "ID")]
    pub identity: Identifier,
    /// Name shown to others
    #[arg(long)]
    pub name: Option<String>,
    /// How long it is valid, 1h to 24h; as long as allowed without
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub lifetime: Option<Duration>,
    /// Folder of the service's data
    #[arg(long, value_name = "DIR", conflicts_with = "server")]
    pub data_dir: Option<PathBuf>,
    /// The service to ask
    #[arg(
        long,
        value_name = "URL",
        env = "SIDETONE_SERVER",
        default_value = "http://127.0.0.1:7480"
    )]
    pub server: ServiceAddress,
    /// Print JSON, with the time at which it expires (seconds since 1970)
    #[arg(long)]
    pub json: bool,
}

/// `sidetone call`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sidetone call external:dev:bob --identity external:dev:alice
      with the default microphone and speaker, until either end hangs up
  sidetone call external:dev:bob --identity external:dev:alice --input speech --output null --duration 10s
      without sound cards
  sidetone call external:dev:bob --identity external:dev:alice --add external:dev:carol
      a group call of three, with a link by which others come
  sidetone call external:dev:bob --identity external:dev:alice --camera pattern --share screen
      with a test picture as the camera, showing the screen
  sidetone call external:dev:bob --identity external:dev:alice --share screen --share-sound system
      showing a film to somebody who hears it too: what other programs play
  sidetone call external:dev:bob --token \"$TOKEN\" --input question.wav --output reply.wav --json
      for scripts: one event a line, the statistics last")]
pub struct CallArgs {
    /// Whom to call: external:RESOURCE:USER, member:ORGANISATION:USER, …
    #[arg(value_name = "TO")]
    pub to: Identifier,
    /// Whom to bring in once it is connected, which makes a group call of it. May be given several times
    #[arg(long, value_name = "WHO")]
    pub add: Vec<Identifier>,
    /// How long to let it ring; the service's limit without
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub ring_for: Option<Duration>,
    /// Call as this member, who has let this identity do so
    #[arg(long, value_name = "MEMBER")]
    pub on_behalf_of: Option<Identifier>,
    /// What both commands share.
    #[command(flatten)]
    pub end: EndArgs,
    /// Its pictures.
    #[command(flatten)]
    pub video: PictureArgs,
}

/// `sidetone answer`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sidetone answer --identity external:dev:bob
      answers every call, one at a time, until Ctrl-C
  sidetone answer --once --after 2s --identity external:dev:bob --input speech --output heard.wav
      rings two seconds, then talks until the caller hangs up
  sidetone answer --once --identity external:dev:bob --share screen --share-sound system
      shows the caller the screen, and lets them hear what other programs play
  sidetone answer --once --identity external:dev:bob --output heard.wav --video-output seen.y4m
      keeps what is heard and what is seen
  sidetone answer --once --decline --identity external:dev:bob
      says no
  sidetone answer --pick-up --identity member:contoso:carol
      also takes what rings at colleagues of a pickup group
  sidetone answer --identity member:contoso:bob --transfer-to member:contoso:carol --transfer-after 5s
      hands every call over to Carol after five seconds")]
pub struct AnswerArgs {
    /// End after the first call
    #[arg(long)]
    pub once: bool,
    /// How long to let it ring before answering
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "0s")]
    pub after: Duration,
    /// Decline instead of answering
    #[arg(long)]
    pub decline: bool,
    /// Take calls that ring at colleagues of a pickup group, too
    #[arg(long, conflicts_with = "decline")]
    pub pick_up: bool,
    /// What both commands share.
    #[command(flatten)]
    pub end: EndArgs,
    /// Its pictures.
    #[command(flatten)]
    pub video: PictureArgs,
}

/// What an end of a call can be told.
#[derive(Args, Debug)]
pub struct EndArgs {
    /// The service
    #[arg(
        long,
        value_name = "URL",
        env = "SIDETONE_SERVER",
        default_value = "ws://127.0.0.1:7480"
    )]
    pub server: ServiceAddress,
    /// Who to be.
    #[command(flatten)]
    pub credential: CredentialArgs,
    /// Name shown to the other end
    #[arg(long)]
    pub name: Option<String>,
    /// Microphone: default, silence, tone[:HZ], speech (bundled recording), a WAV or FLAC file (played once), device:ID
    #[arg(long, value_name = "SOUND", default_value = "default")]
    pub input: InputChoice,
    /// Speaker: default, null, FILE.wav, device:ID
    #[arg(long, value_name = "SOUND", default_value = "default")]
    pub output: OutputChoice,
    /// Hang up this long after the call connected
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,
    /// Hand the call over once it is connected: to an identity, or to voicemail:IDENTITY
    #[arg(long, value_name = "TO", value_parser = transfer_target)]
    pub transfer_to: Option<TransferTarget>,
    /// How long after it connected to hand it over
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "0s", requires = "transfer_to")]
    pub transfer_after: Duration,
    /// Record the call to this file (.ogg or .wav), once it is connected; one that is there is replaced. Everyone in it
    /// is told
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Where the recording will be kept, for the event that tells of its file; who is sent events can read it
    #[arg(long, value_name = "URL", requires = "record")]
    pub record_location: Option<String>,
    /// Let nobody be heard before they have agreed to the recording
    #[arg(long, requires = "record")]
    pub ask_consent: bool,
    /// Agree to being recorded where that is asked for; the microphone stays off without
    #[arg(long)]
    pub consent: bool,
    /// Robustness against delay
    #[arg(long, value_enum, default_value = "balanced")]
    pub profile: ProfileName,
    /// Start with the microphone off
    #[arg(long)]
    pub muted: bool,
    /// No echo cancellation, noise suppression or gain control
    #[arg(long)]
    pub no_processing: bool,
    /// Tell the other end no addresses before the answer
    #[arg(long)]
    pub hide_addresses: bool,
    /// Send media through a TURN server only
    #[arg(long)]
    pub relay_only: bool,
    /// Local address for media, port 0 for any; every interface without. May be given several times
    #[arg(long, value_name = "ADDRESS")]
    pub media_bind: Vec<SocketAddr>,
    /// Print one JSON object a line for each event; the statistics of a call are its last
    #[arg(long)]
    pub json: bool,
}

/// How to trade delay, rate and robustness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProfileName {
    /// 20 ms frames with redundancy
    Balanced,
    /// 10 ms frames, 14 ms less delay, more bits
    LowLatency,
}

/// What about devices.
#[derive(Debug, Subcommand)]
pub enum DevicesCommand {
    /// List microphones, speakers, cameras, screens and windows
    #[command(after_help = "\
Examples:
  sidetone devices list
  sidetone call external:dev:bob --identity external:dev:alice --input device:alsa:front --output device:alsa:front
  sidetone call external:dev:bob --identity external:dev:alice --share window:0x1c00007")]
    List {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Tell which microphones and speakers come and go, until it is interrupted
    #[command(after_help = "\
Examples:
  sidetone devices watch
  sidetone devices watch --json --duration 1m")]
    Watch {
        /// Print one line of JSON for each
        #[arg(long)]
        json: bool,
        /// End after this time
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        duration: Option<Duration>,
    },
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Place a real call between two engines on this machine and measure it
    Loopback(Box<LoopbackArgs>),
    /// Send speech over emulated bad networks in virtual time, and write what is heard
    Voice(Box<VoiceArgs>),
    /// Put the voice processing in rooms of virtual time, and measure what it removes
    Echo(Box<EchoArgs>),
    /// Fill meetings with headless participants and measure the service that forwards between them
    Meeting(Box<MeetingArgs>),
    /// Show a camera from one end to the other over emulated networks, and measure what is seen
    Video(Box<VideoArgs>),
    /// Share a screen from one end to the other over emulated networks, and measure what is seen
    Screen(Box<ScreenArgs>),
    /// One end of the measured call, told what to do on standard input
    #[command(hide = true)]
    End,
}

/// A length of time such as `10s`, `1m 30s` or `250ms`.
pub fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error} (such as 10s, 250ms or 1m30s)"))
}

/// To whom a call is handed over: `voicemail:IDENTITY`, or an identity.
fn transfer_target(text: &str) -> Result<TransferTarget, String> {
    let identity = |text: &str| text.parse().map_err(|error| format!("{error}"));
    match text.strip_prefix("voicemail:") {
        Some(of) => identity(of).map(TransferTarget::Voicemail),
        None => identity(text).map(TransferTarget::Identity),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_examples() {
        fn check(command: &clap::Command) {
            let subcommands: Vec<_> = command
                .get_subcommands()
                .filter(|c| !c.is_hide_set() && c.get_name() != "help")
                .collect();
            if subcommands.is_empty() {
                let help = command
                    .get_after_help()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                assert!(
                    help.contains("Examples:\n  sidetone"),
                    "{} has no example",
                    command.get_name()
                );
            }
            subcommands.into_iter().for_each(check);
        }
        check(&Cli::command());
    }

    #[test]
    fn somebody_has_to_be_named() {
        let parse = |line: &str| Cli::try_parse_from(line.split(' '));
        assert!(parse("sidetone call external:dev:bob").is_err());
        assert!(parse("sidetone call external:dev:bob --token t --identity external:dev:a").is_err());
        assert!(parse("sidetone call nobody --token t").is_err());
        assert!(parse("sidetone call external:dev:bob --token t --duration 10").is_err());
        assert!(parse("sidetone call external:dev:bob --token t --duration 1m30s").is_ok());
        assert!(
            parse("sidetone call external:dev:bob --token t --transfer-to voicemail:member:acme:ann").is_ok()
        );
        assert!(parse("sidetone call external:dev:bob --token t --transfer-to voicemail:ann").is_err());
        assert!(parse("sidetone call external:dev:bob --token t --transfer-after 1s").is_err());
        assert!(parse("sidetone token --identity external:dev:a --data-dir d --server http://a").is_err());
    }
}
