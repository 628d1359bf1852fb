//! A backup made while events are posted holds everything that was acknowledged before it, and a
//! start from it delivers what was pending (reliability.md D13).

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::support::{Client, Installation, Receiver, create_webhook};

/// Events acknowledged before the backup begins.
const EVENTS: usize = 300;
/// Events in one post.
const BATCH: usize = 50;

fn post(client: &mut Client, prefix: &str, batch: usize) -> Vec<String> {
    let ids: Vec<_> = (0..BATCH).map(|n| format!("{prefix}-{batch}-{n}")).collect();
    let event = |id: &String| json!({"id": id, "type": "order.create", "data": {"object": {}}});
    let events: Vec<Value> = ids.iter().map(event).collect();
    client.post("/api/v1/events", &json!({"events": events})).expect(202);
    ids
}

#[test]
fn a_backup_under_load_restores_what_was_acknowledged_and_delivers_what_was_pending() {
    let installation = Installation::fresh();
    let receiver = Receiver::start();
    let server = installation.serve();
    let mut client = installation.client(&server);
    create_webhook(&mut client, &receiver, &json!({}));
    let webhooks = client.get("/api/v1/webhooks").expect(200).json();
    let webhook = webhooks["results"][0]["id"].as_str().unwrap();
    client.post(&format!("/api/v1/webhooks/{webhook}/pause"), &json!({})).expect(200);
    let before: HashSet<String> =
        (0..EVENTS / BATCH).flat_map(|batch| post(&mut client, "before", batch)).collect();

    let is_done = AtomicBool::new(false);
    let told = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = installation.client(&server);
            let more = |batch: &usize| *batch == 0 || !is_done.load(Ordering::Acquire);
            (0..1_000).take_while(more).for_each(|batch| drop(post(&mut client, "during", batch)));
        });
        let told = installation.backup("copy.db");
        is_done.store(true, Ordering::Release);
        told.unwrap()
    });
    let again = installation.backup("copy.db").unwrap_err();
    assert!(again.contains("is there already"), "{again}");
    server.kill();

    let restored = installation.restored("copy.db");
    let server = restored.serve();
    let mut client = restored.client(&server);
    let (events, pending) = (told["events"].as_u64(), told["pending"].as_u64());
    assert!(events >= Some(EVENTS as u64) && events == pending, "{told}");
    client
        .post(&format!("/api/v1/webhooks/{webhook}/resume"), &json!({"backlog": "all"}))
        .expect(200);
    let pending = usize::try_from(pending.unwrap()).unwrap();
    assert!(receiver.wait_until(|messages| messages.len() >= pending));
    let arrived: HashSet<String> =
        receiver.messages().iter().map(|message| id(&message.body)).collect();
    assert!(before.is_subset(&arrived), "acknowledged before the backup, and not in it");
    assert_eq!(arrived.len(), pending, "what it said was pending, and nothing else");
}

fn id(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap();
    body["id"].as_str().unwrap().to_owned()
}
