use std::sync::{Arc, OnceLock};

use rustls::crypto::{CryptoProvider, ring};

/// The one crypto provider of both directions, made once. No process-wide default is installed, so
/// an embedding program keeps its own choice.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(ring::default_provider())))
}
