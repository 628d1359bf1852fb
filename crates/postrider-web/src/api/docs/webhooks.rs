//! Descriptions of the routes of webhooks, their actions and their verification keys.

use serde_json::json;

use super::WEBHOOK_ID;
use crate::api::verification::ROTATION;
use crate::api::webhook_actions::{RESUME, ResumeDryRun, Sent, TEST_EVENTS};
use crate::api::wire::key::VerificationOut;
use crate::api::wire::metrics::{HoursOut, MetricsOut};
use crate::api::wire::signature_check::{CHECK, CheckOut};
use crate::api::wire::webhook::WebhookOut;
use crate::api::wire::webhook_fields::{NEW, WRITABLE};
use crate::openapi::field::Field;
use crate::openapi::operation::{Operation, Tag};
use crate::openapi::schema;

const ETAG: &str = "The version of the webhook, for `If-Match`.";
const IF_MATCH: Field = Field::new(
    "If-Match",
    |_| schemars::json_schema!({ "type": "string", "examples": ["\"3\""] }),
    "The `ETag` last seen: the change is refused if somebody else was quicker.",
);

fn webhook(operation: Operation, status: u16, meaning: &'static str) -> Operation {
    operation.answers::<WebhookOut<'static>>(status, meaning).with_header("ETag", ETAG)
}

/// An action, which answers with the webhook as it is now.
fn action(id: &'static str, summary: &'static str, description: &'static str) -> Operation {
    let operation = Operation::new(id, Tag::Webhooks, summary, description).path(WEBHOOK_ID);
    webhook(operation, 200, "The webhook as it is now; `canceled` counts deliveries.")
}

pub(crate) fn list() -> Operation {
    Operation::new(
        "listWebhooks",
        Tag::Webhooks,
        "List webhooks",
        "The webhooks of the merchant, newest first.",
    )
    .lists::<WebhookOut<'static>>(&[], "A page of webhooks.")
}

pub(crate) fn create() -> Operation {
    let operation = Operation::new(
        "createWebhook",
        Tag::Webhooks,
        "Create a webhook",
        "Events accepted from now on are delivered to its target. It comes with a verification \
         key, which is shown by a call of its own.",
    )
    .body(&NEW)
    .example(json!({
        "name": "Shop",
        "target_url": "https://example.com/hooks",
        "event_types": ["subscription.*", "order.success"],
        "additional_data": { "order": ["customer", "items"] },
    }));
    webhook(operation, 201, "The webhook.").with_header("Location", "The path of the webhook.")
}

pub(crate) fn show() -> Operation {
    let operation = Operation::new(
        "getWebhook",
        Tag::Webhooks,
        "Show a webhook",
        "The webhook with its status and the health of its target. Its verification key is never \
         part of it.",
    );
    webhook(operation.path(WEBHOOK_ID), 200, "The webhook.")
}

pub(crate) fn update() -> Operation {
    let operation = Operation::new(
        "updateWebhook",
        Tag::Webhooks,
        "Change a webhook",
        "Writes the members that are given and leaves the others. Events accepted afterwards \
         follow the new configuration; a delivery under way keeps its body.",
    );
    let operation = operation.path(WEBHOOK_ID).header(IF_MATCH).body(&WRITABLE);
    webhook(operation.example(json!({ "timeout_seconds": 10 })), 200, "The webhook as it is now.")
        .problem(409, "Others change it all the time: `conflict`. Try again.")
        .problem(412, "It has changed since the version in `If-Match`: `precondition_failed`.")
}

pub(crate) fn delete() -> Operation {
    Operation::new(
        "deleteWebhook",
        Tag::Webhooks,
        "Delete a webhook",
        "Nothing more is sent to it: its pending deliveries are canceled. Its deliveries stay in \
         the log.",
    )
    .path(WEBHOOK_ID)
    .answers_nothing("It is deleted.")
}

pub(crate) fn enable() -> Operation {
    action("enableWebhook", "Enable a webhook", "Events accepted from now on are delivered again.")
        .optional_body(&[])
        .problem(409, "The webhook is paused: `webhook_paused`. Use `resume`.")
}

pub(crate) fn disable() -> Operation {
    action(
        "disableWebhook",
        "Disable a webhook",
        "Nothing more is sent to it, and its pending deliveries are canceled. To keep them, pause \
         it instead.",
    )
    .optional_body(&[])
}

pub(crate) fn pause() -> Operation {
    action(
        "pauseWebhook",
        "Pause a webhook",
        "Nothing is sent for now; events keep arriving as pending deliveries, which wait until it \
         is resumed.",
    )
    .optional_body(&[])
    .problem(409, "The webhook is disabled: `webhook_not_enabled`.")
}

pub(crate) fn resume() -> Operation {
    let operation = Operation::new(
        "resumeWebhook",
        Tag::Webhooks,
        "Resume a paused webhook",
        "Sending goes on; `backlog` says what becomes of the deliveries that have waited. With \
         `dry_run` they are only counted, which tells what each choice would do.",
    );
    let either = schema::either::<WebhookOut<'static>, ResumeDryRun>;
    let meaning = "The webhook as it is now, or what would become of its deliveries.";
    operation
        .path(WEBHOOK_ID)
        .answers_as(200, meaning, "application/json", either)
        .with_header("ETag", ETAG)
        .body(&RESUME)
        .example(json!({ "backlog": "latest", "dry_run": true }))
        .problem(409, "The webhook is not paused: `webhook_not_paused`.")
}

pub(crate) fn send_test_events() -> Operation {
    Operation::new(
        "sendTestEvents",
        Tag::Webhooks,
        "Send test events",
        "Sends one made-up event of each type asked for, signed and delivered like any other, \
         marked as a test, and never retried.",
    )
    .path(WEBHOOK_ID)
    .optional_body(&TEST_EVENTS)
    .example(json!({ "event_types": ["subscription.create"] }))
    .answers::<Sent>(200, "They are on their way.")
    .problem(409, "The webhook is disabled: `webhook_not_enabled`.")
}

pub(crate) fn metrics() -> Operation {
    Operation::new(
        "getWebhookMetrics",
        Tag::Webhooks,
        "Show the figures of a webhook",
        "What became of its deliveries of the last 30 days, and how long successful attempts took.",
    )
    .path(WEBHOOK_ID)
    .answers::<MetricsOut>(200, "The figures.")
}

pub(crate) fn hours() -> Operation {
    Operation::new(
        "getWebhookHours",
        Tag::Webhooks,
        "Show the last 24 hours of a webhook",
        "What became of the deliveries created in this hour and the 23 before, hour by hour.",
    )
    .path(WEBHOOK_ID)
    .answers::<HoursOut>(200, "The hours.")
}

pub(crate) fn show_key() -> Operation {
    Operation::new(
        "getVerificationKey",
        Tag::Keys,
        "Show the verification key",
        "The key receivers verify signatures with, and after a rotation the one that expires.",
    )
    .path(WEBHOOK_ID)
    .answers::<VerificationOut<'static>>(200, "The keys.")
}

pub(crate) fn rotate_key() -> Operation {
    Operation::new(
        "rotateVerificationKey",
        Tag::Keys,
        "Rotate the verification key",
        "Makes a new key. For 24 hours deliveries carry both signatures, the new one first; after \
         that only the new one. Rotating again within that time replaces the new key and leaves \
         the expiring one and its expiry as they are. With `\"overlap\": \"none\"` the old key is \
         dead at once.",
    )
    .path(WEBHOOK_ID)
    .optional_body(&ROTATION)
    .answers::<VerificationOut<'static>>(200, "The keys as they are now.")
}

pub(crate) fn check_signature() -> Operation {
    Operation::new(
        "checkSignature",
        Tag::Keys,
        "Check a signature",
        "Why does a signature not match? Looks at a request as a receiver got it and says what \
         happened to it: the JSON was written again, the key is an old one or another webhook's, \
         a line break was added, the clock is wrong. Nothing of it is kept.",
    )
    .path(WEBHOOK_ID)
    .body(&CHECK)
    .example(json!({
        "headers": "ts=1767225600,sig=0f2c6a8a7d1e4b3f9c5d8e7a6b1c2d3e4f5061728394a5b6c7d8e9f0a1b2c3d4",
        "body": "{}",
    }))
    .answers::<CheckOut>(200, "What was found.")
}
