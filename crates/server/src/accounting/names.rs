//! Where accounting keeps what: names of logs and keys. A tenant's name is one part of them, so that the tenants'
//! logs never meet.

use sidetone_ledger::{Month, Scope, Timestamp};
use sidetone_signaling::protocol::CallId;
use sidetone_store::{Key, LogName, StoreError, Subject};

/// Every fact, in the order of happening.
pub(crate) fn journal() -> Result<LogName, StoreError> {
    LogName::new("facts")
}

/// How far the journal was worked off.
pub(crate) fn checkpoint() -> Result<Key, StoreError> {
    Key::new("accounting.checkpoint")
}

/// What the keys of known tenants begin with.
pub(crate) const SCOPES: &str = "accounting.scope.";

/// That a tenant has logs.
pub(crate) fn known_scope(scope: &Scope) -> Result<Key, StoreError> {
    Key::new(format!("{SCOPES}{}", part(scope)))
}

/// A tenant's events.
pub(crate) fn events(scope: &Scope) -> Result<LogName, StoreError> {
    LogName::new(format!("events.{}", part(scope)))
}

/// Where it is said that a tenant has new events.
pub(crate) fn news(scope: &Scope) -> Result<Subject, StoreError> {
    Subject::new(format!("events.{}", part(scope)))
}

/// A tenant's calls, a line each.
pub(crate) fn calls(scope: &Scope) -> Result<LogName, StoreError> {
    LogName::new(format!("calls.{}", part(scope)))
}

/// A tenant's usage of one month.
pub(crate) fn usage(scope: &Scope, month: Month) -> Result<LogName, StoreError> {
    LogName::new(format!("usage.{}.{month}", part(scope)))
}

/// What the keys of everything kept of a call id begin with.
pub(crate) fn call(call: CallId) -> String {
    format!("call.{call}.")
}

/// Part of the records of a call. The id alone does not name it: callers draw ids, and may draw one again.
pub(crate) fn record(call: CallId, started: Timestamp, rest: &str) -> Result<Key, StoreError> {
    Key::new(format!("{}{:015}.{rest}", self::call(call), started.as_millis()))
}

/// A tenant, as a part of a name.
pub(crate) fn part(scope: &Scope) -> String {
    // A label may hold dots and never `=`.
    let escape = |label: &str| label.replace('.', "=");
    match scope {
        Scope::Resource(id) => format!("resource.{}", escape(id.as_str())),
        Scope::Organisation(id) => format!("organisation.{}", escape(id.as_str())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_never_share_a_name() {
        let organisation = |id: &str| Scope::Organisation(id.parse().unwrap());
        let scopes = [
            organisation("a.b"),
            organisation("a-b"),
            organisation("a"),
            organisation("..."),
            Scope::Resource("a.b".parse().unwrap()),
        ];
        let names: std::collections::BTreeSet<_> =
            scopes.iter().map(|scope| events(scope).unwrap()).collect();
        assert_eq!(names.len(), scopes.len());
        assert_eq!(
            usage(&scopes[0], "2026-03".parse().unwrap()).unwrap().as_str(),
            "usage.organisation.a=b.2026-03"
        );
    }
}
