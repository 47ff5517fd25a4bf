//! Which role may do what, and that a refusal names the role that is missing.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use sidetone_organisation::access::{Operation, Role, Scope, Wanted, allowed};
use sidetone_organisation::*;
use support::*;

fn all(organisation: &str, resource: &str) -> Vec<Operation> {
    let organisation = || org(organisation);
    let resource = || -> ResourceId { resource.parse().unwrap() };
    let mia = || -> MemberId { "mia".parse().unwrap() };
    let mut all = vec![
        Operation::ConfigureDeployment,
        Operation::BackUp,
        Operation::ReadHealth,
        Operation::RotateSigningKeys,
        Operation::ManageOperatorKeys,
        Operation::ListOrganisations,
        Operation::CreateOrganisation,
        Operation::DecideOnOrganisation(organisation()),
        Operation::DeleteOrganisation(organisation()),
        Operation::ManageAdministratorKeys(organisation()),
        Operation::ReadOrganisation(organisation()),
        Operation::UpdateOrganisation(organisation()),
        Operation::ReadFederation(organisation()),
        Operation::SetFederation(organisation()),
        Operation::ReadPolicies(organisation()),
        Operation::WritePolicies(organisation()),
        Operation::ReadGroups(organisation()),
        Operation::WriteGroups(organisation()),
        Operation::ReadApplications(organisation()),
        Operation::WriteApplications(organisation()),
        Operation::IssueApplicationTokens(organisation(), "desk".parse().unwrap()),
        Operation::RevokeApplicationTokens(organisation()),
        Operation::ReadMembers(organisation()),
        Operation::WriteMembers(organisation()),
        Operation::ReadRouting(organisation(), mia()),
        Operation::WriteRouting(organisation(), mia()),
        Operation::LeaveMessage(organisation(), mia()),
        Operation::ReadMessages(organisation(), mia()),
        Operation::WriteMessages(organisation(), mia()),
        Operation::ReadGreeting(organisation(), mia()),
        Operation::WriteGreeting(organisation(), mia()),
        Operation::ReadCommonGreeting(organisation()),
        Operation::WriteCommonGreeting(organisation()),
        Operation::ReadIdentityProvider(organisation()),
        Operation::SetIdentityProvider(organisation()),
        Operation::ReadLiveCalls(organisation()),
        Operation::ListMeetings(organisation()),
        Operation::CreateMeeting(organisation(), mia()),
        Operation::ReadMeeting(organisation(), vec![mia()]),
        Operation::ConductMeeting(organisation(), vec![mia()]),
        Operation::ListResources,
        Operation::CreateResource,
        Operation::DeleteResource(resource()),
        Operation::ReadResource(resource()),
        Operation::UpdateResource(resource()),
        Operation::ManageOwnerKeys(resource()),
        Operation::ReadIdentities(resource()),
        Operation::WriteIdentities(resource()),
        Operation::IssueTokens(resource()),
        Operation::RevokeTokens(resource()),
        Operation::ExchangeTokens(resource()),
    ];
    for scope in [Scope::Organisation(organisation()), Scope::Resource(resource())] {
        all.extend([
            Operation::ReadUsage(scope.clone()),
            Operation::ReadRecords(scope.clone()),
            Operation::ReadSubscriptions(scope.clone()),
            Operation::WriteSubscriptions(scope.clone()),
            Operation::ReplayEvents(scope.clone()),
            Operation::ReadAudit(scope),
        ]);
    }
    all
}

fn names(role: &Role, operations: &[Operation]) -> Vec<&'static str> {
    let roles = std::slice::from_ref(role);
    operations
        .iter()
        .filter(|op| allowed(roles, op).is_ok())
        .map(Operation::name)
        .collect()
}

#[test]
fn roles_of_another_tenant_may_do_nothing() {
    let operations = all("contoso", "alpha");
    let strangers = [
        Role::Administrator(org("fabrikam")),
        Role::Owner("beta".parse().unwrap()),
        Role::Member(org("fabrikam"), "mia".parse().unwrap()),
        Role::Application(org("fabrikam"), "desk".parse().unwrap()),
        Role::Voicemail(org("fabrikam")),
    ];
    for role in strangers {
        assert_eq!(names(&role, &operations), Vec::<&str>::new(), "{role}");
    }
    for operation in operations {
        assert!(allowed(&[], &operation).is_err(), "{operation:?}");
    }
}

#[test]
fn the_operator_decides_nothing_that_is_a_tenants_own() {
    for operation in all("contoso", "alpha") {
        let operator = allowed(&[Role::Operator], &operation);
        let own = matches!(
            operation,
            Operation::UpdateOrganisation(_)
                | Operation::SetFederation(_)
                | Operation::WritePolicies(_)
                | Operation::WriteGroups(_)
                | Operation::WriteApplications(_)
                | Operation::WriteMembers(_)
                | Operation::ReadRouting(..)
                | Operation::WriteRouting(..)
                | Operation::IssueApplicationTokens(..)
                | Operation::RevokeApplicationTokens(_)
                | Operation::LeaveMessage(..)
                | Operation::ReadMessages(..)
                | Operation::WriteMessages(..)
                | Operation::ReadGreeting(..)
                | Operation::WriteGreeting(..)
                | Operation::ReadCommonGreeting(_)
                | Operation::WriteCommonGreeting(_)
                | Operation::SetIdentityProvider(_)
                | Operation::UpdateResource(_)
                | Operation::ReadIdentities(_)
                | Operation::WriteIdentities(_)
                | Operation::IssueTokens(_)
                | Operation::RevokeTokens(_)
                | Operation::ExchangeTokens(_)
                | Operation::WriteSubscriptions(_)
                | Operation::ReplayEvents(_)
        );
        assert_eq!(operator.is_err(), own, "{operation:?}");
    }
    for scope in [
        Operation::ReadAudit,
        Operation::WriteSubscriptions,
        Operation::ReadUsage,
    ] {
        assert!(allowed(&[Role::Operator], &scope(Scope::Deployment)).is_ok());
    }
}

#[test]
fn administrators_and_owners_decide_what_is_their_own() {
    let administrator = [Role::Administrator(org("contoso"))];
    let owner = [Role::Owner("alpha".parse().unwrap())];
    for operation in all("contoso", "alpha") {
        let text = format!("{operation:?}");
        let operators = matches!(
            operation,
            Operation::DecideOnOrganisation(_) | Operation::DeleteOrganisation(_)
        );
        // What is said for somebody is said by who heard it.
        let others = matches!(operation, Operation::LeaveMessage(..));
        let of_organisation = text.contains("contoso") && !operators && !others;
        assert_eq!(
            allowed(&administrator, &operation).is_ok(),
            of_organisation,
            "{text}"
        );
        assert_eq!(
            allowed(&owner, &operation).is_ok(),
            text.contains("alpha"),
            "{text}"
        );
    }
}

#[test]
fn nobody_approves_themselves() {
    let administrator = Role::Administrator(org("contoso"));
    let denied = allowed(&[administrator], &Operation::DecideOnOrganisation(org("contoso"))).unwrap_err();
    assert_eq!(denied.missing, [Wanted::Role(Role::Operator)]);
    assert_eq!(
        denied.to_string(),
        "access denied: approving or refusing an organisation needs the role operator"
    );
}

#[test]
fn a_plain_member_reads_the_directory_and_keeps_their_own_routing() {
    let mia = Role::Member(org("contoso"), "mia".parse().unwrap());
    let expected = [
        "reading an organisation",
        "reading voice applications",
        "reading the directory",
        "reading routing rules",
        "changing routing rules",
        "hearing voice messages",
        "changing voice messages",
        "hearing a greeting",
        "changing a greeting",
        "hearing the organisation's greeting",
    ];
    assert_eq!(names(&mia, &all("contoso", "alpha")), expected);
    let ben = [Role::Member(org("contoso"), "ben".parse().unwrap())];
    let denied = allowed(&ben, &Operation::SetFederation(org("contoso"))).unwrap_err();
    assert_eq!(
        denied.to_string(),
        "access denied: changing the federation configuration needs the role administrator of contoso"
    );
    let denied = allowed(
        &ben,
        &Operation::WriteRouting(org("contoso"), "mia".parse().unwrap()),
    )
    .unwrap_err();
    assert_eq!(
        denied.to_string(),
        "access denied: changing routing rules needs the role administrator of contoso or member mia of contoso"
    );
}

#[test]
fn a_member_has_the_roles_that_the_directory_gives() {
    let mut world = world();
    let mia = || Role::Member(org(CONTOSO), "m1".parse().unwrap());
    assert_eq!(world.roles_of(&id(M1)), [mia()]);
    edit_member(&mut world, M1, |member| {
        member.roles = [OrganisationRole::Administrator].into()
    });
    assert_eq!(
        world.roles_of(&id(M1)),
        [mia(), Role::Administrator(org(CONTOSO))]
    );
    assert!(world.roles_of(&id("member:contoso:nobody")).is_empty());
    assert!(world.roles_of(&id(EVE)).is_empty());
}

#[test]
fn an_application_does_what_its_kind_is_for() {
    let support = || Role::Application(org(CONTOSO), "support".parse().unwrap());
    let mut world = world();
    assert_eq!(world.roles_of(&id(SUPPORT)), [support()]);
    let mut application = world
        .application(&org(CONTOSO), &"support".parse().unwrap())
        .unwrap()
        .clone();
    application.kind = ApplicationKind::Voicemail;
    let organisation = org(CONTOSO);
    put(
        &mut world,
        Entity::Application {
            organisation,
            application,
        },
    );
    let roles = world.roles_of(&id(SUPPORT));
    assert_eq!(roles, [Role::Voicemail(org(CONTOSO)), support()]);
    let allowed: Vec<_> = all(CONTOSO, "alpha")
        .into_iter()
        .chain([Operation::IssueApplicationTokens(
            org(CONTOSO),
            "support".parse().unwrap(),
        )])
        .filter(|operation| allowed(&roles, operation).is_ok())
        .map(|operation| operation.name())
        .collect();
    let expected = [
        "leaving a voice message",
        "hearing a greeting",
        "hearing the organisation's greeting",
        "issuing tokens for a voice application",
    ];
    assert_eq!(allowed, expected);
}
