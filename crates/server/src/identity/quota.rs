//! How often a resource may do what with its identities (spec 3.10). Past that it is told when to come back.

use std::time::Duration;

use sidetone_organisation::ResourceId;
use sidetone_store::WallTime;

use crate::api::limiter::Limiter;
use crate::api::problem::{Problem, ProblemType};

/// How often one resource may do each thing in 30 seconds. More lets a larger application start faster; less keeps one
/// resource from taking the store for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdentityQuotas {
    /// Identities made.
    pub create: u32,
    /// Identities deleted.
    pub delete: u32,
    /// Tokens issued.
    pub issue: u32,
    /// Identities whose tokens were revoked.
    pub revoke: u32,
    /// Sign-ins of members exchanged.
    pub exchange: u32,
}

impl Default for IdentityQuotas {
    /// The source's values.
    fn default() -> Self {
        Self {
            create: 1_000,
            delete: 500,
            issue: 1_000,
            revoke: 500,
            exchange: 500,
        }
    }
}

/// The time in which a quota can be used.
const PERIOD: Duration = Duration::from_secs(30);

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Create,
    Delete,
    Issue,
    Revoke,
    Exchange,
}

/// Counts, for each resource by itself.
pub(crate) struct Quotas {
    create: Limiter<ResourceId>,
    delete: Limiter<ResourceId>,
    issue: Limiter<ResourceId>,
    revoke: Limiter<ResourceId>,
    exchange: Limiter<ResourceId>,
}

impl Quotas {
    pub(crate) fn new(quotas: IdentityQuotas) -> Self {
        let limiter = |allowance| Limiter::new(allowance, PERIOD);
        Self {
            create: limiter(quotas.create),
            delete: limiter(quotas.delete),
            issue: limiter(quotas.issue),
            revoke: limiter(quotas.revoke),
            exchange: limiter(quotas.exchange),
        }
    }

    /// Takes one.
    ///
    /// # Errors
    /// [`ProblemType::TOO_MANY`], with the time to wait.
    pub(crate) fn take(&self, resource: &ResourceId, act: Act, now: WallTime) -> Result<(), Problem> {
        let (limiter, what) = match act {
            Act::Create => (&self.create, "identities made"),
            Act::Delete => (&self.delete, "identities deleted"),
            Act::Issue => (&self.issue, "tokens issued"),
            Act::Revoke => (&self.revoke, "revocations"),
            Act::Exchange => (&self.exchange, "exchanges"),
        };
        limiter.take(resource.clone(), now).map_err(|wait| {
            Problem::new(
                ProblemType::TOO_MANY,
                format!("the resource's quota of {what} is used up"),
            )
            .retry_after(wait)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_resource_has_each_quota_for_itself() {
        let quotas = Quotas::new(IdentityQuotas {
            create: 2,
            delete: 1,
            ..IdentityQuotas::default()
        });
        let (a, b) = ("a".parse().unwrap(), "b".parse().unwrap());
        let now = WallTime::from_millis(1_800_000_000_000);
        quotas.take(&a, Act::Create, now).unwrap();
        quotas.take(&a, Act::Create, now).unwrap();
        let over = quotas.take(&a, Act::Create, now).unwrap_err();
        assert_eq!(over.kind, ProblemType::TOO_MANY);
        quotas.take(&a, Act::Delete, now).unwrap();
        quotas.take(&b, Act::Create, now).unwrap();
        // Half the quota's time brings half the quota back.
        quotas.take(&a, Act::Create, now.after(PERIOD / 2)).unwrap();
        assert!(quotas.take(&a, Act::Create, now.after(PERIOD / 2)).is_err());
        quotas.take(&a, Act::Exchange, now).unwrap();
    }
}
