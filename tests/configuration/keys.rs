//! Keys: unknown ones, missing ones, and those with a value of another form.

use super::Mistake;

pub(super) const MISTAKES: &[Mistake] = &[
    (
        "leeway:",
        "internal_token: true\nleeway:",
        "5:17: expected a mapping, not true or false\n  help: write as in `internal_token: { issuer: https://gate.internal }`",
    ),
    (
        "leeway:",
        "streams: end\nleeway:",
        "5:10: expected a mapping, not a text\n  help: write as in `streams: { after_expiry: end }`",
    ),
    (
        "leeway:",
        "decision_log: true\nleeway:",
        "5:15: expected a text, not true or false\n  help: write `stdout`, or the path of a file",
    ),
    (
        "leeway:",
        "timeouts: 5s\nleeway:",
        "5:11: expected a mapping, not a text\n  help: write as in `timeouts: { response: 30s }`",
    ),
    (
        "leeway:",
        "max_body: 10MB\nleeway:",
        "5:1: unknown key `max_body`\n  help: there is none for every request; `operation: { max }`",
    ),
    (
        "leeway:",
        "metrics: true\nleeway:",
        "5:1: unknown key `metrics`\n  help: there is none; the decision log",
    ),
    (
        "leeway:",
        "rate_limit: 10\nleeway:",
        "5:1: unknown key `rate_limit`\n  help: it is `limit` in the policy, at a route or beside `routes`",
    ),
    (
        "leeway:",
        "limits: { per: client, rate: 60/m }\nleeway:",
        "5:1: unknown key `limits`\n  help: did you mean `limit`, in the policy, or `shared_limits`",
    ),
    (
        "leeway:",
        "redis: redis://127.0.0.1\nleeway:",
        "5:1: unknown key `redis`\n  help: write it under `shared_limits`",
    ),
    (
        "leeway:",
        "client_certificates: required\nleeway:",
        "5:1: unknown key `client_certificates`\n  help: write it under `tls`",
    ),
    (
        "listen:",
        "listne:",
        "1:1: unknown key `listne`\n  help: did you mean `listen`?",
    ),
    (
        "listen: 127.0.0.1:0\n",
        "",
        " the key `listen` is missing\n  help: add `listen: …`",
    ),
    (
        "audience: https://orders.example.com\n",
        "",
        " the key `audience` is missing\n  help: add `audience: …`, or `resources` for several APIs",
    ),
    (
        "    scopes:",
        "    scope:",
        "21:5: unknown key `scope`\n  help: did you mean `scopes`?",
    ),
    (
        "leeway: 30s",
        "leeway: 30s\nleeway: 10s",
        "6:1: the key `leeway` occurs twice",
    ),
    ("leeway: 30s", "leeway:", "5:7: a value is missing here"),
    (
        "leeway: 30s",
        "leeway: 5",
        "5:9: `5` has no unit of time\n  help: write it as `5ms`, `5s`, `5m` or `5h`",
    ),
    (
        "leeway: 30s",
        "leeway: .inf",
        "5:9: expected a finite number\n  help: write the number, or a text in quotes",
    ),
    (
        "leeway:",
        "token: x\nleeway:",
        "5:1: unknown key `token`\n  help: it is `access_token: strip`, `forward` or `exchange`",
    ),
    (
        "    chain_completeness: complete",
        "    chain: complete",
        "10:5: unknown key `chain`\n  help: it is `chain_completeness`",
    ),
    (
        "leeway:",
        "drain: 30s\nleeway:",
        "5:1: unknown key `drain`\n  help: write it under `timeouts`",
    ),
    (
        "leeway:",
        "jwks_uri: https://idp.example.com/jwks\nleeway:",
        "5:1: unknown key `jwks_uri`\n  help: write it in an entry of `issuers`",
    ),
    (
        "leeway:",
        "cors: {}\nleeway:",
        "5:7: no origin may send requests\n  help: write `origins: [https://app.example.com]`",
    ),
    (
        "leeway:",
        "cors: { origins: ['*'] }\nleeway:",
        "5:19: `*` is a pattern, and origins are compared as they are written",
    ),
    (
        "leeway:",
        "cors: { origins: ['null'] }\nleeway:",
        "5:19: `null` is the origin of many pages",
    ),
    (
        "leeway:",
        "cors: { origins: ['https://app.example.com/'] }\nleeway:",
        "5:19: `https://app.example.com/` is not an origin as browsers send it\n  help: write `https://app.example.com`",
    ),
    (
        "leeway:",
        "cors: { origins: ['https://a.example'], methods: [get] }\nleeway:",
        "5:51: `get` is not a method\n  help: write methods in capitals",
    ),
    (
        "leeway:",
        "cors: { origins: ['https://a.example'], headers: ['*'] }\nleeway:",
        "5:51: `*` is not a header name",
    ),
    (
        "leeway:",
        "port: 8080\nleeway:",
        "5:1: unknown key `port`\n  help: write the address and the port in `listen`",
    ),
    (
        "leeway:",
        "trusted_ips: [10.0.0.0/8]\nleeway:",
        "5:1: unknown key `trusted_ips`\n  help: it is `trusted_proxies`, a list",
    ),
];
