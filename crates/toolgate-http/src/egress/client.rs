use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OnceCell;

use super::address::AddressPolicy;
use super::config::{EgressConfig, Resolver};
use super::error::EgressError;
use super::roots::{add_roots, client_config};

/// What all endpoints share: limits, the address policy, TLS. Cloning is cheap.
#[derive(Clone)]
pub struct Egress(Arc<Shared>);

struct Shared {
    config: EgressConfig,
    policy: AddressPolicy,
    /// Made for the first `https` connection: reading the roots costs more than a whole start.
    tls: OnceCell<Arc<ClientConfig>>,
}

impl Egress {
    /// Takes the configuration; nothing is read or opened yet.
    pub fn new(config: EgressConfig) -> Result<Self, EgressError> {
        // The configured roots are few and checked here, where a person can still correct them.
        add_roots(&mut RootCertStore::empty(), &config.extra_roots)
            .map_err(|source| EgressError::BadRoot { source })?;
        Ok(Self(Arc::new(Shared {
            policy: AddressPolicy::new(config.own_listeners.clone()),
            tls: OnceCell::new(),
            config,
        })))
    }

    pub(super) fn config(&self) -> &EgressConfig {
        &self.0.config
    }

    pub(super) fn policy(&self) -> &AddressPolicy {
        &self.0.policy
    }

    pub(super) fn resolver(&self) -> &Resolver {
        &self.0.config.resolver
    }

    pub(super) async fn tls(&self) -> io::Result<&Arc<ClientConfig>> {
        let shared = &self.0;
        let load = || async {
            let extra = shared.config.extra_roots.clone();
            let loading = tokio::task::spawn_blocking(move || client_config(&extra));
            loading.await.map_err(io::Error::other)?
        };
        shared.tls.get_or_try_init(load).await
    }
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Egress")
            .field("config", &self.0.config)
            .finish_non_exhaustive()
    }
}
