//! Every operation of the service's faces, with the roles that may do it.

use super::{Role, Wanted};
use crate::{ApplicationId, MemberId, OrganisationId, ResourceId};

/// Whose records, events or usage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Everybody's.
    Deployment,
    /// Those of an organisation.
    Organisation(OrganisationId),
    /// Those of a resource.
    Resource(ResourceId),
}

/// Something that a caller wants to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Read or change what the operator decides for the whole deployment.
    ConfigureDeployment,
    /// Take a copy of everything, the signing keys included.
    BackUp,
    /// See how the service itself is.
    ReadHealth,
    /// Make a new signing key for tokens, and retire old ones.
    RotateSigningKeys,
    /// Make or revoke a key with the role of operator.
    ManageOperatorKeys,
    /// List the organisations.
    ListOrganisations,
    /// Make an organisation.
    CreateOrganisation,
    /// Approve or refuse an organisation.
    DecideOnOrganisation(OrganisationId),
    /// Delete an organisation.
    DeleteOrganisation(OrganisationId),
    /// Make or revoke a key with the role of administrator.
    ManageAdministratorKeys(OrganisationId),
    /// Read an organisation's name, state and switches.
    ReadOrganisation(OrganisationId),
    /// Change an organisation's name and switches.
    UpdateOrganisation(OrganisationId),
    /// Read the federation configuration.
    ReadFederation(OrganisationId),
    /// Change the federation configuration.
    SetFederation(OrganisationId),
    /// List and read external-access policies.
    ReadPolicies(OrganisationId),
    /// Make, change, assign and delete external-access policies.
    WritePolicies(OrganisationId),
    /// List and read groups.
    ReadGroups(OrganisationId),
    /// Make, change and delete groups.
    WriteGroups(OrganisationId),
    /// List and read voice applications.
    ReadApplications(OrganisationId),
    /// Make, change and delete voice applications.
    WriteApplications(OrganisationId),
    /// Issue a token for a voice application. One that runs renews its own.
    IssueApplicationTokens(OrganisationId, ApplicationId),
    /// Revoke the tokens of a voice application.
    RevokeApplicationTokens(OrganisationId),
    /// List, search and read members.
    ReadMembers(OrganisationId),
    /// Make, change, import and delete members.
    WriteMembers(OrganisationId),
    /// Read a member's routing rules and delegates.
    ReadRouting(OrganisationId, MemberId),
    /// Change a member's routing rules and delegates.
    WriteRouting(OrganisationId, MemberId),
    /// Leave a message in a member's mailbox.
    LeaveMessage(OrganisationId, MemberId),
    /// List and hear the messages in a member's mailbox.
    ReadMessages(OrganisationId, MemberId),
    /// Mark messages in a member's mailbox as heard, and delete them.
    WriteMessages(OrganisationId, MemberId),
    /// Hear what callers of a member are greeted with.
    ReadGreeting(OrganisationId, MemberId),
    /// Change what callers of a member are greeted with.
    WriteGreeting(OrganisationId, MemberId),
    /// Hear what callers are greeted with whose callee has no greeting.
    ReadCommonGreeting(OrganisationId),
    /// Change it.
    WriteCommonGreeting(OrganisationId),
    /// See where chat of an organisation or a resource is kept.
    ReadChatStorage(Scope),
    /// Put a hold on a chat of an organisation, or take it off.
    HoldChat(OrganisationId),
    /// Read which identity provider an organisation's members sign in at.
    ReadIdentityProvider(OrganisationId),
    /// Change it.
    SetIdentityProvider(OrganisationId),
    /// List the meetings in which one is named, and make some of one's own.
    ListMeetings(OrganisationId),
    /// Make a meeting that is this member's.
    CreateMeeting(OrganisationId, MemberId),
    /// Read a meeting, its link, and who is and was in it. These members are named in it.
    ReadMeeting(OrganisationId, Vec<MemberId>),
    /// Change a meeting, let people in, end it. These members organise it.
    ConductMeeting(OrganisationId, Vec<MemberId>),
    /// Watch an organisation's running calls.
    ReadLiveCalls(OrganisationId),
    /// List the resources.
    ListResources,
    /// Make a resource.
    CreateResource,
    /// Delete a resource.
    DeleteResource(ResourceId),
    /// Read a resource's id, name, origins and switches.
    ReadResource(ResourceId),
    /// Change a resource's name, origins and switches.
    UpdateResource(ResourceId),
    /// Rotate a resource's keys.
    ManageOwnerKeys(ResourceId),
    /// List and read identities.
    ReadIdentities(ResourceId),
    /// Make and delete identities.
    WriteIdentities(ResourceId),
    /// Issue tokens for identities.
    IssueTokens(ResourceId),
    /// Revoke tokens of identities.
    RevokeTokens(ResourceId),
    /// Exchange a member's sign-in for a token.
    ExchangeTokens(ResourceId),
    /// Read usage and its report.
    ReadUsage(Scope),
    /// Read call records and diagnostics.
    ReadRecords(Scope),
    /// Read event subscriptions and their state.
    ReadSubscriptions(Scope),
    /// Make, change and delete event subscriptions.
    WriteSubscriptions(Scope),
    /// Have events sent again.
    ReplayEvents(Scope),
    /// Read the audit.
    ReadAudit(Scope),
}

impl Operation {
    /// The roles of which any one may do it, the most usual first.
    pub fn wanted(&self) -> Vec<Wanted> {
        let operator = || Wanted::Role(Role::Operator);
        let administrator = |of: &OrganisationId| Wanted::Role(Role::Administrator(of.clone()));
        let owner = |of: &ResourceId| Wanted::Role(Role::Owner(of.clone()));
        let voicemail = |of: &OrganisationId| Wanted::Role(Role::Voicemail(of.clone()));
        let anyone = |of: &OrganisationId| Wanted::AnyMember(of.clone());
        match self {
            Self::ConfigureDeployment
            | Self::BackUp
            | Self::ReadHealth
            | Self::RotateSigningKeys
            | Self::ManageOperatorKeys
            | Self::ListOrganisations
            | Self::CreateOrganisation
            | Self::DecideOnOrganisation(_)
            | Self::DeleteOrganisation(_)
            | Self::ListResources
            | Self::CreateResource => vec![operator()],

            // Somebody must make the first key.
            Self::ManageAdministratorKeys(of) => vec![administrator(of), operator()],
            Self::ManageOwnerKeys(of) | Self::DeleteResource(of) => vec![owner(of), operator()],

            Self::ReadFederation(of)
            | Self::ReadPolicies(of)
            | Self::ReadGroups(of)
            | Self::ReadIdentityProvider(of)
            | Self::ReadLiveCalls(of) => vec![administrator(of), operator()],

            // What a member needs to find whom to call.
            Self::ReadOrganisation(of) | Self::ReadApplications(of) | Self::ReadMembers(of) => {
                vec![administrator(of), anyone(of), operator()]
            }

            Self::UpdateOrganisation(of)
            | Self::SetFederation(of)
            | Self::WritePolicies(of)
            | Self::WriteGroups(of)
            | Self::WriteApplications(of)
            | Self::RevokeApplicationTokens(of)
            | Self::WriteCommonGreeting(of)
            | Self::WriteMembers(of)
            | Self::SetIdentityProvider(of) => vec![administrator(of)],

            Self::ReadRouting(of, member) | Self::WriteRouting(of, member) => {
                let themselves = Wanted::Role(Role::Member(of.clone(), member.clone()));
                vec![administrator(of), themselves]
            }

            Self::ReadMessages(of, member)
            | Self::WriteMessages(of, member)
            | Self::WriteGreeting(of, member) => {
                let themselves = Wanted::Role(Role::Member(of.clone(), member.clone()));
                vec![themselves, administrator(of)]
            }
            Self::ReadGreeting(of, member) => {
                let themselves = Wanted::Role(Role::Member(of.clone(), member.clone()));
                vec![themselves, administrator(of), voicemail(of)]
            }
            Self::ListMeetings(of) => vec![administrator(of), anyone(of)],
            Self::CreateMeeting(of, member) => {
                let themselves = Wanted::Role(Role::Member(of.clone(), member.clone()));
                vec![themselves, administrator(of)]
            }
            Self::ReadMeeting(of, members) | Self::ConductMeeting(of, members) => {
                let named = |member: &MemberId| Wanted::Role(Role::Member(of.clone(), member.clone()));
                members.iter().map(named).chain([administrator(of)]).collect()
            }
            Self::LeaveMessage(of, _) => vec![voicemail(of)],
            Self::ReadCommonGreeting(of) => vec![administrator(of), anyone(of), voicemail(of)],
            Self::IssueApplicationTokens(of, application) => {
                let itself = Wanted::Role(Role::Application(of.clone(), application.clone()));
                vec![administrator(of), itself]
            }

            Self::ReadResource(of) => vec![owner(of), operator()],

            Self::UpdateResource(of)
            | Self::ReadIdentities(of)
            | Self::WriteIdentities(of)
            | Self::IssueTokens(of)
            | Self::RevokeTokens(of)
            | Self::ExchangeTokens(of) => vec![owner(of)],

            Self::HoldChat(of) => vec![administrator(of)],

            Self::ReadUsage(scope)
            | Self::ReadChatStorage(scope)
            | Self::ReadRecords(scope)
            | Self::ReadSubscriptions(scope)
            | Self::ReadAudit(scope) => match scope {
                Scope::Deployment => vec![operator()],
                Scope::Organisation(of) => vec![administrator(of), operator()],
                Scope::Resource(of) => vec![owner(of), operator()],
            },

            Self::WriteSubscriptions(scope) | Self::ReplayEvents(scope) => match scope {
                Scope::Deployment => vec![operator()],
                Scope::Organisation(of) => vec![administrator(of)],
                Scope::Resource(of) => vec![owner(of)],
            },
        }
    }

    /// What it is, in words, for people who were refused it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ConfigureDeployment => "configuring the deployment",
            Self::BackUp => "backing up",
            Self::ReadHealth => "reading the service's health",
            Self::RotateSigningKeys => "rotating the signing keys",
            Self::ManageOperatorKeys => "managing operator keys",
            Self::ListOrganisations => "listing organisations",
            Self::CreateOrganisation => "creating an organisation",
            Self::DecideOnOrganisation(_) => "approving or refusing an organisation",
            Self::DeleteOrganisation(_) => "deleting an organisation",
            Self::ManageAdministratorKeys(_) => "managing administrator keys",
            Self::ReadOrganisation(_) => "reading an organisation",
            Self::UpdateOrganisation(_) => "changing an organisation",
            Self::ReadFederation(_) => "reading the federation configuration",
            Self::SetFederation(_) => "changing the federation configuration",
            Self::ReadPolicies(_) => "reading policies",
            Self::WritePolicies(_) => "changing policies",
            Self::ReadGroups(_) => "reading groups",
            Self::WriteGroups(_) => "changing groups",
            Self::ReadApplications(_) => "reading voice applications",
            Self::WriteApplications(_) => "changing voice applications",
            Self::IssueApplicationTokens(..) => "issuing tokens for a voice application",
            Self::RevokeApplicationTokens(_) => "revoking tokens of a voice application",
            Self::ReadMembers(_) => "reading the directory",
            Self::WriteMembers(_) => "changing the directory",
            Self::ReadRouting(..) => "reading routing rules",
            Self::WriteRouting(..) => "changing routing rules",
            Self::LeaveMessage(..) => "leaving a voice message",
            Self::ReadMessages(..) => "hearing voice messages",
            Self::WriteMessages(..) => "changing voice messages",
            Self::ReadGreeting(..) => "hearing a greeting",
            Self::WriteGreeting(..) => "changing a greeting",
            Self::ReadCommonGreeting(_) => "hearing the organisation's greeting",
            Self::WriteCommonGreeting(_) => "changing the organisation's greeting",
            Self::ReadChatStorage(_) => "reading where chat is kept",
            Self::HoldChat(_) => "holding a chat",
            Self::ReadIdentityProvider(_) => "reading the identity provider",
            Self::SetIdentityProvider(_) => "changing the identity provider",
            Self::ListMeetings(_) => "listing meetings",
            Self::CreateMeeting(..) => "making a meeting",
            Self::ReadMeeting(..) => "reading a meeting",
            Self::ConductMeeting(..) => "changing a meeting",
            Self::ReadLiveCalls(_) => "watching running calls",
            Self::ListResources => "listing resources",
            Self::CreateResource => "creating a resource",
            Self::DeleteResource(_) => "deleting a resource",
            Self::ReadResource(_) => "reading a resource",
            Self::UpdateResource(_) => "changing a resource",
            Self::ManageOwnerKeys(_) => "managing resource keys",
            Self::ReadIdentities(_) => "reading identities",
            Self::WriteIdentities(_) => "changing identities",
            Self::IssueTokens(_) => "issuing tokens",
            Self::RevokeTokens(_) => "revoking tokens",
            Self::ExchangeTokens(_) => "exchanging tokens",
            Self::ReadUsage(_) => "reading usage",
            Self::ReadRecords(_) => "reading call records",
            Self::ReadSubscriptions(_) => "reading event subscriptions",
            Self::WriteSubscriptions(_) => "changing event subscriptions",
            Self::ReplayEvents(_) => "replaying events",
            Self::ReadAudit(_) => "reading the audit",
        }
    }
}
