//! Opening, keeping and losing connections (reliability.md rows 83, 84, 95, 106).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use postrider_core::address::AddressPolicy;
use postrider_core::limits;
use postrider_core::outcome::OutcomeKind;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::task::TaskTracker;

use super::super::connection::Connection;
use super::super::pool::Pool;
use super::super::wire::Wire;
use super::scripted::Receiver;
use super::{Bench, NameServers, Trust, check};
use crate::clock::Clock;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn a_port_nobody_listens_on_is_refused() {
    let bench = Bench::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let answer = bench.post_to(address).await;
    check(&answer, OutcomeKind::ConnectRefused);
    assert!(answer.phases.connect.is_some());
    assert_eq!((answer.phases.dns, answer.phases.first_byte), (None, None));
}

#[tokio::test]
async fn a_reset_before_an_answer_is_a_reset_whenever_it_comes() {
    let bench = Bench::new();
    let at_accept = Receiver::start(&bench.tracker, |peer| async move { peer.reset() }).await;
    check(&bench.post_to(at_accept.address).await, OutcomeKind::ConnectionReset);
    let after_request = Receiver::start(&bench.tracker, |mut peer| async move {
        peer.request().await;
        peer.reset();
    })
    .await;
    check(&bench.post_to(after_request.address).await, OutcomeKind::ConnectionReset);
    // On a fresh connection nothing is sent twice.
    assert_eq!((at_accept.accepted(), after_request.accepted()), (1, 1));
    for bytes in ["", "HTTP/1.1 20", "HTTP/1.1 200 OK\r\nA: b\r\n"] {
        let closing = Receiver::answering(&bench.tracker, bytes).await;
        check(&bench.post_to(closing.address).await, OutcomeKind::ConnectionReset);
    }
}

#[tokio::test]
async fn a_black_hole_is_a_connect_timeout() {
    let bench = Bench::new();
    // Connections beyond the backlog get no answer to their first packet.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let _full = (TcpStream::connect(address).await, TcpStream::connect(address).await);
    let url = format!("http://{address}/");
    let answer = bench.post_until(&url, bench.read_what_is_there()).await;
    check(&answer, OutcomeKind::ConnectTimeout);
    assert_eq!(answer.phases.connect, Some(limits::CONNECT_TIMEOUT));
}

#[tokio::test]
async fn a_connection_is_kept_and_used_again() {
    let bench = Bench::new();
    let receiver = Receiver::keeping(&bench.tracker, OK).await;
    let first = bench.post_to(receiver.address).await;
    assert!(first.phases.connect.is_some());
    for _ in 0..5 {
        let next = bench.post_to(receiver.address).await;
        check(&next, OutcomeKind::Success);
        assert_eq!(next.phases.connect, None);
        assert_eq!(next.note, None);
    }
    assert_eq!(receiver.accepted(), 1);
}

#[tokio::test]
async fn each_origin_has_its_own_connections() {
    let bench = Bench::new();
    let (one, other) =
        (Receiver::keeping(&bench.tracker, OK).await, Receiver::keeping(&bench.tracker, OK).await);
    for _ in 0..2 {
        check(&bench.post_to(one.address).await, OutcomeKind::Success);
        check(&bench.post_to(other.address).await, OutcomeKind::Success);
    }
    assert_eq!((one.accepted(), other.accepted()), (1, 1));
}

#[tokio::test]
async fn a_kept_connection_closed_as_we_send_is_replaced_within_the_attempt() {
    let bench = Bench::new();
    let receiver = Receiver::start(&bench.tracker, |mut peer| async move {
        peer.request().await;
        peer.send(OK.as_bytes()).await;
        // The first connection ends without a word once it has the second request.
        while peer.request().await && peer.number > 0 {
            peer.send(OK.as_bytes()).await;
        }
    })
    .await;
    check(&bench.post_to(receiver.address).await, OutcomeKind::Success);
    let again = bench.post_to(receiver.address).await;
    check(&again, OutcomeKind::Success);
    assert!(again.note.is_some());
    assert_eq!(receiver.accepted(), 2);
    check(&bench.post_to(receiver.address).await, OutcomeKind::Success);
    assert_eq!(receiver.accepted(), 2);
}

#[tokio::test]
async fn a_kept_connection_closed_while_idle_is_not_used() {
    let bench = Bench::new();
    let mut receiver = Receiver::start(&bench.tracker, |mut peer| async move {
        peer.request().await;
        peer.send(OK.as_bytes()).await;
        if peer.number == 0 {
            peer.finish().await;
            peer.say("closed");
        }
        while peer.request().await {}
    })
    .await;
    check(&bench.post_to(receiver.address).await, OutcomeKind::Success);
    receiver.hear().await;
    assert_eq!(receiver.hear().await, "closed");
    let again = bench.post_to(receiver.address).await;
    check(&again, OutcomeKind::Success);
    assert_eq!(again.note, None);
    assert_eq!(receiver.accepted(), 2);
}

#[tokio::test]
async fn an_answer_that_began_is_never_asked_for_again() {
    let bench = Bench::new();
    let receiver = Receiver::start(&bench.tracker, |mut peer| async move {
        peer.request().await;
        peer.send(OK.as_bytes()).await;
        peer.request().await;
        peer.send(b"HTTP/1.1 2").await;
        peer.finish().await;
    })
    .await;
    check(&bench.post_to(receiver.address).await, OutcomeKind::Success);
    check(&bench.post_to(receiver.address).await, OutcomeKind::ConnectionReset);
    assert_eq!(receiver.accepted(), 1);
}

#[tokio::test]
async fn a_connection_with_more_bytes_than_its_answer_is_not_used_again() {
    let bench = Bench::new();
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 410 Gone\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 410 Gone\r\n\r\n",
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    ] {
        let receiver = Receiver::keeping(&bench.tracker, answer).await;
        let first = bench.post_to(receiver.address).await;
        let second = bench.post_to(receiver.address).await;
        assert_eq!(first.outcome, second.outcome);
        assert_eq!(second.note, None);
        assert_eq!(receiver.accepted(), 2, "{answer}");
    }
}

#[tokio::test]
async fn an_early_answer_to_a_large_body_counts_and_costs_the_connection() {
    let bench = Bench::new();
    // Of the bench's own tracker only the client's tasks shall be known.
    let receiver = Receiver::start(&TaskTracker::new(), |mut peer| async move {
        peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n").await;
        std::future::pending::<()>().await;
    })
    .await;
    let url = format!("http://{}/", receiver.address);
    // More than the buffers of the sockets hold, and nobody reads it.
    let body = Bytes::from(vec![b' '; 64 * 1024 * 1024]);
    check(&bench.post_body(&url, body.clone()).await, OutcomeKind::HttpError);
    check(&bench.post_body(&url, body).await, OutcomeKind::HttpError);
    assert_eq!(receiver.accepted(), 2);
    // At the end of the attempts' time nothing is left of them, whatever the receiver does.
    bench.read_what_is_there().await;
    bench.pass(limits::TIMEOUT_DEFAULT);
    bench.tracker.close();
    bench.tracker.wait().await;
}

#[tokio::test]
async fn idle_connections_are_closed_at_the_end_of_their_life() {
    let bench = Bench::new();
    let mut receiver = Receiver::start(&bench.tracker, |mut peer| async move {
        while peer.request().await {
            peer.send(OK.as_bytes()).await;
        }
        peer.say("closed");
    })
    .await;
    check(&bench.post_to(receiver.address).await, OutcomeKind::Success);
    receiver.hear().await;
    bench.read_what_is_there().await;
    bench.pass(limits::IDLE_CONNECTION_LIFE.saturating_sub(Duration::from_secs(1)));
    assert_eq!(bench.post_to(receiver.address).await.phases.connect, None);
    receiver.hear().await;
    bench.read_what_is_there().await;
    bench.pass(limits::IDLE_CONNECTION_LIFE);
    assert_eq!(receiver.hear().await, "closed");
    assert!(bench.post_to(receiver.address).await.phases.connect.is_some());
}

#[tokio::test]
async fn the_least_recently_used_connection_goes_first_beyond_the_bound() {
    let bench = Bench::new();
    let receiver = Receiver::keeping(&bench.tracker, OK).await;
    let pool = Arc::new(Pool::new(Clock::Manual(bench.clock.clone()), bench.tracker.clone(), 2));
    for origin in ["a", "b", "a", "c"] {
        let wire = Wire::plain(TcpStream::connect(receiver.address).await.unwrap());
        let mut connection = Connection::open(wire, origin, &bench.tracker).await.unwrap();
        assert!(connection.becomes_ready().await);
        pool.put(connection, Duration::ZERO);
    }
    let is_kept = ["a", "b", "a", "c"].map(|origin| pool.take(origin).is_some());
    assert_eq!(is_kept, [true, false, false, true]);
}

#[tokio::test]
async fn stopping_closes_idle_connections_and_keeps_no_more() {
    let bench = Bench::new();
    let mut receiver = Receiver::start(&bench.tracker, |mut peer| async move {
        while peer.request().await {
            peer.send(OK.as_bytes()).await;
        }
        peer.say("closed");
    })
    .await;
    check(&bench.post_to(receiver.address).await, OutcomeKind::Success);
    receiver.hear().await;
    bench.client.close_idle();
    assert_eq!(receiver.hear().await, "closed");
    check(&bench.post_to(receiver.address).await, OutcomeKind::Success);
    receiver.hear().await;
    assert_eq!(receiver.hear().await, "closed");
}

#[tokio::test]
async fn addresses_that_are_not_allowed_are_never_dialled() {
    let public_only =
        Bench::with(AddressPolicy::default(), NameServers::Given(vec![]), Trust::Roots(vec![]));
    let receiver = Receiver::keeping(&public_only.tracker, OK).await;
    let port = receiver.address.port();
    for host in [
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "[::]",
        "2130706433",
        "0x7f.1",
        "127.1",
        "10.0.0.1",
        "169.254.169.254",
        "[fe80::1]",
        "[64:ff9b::7f00:1]",
        "localhost",
        "metadata.google.internal",
        "printer.local",
    ] {
        let answer = public_only.post(&format!("http://{host}:{port}/")).await;
        check(&answer, OutcomeKind::TargetBlocked);
        assert_eq!(answer.note, None);
        assert_eq!((answer.phases.dns, answer.phases.connect), (None, None));
    }
    assert_eq!(receiver.accepted(), 0);
}
