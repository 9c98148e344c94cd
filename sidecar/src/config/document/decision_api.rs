//! The structure of `decision_api`.

use actgate_yaml::Spanned;
use serde::Deserialize;

use super::example::{DecisionListen, text};
use crate::decision_api::forward_auth::{FrontProxy, UnreadBodies};

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
