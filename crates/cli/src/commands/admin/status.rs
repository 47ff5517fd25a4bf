//! Signing in and out, and what the service says of itself.

use serde_json::{Value, json};

use super::Admin;
use super::args::ServiceArgs;
use super::client::Service;
use super::connection::{self, Connection};
use super::show::{Column, Show, text};
use crate::exit::{Exit, Failure};
use crate::output;

const STATUS: &[Column] = &[
    ("admin tool", "/tool"),
    ("service", "/version"),
    ("cloud", "/cloud"),
    ("approval", "/approval"),
    ("you are", "/roles"),
];

/// Tries the key, then keeps it.
pub fn connect(args: &ServiceArgs, show: Show) -> Result<Exit, Failure> {
    let connection = Connection::ask(args)?;
    let status = Service::new(connection.clone())?.get("/v1/status")?;
    let file = connection.store()?;
    let roles = text(status.get("roles"));
    let words = format!(
        "connected to {} as {roles}; key kept in {}",
        connection.server,
        file.display()
    );
    show.done(&status, &words);
    Ok(Exit::Done)
}

/// Forgets service and key.
pub fn disconnect(show: Show) -> Result<Exit, Failure> {
    let known = connection::forget()?;
    let words = if known {
        "service and key forgotten"
    } else {
        "was not connected"
    };
    show.done(&json!({ "forgotten": known }), words);
    Ok(Exit::Done)
}

/// Versions, and as whom the service knows one.
pub fn show(admin: &Admin) -> Result<(), Failure> {
    let mut status = admin.service.get("/v1/status")?;
    if let Value::Object(fields) = &mut status {
        fields.insert("tool".to_owned(), env!("CARGO_PKG_VERSION").into());
    }
    admin.show.one(&status, STATUS);
    Ok(())
}

/// What the service can do.
pub fn capabilities(admin: &Admin) -> Result<(), Failure> {
    let answer = admin.service.get("/v1/capabilities")?;
    let columns = [
        ("capability", "/name"),
        ("stability", "/stability"),
        ("what", "/about"),
    ];
    admin.show.list(&answer, &columns, "nothing");
    let items = answer["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !admin.show.is_json()
        && items
            .iter()
            .any(|item| item["stability"] != "generally-available")
    {
        output::line("Preview: may change, without a service level; for test data.");
    }
    Ok(())
}
