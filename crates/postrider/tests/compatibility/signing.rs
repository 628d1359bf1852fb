//! Targets and filters, and how deliveries are signed.

use crate::Answer::{Not, Served};
use crate::{Row, Section, each, row};

/// A receiver that knows the public pages alone.
const ROTATION: &[&str] = &[
    "program a_receiver_from_the_public_pages_passes_through_a_whole_rotation",
    "core during_a_rotation_both_keys_sign_new_first_and_afterwards_only_the_new_one",
];

pub const TARGETS: Section = Section {
    title: "Targets, webhooks, filters",
    rows: &[
        row(
            "A target is a URL with a flag, a key and filters of its own",
            Served(&[
                "web a_target_is_created_with_its_six_members_and_no_event_type",
                "web the_signing_key_is_shown_alone_and_rotates_in_one_window",
            ]),
        ),
        row(
            "A webhook has a name, a target, event types, additional data and a key of its own",
            Served(&["web a_webhook_is_shown_with_every_field_and_its_defaults"]),
        ),
        row(
            "It is active at once, and can be disabled and deleted; what is in transit is canceled",
            Served(&["web the_status_moves_by_actions_and_waiting_deliveries_follow"]),
        ),
        row(
            "A filter joins event types with `|`; `family.*` is a whole family",
            Served(&[
                "web filters_decide_what_is_sent",
                "core alternatives_match_whole_types_and_anything_else_is_refused",
            ]),
        ),
        row(
            "Several filters per target, each with its id",
            Served(&["web filters_are_created_shown_changed_and_removed"]),
        ),
        each(
            "Patterns listed for filters",
            "subscriber.create subscriber.cancel subscriber.* subscription.create \
             subscription.cancel subscription.sku_swap subscription.reactivate \
             subscription.change_frequency subscription.change_components \
             subscription.change_quantity subscription.change_shipping_address \
             subscription.change_payment subscription.change_live subscription.* \
             order.change_shipping_address order.change_payment order.change_billing \
             order.change_next_order_date order.skip_order order.send_now order.cancel \
             order.success order.generic_error order.reject order.reminder \
             order.retryable_placement_failure order.* item.create item.change_quantity \
             item.remove item.item_subscribe item.update_price item.successfully_placed item.*",
            Served(&["program every_pattern_listed_for_filters_is_one"]),
        ),
        row(
            "A pattern as a regular expression",
            Not("one page calls it so, none shows one; each alternative matches a whole event \
                 type, and anything else is refused, so that no pattern can match by accident"),
        ),
        row("At most ten targets per store", Not("a merchant may have a thousand webhooks")),
        row(
            "A target that the platform manages for some stores",
            Not("every webhook is the merchant's own"),
        ),
    ],
};

pub const SIGNING: Section = Section { title: "Signing", rows: SIGNING_ROWS };

const SIGNING_ROWS: &[Row] = &[
    row(
        "`Ordergroove-Signature: ts=<unix seconds>,sig=<64 lower-case hex digits>`",
        Served(&[
            "engine an_accepted_event_arrives_signed_and_is_logged",
            "core signatures_equal_the_documented_vectors",
        ]),
    ),
    row(
        "HMAC-SHA256 over `{ts}.{body}` with the characters of the key",
        Served(&[
            "core signatures_equal_the_documented_vectors",
            "program independent_verifiers_accept_every_event_type_and_refuse_one_flipped_bit",
        ]),
    ),
    row(
        "`ts` is the time of transmission, anew for each attempt",
        Served(&["engine the_signature_carries_the_time_of_the_attempt"]),
    ),
    row("During a rotation two signatures, that of the new key first", Served(ROTATION)),
    row("After 24 hours one signature; the old key is dead", Served(ROTATION)),
    row(
        "Rotating again inside the window makes a new key and does not move the end",
        Served(&[
            "web the_signing_key_is_shown_alone_and_rotates_in_one_window",
            "core rotating_again_inside_the_window_keeps_the_original_and_its_end",
        ]),
    ),
    row("A key has no fixed format", Served(&["core an_imported_key_has_bounds"])),
    row(
        "The published example of a signature as a test vector",
        Not("its body is a placeholder, and no body that was tried gives that signature"),
    ),
];
