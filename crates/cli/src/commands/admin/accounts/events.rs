//! Events, and where they are sent.

use serde_json::{Value, json};

use super::args::{EventsCommand, Tenant};
use crate::commands::admin::show::{Column, text};
use crate::commands::admin::{Admin, confirm};
use crate::exit::Failure;
use crate::output;

const EVENTS: &[Column] = &[
    ("no.", "/number"),
    ("when", "/time"),
    ("type", "/type"),
    ("about", "/subject"),
];

const SUBSCRIPTIONS: &[Column] = &[
    ("id", "/id"),
    ("address", "/url"),
    ("types", "/types"),
    ("enabled", "/enabled"),
    ("next event", "/health/nextSequence"),
    ("last error", "/health/lastError"),
    ("description", "/description"),
];

const DEAD_LETTERS: &[Column] = &[
    ("event no.", "/eventSequence"),
    ("given up", "/time"),
    ("attempts", "/attempts"),
    ("why", "/reason"),
    ("type", "/event/type"),
    ("about", "/event/subject"),
];

pub(super) fn run(admin: &Admin, command: &EventsCommand) -> Result<(), Failure> {
    let Admin { service, show } = admin;
    let one = |tenant: &Tenant, subscription: &uuid::Uuid| -> Result<String, Failure> {
        Ok(format!("{}/subscriptions/{subscription}", admin.tenant(tenant)?))
    };
    match command {
        EventsCommand::List { tenant, after, limit } => {
            let address = format!("{}/events", admin.tenant(tenant)?);
            show.list(
                &admin.log(&address, Some(*after), *limit)?,
                EVENTS,
                "no events are kept",
            );
        }
        EventsCommand::Subscriptions { tenant } => {
            let address = format!("{}/subscriptions", admin.tenant(tenant)?);
            show.list(&service.get(&address)?, SUBSCRIPTIONS, "events are sent nowhere");
        }
        EventsCommand::Subscribe {
            url,
            tenant,
            types,
            description,
        } => {
            let address = format!("{}/subscriptions", admin.tenant(tenant)?);
            let body = json!({ "url": url, "types": types, "description": description });
            let made = service.call("POST", &address, Some(&body))?;
            secret(
                admin,
                &made,
                &format!("subscription {} made", text(made.get("id"))),
            );
        }
        EventsCommand::Enable {
            subscription,
            tenant,
            off,
        } => {
            let body = json!({ "enabled": !off });
            let changed = service.call("PATCH", &one(tenant, subscription)?, Some(&body))?;
            show.one(&changed, SUBSCRIPTIONS);
        }
        EventsCommand::RotateSecret { subscription, tenant } => {
            let address = format!("{}/secret", one(tenant, subscription)?);
            secret(
                admin,
                &service.call("POST", &address, None)?,
                "a new secret was made",
            );
        }
        EventsCommand::Replay {
            subscription,
            tenant,
            start,
        } => {
            let body = match (start.from, &start.since) {
                (Some(number), _) => json!({ "fromSequence": number }),
                (None, since) => json!({ "fromTime": since }),
            };
            let address = format!("{}/replay", one(tenant, subscription)?);
            let answer = service.call("POST", &address, Some(&body))?;
            let first = text(answer.get("fromSequence"));
            show.done(&answer, &format!("events are sent again from number {first} on"));
        }
        EventsCommand::DeadLetters { subscription, tenant } => {
            let address = format!("{}/dead-letters", one(tenant, subscription)?);
            let letters = admin.log(&address, None, usize::MAX)?;
            show.list(&letters, DEAD_LETTERS, "every event was taken");
        }
        EventsCommand::Unsubscribe {
            subscription,
            tenant,
            yes,
        } => {
            confirm(
                "no more events are sent there, and those that are waiting are forgotten",
                *yes,
            )?;
            let answer = service.call("DELETE", &one(tenant, subscription)?, None)?;
            show.done(&answer, "done");
        }
    }
    Ok(())
}

/// Shows a secret that nobody can show again.
fn secret(admin: &Admin, answer: &Value, words: &str) {
    admin.show.done(answer, words);
    if !admin.show.is_json() {
        output::line(&format!("secret  {}", text(answer.get("secret"))));
        output::line("Keep it now: it cannot be shown again.");
    }
}
