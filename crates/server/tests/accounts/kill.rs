//! A server killed hard in mid-call: what it had written down is neither lost nor doubled, events go on in order, and
//! every call has an end.

use std::collections::HashMap;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::stage::{Tenants, config, until_answer};
use crate::support::killed::{Process, serve_until_killed};
use crate::webhooks::check_order;

const FOLDER: &str = "SIDETONE_ACCOUNTS_KILL_TEST";
const CHILD: &str = "kill::child_serves_until_killed";

/// The child: not a test of its own, does nothing unless the parent names a folder.
#[tokio::test]
async fn child_serves_until_killed() {
    serve_until_killed(FOLDER, config()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hard_kill_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(StatusCode::OK).await;
    let (mut process, address) = Process::start(CHILD, FOLDER, folder.path());
    let mut tenants = Tenants::make(address).await;
    tenants.subscribe(&receiver, json!([])).await;
    let mut calls = 0;
    for round in 0..3 {
        let (mut eve, mut bob) = (tenants.eve().await, tenants.bob().await);
        // The receiver is down for one of the rounds, so that the kill finds events under way.
        let answer = if round == 1 {
            StatusCode::BAD_GATEWAY
        } else {
            StatusCode::OK
        };
        receiver.answers(answer);
        for _ in 0..3 {
            tenants.call(&mut eve, &mut bob).await;
        }
        let _hang_up = tenants.talk(&mut eve, &mut bob).await;
        calls += 4;
        // The last call is known to the book, and runs.
        let live = tenants.resource_path("calls/live");
        until_answer(&tenants.owner, &live, |body| {
            let calls = body["items"].as_array().unwrap();
            calls.len() == 1 && calls[0]["participants"].as_array().unwrap().len() == 2
        })
        .await;
        drop(process);
        let (again, address) = Process::start(CHILD, FOLDER, folder.path());
        process = again;
        tenants.address = address;
        tenants.owner.address = address;
        tenants.administrator.address = address;
    }
    receiver.answers(StatusCode::OK);

    let list = tenants.resource_path("calls");
    let all = |body: &Value| body["items"].as_array().unwrap().len() >= calls;
    let listed = until_answer(&tenants.owner, &list, all).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), calls);
    let cut_off = listed["items"].as_array().unwrap().iter();
    let cut_off = cut_off.filter(|line| line["endReason"]["code"] == 503);
    assert_eq!(cut_off.count(), 3, "one of each round was cut off");
    let usage = tenants
        .owner
        .get(&tenants.resource_path("usage/records?limit=200"))
        .await
        .is(200);
    assert_eq!(
        usage["items"].as_array().unwrap().len(),
        2 * calls,
        "each stay is entered once"
    );

    let ended = |taken: &[crate::receiver::Taken]| {
        let ends = taken.iter().filter(|delivery| delivery.kind() == "CallEnded");
        ends.map(|delivery| delivery.call().to_owned())
            .collect::<std::collections::BTreeSet<_>>()
            .len()
    };
    let taken = receiver
        .until("the end of every call", |taken| ended(taken) == calls)
        .await;
    check_order(&taken, true);
    // What came twice came alike.
    let mut bodies = HashMap::new();
    for delivery in &taken {
        let body = bodies.entry(delivery.id()).or_insert(&delivery.body);
        assert_eq!(*body, &delivery.body);
    }
    assert_eq!(bodies.len(), 6 * calls);
}
