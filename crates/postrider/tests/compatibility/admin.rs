//! The pages of the admin. They are not there yet; what they do can be done over the API.

use crate::Answer::{Not, Served};
use crate::{Row, Section, each, row};

pub const ADMIN: Section = Section { title: "Admin pages", rows: ROWS };

const ROWS: &[Row] = &[
    row(
        "Developers > Webhooks: a list with the verification key, copyable",
        Not(
            "no pages yet; `GET /api/v1/webhooks` and `GET /api/v1/webhooks/{id}/verification-key`",
        ),
    ),
    row(
        "Create and edit: name, target, event types by family, Advanced settings",
        Not("no pages yet; `POST` and `PATCH /api/v1/webhooks`"),
    ),
    each(
        "The menu of a row",
        "Edit Details Enable Disable Delete",
        Not("no pages yet; each is a call under `/api/v1/webhooks/{id}`"),
    ),
    row(
        "Regenerate key, with a confirmation",
        Not("no pages yet; `POST /api/v1/webhooks/{id}/verification-key/rotate`"),
    ),
    row(
        "Send test events, with Confirm",
        Not("no pages yet; `POST /api/v1/webhooks/{id}/test-events`"),
    ),
    row(
        "The deliveries log shows what became of test events",
        Served(&["web test_events_go_to_one_webhook_and_are_marked"]),
    ),
    each(
        "Metrics Summary, as counts over the API",
        "failed successful successful_retries pending_delivery",
        Served(&["web metrics_count_the_last_thirty_days_of_one_webhook"]),
    ),
    row(
        "Deliveries by event id, status and event type",
        Served(&["web filters_choose_deliveries_and_bad_ones_are_named"]),
    ),
    each(
        "Deliveries by customer and object",
        "Customer-ID Customer-Email Object-ID",
        Served(&["web events_and_deliveries_are_found_by_object_customer_and_email"]),
    ),
    row(
        "The card of a delivery: request, response, attempts",
        Served(&["web a_delivery_shows_the_request_as_sent_and_every_attempt"]),
    ),
    row(
        "The same as pages: Metrics Summary, Deliveries Search, the card",
        Not("no pages yet; over the API as above"),
    ),
    row(
        "The older screen: a row per target with a toggle, a URL and the key",
        Not("no pages yet; `/webhook_targets` has all three"),
    ),
    row(
        "Signing in, and the menus of other parts of the platform",
        Not("Postrider is its own program and has none of the platform's other pages"),
    ),
];
