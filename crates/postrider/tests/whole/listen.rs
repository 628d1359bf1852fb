//! `postrider listen` hands over everything a webhook is sent: new deliveries and resends, with
//! signatures a receiver accepts, and what came while neither it nor the service was there.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use postrider_core::sign;
use serde_json::json;

use crate::support::program::{PROGRAM, Server};
use crate::support::{Client, Installation, Message, Receiver, create_webhook};

/// A running `listen`, which is killed in the end.
struct Listener(Child);

impl Listener {
    /// Starts it and waits until it says that it listens.
    fn start(
        installation: &Installation,
        server: &Server,
        forward: &Receiver,
        state: &Path,
    ) -> Self {
        let mut child = Command::new(PROGRAM)
            .env_clear()
            .args(["listen", "--forward", &forward.url(), "--key", &installation.api_key])
            .args(["--url", &format!("http://{}", server.address)])
            .arg("--state")
            .arg(state)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        assert!(first.starts_with("listening to webhook "), "{first}");
        // Read on, so that it never waits for somebody to.
        std::thread::spawn(move || lines.for_each(drop));
        Self(child)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Posts an event; answers its delivery.
fn post(client: &mut Client) -> String {
    let event = json!({"type": "order.create", "data": {"object": {"type": "order"}}});
    let posted = client.post("/api/v1/events", &event).expect(202).json();
    posted["deliveries"][0].as_str().unwrap().to_owned()
}

/// Asks until the delivery is settled: a receiver has its request before the service notes the
/// answer, and a service killed between the two holds the delivery until its lease runs out.
fn wait_until_delivered(client: &mut Client, delivery: &str) {
    let path = format!("/api/v1/deliveries/{delivery}");
    // Bounded by questions, a great many more than settling takes.
    let is_settled =
        (0..100_000).any(|_| client.get(&path).expect(200).json()["status"] == "success");
    assert!(is_settled, "{delivery} is never settled");
}

fn delivery(message: &Message) -> String {
    message.header("postrider-delivery").unwrap().to_owned()
}

#[test]
fn listen_loses_no_delivery_and_sees_resends() {
    let installation = Installation::fresh();
    let state = tempfile::tempdir().unwrap();
    let state = state.path().join("state");
    let (target, forward) = (Receiver::start(), Receiver::start());
    let server = installation.serve();
    let mut client = installation.client(&server);
    let key = create_webhook(&mut client, &target, &json!({}));
    let listener = Listener::start(&installation, &server, &forward, &state);
    let first = post(&mut client);
    let message = forward.take(1).remove(0);
    assert_eq!(delivery(&message), first);
    let signature = message.header("ordergroove-signature").unwrap();
    assert!(sign::verify(signature, &message.body, &key).is_ok(), "{signature}");
    assert_eq!(target.take(1)[0].body, message.body, "the webhook's own target gets it too");
    wait_until_delivered(&mut client, &first);

    drop(listener);
    let mut missed = BTreeSet::from([post(&mut client), post(&mut client)]);
    server.kill();
    let server = installation.serve();
    let mut client = installation.client(&server);
    missed.insert(post(&mut client));
    let _listener = Listener::start(&installation, &server, &forward, &state);
    let came = || forward.messages().iter().map(delivery).collect::<BTreeSet<_>>();
    // The first one may come again: it was handed over, perhaps not noted.
    assert!(forward.wait_until(|all| {
        let all: BTreeSet<_> = all.iter().map(delivery).collect();
        missed.is_subset(&all)
    }));
    assert!(came().difference(&missed).all(|again| *again == first));

    client.post(&format!("/api/v1/deliveries/{first}/resend"), &json!({})).expect(200);
    let is_resent = |message: &Message| {
        delivery(message) == first && message.header("postrider-attempt") != Some("1")
    };
    assert!(forward.wait_until(|all| all.iter().any(is_resent)));
}
