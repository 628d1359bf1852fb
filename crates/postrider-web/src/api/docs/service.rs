//! Descriptions of what the service says of itself.

use crate::api::health::Health;
use crate::openapi::operation::{Operation, Tag};
use crate::openapi::schema;

const NO_PARAMETERS: &str = "It takes no parameters: `unknown_parameter`.";

pub(crate) fn alive() -> Operation {
    Operation::new(
        "getHealth",
        Tag::Service,
        "Whether the process lives",
        "Answers as long as the process does.",
    )
    .answers::<Health>(200, "It lives.")
}

pub(crate) fn ready() -> Operation {
    Operation::new(
        "getReadiness",
        Tag::Service,
        "Whether the service can work",
        "Answers 200 when the database can be read and written.",
    )
    .answers::<Health>(200, "It can.")
    .problem(503, "It cannot: `storage_unavailable`.")
}

pub(crate) fn metrics() -> Operation {
    Operation::new(
        "getMetrics",
        Tag::Service,
        "What monitoring reads",
        "Counters, times and gauges of this process and its database as OpenMetrics text. \
         `postrider_unaccounted` must be 0, and `postrider_oldest_due_age_seconds` small.",
    )
    .answers_as(200, "The metrics.", "application/openmetrics-text", schema::plain)
}

pub(crate) fn document() -> Operation {
    Operation::new(
        "getOpenApi",
        Tag::Service,
        "This description",
        "The OpenAPI 3.1 document of the API, made from the code that answers.",
    )
    .answers_as(200, "The document.", "application/json", schema::any_object)
    .problem(422, NO_PARAMETERS)
}

pub(crate) fn reference() -> Operation {
    Operation::new(
        "getReference",
        Tag::Service,
        "This description as a page",
        "The same for people: a page without scripts, made from the document.",
    )
    .answers_as(200, "The page.", "text/html", schema::plain)
    .problem(422, NO_PARAMETERS)
}
