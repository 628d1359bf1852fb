//! The envelope of a delivery, and the event types.

use crate::Answer::{Not, Served};
use crate::{Row, Section, each, row};

/// Sent for every event type, and verified by others.
const SENT: &[&str] = &[
    "core every_documented_event_type_is_present_and_no_other",
    "program independent_verifiers_accept_every_event_type_and_refuse_one_flipped_bit",
];
const BYTES: &[&str] = &["program bodies_arrive_byte_for_byte_and_every_verifier_agrees"];

pub const ENVELOPE: Section = Section {
    title: "The envelope",
    rows: &[
        row("A delivery is a `POST` of JSON", Served(&["engine the_request_on_the_wire_is_exact"])),
        each(
            "Members of the body at the top level",
            "id type created data context snapshot",
            Served(&["core the_shape_of_a_body_is_pinned"]),
        ),
        row(
            "`data.object` is an object with `type` and `merchant`",
            Served(&[
                "core examples_are_whole_events_of_the_given_merchant_and_time",
                "web an_object_of_another_merchant_is_refused",
            ]),
        ),
        row("`snapshot` is `{}` by default", Served(&["core nothing_leaves_that_was_not_chosen"])),
        each(
            "`context.actor.type` is one of these; the sub-object of that type stands beside it",
            "customer user apikey og-system-account og-system-process",
            Served(&["program the_actor_of_an_example_is_one_of_those_documented"]),
        ),
        row("`context.source` of a subscription event arrives as it was posted", Served(BYTES)),
        row(
            "`context` and `snapshot` inside `data`, as some samples draw them",
            Not("the samples disagree; they stand at the top level, as most pages draw them"),
        ),
    ],
};

pub const CATALOGUE: Section = Section { title: "Event types", rows: ROWS };

const ROWS: &[Row] = &[
    each(
        "Subscriber events",
        "subscriber.create subscriber.cancel subscriber.subscriptions_created",
        Served(SENT),
    ),
    each(
        "Subscription events",
        "subscription.create subscription.cancel subscription.sku_swap subscription.change_live \
         subscription.reactivate subscription.change_frequency subscription.change_components \
         subscription.change_quantity subscription.change_shipping_address \
         subscription.change_payment subscription.refresh_one_click_token",
        Served(SENT),
    ),
    each(
        "Order events",
        "order.create order.change_shipping_address order.change_payment order.change_billing \
         order.change_next_order_date order.skip_order order.send_now order.cancel order.success \
         order.delete order.generic_error order.reject order.reminder \
         order.retryable_placement_failure order.refresh_one_click_token",
        Served(SENT),
    ),
    each(
        "Item events",
        "item.create item.change_order item.change_quantity item.remove item.item_subscribe \
         item.update_price item.sku_swap item.successfully_placed item.out_of_stock",
        Served(SENT),
    ),
    each(
        "Entitlement events",
        "entitlement.entitlements_granted entitlement.entitlements_expiring \
         entitlement.entitlements_expired entitlement.entitlements_grace_period_expired \
         entitlement.entitlements_expiration_modified entitlement.entitlements_voided",
        Served(SENT),
    ),
    each("Workflow events", "workflow.send_communication", Served(SENT)),
    row(
        "When each happens and how often it can happen to one object",
        Served(&["web the_catalogue_is_shown_whole_with_schemas_and_examples"]),
    ),
    row(
        "A subscriber event names the one subscription or the many, never both",
        Served(&["program a_subscriber_event_names_one_subscription_or_many"]),
    ),
    row(
        "Single events can be chosen, or a whole family",
        Served(&["core a_pattern_matches_whole_types_only"]),
    ),
    row(
        "One entitlement event can carry several entitlements of a customer",
        Served(&["program entitlements_are_a_list"]),
    ),
    each(
        "Other spellings met in guides",
        "subscription.created subscription.cancelled",
        Not("the event reference spells them otherwise; they are refused with the name meant"),
    ),
    row(
        "\"Subscription expired\", met once in a guide",
        Not("it is named nowhere else and never defined"),
    ),
    row(
        "Watching subscriptions, orders and items to notice that an event happened",
        Not("that is the platform's, which posts the event; what is posted is delivered"),
    ),
    row(
        "Placement responses that become order events",
        Not("the platform reads the merchant's answer and posts the event that follows"),
    ),
    row(
        "REST actions on entitlements that cause events",
        Not("they change the platform's own records; it posts the events"),
    ),
    row(
        "Entitlement events only where digital subscriptions are enabled",
        Not("whether a program has them is the platform's knowledge; a webhook chooses its events"),
    ),
];
