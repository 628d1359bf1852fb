//! How deliveries are tried, in the three generations of the documentation.

use crate::Answer::{Not, Served};
use crate::{Row, Section, each, row};

/// Every named policy, wait by wait.
const SCHEDULES: &[&str] = &["core the_schedules_are_those_promised"];

pub const DELIVERING: Section = Section { title: "Delivery behaviour", rows: ROWS };

const ROWS: &[Row] = &[
    row("Any 2xx is a success", Served(&["engine any_2xx_is_a_success_whatever_its_body"])),
    row(
        "Anything else is retried",
        Served(&[
            "core every_outcome_in_every_standing_is_tabulated",
            "engine failures_are_retried_by_the_schedule_until_success",
        ]),
    ),
    row("First generation: 60 s, doubling, for 3 days (`legacy`)", Served(SCHEDULES)),
    row("Second generation: 1, 3, 10 minutes, 5 attempts (`short`)", Served(SCHEDULES)),
    row(
        "Third generation: 1 minute, doubling up to 10, 60 attempts (`backoff`)",
        Served(SCHEDULES),
    ),
    row("Every 5 minutes what is still queued (`five_minutes`, the default)", Served(SCHEDULES)),
    row(
        "In the end a delivery is marked failed",
        Served(&["engine an_exhausted_delivery_fails_and_can_be_resent"]),
    ),
    row(
        "An attempt times out after 5 s by default",
        Served(&[
            "engine an_attempt_has_one_deadline",
            "web a_webhook_is_shown_with_every_field_and_its_defaults",
        ]),
    ),
    row(
        "After 3 days without a 2xx the URL is disabled; any success resets that",
        Served(&[
            "engine three_days_without_success_disable_the_webhook",
            "core three_days_without_success_are_the_end",
        ]),
    ),
    row("Re-enabling resets it too", Served(&["store enabling_again_forgets_the_health"])),
    row(
        "Deliveries may repeat, under the same id",
        Served(&["program nothing_acknowledged_is_lost_over_many_kills"]),
    ),
    each(
        "Statuses of a delivery",
        "Pending Success Canceled Failed",
        Served(&[
            "core state_words_are_read_back",
            "web the_status_moves_by_actions_and_waiting_deliveries_follow",
        ]),
    ),
    row(
        "Sending in batches, each 5 minutes",
        Not("the first attempt is made at once: \"near real time\", as other pages have it"),
    ),
    row("Order of deliveries", Not("not promised, as documented")),
];
