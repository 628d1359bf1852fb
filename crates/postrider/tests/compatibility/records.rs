//! Additional data: the grid, and the fields of the records in a snapshot.

use crate::Answer::{Not, Served};
use crate::{Row, Section, each, row};

/// Examples and test events carry each, and records leave as they were posted.
const SHOWN: &[&str] = &[
    "program every_record_field_is_in_the_snapshots_and_no_other",
    "core snapshots_hold_every_entity_the_family_allows_and_no_other",
];

pub const SNAPSHOT: Section = Section { title: "Additional data (snapshot)", rows: ROWS };

const ROWS: &[Row] = &[
    row(
        "A choice per webhook, event family and entity",
        Served(&[
            "web a_webhook_is_shown_with_every_field_and_its_defaults",
            "core nothing_leaves_that_was_not_chosen",
        ]),
    ),
    row(
        "Which family may carry which entity; others are refused with the reason",
        Served(&[
            "core families_carry_what_the_documented_table_says",
            "core a_choice_outside_the_table_is_refused_with_the_reason",
        ]),
    ),
    row(
        "`customer` is one object, the other entities are lists even of one record",
        Served(&["core a_snapshot_carries_known_entities_in_their_shape"]),
    ),
    row(
        "Only records involved in the event",
        Served(&["core ids_in_an_example_refer_to_its_other_records"]),
    ),
    row(
        "A changed choice applies to later events; what is in transit keeps its body",
        Served(&["web a_changed_choice_leaves_what_is_in_transit_as_it_is"]),
    ),
    each(
        "customer",
        "merchant merchant_user_id session_id user_token_id first_name last_name email \
         phone_number phone_type live created last_updated last_login extra_data locale \
         price_code",
        Served(SHOWN),
    ),
    each(
        "orders",
        "merchant customer payment shipping_address public_id sub_total tax_total shipping_total \
         discount_total total created updated place cancelled tries generic_error_count status \
         type order_merchant_id rejected_message extra_data locked oos_free_shipping \
         currency_code rejected_error_code",
        Served(SHOWN),
    ),
    each(
        "items",
        "order offer subscription product quantity components public_id price extra_cost \
         total_price one_time frozen first_placed product_attribute subscription_component \
         order_updated",
        Served(SHOWN),
    ),
    each(
        "addresses",
        "customer public_id label first_name last_name company_name address address2 city \
         state_province_code zip_postal_code phone fax country_code live created token_id \
         store_public_id updated",
        Served(SHOWN),
    ),
    each(
        "payments",
        "customer billing_address cc_number_ending payment_method public_id label token_id \
         cc_holder cc_type cc_exp_date live created last_updated",
        Served(SHOWN),
    ),
    each(
        "subscriptions",
        "customer merchant product payment shipping_address offer subscription_type \
         raw_subscription_type components extra_data public_id quantity price frequency_days \
         reminder_days every every_period start_date cancelled cancel_reason iteration sequence \
         session_id merchant_order_id created updated live external_id product_attribute \
         cancel_reason_code customer_rep club prepaid_subscription_context currency_code",
        Served(SHOWN),
    ),
    each(
        "products",
        "merchant groups name price image_url detail_url external_product_id sku \
         autoship_enabled premier_enabled created last_update live discontinued extra_data \
         product_type autoship_by_default every every_period incentive_group prepaid_eligible \
         offer_profile",
        Served(SHOWN),
    ),
    each("groups of a product", "group_type name", Served(&["program a_product_names_its_groups"])),
    each(
        "Fields of an order that the platform's own API shows on request only",
        "has_plan",
        Not("no example has it; a sender that posts it has it delivered"),
    ),
    row(
        "Looking the records up when a body is made",
        Not("the platform posts them with the event, so that a body shows the moment it happened"),
    ),
];
