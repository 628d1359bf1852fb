//! What receivers answer (reliability.md 3.5, rows 87–108), and what we make of it.

use std::time::Duration;

use postrider_core::limits;
use postrider_core::outcome::OutcomeKind;

use super::scripted::Receiver;
use super::{Answer, Bench, check};

/// The answer to a receiver that sends these bytes and closes.
async fn answer_to(bytes: impl Into<Vec<u8>>) -> Answer {
    let bench = Bench::new();
    let receiver = Receiver::answering(&bench.tracker, bytes).await;
    bench.post_to(receiver.address).await
}

async fn kind_of(bytes: impl Into<Vec<u8>>) -> OutcomeKind {
    answer_to(bytes).await.outcome.kind
}

#[tokio::test]
async fn the_request_on_the_wire_is_exact() {
    let bench = Bench::new();
    let mut receiver = Receiver::answering(&bench.tracker, "HTTP/1.1 204 No Content\r\n\r\n").await;
    let address = receiver.address;
    let answer = bench.post(&format!("http://{address}/hook?a=b%20c")).await;
    check(&answer, OutcomeKind::Success);
    let expected = format!(
        "POST /hook?a=b%20c HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Ordergroove-Signature: ts=1,sig=2\r\nPostrider-Delivery: d\r\nContent-Length: 7\r\n\r\n\
         {{\"n\":1}}"
    );
    assert_eq!(receiver.hear().await, expected);
}

#[tokio::test]
async fn any_2xx_is_a_success_whatever_its_body() {
    for answer in [
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
        "HTTP/1.1 299 Fine\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\nuntil the end",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nTrailer: x\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ] {
        let given = answer_to(answer).await;
        check(&given, OutcomeKind::Success);
        assert_eq!(given.note, None, "{answer}");
    }
}

#[tokio::test]
async fn an_answer_is_kept_for_people_in_plain_text() {
    let answer = answer_to(
        "HTTP/1.1 422 No\r\nX-Odd: a\tb\u{e9}\x1b\r\nset-cookie: a=b\r\nContent-Length: 5\r\n\r\nwrong",
    )
    .await;
    // An escape character is no valid header byte at all.
    check(&answer, OutcomeKind::BadResponse);
    let answer = answer_to(
        "HTTP/1.1 422 No\r\nX-Odd: a\tb\u{e9}\r\nset-cookie: a=b\r\nContent-Length: 5\r\n\r\nwrong",
    )
    .await;
    check(&answer, OutcomeKind::HttpError);
    assert_eq!(answer.outcome.status_code, Some(422));
    let headers = "X-Odd: a\\x09b\\xc3\\xa9\nSet-Cookie: a=b\nContent-Length: 5";
    assert_eq!(answer.response_headers, headers);
    assert_eq!(&answer.response_body[..], b"wrong");
    assert!(!answer.is_response_truncated);
}

#[tokio::test]
async fn redirects_are_failures_and_their_location_is_only_shown() {
    let bench = Bench::new();
    let elsewhere = Receiver::keeping(&bench.tracker, "HTTP/1.1 200 OK\r\n\r\n").await;
    for status in [301, 302, 303, 304, 307, 308] {
        let location = format!("http://{}/", elsewhere.address);
        let answer = format!("HTTP/1.1 {status} Moved\r\nLocation: {location}\r\n\r\n");
        let receiver = Receiver::answering(&bench.tracker, answer).await;
        let answer = bench.post_to(receiver.address).await;
        check(&answer, OutcomeKind::Redirect);
        assert!(answer.response_headers.contains(&format!("Location: {location}")));
    }
    assert_eq!(elsewhere.accepted(), 0);
}

#[tokio::test]
async fn statuses_are_judged_and_retry_after_is_read() {
    let gone = answer_to("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n").await;
    check(&gone, OutcomeKind::Gone);
    for (status, value, kind, wait, is_noted) in [
        (429, "5", OutcomeKind::Throttled, Some(5), false),
        (429, "Tue, 01 Jun 2021 23:14:31 GMT", OutcomeKind::Throttled, Some(60), false),
        (429, "1000000000", OutcomeKind::Throttled, Some(1_000_000_000), false),
        (429, "-1", OutcomeKind::Throttled, None, true),
        (429, "soon", OutcomeKind::Throttled, None, true),
        (503, "7", OutcomeKind::Throttled, Some(7), false),
        (503, "\u{e9}", OutcomeKind::HttpError, None, true),
        (500, "soon", OutcomeKind::HttpError, None, false),
    ] {
        let head = format!("HTTP/1.1 {status} No\r\nRetry-After: {value}\r\n\r\n");
        let answer = answer_to(head).await;
        check(&answer, kind);
        assert_eq!(answer.outcome.retry_after, wait.map(Duration::from_secs), "{value}");
        assert_eq!(answer.note.is_some(), is_noted, "{value}");
    }
}

#[tokio::test]
async fn what_is_not_http_is_a_bad_response() {
    for bytes in [
        "hello\r\n\r\n",
        "<html>HTTP/0.9 sends no head</html>",
        "HTTP/1.1 99999 Much\r\n\r\n",
        "HTTP/1.1 2 Little\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nBad: \0\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
    ] {
        assert_eq!(kind_of(bytes).await, OutcomeKind::BadResponse, "{bytes}");
    }
}

#[tokio::test]
async fn a_head_beyond_its_bounds_is_a_bad_response() {
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(1_000));
    assert_eq!(kind_of(many).await, OutcomeKind::BadResponse);
    let long = format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "b".repeat(1024 * 1024));
    assert_eq!(kind_of(long).await, OutcomeKind::BadResponse);
    let reason = format!("HTTP/1.1 200 {}\r\n\r\n", "b".repeat(1024 * 1024));
    assert_eq!(kind_of(reason).await, OutcomeKind::BadResponse);
    let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(10_000);
    assert_eq!(kind_of(interim).await, OutcomeKind::BadResponse);
}

#[tokio::test]
async fn long_headers_within_bounds_are_cut_for_the_record() {
    let answer = answer_to(format!(
        "HTTP/1.1 200 OK\r\nA: {}\r\nB: c\r\nContent-Length: 0\r\n\r\n",
        "\u{e9}".repeat(10_000)
    ))
    .await;
    check(&answer, OutcomeKind::Success);
    assert_eq!(answer.response_headers.len(), limits::RESPONSE_HEADERS_KEPT_MAX);
}

#[tokio::test]
async fn an_endless_body_is_cut_and_its_connection_dropped() {
    for head in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n"]
    {
        let bench = Bench::new();
        let mut receiver = Receiver::start(&bench.tracker, move |mut peer| async move {
            peer.request().await;
            peer.send(head.as_bytes()).await;
            let mut sent = 0_usize;
            while tokio::io::AsyncWriteExt::write_all(&mut peer.stream, &[b'x'; 1024]).await.is_ok()
            {
                sent += 1024;
            }
            peer.say(&sent.to_string());
        })
        .await;
        let answer = bench.post_to(receiver.address).await;
        check(&answer, OutcomeKind::Success);
        assert_eq!(answer.response_body.len(), limits::RESPONSE_BODY_KEPT_MAX);
        assert!(answer.is_response_truncated);
        receiver.hear().await;
        // What the receiver got rid of beyond our bound lies in the buffers of the two sockets.
        assert_ne!(receiver.hear().await, "0");
    }
}

#[tokio::test]
async fn chunks_of_one_byte_are_bounded_by_what_is_on_the_wire() {
    let bench = Bench::new();
    let receiver = Receiver::start(&bench.tracker, |mut peer| async move {
        peer.request().await;
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        let chunks = b"1\r\nx\r\n".repeat(100);
        while tokio::io::AsyncWriteExt::write_all(&mut peer.stream, &chunks).await.is_ok() {}
    })
    .await;
    let answer = bench.post_to(receiver.address).await;
    check(&answer, OutcomeKind::Success);
    assert!(answer.is_response_truncated);
    assert!(answer.response_body.len() <= limits::RESPONSE_BODY_KEPT_MAX);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_judged_by_its_head_and_noted() {
    let short = answer_to("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.").await;
    check(&short, OutcomeKind::Success);
    assert_eq!(&short.response_body[..], b"ten bytes.");
    assert!(short.note.is_some());

    let bench = Bench::new();
    let receiver = Receiver::start(&bench.tracker, |mut peer| async move {
        peer.request().await;
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n").await;
        peer.reset();
    })
    .await;
    // The reset may overtake the head, as it may on a real network.
    let answer = bench.post_to(receiver.address).await;
    let kind = answer.outcome.kind;
    assert!(matches!(kind, OutcomeKind::Success | OutcomeKind::ConnectionReset), "{answer:?}");
}

#[tokio::test]
async fn a_compressed_body_is_kept_as_it_is_and_noted() {
    let answer =
        answer_to("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 3\r\n\r\nabc").await;
    check(&answer, OutcomeKind::Success);
    assert_eq!(&answer.response_body[..], b"abc");
    assert!(answer.note.is_some());
}

#[tokio::test]
async fn switching_protocols_is_a_failure() {
    let answer = answer_to("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nmore").await;
    check(&answer, OutcomeKind::HttpError);
    assert_eq!(answer.outcome.status_code, Some(101));
}

/// The answer to a receiver that sends these bytes, then stalls until the timeout has passed.
async fn stalled_after(bytes: &'static str) -> Answer {
    let bench = Bench::new();
    let mut receiver = Receiver::start(&bench.tracker, move |mut peer| async move {
        peer.request().await;
        // Byte by byte, so that a deadline that starts anew with each would never pass.
        for byte in bytes.as_bytes() {
            peer.send(&[*byte]).await;
        }
        peer.say("stalled");
        peer.wait_for_end().await;
        peer.say("closed");
    })
    .await;
    let url = format!("http://{}/", receiver.address);
    let answer = bench
        .post_until(&url, async {
            receiver.hear().await;
            assert_eq!(receiver.hear().await, "stalled");
            bench.read_what_is_there().await;
        })
        .await;
    assert_eq!(receiver.hear().await, "closed");
    assert_eq!(answer.phases.total, limits::TIMEOUT_DEFAULT);
    answer
}

#[tokio::test]
async fn a_receiver_that_never_completes_a_head_times_out() {
    for bytes in ["", "HTTP/1.1 200 OK\r\nA: b", "HTTP/1.1 103 Early Hints\r\n\r\n"] {
        let answer = stalled_after(bytes).await;
        check(&answer, OutcomeKind::Timeout);
        assert_eq!(answer.phases.first_byte, Some(limits::TIMEOUT_DEFAULT));
        assert!(answer.phases.connect.is_some());
    }
}

#[tokio::test]
async fn a_stalled_body_is_judged_by_its_head_at_the_deadline() {
    let answer = stalled_after("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbody").await;
    check(&answer, OutcomeKind::Success);
    assert_eq!(&answer.response_body[..], b"body");
    assert!(answer.note.is_some());
}
