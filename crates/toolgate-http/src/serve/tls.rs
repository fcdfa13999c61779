use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::tls_provider::provider;

/// A certificate and its key, read from PEM files, replaceable while connections go on (S-59).
///
/// TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1 by ALPN. Clones share the certificate.
#[derive(Clone)]
pub struct TlsIdentity {
    files: Arc<Files>,
    config: Arc<rustls::ServerConfig>,
    current: Arc<Current>,
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

struct Current(RwLock<Arc<CertifiedKey>>);

/// Why a certificate could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file can't be read or isn't PEM of the right kind.
    #[error("reading {path} as PEM")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// Key and certificate don't fit, or aren't usable for a server.
    #[error("using the certificate in {path} with its key")]
    Unusable {
        /// The certificate's file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::Error,
    },
}

impl TlsIdentity {
    /// Reads a certificate chain (leaf first) and its private key.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let files = Files {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        };
        let current = Arc::new(Current(RwLock::new(Arc::new(files.read()?))));
        let mut config = rustls::ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|source| files.unusable(source))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            files: Arc::new(files),
            config: Arc::new(config),
            current,
        })
    }

    /// Reads the files again. New handshakes use what they hold now; if they can't be used, the
    /// old certificate stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        let fresh = Arc::new(self.files.read()?);
        *self
            .current
            .0
            .write()
            .unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    pub(super) fn files(&self) -> [&Path; 2] {
        [&self.files.certificate, &self.files.key]
    }

    pub(super) fn server_config(&self) -> Arc<rustls::ServerConfig> {
        Arc::clone(&self.config)
    }
}

impl Files {
    fn read(&self) -> Result<CertifiedKey, TlsError> {
        let chain: Vec<_> = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect)
            .map_err(|error| unreadable(&self.certificate, error))?;
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|error| unreadable(&self.key, error))?;
        certified(chain, key, &provider()).map_err(|source| self.unusable(source))
    }

    fn unusable(&self, source: rustls::Error) -> TlsError {
        TlsError::Unusable {
            path: self.certificate.clone(),
            source,
        }
    }
}

fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, rustls::Error> {
    if chain.is_empty() {
        return Err(rustls::Error::NoCertificatesPresented);
    }
    CertifiedKey::from_der(chain, key, provider)
}

/// The parser's words on a key file could quote it, so only the class is kept (S-21).
fn unreadable(path: &Path, error: PemError) -> TlsError {
    let source = match error {
        PemError::Io(error) => error,
        PemError::NoItemsFound => {
            io::Error::new(io::ErrorKind::InvalidData, "nothing usable found")
        }
        _ => io::Error::new(io::ErrorKind::InvalidData, "malformed PEM"),
    };
    TlsError::File {
        path: path.to_owned(),
        source,
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current))
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Current")
    }
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsIdentity")
            .field("certificate", &self.files.certificate)
            .finish_non_exhaustive()
    }
}
