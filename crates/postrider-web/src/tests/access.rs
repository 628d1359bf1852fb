//! Who may do what: keys, scopes, operators, and the answers to those who may not.

use super::{NOW, RANDOM_ID, TestApp};
use crate::api::auth::Access;
use crate::api_key::{KeyKind, Scope, Scopes, Secret};
use crate::router::{Route, routes};

/// Row 44: one same body, whatever is wrong.
#[tokio::test]
async fn a_bad_key_gets_one_same_answer_whatever_is_wrong_with_it() {
    let app = TestApp::new().await;
    let expected = app.bare("GET", "/api/v1/webhooks").await;
    assert_eq!(expected.problem(), (401, "unauthorized"));
    assert!(expected.header("www-authenticate").starts_with("Bearer"));
    let unknown = Secret::fresh(KeyKind::Merchant);
    let mut typo = app.key.clone();
    typo.replace_range(10..11, if &typo[10..11] == "0" { "1" } else { "0" });
    for key in ["", "x", "pr_mk_", unknown.reveal(), &typo, &app.key.to_uppercase()] {
        for (name, value) in
            [("x-api-key", key.to_owned()), ("authorization", format!("Bearer {key}"))]
        {
            let answer = app.bare("GET", "/api/v1/webhooks").header(name, &value).await;
            assert_eq!(answer.status, 401, "{key}");
            assert_eq!(answer.without_request_id(), expected.without_request_id(), "{key}");
        }
    }
    for value in [format!("Basic {}", app.key), app.key.clone(), "Bearer".to_owned()] {
        let answer = app.bare("GET", "/api/v1/webhooks").header("authorization", &value).await;
        assert_eq!(answer.without_request_id(), expected.without_request_id());
    }
}

/// Row 47.
#[tokio::test]
async fn both_forms_of_a_key_are_accepted_but_not_together() {
    let app = TestApp::new().await;
    let bearer = format!("Bearer {}", app.key);
    let call = || app.bare("GET", "/api/v1/webhooks");
    assert_eq!(call().key(&app.key).await.status, 200);
    assert_eq!(call().header("authorization", &bearer).await.status, 200);
    let twice = [
        call().key(&app.key).header("authorization", &bearer),
        call().key(&app.key).key(&app.key),
        call().header("authorization", &bearer).header("authorization", &bearer),
    ];
    for call in twice {
        assert_eq!(call.await.problem(), (400, "conflicting_credentials"));
    }
}

/// Row 45.
#[tokio::test]
async fn a_key_in_the_url_is_refused_even_beside_a_good_one() {
    let app = TestApp::new().await;
    for query in
        [format!("api_key={}", app.key), format!("X-Api-Key={}", app.key), format!("a={}", app.key)]
    {
        let answer = app.get(&format!("/api/v1/webhooks?{query}")).await;
        assert_eq!(answer.problem(), (401, "key_in_url"));
        assert!(!answer.text.contains(&app.key));
    }
}

#[tokio::test]
async fn a_revoked_key_stops_working_at_once() {
    let app = TestApp::new().await;
    let made = app
        .bare("POST", "/api/v1/api-keys")
        .key(&app.operator)
        .acting_for(app.merchant)
        .header("content-type", "application/json")
        .body(r#"{"name":"ci","scopes":["webhooks:read"]}"#)
        .await;
    assert_eq!(made.status, 201, "{}", made.text);
    let (id, key) = (made.json["id"].as_str().unwrap(), made.json["key"].as_str().unwrap());
    assert!(Secret::parse(key).is_some());
    assert_eq!(app.bare("GET", "/api/v1/webhooks").key(key).await.status, 200);
    let path = format!("/api/v1/api-keys/{id}");
    let revoke = || app.bare("DELETE", &path).key(&app.operator);
    assert_eq!(revoke().await.problem(), (404, "not_found"), "it is no operator's key");
    assert_eq!(revoke().acting_for(app.merchant).await.status, 204);
    assert_eq!(revoke().acting_for(app.merchant).await.status, 204, "again is no error");
    assert_eq!(app.bare("GET", "/api/v1/webhooks").key(key).await.problem().0, 401);
    let listed = app.bare("GET", "/api/v1/api-keys").key(&app.operator).acting_for(app.merchant);
    let listed = listed.await;
    assert!(!listed.text.contains(key), "a key is shown once");
    let row = listed.json["results"].as_array().unwrap().iter().find(|row| row["id"] == id);
    assert_eq!(row.unwrap()["revoked_at"], NOW.rfc3339());
}

#[tokio::test]
async fn making_keys_asks_for_clear_words() {
    let app = TestApp::new().await;
    let create = async |merchant: Option<&str>, body: &str| {
        let call = app.bare("POST", "/api/v1/api-keys").key(&app.operator);
        let call = call.header("content-type", "application/json").body(body);
        match merchant {
            Some(merchant) => call.acting_for(merchant).await,
            None => call.await,
        }
    };
    let merchant = app.merchant.to_string();
    let of = Some(merchant.as_str());
    for (merchant, body, code) in [
        (None, r#"{"name":"a","scopes":["events:write"]}"#, "merchant_required"),
        (of, r#"{"name":"a","kind":"operator"}"#, "invalid_kind"),
        (of, r#"{"name":"a","kind":"root","scopes":["events:write"]}"#, "invalid_kind"),
        (of, r#"{"name":"a"}"#, "missing_field"),
        (of, r#"{"name":"a","scopes":[]}"#, "invalid_scopes"),
        (of, r#"{"name":"a","scopes":["all"]}"#, "invalid_scopes"),
        (of, r#"{"name":"","scopes":["events:write"]}"#, "invalid_name"),
        (of, r#"{"name":"a\u0000","scopes":["events:write"]}"#, "control_character"),
        (of, r#"{"name":"a","scopes":["events:write"],"merchant":"b"}"#, "unknown_field"),
        (Some(RANDOM_ID), r#"{"name":"a","scopes":["events:write"]}"#, "unknown_merchant"),
    ] {
        assert_eq!(create(merchant, body).await.problem(), (422, code), "{body}");
    }
    let made = create(None, r#"{"name":"a","kind":"operator"}"#).await;
    assert_eq!((made.status.as_u16(), &made.json["kind"]), (201, &"operator".into()));
    let key = made.json["key"].as_str().unwrap();
    assert_eq!(app.bare("GET", "/api/v1/merchants").key(key).await.status, 200);
}

fn path_of(route: &Route) -> String {
    let short = &RANDOM_ID[..24];
    route.path.replace("{id}", RANDOM_ID).replace("{target}", short).replace("{filter}", short)
}

/// Row 46, over the route list: a key with all scopes but the one asked for is refused by name,
/// one with only that scope gets in, and so does an operator who names the merchant.
#[tokio::test]
async fn every_route_asks_for_exactly_its_scope() {
    let app = TestApp::new().await;
    let without = |missing: Scope| {
        let others = Scope::ALL.into_iter().filter(move |scope| *scope != missing);
        others.fold(Scopes::NONE, Scopes::with)
    };
    for route in routes() {
        let path = path_of(&route);
        let is_legacy = path.starts_with("/webhook_targets");
        let method = route.method.as_str();
        let call = |key: &str| app.bare(method, &path).key(key);
        let anonymous = app.bare(method, &path).await;
        match route.access {
            // Those that post a secret ask for a body before anything else.
            Access::Public => {
                let expected = if method == "GET" { 200 } else { 400 };
                assert_eq!(anonymous.status, expected, "{path}");
            }
            Access::AnyKey => {
                assert_eq!(anonymous.status, 401, "{path}");
                let none = app.key_with(Scopes::NONE).await;
                assert_eq!(call(&none).await.status, 200, "{path}");
            }
            Access::Operator => {
                assert_eq!(anonymous.status, 401, "{path}");
                assert_eq!(call(&app.key).await.problem(), (403, "operator_required"), "{path}");
                assert!(call(&app.operator).await.problem().0 != 403, "{path}");
            }
            Access::Administration => {
                assert_eq!(anonymous.status, 401, "{path}");
                let refused = call(&app.key).await;
                assert_eq!(refused.problem(), (403, "administration_required"), "{path}");
                let named = call(&app.operator).acting_for(app.merchant).await;
                assert!(![401, 403].contains(&named.status.as_u16()), "{method} {path}");
                // Operators have keys of their own, and a log of everything.
                let is_own = ["/api/v1/api-keys", "/api/v1/audit-log"];
                if !is_own.iter().any(|own| path.starts_with(own)) {
                    let unnamed = call(&app.operator).await;
                    assert_eq!(unnamed.problem(), (422, "merchant_required"), "{method} {path}");
                }
            }
            Access::Session => {
                assert_eq!(anonymous.status, 401, "{path}");
                for key in [&app.key, &app.operator] {
                    assert_eq!(call(key).await.problem(), (403, "session_required"), "{path}");
                }
            }
            Access::Merchant(scope) | Access::MerchantInBody(scope) => {
                assert_eq!(anonymous.status, 401, "{path}");
                let refused = call(&app.key_with(without(scope)).await).await;
                assert_eq!(refused.status, 403, "{method} {path}");
                assert!(is_legacy || refused.problem().1 == "scope_missing", "{}", refused.text);
                assert!(is_legacy || refused.detail().contains(scope.as_str()));
                let only = app.key_with(Scopes::NONE.with(scope)).await;
                let let_in = call(&only).await;
                assert!(![401, 403].contains(&let_in.status.as_u16()), "{method} {path}");
                let unnamed = call(&app.operator).await;
                let expected = match route.access {
                    Access::Merchant(_) if is_legacy => (400, ""),
                    Access::Merchant(_) => (422, "merchant_required"),
                    _ => let_in.problem(),
                };
                assert_eq!(unnamed.problem(), expected, "{method} {path}");
                let named = call(&app.operator).acting_for(app.merchant).await;
                assert_eq!(named.status, let_in.status, "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn a_merchants_key_acts_for_no_other_merchant() {
    let app = TestApp::new().await;
    let (other, _) = app.other_merchant().await;
    assert_eq!(app.get("/api/v1/webhooks").acting_for(app.merchant).await.status, 200);
    for named in [other.to_string(), RANDOM_ID.to_owned(), "x".to_owned(), String::new()] {
        let answer = app.get("/api/v1/webhooks").acting_for(&named).await;
        assert_eq!(answer.problem(), (422, "unknown_merchant"), "{named}");
    }
    let twice = app.get("/api/v1/webhooks").acting_for(app.merchant).acting_for(app.merchant);
    assert_eq!(twice.await.problem(), (422, "unknown_merchant"));
}

#[tokio::test]
async fn operators_add_and_list_merchants() {
    let app = TestApp::new().await;
    let call = app.bare("POST", "/api/v1/merchants").key(&app.operator);
    let made =
        call.header("content-type", "application/json").body(r#"{"name":"'; -- {{7*7}}"}"#).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let listed = app.bare("GET", "/api/v1/merchants").key(&app.operator).await;
    assert_eq!(listed.json["results"][0], made.json);
    assert_eq!(listed.ids().len(), 2);
    let id = made.json["id"].as_str().unwrap();
    let webhooks = app.bare("GET", "/api/v1/webhooks").key(&app.operator).acting_for(id).await;
    assert_eq!(webhooks.status, 200, "{}", webhooks.text);
}

#[tokio::test]
async fn health_is_open_to_anyone_and_says_little() {
    let app = TestApp::new().await;
    assert_eq!(app.bare("GET", "/healthz").await.text, r#"{"status":"ok"}"#);
    assert_eq!(app.bare("GET", "/readyz").await.text, r#"{"status":"ready"}"#);
}
