//! Descriptions of the routes of rehearsals.

use serde_json::json;

use super::WEBHOOK_ID;
use crate::api::wire::rehearsal::{NEW, RehearsalOut};
use crate::openapi::operation::{Operation, Tag};

pub(crate) fn create() -> Operation {
    Operation::new(
        "rehearseRotation",
        Tag::Keys,
        "Rehearse a rotation",
        "Asks the receiver which keys it accepts: test events that are signed with the new key \
         alone, the expiring key alone, both in either order and, if asked for, a key that nobody \
         knows. They are sent one after the other and within a minute, are no deliveries and do \
         not count for the health of the webhook. Its verdict is kept, the last hundred of a \
         webhook.",
    )
    .path(WEBHOOK_ID)
    .optional_body(&NEW)
    .example(json!({ "event_type": "order.create", "random_key": true }))
    .answers::<RehearsalOut>(201, "What the receiver's answers show.")
    .problem(
        409,
        "The webhook is disabled: `webhook_not_enabled`; or `rehearsal_under_way`; or it was \
         changed meanwhile, and nothing is kept: `conflict`.",
    )
    .problem(429, "The last one ended less than 10 s ago: `rehearsed_lately`.")
}

pub(crate) fn list() -> Operation {
    Operation::new(
        "listRehearsals",
        Tag::Keys,
        "List rehearsals",
        "The rehearsals of a webhook, newest first.",
    )
    .path(WEBHOOK_ID)
    .lists::<RehearsalOut>(&[], "A page of rehearsals.")
}
