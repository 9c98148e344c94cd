//! Audience, leeway, and the entries of `issuers`.

use super::Mistake;

pub(super) const MISTAKES: &[Mistake] = &[
    (
        "issuer: https://idp.example.com",
        "issuer: 127.0.0.1:29400",
        "7:13: `127.0.0.1:29400` is not an issuer: it is not an absolute URL\n  help: write `http://127.0.0.1:29400`; with",
    ),
    (
        "issuer: https://idp.example.com",
        "issuer: localhost:9400",
        "7:13: `localhost:9400` is not an issuer: it is not an https URL, nor an http URL\n  help: write `http://localhost:9400`; with",
    ),
    (
        "https://orders.example.com",
        "' https://orders.example.com'",
        "4:11: ` https://orders.example.com` is not an audience: it has white space at an end",
    ),
    (
        "audience: https://orders.example.com",
        "audience: []",
        "4:11: there is no audience",
    ),
    (
        "audience: https://orders.example.com",
        "audience: ''",
        "4:11: an audience is empty",
    ),
    (
        "audience: https://orders.example.com",
        "audience: '*'",
        "4:11: `*` is not an audience: it is a pattern",
    ),
    (
        "https://orders.example.com",
        "https://*.example.com",
        "4:11: `https://*.example.com` is not an audience: it is a pattern",
    ),
    (
        "https://orders.example.com",
        "${AUDIENCE}",
        "4:11: `${AUDIENCE}` is not an audience: it is a pattern",
    ),
    (
        "leeway: 30s",
        "leeway: 61s",
        "5:9: the leeway is too long\n  help: write at most 60s",
    ),
    ("leeway: 30s", "leeway: soon", "5:9: `soon` is not a duration"),
    (
        "refresh: 10m",
        "refresh: 10M",
        "12:22: `10M` is not a duration\n  help: write `10m` for minutes",
    ),
    (
        "issuer: https://idp",
        "issuer: idp",
        "7:13: `idp.example.com` is not an issuer: it is not an absolute URL\n  help: write `https://idp.example.com`",
    ),
    (
        "issuer: https://idp",
        "issuer: http://idp",
        "7:13: `http://idp.example.com` cannot be used",
    ),
    (
        "issuer: https://idp.example.com",
        "issuer: https://idp.example.com/.well-known/openid-configuration",
        "7:13: `https://idp.example.com/.well-known/openid-configuration` is not an issuer: it is the address of a document \
         of the issuer\n  help: write `https://idp.example.com`, or with a slash",
    ),
    (
        "issuer: https://idp.example.com",
        "issuer: https://login.example.com/{tenantid}/v2.0",
        "7:13: `https://login.example.com/{tenantid}/v2.0` is not an issuer: it is a pattern",
    ),
    (
        "    algorithms",
        "    jwks_uri: https://idp.example.com/.well-known/openid-configuration\n    algorithms",
        "8:15: `https://idp.example.com/.well-known/openid-configuration` cannot be used: it is the address of metadata",
    ),
    (
        "- issuer: https://idp.example.com\n    algorithms",
        "- algorithms",
        "7:5: the key `issuer` is missing",
    ),
    (
        "    algorithms",
        "    jwks_uri: http://idp.example.com/jwks\n    algorithms",
        "8:15: `http://idp.example.com/jwks` cannot be used",
    ),
    (
        "ES256",
        "HS256",
        "8:18: `HS256` is a shared secret, which is never accepted\n  help: the issuer signs with one of `RS256`, `RS384`, \
         `RS512`, `PS256`, `PS384`, `PS512`, `ES256`, `ES384`, `ES512`, `EdDSA`",
    ),
    (
        "ES256",
        "hs512",
        "8:18: `hs512` is a shared secret, which is never accepted",
    ),
    (
        "[ES256, RS256]",
        "[none]",
        "8:18: `none` is no signature, which is never accepted",
    ),
    (
        "ES256",
        "es256",
        "8:18: unknown word `es256`\n  help: did you mean `ES256`?",
    ),
    (
        "ES256",
        "eddsa",
        "8:18: unknown word `eddsa`\n  help: did you mean `EdDSA`?",
    ),
    (
        "- issuer: https://idp.example.com\n    algorithms",
        "- https://idp.example.com\n  - issuer: https://idp.example.com\n    algorithms",
        "7:5: expected a mapping, not a text\n  help: write `- issuer: https://idp.example.com`",
    ),
    ("[ES256, RS256]", "[]", "8:17: no algorithm is accepted"),
    ("[ES256, RS256]", "ES256", "8:17: expected a list"),
    ("profile: rfc9068", "profile: rfc9069", "9:14: unknown word `rfc9069`"),
    (
        "completeness: complete",
        "completeness: whole",
        "10:25: unknown word `whole`",
    ),
    (
        "completeness: complete",
        "completeness: outer-only",
        "24:12: `POST /refunds: chain.max_depth` reads prior actors",
    ),
    (
        "prior_actors: enforce",
        "prior_actors: audit",
        "24:12: `POST /refunds: chain.max_depth` reads prior actors",
    ),
    ("refresh: 10m", "refresh: 1ms", "12:22: `refresh` is out of range"),
    ("max_stale: 24h", "max_stale: 1m", "12:66: `max_stale` is out of range"),
];
