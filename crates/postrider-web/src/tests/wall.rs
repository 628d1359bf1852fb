//! The wall between merchants, for every operation of the document: a new one is tried without a
//! line here.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::world::{Caller, Operation, Place, World, operations};
use super::{Answer, RANDOM_ID, Setup, TestApp};

/// What operators see of everybody: its cursors and figures are no merchant's.
const OF_ALL: [&str; 2] = ["listMerchants", "verifyAuditLog"];

/// What `caller` is answered with `id` in `place`, beside ids of its own.
async fn with_id(
    app: &TestApp,
    (own, caller): (&World, &Caller),
    (operation, place): (&Operation, &Place),
    id: &str,
) -> Answer {
    let address = own.address(operation, Some((place, id)));
    let mut body = own.body(operation);
    if let (Some(body), "body") = (&mut body, place.of) {
        body[place.name] = if place.is_list { json!([id]) } else { json!(id) };
    }
    let call = (operation.method, address.as_str());
    if place.of == "header" {
        return caller.naming(id).send(app, call, body.as_ref()).await;
    }
    caller.send(app, call, body.as_ref()).await
}

/// What tells two answers apart, but for what differs in every answer.
fn difference(one: &Answer, other: &Answer) -> Option<String> {
    let headers = |answer: &Answer| {
        let mut headers = answer.headers.clone();
        headers.remove("x-request-id");
        headers
    };
    let same = one.status == other.status
        && one.without_request_id() == other.without_request_id()
        && one.json.is_null() == other.json.is_null()
        && (!one.json.is_null() || one.text == other.text)
        && headers(one) == headers(other);
    (!same).then(|| format!("{} {} / {} {}", one.status, one.text, other.status, other.text))
}

/// An id of the same form that nothing has.
fn random_like(id: &str) -> String {
    match id.split_once('-') {
        Some((own, _)) => format!("{own}-{RANDOM_ID}"),
        None => RANDOM_ID.get(..id.len()).unwrap_or(RANDOM_ID).to_owned(),
    }
}

/// Where a caller of `own` can tell an id of `theirs` from a random one, and how many were tried.
async fn leaks(
    app: &TestApp,
    (own, theirs): (&World, &World),
    chosen: impl Fn(&Operation) -> bool,
) -> (Vec<(&'static str, String)>, usize) {
    let (mut leaks, mut tried) = (Vec::new(), 0);
    for operation in operations().into_iter().filter(chosen) {
        for (place, caller) in pairs(&operation, own) {
            let at =
                format!("{} {} as {} {place:?}", operation.method, operation.path, caller.name);
            let cursor = match place.kind {
                "cursor" if !OF_ALL.contains(&operation.id()) => {
                    cursor_into(app, theirs, &operation).await
                }
                _ => None,
            };
            for id in theirs.ids().chain(cursor.as_deref()) {
                let like = random_like(id);
                let random = with_id(app, (own, caller), (&operation, &place), &like).await;
                if place.of == "path" {
                    let expected = if random.status == 403 { 403 } else { 404 };
                    assert_eq!(random.status, expected, "{at}: {}", random.text);
                }
                let answer = with_id(app, (own, caller), (&operation, &place), id).await;
                let told = difference(&random, &answer);
                leaks.extend(told.map(|told| (operation.id(), format!("{at} {id}: {told}"))));
                tried += 1;
            }
        }
    }
    (leaks, tried)
}

/// Every place for an id with every caller that is to be tried in it.
fn pairs<'a>(operation: &Operation, own: &'a World) -> Vec<(Place, &'a Caller)> {
    let mut pairs = Vec::new();
    for place in operation.places() {
        // Operators name whichever merchant they act for.
        let may_name = place.kind == "merchant";
        let callers = own.callers.iter().filter(|caller| !(may_name && caller.is_operator()));
        pairs.extend(callers.map(|caller| (place, caller)));
    }
    pairs
}

/// A cursor into one of a merchant's lists.
async fn cursor_into(app: &TestApp, whose: &World, list: &Operation) -> Option<String> {
    let address = format!("{}?page_size=1", list.path);
    let page = whose.caller_for(list).send(app, ("get", &address), None).await;
    let (_, cursor) = page.json["next"].as_str()?.split_once("cursor=")?;
    Some(cursor.to_owned())
}

/// Everything a merchant can see of itself, by operation.
async fn seen(app: &TestApp, whose: &World) -> BTreeMap<&'static str, String> {
    let mut seen = BTreeMap::new();
    for operation in operations().into_iter().filter(|operation| operation.method == "get") {
        let answer = whose.send(app, &operation).await;
        assert_eq!(answer.status, 200, "{}: {}", operation.id(), answer.text);
        seen.insert(operation.id(), answer.text);
    }
    seen
}

/// Time stands still, and more is asked than a merchant may ask in a second.
async fn unhurried() -> TestApp {
    TestApp::set_up(Setup { requests_per_second: None, ..Setup::local() }).await
}

/// Row 48, goal T1: every operation, every place for an id, every caller, every id of another
/// merchant.
#[tokio::test]
async fn another_merchants_id_answers_like_a_random_one_everywhere() {
    let app = unhurried().await;
    let theirs = World::new(&app, app.merchant, &app.key).await;
    let (other, others_key) = app.other_merchant().await;
    let own = World::new(&app, other, &others_key).await;
    let before = seen(&app, &theirs).await;
    // Looking leaves a trace of its own in the log, so that is compared from within.
    let log = async || {
        let log = theirs.caller("operator").send(&app, ("get", "/api/v1/audit-log"), None).await;
        log.text
    };
    let logged = log().await;
    let (leaks, tried) = leaks(&app, (&own, &theirs), |_| true).await;
    assert!(leaks.is_empty(), "{} leaks: {leaks:#?}", leaks.len());
    assert_eq!(log().await, logged);
    let mut after = seen(&app, &theirs).await;
    for (id, text) in before {
        let now = after.remove(id).unwrap();
        let may_differ = OF_ALL.contains(&id) || id == "listAuditLog";
        assert!(now == text || may_differ, "{id} is not what it was: {text} {now}");
    }
    let operations = operations();
    assert!(tried > 10 * operations.len(), "only {tried} were tried");
    println!("{tried} requests with another merchant's id, {} operations", operations.len());
}

/// The control: where the id is the caller's own, every operation that shows something by an id
/// tells it from a random one, so it would be noticed if another's could be seen.
#[tokio::test]
async fn an_answer_that_tells_would_be_noticed() {
    let app = unhurried().await;
    let own = World::new(&app, app.merchant, &app.key).await;
    let shows = |operation: &Operation| {
        let mut places = operation.places().into_iter();
        operation.method == "get" && places.any(|place| place.of == "path")
    };
    let (leaks, _) = leaks(&app, (&own, &own), shows).await;
    for operation in operations().into_iter().filter(shows) {
        assert!(leaks.iter().any(|(id, _)| *id == operation.id()), "{}", operation.id());
    }
    let missing = app.get(&format!("/api/v1/webhooks/{RANDOM_ID}")).await;
    let mut telling = missing.clone();
    telling.json["detail"] = json!("This webhook belongs to somebody else.");
    assert!(difference(&missing, &telling).is_some());
    let mut telling = missing.clone();
    telling.headers.insert("etag", "\"1\"".parse().unwrap());
    assert!(difference(&missing, &telling).is_some());
    assert!(difference(&missing, &missing).is_none());
}

/// A place for an id that did not say so would be left out above.
#[test]
fn every_place_that_looks_like_one_of_an_id_says_what_it_names() {
    fn named(value: &Value) -> usize {
        let inner = value.as_object().into_iter().flat_map(|members| members.values());
        let inner: usize = inner.chain(value.as_array().into_iter().flatten()).map(named).sum();
        inner + usize::from(value.get("x-names").is_some())
    }
    for operation in operations() {
        for parameter in operation.parameters() {
            let names = parameter["schema"]["x-names"].as_str();
            let is_id = parameter["in"] == "path" || looks_like_an_id(&parameter["schema"]);
            assert!(names.is_some() || !is_id, "{} {parameter}", operation.id());
        }
        let bodies = operation.bodies();
        for (name, member) in bodies.iter().flat_map(|body| body["properties"].as_object().unwrap())
        {
            let one = member.get("items").unwrap_or(member);
            let is_id = looks_like_an_id(one);
            assert!(one["x-names"].is_string() || !is_id, "{} {name}", operation.id());
        }
        let deeper: usize = bodies.into_iter().map(named).sum();
        let of_body = operation.places().iter().filter(|place| place.of == "body").count();
        assert_eq!(deeper, of_body, "{} takes ids where nothing tries them", operation.id());
    }
}

fn looks_like_an_id(schema: &Value) -> bool {
    let pattern = schema["pattern"].as_str().unwrap_or_default();
    ["{24}", "{32}"].iter().any(|length| pattern.contains(length))
}
