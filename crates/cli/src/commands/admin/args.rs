//! What `sidetone admin` can be asked for, as types.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use sidetone_organisation::{ApplicationId, GroupId, MemberId, OrganisationId, PolicyName, ResourceId};

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

/// When people are asked before they are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Consent {
    /// In every call
    Always,
    /// Where who records wants it
    WhereWanted,
}

impl Consent {
    /// As the service has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::WhereWanted => "whereWanted",
        }
    }
}

/// `sidetone admin organisations`.
#[derive(Debug, Subcommand)]
pub enum OrganisationsCommand {
    /// List those that you may see
    #[command(after_help = "\
Examples:
  sidetone admin organisations list")]
    List,
    /// Show one
    #[command(after_help = "\
Examples:
  sidetone admin organisations show contoso")]
    Show {
        /// Which.
        id: OrganisationId,
    },
    /// Make one, and show the keys of its administrators
    #[command(after_help = "\
Examples:
  sidetone admin organisations create contoso --name 'Contoso Ltd'")]
    Create {
        /// Its id, as in member:ID:MEMBER
        id: OrganisationId,
        /// Name shown to people
        #[arg(long)]
        name: String,
        /// A household or one person, not a business
        #[arg(long)]
        personal: bool,
    },
    /// Approve one: it may deal with external users
    #[command(after_help = "\
Examples:
  sidetone admin organisations approve contoso")]
    Approve {
        /// Which.
        id: OrganisationId,
    },
    /// Refuse one
    #[command(after_help = "\
Examples:
  sidetone admin organisations refuse contoso --reason 'no contract'")]
    Refuse {
        /// Which.
        id: OrganisationId,
        /// For its administrators
        #[arg(long)]
        reason: String,
    },
    /// Change a name
    #[command(after_help = "\
Examples:
  sidetone admin organisations rename contoso 'Contoso & Sons'")]
    Rename {
        /// Which.
        id: OrganisationId,
        /// The new name
        name: String,
    },
    /// Choose whether people are asked before they are recorded
    #[command(after_help = "\
Examples:
  sidetone admin organisations set contoso --recording-consent always")]
    Set {
        /// Which.
        id: OrganisationId,
        /// When people are asked before a call of the members is recorded or transcribed
        #[arg(long, value_enum)]
        recording_consent: Consent,
    },
    /// Delete one with everything in it
    #[command(after_help = "\
Examples:
  sidetone admin organisations delete contoso")]
    Delete {
        /// Which.
        id: OrganisationId,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

/// `sidetone admin federation`.
#[derive(Debug, Subcommand)]
pub enum FederationCommand {
    /// Show the configuration
    #[command(after_help = "\
Examples:
  sidetone admin federation show")]
    Show {
        /// Whose.
        #[command(flatten)]
        of: Of,
    },
    /// Change the configuration
    #[command(after_help = "\
Examples:
  sidetone admin federation set --external-users on --allow 0f8fad5bd9cb469fa16570867728950e
  sidetone admin federation set --disallow 0f8fad5bd9cb469fa16570867728950e")]
    #[command(group = clap::ArgGroup::new("what").required(true).multiple(true)
        .args(["external_users", "allow", "disallow"]))]
    Set {
        /// Whose.
        #[command(flatten)]
        of: Of,
        /// Whether external users may deal with the organisation at all
        #[arg(long, value_enum)]
        external_users: Option<Switch>,
        /// Put a resource on the allow-list, by its immutable id. May be given several times
        #[arg(long, value_name = "RESOURCE")]
        allow: Vec<ResourceId>,
        /// Take a resource off the allow-list. May be given several times
        #[arg(long, value_name = "RESOURCE")]
        disallow: Vec<ResourceId>,
    },
}

/// `sidetone admin policy`.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// List them
    #[command(after_help = "\
Examples:
  sidetone admin policy list")]
    List {
        /// Whose.
        #[command(flatten)]
        of: Of,
    },
    /// Make or change one; `global` holds for everybody without another
    #[command(after_help = "\
Examples:
  sidetone admin policy set global --federation-access on
  sidetone admin policy set support-staff --federation-access on")]
    Set {
        /// Its name
        name: PolicyName,
        /// Whose.
        #[command(flatten)]
        of: Of,
        /// Whether external users may call those it is assigned to
        #[arg(long, value_enum)]
        federation_access: Switch,
    },
    /// Assign one to a member, or take the assignment back
    #[command(after_help = "\
Examples:
  sidetone admin policy assign ann support-staff
  sidetone admin policy assign ann
      back to the group's policy, or the global one")]
    Assign {
        /// The member
        member: MemberId,
        /// The policy; none without
        policy: Option<PolicyName>,
        /// Whose.
        #[command(flatten)]
        of: Of,
    },
    /// Delete one that is assigned to nobody
    #[command(after_help = "\
Examples:
  sidetone admin policy delete support-staff")]
    Delete {
        /// Its name
        name: PolicyName,
        /// Whose.
        #[command(flatten)]
        of: Of,
    },
}

/// `sidetone admin groups`.
#[derive(Debug, Subcommand)]
pub enum GroupsCommand {
    /// List them
    #[command(after_help = "\
Examples:
  sidetone admin groups list")]
    List {
        /// Whose.
        #[command(flatten)]
        of: Of,
    },
    /// Make or replace one
    #[command(after_help = "\
Examples:
  sidetone admin groups set sales --name Sales --pickup")]
    Set {
        /// Its id
        id: GroupId,
        /// Whose.
        #[command(flatten)]
        of: Of,
        /// Name shown to people
        #[arg(long)]
        name: String,
        /// Policy of members who have none of their own
        #[arg(long)]
        policy: Option<PolicyName>,
        /// Which policy wins for a member of several groups: the one of the lowest rank
        #[arg(long, default_value_t = 0)]
        rank: u32,
        /// Its members may pick up each other's ringing calls
        #[arg(long)]
        pickup: bool,
    },
    /// Delete one that nobody is in
    #[command(after_help = "\
Examples:
  sidetone admin groups delete sales")]
    Delete {
        /// Its id
        id: GroupId,
        /// Whose.
        #[command(flatten)]
        of: Of,
    },
}

/// `sidetone admin members`.
#[derive(Debug, Subcommand)]
pub enum MembersCommand {
    /// List them, or those whose name, id or attributes hold every word
    #[command(after_help = "\
Examples:
  sidetone admin members list
  sidetone admin members list anna sales")]
    List {
        /// What to look for
        words: Vec<String>,
        /// Whose.
        #[command(flatten)]
        of: Of,
    },
    /// Show one, with the policy that holds
    #[command(after_help = "\
Examples:
  sidetone admin members show ann")]
    Show {
        /// Its id
        id: MemberId,
        /// Whose.
        #[command(flatten)]
        of: Of,
    },
    /// Make one, or change what is given
    #[command(after_help = "\
Examples:
  sidetone admin members set ann --name 'Ann Lee' --group sales
  sidetone admin members set ann --administrator on")]
    Set(Box<MemberArgs>),
    /// Delete one
    #[command(after_help = "\
Examples:
  sidetone admin members delete ann")]
    Delete {
        /// Its id
        id: MemberId,
        /// Whose.
        #[command(flatten)]
        of: Of,
    },
    /// Import many from a CSV or JSON file of another directory
    #[command(after_help = "\
Examples:
  sidetone admin members import people.csv
      columns key and displayName; id, mode, policy, groups (a b c) where given; any other is an attribute
  sidetone admin members import people.json
      [{\"key\": \"uid=ann\", \"displayName\": \"Ann\", \"attributes\": {\"department\": \"Sales\"}}]

The key is the other directory's own for the entry: the next import finds the same member by it.")]
    Import {
        /// The file: *.csv or *.json
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Whose.
        #[command(flatten)]
        of: Of,
    },
}

/// `sidetone admin members set`.
#[derive(Args, Debug)]
pub struct MemberArgs {
    /// Its id, the directory's object id
    pub id: MemberId,
    /// Whose.
    #[command(flatten)]
    pub of: Of,
    /// Name that everybody sees
    #[arg(long)]
    pub name: Option<String>,
    /// Which clients the member uses
    #[arg(long, value_enum)]
    pub mode: Option<Mode>,
    /// Policy assigned to the member itself
    #[arg(long)]
    pub policy: Option<PolicyName>,
    /// A group it is in, instead of those so far. May be given several times
    #[arg(long = "group", value_name = "GROUP")]
    pub groups: Vec<GroupId>,
    /// Whether it may configure the organisation
    #[arg(long, value_enum)]
    pub administrator: Option<Switch>,
}

/// Which clients a member uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Only clients of this service
    NativeOnly,
    /// Also an older system
    Legacy,
}

/// `sidetone admin applications`.
#[derive(Debug, Subcommand)]
pub enum ApplicationsCommand {
    /// List them
    #[command(after_help = "\
Examples:
  sidetone admin applications list")]
    List {
        /// Whose.
        #[command(flatten)]
        of: Of,
    },
    /// Make or replace one
    #[command(after_help = "\
Examples:
  sidetone admin applications set support --name Support --kind queue --agent ann --agent bob")]
    Set {
        /// Its id, as in application:ORGANISATION:ID
        id: ApplicationId,
        /// Whose.
        #[command(flatten)]
        of: Of,
        /// Name shown to people
        #[arg(long)]
        name: String,
        /// What it does
        #[arg(long, value_enum)]
        kind: ApplicationKind,
        /// Policy that decides whether external users may call it
        #[arg(long)]
        policy: Option<PolicyName>,
        /// A member who is rung for it. May be given several times
        #[arg(long = "agent", value_name = "MEMBER")]
        agents: Vec<MemberId>,
    },
    /// Issue an access token, with which the application goes online
    #[command(after_help = "\
Examples:
  sidetone admin applications token voicemail
  sidetone voicemail --token \"$(sidetone admin applications token voicemail)\"")]
    Token {
        /// Its id
        id: ApplicationId,
        /// Whose.
        #[command(flatten)]
        of: Of,
        /// How long it is valid, in minutes, 60 to 1440; a day without
        #[arg(long, value_name = "MINUTES")]
        minutes: Option<u32>,
    },
    /// Take back every access token issued so far
    #[command(after_help = "\
Examples:
  sidetone admin applications revoke voicemail")]
    Revoke {
        /// Its id
        id: ApplicationId,
        /// Whose.
        #[command(flatten)]
        of: Of,
    },
    /// Delete one
    #[command(after_help = "\
Examples:
  sidetone admin applications delete support")]
    Delete {
        /// Its id
        id: ApplicationId,
        /// Whose.
        #[command(flatten)]
        of: Of,
    },
}

/// `sidetone admin voicemail`.
#[derive(Debug, Subcommand)]
pub enum VoicemailCommand {
    /// List the messages in a mailbox, the newest first
    #[command(after_help = "\
Examples:
  sidetone admin voicemail list
      your own, with your access token as the key
  sidetone admin voicemail list --member ann --json")]
    List {
        /// Whose.
        #[command(flatten)]
        of: Whose,
    },
    /// Save the sound of a message, Ogg Opus
    #[command(after_help = "\
Examples:
  sidetone admin voicemail fetch 7c9e6679-7425-40de-944b-e07fc1f90ae7 --member ann --file message.ogg")]
    Fetch {
        /// Which, as listed
        message: uuid::Uuid,
        /// The file; the message's id with .ogg without
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// Whose.
        #[command(flatten)]
        of: Whose,
    },
    /// Mark a message as heard
    #[command(after_help = "\
Examples:
  sidetone admin voicemail heard 7c9e6679-7425-40de-944b-e07fc1f90ae7
  sidetone admin voicemail heard 7c9e6679-7425-40de-944b-e07fc1f90ae7 --not
      as not heard")]
    Heard {
        /// Which, as listed
        message: uuid::Uuid,
        /// As not heard
        #[arg(long)]
        not: bool,
        /// Whose.
        #[command(flatten)]
        of: Whose,
    },
    /// Delete a message and its sound
    #[command(after_help = "\
Examples:
  sidetone admin voicemail delete 7c9e6679-7425-40de-944b-e07fc1f90ae7 --member ann")]
    Delete {
        /// Which, as listed
        message: uuid::Uuid,
        /// Whose.
        #[command(flatten)]
        of: Whose,
    },
    /// What callers are greeted with: a member's greeting, or the organisation's
    #[command(subcommand)]
    Greeting(GreetingCommand),
}

/// `sidetone admin voicemail greeting`.
#[derive(Debug, Subcommand)]
pub enum GreetingCommand {
    /// Set one: an Ogg Opus file of at most 384 KiB
    #[command(after_help = "\
Examples:
  sidetone admin voicemail greeting set hello.opus --member ann
  sidetone admin voicemail greeting set office.opus
      of the organisation, with its key: for members who have none")]
    Set {
        /// The file
        file: PathBuf,
        /// Whose.
        #[command(flatten)]
        of: Whose,
    },
    /// Save one
    #[command(after_help = "\
Examples:
  sidetone admin voicemail greeting fetch hello.opus --member ann")]
    Fetch {
        /// The file to write
        file: PathBuf,
        /// Whose.
        #[command(flatten)]
        of: Whose,
    },
    /// Delete one
    #[command(after_help = "\
Examples:
  sidetone admin voicemail greeting delete --member ann")]
    Delete {
        /// Whose.
        #[command(flatten)]
        of: Whose,
    },
}

/// Whose mailbox or greeting.
#[derive(Args, Clone, Debug)]
pub struct Whose {
    /// The member; the one of your token without
    #[arg(long, short, value_name = "ID")]
    pub member: Option<MemberId>,
    /// In which organisation.
    #[command(flatten)]
    pub of: Of,
}

/// What a voice application does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ApplicationKind {
    /// Greets callers and lets them choose
    Attendant,
    /// Lets callers wait for an agent
    Queue,
    /// A program that talks
    Bot,
    /// Records messages
    Voicemail,
}

/// `sidetone admin resource`.
#[derive(Debug, Subcommand)]
pub enum ResourceCommand {
    /// List those that you may see
    #[command(after_help = "\
Examples:
  sidetone admin resource list")]
    List,
    /// Show one; its id never changes
    #[command(after_help = "\
Examples:
  sidetone admin resource show
      the one of your key
  sidetone admin resource show --resource 0f8fad5bd9cb469fa16570867728950e --json")]
    Show {
        /// Which.
        #[command(flatten)]
        which: Which,
    },
    /// Make one, and show its keys
    #[command(after_help = "\
Examples:
  sidetone admin resource create 'Web shop' --origin https://shop.example")]
    Create {
        /// Name shown to people
        name: String,
        /// Web origin whose pages may use its tokens; any without. May be given several times
        #[arg(long = "origin", value_name = "ORIGIN")]
        origins: Vec<String>,
    },
    /// Change a name
    #[command(after_help = "\
Examples:
  sidetone admin resource rename 'Web shop EU'")]
    Rename {
        /// The new name
        name: String,
        /// Which.
        #[command(flatten)]
        which: Which,
    },
    /// Set the web origins whose pages may use its tokens; none given: any
    #[command(after_help = "\
Examples:
  sidetone admin resource origins https://shop.example https://test.shop.example")]
    Origins {
        /// All of them
        origins: Vec<String>,
        /// Which.
        #[command(flatten)]
        which: Which,
    },
    /// Delete one with all its users
    #[command(after_help = "\
Examples:
  sidetone admin resource delete --resource 0f8fad5bd9cb469fa16570867728950e")]
    Delete {
        /// Which.
        #[command(flatten)]
        which: Which,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

/// Which resource.
#[derive(Args, Clone, Debug)]
pub struct Which {
    /// The resource; the one of your key without
    #[arg(long, short, value_name = "ID")]
    pub resource: Option<ResourceId>,
}

/// `sidetone admin keys`.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// List keys by their names; secrets are never shown again
    #[command(after_help = "\
Examples:
  sidetone admin keys list
      your own
  sidetone admin keys list --organisation contoso")]
    List {
        /// Whose.
        #[command(flatten)]
        owner: Owner,
    },
    /// Make a new key; the one in its place is no longer good at once
    #[command(after_help = "\
Examples:
  sidetone admin keys rotate secondary
      then use it everywhere, then rotate the primary one
  sidetone admin keys rotate primary --resource 0f8fad5bd9cb469fa16570867728950e")]
    Rotate {
        /// Which of the two places
        #[arg(value_enum)]
        slot: Slot,
        /// Whose.
        #[command(flatten)]
        owner: Owner,
    },
}

/// Whose keys or audit log.
#[derive(Args, Clone, Debug)]
#[group(multiple = false)]
pub struct Owner {
    /// Those of an organisation's administrators
    #[arg(long, short, value_name = "ID")]
    pub organisation: Option<OrganisationId>,
    /// Those of a resource's owner
    #[arg(long, short, value_name = "ID")]
    pub resource: Option<ResourceId>,
}

/// Which of the two places of an owner's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Slot {
    /// The first
    Primary,
    /// The second
    Secondary,
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
