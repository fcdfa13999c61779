//! Certificates of the tests' own.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail like the test")]

use std::path::PathBuf;

use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use toolgate_http::egress::CertificateDer;
use toolgate_http::{Egress, EgressConfig, Endpoint};
use toolgate_tests::{Installation, PATIENCE};

/// A certificate authority of the test's own.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Writes a certificate for loopback and its key, each in one move, as renewing tools do.
    pub(crate) fn issue(&self, installation: &Installation) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let write = |name: &str, text: String| {
            let file = installation.scratch().join(name);
            let fresh = installation.scratch().join(format!("{name}.new"));
            std::fs::write(&fresh, text).unwrap();
            std::fs::rename(&fresh, &file).unwrap();
            file
        };
        (
            write("cert.pem", certificate.pem()),
            write("key.pem", key.serialize_pem()),
        )
    }

    /// A way to this URL that trusts this authority alone.
    pub(crate) fn endpoint(&self, url: &str) -> Endpoint {
        let roots: Vec<CertificateDer<'static>> = vec![self.0.der().clone()];
        let config = EgressConfig {
            extra_roots: roots,
            ..EgressConfig::default()
        };
        let address = url.trim_start_matches("https://");
        let origin = address.split('/').next().unwrap();
        let url = url.parse().unwrap();
        Endpoint::new(&Egress::new(config).unwrap(), &url, Some(origin), PATIENCE).unwrap()
    }
}
