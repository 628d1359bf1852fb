//! Tests of the client against receivers and name servers that follow a script.
//!
//! The clock is moved by hand, so no timeout ever fires unless a test says so.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use postrider_core::address::AddressPolicy;
use postrider_core::limits;
use postrider_core::outcome::OutcomeKind;
use postrider_core::target::{TargetRules, TargetUrl};
use postrider_core::time::Timestamp;
use tokio_util::task::TaskTracker;

use super::{Answer, Client, ClientOptions, NameServers, Post, Trust};
use crate::clock::{Clock, ManualClock};

mod answers;
mod connections;
mod names;
mod scripted;
mod tls;

/// 2021-06-01T23:13:31Z.
const NOW: i64 = 1_622_589_211;

/// A client under test.
struct Bench {
    client: Client,
    tracker: TaskTracker,
    clock: ManualClock,
}

impl Bench {
    /// A client that may send to loopback addresses.
    fn new() -> Self {
        Self::with(loopback(), NameServers::Given(Vec::new()), Trust::Roots(Vec::new()))
    }

    fn with(addresses: AddressPolicy, name_servers: NameServers, trust: Trust) -> Self {
        let clock = Clock::manual(Timestamp::from_unix_seconds(NOW));
        let Clock::Manual(manual) = clock.clone() else { unreachable!() };
        let tracker = TaskTracker::new();
        let client = Client::new(ClientOptions {
            clock,
            addresses: Arc::new(addresses),
            name_servers,
            trust,
            tracker: tracker.clone(),
        });
        Self { client: client.unwrap(), tracker, clock: manual }
    }

    /// Posts a small body with the default timeout.
    async fn post(&self, url: &str) -> Answer {
        self.post_body(url, Bytes::from_static(b"{\"n\":1}")).await
    }

    async fn post_body(&self, url: &str, body: Bytes) -> Answer {
        // The rules for saving a target are not under test here: all of this is asked at connect.
        let target = TargetUrl::restored(url).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        for (name, value) in [("ordergroove-signature", "ts=1,sig=2"), ("postrider-delivery", "d")]
        {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let post = Post { target: &target, headers, body, timeout: limits::TIMEOUT_DEFAULT };
        self.client.post(post).await
    }

    async fn post_to(&self, address: SocketAddr) -> Answer {
        self.post(&format!("http://{address}/hook")).await
    }

    /// Lets every task of the client run until it waits for more: each turn polls the sockets.
    async fn read_what_is_there(&self) {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    /// Lets time pass.
    fn pass(&self, time: Duration) {
        self.clock.advance_to(Clock::Manual(self.clock.clone()).now() + time);
    }

    /// Posts, and lets the attempt's time pass once `signal` is done.
    async fn post_until(&self, url: &str, signal: impl Future<Output = ()>) -> Answer {
        let advance = async {
            signal.await;
            self.pass(limits::TIMEOUT_DEFAULT);
        };
        tokio::join!(self.post(url), advance).0
    }
}

fn loopback() -> AddressPolicy {
    AddressPolicy::default().allow(["127.0.0.0/8".parse().unwrap()])
}

#[track_caller]
fn check(answer: &Answer, kind: OutcomeKind) {
    assert_eq!(answer.outcome.kind, kind, "{answer:?}");
}

#[test]
fn a_target_has_one_origin_whatever_its_path() {
    let rules = TargetRules { allow_http: true, addresses: Arc::new(loopback()) };
    for (url, origin) in [
        ("https://example.com/a?b=c", "https://example.com"),
        ("https://example.com:443/a", "https://example.com"),
        ("https://EXAMPLE.com:444", "https://example.com:444"),
        ("http://127.0.0.1:80/http://127.0.0.1/", "http://127.0.0.1"),
    ] {
        assert_eq!(super::pool::origin(&TargetUrl::parse(url, &rules).unwrap()), origin);
    }
}
