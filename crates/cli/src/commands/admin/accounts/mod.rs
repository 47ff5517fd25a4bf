//! What follows from calls: usage, call records, events. Each is of one tenant, an organisation or a resource.

pub mod args;
mod calls;
mod events;
mod usage;

use serde_json::{Value, json};

use self::args::{CallsCommand, EventsCommand, Tenant, UsageArgs};
use super::Admin;
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
    /// The address of a tenant: the one named, or the one that the key belongs to.
    fn tenant(&self, tenant: &Tenant) -> Result<String, Failure> {
        let named = match (&tenant.organisation, &tenant.resource) {
            (Some(id), _) => Some(format!("/v1/organisations/{id}")),
            (None, Some(id)) => Some(format!("/v1/resources/{id}")),
            (None, None) => None,
        };
        if let Some(address) = named {
            return Ok(address);
        }
        let status = self.service.get("/v1/status")?;
        let of_key = |place: &str| status.pointer(place).and_then(Value::as_str);
        let address = match (
            of_key("/caller/owner/organisation"),
            of_key("/caller/owner/resource"),
        ) {
            (Some(id), _) => format!("/v1/organisations/{id}"),
            (None, Some(id)) => format!("/v1/resources/{id}"),
            (None, None) => {
                return Err(Failure::new(
                    Exit::Usage,
                    "the key is not of one tenant: say which with --organisation or --resource",
                ));
            }
        };
        Ok(address)
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
