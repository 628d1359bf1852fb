//! The suite that proves a store keeps the contract: every backend and every decorator runs it.
//!
//! A test's name begins with the number of the contract it proves (see the crate's own text); tests
//! without a number prove the catalog. [`conformance!`](crate::conformance!) makes one test of each
//! for a backend, given how to open a fresh database. Invariant: a test knows only the traits.

#![expect(clippy::unwrap_used, reason = "this is test code, though other crates can run it")]
#![expect(clippy::missing_panics_doc, reason = "a test that fails panics")]

pub mod accounts;
pub mod append;
pub mod audit;
pub mod backlog;
pub mod catalog;
pub mod filters;
pub mod fixture;
pub mod harness;
pub mod lease;
pub mod metrics;
pub mod page;
pub mod recovery;
pub mod rehearsals;
pub mod restart;
pub mod retention;
pub mod search;
pub mod settle;
pub mod tenants;

pub use harness::{Harness, temp_sqlite};

/// Makes a module `$name` with every test of the suite. `$harness` is called for each and answers a
/// future of a [`Harness`] over a fresh database.
#[macro_export]
macro_rules! conformance {
    ($name:ident, $harness:expr) => {
        $crate::conformance! { @tests $name, $harness,
            append: [
                q1_an_event_is_stored_with_its_deliveries_and_queue_entries
                q1_an_event_nobody_wants_is_stored_alone
                q1_the_events_of_a_request_are_stored_together_or_not_at_all
                q1_an_append_against_an_old_catalog_writes_nothing
                q1_a_batch_that_fails_stores_nothing
                q1_a_delivery_can_be_born_leased
                q2_a_repeat_is_answered_with_its_first_deliveries
                q2_an_id_with_other_content_is_refused
                q2_the_id_of_an_event_we_named_cannot_be_posted
                q2_two_equal_events_in_a_request_are_one
                q2_two_events_under_one_id_in_a_request_are_refused
                q2_parallel_posts_of_one_id_become_one_event
                q2_two_merchants_may_use_the_same_id
                q9_appends_are_answered_in_order_and_a_refused_one_spoils_only_itself
            ]
            lease: [
                q3_a_leased_delivery_is_not_leased_again
                q3_parallel_leases_share_no_delivery
                q4_nothing_is_leased_before_it_is_due
                q4_the_earliest_due_comes_first_and_limits_hold
                q5_a_lease_that_ran_out_is_due_again_with_a_higher_epoch
                q8_only_pending_deliveries_are_in_the_queue
                q11_a_lease_names_the_next_due_time
                q11_a_webhook_without_pending_deliveries_has_no_due_time
                q11_the_backlog_says_what_a_lease_would
                a_leased_delivery_carries_all_an_attempt_needs
            ]
            settle: [
                q6_a_settle_with_an_old_epoch_changes_nothing
                q6_a_lease_is_settled_once
                q6_a_lease_that_ran_out_but_was_not_taken_can_still_be_settled
                q6_an_attempt_from_before_a_resend_does_not_count
                q6_an_unknown_delivery_is_stale
                q7_an_attempt_and_the_move_are_one
                q7_every_field_of_an_attempt_is_kept
                q7_a_canceled_delivery_keeps_the_record_of_its_last_attempt
                q8_a_settled_delivery_leaves_the_queue_and_a_resent_one_returns
                q8_a_lease_handed_back_is_due_at_once_without_an_attempt
                q9_settlements_are_answered_in_order_and_a_bad_one_spoils_only_itself
                a_resend_begins_a_new_schedule_and_keeps_the_attempts
                a_resend_to_a_webhook_that_does_not_receive_changes_nothing
            ]
            restart: [
                q2_a_repeat_after_a_restart_is_still_a_repeat
                q5_leases_of_a_stopped_process_are_due_at_the_next_start
                q6_a_lease_from_before_a_restart_is_stale
                q10_what_was_answered_is_there_after_a_restart
                q10_the_catalog_version_survives
            ]
            retention: [
                q14_what_is_over_and_old_goes_whole
                q14_what_is_not_over_stays_with_its_event
                q14_what_a_recovery_may_take_stays
                q14_a_delivery_with_many_attempts_goes_in_steps
                q14_numbers_of_events_are_not_given_twice
                a_pruned_id_is_free_again
            ]
            page: [
                q12_pages_of_events_are_stable_while_rows_are_added
                q12_pages_of_deliveries_are_stable_while_rows_are_added
                q12_pages_go_back_the_way_they_came
                q12_every_list_pages_in_both_directions
                filters_hold_together
                states_are_found_among_many_others
                the_log_of_a_deleted_webhook_stays
            ]
            catalog: [
                every_field_of_a_webhook_is_kept
                an_update_counts_versions_and_keeps_the_status
                disabling_cancels_what_waits
                pausing_keeps_what_waits_unless_asked
                enabling_again_forgets_the_health
                health_is_remembered_and_unknown_webhooks_are_passed_over
                a_rotation_keeps_the_old_key_for_a_day
                a_replaced_key_leaves_no_other
                routes_tell_only_what_changed
                changes_move_the_catalog_version
                api_keys_live_until_they_are_revoked
                names_are_taken_once
                the_numbers_of_webhooks_and_keys_are_bounded
                the_tally_adds_up
            ]
            accounts: [
                every_field_of_a_user_is_kept
                a_change_of_credentials_ends_sessions_and_sign_ins_under_way
                the_last_owner_who_can_sign_in_stays
                an_invitation_is_redeemed_once_and_in_time
                a_session_ends_when_idle_and_at_its_age
                a_further_session_ends_the_oldest
                a_portal_link_is_followed_once_and_in_time
                the_numbers_of_users_and_links_are_bounded
                another_merchants_users_are_not_found
            ]
            backlog: [
                only_the_latest_delivery_of_each_object_stays
                the_latest_is_the_last_accepted_whatever_is_due_first
                test_events_are_no_word_about_an_object
            ]
            recovery: [
                a_recovery_takes_the_oldest_first_at_its_rate
                what_a_recovery_resends_is_counted_and_followed
                a_recovery_goes_on_where_it_was_after_a_restart
                a_recovery_takes_only_what_was_asked_for
                a_canceled_recovery_takes_no_more
                a_recovery_waits_while_its_webhook_is_disabled
                one_recovery_of_a_webhook_is_under_way
                the_numbers_of_recoveries_are_bounded
                another_merchants_recovery_is_not_found
            ]
            metrics: [
                metrics_count_each_state_and_the_successes_that_took_a_retry
                metrics_leave_out_days_before
                hours_are_told_apart_for_two_days_and_then_added_to_their_day
                figures_follow_every_move_and_balance
                latencies_are_those_of_the_newest_successes
            ]
            audit: [
                q13_every_change_has_its_entry
                q13_what_is_refused_has_no_entry
                q13_a_resend_has_its_entry
                the_chain_counts_its_entries
            ]
            filters: [
                filters_are_kept_in_their_order_with_their_webhook
                filters_of_an_old_version_change_nothing
            ]
            search: [
                deliveries_are_found_by_the_words_of_their_events
                events_are_found_by_their_words_and_properties
                found_pages_go_back_the_way_they_came
                another_merchants_words_find_nothing
                a_search_in_vain_ends_soon_and_goes_on_where_it_stopped
                what_was_not_delivered_is_grouped_by_webhook_and_cause
                a_feed_shows_what_was_committed_after_its_place
                a_feed_comes_in_bounded_pages_and_skips_nothing
            ]
            rehearsals: [
                every_field_of_a_rehearsal_is_kept
                only_the_newest_rehearsals_are_kept
                a_rehearsal_of_another_configuration_is_not_kept
                rehearsals_go_with_their_webhook_and_belong_to_its_merchant
            ]
            tenants: [
                another_merchants_webhook_is_not_found
                another_merchants_log_is_not_found
                another_merchants_keys_are_not_found
                what_does_not_exist_is_not_found
            ]
        }
    };
    (@tests $name:ident, $harness:expr, $($module:ident: [$($test:ident)*])*) => {
        mod $name {
            use super::*;
            $($(
                #[tokio::test]
                async fn $test() {
                    $crate::conformance::$module::$test($harness().await).await;
                }
            )*)*
        }
    };
}
