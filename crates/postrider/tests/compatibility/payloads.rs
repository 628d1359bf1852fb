//! The fields of `data`, family by family, as paths below it.

use crate::Answer::{Not, Served};
use crate::{Row, Section, each, row};

/// Each is described, is in the examples and test events, and leaves as it was posted.
const SHOWN: &[&str] = &[
    "program every_payload_field_is_described_and_no_other",
    "core examples_fit_their_schemas_and_leave_no_field_undescribed",
    "program bodies_arrive_byte_for_byte_and_every_verifier_agrees",
];

pub const PAYLOADS: Section = Section { title: "Fields of the payload", rows: ROWS };

const ROWS: &[Row] = &[
    each(
        "subscriber",
        "object object.type object.merchant object.merchant_user_id object.subscription \
         object.subscriptions object.session_id object.first_name object.last_name object.email \
         object.phone_number object.phone_type object.phone_type_display object.live \
         object.created object.last_updated object.extra_data object.locale object.locale_display",
        Served(SHOWN),
    ),
    each(
        "subscription",
        "object object.type object.merchant object.public_id object.customer object.product \
         object.components object.components[].product object.components[].public_id \
         object.components[].quantity object.prepaid_subscription_context \
         object.prepaid_subscription_context.prepaid_orders_remaining \
         object.prepaid_subscription_context.prepaid_orders_per_billing \
         object.prepaid_subscription_context.renewal_behavior \
         object.prepaid_subscription_context.last_renewal_revenue \
         object.prepaid_subscription_context.prepaid_origin_merchant_order_id object.extra_data \
         object.quantity object.price object.frequency_days object.reminder_days object.every \
         object.every_period object.every_period_display object.cancelled object.cancel_reason \
         object.cancel_reason_code object.session_id object.merchant_order_id object.live \
         object.external_id object.created object.updated object.start_date object.offer \
         object.payment object.shipping_address object.one_click_token",
        Served(SHOWN),
    ),
    each(
        "order",
        "object object.type object.merchant object.public_id object.customer object.payment \
         object.shipping_address object.sub_total object.tax_total object.shipping_total \
         object.discount_total object.total object.created object.place object.cancelled \
         object.tries object.generic_error_count object.status object.status_display \
         object.order_merchant_id object.rejected_message object.extra_data \
         object.one_click_token",
        Served(SHOWN),
    ),
    each(
        "item",
        "object object.type object.merchant object.public_id object.customer object.product \
         object.order object.subscription object.offer object.quantity object.price \
         object.total_price object.first_placed object.components object.components[].product \
         object.components[].public_id object.components[].quantity",
        Served(SHOWN),
    ),
    each(
        "entitlement",
        "object object.type object.merchant object.customer object.entitlements \
         object.entitlements[].public_id object.entitlements[].access_type \
         object.entitlements[].created object.entitlements[].last_updated \
         object.entitlements[].expiration object.entitlements[].grace_period \
         object.entitlements[].live object.entitlements[].entitlement_transaction \
         object.entitlements[].entitlement_transaction.public_id \
         object.entitlements[].entitlement_transaction.transaction_type \
         object.entitlements[].entitlement_transaction.source_action \
         object.entitlements[].entitlement_transaction.source_object \
         object.entitlements[].entitlement_transaction.source_object_id \
         object.entitlements[].entitlement_transaction.transaction_initiation_time \
         object.entitlements[].entitlement_transaction.transaction_execution_time \
         object.entitlements[].entitlement_transaction.time_amount \
         object.entitlements[].entitlement_transaction.grace_period \
         object.entitlements[].grantees object.entitlements[].grantees[].external_id \
         object.entitlements[].grantees[].name object.entitlements[].grantees[].created \
         object.entitlements[].grantees[].updated object.entitlements[].resource \
         object.entitlements[].resource.public_id object.entitlements[].resource.name \
         object.entitlements[].resource.description object.entitlements[].resource.external_id \
         object.entitlements[].resource.image_url",
        Served(SHOWN),
    ),
    each(
        "workflow",
        "key object object.type object.merchant object.workflow_id object.workflow_name \
         object.execution_id subscriber subscriber.email subscriber.phone_number \
         subscriber.first_name subscriber.last_name execution_context",
        Served(SHOWN),
    ),
    each(
        "Fields that may be null, by family",
        "subscription:object.components[].quantity \
         subscription:object.prepaid_subscription_context subscription:object.price \
         subscription:object.cancelled subscription:object.cancel_reason_code \
         subscription:object.external_id order:object.cancelled order:object.order_merchant_id \
         order:object.rejected_message item:object.first_placed \
         entitlement:object.entitlements[].grantees \
         entitlement:object.entitlements[].resource.image_url",
        Served(&["program fields_documented_as_null_may_be"]),
    ),
    row(
        "Values of `phone_type`, `every_period` and `renewal_behavior`",
        Served(&["program documented_values_are_described"]),
    ),
    row(
        "`one_click_token` on five event types only",
        Served(&["core one_click_tokens_are_described_exactly_where_they_occur"]),
    ),
    row(
        "Fields in the table of one page that belong to another kind of record",
        Not("an error of that page: its sample and the older page agree on the fields above"),
    ),
];
