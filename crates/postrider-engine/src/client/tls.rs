//! TLS: whose certificates are believed, the handshake, and what its failures mean.
//!
//! Invariants: TLS 1.2 or 1.3; certificates are always checked, against the engine's clock; no
//! byte of a request is sent before.

use std::sync::Arc;

use postrider_core::limits;
use postrider_core::outcome::OutcomeKind;
use postrider_core::time::Timestamp;
use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::fault::{self, Fault};
use super::{ClientError, Trust};
use crate::clock::Clock;

/// Makes handshakes.
pub(super) struct Tls {
    connector: TlsConnector,
}

/// Names of a certificate quoted in a note: enough to see whose it is.
const QUOTED_NAMES: usize = 3;

impl Tls {
    /// A configuration that believes these issuers.
    pub(super) fn new(trust: Trust, clock: Clock) -> Result<Self, ClientError> {
        let mut config = tls_config(trust, clock)?;
        config.resumption = Resumption::in_memory_sessions(limits::IDLE_CONNECTIONS_MAX);
        Ok(Self { connector: TlsConnector::from(Arc::new(config)) })
    }

    /// Proves who the peer is and agrees on keys.
    pub(super) async fn handshake(
        &self,
        stream: TcpStream,
        host: &str,
    ) -> Result<TlsStream<TcpStream>, Fault> {
        let Ok(name) = ServerName::try_from(host) else {
            return Err(Fault::noted(OutcomeKind::TlsFailed, "no certificate can have this name"));
        };
        let done = self.connector.connect(name.to_owned(), stream).await;
        done.map_err(|error| match fault::cause::<rustls::Error>(&error) {
            Some(error) => fault_of(error),
            None => Fault::noted(
                OutcomeKind::TlsFailed,
                format_args!("the connection broke during the handshake: {}", error.kind()),
            ),
        })
    }
}

/// TLS for HTTP/1.1 that believes these issuers; also for commands that call an API.
pub fn tls_config(trust: Trust, clock: Clock) -> Result<ClientConfig, ClientError> {
    let mut roots = RootCertStore::empty();
    match trust {
        // Certificates the parser cannot read are skipped; every system has a few.
        Trust::System => {
            roots.add_parsable_certificates(system_roots());
            if roots.is_empty() {
                return Err(ClientError::NoTrustedIssuers);
            }
        }
        Trust::Roots(given) => {
            for root in given {
                roots.add(root).map_err(ClientError::Tls)?;
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(Now(clock)))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(ClientError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// What a failure of TLS means.
pub(super) fn fault_of(error: &rustls::Error) -> Fault {
    let rustls::Error::InvalidCertificate(certificate) = error else {
        return Fault::noted(OutcomeKind::TlsFailed, error);
    };
    match certificate {
        CertificateError::ExpiredContext { not_after, .. } => Fault::noted(
            OutcomeKind::TlsCertificateExpired,
            format_args!("the certificate was valid until {}", moment(*not_after)),
        ),
        CertificateError::NotValidYetContext { not_before, .. } => Fault::noted(
            OutcomeKind::TlsCertificateExpired,
            format_args!("the certificate will be valid from {}", moment(*not_before)),
        ),
        CertificateError::Expired | CertificateError::NotValidYet => {
            Fault::noted(OutcomeKind::TlsCertificateExpired, error)
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            let shown = presented.get(..QUOTED_NAMES).unwrap_or(presented).join(", ");
            let dots = if presented.len() > QUOTED_NAMES { ", …" } else { "" };
            let note = format_args!("the certificate is for: {shown}{dots}");
            Fault::noted(OutcomeKind::TlsWrongName, note)
        }
        CertificateError::NotValidForName => Fault::noted(OutcomeKind::TlsWrongName, error),
        CertificateError::UnknownIssuer => Fault::plain(OutcomeKind::TlsUnknownIssuer),
        CertificateError::Other(other) if is_self_signed_issuer(other) => {
            Fault::noted(OutcomeKind::TlsUnknownIssuer, "the certificate is signed by itself")
        }
        _ => Fault::noted(OutcomeKind::TlsFailed, error),
    }
}

/// The usual homemade certificate: an issuer used as a server, which `openssl req -x509` makes.
fn is_self_signed_issuer(other: &rustls::OtherError) -> bool {
    other.0.downcast_ref() == Some(&webpki::Error::CaUsedAsEndEntity)
}

fn moment(time: UnixTime) -> String {
    Timestamp::from_unix_seconds(i64::try_from(time.as_secs()).unwrap_or(i64::MAX)).rfc3339()
}

fn system_roots() -> Vec<CertificateDer<'static>> {
    let loaded = rustls_native_certs::load_native_certs();
    for error in &loaded.errors {
        tracing::warn!(%error, "some trusted issuers of the system cannot be read");
    }
    loaded.certs
}

/// The engine's clock, as rustls wants it.
#[derive(Debug)]
struct Now(Clock);

impl TimeProvider for Now {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().unix_seconds()).ok()?;
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)))
    }
}
