//! From a configuration to a running gate.

mod credentials;
pub(crate) mod reload;
mod revocations;
pub(crate) mod spans;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use actgate::clock::Clock;

use crate::config::{Settings, TlsSettings, check_named_roots};
use crate::decision_api::DecisionApi;
use crate::decision_api::authzen::AuthZen;
use crate::decision_api::decision_point::DecisionPoint;
use crate::exit::{Context as _, Failure};
use crate::files::watched_file::Tasks;
use crate::gate::request_head::HeadRules;
use crate::gate::{Gate, RING_WARNING_INTERVAL};
use crate::headers::trailers::TrailerRules;
use crate::headers::via::ViaPseudonym;
use crate::log::decision_log::DecisionLog;
use crate::log::rate_limit::RateLimit;
use crate::proxy::Proxy;
use crate::proxy::body_decision::BodyRoom;
use crate::proxy::destination::{Destination, Destinations};
use crate::proxy::forward::Forward;
use crate::proxy::upstream::client::Upstream;
use crate::proxy::upstream::settings::{UpstreamSettings, UpstreamTimeouts};
use crate::server::Server;
use crate::server::connections::Connections;
use crate::server::listen::address::ListenAddress;
use crate::server::listen::listener::Listener;
use crate::server::running::{Current, Running};
use crate::shared_limits::redis_counter::RedisCounter;
use crate::start::credentials::{Kept, credentials};
use crate::start::revocations::watched_revocations;
use crate::start::tls::start_tls;
use crate::trace::context::TRACEPARENT;

/// The number of connections to an admin listener at a time.
const ADMIN_CONNECTIONS: u32 = 64;

/// The number of connections to the listener of decision APIs at a time.
const DECISION_CONNECTIONS: u32 = 1024;

/// What a gate has for as long as its process runs.
#[derive(Debug)]
pub(crate) struct Lasting {
    /// Where it listens, over TCP.
    address: Option<SocketAddr>,
    /// Where its decision APIs listen, over TCP.
    decisions: Option<SocketAddr>,
    /// The connections of clients whose requests are forwarded.
    connections: Option<Connections>,
    log: DecisionLog,
    via: ViaPseudonym,
    body_room: BodyRoom,
}

impl Lasting {
    /// The URL of its decision APIs. A unix socket has no host.
    fn url_of_decisions(&self) -> String {
        let address = self.decisions;
        address.map_or_else(|| "http://localhost".to_owned(), |address| format!("http://{address}"))
    }
}

/// What a later gate goes on with, where its settings are the same.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    tls: Option<(TlsSettings, Arc<crate::server::tls::Tls>, Tasks)>,
    credentials: Kept,
    upstreams: Vec<(UpstreamSettings, UpstreamTimeouts, Arc<Upstream>)>,
}

impl Parts {
    /// Whether the certificate of a client is verified as by `next`.
    fn verifies_clients_as(&self, next: &Parts) -> bool {
        match (&self.tls, &next.tls) {
            (None, None) => true,
            (Some((settings, tls, _)), Some((next_settings, next, _))) => {
                let verifies = |settings: &TlsSettings| settings.client_certificates.is_some();
                Arc::ptr_eq(tls, next) || !verifies(settings) && !verifies(next_settings)
            }
            _ => false,
        }
    }
}

/// A gate with bound sockets, and what its configuration can be read again with.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) server: Server,
    pub(crate) lasting: Lasting,
    pub(crate) parts: Parts,
}

/// Binds the sockets of a gate and starts to fetch keys.
pub(crate) async fn start(settings: Settings, log: DecisionLog) -> Result<Started, Failure> {
    // It reads 0 for any earlier time. Neither a token nor a certificate could be checked.
    if Clock::system().now() == 0 {
        return Err(Failure::Runtime(
            "the clock of this machine is set before 1970".to_owned(),
        ));
    }
    if !settings.missing_files.is_empty() {
        return Err(Failure::Configuration(settings.missing_files));
    }
    let bind = async |address: ListenAddress, max_connections| {
        let bound = Listener::bind(&address, max_connections).await;
        bound.context(format_args!("cannot listen on {address}"))
    };
    let clients = match settings.listen.clone() {
        Some(address) => Some(bind(address, settings.limits.connections).await?),
        None => None,
    };
    let mut admin = Vec::new();
    for address in &settings.admin {
        admin.push(bind((*address).into(), ADMIN_CONNECTIONS).await?);
    }
    let decisions = match &settings.decision_api {
        Some(api) => {
            let connections = settings.limits.connections.min(DECISION_CONNECTIONS);
            Some(bind(api.listen.clone(), connections).await?)
        }
        None => None,
    };
    for warning in warnings_of(&settings) {
        tracing::warn!("{warning}");
    }
    let address = clients.as_ref().map(Listener::address).transpose();
    let address = address.context("address of the listener")?;
    let lasting = Lasting {
        address: address.as_ref().and_then(ListenAddress::tcp),
        decisions: decisions.as_ref().and_then(|listener| listener.tcp_address().ok()),
        connections: clients.as_ref().map(|listener| listener.connections().clone()),
        log,
        via: ViaPseudonym::default(),
        body_room: BodyRoom::default(),
    };
    let (running, parts) = run_by(settings, &lasting, None)?;
    let server = Server {
        clients,
        admin,
        decisions,
        current: Current::new(running),
        reloads: None,
    };
    Ok(Started { server, lasting, parts })
}

/// What is valid, and is probably a mistake: a line for each.
fn warnings_of(settings: &Settings) -> Vec<String> {
    let of_policy = settings.policy_warnings();
    let all = of_policy.iter().chain(settings.warnings.iter());
    all.map(|warning| warning.to_string().replace("\n  help: ", "; "))
        .collect()
}

/// What runs by these settings. Of what runs `earlier`, all that is not configured anew goes on.
fn run_by(
    settings: Settings,
    lasting: &Lasting,
    earlier: Option<(&Running, &Parts)>,
) -> Result<(Running, Parts), Failure> {
    let (before, kept) = earlier.unzip();
    let hosts = settings.allowed_hosts(lasting.address);
    check_named_roots(&settings).context("root certificates")?;
    let carriers = settings.carriers();
    let mut builder = settings.authorizer();
    if let Some(limits) = settings.shared_limits.clone() {
        let counter = RedisCounter::new(limits);
        counter.probe();
        builder = builder.count_by(counter);
    }
    let mut authorizer = builder.build().context("authorizer")?;
    if let Some(before) = before {
        authorizer = authorizer.in_place_of(&before.gate.authorizer);
    }
    let authorizer = authorizer.start().context("authorizer")?;
    let kept_tls = kept.and_then(|kept| kept.tls.as_ref());
    let tls = match (settings.tls, kept_tls) {
        (Some(settings), Some(kept)) if kept.0 == settings => Some(kept.clone()),
        (Some(settings), _) => Some(start_tls(settings, lasting.connections.clone())?),
        (None, _) => None,
    };
    let none = Kept::default();
    let kept_credentials = kept.map_or(&none, |kept| &kept.credentials);
    let credentials = credentials(
        settings.internal_token,
        settings.credentials,
        &authorizer,
        kept_credentials,
    )?;
    let mut tasks = credentials.tasks;
    tasks.extend(tls.iter().map(|(_, _, tasks)| tasks.clone()));
    let watched = settings
        .revocations
        .map(|revocations| watched_revocations(revocations, &authorizer));
    let (revocations, watched) = watched.unzip();
    tasks.extend(watched);
    let (mut destinations, mut upstreams) = (Vec::new(), Vec::new());
    let timeouts = settings.upstream_timeouts;
    for (settings, credentials) in settings.upstreams.into_iter().zip(credentials.credentials) {
        let mut running = kept.iter().flat_map(|kept| &kept.upstreams);
        let running = running.find(|(of, limits, _)| *of == settings && *limits == timeouts);
        let upstream = match running {
            Some((_, _, upstream)) => upstream.clone(),
            None => Arc::new(Upstream::new(&settings, timeouts).context("upstream")?),
        };
        upstreams.push((settings.clone(), timeouts, upstream.clone()));
        destinations.push((settings.place, Destination { upstream, credentials }));
    }
    let recorded = before.and_then(|before| before.gate.fact_recording.as_ref());
    let fact_recording = settings.fact_recording.map(|recording| match recorded {
        Some(recorded) => recording.with_key_of(recorded),
        None => recording,
    });
    let log = before.map_or(&lasting.log, |before| &before.gate.log);
    log.add_routes(&authorizer.policy());
    let gate = Arc::new(Gate {
        authorizer,
        head_rules: HeadRules {
            hosts,
            identity_headers: settings.identity_headers.clone(),
            carriers: carriers.clone(),
            via: lasting.via.clone(),
            trusted_proxies: settings.trusted_proxies.clone(),
        },
        cors: settings.cors,
        log: log.sampled(settings.log_sample),
        reads_trace_context: !settings.drop_headers.covers(TRACEPARENT.as_str()),
        fact_recording,
        ring_warnings: RateLimit::new(Instant::now(), RING_WARNING_INTERVAL),
    });
    let decisions = settings.decision_api.map(|api| DecisionApi {
        decisions: DecisionPoint {
            gate: gate.clone(),
            callers: settings.trusted_proxies,
            identity_headers: settings.identity_headers.clone(),
            drop_headers: settings.drop_headers.clone(),
            carriers: carriers.clone(),
            access_token: settings.access_token,
        },
        forward_auth: api.forward_auth,
        ext_authz: api.ext_authz,
        authzen: api.authzen.map(|authzen| AuthZen {
            base: authzen.url.unwrap_or_else(|| lasting.url_of_decisions()),
        }),
        validate: api.validate,
    });
    let proxy = match settings.listen {
        Some(_) => Some(Proxy {
            body_room: lasting.body_room.clone(),
            gate: gate.clone(),
            forward: Forward {
                trailers: TrailerRules::new(
                    settings.identity_headers.clone(),
                    carriers.clone(),
                    settings.drop_headers.clone(),
                ),
                destinations: Destinations::in_all_places(destinations).context("upstream")?,
                identity_headers: settings.identity_headers,
                carriers,
                drop_headers: settings.drop_headers,
                access_token: settings.access_token,
                via: lasting.via.clone(),
                streams: settings.streams,
            },
        }),
        None => None,
    };
    let running = Running {
        gate,
        proxy,
        decisions,
        internal_keys: credentials.kept.internal.as_ref().map(|internal| internal.keys.clone()),
        revocations,
        limits: settings.limits,
        tls: tls.as_ref().map(|(_, tls, _)| tls.clone()),
        proxy_protocol: settings.proxy_protocol,
        _tasks: tasks,
    };
    let parts = Parts {
        tls,
        credentials: credentials.kept,
        upstreams,
    };
    Ok((running, parts))
}
