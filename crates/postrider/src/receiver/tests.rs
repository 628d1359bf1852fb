//! The receiver over real sockets.

use super::*;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

type Ledger = Arc<Mutex<Vec<Received>>>;

/// A running receiver, and what it has noted.
async fn running(answers: &str) -> (SocketAddr, Ledger, CancellationToken, TaskTracker) {
    let receiver = Receiver::bind(([127, 0, 0, 1], 0).into(), Clock::system()).await.unwrap();
    let address = receiver.address().unwrap();
    let (ledger, stop, tasks) = (Ledger::default(), CancellationToken::new(), TaskTracker::new());
    let plan = Plan {
        key: Some(VerificationKey::restored("super-secret-webhooks-verification-key")),
        signature_header: "Ordergroove-Signature".to_owned(),
        answers: answers.parse().unwrap(),
        delay: Duration::ZERO,
    };
    let noted = Arc::clone(&ledger);
    tasks.spawn(receiver.run(plan, move |one| noted.lock().push(one.clone()), stop.clone()));
    tasks.close();
    (address, ledger, stop, tasks)
}

/// Sends one request on its own connection and answers the status line.
async fn send(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

fn post(body: &str, signature: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\
         Ordergroove-Signature: ts=1592570791,sig={signature}\r\nPostrider-Delivery: d1\r\n\
         Postrider-Attempt: 2\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn a_delivery_is_verified_noted_and_answered_as_told() {
    let (address, ledger, stop, tasks) = running("503,200").await;
    // The vector of facts.md 6.
    let signature = "f992381121805167bcb19b5c4b648bc14b4435b39c950bce9754be87c95db6db";
    assert_eq!(send(address, &post("{}", signature)).await, "HTTP/1.1 503 Service Unavailable");
    let changed = r#"{"id":"e1","type":"order.success"}"#;
    assert_eq!(send(address, &post(changed, signature)).await, "HTTP/1.1 200 OK");
    assert_eq!(send(address, &post("{}", signature)).await, "HTTP/1.1 200 OK");
    stop.cancel();
    tasks.wait().await;
    let noted = ledger.lock();
    assert_eq!(noted[0].verdict, Verdict::Verified);
    assert_eq!((noted[0].delivery.as_deref(), noted[0].attempt), (Some("d1"), Some(2)));
    assert_eq!(noted[1].verdict.is_verified(), Some(false));
    assert_eq!(noted[1].event.as_deref(), Some("e1"));
    assert_eq!(noted[1].event_type.as_deref(), Some("order.success"));
    assert_eq!(noted.len(), 3);
}

#[tokio::test]
async fn a_body_beyond_the_bound_and_another_method_are_refused_and_not_noted() {
    let (address, ledger, ..) = running("200").await;
    let huge = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4194305\r\n\r\n";
    assert_eq!(send(address, huge).await, "HTTP/1.1 413 Payload Too Large");
    let get = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_eq!(send(address, get).await, "HTTP/1.1 405 Method Not Allowed");
    assert!(ledger.lock().is_empty());
}
