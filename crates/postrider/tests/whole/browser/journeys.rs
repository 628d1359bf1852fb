//! What people do in the admin, step by step as they would.

use serde_json::json;

use crate::support::browser::Browser;
use crate::support::{Installation, Receiver, create_webhook};

const BUSY: &str = "HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy";

/// Opens the menu of the only webhook of the list and chooses something.
fn choose(browser: &Browser, entry: &str) {
    browser.open("/webhooks");
    browser.click("//summary[starts-with(@aria-label, 'Menu of')]");
    browser.click(&format!("//details[@open]//a[.='{entry}']"));
}

#[test]
fn a_webhook_is_made_tested_and_its_key_rotated() {
    let installation = Installation::fresh();
    let (server, receiver) = (installation.serve(), Receiver::start());
    let browser = Browser::signed_in(&installation, &server);
    browser.press("Create webhook");
    browser.fill("name", "Warehouse");
    browser.fill("target_url", &receiver.url());
    browser.tick("event_types", "order.*");
    browser.tick("event_types", "subscription.*");
    browser.click("//summary[contains(., 'Advanced settings')]");
    browser.tick("additional_data", "order.customer");
    browser.see("bytes as it is sent");
    browser.press("Save");
    browser.see("The webhook was created");

    choose(&browser, "Send test events");
    browser.press("Confirm");
    browser.see("test events are on their way");
    // The page is not loaded again: the rows come by themselves.
    browser.find("//tr[contains(., 'order.create')][contains(., 'success')]");
    browser.find("//tr[contains(., 'subscription.cancel')][contains(., 'success')]");
    let first = receiver.messages()[0].clone();
    let signature = first.header("ordergroove-signature").unwrap().to_owned();
    assert_eq!(signature.matches(",sig=").count(), 1);

    choose(&browser, "Regenerate key");
    browser.press("Regenerate key");
    browser.see("deliveries carry two signatures until");
    let key = browser.run("return document.querySelector('.secret').textContent", &[]);
    choose(&browser, "Send test events");
    browser.press("Confirm");
    browser.click_row("(//tr[contains(., 'success')]//a[.='order.create'])[1]");
    browser.see("Headers of the latest attempt");
    let shown =
        "return [...document.querySelectorAll('.headers tr')].map((row) => row.textContent)";
    let shown = browser.run(shown, &[]);
    let lines: Vec<&str> =
        shown.as_array().unwrap().iter().filter_map(|line| line.as_str()).collect();
    let line = lines.iter().find(|line| line.starts_with("Ordergroove-Signature")).unwrap();
    assert_eq!(line.matches(",sig=").count(), 2, "{line}");

    // A receiver that moved to the new key asks why an old request does not match.
    browser.open("/receive");
    browser.fill("headers", &format!("Ordergroove-Signature: {signature}"));
    browser.run(
        "document.querySelector('[name=body]').value = arguments[0]",
        &[json!(String::from_utf8(first.body).unwrap())],
    );
    browser.fill("key", key.as_str().unwrap());
    browser.press("Check");
    browser.see("The signature fits this body");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_receiver_fails_is_mended_and_what_it_missed_is_recovered() {
    let installation = Installation::fresh();
    let (server, receiver) = (installation.serve(), Receiver::start());
    receiver.answer_with(Some(BUSY));
    let mut client = installation.client(&server);
    create_webhook(&mut client, &receiver, &json!({ "retry_policy": { "waits_seconds": [1] } }));
    let event = json!({ "type": "order.create", "data": { "object": { "customer": "c-1" } } });
    client.post("/api/v1/events", &event).expect(202);
    let browser = Browser::signed_in(&installation, &server);
    browser.open("/deliveries?find=customer&value=c-1");
    browser.click_row("//tr[contains(., 'failed')]//a[.='order.create']");
    browser.see("The receiver answered with an error status");
    browser.see("busy");

    receiver.answer_with(None);
    browser.open("/undelivered");
    browser.press("Recover…");
    browser.see("1 failed deliveries would be sent again");
    browser.press("Recover");
    browser.see("of 1 sent again");
    browser.open("/deliveries?find=customer&value=c-1");
    browser.find("//tr[contains(., 'success')]");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn what_waited_is_resumed_with_the_latest_of_each_object() {
    let installation = Installation::fresh();
    let (server, receiver) = (installation.serve(), Receiver::start());
    create_webhook(&mut installation.client(&server), &receiver, &json!({}));
    let browser = Browser::signed_in(&installation, &server);
    choose(&browser, "Pause");
    browser.press("Pause");
    browser.see("The webhook is paused");
    let mut client = installation.client(&server);
    for quantity in [1, 2, 3] {
        let object = json!({ "public_id": "order-1", "quantity": quantity });
        let event = json!({ "type": "order.create", "data": { "object": object } });
        client.post("/api/v1/events", &event).expect(202);
    }
    choose(&browser, "Resume");
    browser.see("Deliveries waiting now: 3");
    browser.tick("backlog", "latest");
    browser.press("Resume");
    browser.see("The webhook delivers again");
    browser.find("//tr[contains(., 'success')]");
    let messages = receiver.take(1);
    assert!(String::from_utf8_lossy(&messages[0].body).contains(r#""quantity":3"#));
    browser.open("/deliveries?status=canceled");
    let rows = browser.run("return document.querySelectorAll('tbody tr').length", &[]);
    assert_eq!(rows, 2);
}

#[test]
fn a_viewer_who_was_invited_looks_and_may_not_change() {
    let installation = Installation::fresh();
    let (server, receiver) = (installation.serve(), Receiver::start());
    create_webhook(&mut installation.client(&server), &receiver, &json!({}));
    let browser = Browser::signed_in(&installation, &server);
    browser.open("/users");
    browser.fill("email", "viewer@example.com");
    browser.click("//form[@action='/users']//option[.='viewer' or @value='viewer']");
    browser.press("Invite");
    browser.find("//*[@data-link]");
    let link = browser.run("return document.querySelector('[data-link]').dataset.link", &[]);
    browser.click("//details[contains(@class, 'who')]/summary");
    browser.press("Sign out");
    browser.find("//h1[.='Sign in']");
    browser.open(link.as_str().unwrap());
    browser.fill("password", "a quiet place to look from");
    browser.click("//main//button");
    browser.find("//h1[.='Webhooks']");
    for path in ["/webhooks", "/overview", "/deliveries"] {
        browser.open(path);
        assert!(!browser.says("Delete") && !browser.says("Create webhook"), "{}", browser.text());
    }
    for path in ["/users", "/api-keys", "/audit-log"] {
        browser.open(path);
        browser.find("//p[@role='alert']");
    }
    browser.open("/webhooks");
    browser.click("//a[b]");
    browser.find("//h1[.='Shop']");
    let offered =
        "return document.querySelectorAll('main a.button, main form[method=post]').length";
    assert_eq!(browser.run(offered, &[]), 0, "{}", browser.text());
}
