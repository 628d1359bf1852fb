//! Properties of invented worlds, held over many seeds and every event type.

use std::collections::HashSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::dates::{day, moment};
use super::super::tests::{MERCHANT, NOW, cents, records};
use super::super::{Entity, EventTypeEntry, Family, entries, find, natural, posted, schema};
use super::World;
use crate::event;

const SEEDS: std::ops::Range<u64> = 0..24;

fn worlds() -> impl Iterator<Item = (&'static EventTypeEntry, Value)> {
    SEEDS.flat_map(|seed| {
        let world = World::invent(seed, MERCHANT, NOW);
        entries().iter().map(move |entry| (entry, world.event(entry)))
    })
}

fn object(seed: u64, name: &str) -> Value {
    let event = World::invent(seed, MERCHANT, NOW).event(find(name).unwrap());
    event["data"]["object"].clone()
}

#[test]
fn every_event_fits_its_schema_and_is_accepted_as_posted() {
    let schemas: Vec<_> = entries()
        .iter()
        .map(schema)
        .map(|schema| (jsonschema::validator_for(&schema).unwrap(), schema))
        .collect();
    for ((entry, made), (validator, schema)) in worlds().zip(schemas.iter().cycle()) {
        assert_eq!(schema["title"], entry.name);
        if let Err(error) = validator.validate(&made["data"]) {
            panic!("{} at {}: {error}", entry.name, error.instance_path());
        }
        let posted = posted(&made).unwrap();
        assert_eq!(event::check(&posted).unwrap().as_deref(), Some(MERCHANT), "{}", entry.name);
        let described = &schema["properties"]["object"]["properties"];
        for field in made["data"]["object"].as_object().unwrap().keys() {
            assert!(!described[field].is_null(), "{}: {field} is not described", entry.name);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_seed_repeats_itself_and_another_differs(seed: u64, now in 1_000_000_000_i64..4_000_000_000)
    {
        let entry = find("order.create").unwrap();
        let text = |seed| natural::compact(&World::invent(seed, MERCHANT, now).event(entry));
        prop_assert_eq!(text(seed), text(seed));
        prop_assert_ne!(text(seed), text(seed.wrapping_add(1)));
    }

    #[test]
    fn a_clock_that_is_far_off_makes_odd_worlds_and_never_a_panic(seed: u64, now: i64) {
        let world = World::invent(seed, MERCHANT, now);
        for entry in entries() {
            prop_assert!(event::check(&posted(&world.event(entry)).unwrap()).is_ok());
        }
    }
}

#[test]
fn a_seed_means_the_same_in_every_version() {
    let order = object(7, "order.success");
    assert_eq!(
        json!([order["public_id"], order["customer"], order["total"], order["order_merchant_id"]]),
        json!(["66cd25813e9b65b876a3dec45265c099", "cust-826232", "139.75", "LO-5728264"])
    );
}

#[test]
fn invented_snapshots_hold_what_the_family_allows_and_no_more() {
    for (entry, event) in worlds() {
        let mut allowed: Vec<_> = entry.family.allowed_entities().map(Entity::as_str).collect();
        allowed.sort_unstable();
        assert!(event["snapshot"].as_object().unwrap().keys().eq(allowed), "{}", entry.name);
    }
}

#[test]
fn every_id_leads_to_a_record_of_the_snapshot() {
    for (entry, event) in worlds() {
        let known = |entity: &str, key: &str, id: &Value| {
            records(&event, entity).iter().any(|record| &record[key] == id)
        };
        let entities = event["snapshot"].as_object().unwrap().keys();
        let mut pointing: Vec<&Value> = entities.flat_map(|key| records(&event, key)).collect();
        let object = &event["data"]["object"];
        pointing.push(object);
        for record in pointing {
            for (field, entity, key) in [
                ("customer", "customer", "merchant_user_id"),
                ("subscription", "subscriptions", "public_id"),
                ("order", "orders", "public_id"),
                ("payment", "payments", "public_id"),
                ("shipping_address", "addresses", "public_id"),
                ("billing_address", "addresses", "public_id"),
                ("product", "products", "external_product_id"),
            ] {
                let id = &record[field];
                let is_carried = entry.family.allows(Entity::parse(entity).unwrap());
                // The line that was removed is in no order any more.
                let is_known = id.is_null() || !is_carried || known(entity, key, id);
                assert!(is_known, "{}: {field} {id} is nowhere in {entity}", entry.name);
            }
        }
        if entry.family == Family::Order {
            let items = records(&event, "items");
            assert!(!items.is_empty(), "{}", entry.name);
            assert!(items.iter().all(|item| item["order"] == object["public_id"]));
        }
    }
}

#[test]
fn amounts_add_up() {
    let mut summed = 0;
    for (entry, event) in worlds() {
        let object = &event["data"]["object"];
        let mut orders = records(&event, "orders");
        let mut items = records(&event, "items");
        match entry.family {
            Family::Order => orders.push(object),
            Family::Item => items.push(object),
            _ => {}
        }
        for item in &items {
            let full = cents(&item["price"]) * item["quantity"].as_i64().unwrap();
            let total = cents(&item["total_price"]);
            assert!(0 < total && total <= full, "{}: {item}", entry.name);
        }
        for order in orders {
            let part = |name: &str| cents(&order[name]);
            let sum = part("sub_total") - part("discount_total")
                + part("tax_total")
                + part("shipping_total");
            assert_eq!(sum, part("total"), "{}", entry.name);
            if entry.family == Family::Order {
                let full = |i: &&Value| cents(&i["price"]) * i["quantity"].as_i64().unwrap();
                assert_eq!(items.iter().map(full).sum::<i64>(), part("sub_total"));
                let paid: i64 = items.iter().map(|item| cents(&item["total_price"])).sum();
                assert_eq!(part("sub_total") - paid, part("discount_total"), "{}", entry.name);
            }
            summed += 1;
        }
    }
    assert_eq!(summed, SEEDS.count() * (15 + 9));
}

#[test]
fn prices_are_those_of_the_product_or_promised() {
    for (entry, event) in worlds() {
        if entry.family != Family::Item || entry.name == "item.update_price" {
            continue;
        }
        let item = &event["data"]["object"];
        let promised =
            records(&event, "subscriptions").first().map_or(&Value::Null, |s| &s["price"]);
        let price =
            if promised.is_null() { &records(&event, "products")[0]["price"] } else { promised };
        assert_eq!(&item["price"], price, "{}", entry.name);
    }
}

/// Shows every object, at any depth.
fn objects<'a>(value: &'a Value, visit: &mut dyn FnMut(&'a Value)) {
    match value {
        Value::Object(map) => {
            visit(value);
            map.values().for_each(|value| objects(value, visit));
        }
        Value::Array(values) => values.iter().for_each(|value| objects(value, visit)),
        _ => {}
    }
}

#[test]
fn dates_follow_each_other() {
    let (now, today) = (moment(NOW), day(NOW));
    for (entry, event) in worlds() {
        objects(&event, &mut |record| {
            let created = &record["created"];
            for later in ["updated", "last_updated", "last_update", "cancelled", "first_placed"] {
                match (created, &record[later]) {
                    (Value::Number(created), Value::Number(at)) => {
                        let (created, at) = (created.as_i64().unwrap(), at.as_i64().unwrap());
                        assert!(created <= at && at <= NOW, "{}: {later} {at}", entry.name);
                    }
                    (Value::String(created), Value::String(at)) => {
                        assert!(created <= at && *at <= now, "{}: {later} {at}", entry.name);
                    }
                    _ => {}
                }
            }
            if let Some(place) = record["place"].as_str() {
                let is_tried = record["tries"] != 0 || record["status"] == 6;
                let day = &place[..10];
                assert!(if is_tried { day == today } else { *day > *today }, "{}", entry.name);
            }
        });
        let known = records(&event, "customer").first().map(|c| c["created"].as_str().unwrap());
        for entity in ["subscriptions", "orders", "addresses", "payments"] {
            for record in records(&event, entity) {
                let created = record["created"].as_str().unwrap();
                assert!(known.is_none_or(|known| known <= created), "{}: {entity}", entry.name);
            }
        }
    }
}

#[test]
fn each_type_shows_the_state_it_implies() {
    for seed in SEEDS {
        let is = |name: &str, fields: &[(&str, Value)]| {
            let object = object(seed, name);
            for (field, expected) in fields {
                assert_eq!(&object[*field], expected, "{name}: {field}, seed {seed}");
            }
        };
        is("order.create", &[("status", json!(1)), ("created", json!(NOW)), ("tries", json!(0))]);
        is("order.skip_order", &[("status", json!(4)), ("cancelled", json!(NOW))]);
        is("order.cancel", &[("status", json!(4)), ("cancelled", json!(NOW))]);
        is("order.send_now", &[("status", json!(6)), ("place", json!(day(NOW)))]);
        is("order.success", &[("status", json!(5)), ("rejected_message", Value::Null)]);
        is("order.reject", &[("status", json!(3)), ("order_merchant_id", Value::Null)]);
        is("order.generic_error", &[("status", json!(15))]);
        is("order.retryable_placement_failure", &[("status", json!(18))]);
        is("order.delete", &[("status", json!(1)), ("cancelled", Value::Null)]);
        is("subscription.cancel", &[("live", json!(false)), ("cancelled", json!(NOW))]);
        is("subscription.reactivate", &[("live", json!(true)), ("cancel_reason", Value::Null)]);
        is("subscriber.create", &[("subscriptions", json!([])), ("live", json!(true))]);
        is("subscriber.cancel", &[("subscriptions", json!([])), ("live", json!(false))]);
        is("subscriber.subscriptions_created", &[("subscription", Value::Null)]);

        assert!(object(seed, "order.success")["order_merchant_id"].is_string());
        assert!(object(seed, "order.reject")["rejected_message"].is_string());
        let failing = object(seed, "order.generic_error");
        assert_eq!(failing["generic_error_count"], failing["tries"]);
        let canceled = object(seed, "subscription.cancel");
        let reason = canceled["cancel_reason"].as_str().unwrap();
        let (code, _) = reason.split_once('|').unwrap();
        assert_eq!(canceled["cancel_reason_code"].to_string(), code);
        assert!(object(seed, "subscriber.create")["subscription"].is_string());
        let several = object(seed, "subscriber.subscriptions_created");
        assert_eq!(several["subscriptions"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn a_token_or_a_first_placement_is_only_where_it_belongs() {
    let mut tokens = HashSet::new();
    let describes =
        |entry| schema(entry)["properties"]["object"]["properties"]["one_click_token"].is_object();
    let carriers: Vec<_> = entries().iter().filter(|entry| describes(entry)).collect();
    for (entry, event) in worlds() {
        let object = &event["data"]["object"];
        let is_carrier = carriers.contains(&entry);
        assert_eq!(object["one_click_token"].is_string(), is_carrier, "{}", entry.name);
        if let Some(token) = object["one_click_token"].as_str() {
            assert!(tokens.insert(token.to_owned()), "each token works once");
        }
        let is_out = entry.name == "item.out_of_stock";
        assert_eq!(object["first_placed"].is_number(), is_out, "{}", entry.name);
        let is_new = entry.name == "subscription.create";
        assert_eq!(event["context"]["source"].is_string(), is_new, "{}", entry.name);
        assert!(event["context"]["actor"]["type"].is_string());
    }
}

#[test]
fn events_of_one_world_speak_of_the_same_records() {
    for seed in SEEDS {
        let get = |name: &str, field: &str| object(seed, name)[field].clone();
        let customer = get("subscriber.create", "merchant_user_id");
        for name in [
            "subscription.cancel",
            "order.success",
            "item.create",
            "entitlement.entitlements_granted",
        ] {
            assert_eq!(get(name, "customer"), customer);
        }
        let subscription = get("subscription.create", "public_id");
        assert_eq!(get("subscriber.create", "subscription"), subscription);
        assert_eq!(get("item.create", "subscription"), subscription);
        assert_eq!(get("item.create", "order"), get("order.reject", "public_id"));
        assert_ne!(get("item.change_order", "order"), get("order.reject", "public_id"));
    }
}

#[test]
fn access_ends_when_the_event_says_so() {
    let day = 86_400;
    for seed in SEEDS {
        let all = |action: &str| {
            let object = object(seed, &format!("entitlement.entitlements_{action}"));
            object["entitlements"].as_array().unwrap().clone()
        };
        let holds = |action: &str, judge: &dyn Fn(i64, i64, bool) -> bool| {
            for each in all(action) {
                let number = |name: &str| each[name].as_i64().unwrap();
                let is_live = each["live"].as_bool().unwrap();
                let (ends, grace) = (number("expiration") - NOW, number("grace_period"));
                assert!(judge(ends, grace, is_live), "{action}: {each}");
            }
        };
        holds("granted", &|ends, _, live| ends > 0 && live);
        holds("expiring", &|ends, _, live| 0 < ends && ends < 7 * day && live);
        holds("expired", &|ends, grace, live| ends == 0 && grace > 0 && live);
        holds("grace_period_expired", &|ends, grace, live| ends + grace == 0 && !live);
        holds("expiration_modified", &|ends, _, live| ends > 0 && live);
        holds("voided", &|ends, grace, live| ends == 0 && grace == 0 && !live);
    }
}

#[test]
fn people_and_cards_are_made_up() {
    for (entry, event) in worlds() {
        objects(&event, &mut |record| {
            if let Some(email) = record["email"].as_str() {
                assert!(email.ends_with("@example.com") || email.ends_with("@example.org"));
            }
            for key in ["phone", "phone_number"] {
                assert!(record[key].as_str().is_none_or(|text| text.starts_with("555-01")));
            }
            if let Some(ending) = record["cc_number_ending"].as_str() {
                assert!(ending.len() == 4, "{}", entry.name);
            }
            if let Some(id) = record["public_id"].as_str() {
                assert!(id.len() == 32 && id.bytes().all(|b| b"0123456789abcdef".contains(&b)));
            }
        });
    }
}
