//! Holds the catalogue to the facts it was written from, and the examples to the schemas and to
//! each other.

use super::*;
use serde_json::{Value, json};
use std::collections::HashSet;

pub(super) const MERCHANT: &str = "3f5d9b1c7e2a4860b4d8f0a6c2e19375";
/// 2026-03-02 09:30:00 UTC.
pub(super) const NOW: i64 = 1_772_443_800;

/// The names of facts, section 2, written down by hand.
const NAMES: &str = "
    subscriber.create subscriber.cancel subscriber.subscriptions_created
    subscription.create subscription.cancel subscription.sku_swap subscription.change_live
    subscription.reactivate subscription.change_frequency subscription.change_components
    subscription.change_quantity subscription.change_shipping_address
    subscription.change_payment subscription.refresh_one_click_token
    order.create order.change_shipping_address order.change_payment order.change_billing
    order.change_next_order_date order.skip_order order.send_now order.cancel order.success
    order.delete order.generic_error order.reject order.reminder
    order.retryable_placement_failure order.refresh_one_click_token
    item.create item.change_order item.change_quantity item.remove item.item_subscribe
    item.update_price item.sku_swap item.successfully_placed item.out_of_stock
    entitlement.entitlements_granted entitlement.entitlements_expiring
    entitlement.entitlements_expired entitlement.entitlements_grace_period_expired
    entitlement.entitlements_expiration_modified entitlement.entitlements_voided
    workflow.send_communication
";

fn examples() -> impl Iterator<Item = (&'static EventTypeEntry, Value)> {
    entries().iter().map(|entry| (entry, example(entry, MERCHANT, NOW)))
}

/// The records a snapshot holds of one entity, the single customer included.
pub(super) fn records<'a>(event: &'a Value, entity: &str) -> Vec<&'a Value> {
    match &event["snapshot"][entity] {
        Value::Null => vec![],
        Value::Array(records) => records.iter().collect(),
        record => vec![record],
    }
}

/// A decimal string as hundredths.
pub(super) fn cents(amount: &Value) -> i64 {
    let (whole, cents) = amount.as_str().unwrap().split_once('.').unwrap();
    assert_eq!(cents.len(), 2, "{amount}");
    whole.parse::<i64>().unwrap() * 100 + cents.parse::<i64>().unwrap()
}

#[test]
fn every_documented_event_type_is_present_and_no_other() {
    let documented: HashSet<&str> = NAMES.split_whitespace().collect();
    let present: HashSet<&str> = entries().iter().map(|entry| entry.name).collect();
    assert_eq!(present, documented);
    assert_eq!(entries().len(), documented.len(), "a name occurs twice");
}

#[test]
fn names_are_family_and_action_and_are_found_again() {
    for entry in entries() {
        assert_eq!(entry.name, format!("{}.{}", entry.family.as_str(), entry.action()));
        assert!(!entry.action().contains('.') && !entry.action().is_empty());
        assert_eq!(find(entry.name), Some(entry));
        assert!(entry.description.ends_with('.') && entry.description.len() > 40, "{}", entry.name);
    }
    assert!(entries().is_sorted_by_key(|entry| entry.family));
    assert_eq!(Family::ALL.map(|family| entries_of(family).len()), [3, 11, 15, 9, 6, 1]);
    for unknown in ["", "order", "order.", "order.*", ".create", "Order.create", "order.create "] {
        assert_eq!(find(unknown), None, "{unknown:?}");
    }
}

#[test]
fn words_of_families_and_entities_are_read_back() {
    for family in Family::ALL {
        assert_eq!(Family::parse(family.as_str()), Some(family));
    }
    for entity in Entity::ALL {
        assert_eq!(Entity::parse(entity.as_str()), Some(entity));
    }
    assert_eq!((Family::parse("orders"), Entity::parse("order")), (None, None));
}

#[test]
fn families_carry_what_the_documented_table_says() {
    // customer, subscriptions, orders, items, addresses, payments, products
    let table = [
        (Family::Subscriber, "no  yes no  no  yes yes yes"),
        (Family::Subscription, "yes no  no  no  yes yes yes"),
        (Family::Order, "yes yes no  yes yes yes yes"),
        (Family::Item, "yes yes yes no  yes yes yes"),
        (Family::Entitlement, "no  no  no  no  no  no  no"),
        (Family::Workflow, "no  no  no  no  no  no  no"),
    ];
    for (family, row) in table {
        for (entity, cell) in Entity::ALL.into_iter().zip(row.split_whitespace()) {
            assert_eq!(family.allows(entity), cell == "yes", "{family:?} {entity:?}");
        }
    }
}

#[test]
fn schemas_are_valid_and_speak_of_their_type() {
    for entry in entries() {
        let schema = schema(entry);
        jsonschema::meta::validate(&schema).unwrap_or_else(|e| panic!("{}: {e}", entry.name));
        assert_eq!(schema["title"], entry.name);
        assert_eq!(schema["required"], json!(["object"]));
        assert!(!schema.to_string().contains("$part"), "{}", entry.name);
        let object = &schema["properties"]["object"];
        assert_eq!(object["properties"]["type"], json!({"const": entry.family.as_str()}));
        assert!(object["properties"]["merchant"]["description"].is_string());
    }
}

#[test]
fn one_click_tokens_are_described_exactly_where_they_occur() {
    let with_token: Vec<&str> = entries()
        .iter()
        .filter(|entry| {
            let schema = schema(entry);
            !schema["properties"]["object"]["properties"]["one_click_token"].is_null()
        })
        .map(|entry| entry.name)
        .collect();
    assert_eq!(
        with_token,
        [
            "subscription.create",
            "subscription.cancel",
            "subscription.refresh_one_click_token",
            "order.reminder",
            "order.refresh_one_click_token",
        ]
    );
    for (entry, event) in examples() {
        let has_token = event["data"]["object"]["one_click_token"].is_string();
        assert_eq!(has_token, with_token.contains(&entry.name), "{}", entry.name);
    }
}

#[test]
fn examples_fit_their_schemas_and_leave_no_field_undescribed() {
    for (entry, event) in examples() {
        let schema = schema(entry);
        let validator = jsonschema::validator_for(&schema).unwrap();
        if let Err(error) = validator.validate(&event["data"]) {
            panic!("{} at {}: {error}", entry.name, error.instance_path());
        }
        let described = &schema["properties"]["object"]["properties"];
        for field in event["data"]["object"].as_object().unwrap().keys() {
            assert!(!described[field].is_null(), "{}: {field} is not described", entry.name);
        }
    }
}

#[test]
fn wrong_examples_are_refused() {
    for (entry, event) in examples() {
        let validator = jsonschema::validator_for(&schema(entry)).unwrap();
        let refuses = |what: &str, change: &dyn Fn(&mut Value)| {
            let mut data = event["data"].clone();
            change(&mut data);
            assert!(!validator.is_valid(&data), "{} accepts {what}", entry.name);
        };
        refuses("no object", &|data| drop(data.as_object_mut().unwrap().remove("object")));
        refuses("an object that is text", &|data| data["object"] = json!("order"));
        refuses("another family", &|data| data["object"]["type"] = json!("invoice"));
        refuses("a numeric merchant", &|data| data["object"]["merchant"] = json!(7));
        refuses("no merchant", &|data| {
            data["object"].as_object_mut().unwrap().remove("merchant");
        });
        let (field, wrong) = match entry.family {
            Family::Subscriber => ("live", json!("yes")),
            Family::Subscription => ("every_period", json!(9)),
            Family::Order => ("total", json!(58.09)),
            Family::Item => ("order", Value::Null),
            Family::Entitlement => ("entitlements", json!([{"public_id": 1}])),
            Family::Workflow => ("workflow_id", json!(12)),
        };
        refuses(field, &|data| data["object"][field] = wrong.clone());
    }
}

#[test]
fn examples_are_whole_events_of_the_given_merchant_and_time() {
    for (entry, event) in examples() {
        let keys: Vec<&String> = event.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["context", "created", "data", "snapshot", "type"]);
        assert_eq!(event["type"], entry.name);
        assert_eq!(event["created"], NOW);
        assert_eq!(event["data"]["object"]["merchant"], MERCHANT);
        assert!(event["context"]["actor"]["type"].is_string(), "{}", entry.name);
        let text = event.to_string();
        for mark in ["{merchant", "{id:", "{unix", "{date", "{time", EXAMPLE_MERCHANT] {
            assert!(!text.contains(mark), "{}: {mark} is left", entry.name);
        }
    }
}

#[test]
fn snapshots_hold_every_entity_the_family_allows_and_no_other() {
    for (entry, event) in examples() {
        let snapshot = event["snapshot"].as_object().unwrap();
        let mut allowed: Vec<&str> = entry.family.allowed_entities().map(Entity::as_str).collect();
        allowed.sort_unstable();
        assert!(snapshot.keys().eq(allowed), "{}: {:?}", entry.name, snapshot.keys());
        for (key, value) in snapshot {
            let is_single = Entity::parse(key).unwrap().is_single();
            assert!(if is_single { value.is_object() } else { value.is_array() }, "{key}");
            assert!(!records(&event, key).is_empty(), "{}: no {key}", entry.name);
        }
    }
}

#[test]
fn amounts_of_orders_add_up() {
    let mut orders_seen = 0;
    for (entry, event) in examples() {
        let object = &event["data"]["object"];
        let mut orders = records(&event, "orders");
        if entry.family == Family::Order {
            orders.push(object);
            let items = records(&event, "items");
            let full: i64 =
                items.iter().map(|i| cents(&i["price"]) * i["quantity"].as_i64().unwrap()).sum();
            let paid: i64 = items.iter().map(|item| cents(&item["total_price"])).sum();
            assert_eq!(full, cents(&object["sub_total"]), "{}", entry.name);
            assert_eq!(full - paid, cents(&object["discount_total"]), "{}", entry.name);
        }
        for order in orders {
            let sum = cents(&order["sub_total"]) - cents(&order["discount_total"])
                + cents(&order["tax_total"])
                + cents(&order["shipping_total"]);
            assert_eq!(sum, cents(&order["total"]), "{}", entry.name);
            orders_seen += 1;
        }
    }
    assert_eq!(orders_seen, 15 + 9, "every order and item example carries one order");
}

#[test]
fn ids_in_an_example_refer_to_its_other_records() {
    for (entry, event) in examples() {
        let known = |entity: &str, key: &str, id: &Value| {
            records(&event, entity).iter().any(|record| &record[key] == id)
        };
        // Every record may point to others; where that kind of record is carried, it must be there.
        let entities = event["snapshot"].as_object().unwrap().keys();
        let mut pointing: Vec<&Value> = entities.flat_map(|key| records(&event, key)).collect();
        pointing.push(&event["data"]["object"]);
        for record in pointing {
            for (field, entity, key) in [
                ("customer", "customer", "merchant_user_id"),
                ("subscription", "subscriptions", "public_id"),
                ("shipping_address", "addresses", "public_id"),
                ("billing_address", "addresses", "public_id"),
                ("product", "products", "external_product_id"),
            ] {
                let id = &record[field];
                let carried = entry.family.allows(Entity::parse(entity).unwrap());
                assert!(
                    id.is_null() || !carried || known(entity, key, id),
                    "{}: {field} {id} is nowhere in {entity}",
                    entry.name
                );
            }
        }
        let object = &event["data"]["object"];
        match entry.family {
            Family::Item => assert!(known("orders", "public_id", &object["order"])),
            Family::Order => {
                let items = records(&event, "items");
                assert!(items.iter().all(|item| item["order"] == object["public_id"]));
            }
            Family::Subscriber => {
                let mut named = object["subscriptions"].as_array().unwrap().clone();
                named.extend(Some(object["subscription"].clone()).filter(Value::is_string));
                let carried = records(&event, "subscriptions");
                assert!(carried.iter().map(|s| &s["public_id"]).eq(&named), "{}", entry.name);
            }
            Family::Subscription | Family::Entitlement | Family::Workflow => {}
        }
        let paid_by = records(&event, "orders").first().map_or(object, |order| order);
        if !paid_by["payment"].is_null() {
            assert!(known("payments", "public_id", &paid_by["payment"]), "{}", entry.name);
        }
    }
}

/// Shows every value with its key, at any depth.
fn walk(value: &Value, visit: &mut dyn FnMut(&str, &Value)) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            visit(key, value);
            walk(value, visit);
        }),
        Value::Array(values) => values.iter().for_each(|value| walk(value, visit)),
        _ => {}
    }
}

#[test]
fn identifiers_and_contacts_are_made_up() {
    let hex_keys = ["public_id", "order", "subscription", "payment", "offer", "shipping_address"];
    for (entry, event) in examples() {
        walk(&event, &mut |key, value| {
            let Some(text) = value.as_str() else { return };
            if hex_keys.contains(&key) {
                let is_hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
                assert!(text.len() == 32 && is_hex, "{}: {key} {text}", entry.name);
            }
            if key == "email" {
                assert!(text.ends_with("@example.com"));
            }
            if key == "phone_number" || key == "phone" {
                assert!(text.starts_with("555-01") && text.len() == 8, "{text}");
            }
        });
    }
}

#[test]
fn dates_of_an_example_follow_the_given_time() {
    let event = example(find("order.reminder").unwrap(), MERCHANT, NOW);
    assert_eq!(event["data"]["object"]["place"], "2026-03-07");
    assert_eq!(event["data"]["object"]["created"], NOW - 23 * 86_400);
    assert_eq!(event["snapshot"]["customer"]["last_login"], "2026-03-02 09:30:00");
    let session = format!("{MERCHANT}.417203.{}", NOW - 79 * 86_400);
    assert_eq!(event["snapshot"]["customer"]["session_id"], session);
    // A clock that is far off makes odd examples, never a panic.
    for now in [i64::MIN, -1, 0, i64::MAX] {
        for entry in entries() {
            assert_eq!(example(entry, MERCHANT, now)["created"], now);
        }
    }
}

#[test]
fn a_near_miss_is_told_the_name_it_meant() {
    for (written, meant) in [
        ("subscription.created", "subscription.create"),
        ("subscription.cancelled", "subscription.cancel"),
        ("subscription.canceled", "subscription.cancel"),
        ("subscriptions.create", "subscription.create"),
        ("Subscription.Create", "subscription.create"),
        ("suscription.change_frequncy", "subscription.change_frequency"),
        ("order.skip", "order.skip_order"),
        ("order.sucess", "order.success"),
        ("orders.reminders", "order.reminder"),
        ("item.removed", "item.remove"),
        ("item.created", "item.create"),
        ("subscriber.subscription_created", "subscriber.subscriptions_created"),
        ("entitlement.entitlements_grant", "entitlement.entitlements_granted"),
    ] {
        assert_eq!(Catalogue::default().nearest(written), Some(meant), "{written}");
    }
    let far = ["zzz", "", ".", "order.", "order.zzz", "item.delete", "invoice.create", "a.b.c"];
    for written in far.into_iter().chain([
        "subscription.paused",
        "subscription.delete",
        "order.change_date",
        "order.change",
    ]) {
        assert_eq!(Catalogue::default().nearest(written), None, "{written}");
    }
}

#[test]
fn no_two_actions_of_a_family_are_one_misspelling_apart() {
    for entry in entries() {
        for other in entries_of(entry.family).iter().filter(|other| *other != entry) {
            let edits = strsim::damerau_levenshtein(entry.action(), other.action());
            assert!(edits > whole::EDITS_MAX, "{} {}", entry.name, other.name);
        }
    }
}

#[test]
fn natural_text_puts_what_matters_first_and_changes_nothing() {
    for (entry, event) in examples() {
        for value in [&event, &schema(entry)] {
            for text in [natural::compact(value), natural::indented(value)] {
                assert_eq!(&serde_json::from_str::<Value>(&text).unwrap(), value);
            }
        }
        let text = natural::compact(&event);
        let start = format!(r#"{{"type":"{}","created":{NOW},"data":{{"#, entry.name);
        assert!(text.starts_with(&start), "{text}");
        let family = entry.family.as_str();
        let object = format!(r#""object":{{"type":"{family}","merchant":"{MERCHANT}","#);
        assert!(text.contains(&object), "{text}");
    }
    let odd = json!({"zeta": [], "alpha": {}, "type": "a\"b\n", "list": [1, null, 2.5]});
    let expected = r#"{"type":"a\"b\n","alpha":{},"list":[1,null,2.5],"zeta":[]}"#;
    assert_eq!(natural::compact(&odd), expected);
    let expected = "{\n  \"type\": \"x\",\n  \"a\": [\n    1\n  ]\n}";
    assert_eq!(natural::indented(&json!({"a": [1], "type": "x"})), expected);
}
