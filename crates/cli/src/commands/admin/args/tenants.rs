//! What can be asked for of organisations and resources as a whole.

use clap::{Args, Subcommand, ValueEnum};
use sidetone_organisation::{MemberId, OrganisationId, PolicyName, ResourceId};

use super::{Of, Switch};

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
  sidetone admin organisations create contoso --name 'Contoso Ltd' --region eu")]
    Create {
        /// Its id, as in member:ID:MEMBER
        id: OrganisationId,
        /// Name shown to people
        #[arg(long)]
        name: String,
        /// A household or one person, not a business
        #[arg(long)]
        personal: bool,
        /// Where its chat is kept: the name of a region
        #[arg(long)]
        region: Option<String>,
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
    /// Choose whether people are asked before they are recorded, and what becomes of chat
    #[command(after_help = "\
Examples:
  sidetone admin organisations set contoso --recording-consent always
  sidetone admin organisations set contoso --region eu --keep-chat 7")]
    #[command(group = clap::ArgGroup::new("what").required(true).multiple(true)
        .args(["recording_consent", "region", "keep_chat", "hold_chat"]))]
    Set {
        /// Which.
        id: OrganisationId,
        /// When people are asked before a call of the members is recorded or transcribed
        #[arg(long, value_enum)]
        recording_consent: Option<Consent>,
        /// Where the chat that begins from now on is kept: the name of a region
        #[arg(long)]
        region: Option<String>,
        /// Days after which messages and all copies of them are deleted; `always` keeps them
        #[arg(long, value_name = "DAYS", value_parser = keep)]
        keep_chat: Option<Keep>,
        /// Whether nothing of chat is deleted for now, whatever else is said
        #[arg(long, value_enum)]
        hold_chat: Option<Switch>,
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
        /// Where copies of its users' chat messages are kept: the name of a region
        #[arg(long)]
        region: Option<String>,
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

/// How long something is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Until somebody deletes it.
    Always,
    /// So many days.
    Days(u32),
}

impl Keep {
    /// As the service has it.
    pub fn days(self) -> Option<u32> {
        match self {
            Self::Always => None,
            Self::Days(days) => Some(days),
        }
    }
}

fn keep(text: &str) -> Result<Keep, String> {
    match text {
        "always" => Ok(Keep::Always),
        days => days
            .parse()
            .map(Keep::Days)
            .map_err(|_| "expected a number of days, or `always`".to_owned()),
    }
}
