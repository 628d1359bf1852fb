//! Bad inputs and the clear answer: rows 1 to 82 of reliability.md, 3.1 to 3.4.
//!
//! A test says which rows it holds at the start of its documentation; `rows` finds rows without one.

mod auth;
mod http;
mod json_suite;
mod payloads;
mod rows;
mod targets;

/// A request that is accepted.
const GOOD: &str = r#"{"type":"order.create","data":{"object":{}}}"#;
