//! `sidetone admin usage`, `calls` and `events` against a real service.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::process::{Command, Output};

use serde_json::Value;
use support::Service;

/// The operator's key of the service.
const OPERATOR: &str = "operator-key-for-tests-0123456789abcdef";

fn admin(service: &Service, key: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sidetone"));
    command.arg("admin").args(arguments);
    command.env_remove("SIDETONE_LOG");
    command.env("SIDETONE_SERVER", &service.url);
    command.env("SIDETONE_ADMIN_KEY", key);
    command.stdin(std::process::Stdio::null());
    command.output().expect("the program starts")
}

#[track_caller]
fn said(output: Output) -> String {
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{complaints}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_owner_reads_accounts_and_has_events_sent() {
    let service = Service::start(&["--operator-key", OPERATOR]);
    let made = said(admin(
        &service,
        OPERATOR,
        &["resource", "create", "shop", "--json"],
    ));
    let made: Value = serde_json::from_str(&made).unwrap();
    let key = made["keys"][0]["secret"].as_str().unwrap();
    let id = made["resource"]["id"].as_str().unwrap();
    let owner = |arguments: &[&str]| said(admin(&service, key, arguments));

    assert!(owner(&["usage"]).contains("nothing was used"));
    let table = owner(&["usage", "--month", "2026-03", "--format", "csv"]);
    assert!(table.starts_with("scope,month,"), "{table}");
    let report: Value = serde_json::from_str(&owner(&["usage", "--json"])).unwrap();
    assert_eq!(
        (&report["scope"]["id"], &report["rounding"]),
        (&id.into(), &"second".into())
    );
    assert_eq!(owner(&["usage", "--records", "--json"]).trim(), "[]");
    assert!(owner(&["calls", "list"]).contains("no calls"));
    assert!(owner(&["calls", "live"]).contains("no call runs"));

    let url = "https://app.example/hook";
    let made = owner(&[
        "events",
        "subscribe",
        url,
        "--type",
        "sidetone.calling.CallEnded",
        "--json",
    ]);
    let made: Value = serde_json::from_str(&made).unwrap();
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    let subscription = made["id"].as_str().unwrap();
    let list = owner(&["events", "subscriptions", "--json"]);
    assert!(list.contains(url) && !list.contains("whsec_"), "{list}");
    let again = owner(&["events", "replay", subscription, "--from", "1"]);
    assert!(again.contains("number 1"), "{again}");
    let off: Value =
        serde_json::from_str(&owner(&["events", "enable", subscription, "--off", "--json"])).unwrap();
    assert_eq!(off["enabled"], false);
    assert!(owner(&["events", "dead-letters", subscription]).contains("every event was taken"));
    owner(&["events", "unsubscribe", subscription, "--yes"]);
    assert!(owner(&["events", "subscriptions"]).contains("sent nowhere"));

    // An address inside is refused, and who may not is told which role is missing.
    let inside = admin(&service, key, &["events", "subscribe", "https://10.0.0.1/hook"]);
    assert!(!inside.status.success());
    let theirs = admin(&service, key, &["usage", "--organisation", "contoso"]);
    let complaint = String::from_utf8_lossy(&theirs.stderr).into_owned();
    assert!(complaint.contains("administrator of contoso"), "{complaint}");
}
