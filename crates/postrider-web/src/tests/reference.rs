//! The reference page: it holds the whole document, loads nothing, and lets no text become markup.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::contract::DOCUMENT;
use super::world::operations;
use super::{Answer, TestApp};

async fn page() -> Answer {
    TestApp::new().await.bare("GET", "/api/v1/reference").await
}

/// The values of an attribute, wherever it stands.
fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    let start = format!(" {attribute}=\"");
    page.split(&start).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

#[tokio::test]
async fn every_operation_is_on_the_page_with_an_anchor() {
    let answer = page().await;
    assert_eq!(answer.status, 200);
    let anchors = values(&answer.text, "id");
    for operation in operations() {
        let id = operation.id();
        assert!(anchors.contains(&id), "{id} has no anchor");
        let (_, from) = answer.text.split_once(&format!("<article id=\"{id}\">")).unwrap();
        let article = from.split("</article>").next().unwrap();
        assert!(article.contains(&format!("<code>{}</code>", operation.path)), "{id}: path");
        let method = operation.method.to_uppercase();
        assert!(article.contains(&format!(">{method}</b>")), "{id}: method");
        assert!(article.contains("<p class=\"needs\">"), "{id}: who may call");
        assert!(article.contains("curl "), "{id}: an example");
        for parameter in operation.parameters() {
            let name = parameter["name"].as_str().unwrap();
            assert!(article.contains(&format!("<dt><code>{name}</code>")), "{id}: {name}");
        }
        for name in operation.bodies().iter().filter_map(|body| body["properties"].as_object()) {
            for name in name.keys() {
                assert!(article.contains(&format!("<dt><code>{name}</code>")), "{id}: {name}");
            }
        }
        for status in operation.described["responses"].as_object().unwrap().keys() {
            assert!(article.contains(&format!("<dt><code>{status}</code>")), "{id}: {status}");
        }
    }
}

#[tokio::test]
async fn anchors_are_unique_and_every_link_leads_somewhere() {
    let answer = page().await;
    let anchors = values(&answer.text, "id");
    let unique: BTreeSet<_> = anchors.iter().collect();
    assert_eq!(anchors.len(), unique.len(), "two things have one anchor");
    for link in values(&answer.text, "href") {
        let leads = link.strip_prefix('#').is_some_and(|anchor| anchors.contains(&anchor));
        assert!(leads || link == "/api/v1/openapi.json", "{link}");
    }
}

#[tokio::test]
async fn it_loads_nothing_and_runs_nothing() {
    let answer = page().await;
    for word in ["<script", "<link", "<img", "<iframe", "@import", "url(", " src=", " style=\""] {
        assert!(!answer.text.contains(word), "{word}");
    }
    assert!(!answer.text.contains(" onload") && !answer.text.contains("javascript:"));
    let (_, style) = answer.text.split_once("<style>").unwrap();
    let (style, _) = style.split_once("</style>").unwrap();
    let hash = BASE64.encode(Sha256::digest(style));
    let policy = answer.header("content-security-policy");
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'"
        )
    );
}

/// Every text of a document but its groups, which operations are found by, with markup in it.
fn spoil(value: &mut Value) {
    const STRUCTURE: [&str; 3] = ["tags", "type", "$ref"];
    const EVIL: &str = "'\"><script>alert(1)</script>`<b>`";
    match value {
        Value::String(text) => text.push_str(EVIL),
        Value::Array(items) => items.iter_mut().for_each(spoil),
        Value::Object(members) => {
            let told = members.iter_mut().filter(|(name, _)| !STRUCTURE.contains(&name.as_str()));
            told.for_each(|(_, inner)| spoil(inner));
        }
        _ => {}
    }
}

/// The elements of a page.
fn elements(page: &str) -> BTreeSet<&str> {
    page.split('<').skip(1).map(|tag| tag.split(['>', ' ']).next().unwrap()).collect()
}

#[tokio::test]
async fn no_text_of_the_document_becomes_markup() {
    let answer = page().await;
    let mut evil = DOCUMENT.clone();
    spoil(&mut evil);
    let spoiled = crate::reference::page(&evil);
    assert!(spoiled.contains("&lt;script&gt;"));
    assert_eq!(elements(&spoiled), elements(&answer.text));
    assert_eq!(values(&spoiled, "class").len(), values(&answer.text, "class").len());
}
