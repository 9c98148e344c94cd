//! The configuration of each program. Every one that checks tokens checks as much as it can of what the gate checks.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::Path;

use crate::mint::{AUDIENCE, ISSUER};
use crate::programs::Protocol;
use crate::tokens::Algorithm;

/// An address whose port the system chooses.
pub const ANY: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

/// The policy of the gate.
pub const POLICY: &str = "\
requirements:
  human-must-initiate:
    initiator: { kind: human }
routes:
  - match: GET /health
    public: true
  - match: GET /orders/{id}
    scopes: [orders:read]
    require: [human-must-initiate]
    actor: { one_of: [refund-agent] }
    chain: { max_depth: 2 }
";

/// Issuers with the same keys in a file.
pub fn issuers<'i>(identifiers: impl IntoIterator<Item = &'i str>) -> String {
    let entries = identifiers.into_iter().map(|issuer| {
        format!(
            "  - issuer: {issuer}\n    jwks_file: keys.json\n    chain_completeness: complete\n    prior_actors: enforce\n"
        )
    });
    format!("issuers:\n{}", entries.collect::<String>())
}

/// A gate with a policy, identity headers and the decision log in a file.
pub fn gate(listen: SocketAddr, upstream: SocketAddr, protocol: Protocol) -> String {
    gate_with(listen, upstream, protocol, &issuers([ISSUER]), POLICY)
}

/// The same with other issuers and another policy.
pub fn gate_with(listen: SocketAddr, upstream: SocketAddr, protocol: Protocol, issuers: &str, policy: &str) -> String {
    let tls = match protocol.has_tls() {
        true => "tls: { certificate: tls.crt, key: tls.key }\n",
        false => "",
    };
    format!(
        "listen: {listen}\n{tls}upstream: http://{upstream}\nadmin: 127.0.0.1:0\naudience: {AUDIENCE}\n\
         decision_log: decisions.log\n{issuers}{policy}"
    )
}

/// A gate that decides for Envoy.
pub fn deciding_gate() -> String {
    format!(
        "decision_api:\n  listen: 127.0.0.1:0\n  ext_authz: {{ bodies: sent }}\nadmin: 127.0.0.1:0\n\
         audience: {AUDIENCE}\ndecision_log: decisions.log\n{}{POLICY}",
        issuers([ISSUER])
    )
}

/// HAProxy on one thread, with pooled connections to the upstream. With an algorithm it verifies the signature and compares
/// issuer, audience and expiry, as its manual shows.
pub fn haproxy(
    folder: &Path,
    listen: SocketAddr,
    upstream: SocketAddr,
    protocol: Protocol,
    verified: Option<Algorithm>,
) -> String {
    let pem = folder.join("tls.pem");
    let options = match protocol {
        Protocol::Http1 => String::new(),
        Protocol::Http2 => " proto h2".to_owned(),
        Protocol::Http1Tls => format!(" ssl crt {} alpn http/1.1", pem.display()),
        Protocol::Http2Tls => format!(" ssl crt {} alpn h2", pem.display()),
    };
    let checks = verified.map_or_else(String::new, |algorithm| {
        let (name, key) = (algorithm.name(), folder.join(algorithm.pem_file()));
        format!(
            "  http-request set-var(txn.bearer) http_auth_bearer\n  \
             http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')\n  \
             http-request set-var(txn.iss) var(txn.bearer),jwt_payload_query('$.iss')\n  \
             http-request set-var(txn.aud) var(txn.bearer),jwt_payload_query('$.aud')\n  \
             http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('$.exp','int')\n  \
             http-request set-var(txn.now) date()\n  \
             http-request deny deny_status 401 unless {{ var(txn.alg) -m str {name} }}\n  \
             http-request deny deny_status 401 unless {{ var(txn.iss) -m str {ISSUER} }}\n  \
             http-request deny deny_status 401 unless {{ var(txn.aud) -m str {AUDIENCE} }}\n  \
             http-request deny deny_status 401 if {{ var(txn.exp),sub(txn.now) -m int lt 0 }}\n  \
             http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_verify(txn.alg,\"{}\") 1 }}\n",
            key.display()
        )
    });
    format!(
        "global\n  nbthread 1\n  maxconn 4096\n  log stderr local0 emerg\ndefaults\n  mode http\n  http-reuse always\n  \
         timeout connect 5s\n  timeout client 60s\n  timeout server 60s\nfrontend load\n  bind {listen}{options}\n{checks}  \
         default_backend upstream\nbackend upstream\n  server upstream {upstream}\n"
    )
}

/// nginx as one process, with connections to the upstream that are kept.
pub fn nginx(folder: &Path, listen: SocketAddr, upstream: SocketAddr, protocol: Protocol) -> String {
    let (tls, certificate) = match protocol.has_tls() {
        true => {
            let (certificate, key) = (folder.join("tls.crt"), folder.join("tls.key"));
            let (certificate, key) = (certificate.display(), key.display());
            let lines = format!("    ssl_certificate {certificate};\n    ssl_certificate_key {key};\n");
            (" ssl", lines)
        }
        false => ("", String::new()),
    };
    let http2 = match protocol.is_http2() {
        true => " http2",
        false => "",
    };
    // The packaged folder for bodies belongs to the service.
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("  {kind}_temp_path {};\n", folder.join(kind).display()));
    format!(
        "daemon off;\nmaster_process off;\npid {};\nerror_log stderr crit;\nevents {{}}\nhttp {{\n  access_log off;\n{}  \
         keepalive_requests {ENDLESS};\n  upstream upstream {{\n    server {upstream};\n    keepalive 64;\n    \
         keepalive_requests {ENDLESS};\n  }}\n  server {{\n    listen {listen}{tls}{http2};\n{certificate}    \
         location / {{\n      proxy_pass http://upstream;\n      proxy_http_version 1.1;\n      \
         proxy_set_header Connection \"\";\n    }}\n  }}\n}}\n",
        folder.join("nginx.pid").display(),
        temporary.concat(),
    )
}

/// More requests than a connection of a run has: nginx closes one after a thousand unless it is configured otherwise, and the
/// other programs close none.
const ENDLESS: u32 = 1_000_000_000;

/// How Envoy authenticates.
#[derive(Clone, Copy, Debug)]
pub enum Authentication {
    /// By `jwt_authn` and RBAC, with so many verified tokens kept.
    Jwt { cache: Option<u32> },
    /// By the answer of a server of `ext_authz`.
    Asked(SocketAddr),
}

/// Envoy without TLS and without an access log.
pub fn envoy(folder: &Path, listen: SocketAddr, upstream: SocketAddr, authentication: Authentication) -> String {
    let (filters, asked) = match authentication {
        Authentication::Jwt { cache } => (jwt_filters(folder, cache), String::new()),
        Authentication::Asked(server) => (
            EXT_AUTHZ.to_owned(),
            format!(
                "    - name: decisions
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          \"@type\": {EXTENSIONS}.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config: {{ http2_protocol_options: {{}} }}
      load_assignment: {}
",
                endpoint("decisions", server)
            ),
        ),
    };
    format!(
        "static_resources:
  listeners:
    - address: {{ socket_address: {{ address: {}, port_value: {} }} }}
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                \"@type\": {EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: load
                use_remote_address: true
                normalize_path: false
                merge_slashes: false
                http_filters:
{filters}                  - name: envoy.filters.http.router
                    typed_config: {{ \"@type\": {EXTENSIONS}.filters.http.router.v3.Router }}
                route_config:
                  virtual_hosts:
                    - name: load
                      domains: [\"*\"]
                      routes: [{{ match: {{ prefix: / }}, route: {{ cluster: upstream }} }}]
  clusters:
    - name: upstream
      load_assignment: {}
{asked}",
        listen.ip(),
        listen.port(),
        endpoint("upstream", upstream)
    )
}

/// The types of Envoy's extensions.
const EXTENSIONS: &str = "type.googleapis.com/envoy.extensions";

/// The filter of `sidecar/examples/envoy/envoy.yml`.
const EXT_AUTHZ: &str = "                  - name: envoy.filters.http.ext_authz
                    typed_config:
                      \"@type\": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
                      transport_api_version: V3
                      grpc_service: { envoy_grpc: { cluster_name: decisions }, timeout: 2s }
                      failure_mode_allow: false
                      status_on_error: { code: ServiceUnavailable }
                      encode_raw_headers: true
                      with_request_body:
                        max_request_bytes: 65536
                        allow_partial_message: false
                        pack_as_bytes: true
";

/// Signature, issuer, audience, time, method, path, scope, kind of the initiator and actor.
fn jwt_filters(folder: &Path, cache: Option<u32>) -> String {
    let cache = cache.map_or_else(String::new, |size| {
        format!("                          jwt_cache_config: {{ jwt_cache_size: {size} }}\n")
    });
    let claim = |path: &[&str], value: &str| {
        let segments = path.iter().map(|key| format!(", {{ key: {key} }}")).collect::<String>();
        let matcher = format!("path: [{{ key: claims }}{segments}], value: {{ string_match: {{ {value} }} }}");
        format!(
            "                                  - sourced_metadata:
                                      metadata_matcher: {{ filter: envoy.filters.http.jwt_authn, {matcher} }}\n"
        )
    };
    let claims = [
        claim(&["scope"], "contains: \"orders:read\""),
        claim(&["sub_profile"], "exact: user"),
        claim(&["act", "sub"], "exact: refund-agent"),
    ];
    format!(
        "                  - name: envoy.filters.http.jwt_authn
                    typed_config:
                      \"@type\": {EXTENSIONS}.filters.http.jwt_authn.v3.JwtAuthentication
                      providers:
                        issuer:
                          issuer: {ISSUER}
                          audiences: [{AUDIENCE}]
                          local_jwks: {{ filename: {} }}
                          payload_in_metadata: claims
{cache}                      rules:
                        - match: {{ prefix: / }}
                          requires: {{ provider_name: issuer }}
                  - name: envoy.filters.http.rbac
                    typed_config:
                      \"@type\": {EXTENSIONS}.filters.http.rbac.v3.RBAC
                      rules:
                        action: ALLOW
                        policies:
                          orders:
                            permissions:
                              - and_rules:
                                  rules:
                                    - header: {{ name: \":method\", string_match: {{ exact: GET }} }}
                                    - url_path: {{ path: {{ prefix: /orders/ }} }}
                            principals:
                              - and_ids:
                                  ids:
{}",
        folder.join("keys.json").display(),
        claims.concat()
    )
}

/// A cluster of one address.
fn endpoint(cluster: &str, address: SocketAddr) -> String {
    let (ip, port) = (address.ip(), address.port());
    let address = format!("{{ socket_address: {{ address: {ip}, port_value: {port} }} }}");
    format!(
        "{{ cluster_name: {cluster}, endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {address} }} }}] }}] }}"
    )
}
