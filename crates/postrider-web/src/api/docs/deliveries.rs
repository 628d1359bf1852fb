//! Descriptions of the routes of deliveries.

use crate::api::deliveries::FILTERS;
use crate::api::reveal::REVEAL;
use crate::api::wire::delivery::{DeliveryOut, DetailOut};
use crate::openapi::field::Field;
use crate::openapi::operation::{Operation, Tag};
use crate::openapi::schema;

const ID: Field = Field::new("id", schema::delivery_id, "The delivery's id.");

pub(crate) fn list() -> Operation {
    Operation::new(
        "listDeliveries",
        Tag::Deliveries,
        "List deliveries",
        "The log of deliveries, newest first. Filters narrow it together.",
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
