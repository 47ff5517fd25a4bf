//! What can be asked for of those in an organisation: groups, members, voice applications.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use sidetone_organisation::{ApplicationId, GroupId, MemberId, PolicyName};

use super::{Of, Switch};

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
