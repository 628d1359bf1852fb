//! Names, from the question to the judged address (reliability.md E2, E11, rows 85 and 86).

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use postrider_core::address::{AddressPolicy, DeniedClass};
use postrider_core::limits;
use postrider_core::outcome::OutcomeKind;
use postrider_core::target::TargetUrl;

use super::scripted::{A, AAAA, NameServer, Receiver, Reply};
use super::{Answer, Bench, NameServers, Trust, check, loopback};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const CLOSE: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";

/// A client, a receiver on 127.0.0.1 and a name server for the names in between.
struct Net {
    bench: Bench,
    receiver: Receiver,
    name_server: NameServer,
}

impl Net {
    async fn new(
        addresses: AddressPolicy,
        answer: &'static str,
        script: impl Fn(&str, u16) -> Reply + Send + 'static,
    ) -> Self {
        let tracker = tokio_util::task::TaskTracker::new();
        let name_server = NameServer::start(&tracker, script).await;
        let receiver = Receiver::keeping(&tracker, answer).await;
        let name_servers = NameServers::Given(vec![name_server.address]);
        let bench = Bench::with(addresses, name_servers, Trust::Roots(Vec::new()));
        Self { bench, receiver, name_server }
    }

    async fn post(&self) -> Answer {
        self.bench.post(&self.url()).await
    }

    fn url(&self) -> String {
        format!("http://shop.example:{}/", self.receiver.address.port())
    }
}

fn addresses<const N: usize>(texts: [&str; N]) -> Reply {
    Reply::Addresses(texts.map(|text| text.parse().unwrap()).into())
}

#[tokio::test]
async fn a_name_is_looked_up_as_it_is_and_its_address_is_dialled() {
    let mut net = Net::new(loopback(), OK, |_, _| addresses(["127.0.0.1"])).await;
    let answer = net.post().await;
    check(&answer, OutcomeKind::Success);
    assert!(answer.phases.dns.is_some());
    let head = net.receiver.hear().await;
    assert!(head.contains(&format!("\r\nHost: shop.example:{}\r\n", net.receiver.address.port())));
    // IPv4 sufficed, and no search domain was tried.
    assert_eq!(net.name_server.asked_so_far(), [("shop.example".to_owned(), A)]);
    // On the kept connection there is nothing to look up.
    assert_eq!(net.post().await.phases.dns, None);
}

/// Row 73.
#[tokio::test]
async fn a_name_with_only_denied_addresses_is_blocked() {
    let script = |_: &str, kind| match kind {
        A => addresses(["10.0.0.1", "127.0.0.1", "169.254.169.254"]),
        _ => addresses(["::1", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]),
    };
    let mut net = Net::new(AddressPolicy::default(), OK, script).await;
    let answer = net.post().await;
    check(&answer, OutcomeKind::TargetBlocked);
    assert_eq!((answer.note, answer.phases.connect), (None, None));
    assert_eq!(net.receiver.accepted(), 0);
    assert_eq!(net.name_server.asked_so_far().len(), 2);
}

#[tokio::test]
async fn of_a_mixed_answer_only_the_allowed_address_is_dialled() {
    let net = Net::new(loopback(), OK, |_, _| addresses(["10.0.0.1", "127.0.0.1"])).await;
    // Dialling 10.0.0.1 first would take time, which stands still.
    let answer = net.post().await;
    check(&answer, OutcomeKind::Success);
    assert_eq!(net.receiver.accepted(), 1);
}

/// Row 74.
#[tokio::test]
async fn every_connection_is_judged_anew() {
    let questions = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&questions);
    let script = move |_: &str, kind| match kind {
        A if count.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) => addresses(["127.0.0.1"]),
        A => addresses(["10.0.0.1"]),
        _ => addresses([]),
    };
    let net = Net::new(loopback(), CLOSE, script).await;
    for _ in 0..5 {
        check(&net.post().await, OutcomeKind::Success);
        check(&net.post().await, OutcomeKind::TargetBlocked);
    }
    assert_eq!(net.receiver.accepted(), 5);
}

#[tokio::test]
async fn without_ipv4_or_when_it_leads_nowhere_ipv6_is_tried() {
    let allowed = || loopback().allow(["::1/128".parse().unwrap()]);
    let script = |_: &str, kind| match kind {
        A => addresses([]),
        _ => addresses(["::1"]),
    };
    // Nothing listens on [::1], which is answer enough.
    let mut net = Net::new(allowed(), OK, script).await;
    let answer = net.post().await;
    assert!(answer.phases.connect.is_some(), "{answer:?}");
    let kinds: Vec<_> = net.name_server.asked_so_far().into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(kinds, [A, AAAA]);
    let script = |_: &str, kind| match kind {
        A => addresses(["127.0.0.2"]),
        _ => Reply::Code(2),
    };
    let net = Net::new(allowed(), OK, script).await;
    // The receiver listens on 127.0.0.1 only; the refusal says more than the failed second look-up.
    check(&net.post().await, OutcomeKind::ConnectRefused);
}

#[tokio::test]
async fn a_dead_first_address_does_not_hide_the_second() {
    let net = Net::new(loopback(), OK, |_, _| addresses(["127.0.0.2", "127.0.0.1"])).await;
    check(&net.post().await, OutcomeKind::Success);
}

#[tokio::test]
async fn failures_of_names_are_told_apart() {
    let mut nx = Net::new(loopback(), OK, |_, _| Reply::Code(3)).await;
    check(&nx.post().await, OutcomeKind::DnsNotFound);
    // A name that does not exist has no IPv6 address either.
    assert!(nx.name_server.asked_so_far().iter().all(|(_, kind)| *kind == A));
    let empty = Net::new(loopback(), OK, |_, _| addresses([])).await;
    check(&empty.post().await, OutcomeKind::DnsNotFound);
    let failing = Net::new(loopback(), OK, |_, _| Reply::Code(2)).await;
    check(&failing.post().await, OutcomeKind::DnsError);
    let refusing = Net::new(loopback(), OK, |_, _| Reply::Code(5)).await;
    check(&refusing.post().await, OutcomeKind::DnsError);
    let looping = Net::new(loopback(), OK, |_, _| Reply::Alias("shop.example")).await;
    let kind = looping.post().await.outcome.kind;
    assert!(matches!(kind, OutcomeKind::DnsError | OutcomeKind::DnsNotFound), "{kind:?}");
    check(&Bench::new().post("http://shop.example/").await, OutcomeKind::DnsError);
}

#[tokio::test]
async fn silent_name_servers_are_a_dns_timeout() {
    let mut net = Net::new(loopback(), OK, |_, _| Reply::Silence).await;
    let url = net.url();
    let (answer, ()) = tokio::join!(net.bench.post(&url), async {
        net.name_server.asked().await;
        net.bench.pass(limits::DNS_TIMEOUT);
    });
    check(&answer, OutcomeKind::DnsTimeout);
    assert_eq!(answer.phases.dns, Some(limits::DNS_TIMEOUT));
    assert_eq!(answer.phases.total, limits::DNS_TIMEOUT);
}

#[tokio::test]
async fn of_many_addresses_only_the_first_few_are_considered() {
    // Denied ones up to the bound, then the receiver's: it is not reached.
    let many = |denied: usize| {
        move |_: &str, _: u16| {
            let mut all = vec!["10.0.0.1".parse::<IpAddr>().unwrap(); denied];
            all.push("127.0.0.1".parse().unwrap());
            Reply::Addresses(all)
        }
    };
    for (denied, kind) in [
        (limits::DNS_ADDRESSES_MAX - 1, OutcomeKind::Success),
        (limits::DNS_ADDRESSES_MAX, OutcomeKind::TargetBlocked),
        // As many as a message holds, which takes TCP.
        (4_000, OutcomeKind::TargetBlocked),
    ] {
        let net = Net::new(loopback(), OK, many(denied)).await;
        check(&net.post().await, kind);
    }
}

#[tokio::test]
async fn localhost_needs_no_name_server_but_an_allowed_block() {
    let bench = Bench::new();
    let receiver = Receiver::keeping(&bench.tracker, OK).await;
    let answer = bench.post(&format!("http://localhost:{}/", receiver.address.port())).await;
    check(&answer, OutcomeKind::Success);
}

/// Row 73: what somebody who writes a target is told, and what is left to the attempts.
#[tokio::test]
async fn a_name_is_denied_beforehand_only_when_all_its_addresses_are() {
    let verdict = async |v4: &'static [&'static str], v6: &'static [&'static str]| {
        let script = move |_: &str, kind| {
            let texts = if kind == A { v4 } else { v6 };
            Reply::Addresses(texts.iter().map(|text| text.parse().unwrap()).collect())
        };
        let net = Net::new(AddressPolicy::default(), OK, script).await;
        let target = TargetUrl::restored("https://shop.example/").unwrap();
        net.bench.client.preview(&target).await.map_err(|denied| denied.class)
    };
    assert_eq!(verdict(&["10.0.0.1"], &[]).await, Err(DeniedClass::Private));
    assert_eq!(verdict(&[], &["::1"]).await, Err(DeniedClass::Loopback));
    assert_eq!(verdict(&["10.0.0.1", "8.8.8.8"], &[]).await, Ok(()));
    assert_eq!(verdict(&["10.0.0.1"], &["2606:4700::1111"]).await, Ok(()));
    assert_eq!(verdict(&[], &[]).await, Ok(()));
}

/// Row 73: a name that cannot be looked up now may lead somewhere later.
#[tokio::test]
async fn a_name_without_an_answer_is_left_to_the_attempts() {
    let target = TargetUrl::restored("https://shop.example/").unwrap();
    for code in [2, 3, 5] {
        let net = Net::new(AddressPolicy::default(), OK, move |_, _| Reply::Code(code)).await;
        assert!(net.bench.client.preview(&target).await.is_ok(), "{code}");
    }
    let mut net = Net::new(AddressPolicy::default(), OK, |_, _| Reply::Silence).await;
    let client = net.bench.client.clone();
    let (verdict, ()) = tokio::join!(client.preview(&target), async {
        net.name_server.asked().await;
        net.bench.pass(limits::TARGET_LOOK_UP_TIMEOUT);
    });
    assert!(verdict.is_ok());
}
