//! Descriptions of the routes of recoveries.

use serde_json::json;

use crate::api::recoveries::FILTERS;
use crate::api::wire::recovery::{DryRunOut, NEW, RecoveryOut, recovery_id};
use crate::openapi::field::Field;
use crate::openapi::operation::{Operation, Tag};

const ID: Field = Field::new("id", recovery_id, "The recovery's id.");

pub(crate) fn create() -> Operation {
    Operation::new(
        "createRecovery",
        Tag::Deliveries,
        "Recover deliveries",
        "Resends the deliveries of a webhook that failed or were canceled, oldest first, each at \
         most once, at a rate; with `dry_run` it only counts them. Test deliveries are left out. \
         While the webhook is disabled it waits.",
    )
    .body(&NEW)
    .example(json!({
        "webhook": "0190163d8694739ba3c1b1c1d0e5a1f2",
        "since": "2025-01-31T08:00:00Z",
        "dry_run": true,
    }))
    .answers::<RecoveryOut>(201, "The recovery, which goes on by itself.")
    .answers::<DryRunOut>(200, "What it would resend; nothing has changed.")
    .problem(404, "There is no such webhook, or it is not yours.")
    .problem(409, "One is under way for this webhook: `recovery_under_way`.")
}

pub(crate) fn list() -> Operation {
    Operation::new(
        "listRecoveries",
        Tag::Deliveries,
        "List recoveries",
        "The recoveries of the merchant, newest first; the last thousand are kept.",
    )
    .lists::<RecoveryOut>(&FILTERS, "A page of recoveries.")
}

pub(crate) fn show() -> Operation {
    Operation::new(
        "getRecovery",
        Tag::Deliveries,
        "Show a recovery",
        "How far it has come, and why it waits if it does.",
    )
    .path(ID)
    .answers::<RecoveryOut>(200, "The recovery.")
}

pub(crate) fn cancel() -> Operation {
    Operation::new(
        "cancelRecovery",
        Tag::Deliveries,
        "Cancel a recovery",
        "It resends no more; what it has made due stays so.",
    )
    .path(ID)
    .optional_body(&[])
    .answers::<RecoveryOut>(200, "The recovery, canceled.")
    .problem(409, "It is done: `recovery_done`.")
}
