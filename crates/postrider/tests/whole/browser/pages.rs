//! Every page as others meet it: assistive technology (axe-core), and texts that try to be programs.

use serde_json::json;

use crate::support::browser::Browser;
use crate::support::foreign::npm_file;
use crate::support::program::Server;
use crate::support::{Installation, Receiver, create_webhook};

/// Each would run, or become an element, on a page that does not escape what it shows.
const PAYLOADS: [&str; 20] = [
    "<script>window.xss=1</script>",
    "<img src=x onerror=window.xss=1>",
    "<svg onload=window.xss=1>",
    "<iframe srcdoc='<script>parent.xss=1</script>'></iframe>",
    "<body onload=window.xss=1>",
    "<input autofocus onfocus=window.xss=1>",
    "<details open ontoggle=window.xss=1>",
    "<video><source onerror=window.xss=1></video>",
    "<a href=javascript:window.xss=1>x</a>",
    "<object data=javascript:window.xss=1></object>",
    "<embed src=javascript:window.xss=1>",
    "<form action=javascript:window.xss=1><button>x</button></form>",
    "<math><mtext><script>window.xss=1</script></mtext></math>",
    "<meta http-equiv=refresh content='0;url=javascript:window.xss=1'>",
    "<base href=//evil.example>",
    "<style>@import'//evil.example'</style>",
    "<link rel=stylesheet href=//evil.example>",
    "<marquee onstart=window.xss=1>",
    "{{constructor.constructor('window.xss=1')()}}",
    "javascript:window.xss=1",
];
/// What a payload may have to leave first.
const PREFIXES: [&str; 11] = [
    "",
    "\">",
    "'>",
    "</title>",
    "</textarea>",
    "</script>",
    "</pre>",
    "-->",
    "</option></select>",
    "]]>",
    "\\\">",
];
/// The most characters a name has.
const NAME_CHARS_MAX: usize = 256;

/// What a payload would have become.
const PROBE: &str = "return window.xss !== undefined || document.querySelector('main script, main img, \
    main iframe, main object, main embed, main base, main style, main link, main meta, main video, \
    main marquee, main math, main svg:not([class]):not(figure svg):not(.spark svg), main [onerror], main [onload], \
    main [onfocus], main [ontoggle], main [onstart], main [href^=javascript], main [action^=javascript]') !== null";

/// Every payload after every prefix.
fn vectors() -> impl Iterator<Item = String> {
    let after =
        |prefix: &'static str| PAYLOADS.iter().map(move |payload| format!("{prefix}{payload}"));
    PREFIXES.into_iter().flat_map(after)
}

/// All vectors, as many to a name as it takes.
fn names() -> Vec<String> {
    let mut names = vec![String::new()];
    for vector in vectors() {
        if names.last().unwrap().len() + vector.len() > NAME_CHARS_MAX {
            names.push(String::new());
        }
        names.last_mut().unwrap().push_str(&vector);
    }
    names
}

/// The pages there are, with the ids of what is stored.
struct Site {
    _installation: Installation,
    _server: Server,
    _receiver: Receiver,
    browser: Browser,
    pages: Vec<String>,
}

/// An installation where everything is called like a vector.
fn hostile() -> Site {
    let installation = Installation::fresh();
    let (server, receiver) = (installation.serve(), Receiver::start());
    let all: String = vectors().collect();
    assert!(vectors().count() >= 200);
    let answer = format!(
        "HTTP/1.1 500 {0}\r\nx-answer: {0}\r\ncontent-type: text/html\r\ncontent-length: {1}\r\n\r\n{2}",
        PAYLOADS[..4].concat(),
        all.len(),
        all
    );
    receiver.answer_with(Some(&answer));
    let mut client = installation.client(&server);
    let names = names();
    let more = json!({
        "name": names[0], "headers": { "X-Shop": PAYLOADS[..8].concat() },
        "retry_policy": { "waits_seconds": [1] },
    });
    create_webhook(&mut client, &receiver, &more);
    for name in &names[1..] {
        let idle = json!({ "name": name, "event_types": ["order.reminder"] });
        create_webhook(&mut client, &receiver, &idle);
    }
    let object = json!({ "customer": PAYLOADS[1], "public_id": PAYLOADS[0], "note": all });
    let event =
        json!({ "type": "order.create", "data": { "object": object }, "context": { "note": all } });
    let posted = client.post("/api/v1/events", &event).expect(202).json();
    let deliveries = client.get("/api/v1/deliveries").expect(200).json();
    let webhook = deliveries["results"][0]["webhook"].as_str().unwrap().to_owned();
    let browser = Browser::signed_in(&installation, &server);
    browser.open("/api-keys");
    browser.fill("name", PAYLOADS[1]);
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
    for payload in [0, 1, 2, 3, 5, 8, 9, 14].map(|kind| PAYLOADS[kind]) {
        browser.run("document.querySelector('main').innerHTML = arguments[0]", &[json!(payload)]);
        assert_eq!(browser.run(PROBE, &[]), true, "{payload}");
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
