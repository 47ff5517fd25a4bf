//! What follows from calls: usage, call records, events. Each is of one tenant, an organisation or a resource.

pub mod args;
mod calls;
mod events;
mod usage;

use serde_json::{Value, json};

use self::args::{CallsCommand, EventsCommand, Tenant, UsageArgs};
use super::{Admin, own_organisation};
use crate::exit::{Exit, Failure};

/// Entries in one request.
const PAGE: usize = 200;

pub(super) fn usage(admin: &Admin, args: &UsageArgs) -> Result<(), Failure> {
    usage::run(admin, args)
}

pub(super) fn calls(admin: &Admin, command: &CallsCommand) -> Result<(), Failure> {
    calls::run(admin, command)
}

pub(super) fn events(admin: &Admin, command: &EventsCommand) -> Result<(), Failure> {
    events::run(admin, command)
}

impl Admin {
    /// The address of a tenant: the one named, or the one that the key or token belongs to.
    pub(super) fn tenant(&self, tenant: &Tenant) -> Result<String, Failure> {
        if let Some(id) = &tenant.organisation {
            return Ok(format!("/v1/organisations/{id}"));
        }
        if let Some(id) = &tenant.resource {
            return Ok(format!("/v1/resources/{id}"));
        }
        self.own_tenant()?.ok_or_else(|| {
            Failure::new(
                Exit::Usage,
                "the key is not of one tenant: say which with --organisation or --resource",
            )
        })
    }

    /// The address of the tenant that the key or token belongs to; the operator's belongs to none.
    pub(super) fn own_tenant(&self) -> Result<Option<String>, Failure> {
        let status = self.service.get("/v1/status")?;
        if let Some(id) = own_organisation(&status) {
            return Ok(Some(format!("/v1/organisations/{id}")));
        }
        let of_key = status.pointer("/caller/owner/resource").and_then(Value::as_str);
        Ok(of_key.map(|id| format!("/v1/resources/{id}")))
    }

    /// Up to `limit` entries of a log that comes in pages. `address` may have a query already.
    fn log(&self, address: &str, after: Option<u64>, limit: usize) -> Result<Value, Failure> {
        let separator = if address.contains('?') { '&' } else { '?' };
        let (mut items, mut next) = (Vec::new(), after);
        while items.len() < limit {
            let count = PAGE.min(limit - items.len());
            let after = next.map(|next| format!("&after={next}")).unwrap_or_default();
            let mut page = self
                .service
                .get(&format!("{address}{separator}limit={count}{after}"))?;
            items.append(page["items"].as_array_mut().unwrap_or(&mut Vec::new()));
            // Behind the last page nothing comes, so there is no next.
            match page["next"].as_u64() {
                Some(number) => next = Some(number),
                None => break,
            }
        }
        Ok(json!({ "items": items }))
    }
}
