//! Every page as others meet it: assistive technology (axe-core), and texts that try to be programs.

use serde_json::json;

use crate::support::browser::Browser;
use crate::support::foreign::npm_file;
use crate::support::program::Server;
use crate::support::{Installation, Receiver, create_webhook};

/// Each would run, or become an element, on a page that does not escape what it shows.
const VECTORS: [&str; 6] = [
    "<script>window.xss=1</script>",
    "\"><img src=x onerror=window.xss=2>",
    "'><svg onload=window.xss=3>",
    "</textarea></title><iframe srcdoc='<script>parent.xss=4</script>'></iframe>",
    "{{constructor.constructor('window.xss=5')()}}",
    "<a href=javascript:window.xss=6 autofocus onfocus=window.xss=6>x</a>",
];

/// What a vector would have become.
const PROBE: &str = "return window.xss !== undefined || document.querySelector('main script, main img, \
    main iframe, main svg:not([class]):not(figure svg), main [onerror], main [onload], main [onfocus]') !== null";

/// The pages there are, with the ids of what is stored.
struct Site {
    _installation: Installation,
    _server: Server,
    _receiver: Receiver,
    browser: Browser,
    pages: Vec<String>,
}

/// An installation where everything is called like the vectors.
fn hostile() -> Site {
    let installation = Installation::fresh();
    let (server, receiver) = (installation.serve(), Receiver::start());
    let all = VECTORS.join(" ");
    let answer = format!(
        "HTTP/1.1 500 {0}\r\nx-answer: {0}\r\ncontent-type: text/html\r\ncontent-length: {1}\r\n\r\n{0}",
        all,
        all.len()
    );
    receiver.answer_with(Some(&answer));
    let mut client = installation.client(&server);
    let more = json!({
        "name": VECTORS[..4].join(" "), "headers": { "X-Shop": all }, "retry_policy": { "waits_seconds": [1] },
    });
    create_webhook(&mut client, &receiver, &more);
    let object = json!({ "customer": VECTORS[1], "public_id": VECTORS[0], "note": all });
    let event =
        json!({ "type": "order.create", "data": { "object": object }, "context": { "note": all } });
    let posted = client.post("/api/v1/events", &event).expect(202).json();
    let webhooks = client.get("/api/v1/webhooks").expect(200).json();
    let webhook = webhooks["results"][0]["id"].as_str().unwrap().to_owned();
    let browser = Browser::signed_in(&installation, &server);
    browser.open("/api-keys");
    browser.fill("name", VECTORS[1]);
    browser.click("//form[@action='/api-keys']//button");
    browser.find("//h2[.='The new key'] | //*[@role='alert']");
    browser.open("/deliveries");
    browser.find("//tr[contains(., 'failed')]");
    let (event, delivery) =
        (posted["id"].as_str().unwrap(), posted["deliveries"][0].as_str().unwrap());
    let mut pages: Vec<String> = [
        "/overview",
        "/webhooks",
        "/webhooks/new",
        "/deliveries",
        "/undelivered",
        "/event-types",
        "/receive",
        "/api-keys",
        "/users",
        "/audit-log",
        "/sign-in",
        "/no-such-page",
        "/api/v1/reference",
    ]
    .map(str::to_owned)
    .into();
    pages.extend(
        ["", "/edit", "/pause", "/test-events", "/regenerate-key", "/delete"]
            .map(|of| format!("/webhooks/{webhook}{of}")),
    );
    pages.push(format!("/webhooks/new?like={webhook}"));
    pages.push(format!("/events/{event}"));
    pages.push(format!("/deliveries/{delivery}"));
    pages.push(format!("/undelivered/recover?webhook={webhook}&since=2020-01-01T00:00:00Z"));
    // What is asked for is shown again too.
    pages.push(
        "/deliveries?value=%22%3E%3Cimg%20src=x%20onerror=window.xss=7%3E&status=%3Cscript%3E"
            .to_owned(),
    );
    Site { _installation: installation, _server: server, _receiver: receiver, browser, pages }
}

#[test]
fn hostile_text_stays_text_on_every_page() {
    let Site { browser, pages, .. } = &hostile();
    for page in pages {
        browser.open(page);
        browser
            .run("for (const part of document.querySelectorAll('details')) part.open = true", &[]);
        assert_eq!(browser.run(PROBE, &[]), false, "{page}: {}", browser.text());
    }
    let refused: Vec<_> =
        browser.complaints().into_iter().filter(|line| line.contains("Policy")).collect();
    assert_eq!(refused, Vec::<String>::new(), "nothing even tried");
    // The control: a page that took a text for markup is noticed.
    browser.open("/overview");
    for vector in VECTORS.iter().filter(|vector| vector.contains('<')) {
        browser.run("document.querySelector('main').innerHTML = arguments[0]", &[json!(vector)]);
        assert_eq!(browser.run(PROBE, &[]), true, "{vector}");
    }
}

#[test]
fn assistive_technology_finds_nothing_to_complain_of_in_either_theme() {
    let axe = std::fs::read_to_string(npm_file("axe-core/axe.min.js")).unwrap();
    let check = format!(
        "const done = arguments[0]; {axe}; axe.run(document, {{ resultTypes: ['violations'] }}).then((found) => \
         done(found.violations.map((one) => one.id + ': ' + one.nodes.map((node) => node.html + ' ' + \
         node.failureSummary).join(' | ')).join('\\n')), (error) => done(String(error)));"
    );
    let Site { browser, pages, .. } = &hostile();
    let mut found = Vec::new();
    for is_dark in [false, true] {
        browser.show_dark(is_dark);
        for page in pages {
            browser.open(page);
            browser.run(
                "for (const part of document.querySelectorAll('details')) part.open = true",
                &[],
            );
            let complaints = browser.run_later(&check);
            if complaints != "" {
                found.push(format!("{page} dark={is_dark}: {}", complaints.as_str().unwrap()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    // The control: a page with a field nobody can name is noticed.
    browser.run("document.querySelector('main').innerHTML = '<input><img src=\"x\">'", &[]);
    assert_ne!(browser.run_later(&check), "");
}
