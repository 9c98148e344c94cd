//! Help for keys with a name that they had in another version, and for keys in another mapping than theirs.

const UNDER_TIMEOUTS: &str = "write it under `timeouts`";
const UNDER_KEYS: &str = "write it under `keys` of an entry of `issuers`";
const UNDER_ISSUERS: &str = "write it in an entry of `issuers`";
const UNDER_UPSTREAM: &str = "write it in a mapping: `upstream: { url: …, … }`";
const UNDER_EXCHANGE: &str = "write it under `token_exchange` of the upstream";
const UNDER_EXCHANGE_OR_INTROSPECTION: &str =
    "write it under `token_exchange` of the upstream, or under `introspection` of an entry of `issuers`";
const UNDER_INTROSPECTION: &str = "it is `introspection: { endpoint: … }`, in an entry of `issuers`";
const UNDER_TLS: &str = "write it under `tls`";
const NO_BODY_LIMIT: &str = "there is none for every request; `operation: { max }` of a route limits a body that a rule reads, the API any other";
const LIMIT: &str =
    "it is `limit` in the policy, at a route or beside `routes`, such as `limit: { per: [initiator], rate: 60/m }`";
const NO_METRICS: &str = "there is none; the decision log has a line for each request";
const IN_LISTEN: &str = "write the address and the port in `listen`";

/// Unknown keys and their help, in place of the most similar key.
pub(super) const KEYS: &[(&str, &str)] = &[
    ("token", "it is `access_token: strip`, `forward` or `exchange`"),
    ("chain", "it is `chain_completeness`"),
    ("drain", UNDER_TIMEOUTS),
    ("drain_delay", UNDER_TIMEOUTS),
    (
        "header",
        "write the time for a head under `timeouts`, and the header of an issuer's tokens in its entry of `issuers`",
    ),
    ("keep_alive", UNDER_TIMEOUTS),
    ("connect", UNDER_TIMEOUTS),
    ("response", UNDER_TIMEOUTS),
    ("refresh", UNDER_KEYS),
    ("cooldown", UNDER_KEYS),
    ("max_stale", UNDER_KEYS),
    ("issuer", UNDER_ISSUERS),
    ("jwks_uri", UNDER_ISSUERS),
    ("jwks_file", UNDER_ISSUERS),
    ("insecure_http", UNDER_ISSUERS),
    ("ca_file", UNDER_ISSUERS),
    ("carrier", "it is `header`, in an entry of `issuers`"),
    ("token_file", UNDER_ISSUERS),
    ("claims", UNDER_ISSUERS),
    ("jwks_url", "it is `jwks_uri`, in an entry of `issuers`"),
    ("algorithms", UNDER_ISSUERS),
    ("profile", UNDER_ISSUERS),
    ("chain_completeness", UNDER_ISSUERS),
    ("prior_actors", UNDER_ISSUERS),
    ("keys", UNDER_ISSUERS),
    ("api_key", UNDER_UPSTREAM),
    ("token_exchange", UNDER_UPSTREAM),
    ("token_endpoint", UNDER_EXCHANGE),
    ("client_secret_file", UNDER_EXCHANGE_OR_INTROSPECTION),
    ("introspection", UNDER_ISSUERS),
    ("introspection_endpoint", UNDER_INTROSPECTION),
    ("introspection_uri", UNDER_INTROSPECTION),
    ("introspection_url", UNDER_INTROSPECTION),
    ("port", IN_LISTEN),
    ("certificate", UNDER_TLS),
    ("key", UNDER_TLS),
    ("client_certificates", UNDER_TLS),
    ("demand", "write it under `client_certificates` of `tls`"),
    ("after_expiry", "write it under `streams`"),
    (
        "limits",
        "did you mean `limit`, in the policy, or `shared_limits`, beside `listen`; `max_head` and `max_connections` are there, too",
    ),
    ("max_body", NO_BODY_LIMIT),
    ("max_body_size", NO_BODY_LIMIT),
    ("body_limit", NO_BODY_LIMIT),
    ("client_max_body_size", NO_BODY_LIMIT),
    ("rate_limit", LIMIT),
    ("rate_limits", LIMIT),
    ("ratelimit", LIMIT),
    ("redis", "write it under `shared_limits`"),
    ("metrics", NO_METRICS),
    ("prometheus", NO_METRICS),
    (
        "host",
        "write the address of the gate in `listen`, and the hosts that clients send in `hosts`",
    ),
    ("address", IN_LISTEN),
    (
        "log_level",
        "write it on the command line: `actgate run --log-level debug`",
    ),
    (
        "log_format",
        "write it on the command line: `actgate run --log-format json`",
    ),
    ("trusted_proxy", "it is `trusted_proxies`, a list"),
    ("trust_proxy", "it is `trusted_proxies`, a list of networks"),
    ("trusted_ips", "it is `trusted_proxies`, a list"),
];
