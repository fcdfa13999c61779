//! Prometheus: the figures in its text format, at a listener of its own.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use tokio::sync::watch;
use toolgate_http::serve::{Proxies, TlsIdentity, renew};
use toolgate_http::{Drain, Handler, HostPolicy, Listener, ReplyBody, ServeLimits, serve};

use crate::figures::{Family, Kind, Sample, Value, figures, thousandths};
use crate::tally::BOUNDS_MS;
use crate::{Telemetry, TelemetryError};

const CONTENT_TYPE: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Where a certificate is kept.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The chain in PEM, the server's own certificate first.
    pub certificate: PathBuf,
    /// Its private key in PEM.
    pub key: PathBuf,
}

/// A socket that metrics are served at, and nothing else.
pub struct MetricsListener {
    listener: Listener,
    is_tls: bool,
    renewing: Pin<Box<dyn Future<Output = ()> + Send>>,
    hosts: HostPolicy,
}

impl fmt::Debug for MetricsListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsListener")
            .field("address", &self.listener.local_addr())
            .finish_non_exhaustive()
    }
}

impl MetricsListener {
    /// Listens under the rule of the gateway's own listener: plain text on loopback or for named peers, else TLS (S-57).
    pub fn open(
        address: SocketAddr,
        tls: Option<&TlsFiles>,
        peers: Proxies,
    ) -> Result<Self, TelemetryError> {
        let load = |files: &TlsFiles| TlsIdentity::load(&files.certificate, &files.key);
        let identity = tls.map(load).transpose().map_err(TelemetryError::Tls)?;
        let listener = match identity.clone() {
            Some(identity) => Listener::bind_tls(address, identity),
            None => Listener::bind_behind(address, peers),
        };
        let listener = listener.map_err(TelemetryError::Listen)?;
        let address = listener.local_addr();
        let hosts = HostPolicy::loopback();
        // An address cannot be rebound as a name can (S-58).
        let hosts = hosts
            .clone()
            .allow_host(&address.to_string())
            .unwrap_or(hosts);
        Ok(Self {
            listener,
            is_tls: identity.is_some(),
            renewing: Box::pin(renew(identity).map_err(TelemetryError::Signal)?),
            hosts,
        })
    }

    /// Also answers to this name, as scrapers reach it (S-58).
    #[must_use]
    pub fn named(mut self, host: &str) -> Self {
        if let Ok(hosts) = self.hosts.clone().allow_host(host) {
            self.hosts = hosts;
        }
        self
    }

    /// `http` or `https`: what is spoken there.
    pub fn scheme(&self) -> &'static str {
        if self.is_tls { "https" } else { "http" }
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    pub(crate) fn serve(
        self,
        telemetry: Arc<Telemetry>,
        mut stopping: watch::Receiver<bool>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let Self {
            listener,
            renewing,
            hosts,
            ..
        } = self;
        let door = Arc::new(Door { telemetry, hosts });
        async move {
            let (signal, drain) = Drain::new();
            let serving = serve(listener, ServeLimits::default(), door, drain);
            tokio::pin!(serving);
            tokio::select! {
                () = &mut serving => return,
                () = renewing => {}
                // An error means that the sender is gone, and telemetry with it.
                _ = stopping.wait_for(|stopping| *stopping) => {}
            }
            signal.drain();
            serving.await;
        }
    }
}

/// Whether a request came to an address: those cannot be rebound as names can. A page of a browser that asks says where
/// it is from (S-58).
fn is_to_an_address(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let is_address =
        |host: &str| host.parse::<SocketAddr>().is_ok() || host.parse::<IpAddr>().is_ok();
    host.to_str().is_ok_and(is_address) && !headers.contains_key(header::ORIGIN)
}

struct Door {
    telemetry: Arc<Telemetry>,
    hosts: HostPolicy,
}

impl Handler for Door {
    async fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        _: SocketAddr,
    ) -> Response<ReplyBody> {
        let status = |status| {
            let mut response = Response::new(ReplyBody::empty());
            *response.status_mut() = status;
            response
        };
        let is_ours = self.hosts.check(request.uri(), request.headers()).is_ok();
        if !is_ours && !is_to_an_address(request.headers()) {
            return status(StatusCode::FORBIDDEN);
        }
        if request.uri().path() != "/metrics" {
            return status(StatusCode::NOT_FOUND);
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return status(StatusCode::METHOD_NOT_ALLOWED);
        }
        let Ok(page) = page(&self.telemetry) else {
            return status(StatusCode::INTERNAL_SERVER_ERROR);
        };
        let mut response = Response::new(ReplyBody::full(Bytes::from(page)));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// All figures in the text format.
fn page(telemetry: &Arc<Telemetry>) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Page(telemetry.clone())));
    let mut page = String::new();
    text::encode(&mut page, &registry)?;
    Ok(page)
}

#[derive(Debug)]
struct Page(Arc<Telemetry>);

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for family in figures(&self.0) {
            if family.samples.is_empty() {
                continue;
            }
            let name = name(&family);
            let kind = match family.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
                Kind::Histogram => MetricType::Histogram,
            };
            let mut metric = encoder.encode_descriptor(&name, family.help, None, kind)?;
            for sample in &family.samples {
                if sample.labels.is_empty() {
                    write(&mut metric, sample)?;
                } else {
                    write(&mut metric.encode_family(&sample.labels)?, sample)?;
                }
            }
        }
        Ok(())
    }
}

/// As Prometheus names it: the unit is part of the name.
fn name(family: &Family) -> String {
    let unit = match family.unit {
        "s" => "_seconds",
        "By" => "_bytes",
        _ => "",
    };
    family.name.replace('.', "_") + unit
}

fn write(metric: &mut MetricEncoder<'_>, sample: &Sample) -> Result<(), fmt::Error> {
    match &sample.value {
        Value::Count(count) => metric.encode_counter::<NoLabelSet, _, f64>(count, None),
        Value::Level(level) => metric.encode_gauge(level),
        Value::Durations { buckets, sum_s } => {
            let bounds = BOUNDS_MS.iter().map(|ms| thousandths(*ms));
            let bounds = bounds.chain([f64::INFINITY]).zip(*buckets);
            let buckets: Vec<(f64, u64)> = bounds.collect();
            let count = buckets.iter().map(|(_, count)| count).sum();
            metric.encode_histogram::<NoLabelSet>(*sum_s, count, &buckets, None)
        }
    }
}
