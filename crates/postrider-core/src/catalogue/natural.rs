//! Writes catalogue JSON in the order a person expects: type, merchant and ids first.
//!
//! `serde_json` keeps object keys sorted by the alphabet here, which puts `context` before `type`.
//! Pages and examples are read by people, so this writes the same JSON value in another order. It
//! takes any value; keys it does not know come last, by the alphabet.
//!
//! Invariant: parsing the text gives back exactly the value that was written.

use serde_json::{Map, Value};
use std::fmt::Write as _;

/// The top level of a body (facts, section 1). Apart from [`RECORD_KEYS`] because `created` is
/// third here and near the end of every record.
const BODY_KEYS: &[&str] = &["id", "type", "created", "data", "context", "snapshot"];

/// Keys inside bodies, in the order the documentation of the records uses.
#[rustfmt::skip]
const RECORD_KEYS: &[&str] = &[
    "$schema", "title", "key", "object", "type", "const", "merchant", "actor", "source",
    "public_id", "customer", "merchant_user_id", "user", "api_key", "order", "subscription",
    "subscriptions", "orders", "items", "addresses", "payments", "products", "product",
    "workflow_id", "workflow_name", "execution_id", "subscriber", "execution_context", "group_type",
    "name", "description", "enum", "format", "pattern", "minimum", "maximum", "required",
    "properties", "access_type", "entitlements", "external_product_id", "sku", "first_name",
    "last_name", "email", "phone_number", "phone_type", "phone_type_display", "label",
    "company_name", "address", "address2", "city", "state_province_code", "zip_postal_code",
    "country_code", "phone", "fax", "image_url", "detail_url", "quantity", "price", "extra_cost",
    "total_price", "components", "sub_total", "tax_total", "shipping_total", "discount_total",
    "total", "currency_code", "status", "status_display", "place", "tries", "generic_error_count",
    "order_merchant_id", "rejected_message", "frequency_days", "reminder_days", "every",
    "every_period", "every_period_display", "start_date", "cancelled", "cancel_reason",
    "cancel_reason_code", "payment_method", "cc_type", "cc_number_ending", "cc_exp_date",
    "cc_holder", "live", "created", "updated", "last_updated", "last_update", "transaction_type",
    "source_action", "source_object", "source_object_id", "transaction_initiation_time",
    "transaction_execution_time", "time_amount", "last_login", "expiration", "grace_period",
    "entitlement_transaction", "grantees", "resource", "payment", "billing_address",
    "shipping_address", "offer", "session_id", "merchant_order_id", "external_id", "extra_data",
];

/// The value on one line, as it would be posted.
pub fn compact(value: &Value) -> String {
    let mut text = String::new();
    write_value(&mut text, value, None);
    text
}

/// The value over several lines with two spaces of indentation, for pages and documents.
pub fn indented(value: &Value) -> String {
    let mut text = String::new();
    write_value(&mut text, value, Some(0));
    text
}

/// `depth` is `None` for the form on one line.
fn write_value(text: &mut String, value: &Value, depth: Option<usize>) {
    let inner = depth.map(|depth| depth + 1);
    match value {
        Value::Object(map) if !map.is_empty() => {
            text.push('{');
            for (index, (key, value)) in in_natural_order(map).into_iter().enumerate() {
                separate(text, index, inner);
                write_scalar(text, &Value::from(key));
                text.push_str(if depth.is_some() { ": " } else { ":" });
                write_value(text, value, inner);
            }
            break_line(text, depth);
            text.push('}');
        }
        Value::Array(values) if !values.is_empty() => {
            text.push('[');
            for (index, value) in values.iter().enumerate() {
                separate(text, index, inner);
                write_value(text, value, inner);
            }
            break_line(text, depth);
            text.push(']');
        }
        scalar_or_empty => write_scalar(text, scalar_or_empty),
    }
}

fn in_natural_order(map: &Map<String, Value>) -> Vec<(&str, &Value)> {
    let is_body = map.contains_key("type") && map.contains_key("data");
    let order = if is_body { BODY_KEYS } else { RECORD_KEYS };
    let rank = |key: &str| order.iter().position(|known| *known == key).unwrap_or(usize::MAX);
    let mut pairs: Vec<(&str, &Value)> =
        map.iter().map(|(key, value)| (key.as_str(), value)).collect();
    // A stable sort, so that unknown keys keep the alphabetical order of the map.
    pairs.sort_by_key(|(key, _)| rank(key));
    pairs
}

fn separate(text: &mut String, index: usize, depth: Option<usize>) {
    if index > 0 {
        text.push(',');
    }
    break_line(text, depth);
}

fn break_line(text: &mut String, depth: Option<usize>) {
    if let Some(depth) = depth {
        text.push('\n');
        text.extend(std::iter::repeat_n("  ", depth));
    }
}

fn write_scalar(text: &mut String, value: &Value) {
    // Writing to a String cannot fail.
    let _ = write!(text, "{value}");
}
