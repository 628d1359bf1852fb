//! An operator's own catalogue over the API: its types work like the built-in ones, posted events
//! are judged by schemas, and private fields are masked.

use postrider_core::address::AddressPolicy;
use postrider_core::catalogue;
use postrider_engine::schemas::{SchemaCheck, Schemas};
use serde_json::{Value, json};

use super::{Setup, TestApp};
use crate::api_key::{Scope, Scopes};

const SHIPPED: &str = r#"{"id":"e1","type":"parcel.shipped","data":{"object":{"id":"p-12", "phone" : "canary-1","n":1.50}},"context":{"ip":"canary-2"},"snapshot":{"customer":{"email":"canary-3","name":"N"},"items":[]}}"#;

fn document() -> Value {
    json!({
        "families": [{ "name": "parcel", "allows": ["customer"],
                       "private": ["snapshot.customer.email", "context.ip"] }],
        "event_types": [{
            "name": "parcel.shipped",
            "description": "A parcel left the house.",
            "schema": { "type": "object", "required": ["object"], "properties": { "object": {
                "type": "object", "required": ["id"], "properties": {
                    "id": { "type": "string", "minLength": 4 },
                    "phone": { "type": "string", "x-private": true, "maxLength": 20 } } } } },
        }],
        "private": { "order": ["data.object.email"] },
    })
}

async fn app(schema_check: SchemaCheck) -> TestApp {
    let (catalogue, problems) = catalogue::read(&document());
    assert_eq!(problems, Vec::<String>::new());
    let (schemas, problems) = Schemas::compile(catalogue);
    assert_eq!(problems, Vec::<String>::new());
    let policy = AddressPolicy::default().allow(["127.0.0.0/8".parse().unwrap()]);
    TestApp::set_up(Setup { policy, schemas, schema_check, ..Setup::default() }).await
}

#[tokio::test]
async fn own_types_are_listed_selected_posted_and_sent_as_tests() {
    let app = app(SchemaCheck::Refuse).await;
    let listed = app.get("/api/v1/event-types").await;
    let types = listed.json["results"].as_array().unwrap();
    assert_eq!(types.len(), catalogue::entries().len() + 1);
    let own = types.iter().find(|known| known["name"] == "parcel.shipped").unwrap();
    assert_eq!((&own["family"], &own["additional_data"]), (&json!("parcel"), &json!(["customer"])));
    assert_eq!(own["schema"]["properties"]["object"]["required"], json!(["id"]));
    assert_eq!(own["example"]["data"]["object"]["id"], "text");

    let target = format!("http://{}/", app.receiver().await);
    let hook = json!({"name": "h", "target_url": target, "event_types": ["parcel.*"],
                      "additional_data": {"parcel": ["customer"], "order": ["items"]}});
    let made = app.post("/api/v1/webhooks", hook.to_string()).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let expected = json!({"order": ["items"], "parcel": ["customer"]});
    assert_eq!(made.json["additional_data"], expected);
    let id = made.json["id"].as_str().unwrap();
    let shown = app.get(&format!("/api/v1/webhooks/{id}")).await;
    assert_eq!(shown.json["additional_data"], expected);

    let posted = app.post("/api/v1/events", SHIPPED).await;
    assert_eq!(posted.json["deliveries"].as_array().unwrap().len(), 1, "{}", posted.text);
    let tests = app.post(&format!("/api/v1/webhooks/{id}/test-events"), "").await;
    assert_eq!(tests.json["deliveries"].as_array().unwrap().len(), 1, "{}", tests.text);
    app.engine.run_until_idle().await;
    let log = app.get("/api/v1/deliveries?event_type=parcel.shipped&status=success").await;
    assert_eq!(log.ids().len(), 2, "{}", log.text);
}

#[tokio::test]
async fn wrong_names_and_entities_are_refused_with_what_was_meant() {
    let app = app(SchemaCheck::Warn).await;
    let with = |member: &str, value: Value| {
        let mut hook =
            json!({"name": "h", "target_url": "http://127.0.0.1:9/", "event_types": ["*"]});
        hook[member] = value;
        hook.to_string()
    };
    let body = with("event_types", json!(["parcel.shiped"]));
    let refused = app.post("/api/v1/webhooks", body).await;
    assert_eq!(refused.problem(), (422, "unknown_event_type"));
    assert!(refused.detail().contains("parcel.shipped"), "{}", refused.detail());
    let refused = app.post("/api/v1/webhooks", with("event_types", json!(["parcels.*"]))).await;
    assert_eq!(refused.problem(), (422, "unknown_event_type"));
    let body = with("additional_data", json!({"parcel": ["items"]}));
    let refused = app.post("/api/v1/webhooks", body).await;
    assert_eq!(refused.problem(), (422, "entity_not_allowed"));
    assert_eq!(refused.field(), "additional_data.parcel");
    let refused = app.post("/api/v1/events", SHIPPED.replace("shipped", "shiped")).await;
    assert_eq!((refused.problem(), refused.field()), ((422, "unknown_event_type"), "type"));
    assert!(refused.detail().contains("parcel.shipped"), "{}", refused.detail());
}

#[tokio::test]
async fn a_violation_is_refused_or_shown_or_nobody_asks() {
    let bad = SHIPPED.replace("p-12", "p-1");
    let refusing = app(SchemaCheck::Refuse).await;
    let refused = refusing.post("/api/v1/events", format!(r#"{{"events":[{bad}]}}"#)).await;
    assert_eq!(refused.problem(), (422, "schema_violation"));
    assert_eq!(refused.field(), "events[0].data.object.id");
    assert!(refused.detail().contains("shorter than 4 characters"), "{}", refused.detail());
    assert_eq!(refusing.get("/api/v1/events/e1").await.status, 404);
    // A built-in type is judged by its own schema.
    let built_in = r#"{"type":"order.create","data":{"object":{}}}"#;
    assert_eq!(refusing.post("/api/v1/events", built_in).await.problem().1, "schema_violation");

    let warning = app(SchemaCheck::Warn).await;
    let long = bad.replace("canary-1", "canary-1 is much too long for this");
    assert_eq!(warning.post("/api/v1/events", long).await.status, 202);
    let shown = warning.get("/api/v1/events/e1?reveal=true").await;
    let violations = shown.json["schema_violations"].as_array().unwrap();
    let fields: Vec<_> = violations.iter().map(|v| v["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["data.object.id", "data.object.phone"]);
    assert!(!json!(violations).to_string().contains("canary"), "{violations:?}");
    warning.post("/api/v1/events", SHIPPED.replace("e1", "e2")).await;
    let fits = warning.get("/api/v1/events/e2").await;
    assert_eq!(fits.json["schema_violations"], json!([]));

    let silent = app(SchemaCheck::Off).await;
    assert_eq!(silent.post("/api/v1/events", bad).await.status, 202);
    let shown = silent.get("/api/v1/events/e1").await;
    assert!(shown.json.get("schema_violations").is_none(), "{}", shown.text);
}

#[tokio::test]
async fn private_fields_are_masked_until_a_key_that_may_asks() {
    let app = app(SchemaCheck::Warn).await;
    let hook = json!({"name": "h", "target_url": "http://127.0.0.1:9/", "event_types": ["*"],
                      "additional_data": {"parcel": ["customer"]}});
    app.post("/api/v1/webhooks", hook.to_string()).await;
    let posted = app.post("/api/v1/events", SHIPPED).await;
    let delivery = posted.json["deliveries"][0].as_str().unwrap();
    let pages = ["/api/v1/events/e1".to_owned(), format!("/api/v1/deliveries/{delivery}")];
    let private = json!(["context.ip", "data.object.phone", "snapshot.customer.email"]);
    let reader = app.key_with(Scopes::NONE.with(Scope::DeliveriesRead)).await;
    for page in &pages {
        for call in [app.get(page), app.bare("GET", page).key(&reader)] {
            let shown = call.await;
            assert_eq!(shown.json["masked"], private, "{}", shown.text);
            assert!(!shown.text.contains("canary"), "{}", shown.text);
        }
        let open = app.get(&format!("{page}?reveal=true")).await;
        assert_eq!(open.json["masked"], json!([]));
        assert_eq!(open.text.matches("canary-").count(), 3, "{}", open.text);
        let refused = app.bare("GET", &format!("{page}?reveal=true")).key(&reader).await;
        assert_eq!(refused.problem(), (403, "scope_missing"));
        assert!(refused.detail().contains("deliveries:write"), "{}", refused.detail());
        assert_eq!(app.get(&format!("{page}?reveal=no")).await.problem().0, 422);
    }
    let shown = app.get(&pages[0]).await;
    let data = r#""data":{"object":{"id":"p-12", "phone" : "•••","n":1.50}}"#;
    assert!(shown.text.contains(data), "{}", shown.text);
    let body = app.get(&pages[1]).await.json["request"]["body"].as_str().unwrap().to_owned();
    assert!(body.contains(data) && body.contains(r#""customer":{"email":"•••","name":"N"}"#));
}

#[tokio::test]
async fn a_mask_changes_no_delivery_on_the_wire() {
    let app = app(SchemaCheck::Warn).await;
    let target = format!("http://{}/", app.receiver().await);
    app.webhook(&target, &["parcel.*"]).await;
    let posted = app.post("/api/v1/events", SHIPPED).await;
    app.engine.run_until_idle().await;
    let page = format!("/api/v1/deliveries/{}", posted.json["deliveries"][0].as_str().unwrap());
    let shown = app.get(&format!("{page}?reveal=true")).await;
    let body = shown.json["request"]["body"].as_str().unwrap();
    let headers = shown.json["request"]["headers"].as_array().unwrap();
    let length = headers.iter().find(|line| line["name"] == "Content-Length").unwrap();
    assert_eq!(length["value"], body.len().to_string());
    let masked = app.get(&page).await;
    assert_eq!(masked.json["status"], "success", "{}", masked.text);
    assert_ne!(length["value"], masked.json["request"]["body"].as_str().unwrap().len().to_string());
    assert!(!masked.text.contains("canary-1") && shown.text.contains("canary-1"));
}

#[tokio::test]
async fn a_built_in_family_is_private_where_the_operator_says() {
    let app = app(SchemaCheck::Off).await;
    let event = r#"{"id":"o1","type":"order.create","data":{"object":{"email":"canary","e":1}}}"#;
    app.post("/api/v1/events", event).await;
    let shown = app.get("/api/v1/events/o1").await;
    assert_eq!(shown.json["masked"], json!(["data.object.email"]));
    assert!(shown.text.contains(r#"{"object":{"email":"•••","e":1}}"#), "{}", shown.text);
}
