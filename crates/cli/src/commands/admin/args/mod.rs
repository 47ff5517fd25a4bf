//! What `sidetone admin` can be asked for, as types.

mod directory;
mod tenants;
mod voicemail;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use sidetone_organisation::OrganisationId;

pub use self::directory::{
    ApplicationKind, ApplicationsCommand, GroupsCommand, MemberArgs, MembersCommand, Mode,
};
pub use self::tenants::{
    FederationCommand, KeysCommand, OrganisationsCommand, Owner, PolicyCommand, ResourceCommand, Slot, Which,
};
pub use self::voicemail::{GreetingCommand, VoicemailCommand, Whose};
pub use super::accounts::args::{CallsCommand, EventsCommand, UsageArgs};
use super::switches::SwitchesCommand;
use crate::address::ServiceAddress;

/// `sidetone admin`.
#[derive(Args, Debug)]
#[command(after_help = "\
Environment:
  SIDETONE_SERVER      address of the service
  SIDETONE_ADMIN_KEY   API key or access token; keeps it out of the list of processes
  SIDETONE_ADMIN_FILE  file that `connect` writes and the other commands read")]
pub struct AdminArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: AdminCommand,
    /// Where, and as whom.
    #[command(flatten)]
    pub service: ServiceArgs,
}

/// Where the service is, and as whom to speak to it. What is not given is as `connect` stored it.
#[derive(Args, Clone, Debug)]
pub struct ServiceArgs {
    /// The service; as connected, or the one on this machine without
    #[arg(long, global = true, value_name = "URL", env = "SIDETONE_SERVER")]
    pub server: Option<ServiceAddress>,
    /// API key, or access token of a member; as connected without
    #[arg(
        long,
        global = true,
        value_name = "KEY",
        env = "SIDETONE_ADMIN_KEY",
        hide_env_values = true
    )]
    pub key: Option<String>,
    /// Trust the certificates in this PEM file and no others
    #[arg(long, global = true, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Send the key over plain HTTP to another machine, where everybody between can read it
    #[arg(long, global = true)]
    pub insecure_http: bool,
    /// Print JSON, as the service answers
    #[arg(long, global = true)]
    pub json: bool,
}

/// What can be administered.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Sign in to a service with a key, and remember both
    #[command(after_help = "\
Examples:
  sidetone admin connect
      to the service on this machine; asks for the key without showing it
  sidetone admin connect --server https://calls.example")]
    Connect,
    /// Forget service and key
    #[command(after_help = "\
Examples:
  sidetone admin disconnect")]
    Disconnect,
    /// Versions of this tool and of the service, and as whom it knows you
    #[command(after_help = "\
Examples:
  sidetone admin status
  sidetone admin status --json")]
    Status,
    /// What the service can do, and how far that can be relied on
    #[command(after_help = "\
Examples:
  sidetone admin capabilities")]
    Capabilities,
    /// Organisations: list, make, approve, refuse
    #[command(subcommand, visible_alias = "organisation")]
    Organisations(OrganisationsCommand),
    /// Whether external users may deal with an organisation, and of which resources
    #[command(subcommand)]
    Federation(FederationCommand),
    /// External-access policies of an organisation
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Groups of members
    #[command(subcommand)]
    Groups(GroupsCommand),
    /// Members of an organisation
    #[command(subcommand, visible_alias = "user")]
    Members(MembersCommand),
    /// Voice applications of an organisation
    #[command(subcommand)]
    Applications(ApplicationsCommand),
    /// Messages that callers left for members, and what callers are greeted with
    #[command(subcommand)]
    Voicemail(VoicemailCommand),
    /// Resources: what applications belong to
    #[command(subcommand, visible_alias = "resources")]
    Resource(ResourceCommand),
    /// API keys
    #[command(subcommand)]
    Keys(KeysCommand),
    /// How much was used in a month, and who is charged for it
    #[command(after_help = "\
Examples:
  sidetone admin usage --month 2026-03
  sidetone admin usage --month 2026-03 --format csv
  sidetone admin usage --month 2026-03 --records --json")]
    Usage(UsageArgs),
    /// Records of calls, and the calls of the moment
    #[command(subcommand)]
    Calls(CallsCommand),
    /// Calling events, and where they are sent
    #[command(subcommand)]
    Events(EventsCommand),
    /// Which limits hold, for an organisation or a resource
    #[command(subcommand)]
    Switches(SwitchesCommand),
    /// Who changed what, and when
    #[command(after_help = "\
Examples:
  sidetone admin audit
      of your key's organisation or resource; of the whole deployment for its operator
  sidetone admin audit --organisation contoso --json")]
    Audit(AuditArgs),
    /// Copy everything the service keeps to a file, while it runs
    #[command(after_help = "\
Examples:
  sidetone admin backup 2026-03-01.redb
      as the operator; the file must not exist, and holds the signing keys: keep it as safe as the service
  mkdir restored && cp 2026-03-01.redb restored/sidetone.redb && sidetone serve --data-dir restored
      the service as it was then")]
    Backup(BackupArgs),
}

/// Which organisation.
#[derive(Args, Clone, Debug)]
pub struct Of {
    /// The organisation; the one of your key without
    #[arg(long, short, value_name = "ID")]
    pub organisation: Option<OrganisationId>,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// Yes
    On,
    /// No
    Off,
}

impl Switch {
    /// As the service has it.
    pub fn is_on(self) -> bool {
        self == Self::On
    }
}

/// `sidetone admin audit`.
#[derive(Args, Debug)]
pub struct AuditArgs {
    /// Whose.
    #[command(flatten)]
    pub owner: Owner,
    /// Only entries behind this number
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub after: u64,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    pub limit: usize,
}

/// `sidetone admin backup`.
#[derive(Args, Debug)]
pub struct BackupArgs {
    /// Where to; nothing may be there
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}
