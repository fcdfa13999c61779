use std::io;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use crate::tls_provider::provider;

/// The client side of TLS: the system's roots and the operator's, HTTP/1.1 only.
///
/// Reads the system's certificate files, so it blocks.
pub(super) fn client_config(extra: &[CertificateDer<'static>]) -> io::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    // One unreadable certificate of the system's is no reason to trust none of them.
    let (_, unusable) = roots.add_parsable_certificates(system.certs);
    if unusable > 0 || !system.errors.is_empty() {
        tracing::warn!(
            certificates = unusable,
            files = system.errors.len(),
            "some of the system's root certificates can't be used"
        );
    }
    add_roots(&mut roots, extra).map_err(io::Error::other)?;
    if roots.is_empty() {
        let none = "the system has no root certificates and none were configured";
        return Err(io::Error::new(io::ErrorKind::NotFound, none));
    }
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

pub(super) fn add_roots(
    roots: &mut RootCertStore,
    extra: &[CertificateDer<'static>],
) -> Result<(), rustls::Error> {
    extra
        .iter()
        .try_for_each(|certificate| roots.add(certificate.clone()))
}
