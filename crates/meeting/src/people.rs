//! What meetings ask of whoever knows the people: whose meeting a number is, what holds for it, and who somebody is
//! who comes to it. The answers are given at once, from memory.

use sidetone_organisation::{
    Attendee, CallFeature, IdentityKind, MeetingId, MeetingKind, MeetingOptions, MeetingPolicy, MeetingRules,
    OrganisationId, Origin, RecordingConsent, Switches, World,
};
use sidetone_signaling::identifier::Label;
use sidetone_signaling::protocol::chat::ThreadId;
use sidetone_signaling::protocol::meeting::{PersonKind, Role};
use sidetone_signaling::{Identifier, Reason};

/// What holds in a meeting or group call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hall {
    /// Its rules.
    pub rules: MeetingRules,
    /// The switches of the organisation whose it is.
    pub switches: Switches,
    /// Everyone must agree before they are recorded.
    pub consent: bool,
}

impl Hall {
    /// What holds in a group call, which is no organisation's.
    pub fn group() -> Self {
        Self {
            rules: MeetingPolicy::default().rules(MeetingOptions::default()),
            switches: Switches::default(),
            consent: false,
        }
    }
}

/// What shows that somebody may knock.
#[derive(Clone, Copy)]
pub enum Secret<'a> {
    /// The key in the link.
    Key(&'a str),
    /// The passcode.
    Passcode(&'a str),
}

/// A meeting that somebody knocks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Whose it is.
    pub organisation: OrganisationId,
    /// Its organiser.
    pub organiser: Identifier,
    /// What kind it is.
    pub kind: MeetingKind,
    /// What it is about.
    pub subject: String,
    /// The key in its link, for those who are in.
    pub key: String,
    /// The conversation beside it.
    pub thread: Option<String>,
}

/// What somebody was named in a meeting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Naming {
    /// Organiser, co-organiser or presenter.
    pub role: Option<Role>,
    /// In whatever role.
    pub invited: bool,
}

/// A conversation that becomes a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Company {
    /// Who takes part besides the one who calls.
    pub others: Vec<Identifier>,
    /// What it is about.
    pub topic: String,
}

/// Looks people and meetings up.
pub trait People: Send {
    /// The meeting of a number, for whoever knows its secret. Takes as long for a wrong secret.
    fn locate(&self, id: &MeetingId, secret: Secret<'_>) -> Option<Located>;

    /// The meeting of a number, for the service itself.
    fn find(&self, id: &MeetingId) -> Option<Located>;

    /// What somebody was named in it.
    fn naming(&self, id: &MeetingId, identity: &Identifier) -> Naming;

    /// What holds in a meeting. None: it is gone.
    fn hall(&self, id: &MeetingId) -> Option<Hall>;

    /// Who comes to a meeting of this organisation.
    ///
    /// # Errors
    /// Why they may not even knock.
    fn attendee(
        &self,
        host: &OrganisationId,
        identity: &Identifier,
        wanted: &str,
    ) -> Result<Attendee, Reason>;

    /// Who takes part in a group call that `starter` began.
    fn caller(&self, starter: &Identifier, identity: &Identifier, wanted: &str) -> Attendee;

    /// Whether `identity` may come by its link to a group call that `starter` began.
    ///
    /// # Errors
    /// The refusal.
    fn may_join_group(&self, starter: &Identifier, identity: &Identifier) -> Result<(), Reason>;

    /// Whether `by` may ask `to` into a call.
    ///
    /// # Errors
    /// The refusal.
    fn may_add(&self, by: &Identifier, to: &Identifier) -> Result<(), Reason>;

    /// Whether somebody is told of people from outside: bots are where their organisation says so (L30), everyone else
    /// is.
    fn sees_external(&self, identity: &Identifier) -> bool;

    /// Whether a call between these two may become one of more (L3).
    ///
    /// # Errors
    /// The refusal.
    fn may_escalate(&self, one: &Identifier, other: &Identifier) -> Result<(), Reason>;

    /// Who is rung when `by` calls out of a conversation (L15).
    ///
    /// # Errors
    /// Why `by` may not. There are no conversations where nothing else is said.
    fn company(&self, by: &Identifier, thread: ThreadId) -> Result<Company, Reason> {
        let _ = (by, thread);
        Err(Reason::NO_SUCH_THREAD)
    }

    /// Whether somebody takes part in a conversation, and so is told that a call comes out of it.
    fn converses(&self, identity: &Identifier, thread: ThreadId) -> bool {
        let _ = (identity, thread);
        false
    }
}

impl People for World {
    fn locate(&self, id: &MeetingId, secret: Secret<'_>) -> Option<Located> {
        let (_, meeting) = self.meeting_by_number(id)?;
        let right = match secret {
            Secret::Key(key) => meeting.has_key(key),
            Secret::Passcode(passcode) => meeting.has_passcode(passcode),
        };
        right.then(|| self.find(id)).flatten()
    }

    fn find(&self, id: &MeetingId) -> Option<Located> {
        let (organisation, meeting) = self.meeting_by_number(id)?;
        Some(Located {
            organisation: organisation.clone(),
            organiser: Identifier::Member {
                organisation: organisation.label().clone(),
                user: meeting.organiser.label().clone(),
            },
            kind: meeting.kind,
            subject: meeting.subject.clone(),
            key: meeting.key.clone(),
            thread: meeting.thread.clone(),
        })
    }

    fn naming(&self, id: &MeetingId, identity: &Identifier) -> Naming {
        let Some((organisation, meeting)) = self.meeting_by_number(id) else {
            return Naming::default();
        };
        let organises = matches!(identity, Identifier::Member { organisation: of, user }
            if of == organisation.label() && user == meeting.organiser.label());
        let role = if organises {
            Some(Role::Organiser)
        } else if meeting.co_organisers.contains(identity) {
            Some(Role::CoOrganiser)
        } else if meeting.presenters.contains(identity) {
            Some(Role::Presenter)
        } else {
            None
        };
        Naming {
            role,
            invited: organises || meeting.invites(identity),
        }
    }

    fn hall(&self, id: &MeetingId) -> Option<Hall> {
        let (organisation, meeting) = self.meeting_by_number(id)?;
        let organisation = self.organisation(organisation)?;
        Some(Hall {
            rules: organisation.meetings.rules(meeting.options),
            switches: organisation.switches,
            consent: organisation.recording_consent == RecordingConsent::Always,
        })
    }

    fn attendee(
        &self,
        host: &OrganisationId,
        identity: &Identifier,
        wanted: &str,
    ) -> Result<Attendee, Reason> {
        World::attendee(self, host, identity, wanted).map_err(|refusal| refusal.reason)
    }

    fn caller(&self, starter: &Identifier, identity: &Identifier, wanted: &str) -> Attendee {
        let card = self.caller_card(identity, Some(wanted).filter(|wanted| !wanted.is_empty()));
        let origin = match (organisation_of(starter), organisation_of(identity)) {
            _ if card.kind.is_external() => Origin::External,
            (one, other) if one == other => Origin::Own,
            _ => Origin::Federated,
        };
        Attendee {
            display_name: card.display_name,
            kind: card.kind,
            origin,
        }
    }

    fn may_join_group(&self, starter: &Identifier, identity: &Identifier) -> Result<(), Reason> {
        World::may_join_group(self, starter, identity).map_err(|refusal| refusal.reason)
    }

    fn may_add(&self, by: &Identifier, to: &Identifier) -> Result<(), Reason> {
        self.may_call(by, to).map(drop).map_err(|refusal| refusal.reason)
    }

    fn sees_external(&self, identity: &Identifier) -> bool {
        let Identifier::Application { organisation, .. } = identity else {
            return true;
        };
        self.organisation(&organisation.clone().into())
            .is_none_or(|found| found.switches.bot_events.is_open())
    }

    fn may_escalate(&self, one: &Identifier, other: &Identifier) -> Result<(), Reason> {
        self.feature(CallFeature::Escalation, one, other)
            .map_err(|refusal| refusal.reason)
    }
}

fn organisation_of(identity: &Identifier) -> Option<&Label> {
    match identity {
        Identifier::Member { organisation, .. } | Identifier::Application { organisation, .. } => {
            Some(organisation)
        }
        _ => None,
    }
}

/// What kind of person this is, for the roster.
pub(crate) fn person_kind(kind: IdentityKind, application: Option<&Label>) -> PersonKind {
    match kind {
        IdentityKind::Member if application.is_some() => PersonKind::MemberByApplication,
        IdentityKind::Member => PersonKind::Member,
        IdentityKind::ExternalUser => PersonKind::ExternalUser,
        IdentityKind::Guest => PersonKind::Anonymous,
        IdentityKind::Application => PersonKind::Application,
        IdentityKind::Phone => PersonKind::Phone,
        IdentityKind::Unknown => PersonKind::Unknown,
    }
}
