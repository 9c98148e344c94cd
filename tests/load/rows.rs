//! The rows: traffic of one kind, which every program of the row gets in turn.

use crate::programs::{Program, Protocol};
use crate::tokens::{Algorithm, Tokens};

/// Traffic of one kind, and the programs that get it beside the gate.
pub struct Row {
    pub name: &'static str,
    pub protocol: Protocol,
    pub tokens: Tokens,
    /// Connections of HTTP/1.1.
    pub connections: usize,
    pub shape: Shape,
    pub beside: &'static [Program],
}

/// What is compared in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Proxies, each alone on one core.
    Alone,
    /// The same proxy on one core and on two.
    TwoCores,
    /// Envoy, with the server that it asks on the same core.
    ExtAuthz,
}

const PLAIN: &[Program] = &[Program::BareHyper, Program::HaProxy, Program::Nginx];
const PLAIN_AND_LEAST: &[Program] = &[
    Program::BareHyper,
    Program::WritingHyper,
    Program::VerifyingHyper,
    Program::HaProxy,
    Program::Nginx,
];
const CHECKING: &[Program] = &[
    Program::BareHyper,
    Program::WritingHyper,
    Program::VerifyingHyper,
    Program::HaProxy,
    Program::Nginx,
    Program::Relay,
    Program::EnvoyCache,
    Program::Envoy,
];
const VERIFYING: &[Program] = &[
    Program::BareHyper,
    Program::VerifyingHyper,
    Program::HaProxyJwt,
    Program::Envoy,
];

pub const SAME: &str = "same token";
pub const SAME_RS256: &str = "same token, RS256";
pub const MANY: &str = "5,000 tokens";
pub const NEW_ES256: &str = "every token new, ES256";
pub const NEW_RS256: &str = "every token new, RS256";
pub const SAME_8: &str = "same token, 8 connections";
pub const SAME_50: &str = "same token, 50 connections";
pub const HTTP2: &str = "HTTP/2, same token";
pub const TLS: &str = "TLS, same token";
pub const HTTP2_TLS: &str = "HTTP/2 over TLS, same token";
pub const TWO_8: &str = "two cores, 8 connections";
pub const TWO_32: &str = "two cores, 32 connections";
pub const TWO_50: &str = "two cores, 50 connections";
pub const EXT_AUTHZ: &str = "ext_authz of Envoy, same token";

pub const ROWS: &[Row] = &[
    row(SAME, Tokens::Same(Algorithm::Es256), CHECKING),
    row(MANY, Tokens::Many, CHECKING),
    row(
        SAME_RS256,
        Tokens::Same(Algorithm::Rs256),
        &[Program::BareHyper, Program::Envoy],
    ),
    row(NEW_ES256, Tokens::New(Algorithm::Es256), VERIFYING),
    row(NEW_RS256, Tokens::New(Algorithm::Rs256), VERIFYING),
    with_connections(8, row(SAME_8, Tokens::Same(Algorithm::Es256), PLAIN)),
    with_connections(50, row(SAME_50, Tokens::Same(Algorithm::Es256), PLAIN)),
    over(Protocol::Http2, HTTP2),
    over(Protocol::Http1Tls, TLS),
    over(Protocol::Http2Tls, HTTP2_TLS),
    on_two_cores(8, TWO_8),
    on_two_cores(32, TWO_32),
    on_two_cores(50, TWO_50),
    Row {
        shape: Shape::ExtAuthz,
        ..row(EXT_AUTHZ, Tokens::Same(Algorithm::Es256), &[Program::EnvoyAsksNothing])
    },
];

const fn row(name: &'static str, tokens: Tokens, beside: &'static [Program]) -> Row {
    Row {
        name,
        protocol: Protocol::Http1,
        tokens,
        connections: 32,
        shape: Shape::Alone,
        beside,
    }
}

const fn with_connections(connections: usize, row: Row) -> Row {
    Row { connections, ..row }
}

const fn over(protocol: Protocol, name: &'static str) -> Row {
    let row = row(name, Tokens::Same(Algorithm::Es256), PLAIN_AND_LEAST);
    Row { protocol, ..row }
}

const fn on_two_cores(connections: usize, name: &'static str) -> Row {
    let row = row(name, Tokens::Same(Algorithm::Es256), &[Program::BareHyper]);
    Row {
        connections,
        shape: Shape::TwoCores,
        ..row
    }
}
