//! Descriptions of the routes of deliveries.

use super::WEBHOOK_ID;
use crate::api::deliveries::{FILTERS, OF_WEBHOOK};
use crate::api::feed::PARAMETERS;
use crate::api::reveal::REVEAL;
use crate::api::wire::delivery::{DeliveryOut, DetailOut};
use crate::api::wire::feed::FeedOut;
use crate::api::wire::undelivered::UndeliveredOut;
use crate::openapi::field::Field;
use crate::openapi::operation::{Operation, Tag};
use crate::openapi::schema;

const ID: Field = Field::new("id", schema::delivery_id, "The delivery's id.");

pub(crate) fn list() -> Operation {
    Operation::new(
        "listDeliveries",
        Tag::Deliveries,
        "List deliveries",
        "The log of deliveries, newest first. Filters narrow it together. A page that had to pass \
         over many others may hold fewer rows than asked for, even none, and still have a `next`.",
    )
    .lists::<DeliveryOut<'static>>(&FILTERS, "A page of deliveries.")
}

pub(crate) fn show() -> Operation {
    Operation::new(
        "getDelivery",
        Tag::Deliveries,
        "Show a delivery",
        "The request as it was sent, and every attempt with what came back, how long each phase \
         took, the likely cause of a failure and what to do about it. Private fields in the body \
         are masked.",
    )
    .path(ID)
    .query(&REVEAL)
    .answers::<DetailOut<'static>>(200, "The delivery.")
}

pub(crate) fn undelivered() -> Operation {
    Operation::new(
        "listUndelivered",
        Tag::Deliveries,
        "List what was not delivered",
        "Failed deliveries, grouped by webhook and by what their last attempt came to. Those of \
         test events are left out, and those resent are pending again.",
    )
    .query(&OF_WEBHOOK)
    .answers::<UndeliveredOut>(200, "The groups.")
}

pub(crate) fn feed() -> Operation {
    Operation::new(
        "followWebhook",
        Tag::Deliveries,
        "Follow a webhook",
        "The webhook's deliveries and resends in the order they were stored, each with the request \
         that would be sent for it now: freshly signed, with nothing masked. Send `next` back as \
         `after` to go on; the same `after` asks for the same again, so an answer that was lost \
         loses no delivery. A page may be empty.",
    )
    .path(WEBHOOK_ID)
    .query(&PARAMETERS)
    .answers::<FeedOut<'static>>(200, "What was stored after that place.")
    .problem(400, "`after` is not a cursor of this feed: `bad_cursor`.")
}

pub(crate) fn resend() -> Operation {
    Operation::new(
        "resendDelivery",
        Tag::Deliveries,
        "Resend a delivery",
        "Makes a delivery that is settled due again, with the same id and body and a new signature.",
    )
    .path(ID)
    .optional_body(&[])
    .answers::<DeliveryOut<'static>>(200, "The delivery, pending again.")
    .problem(
        409,
        "It is pending already (`already_pending`), or the webhook is disabled or deleted \
         (`webhook_not_enabled`).",
    )
}
