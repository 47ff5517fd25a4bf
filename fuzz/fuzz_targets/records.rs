//! What the accounts keep, read back: facts of the journal, usage records, events. What cannot be read is an error; what
//! can is written as it was read, and a book that is told any facts in any order neither panics nor gives two answers.
//!
//! Input: JSON, one record a line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sidetone_ledger::{Book, Fact, Notification, Timestamp, UsageRecord};
use sidetone_signaling::Reason;

fn same<T: Serialize + DeserializeOwned>(line: &[u8]) -> Option<T> {
    let read: T = serde_json::from_slice(line).ok()?;
    let written = serde_json::to_vec(&read).expect("what was read is written");
    let again: T = serde_json::from_slice(&written).expect("and read again");
    assert_eq!(serde_json::to_vec(&again).expect("it is written"), written);
    Some(read)
}

fuzz_target!(|data: &[u8]| {
    let mut facts = Vec::new();
    for line in data.split(|byte| *byte == b'\n').take(64) {
        facts.extend(same::<Fact>(line));
        same::<Notification>(line);
        same::<UsageRecord>(line);
    }
    let told = || {
        let mut book = Book::default();
        let mut ids = Vec::new();
        for fact in facts.iter().cloned() {
            let Some(booked) = book.replay(fact) else { continue };
            ids.push(booked.fact.id());
            if let Some((event, scopes)) = &booked.event {
                for scope in scopes {
                    serde_json::to_vec(&event.notification(scope)).expect("an event is written");
                }
            }
            if let Some(call) = &booked.closed {
                sidetone_ledger::usage(call);
                sidetone_ledger::summaries(call);
            }
        }
        for booked in book.close_all(Timestamp::from_millis(u64::MAX / 2), &Reason::GOING_AWAY) {
            ids.push(booked.fact.id());
        }
        assert_eq!(book.running().count(), 0);
        ids
    };
    assert_eq!(told(), told());
});
