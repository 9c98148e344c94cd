//! The arguments of `actgate issuer`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use actgate_issuer::Dialect;
use clap::{Args, Subcommand, ValueEnum};

/// The end of its help, before the registry format.
pub(crate) const ISSUER_NOTES: &str = r#"Without --data its keys, tokens and audit trail exist as long as the process. With it they survive a crash: what was
acknowledged is on disk. At start it prints the commands that get a first token.
  actgate issuer --listen 127.0.0.1:9400
  actgate issuer --data issuer-data
  actgate issuer audit verify --data issuer-data
  actgate issuer --registry registry.yaml --signing rs256
  actgate issuer --dialect keycloak
  actgate issuer --guard guard.yaml            (`actgate check --guard guard.yaml` checks it)
  actgate issuer --listen 0.0.0.0:9400 --expose-to-network --issuer http://issuer.test:9400

Users open its pages: /consents (what they allow), /activity (what happened on their authority), /ciba (requests that wait
for them), /device (the code of a device), /logout. Authorization codes, sessions, and requests that wait for a user are in
memory, with --data too: after a restart clients begin these again. A one-time code is valid once; wait for the next one.

With --guard a policy, in the language of the gate, decides on each token after every check of the issuer. It reads the
claims of the token, as those of a request POST /GRANT: /client-credentials, /authorization-code, /refresh, /ciba,
/device or /token-exchange; a route of another path is an error. What it denies is access_denied, with the code of the reason. Exchanges for people only, over
two actors at most:
  routes:
    - match: [POST /client-credentials, POST /authorization-code, POST /refresh, POST /ciba, POST /device]
    - match: POST /token-exchange
      initiator: { kind: human }
      chain: { max_depth: 2 }

The administration API adds, changes, disables and deletes agents while it runs. An agent is an entry of `clients` below,
in JSON and with an owner; its secret is in the response and nowhere else.
  curl ADDRESS/admin/agents -H "Authorization: Bearer SECRET" -d '{"client_id": "scout", "owner": "alice",
    "profile": "ai_agent", "grants": ["client_credentials"], "scopes": ["orders:read"], "resources": ["https://orders.example"]}'
  GET, POST /admin/agents; GET, PATCH, DELETE /admin/agents/{id}
  POST /admin/agents/{id}/disable: ends its tokens; PATCH /admin/agents/{id} {"disabled": false} enables it again
  POST /admin/agents/{id}/credentials {"overlap": SECONDS}: the older secrets end so much later; without it at their DELETE
  DELETE /admin/agents/{id}/credentials/{credential}: it gets no new token; those that it got stay live until they expire
  POST /admin/agents/{id}/credentials/{credential}/revoke, for one that others may know: it ends every token of the agent too
  GET /admin/resources; POST /admin/resources {"identifier": URI, "scopes": [SCOPE], "descriptions": {SCOPE: TEXT}}
  POST /admin/keys/rotate; POST /admin/keys/{kid}/revoke; GET /admin/audit?txn=TXN
A disabled or deleted agent, a withdrawn consent and a revoked key end tokens at the issuer: introspection says inactive, as
it does of every refresh token. A gate that verifies signatures alone accepts such an access token until it expires, and the
key until it fetches the key set again.

Clients that registered themselves can be used while registration is on. Each can be disabled as an agent, and so can one
whose client_id is the URL of its metadata, in percent-encoding.

CIBA knows a user by login_hint or id_token_hint: a login_hint_token is invalid_request. There are no user codes, so that
expired_login_hint_token, missing_user_code and invalid_user_code do not occur.

The format of a registry, as an example with every key:

"#;

/// The arguments of `issuer`.
#[derive(Debug, Args)]
pub(crate) struct IssuerArguments {
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9400")]
    pub(crate) listen: SocketAddr,
    /// Allow an address that is not loopback: anyone who reaches it can obtain tokens with the development passwords
    #[arg(long)]
    pub(crate) expose_to_network: bool,
    /// Issuer identifier, whose host the pages have beside localhost and addresses [default: the URL it listens on]
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// Resources, users and clients [default: a built-in registry for demos]
    #[arg(long, value_name = "FILE")]
    pub(crate) registry: Option<PathBuf>,
    /// Bearer secret of the administration API [default: a new one at each start, which it prints]
    #[arg(long, value_name = "FILE")]
    pub(crate) admin_secret_file: Option<PathBuf>,
    /// Policy that decides which tokens are issued
    #[arg(long, value_name = "FILE")]
    pub(crate) guard: Option<PathBuf>,
    /// Let clients register themselves (RFC 7591), for the resources with `open_to_registration`
    #[arg(long)]
    pub(crate) registration: bool,
    /// Take a URL as client_id and fetch the metadata of the client from there: https, or http on loopback unless exposed to a network
    #[arg(long)]
    pub(crate) client_metadata_documents: bool,
    /// Signature algorithm of its tokens
    #[arg(long, value_enum, default_value_t = SigningAlgorithm::Es256)]
    pub(crate) signing: SigningAlgorithm,
    /// Form of its access tokens: that of another product, to try the preset of a gate without it
    ///
    /// Tokens leave out what those of the product leave out, prior actors above all. The issuer identifier gets the path
    /// of the product.
    #[arg(long, value_enum, default_value_t = TokenDialect::Rfc9068, value_name = "PRODUCT")]
    pub(crate) dialect: TokenDialect,
    /// Folder of its keys, tokens and audit trail, which survive the process [default: kept in memory]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// Lifetime of its access tokens, up to 1 day
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = actgate_yaml::parse_duration)]
    pub(crate) token_lifetime: Duration,
    /// Lifetime of its refresh tokens, up to 1 year; a refresh does not extend it
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = actgate_yaml::parse_duration)]
    pub(crate) refresh_lifetime: Duration,
    /// What to do in place of running it.
    #[command(subcommand)]
    pub(crate) command: Option<IssuerCommand>,
}

/// A signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SigningAlgorithm {
    /// ECDSA on P-256
    Es256,
    /// RSA PKCS#1 with SHA-256
    Rs256,
    /// Ed25519.
    Eddsa,
}

/// A product whose tokens have a form of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TokenDialect {
    /// JWT access tokens with entity profiles and the whole chain
    Rfc9068,
    /// PingOne Advanced Identity Cloud
    PingAic,
    /// ThunderID
    #[value(name = "thunderid")]
    ThunderId,
    /// Keycloak
    Keycloak,
    /// Auth0
    Auth0,
    /// Okta, a custom authorization server
    Okta,
    /// Microsoft Entra ID, v2.0
    Entra,
    /// Amazon Cognito
    Cognito,
    /// WSO2 Identity Server
    Wso2,
    /// ZITADEL
    Zitadel,
}

impl TokenDialect {
    /// The preset of a gate for these tokens, by the name that the option has.
    pub(crate) fn preset(self) -> String {
        let value = self.to_possible_value();
        value.map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

impl From<TokenDialect> for Dialect {
    fn from(dialect: TokenDialect) -> Dialect {
        match dialect {
            TokenDialect::Rfc9068 => Dialect::Rfc9068,
            TokenDialect::PingAic => Dialect::PingAic,
            TokenDialect::ThunderId => Dialect::ThunderId,
            TokenDialect::Keycloak => Dialect::Keycloak,
            TokenDialect::Auth0 => Dialect::Auth0,
            TokenDialect::Okta => Dialect::Okta,
            TokenDialect::Entra => Dialect::Entra,
            TokenDialect::Cognito => Dialect::Cognito,
            TokenDialect::Wso2 => Dialect::Wso2,
            TokenDialect::Zitadel => Dialect::Zitadel,
        }
    }
}

/// What `issuer` does in place of running.
#[derive(Debug, Subcommand)]
pub(crate) enum IssuerCommand {
    /// Work with the audit trail of an issuer
    Audit {
        /// What to do with it.
        #[command(subcommand)]
        command: AuditCommand,
    },
}

/// What to do with an audit trail.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Verify that no line of an audit trail was changed, removed, inserted or moved
    #[command(after_help = "\
Each line has the SHA-256 of the line before. Without a digest that is known from elsewhere, it is not detected that lines
at the end were removed, or that all lines from one on were written anew. Such a digest is the `last` of an earlier run,
for --expect-last, or the one in the store of --data while its issuer does not run.
  actgate issuer audit verify --data issuer-data
  actgate issuer audit verify audit.jsonl --expect-last DIGEST --json
Exit code 0, or 1 with the first line that is not valid.")]
    Verify(VerifyArguments),
}

/// The arguments of `issuer audit verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// Audit trail
    #[arg(value_name = "FILE", required_unless_present = "data", conflicts_with = "data")]
    pub(crate) file: Option<PathBuf>,
    /// Folder of an issuer
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// SHA-256 of a line that the trail must have, in hexadecimal
    #[arg(long, value_name = "DIGEST", value_parser = parse_digest)]
    pub(crate) expect_last: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Reads a SHA-256 in hexadecimal.
fn parse_digest(text: &str) -> Result<String, String> {
    match text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => Ok(text.to_ascii_lowercase()),
        false => Err("expected 64 hexadecimal digits".to_owned()),
    }
}
