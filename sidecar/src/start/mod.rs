//! From a configuration to a running gate.

mod credentials;
mod tls;

use std::sync::Arc;
use std::time::Instant;

use actgate::clock::Clock;

use crate::config::{Settings, check_named_roots};
use crate::decision_api::DecisionApi;
use crate::decision_api::decision_point::DecisionPoint;
use crate::exit::{Context as _, Failure};
use crate::gate::request_head::HeadRules;
use crate::gate::{Gate, RING_WARNING_INTERVAL};
use crate::headers::trailers::TrailerRules;
use crate::headers::via::ViaPseudonym;
use crate::log::decision_log::DecisionLog;
use crate::log::rate_limit::RateLimit;
use crate::proxy::Proxy;
use crate::proxy::body_decision::BodyRoom;
use crate::proxy::destination::Destinations;
use crate::proxy::forward::Forward;
use crate::server::Server;
use crate::server::listen::address::ListenAddress;
use crate::server::listen::listener::Listener;
use crate::start::credentials::credentials;
use crate::start::tls::start_tls;

/// The number of connections to the admin listener at a time.
const ADMIN_CONNECTIONS: u32 = 64;

/// The number of connections of servers that ask for decisions at a time.
const DECISION_CONNECTIONS: u32 = 1024;

/// Binds the sockets of a gate and starts to fetch keys.
pub(crate) async fn start(mut settings: Settings, log: DecisionLog) -> Result<Server, Failure> {
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
    let data = match settings.listen.clone() {
        Some(address) => Some(bind(address, settings.limits.connections).await?),
        None => None,
    };
    let admin = match settings.admin {
        Some(address) => Some(bind(address.into(), ADMIN_CONNECTIONS).await?),
        None => None,
    };
    let decisions = match &settings.decision_api {
        Some(api) => Some(
            bind(
                api.listen.clone(),
                settings.limits.connections.min(DECISION_CONNECTIONS),
            )
            .await?,
        ),
        None => None,
    };
    for warning in settings.policy_warnings().iter().chain(settings.warnings.iter()) {
        tracing::warn!("{}", warning.to_string().replace("\n  help: ", "; "));
    }
    let address = data.as_ref().map(Listener::address).transpose();
    let address = address.context("address of the listener")?;
    let hosts = settings.allowed_hosts(address.as_ref().and_then(ListenAddress::tcp));
    let via = ViaPseudonym::default();
    let tls = settings.tls.take().map(start_tls).transpose()?;
    check_named_roots(&settings).context("root certificates")?;
    let carriers = settings.carriers();
    let authorizer = settings.authorizer().build();
    let authorizer = authorizer.and_then(|built| built.start()).context("authorizer")?;
    let (credentials, internal_keys) = credentials(settings.internal_token, settings.credentials, &authorizer)?;
    let gate = Arc::new(Gate {
        authorizer,
        head_rules: HeadRules {
            hosts,
            identity_headers: settings.identity_headers.clone(),
            carriers: carriers.clone(),
            via: via.clone(),
            trusted_proxies: settings.trusted_proxies.clone(),
        },
        cors: settings.cors,
        log,
        fact_recording: settings.fact_recording,
        ring_warnings: RateLimit::new(Instant::now(), RING_WARNING_INTERVAL),
    });
    let decisions = decisions.zip(settings.decision_api).map(|(listener, api)| {
        let decisions = DecisionPoint {
            gate: gate.clone(),
            callers: settings.trusted_proxies,
            identity_headers: settings.identity_headers.clone(),
            drop_headers: settings.drop_headers.clone(),
        };
        let api = DecisionApi {
            decisions,
            forward_auth: api.forward_auth,
        };
        (listener, api)
    });
    let clients = match data {
        Some(listener) => {
            let upstreams = settings.upstreams.into_iter().zip(credentials);
            let destinations = Destinations::new(upstreams, settings.upstream_timeouts).context("upstream")?;
            let trailers = TrailerRules::new(
                settings.identity_headers.clone(),
                carriers.clone(),
                settings.drop_headers.clone(),
            );
            let forward = Forward {
                trailers,
                destinations,
                identity_headers: settings.identity_headers,
                carriers,
                drop_headers: settings.drop_headers,
                access_token: settings.access_token,
                via,
                streams: settings.streams,
            };
            let proxy = Proxy {
                body_room: BodyRoom::default(),
                gate: gate.clone(),
                forward,
            };
            Some((listener, proxy))
        }
        None => None,
    };
    Ok(Server {
        gate,
        clients,
        admin,
        decisions,
        internal_keys,
        limits: settings.limits,
        tls,
        proxy_protocol: settings.proxy_protocol,
    })
}
