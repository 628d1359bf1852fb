//! The register and the catalogue say the same: event types, fields of payloads, fields of records.

use std::collections::BTreeSet;

use postrider_core::catalogue::{self, Entity, EventTypeEntry, Family};
use postrider_core::event::EventType;
use postrider_core::filter;
use postrider_core::pattern::Pattern;
use serde_json::{Value, json};

use crate::{Row, Section, events, payloads, records, signing};

const MERCHANT: &str = "3f5d9b1c7e2a4860b4d8f0a6c2e19375";
/// 2026-03-02 09:30:00 UTC.
const NOW: i64 = 1_772_443_800;

type Names = BTreeSet<String>;

fn example(entry: &EventTypeEntry) -> Value {
    catalogue::example(entry, MERCHANT, NOW)
}

fn served(row: &Row) -> Names {
    assert!(row.is_served(), "{row:?}");
    row.names().map(str::to_owned).collect()
}

/// The row of a section that has this title.
fn row_of(section: &Section, what: &str) -> &'static Row {
    let found = section.rows.iter().find(|row| row.what == what);
    found.unwrap_or_else(|| panic!("no row {what}"))
}

/// The paths a schema describes, below `at`.
fn described(schema: &Value, at: &str, paths: &mut Names) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{at}{name}");
        described(property, &format!("{path}."), paths);
        described(&property["items"], &format!("{path}[]."), paths);
        paths.insert(path);
    }
}

#[test]
fn every_event_type_is_in_the_register_and_no_other() {
    let families = events::CATALOGUE.rows.iter().filter(|row| row.is_served());
    let registered: Names = families.flat_map(Row::names).map(str::to_owned).collect();
    let known: Names = catalogue::entries().iter().map(|entry| entry.name.to_owned()).collect();
    assert_eq!(registered, known);
}

#[test]
fn every_payload_field_is_described_and_no_other() {
    for family in Family::ALL {
        let mut paths = Names::new();
        let mut shown = Names::new();
        for entry in catalogue::entries_of(family) {
            described(&catalogue::schema(entry), "", &mut paths);
            let object = example(entry)["data"]["object"].clone();
            shown.extend(object.as_object().unwrap().keys().map(|name| format!("object.{name}")));
        }
        let registered = served(row_of(&payloads::PAYLOADS, family.as_str()));
        assert_eq!(registered, paths, "{family:?}");
        let top = registered.iter().filter(|path| path.matches('.').count() == 1);
        let top: Names = top.filter(|path| path.starts_with("object.")).cloned().collect();
        assert_eq!(top, shown, "examples of {family:?} show each");
    }
}

#[test]
fn every_record_field_is_in_the_snapshots_and_no_other() {
    for entity in Entity::ALL {
        let mut fields = Names::new();
        for entry in catalogue::entries() {
            let snapshot = example(entry)["snapshot"].clone();
            let records = match &snapshot[entity.as_str()] {
                Value::Array(records) => records.clone(),
                Value::Null => Vec::new(),
                record => vec![record.clone()],
            };
            for record in records {
                fields.extend(record.as_object().unwrap().keys().cloned());
            }
        }
        assert_eq!(served(row_of(&records::SNAPSHOT, entity.as_str())), fields, "{entity:?}");
    }
}

/// The description of a path such as `object.list[].field`.
fn property(entry: &EventTypeEntry, path: &str) -> Value {
    path.split('.').fold(catalogue::schema(entry), |schema, step| {
        let (name, is_list) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
        let property = &schema["properties"][name];
        if is_list { property["items"].clone() } else { property.clone() }
    })
}

#[test]
fn fields_documented_as_null_may_be() {
    for name in row_of(&payloads::PAYLOADS, "Fields that may be null, by family").names() {
        let (family, path) = name.split_once(':').unwrap();
        let entries = catalogue::entries_of(Family::parse(family).unwrap());
        // What happened in an event is there: a canceled subscription has its time.
        let may = |entry: &EventTypeEntry| {
            let types = property(entry, path)["type"].clone();
            types.as_array().is_some_and(|types| types.contains(&"null".into()))
        };
        assert!(entries.iter().any(may), "{name}");
    }
}

#[test]
fn documented_values_are_described() {
    let documented = [
        (Family::Subscriber, "object.phone_type", json!([0, 1, 2, 3, null])),
        (Family::Subscription, "object.every_period", json!([1, 2, 3, 4])),
        (
            Family::Subscription,
            "object.prepaid_subscription_context.renewal_behavior",
            json!(["autorenew", "cancel", "downgrade"]),
        ),
    ];
    for (family, path, values) in documented {
        for entry in catalogue::entries_of(family) {
            assert_eq!(property(entry, path)["enum"], values, "{}", entry.name);
        }
    }
}

#[test]
fn a_product_names_its_groups() {
    let documented = served(row_of(&records::SNAPSHOT, "groups of a product"));
    let mut products = 0;
    for entry in catalogue::entries() {
        let shown = example(entry)["snapshot"]["products"].clone();
        for product in shown.as_array().into_iter().flatten() {
            for group in product["groups"].as_array().unwrap() {
                let names: Names = group.as_object().unwrap().keys().cloned().collect();
                assert_eq!(names, documented, "{}", entry.name);
                products += 1;
            }
        }
    }
    assert!(products > 0);
}

#[test]
fn the_actor_of_an_example_is_one_of_those_documented() {
    let row = events::ENVELOPE.rows.iter().find(|row| row.what.starts_with("`context.actor.type`"));
    let documented = served(row.unwrap());
    let members = [("customer", "customer"), ("user", "user"), ("apikey", "api_key")];
    for entry in catalogue::entries() {
        let actor = example(entry)["context"]["actor"].clone();
        let kind = actor["type"].as_str().unwrap();
        assert!(documented.contains(kind), "{}: {kind}", entry.name);
        for (of, member) in members {
            assert_eq!(actor[member].is_object(), of == kind, "{}: {member}", entry.name);
        }
    }
}

#[test]
fn a_subscriber_event_names_one_subscription_or_many() {
    for entry in catalogue::entries_of(Family::Subscriber) {
        let object = example(entry)["data"]["object"].clone();
        let is_many = entry.name == "subscriber.subscriptions_created";
        let one = object["subscription"].as_str().is_some_and(|id| !id.is_empty());
        let many = object["subscriptions"].as_array().is_some_and(|ids| !ids.is_empty());
        assert_eq!((one, many), (!is_many, is_many), "{}", entry.name);
    }
}

#[test]
fn entitlements_are_a_list() {
    for entry in catalogue::entries_of(Family::Entitlement) {
        let schema = catalogue::schema(entry);
        let field = &schema["properties"]["object"]["properties"]["entitlements"];
        assert_eq!(field["type"], "array", "{}", entry.name);
        assert!(field["maxItems"].is_null(), "{}", entry.name);
        let shown = example(entry)["data"]["object"]["entitlements"].clone();
        assert!(!shown.as_array().unwrap().is_empty(), "{}", entry.name);
    }
}

#[test]
fn every_pattern_listed_for_filters_is_one() {
    let listed = row_of(&signing::TARGETS, "Patterns listed for filters");
    let all = filter::parse(&listed.names().collect::<Vec<_>>().join("|")).unwrap();
    assert_eq!(all.len(), listed.names().count());
    for pattern in all {
        let wants =
            |entry: &&EventTypeEntry| pattern.matches(&EventType::parse(entry.name).unwrap());
        let count = catalogue::entries().iter().filter(wants).count();
        let is_family = matches!(pattern, Pattern::Family(_));
        assert!(if is_family { count > 1 } else { count == 1 }, "{pattern}: {count}");
    }
}
