//! The certificate of the bench's receiver: made anew, trusted by the server it measures only.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

/// Every address the receiver may answer on.
const NAMES: [&str; 2] = ["127.0.0.1", "127.0.0.2"];

/// Where the certificate is written, for whoever is to trust it.
pub(super) fn certificate(folder: &Path) -> PathBuf {
    folder.join("receiver.pem")
}

/// Makes a certificate, writes it where it is looked for, and serves with it.
pub(super) fn acceptor(folder: &Path) -> anyhow::Result<TlsAcceptor> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(NAMES.map(str::to_owned))
        .context("cannot make a certificate")?;
    let path = certificate(folder);
    std::fs::write(&path, cert.pem())
        .with_context(|| format!("cannot write {}", path.display()))?;
    let key = PrivateKeyDer::try_from(signing_key.serialize_der());
    let key = key.map_err(|problem| anyhow::anyhow!("cannot use the key: {problem}"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
