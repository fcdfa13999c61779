//! TLS both ways, with certificates made for the test (S-59, S-64).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use tempfile::TempDir;
use toolgate_http::egress::{CertificateDer, Resolver, SendErrorKind};
use toolgate_http::serve::{TlsError, TlsIdentity};
use toolgate_http::{
    Egress, EgressConfig, EgressError, Endpoint, Listener, OutRequest, Sent, ServeLimits,
};
use url::Url;

use crate::support::{PATIENCE, RawClient, Served, echo_path, exchange, post, serving, soon};

/// A certificate authority and the server certificates it signs.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn root(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    /// Writes a certificate for `name` and its key.
    fn issue(&self, folder: &TempDir, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let files = (
            folder.path().join("cert.pem"),
            folder.path().join("key.pem"),
        );
        std::fs::write(&files.0, certificate.pem()).unwrap();
        std::fs::write(&files.1, key.serialize_pem()).unwrap();
        files
    }
}

fn served(identity: TlsIdentity, limits: ServeLimits) -> Served {
    let listener = Listener::bind_tls(SocketAddr::from(([127, 0, 0, 1], 0)), identity).unwrap();
    serving(listener, limits, echo_path)
}

/// An endpoint for `name`, which resolves to `address`.
fn endpoint(name: &str, address: SocketAddr, roots: Vec<CertificateDer<'static>>) -> Endpoint {
    let egress = Egress::new(EgressConfig {
        extra_roots: roots,
        resolver: Resolver::from_fn(move |_, _| Ok(vec![address])),
        ..EgressConfig::default()
    });
    let port = address.port();
    let url = Url::parse(&format!("https://{name}:{port}/mcp")).unwrap();
    let allowed = format!("{name}:{port}");
    Endpoint::new(&egress.unwrap(), &url, Some(&allowed), PATIENCE).unwrap()
}

#[tokio::test]
async fn a_certificate_of_a_trusted_authority_for_the_right_name() {
    let (authority, folder) = (Authority::new(), TempDir::new().unwrap());
    let (certificate, key) = authority.issue(&folder, "mcp.example.com");
    let server = served(
        TlsIdentity::load(&certificate, &key).unwrap(),
        ServeLimits::default(),
    );
    let endpoint = endpoint("mcp.example.com", server.address, vec![authority.root()]);
    for _ in 0..3 {
        assert_eq!(
            exchange(&endpoint, post("{}")).await,
            (200, "/mcp".to_owned())
        );
    }
}

#[track_caller]
fn tls_error(error: &toolgate_http::SendError) {
    assert!(matches!(error.kind, SendErrorKind::Tls(_)), "{error:?}");
    assert_eq!(error.sent, Sent::Nothing, "R-14");
}

#[tokio::test]
async fn an_unknown_authority_and_a_wrong_name_are_refused() {
    let (authority, folder) = (Authority::new(), TempDir::new().unwrap());
    let (certificate, key) = authority.issue(&folder, "mcp.example.com");
    let server = served(
        TlsIdentity::load(&certificate, &key).unwrap(),
        ServeLimits::default(),
    );
    let stranger = endpoint(
        "mcp.example.com",
        server.address,
        vec![Authority::new().root()],
    );
    tls_error(&soon(stranger.send(post("{}"))).await.unwrap_err());
    let misnamed = endpoint("other.example.com", server.address, vec![authority.root()]);
    tls_error(&soon(misnamed.send(post("{}"))).await.unwrap_err());
}

/// A good end of TLS needs a peer that reads. Cancelling doesn't wait for one (P8.20): a request has no task that
/// could outlive it.
#[tokio::test]
async fn p820_a_cancelled_request_leaves_no_task_behind() {
    let (authority, folder) = (Authority::new(), TempDir::new().unwrap());
    let (certificate, key) = authority.issue(&folder, "mcp.example.com");
    let identity = TlsIdentity::load(&certificate, &key).unwrap();
    let (tell_address, address) = tokio::sync::oneshot::channel();
    let (enter, mut entered) = tokio::sync::mpsc::channel(1);
    // In a runtime of its own, so that the tasks counted here are the client's.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = Listener::bind_tls(SocketAddr::from(([127, 0, 0, 1], 0)), identity);
            let server = serving(listener.unwrap(), ServeLimits::default(), move |_| {
                let enter = enter.clone();
                async move {
                    enter.send(()).await.unwrap();
                    std::future::pending().await
                }
            });
            tell_address.send(server.address).unwrap();
            server.task.await.unwrap();
        });
    });
    let endpoint = endpoint(
        "mcp.example.com",
        address.await.unwrap(),
        vec![authority.root()],
    );
    let tasks = tokio::runtime::Handle::current().metrics();
    let before = tasks.num_alive_tasks();
    let large = OutRequest {
        body: Bytes::from(vec![b'x'; 32 * 1024 * 1024]),
        ..post("")
    };
    let mut sending = Box::pin(endpoint.send(large));
    tokio::select! {
        _ = &mut sending => panic!("there is no answer"),
        _ = soon(entered.recv()) => {}
    }
    assert_eq!(tasks.num_alive_tasks(), before);
    drop(sending);
    assert_eq!(tasks.num_alive_tasks(), before);
}

#[tokio::test]
async fn an_address_can_be_the_name() {
    let (authority, folder) = (Authority::new(), TempDir::new().unwrap());
    let (certificate, key) = authority.issue(&folder, "127.0.0.1");
    let server = served(
        TlsIdentity::load(&certificate, &key).unwrap(),
        ServeLimits::default(),
    );
    let endpoint = endpoint("127.0.0.1", server.address, vec![authority.root()]);
    assert_eq!(exchange(&endpoint, post("{}")).await.0, 200);
}

#[tokio::test]
async fn s59_a_new_certificate_is_used_without_a_restart() {
    let (old, new) = (Authority::new(), Authority::new());
    let folder = TempDir::new().unwrap();
    let (certificate, key) = old.issue(&folder, "mcp.example.com");
    let identity = TlsIdentity::load(&certificate, &key).unwrap();
    let server = served(identity.clone(), ServeLimits::default());
    let trusts_old = endpoint("mcp.example.com", server.address, vec![old.root()]);
    let trusts_new = endpoint("mcp.example.com", server.address, vec![new.root()]);
    assert_eq!(exchange(&trusts_old, post("{}")).await.0, 200);

    std::fs::write(&key, "-----BEGIN PRIVATE KEY-----\nnot a key\n").unwrap();
    assert!(identity.reload().is_err());
    tls_error(&soon(trusts_new.send(post("{}"))).await.unwrap_err());

    new.issue(&folder, "mcp.example.com");
    identity.reload().unwrap();
    assert_eq!(exchange(&trusts_new, post("{}")).await.0, 200);
    assert_eq!(
        exchange(&trusts_old, post("{}")).await.0,
        200,
        "a connection made before goes on"
    );
}

/// S-59: both versions are spoken, and HTTP/2 is offered by ALPN; there is no older version and no renegotiation in rustls.
#[tokio::test]
async fn s59_tls_1_2_and_1_3() {
    use rustls::version::{TLS12, TLS13};

    let (authority, folder) = (Authority::new(), TempDir::new().unwrap());
    let (certificate, key) = authority.issue(&folder, "mcp.example.com");
    let identity = TlsIdentity::load(&certificate, &key).unwrap();
    let server = served(identity, ServeLimits::default());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.root()).unwrap();
    for version in [&TLS12, &TLS13] {
        for protocol in [b"h2".as_slice(), b"http/1.1"] {
            let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
            let mut config = rustls::ClientConfig::builder_with_provider(provider)
                .with_protocol_versions(&[version])
                .unwrap()
                .with_root_certificates(roots.clone())
                .with_no_client_auth();
            config.alpn_protocols = vec![protocol.to_vec()];
            let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
            let stream = tokio::net::TcpStream::connect(server.address)
                .await
                .unwrap();
            let name = "mcp.example.com".try_into().unwrap();
            let stream = soon(connector.connect(name, stream)).await.unwrap();
            let (_, session) = stream.get_ref();
            assert_eq!(session.protocol_version(), Some(version.version));
            assert_eq!(session.alpn_protocol(), Some(protocol));
        }
    }
}

#[tokio::test]
async fn s59_tls_handshake_stall() {
    let (authority, folder) = (Authority::new(), TempDir::new().unwrap());
    let (certificate, key) = authority.issue(&folder, "localhost");
    let limits = ServeLimits {
        tls_handshake: Duration::from_millis(100),
        ..ServeLimits::default()
    };
    let server = served(TlsIdentity::load(&certificate, &key).unwrap(), limits);
    let mut client = RawClient::connect(server.address).await;
    client.send(b"\x16\x03\x01").await;
    client.rest().await;
}

/// Section 17: 64 connections from one address, of which loopback is none; the next is closed at once.
#[tokio::test]
async fn s60_connections_from_one_address_are_bounded() {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let own = socket
        .connect("192.0.2.1:9")
        .and_then(|()| socket.local_addr());
    let Some(own) = own
        .ok()
        .map(|own| own.ip())
        .filter(|own| !own.is_loopback())
    else {
        return; // A machine without a network has loopback alone.
    };
    let (authority, folder) = (Authority::new(), TempDir::new().unwrap());
    let (certificate, key) = authority.issue(&folder, "localhost");
    let identity = TlsIdentity::load(&certificate, &key).unwrap();
    let limits = ServeLimits {
        tls_handshake: PATIENCE,
        ..ServeLimits::default()
    };
    let listener = Listener::bind_tls("0.0.0.0:0".parse().unwrap(), identity).unwrap();
    let server = serving(listener, limits, echo_path);
    let address = SocketAddr::new(own, server.address.port());
    let is_open = async |client: &RawClient| {
        let waiting = tokio::time::timeout(Duration::from_millis(200), client.stream.readable());
        waiting.await.is_err()
    };
    let mut held = Vec::new();
    for _ in 0..limits.max_connections_per_address {
        held.push(RawClient::connect(address).await);
    }
    assert!(is_open(&held[63]).await, "the 64th stays");
    RawClient::connect(address).await.rest().await;
    assert!(is_open(&held[0]).await && is_open(&held[63]).await);
    held.pop();
    soon(async { while !is_open(&RawClient::connect(address).await).await {} }).await;
}

#[tokio::test]
async fn a_stalled_handshake_is_a_connect_timeout() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let egress = Egress::new(EgressConfig {
        extra_roots: vec![Authority::new().root()],
        ..EgressConfig::default()
    });
    let url = Url::parse(&format!("https://{address}/")).unwrap();
    let endpoint = Endpoint::new(
        &egress.unwrap(),
        &url,
        Some(&address.to_string()),
        Duration::from_millis(200),
    );
    let error = soon(endpoint.unwrap().send(post("{}"))).await.unwrap_err();
    assert!(
        matches!(error.kind, SendErrorKind::ConnectTimeout),
        "{error:?}"
    );
    assert_eq!(error.sent, Sent::Nothing);
}

#[test]
fn s21_files_that_cannot_be_used_are_named_and_not_quoted() {
    let (authority, folder) = (Authority::new(), TempDir::new().unwrap());
    let (certificate, key) = authority.issue(&folder, "localhost");
    let load = |certificate, key| TlsIdentity::load(certificate, key).unwrap_err();

    let missing = folder.path().join("missing.pem");
    assert!(matches!(load(&missing, &key), TlsError::File { path, .. } if path == missing));

    let strange = folder.path().join("strange.pem");
    std::fs::write(&strange, "not-a-real-secret").unwrap();
    for error in [load(&strange, &key), load(&certificate, &strange)] {
        assert!(!format!("{error:?} {error}").contains("not-a-real-secret"));
    }

    let other = TempDir::new().unwrap();
    let (_, other_key) = authority.issue(&other, "localhost");
    assert!(matches!(
        load(&certificate, &other_key),
        TlsError::Unusable { .. }
    ));
}

#[test]
fn a_configured_root_that_is_none_is_refused_at_once() {
    let extra_roots = vec![CertificateDer::from(vec![1, 2, 3])];
    let refused = Egress::new(EgressConfig {
        extra_roots,
        ..EgressConfig::default()
    })
    .unwrap_err();
    assert!(matches!(refused, EgressError::BadRoot { .. }));
}
