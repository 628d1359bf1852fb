//! What an own catalogue may say, and that everything wrong with it is told at once.

use super::super::EXAMPLE_MERCHANT;
use super::*;
use crate::pattern::Pattern;
use crate::snapshot::AdditionalData;

fn good() -> Value {
    json!({
        "families": [{ "name": "parcel", "allows": ["customer", "orders"],
                       "private": ["snapshot.customer.email"] }],
        "event_types": [
            { "name": "parcel.shipped", "description": "A parcel left the house.",
              "repeats": "once",
              "schema": { "type": "object", "required": ["object"], "properties": { "object": {
                  "type": "object", "required": ["id"],
                  "properties": { "id": { "type": "string", "minLength": 3 },
                                  "phone": { "type": "string", "x-private": true } } } } },
              "example": { "data": { "object": { "id": "p-1" } },
                           "snapshot": { "customer": { "email": "a@b.c" } } } },
            { "name": "order.gift_wrapped", "description": "Somebody wrapped it." },
        ],
        "private": { "subscriber": ["data.object.email"] },
    })
}

fn problems(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut document = good();
    change(&mut document);
    read(&document).1
}

#[test]
fn own_entries_stand_beside_the_built_in_ones() {
    let (catalogue, problems) = read(&good());
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(catalogue.entries().count(), super::super::entries().len() + 2);
    assert_eq!(catalogue.families().last(), Some("parcel"));
    let shipped = catalogue.find("parcel.shipped").unwrap();
    assert_eq!((shipped.family(), shipped.action()), ("parcel", "shipped"));
    assert_eq!(shipped.repeats(), Repeats::Once);
    assert_eq!(shipped.schema()["title"], "parcel.shipped");
    let example = shipped.example(EXAMPLE_MERCHANT, 7);
    assert_eq!((&example["type"], &example["created"]), (&json!("parcel.shipped"), &json!(7)));
    assert_eq!(example["data"]["object"]["id"], "p-1");
    assert!(
        catalogue.find("order.gift_wrapped").is_some() && catalogue.find("order.create").is_some()
    );
    let parcels = Pattern::parse("parcel.*").unwrap();
    assert!(parcels.matches(&EventType::parse(shipped.name()).unwrap()));
}

#[test]
fn the_nearest_name_is_sought_among_both() {
    let (catalogue, _) = read(&good());
    for (written, meant) in [
        ("parcel.shiped", "parcel.shipped"),
        ("parcels.shipped", "parcel.shipped"),
        ("order.gift_wraped", "order.gift_wrapped"),
        ("order.sucess", "order.success"),
    ] {
        assert_eq!(catalogue.nearest(written), Some(meant), "{written}");
    }
    assert_eq!(Catalogue::default().nearest("parcel.shiped"), None);
}

#[test]
fn an_own_family_carries_what_it_allows_and_a_choice_survives_storing() {
    let (catalogue, _) = read(&good());
    let mut chosen = AdditionalData::default();
    catalogue.choose(&mut chosen, "order", Entity::Items).unwrap();
    catalogue.choose(&mut chosen, "parcel", Entity::Orders).unwrap();
    let refusal = catalogue.choose(&mut chosen, "parcel", Entity::Items).unwrap_err();
    assert_eq!((refusal.code, &*refusal.field), ("entity_not_allowed", "additional_data.parcel"));
    assert!(refusal.detail.contains("customer, orders"), "{refusal}");
    let read = AdditionalData::from_bytes(&chosen.to_bytes());
    assert_eq!(read, chosen);
    assert_eq!(read.for_family("parcel"), Choice::NONE.with(Entity::Orders));
    assert_eq!(read.for_family("parce"), Choice::NONE);
    let families: Vec<_> = read.chosen().map(|(family, _)| family).collect();
    assert_eq!(families, ["order", "parcel"]);
    for cut in 0..chosen.to_bytes().len() {
        // Damage costs a choice, never the webhook.
        AdditionalData::from_bytes(&chosen.to_bytes()[..cut]);
    }
}

#[test]
fn marks_come_from_schemas_families_and_the_private_table() {
    let (catalogue, _) = read(&good());
    let masked = |event_type: &str, body: &str| {
        catalogue.marks(event_type).map(|marks| marks.masker().body(body))
    };
    let body =
        r#"{"data":{"object":{"phone":"1","email":"2"}},"snapshot":{"customer":{"email":"3"}}}"#;
    assert_eq!(
        masked("parcel.shipped", body).unwrap(),
        r#"{"data":{"object":{"phone":"•••","email":"2"}},"snapshot":{"customer":{"email":"•••"}}}"#
    );
    assert_eq!(
        masked("subscriber.create", body).unwrap(),
        r#"{"data":{"object":{"phone":"1","email":"•••"}},"snapshot":{"customer":{"email":"3"}}}"#
    );
    assert_eq!(masked("order.create", body), None);
    assert!(Catalogue::default().entries().all(|t| Catalogue::default().marks(t.name()).is_none()));
}

#[test]
fn each_thing_that_is_wrong_is_refused_with_its_place() {
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 22] = [
        (|d| d["colour"] = json!(1), "the catalogue: \"colour\" is not known"),
        (|d| d["event_types"] = json!({}), "event_types: is not a list"),
        (|d| d["event_types"][0]["name"] = json!("Parcel.Shipped"), "a name is `family.action`"),
        (|d| d["event_types"][0]["name"] = json!(7), "event_types[0]: `name` is not text"),
        (|d| d["event_types"][0]["name"] = json!("order.create"), "is built in and cannot"),
        (
            |d| d["event_types"][1]["name"] = json!("parcel.shipped"),
            "event_types[1] \"parcel.shipped\": is defined twice",
        ),
        (|d| d["event_types"][0]["name"] = json!("crate.shipped"), "its family \"crate\" is not"),
        (|d| d["event_types"][0]["nam"] = json!(""), "event_types[0]: \"nam\" is not known"),
        (|d| d["event_types"][1]["description"] = json!(" "), "needs a `description`"),
        (|d| d["event_types"][1]["repeats"] = json!("often"), "`repeats` is \"often\"; there are"),
        (|d| d["event_types"][0]["schema"] = json!([]), "`schema` is not a table"),
        (|d| d["event_types"][0]["schema"] = json!("{"), "`schema` is text that is not JSON"),
        (
            |d| {
                d["event_types"][0]["schema"]["$schema"] =
                    json!("http://json-schema.org/draft-07/schema#");
            },
            "is not of the dialect",
        ),
        (
            |d| d["event_types"][0]["schema"]["$ref"] = json!("https://example.com/s.json"),
            "`schema` has $ref \"https://example.com/s.json\"",
        ),
        (|d| d["event_types"][0]["schema"]["$anchor"] = json!("a"), "`schema` has $anchor"),
        (|d| d["event_types"][0]["example"] = json!({"object": {}}), "\"object\" is not known"),
        (
            |d| d["event_types"][0]["example"]["data"] = json!({}),
            "its example: data.object: `data` must carry",
        ),
        (
            |d| d["event_types"][0]["example"]["snapshot"] = json!({"items": []}),
            "its example has items, which parcel may not carry",
        ),
        (|d| d["families"][0]["allows"] = json!(["clients"]), "`allows` names \"clients\""),
        (|d| d["families"][0]["private"] = json!(["email"]), "\"email\" is not a path"),
        (|d| d["private"] = json!({"crate": []}), "private: there is no family \"crate\""),
        (|d| d["families"].as_array_mut().unwrap().push(json!({"name": "order"})), "built in"),
    ];
    for (change, expected) in cases {
        let problems = problems(change);
        assert!(
            problems.iter().any(|problem| problem.contains(expected)),
            "{expected}: {problems:?}"
        );
    }
}

#[test]
fn all_problems_are_told_at_once_and_bounds_hold() {
    let several = problems(|document| {
        document["private"]["crate"] = json!([]);
        document["event_types"][0]["repeats"] = json!(1);
        document["event_types"][1]["description"] = json!(1);
        document["families"][0]["allows"] = json!("customer");
    });
    // The example's customer is not allowed either, once nothing is.
    assert!(several.len() >= 4, "{several:?}");
    let many = |n: usize| -> Value {
        (0..n).map(|n| json!({"name": format!("parcel.e{n}"), "description": "x"})).collect()
    };
    assert!(problems(|d| d["event_types"] = many(limits::OWN_EVENT_TYPES_MAX)).is_empty());
    let found = problems(|d| d["event_types"] = many(limits::OWN_EVENT_TYPES_MAX + 1));
    assert_eq!(found, ["event_types: has 901 entries; at most 900 fit"]);
    let found = problems(|document| {
        let paths = (0..=limits::PRIVATE_PATHS_PER_FAMILY_MAX).map(|n| format!("data.a{n}"));
        document["private"]["order"] = paths.collect();
    });
    assert_eq!(found, ["private \"order\": has more than 100 private paths"]);
}

#[test]
fn examples_are_made_from_schemas_that_say_enough() {
    let schema = json!({
        "$defs": { "money": { "type": "string", "pattern": "^\\d", "examples": ["12.50"] } },
        "type": "object", "required": ["object"],
        "properties": { "object": { "allOf": [
            { "properties": { "total": { "$ref": "#/$defs/money" }, "kind": { "enum": ["a", "b"] } } },
            { "properties": { "count": { "type": "integer", "exclusiveMinimum": 4 },
                              "rate": { "type": "number", "multipleOf": 0.25, "minimum": 2.1 },
                              "at": { "type": "string", "format": "date-time" },
                              "code": { "type": ["string", "null"], "minLength": 6, "maxLength": 8 },
                              "list": { "type": "array", "minItems": 2, "items": { "const": true } },
                              "self": { "$ref": "#/properties/object" } } } ] } },
    });
    let made = made::from_schema(&schema);
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    assert!(made["object"]["self"].is_object(), "{made}");
    let mut plain = made.clone();
    plain["object"].as_object_mut().unwrap().remove("self");
    let errors: Vec<_> = validator.iter_errors(&plain).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new(), "{plain}");
    assert_eq!(plain["object"]["list"], json!([true, true]));
    assert_eq!((&plain["object"]["count"], &plain["object"]["rate"]), (&json!(5), &json!(2.25)));
}
