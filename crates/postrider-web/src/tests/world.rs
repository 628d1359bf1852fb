//! A merchant who has one of everything, its callers, and whatever the document lets them ask.
//!
//! The document says of each parameter what its id names (`x-names`); a kind that is new there has
//! to be made here before the tests that walk over all operations pass.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;
use std::time::Duration;

use postrider_core::account::Role;
use postrider_core::ids::MerchantId;
use serde_json::{Value, json};

use super::contract::{DOCUMENT, resolved};
use super::{Answer, NOW, TestApp};
use crate::api::auth::Access;
use crate::router::routes;

static ACCESS: LazyLock<HashMap<&str, Access>> =
    LazyLock::new(|| routes().iter().map(|route| (route.operation.id, route.access)).collect());

/// One operation of the document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) described: &'static Value,
}

/// A parameter that takes the id of something.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) name: &'static str,
    /// `path`, `query`, `header` or `body`.
    pub(super) of: &'static str,
    /// What the id names.
    pub(super) kind: &'static str,
    /// Whether it takes a list of them.
    pub(super) is_list: bool,
    is_required: bool,
}

pub(super) fn operations() -> Vec<Operation> {
    let mut all = Vec::new();
    for (path, methods) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, described) in methods.as_object().unwrap() {
            all.push(Operation { method, path, described });
        }
    }
    all
}

impl Operation {
    pub(super) fn id(&self) -> &'static str {
        self.described["operationId"].as_str().unwrap()
    }

    pub(super) fn access(&self) -> Access {
        ACCESS[self.id()]
    }

    /// Whether it is of the older API, which passes over what it does not know.
    pub(super) fn is_older(&self) -> bool {
        crate::legacy::owns(self.path)
    }

    pub(super) fn parameters(&self) -> impl Iterator<Item = &'static Value> {
        self.described["parameters"].as_array().unwrap().iter()
    }

    /// The shapes its JSON body may have: none when it takes none.
    pub(super) fn bodies(&self) -> Vec<&'static Value> {
        let content = &self.described["requestBody"]["content"]["application/json"];
        let Some(schema) = content.get("schema").map(resolved) else { return Vec::new() };
        match schema.get("oneOf").and_then(Value::as_array) {
            Some(several) => several.iter().map(resolved).collect(),
            None => vec![schema],
        }
    }

    /// Every place for an id.
    pub(super) fn places(&self) -> Vec<Place> {
        let place = |name, of, schema: &'static Value, is_required| {
            let is_list = schema["items"]["x-names"].is_string();
            let of_one = if is_list { &schema["items"] } else { schema };
            let kind = of_one["x-names"].as_str()?;
            Some(Place { name, of, kind, is_list, is_required })
        };
        let parameters = self.parameters().filter_map(|parameter| {
            let text = |member: &str| parameter[member].as_str().unwrap();
            place(text("name"), text("in"), &parameter["schema"], parameter["required"] == true)
        });
        let bodies = self.bodies().into_iter();
        let members = bodies.flat_map(|body| body["properties"].as_object().unwrap());
        let members =
            members.filter_map(|(name, schema)| place(name.as_str(), "body", schema, false));
        parameters.chain(members).collect()
    }
}

/// Somebody of a merchant, or an operator who acts for it.
pub(super) struct Caller {
    pub(super) name: &'static str,
    credential: String,
    acting_for: Option<String>,
}

impl Caller {
    pub(super) async fn send(
        &self,
        app: &TestApp,
        (method, address): (&str, &str),
        body: Option<&Value>,
    ) -> Answer {
        let mut call = app.bare(&method.to_uppercase(), address).key(&self.credential);
        if let Some(merchant) = &self.acting_for {
            call = call.acting_for(merchant);
        }
        match body {
            Some(body) => {
                call.header("content-type", "application/json").body(body.to_string()).await
            }
            None => call.await,
        }
    }

    /// The same, naming a merchant.
    pub(super) fn naming(&self, merchant: &str) -> Self {
        let acting_for = Some(merchant.to_owned());
        Self { name: self.name, credential: self.credential.clone(), acting_for }
    }

    /// Whether it is not of the merchant, and so may name any.
    pub(super) const fn is_operator(&self) -> bool {
        self.acting_for.is_some()
    }
}

/// A merchant with its callers, and its ids by kind.
pub(super) struct World {
    pub(super) callers: Vec<Caller>,
    ids: BTreeMap<&'static str, Vec<String>>,
}

impl World {
    /// Makes a merchant have one of everything, and more than a page of one of what is listed.
    pub(super) async fn new(app: &TestApp, merchant: MerchantId, key: &str) -> Self {
        let merchant = merchant.to_string();
        let caller = |name, credential: &str, acting_for| Caller {
            name,
            credential: credential.to_owned(),
            acting_for,
        };
        let callers = vec![
            caller("key", key, None),
            caller("operator", &app.operator, Some(merchant.clone())),
        ];
        let mut world = Self { callers, ids: BTreeMap::from([("merchant", vec![merchant])]) };
        world.have_webhooks(app).await;
        world.have_events(app).await;
        world.have_people(app).await;
        let body = json!({ "name": "spare", "scopes": ["events:write"] });
        world.make(app, "api_key", "/api/v1/api-keys", &body).await;
        world
    }

    /// Posts `body` as somebody who may, and keeps the id of what was made.
    async fn make(&mut self, app: &TestApp, kind: &'static str, path: &str, body: &Value) -> Value {
        let answer = self.caller("operator").send(app, ("post", path), Some(body)).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text);
        let id = answer.json["id"].as_str().unwrap().to_owned();
        self.ids.entry(kind).or_default().push(id);
        answer.json
    }

    async fn have_webhooks(&mut self, app: &TestApp) {
        let target = format!("http://{}/", app.receiver().await);
        let body = json!({ "name": "hook", "target_url": target, "event_types": ["order.*"] });
        for _ in 0..2 {
            let made = self.make(app, "webhook", "/api/v1/webhooks", &body).await;
            let target = &made["id"].as_str().unwrap()[..24];
            self.ids.entry("target").or_default().push(target.to_owned());
        }
        let path = format!("/webhook_targets/{}/filters", self.id("target"));
        self.make(app, "filter", &path, &json!({ "pattern": "item.*" })).await;
    }

    async fn have_events(&mut self, app: &TestApp) {
        let own = format!("checkout-{}", self.id("merchant"));
        let event = json!({ "type": "order.create", "data": { "object": { "id": 1 } } });
        let mut named = event.clone();
        named["id"] = json!(own);
        for event in [event, named] {
            let posted = self.make(app, "event", "/api/v1/events", &event).await;
            let deliveries = posted["deliveries"].as_array().unwrap().iter();
            let deliveries = deliveries.map(|id| id.as_str().unwrap().to_owned());
            self.ids.entry("delivery").or_default().extend(deliveries);
        }
        app.engine.run_until_idle().await;
        let since = (NOW - Duration::from_hours(1)).rfc3339();
        let recovery = json!({ "webhook": self.id("webhook"), "since": since });
        self.make(app, "recovery", "/api/v1/recoveries", &recovery).await;
        app.engine.run_until_idle().await;
    }

    async fn have_people(&mut self, app: &TestApp) {
        let merchant = MerchantId::parse(self.id("merchant")).unwrap();
        let roles =
            [("owner", Role::Owner), ("developer", Role::Developer), ("viewer", Role::Viewer)];
        for (name, role) in roles {
            let email = format!("{name}@{merchant}.example");
            let user = app.user_of(merchant, &email, role).await;
            self.ids.entry("user").or_default().push(user);
            let credential = app.signed_in(&email).await;
            self.callers.push(Caller { name, credential, acting_for: None });
        }
        let body = json!({ "email": format!("new@{merchant}.example"), "role": "viewer" });
        self.make(app, "user", "/api/v1/users", &body).await;
        let link = json!({ "role": "developer" });
        let link = self.make(app, "portal_link", "/api/v1/portal-links", &link).await;
        let token = json!({ "token": link["token"] }).to_string();
        let opened = app.public("/api/v1/portal-links/redeem", &token).await;
        let credential = opened.json["token"].as_str().unwrap().to_owned();
        self.callers.push(Caller { name: "guest", credential, acting_for: None });
    }

    pub(super) fn caller(&self, name: &str) -> &Caller {
        self.callers.iter().find(|caller| caller.name == name).unwrap()
    }

    /// Somebody who may do this.
    pub(super) fn caller_for(&self, operation: &Operation) -> &Caller {
        self.caller(match operation.access() {
            Access::Operator | Access::Administration => "operator",
            Access::Session => "owner",
            _ => "key",
        })
    }

    /// Every id of this merchant.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.ids.values().flatten().map(String::as_str)
    }

    pub(super) fn id(&self, kind: &str) -> &str {
        let kind = if kind == "any" { "webhook" } else { kind };
        let made = self.ids.get(kind);
        &made.unwrap_or_else(|| panic!("the world has no {kind}: make one in it"))[0]
    }

    /// The path and query of `operation`: `tried` in its place, and this merchant's own ids
    /// wherever else one is required.
    pub(super) fn address(&self, operation: &Operation, tried: Option<(&Place, &str)>) -> String {
        let mut address = operation.path.to_owned();
        let mut query = Vec::new();
        for place in operation.places() {
            let tried = tried.filter(|(tried, _)| (tried.name, tried.of) == (place.name, place.of));
            if tried.is_none() && !place.is_required {
                continue;
            }
            let id = tried.map_or_else(|| self.id(place.kind), |(_, id)| id);
            match place.of {
                "path" => address = address.replace(&format!("{{{}}}", place.name), id),
                "query" => query.push(format!("{}={id}", place.name)),
                _ => {}
            }
        }
        if query.is_empty() { address } else { format!("{address}?{}", query.join("&")) }
    }

    /// A body that does something, about what this merchant has.
    pub(super) fn body(&self, operation: &Operation) -> Option<Value> {
        let body = operation.described.get("requestBody")?;
        let content = &body["content"]["application/json"];
        let mut body = content.get("example").cloned().unwrap_or_else(|| json!({}));
        for place in operation.places().iter().filter(|place| place.of == "body") {
            if body.get(place.name).is_some() {
                body[place.name] = json!(self.id(place.kind));
            }
        }
        Some(body)
    }

    /// Sends `operation` as somebody who may.
    pub(super) async fn send(&self, app: &TestApp, operation: &Operation) -> Answer {
        let (address, body) = (self.address(operation, None), self.body(operation));
        let caller = self.caller_for(operation);
        caller.send(app, (operation.method, &address), body.as_ref()).await
    }
}
