//! The older REST API, and the conventions it shares with the rest of the platform.

use crate::Answer::{Not, Served};
use crate::{Row, Section, each, row};

pub const REST: Section = Section { title: "The REST API of webhooks", rows: ROWS };

const FILTERS: &[&str] = &["web filters_are_created_shown_changed_and_removed"];

const ROWS: &[Row] = &[
    row(
        "`GET /webhook_targets`: `{next, previous, results}`, `?page=`",
        Served(&["web pages_are_numbered_and_link_to_each_other"]),
    ),
    row(
        "`GET /webhook_targets/{id}`",
        Served(&["web a_target_is_created_with_its_six_members_and_no_event_type"]),
    ),
    row(
        "`POST /webhook_targets/`: `merchant`, `target_url`, `enabled`",
        Served(&[
            "web a_target_is_created_with_its_six_members_and_no_event_type",
            "web a_target_is_of_the_callers_merchant",
            "web target_urls_are_judged_as_everywhere",
        ]),
    ),
    row(
        "`PATCH /webhook_targets/{id}`: `target_url`, `enabled`",
        Served(&["web a_change_moves_the_url_and_the_status_and_both_apis_see_it"]),
    ),
    row("`GET /webhook_targets/{target_id}/metrics`", Served(&["web metrics_are_four_counts"])),
    row(
        "`GET /webhook_targets/{target_id}/filters`",
        Served(&[
            "web filters_have_pages_and_a_bound",
            "web what_the_newer_api_selects_shows_in_the_filters",
        ]),
    ),
    row("`POST /webhook_targets/{target_id}/filters`", Served(FILTERS)),
    row("`GET /webhook_targets/{target_id}/filters/{id}`", Served(FILTERS)),
    row(
        "`PATCH /webhook_targets/{target_id}/filters/{id}`",
        Served(&[
            "web filters_are_created_shown_changed_and_removed",
            "web a_pattern_that_can_match_nothing_is_refused",
        ]),
    ),
    row("`DELETE /webhook_targets/{target_id}/filters/{id}` answers the filter", Served(FILTERS)),
    row(
        "`GET /webhook_targets/{target_id}/signing_key`: the new key alone",
        Served(&["web the_signing_key_is_shown_alone_and_rotates_in_one_window"]),
    ),
    row(
        "`PATCH /webhook_targets/{target_id}/signing_key/rotate`",
        Served(&[
            "web the_signing_key_is_shown_alone_and_rotates_in_one_window",
            "program a_receiver_from_the_public_pages_passes_through_a_whole_rotation",
        ]),
    ),
    each(
        "Members of a target",
        "id merchant target_url enabled created updated",
        Served(&["web a_target_is_created_with_its_six_members_and_no_event_type"]),
    ),
    each("Members of a filter", "id target pattern created", Served(FILTERS)),
    row("No call deletes a target", Served(&["web refusals_have_the_older_form"])),
    row(
        "One-click endpoints for delaying, skipping and reactivating",
        Not("they change the platform's subscriptions; their tokens arrive as they were posted"),
    ),
];

pub const CONVENTIONS: Section = Section {
    title: "Conventions of the REST API",
    rows: &[
        row("`x-api-key`", Served(&["web both_forms_of_a_key_are_accepted_but_not_together"])),
        row(
            "Paths with and without a slash at the end",
            Served(&["web a_target_is_created_with_its_six_members_and_no_event_type"]),
        ),
        row(
            "`page_size` 10, at most 100",
            Served(&["web pages_are_numbered_and_link_to_each_other"]),
        ),
        each("Forms of errors", "400 401 403 404", Served(&["web refusals_have_the_older_form"])),
        row(
            "423 when a target is being changed by others",
            Served(&["web a_change_that_others_are_always_quicker_than_is_locked"]),
        ),
        row(
            "Ids of targets and filters: 24 hex digits",
            Served(&[
                "core a_short_id_is_the_beginning_of_an_id_and_bounds_its_search",
                "web another_merchants_ids_are_as_good_as_random_ones",
            ]),
        ),
        row("Its host names", Not("an installation answers under the name it is given")),
        row(
            "The storefront's signed `Authorization` header",
            Not("it is for calls from a shop's pages, of which there are none here"),
        ),
        row(
            "Everything but webhooks: subscriptions, orders, items, addresses and the rest",
            Not("those are the platform's records; Postrider delivers what is posted about them"),
        ),
    ],
};
