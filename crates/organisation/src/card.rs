//! The identity card of a caller: what everyone is shown of them, stamped by the service and the same everywhere
//! (spec table 1.2, R4, R69, R70, R109, L12). A card shows who someone is, not whether they may call.

use serde::{Deserialize, Serialize};
use sidetone_signaling::Identifier;
use utoipa::ToSchema;

use crate::name::{external_name, stamp, visible};
use crate::relation::{Insider, Outsider, Party, Person};
use crate::{EXTERNAL_SUFFIX, World};

/// Longest name of an identity that nobody declared, in characters.
const MAX_UNDECLARED_NAME: usize = 128;

/// What is shown of someone in a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Card {
    /// Their name, never blank. Of a member the directory's; of anyone from outside with `(External)` behind it.
    pub display_name: String,
    /// What kind of identity they have.
    pub kind: IdentityKind,
    /// The name of the organisation they belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// The name of the resource they come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Whether the name is the one that the organisation or resource has on record, and not one that the caller's
    /// program gave.
    pub verified: bool,
    /// Whether it says that it is a bot. One that does not say so looks as a person does.
    pub bot: bool,
}

/// What kind of identity someone has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum IdentityKind {
    /// A user of a resource.
    ExternalUser,
    /// A member of an organisation.
    Member,
    /// A voice application of an organisation.
    Application,
    /// Someone without an account.
    Guest,
    /// A telephone.
    Phone,
    /// A kind of a later version.
    Unknown,
}

impl IdentityKind {
    /// The kind of an identity.
    pub fn of(identity: &Identifier) -> Self {
        match identity {
            Identifier::ExternalUser { .. } => Self::ExternalUser,
            Identifier::Member { .. } => Self::Member,
            Identifier::Application { .. } => Self::Application,
            Identifier::Guest { .. } => Self::Guest,
            Identifier::Phone { .. } => Self::Phone,
            _ => Self::Unknown,
        }
    }

    /// Whether it comes from outside every organisation, and carries the suffix.
    pub fn is_external(self) -> bool {
        matches!(self, Self::ExternalUser | Self::Guest)
    }
}

impl World {
    /// The card of someone who calls, or takes part in a call. `wanted` is the name that their program gave: an
    /// external user's is taken (cleaned, and with the suffix), a member's is not.
    pub fn caller_card(&self, from: &Identifier, wanted: Option<&str>) -> Card {
        let kind = IdentityKind::of(from);
        match self.party(from) {
            Some(Party::Inside(Insider {
                tenant,
                who: Some(who),
            })) => {
                let name = match who {
                    Person::Member(member) => &member.display_name,
                    Person::Application(application) => &application.name,
                };
                Card {
                    display_name: name.clone(),
                    kind,
                    organisation: Some(tenant.organisation.name.clone()),
                    resource: None,
                    verified: true,
                    bot: false,
                }
            }
            Some(Party::Outside(outsider)) => external_card(kind, outsider, wanted),
            _ if kind.is_external() => external_card(kind, Outsider::unknown(), wanted),
            Some(Party::Inside(_) | Party::Stranger) | None => undeclared_card(kind, from, wanted),
        }
    }

    /// The card of `from` as `viewer` is shown it. The same for all, but for members of an organisation that chose
    /// to see no names of external users (L12).
    pub fn card_for(&self, viewer: &Identifier, from: &Identifier, wanted: Option<&str>) -> Card {
        let mut card = self.caller_card(from, wanted);
        if let Some(Party::Inside(insider)) = self.party(viewer)
            && card.kind.is_external()
            && !insider.tenant.organisation.switches.external_names.is_open()
        {
            card.display_name = EXTERNAL_SUFFIX.trim_matches(['(', ')']).to_owned();
        }
        card
    }
}

impl Outsider<'_> {
    fn unknown() -> Self {
        Self {
            holding: None,
            user: None,
            exists: false,
        }
    }
}

fn external_card(kind: IdentityKind, outsider: Outsider<'_>, wanted: Option<&str>) -> Card {
    let recorded = outsider
        .user
        .and_then(|user| external_name(user.display_name.as_deref()?));
    let resource = outsider.holding.map(|holding| &holding.resource.name);
    let wanted = wanted.and_then(external_name);
    let verified = recorded.is_some() && (wanted.is_none() || wanted == recorded);
    let name = wanted
        .or(recorded)
        .or_else(|| external_name(resource?))
        .unwrap_or_else(|| "Unnamed".to_owned());
    Card {
        display_name: stamp(&name),
        kind,
        organisation: None,
        resource: resource.cloned(),
        verified,
        bot: outsider.user.is_some_and(|user| user.bot),
    }
}

/// Of someone whom nobody declared there is only what they say.
fn undeclared_card(kind: IdentityKind, from: &Identifier, wanted: Option<&str>) -> Card {
    let name: Vec<char> = visible(wanted.unwrap_or_default().chars().take(MAX_UNDECLARED_NAME));
    let name: String = name.into_iter().collect();
    Card {
        display_name: if name.is_empty() { from.raw_id() } else { name },
        kind,
        organisation: None,
        resource: None,
        verified: false,
        bot: false,
    }
}
