//! Row 43: the JSON minefield suite, over the whole way from the body to the store and back.
//!
//! A name says what RFC 8259 asks for: `y_` accept, `n_` refuse, `i_` either, which is pinned here.

use crate::tests::TestApp;

const SUITE: &str = include_str!("json_suite.tsv");

fn cases() -> impl Iterator<Item = (&'static str, String)> {
    let lines = SUITE.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let (name, text) = line.split_once('\t').unwrap();
        (name, serde_json::from_str(text).unwrap())
    })
}

/// The answer to a payload that holds a text which may be accepted or refused.
fn pinned(name: &str) -> (u16, &'static str) {
    match name {
        "i_structure_500_nested_arrays" => (422, "json_too_deep"),
        "i_structure_UTF-8_BOM_empty_object" => (400, "invalid_json"),
        _ if name.starts_with("i_number_") => (202, ""),
        // What is left are surrogates without their other half.
        _ => (422, "invalid_unicode"),
    }
}

/// Row 43.
#[tokio::test]
async fn texts_of_the_minefield_suite_are_accepted_or_refused_as_the_rfc_says() {
    let app = TestApp::new().await;
    let mut tried = 0;
    for (name, text) in cases() {
        tried += 1;
        if name.starts_with("n_") {
            // By itself: inside an event some of them would be valid.
            let (status, code) = match text.as_str() {
                "" => (400, "empty_body"),
                _ => (400, "invalid_json"),
            };
            let answer = app.post("/api/v1/events", text).await;
            assert_eq!(answer.problem(), (status, code), "43 {name}");
            continue;
        }
        let data = format!(r#"{{"object":{{"v":{text}}}}}"#);
        let posted = app.post_event(&data).await;
        let expected = if name.starts_with("y_") { (202, "") } else { pinned(name) };
        assert_eq!(posted.problem(), expected, "43 {name}: {}", posted.text);
        if expected.0 == 202 {
            let path = format!("/api/v1/events/{}", posted.json["id"].as_str().unwrap());
            let shown = app.get(&path).await;
            assert!(shown.text.contains(&format!("\"data\":{data},")), "43 {name}: {}", shown.text);
        }
    }
    assert_eq!(tried, 291);
    // The two that are generated.
    for text in ["[".repeat(100_000), "[{\"\":".repeat(50_000)] {
        let answer = app.post("/api/v1/events", text).await;
        assert_eq!(answer.problem(), (400, "invalid_json"));
    }
}
