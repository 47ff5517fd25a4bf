//! What every implementation of the three primitives must do, as one function for each property.
//!
//! An implementation gives a [`Fixture`] and calls [`conformance_tests!`](crate::conformance_tests) in a test file of its
//! own; `tests/conformance.rs` does so for the embedded one. The properties use nothing but the traits, wait for what
//! is sent instead of expecting it to be there, and pass their own time, so that a server across a network can stand
//! behind them.
//!
//! They ask no more than the traits promise. What an implementation **may** do: leave numbers and revisions out; leave
//! out for a watcher a change that a later one of the same key overtook; remember a dedupe id after its record was
//! trimmed; deliver to a subscriber after the publisher's call has returned. What it **must not** do: number twice, show
//! changes out of order, forget a dedupe id while its record is kept, acknowledge what is not on disk, lose a message
//! between two that it delivers without saying so, or read a clock of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a property that does not hold fails the test that it is"
)]

pub mod bus;
pub mod kv;
pub mod log;
pub mod model;

use async_trait::async_trait;

use crate::{Store, WallTime};

/// Where the properties get stores from. One fixture serves one property.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// A store that has nothing in it and that nobody else uses. Called once.
    async fn fresh(&self) -> Store;

    /// Lets go of the store and opens it again, as a process does that is started anew; `None` where nothing outlives
    /// the process, which skips what is about that.
    async fn reopen(&self, store: Store) -> Option<Store>;

    /// Whether watchers are shown every change, those that a later change of the same key overtook included.
    fn shows_every_change(&self) -> bool {
        false
    }
}

/// The time of properties that time does not matter to.
const NOW: WallTime = WallTime::from_millis(1_000_000);

/// Makes a test of each property. The argument is an expression that makes a [`Fixture`]; the caller needs tokio with
/// `macros` and `rt-multi-thread`. The model ([`model::behaves_like_the_model`]) takes operations and is called by a
/// property test of the caller's own.
#[macro_export]
macro_rules! conformance_tests {
    ($fixture:expr) => {
        $crate::conformance_tests!($fixture;
            kv:
                a_key_is_made_only_where_there_is_none,
                a_value_is_replaced_only_at_its_revision,
                a_key_is_deleted_only_at_its_revision,
                a_deleted_key_can_be_made_again,
                revisions_grow_over_all_keys,
                a_refused_change_changes_nothing,
                an_expired_entry_does_not_exist,
                a_new_value_has_its_own_expiry,
                a_list_has_what_begins_with_the_prefix_in_byte_order,
                every_name_that_parses_is_kept_apart,
                the_largest_value_is_kept_and_a_larger_one_refused,
                a_read_sees_every_acknowledged_write,
                one_of_many_writers_at_once_wins,
                increments_under_contention_are_not_lost,
                a_watch_begins_with_what_is_there,
                a_watch_shows_changes_and_deletions_in_order,
                a_watch_that_begins_under_load_misses_nothing,
                a_watcher_learns_what_was_swept,
                a_slow_watcher_learns_its_losses,
                entries_outlive_the_process,
                revisions_are_not_used_again_after_reopening;
            log:
                records_are_numbered_upwards_and_read_in_order,
                records_are_kept_as_they_were_given,
                a_read_begins_where_asked_and_ends_at_its_limit,
                an_unknown_log_is_empty,
                logs_do_not_mix,
                the_end_is_above_every_record,
                an_id_is_stored_once,
                an_id_belongs_to_its_log,
                one_of_many_appends_of_an_id_is_stored,
                an_id_is_remembered_for_as_long_as_its_record,
                appends_at_once_get_each_number_once,
                a_reader_never_sees_a_record_below_one_it_has_seen,
                trimming_removes_what_is_below_and_nothing_else,
                numbers_are_not_used_again_after_trimming,
                the_largest_record_is_kept_and_a_larger_one_refused,
                records_and_ids_outlive_the_process;
            bus:
                a_subscriber_gets_what_matches_in_order,
                every_subscriber_gets_a_message_of_its_own,
                what_was_published_before_is_not_delivered,
                each_publishers_order_is_kept,
                a_slow_subscriber_holds_up_nobody_and_learns_its_losses,
                who_leaves_hinders_nobody,
                the_largest_message_is_delivered_and_a_larger_one_refused
        );
    };
    ($fixture:expr; $($primitive:ident : $($property:ident),+);+) => {
        $(
            mod $primitive {
                #[allow(unused_imports, reason = "the fixture may need nothing of the file")]
                use super::*;
                $(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $property() {
                        $crate::conformance::$primitive::$property(&$fixture).await;
                    }
                )+
            }
        )+
    };
}

#[cfg(test)]
mod tests {
    /// A property that no test is made of proves nothing.
    #[test]
    fn every_property_is_listed() {
        let list = include_str!("mod.rs");
        for source in [
            include_str!("bus.rs"),
            include_str!("kv.rs"),
            include_str!("log.rs"),
        ] {
            let names: Vec<_> = source.split("pub async fn ").skip(1).collect();
            assert!(!names.is_empty());
            for name in names.iter().filter_map(|rest| rest.split('(').next()) {
                assert!(list.contains(&format!(" {name}")), "{name} is not listed");
            }
        }
    }
}
