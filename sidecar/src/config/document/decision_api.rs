//! The structure of `decision_api`.

use actgate_yaml::Spanned;
use serde::Deserialize;

use super::example::{DecisionListen, text};
use crate::decision_api::decision_point::UnreadBodies;

use crate::decision_api::ext_authz::mcp_metadata::McpSource;
use crate::decision_api::ext_authz::{EnvoyBodies, ForwardedHeaders};
use crate::decision_api::forward_auth::FrontProxy;

/// Decisions for servers that enforce them: proxies in front of an API. They are answered on a listener of their own, for peers
/// on this machine and `trusted_proxies`. Default: none.
/// Example: `{ listen: '127.0.0.1:9191', forward_auth: nginx }`
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite as in `decision_api: { listen: 127.0.0.1:9191, forward_auth: nginx }`"
)]
#[cfg_attr(test, schemars(rename = "DecisionApi", extend("required" = ["listen"])))]
pub(crate) struct DecisionApiDocument {
    /// The address for the servers that ask: an IP address and a port, or `unix:PATH`, a socket for its owner and group. They
    /// send tokens in plain text.
    /// Example: `127.0.0.1:9191`
    #[serde(deserialize_with = "text::<DecisionListen, _>")]
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(crate) listen: Option<Spanned<String>>,
    pub(crate) forward_auth: Option<Spanned<ForwardAuthDocument>>,
    pub(crate) ext_authz: Option<Spanned<ExtAuthzDocument>>,
    pub(crate) authzen: Option<Spanned<AuthZenDocument>>,
    /// Whether an application gets the decision on a request that it states, with the facts of its token, at `/validate`. Default: `false`.
    /// Example: `true`
    pub(crate) validate: bool,
}

/// Where the messages of MCP are read that rules are for. Default: in the headers of the request.
/// Example: `{ from: envoy-metadata }`
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite `mcp: { from: envoy-metadata }`"
)]
#[cfg_attr(test, schemars(rename = "McpOfEnvoy"))]
pub(crate) struct McpDocument {
    /// `headers`: `Mcp-Method` and `Mcp-Name`, for servers of revision 2026-07-28. `envoy-metadata`: the metadata of the filter
    /// `envoy.filters.http.mcp`, for every revision; the headers of the client are of no effect. Default: `headers`.
    /// Example: `envoy-metadata`
    pub(crate) from: McpSource,
}

/// Serves the AuthZEN Authorization API 1.0 at `/access/v1/evaluation` and `/access/v1/evaluations`. Default: none.
/// Example: `{}`
/// Example: `{ url: 'https://pdp.example.com' }`
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite `authzen: {}`, or `authzen: { url: https://pdp.example.com }`"
)]
#[cfg_attr(test, schemars(rename = "AuthZen"))]
pub(crate) struct AuthZenDocument {
    /// The URL of this policy decision point in its metadata. Default: http and the address of the listener.
    /// Example: `https://pdp.example.com`
    pub(crate) url: Option<Spanned<String>>,
}

/// Answers `ext_authz` of Envoy: `envoy.service.auth.v3.Authorization` of gRPC. Default: none.
/// Example: `{}`
/// Example: `{ bodies: sent }`
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite as in `ext_authz: { bodies: sent }`"
)]
#[cfg_attr(test, schemars(rename = "ExtAuthz"))]
pub(crate) struct ExtAuthzDocument {
    pub(crate) mcp: Option<Spanned<McpDocument>>,
    /// What becomes of a request whose body would be read here for a token or a method. `sent`: Envoy sends whole bodies
    /// (`with_request_body` without `allow_partial_message`), and what it does not send has none. `passed`: the API takes neither from a
    /// body that Envoy does not send. A rule on a body that is not there denies in any case. Default: `denied`.
    /// Example: `sent`
    pub(crate) bodies: EnvoyBodies,
    /// What becomes of `Forwarded`, `X-Forwarded-Host`, `X-Forwarded-Port` and `X-Real-IP`, which Envoy forwards as its client wrote
    /// them: `kept` where Envoy, or a proxy in front of it, sets or removes each of the four. Default: `removed`.
    /// Example: `kept`
    pub(crate) forwarded_headers: ForwardedHeaders,
}

/// Answers `auth_request` of nginx, `forward_auth` of Caddy and ForwardAuth of Traefik at `/forward-auth`. A text is the `proxy`.
/// Default: none.
/// Example: `nginx`
/// Example: `{ proxy: nginx, bodies: passed }`
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename = "shorthand proxy", deny_unknown_fields)]
#[cfg_attr(test, schemars(rename = "ForwardAuth", extend("required" = ["proxy"], "x-shorthand" = "proxy")))]
pub(crate) struct ForwardAuthDocument {
    /// The proxy that asks, which decides in which headers the request is described: of nginx in `X-Original-Method`, `-URI`
    /// and `-Host`, of Caddy and Traefik in `X-Forwarded-Method`, `-Uri` and `-Host`; and in `X-Forwarded-Proto`.
    /// Example: `nginx`
    pub(crate) proxy: Option<Spanned<FrontProxy>>,
    /// What becomes of a request whose body would be read here for a token or a method (a form, or JSON where a parameter `_method`
    /// leads to another access): `passed` where the API takes neither from a body. A rule on the body denies in any case.
    /// Default: `denied`.
    /// Example: `denied`
    pub(crate) bodies: UnreadBodies,
}
