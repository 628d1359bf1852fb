//! TLS (reliability.md E12, rows 102 and 103). Receivers count the bytes of requests they see.

use std::sync::Arc;

use postrider_core::limits;
use postrider_core::outcome::OutcomeKind;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::scripted::{Peer, Receiver};
use super::{Answer, Bench, NameServers, Trust, check, loopback};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// An issuer, and whatever certificates a test wants of it.
struct Issuer(CertifiedIssuer<'static, KeyPair>);

struct Served {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Issuer {
    fn new() -> Self {
        Self::named("issuer")
    }

    fn named(name: &str) -> Self {
        let mut params = params(&[], 2020, 2030);
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn root(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    fn issue(&self, params: &CertificateParams) -> Served {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Served { chain: vec![certificate.der().clone()], key: served_key(&key) }
    }
}

fn params(names: &[&str], from: i32, until: i32) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params
}

fn served_key(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivateKeyDer::try_from(key.serialize_der()).unwrap()
}

fn bench(issuer: &Issuer) -> Bench {
    Bench::with(loopback(), NameServers::Given(vec![]), Trust::Roots(vec![issuer.root()]))
}

/// A receiver with this certificate. It says how many bytes of requests it saw per connection.
async fn receiver(bench: &Bench, served: Served) -> Receiver {
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(served.chain, served.key)
    .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Receiver::start(&bench.tracker, move |peer| serve(acceptor.clone(), peer)).await
}

async fn serve(acceptor: TlsAcceptor, mut peer: Peer) {
    let mut bytes = 0;
    if let Ok(mut stream) = acceptor.accept(&mut peer.stream).await {
        let mut request = Vec::new();
        while matches!(stream.read_buf(&mut request).await, Ok(count) if count > 0) {
            if request.ends_with(b"{\"n\":1}") {
                bytes += std::mem::take(&mut request).len();
                let _ = stream.write_all(OK).await;
            }
        }
        bytes += request.len();
    }
    peer.say(&bytes.to_string());
}

async fn post(bench: &Bench, receiver: &Receiver) -> Answer {
    bench.post(&format!("https://{}/", receiver.address)).await
}

/// The answer for a certificate, which must have cost no byte of a request.
async fn refused(issuer: &Issuer, served: Served, kind: OutcomeKind) -> Answer {
    let bench = bench(issuer);
    let mut receiver = receiver(&bench, served).await;
    let answer = post(&bench, &receiver).await;
    check(&answer, kind);
    assert!(answer.phases.tls.is_some());
    assert_eq!(receiver.hear().await, "0");
    answer
}

#[tokio::test]
async fn a_trusted_certificate_is_believed_and_its_connection_kept() {
    let issuer = Issuer::new();
    let bench = bench(&issuer);
    let served = issuer.issue(&params(&["127.0.0.1"], 2021, 2022));
    let receiver = receiver(&bench, served).await;
    let first = post(&bench, &receiver).await;
    check(&first, OutcomeKind::Success);
    assert!(first.phases.tls.is_some());
    let second = post(&bench, &receiver).await;
    check(&second, OutcomeKind::Success);
    assert_eq!(second.phases.tls, None);
    assert_eq!(receiver.accepted(), 1);
}

#[tokio::test]
async fn a_certificate_outside_its_dates_is_refused() {
    let issuer = Issuer::new();
    let served = issuer.issue(&params(&["127.0.0.1"], 2020, 2021));
    let answer = refused(&issuer, served, OutcomeKind::TlsCertificateExpired).await;
    assert!(answer.note.unwrap().contains("2021-01-01T00:00:00"));
    let served = issuer.issue(&params(&["127.0.0.1"], 2022, 2023));
    refused(&issuer, served, OutcomeKind::TlsCertificateExpired).await;
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let issuer = Issuer::new();
    let served =
        issuer.issue(&params(&["a.example", "b.example", "c.example", "d.example"], 2021, 2022));
    let answer = refused(&issuer, served, OutcomeKind::TlsWrongName).await;
    let note = answer.note.unwrap();
    assert!(note.contains("c.example") && !note.contains("d.example"), "{note}");
}

#[tokio::test]
async fn a_certificate_of_an_unknown_issuer_is_refused() {
    let (issuer, other) = (Issuer::new(), Issuer::named("other"));
    let served = other.issue(&params(&["127.0.0.1"], 2021, 2022));
    refused(&issuer, served, OutcomeKind::TlsUnknownIssuer).await;
}

#[tokio::test]
async fn a_certificate_signed_by_itself_is_refused() {
    let issuer = Issuer::new();
    for is_ca in [IsCa::NoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let mut params = params(&["127.0.0.1"], 2021, 2022);
        params.is_ca = is_ca;
        let key = KeyPair::generate().unwrap();
        let chain = vec![params.self_signed(&key).unwrap().der().clone()];
        let served = Served { chain, key: served_key(&key) };
        refused(&issuer, served, OutcomeKind::TlsUnknownIssuer).await;
    }
}

#[tokio::test]
async fn what_is_no_modern_tls_fails_in_the_handshake() {
    let issuer = Issuer::new();
    for bytes in [
        // A server of TLS 1.0: the alert "protocol version".
        &[0x15, 3, 1, 0, 2, 2, 70][..],
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"",
    ] {
        let bench = bench(&issuer);
        let receiver = Receiver::start(&bench.tracker, move |mut peer| async move {
            peer.send(bytes).await;
            peer.finish().await;
        })
        .await;
        let answer = post(&bench, &receiver).await;
        check(&answer, OutcomeKind::TlsFailed);
        assert!(answer.note.is_some());
    }
}

#[tokio::test]
async fn a_handshake_that_stalls_times_out() {
    let bench = bench(&Issuer::new());
    let mut receiver = Receiver::start(&bench.tracker, |mut peer| async move {
        let mut hello = [0; 1];
        peer.stream.read_exact(&mut hello).await.unwrap();
        peer.say("stalled");
        peer.wait_for_end().await;
    })
    .await;
    let url = format!("https://{}/", receiver.address);
    let answer = bench
        .post_until(&url, async {
            receiver.hear().await;
        })
        .await;
    check(&answer, OutcomeKind::Timeout);
    assert_eq!(answer.phases.tls, Some(limits::TIMEOUT_DEFAULT));
    assert!(answer.note.is_some());
}
