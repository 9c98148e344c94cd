//! The policy: which facts of a verified token each route requires, as a declarative document.
//!
//! A policy only narrows. Signature, issuer, audience and time are checked before it, and it cannot allow what they deny.
//! Everything written is a conjunction; alternatives are only in `any_of`; a fact that is not known satisfies no rule.
//!
//! ```
//! use actgate::Policy;
//!
//! let policy = Policy::from_yaml(r#"
//! requirements:
//!   human-must-initiate:
//!     initiator: { kind: human }
//! routes:
//!   - match: GET /health
//!     public: true
//!   - match: POST /refunds
//!     scopes: [refunds:write]
//!     require: [human-must-initiate]
//!     actor: { one_of: [refund-agent] }
//! "#)?;
//! assert_eq!(policy.routes().count(), 2);
//!
//! let mistake = Policy::from_yaml("routes:\n  - match: GET /\n    scope: [a]\n").unwrap_err();
//! assert_eq!(mistake.to_string(), "3:5: unknown key `scope`\n  help: did you mean `scopes`?");
//! # Ok::<(), actgate::policy::PolicyError>(())
//! ```
//!
//! # Every word
//!
//! | Key | What it requires | Code of the denial |
//! |---|---|---|
//! | `scopes: { implies: { a: [b] } }` | beside `routes`: a token with the scope `a` has `b` as well ([Scopes](#scopes)) | |
//! | `spelling: exact` | beside `routes`: the API distinguishes all spellings of a path ([Spelling](#spelling)) | |
//! | `defaults: { .. }` | beside `routes`: what every route requires that is not public ([Defaults](#defaults)) | as the keys in it |
//! | `groups: { operators: [a] }` | beside `routes`: named groups of parties ([Agents](#agents-and-groups)) | |
//! | `agents: [{ subject: a }]` | beside `routes`: the agents that the owner knows ([Agents](#agents-and-groups)) | |
//! | `agents: [{ subject: a, ceiling: { routes, scopes, initiators } }]` | beside `routes`: what an agent may do at most ([Ceilings](#ceilings)) | `above_ceiling` |
//! | `unregistered_agents: deny` | beside `routes`: no route accepts an agent that is not in `agents` ([Agents](#agents-and-groups)) | `agent_not_registered` |
//! | `mode: shadow` | beside `routes`, of a route, of `defaults` or of a requirement: its rules are evaluated and recorded, and not enforced ([Shadow](#shadow)) | |
//! | `limit: { per: [initiator], rate: 60/m, burst: 10 }` | of a route, or beside `routes`: how many requests a party may make ([Limits](#limits)) | `limit_exceeded`, `limit_unavailable` |
//! | `match` | where the route applies: `GET /a`, `GET,POST /a/{id}`, `* /a/{*rest}`, or a list of these | `no_route` |
//! | `mcp: { method, name }` | beside `match`: the messages of the Model Context Protocol that the route is for ([MCP](#mcp)) | `no_route`, `mcp_header_mismatch`, `mcp_revision_not_supported` |
//! | `mcp: { origins: [a] }` | beside `routes`: the web pages that may send requests to the paths of these routes ([MCP](#mcp)) | `origin_not_allowed` |
//! | `public: true` | nothing; a token is not read. A route without it needs a valid token, whatever else it has; `public: false` is the same | |
//! | `require: [name]` | what the named requirement requires | as there |
//! | `scopes: [a, b]` | every one of these scopes; also written `{ all_of: [a, b] }` | `insufficient_scope` |
//! | `scopes: { any_of: [a] }` | one of these | `insufficient_scope` |
//! | `scopes: { none_of: [a] }` | none of these | `scope_not_allowed` |
//! | `initiator: { kind }` | the subject is a `human`, `agent` or `service`, or one of a list | `initiator_not_human`, `initiator_kind_unknown`, `initiator_kind_not_allowed` |
//! | `initiator: { one_of, none_of }` | the subject is, or is not, one of these | `initiator_not_allowed` |
//! | `initiator: { group: a }` | the subject is a member of this group, or of one of a list | `initiator_not_allowed` |
//! | `initiator: { issuer }` | the token, which names the subject, is of this issuer, or of one of a list | `initiator_issuer_not_allowed` |
//! | `initiator: { amr: [a, b] }` | the login used every one of these methods; the issuer defines which of them mean two factors, some by `mfa` | `amr_not_met` |
//! | `initiator: { acr: [a, b] }` | the login reached one of these contexts | `acr_not_met` |
//! | `initiator: { max_auth_age: 5m }` | the login is at most so long ago | `auth_too_old` |
//! | `actor: { required: true }` | a current actor other than the subject | `actor_missing` |
//! | `actor: { absent: true }` | no actor, the subject itself included | `actor_present` |
//! | `actor: { kind }` | the current actor is of this kind, or one of a list; without an actor: `actor_missing` | `actor_kind_unknown`, `actor_kind_not_allowed` |
//! | `actor: { one_of, none_of }` | the current actor is, or is not, one of these; `one_of` without an actor: `actor_missing` | `actor_not_allowed` |
//! | `actor: { group: a }` | the current actor is a member of this group, or of one of a list | `actor_not_allowed` |
//! | `actor: { registered: true }` | the current actor is one of `agents` | `actor_not_registered` |
//! | `actor: { same_tenant: tid }` | its `tenant` in `agents` is the text in this claim of the token | `actor_not_registered`, `actor_tenant_mismatch` |
//! | `actor: { issuer }` | the current actor is of this issuer; `same` is the token's | `actor_issuer_not_allowed` |
//! | `actor: { is_presenter: true }` | the client of the token is the current actor, by its `clients` in `agents` where it has some; a token without one is denied | `actor_not_presenter` |
//! | `client: { one_of, none_of }` | the client is, or is not, one of these; a token without one meets neither | `client_not_allowed` |
//! | `claims: { tid: T1 }` | a top-level claim equals text, a whole number or a boolean; `/a/b` reaches inside, `/a.b` is a name with a dot | `claim_not_met` |
//! | `claims: { tid: { one_of: [T1] } }` | it is one of these | `claim_not_met` |
//! | `claims: { roles: { contains: a } }` | it is a list with this in it | `claim_not_met` |
//! | `token: { max_lifetime: 1h }` | `exp` is at most so long after `iat`; a token without `iat`, or with one in the future, is denied | `token_lifetime_too_long` |
//! | `token: { max_age: 10m }` | `iat` is at most so long ago; a token without it, or with one in the future, is denied | `token_too_old` |
//! | `token: { single_audience: true }` | `aud` has exactly one value | `token_audience_not_single` |
//! | `token: { sender_constrained: true }` | the token is bound to a key (`cnf`), the proof of which was verified (RFC 8705) | `token_not_sender_constrained` |
//! | `may_act: honored` | if the token has `may_act`, its party is the current actor, or the client where there is no actor | `actor_not_in_may_act` |
//! | `time: { zone: Europe/Berlin, days: mon-fri, hours: 08:00-18:00 }` | the time of the request, on the clock of this zone ([Time](#time)) | `time_not_allowed` |
//! | `authorization_details: { type: a }` | one of the details of the token (RFC 9396) is of this type, and has all that is written beside it ([Details](#details)) | `authorization_details_not_met` |
//! | `operation: { query: { a: x } }` | a parameter of the query is there once, with this text ([Operation](#operation)) | `operation_not_met` |
//! | `operation: { json: { /a: x } }` | a member of the JSON body has this value ([Operation](#operation)) | `operation_not_met`, `body_malformed`, `body_type_not_allowed`, `body_too_large`, `body_not_read` |
//! | `operation: { arguments: { /a: x } }` | an argument of the call of a tool of MCP has this value ([Operation](#operation)) | as `json`, and `mcp_header_mismatch` |
//! | `operation: { max: 64KiB }` | the body has at most so many bytes; at most 1MiB | `body_too_large` |
//! | `expression: 'claims.region == "eu"'` | a condition in CEL is true ([Expressions](#expressions)) | `expression_not_true` |
//! | `any_of: [..]` | everything in at least one of these alternatives, which hold any key but `chain` and `mode`, and no `expression` on `chain` | `any_of_not_met` |
//! | `chain: { max_depth: 2 }` | at most so many actors | `chain_too_deep` |
//! | `chain: { all_of }` | every actor is one of these | `chain_actor_not_allowed` |
//! | `chain: { any_of }` | at least one actor is one of these | `chain_actor_missing` |
//! | `chain: { none_of }` | no actor, nor the subject, is one of these | `chain_actor_not_allowed` |
//! | `chain: { kinds: agent }` | every actor is of this kind, or of one of a list | `chain_actor_kind_unknown`, `chain_actor_kind_not_allowed` |
//! | `chain: { issuers: same }` | every actor is of this issuer, or of one of a list; `same` is the token's | `actor_issuer_not_allowed` |
//! | `chain: { via: [a, b] }` | each of these is an actor, in any order | `chain_actor_missing` |
//! | `chain: { starts_with: [a, b] }` | the oldest actors are these, the oldest first | `chain_start_not_allowed` |
//! | `chain: { path: [a, b, c] }` | the actors are exactly these, the oldest first | `chain_path_not_allowed` |
//! | `chain: { called_by: [a] }` | the actor before the current one is one of these | `chain_caller_not_allowed` |
//! | `chain: { repeats: none }` | no actor is in the chain twice; `not_adjacent`: not twice in a row | `chain_actor_repeated` |
//! | `chain: { prior: { all_of, any_of, none_of } }` | the same about the actors before the current one, alone | `prior_actor_not_allowed`, `prior_actor_missing` |
//! | `chain: { prior: { kinds, issuers } }` | the same about them alone | `prior_actor_kind_unknown`, `prior_actor_kind_not_allowed`, `actor_issuer_not_allowed` |
//! | `chain: { prior: { first: [a] } }` | the oldest actor before the current one is one of these | `prior_actor_missing`, `prior_actor_not_allowed` |
//!
//! An `auth_time`, `acr` or `amr` of another type than OpenID Connect defines (`amr: "mfa"`, `acr: 2`, a date as text) is unknown:
//! it meets none of these rules, and routes without such a rule do not depend on it.
//!
//! # Routes
//!
//! `match` is `METHODS PATH`, or a list of these. The most specific path wins, then the most specific method.
//!
//! - METHODS is `*`, which is every registered method, or a list with commas and without spaces: methods of the HTTP Method
//!   Registry of IANA, such as `GET`, and any other upper-case token in double quotes: `"PURGE"`. `GET` includes `HEAD` unless
//!   `HEAD` is named.
//! - PATH is a `/` before each segment. It is written without escapes: `/café`, not `/caf%C3%A9`. A segment is one of:
//!   - a literal of letters, digits, `-`, `.`, `_`, `~`, `@`, `!`, `,`, `+` and `=`;
//!   - a literal with other characters, in double quotes: `/v1/"items:batch"`. `""` is a double quote inside;
//!   - `{name}`: any one segment. A name consists of ASCII letters, digits and `_`, and does not begin with a digit;
//!   - `{*name}`, at the end only: the rest of the path, which is not empty.
//!
//! `* /…` needs single quotes in YAML. `/{*rest}` does not match `/`: write `match: ['* /', '* /{*rest}']`.
//! There are no other wildcards, regular expressions, optional segments, or parameters beside other text in a segment. What
//! another product writes for them (`/admin/*`, `:id`, `<int:id>`, `[id]`, `{id:[0-9]+}`, `ANY`) is an error, and its help is the
//! route to write.
//!
//! # Defaults
//!
//! `defaults` is a requirement, with every key of one, that each route has which is not public, and each requirement that an
//! [`AuthorizeLayer`](crate::AuthorizeLayer::for_requirement) names. No route leaves it out:
//!
//! ```yaml
//! requirements:
//!   human-must-initiate: { initiator: { kind: human } }
//! defaults:
//!   require: [human-must-initiate]
//!   token: { max_lifetime: 1h }
//! routes:
//!   - match: POST /refunds
//!     token: { max_lifetime: 5m }               # both hold: a route can only narrow
//! ```
//!
//! Its rules come before those of the route, and are named `POST /refunds: defaults.token.max_lifetime`. A key of a route that the
//! defaults already require has no effect and is an error: a longer duration, a list that has all items of theirs, a requirement
//! that they require.
//!
//! # Rules that exclude each other
//!
//! Two rules of one route that no request meets together are an error, wherever they are written: in the route, in what it
//! requires, or in the defaults. Found are lists without a common item, a list whose items are all in a `none_of`, kinds, bounds and
//! hours that do not overlap, and numbers of actors. Three rules of which only each two can be met are NOT found.
//!
//! # Spelling
//!
//! Routes are compared exactly, and the API behind the gate may compare in another way:
//!
//! - Express and ASP.NET ignore the case of a path, many servers a last slash, servers on Windows blanks and dots at the end of a
//!   segment.
//! - Flask and Django serve `delete` as `DELETE`.
//! - Rails, Laravel and Symfony serve the method that a parameter `_method` names.
//!
//! Where a strict route is beside a weak catch-all, another spelling would match the catch-all and reach the strict handler. A
//! request is therefore denied with 400 if its method has a lower-case letter, if one of these spellings of its path leads to
//! another access, or if a parameter `_method` names a method with another access. The parameter is looked for in the query, and
//! in a form or JSON where a server checks the body ([`Policy::denied_methods`]): any text
//! with `_method` as a word and such a method as a later word counts. Two accesses are the same if their rules are equal.
//!
//! `spelling: exact` at the top of the policy states that the API ignores none of these differences and reads no `_method`. Then
//! only the escapes of a path and the case of the method are checked. Without it, [`Policy::covered_spellings`] and `actgate check`
//! list the routes that match other spellings of a stricter one.
//!
//! What a framework adds to a path is NOT checked: an extension that it removes (`/admin/users.json`), compatibility forms of
//! letters (NFKC), several names of one handler. Name these paths in the `match` of the strict route.
//! A method in a body that is compressed JSON, or neither a form nor JSON, is NOT found either.
//!
//! # Escaped slashes
//!
//! `%2F` in a path is 400. Some APIs carry it in a segment, such as the name of a project: `/projects/group%2Fname`. A route with
//! `escaped_slash: pass` beside its `match` states that the API reads it as a part of the segment. The request is matched so, and
//! forwarded byte for byte. It stays 400 if the path with decoded slashes leads to another access, in any spelling, or has an empty
//! or a dot segment.
//!
//! # Scopes
//!
//! A scope that includes others is written at the top of the policy, once for all rules:
//!
//! ```yaml
//! scopes:
//!   implies:
//!     orders:admin: [orders:read, orders:write]
//! ```
//!
//! A token with `orders:admin` then meets every rule that accepts `orders:read`, and `none_of: [orders:read]` denies it. A scope
//! also implies what its scopes imply. `insufficient_scope` names the scopes as the rules have them: all that the request
//! requires, in one challenge. The hierarchy changes no token: [`Identity::has_scope`](crate::Identity::has_scope) and what
//! a service behind the gate receives are the scopes of the token alone.
//!
//! # MCP
//!
//! From revision 2026-07-28 on, a request to an MCP server mirrors its message in `MCP-Protocol-Version`, `Mcp-Method` and
//! `Mcp-Name`, and the server has to reject a message that differs from them. Routes of one path can therefore be for some
//! messages each:
//!
//! ```yaml
//! mcp:
//!   origins: https://chat.example.com
//! routes:
//!   - { match: POST /mcp, mcp: [server/discover, tools/list], scopes: [orders:read] }
//!   - { match: POST /mcp, mcp: { method: tools/call, name: [get_*, list_orders] }, scopes: [orders:read] }
//!   - { match: POST /mcp, mcp: { method: resources/read, name: "file:///public/*" }, scopes: [orders:read] }
//!   - { match: POST /mcp, scopes: [orders:admin] }
//! ```
//!
//! - `method` is a method or a list of them, each in full. `name` is the name of a tool (`tools/call`) or of a prompt
//!   (`prompts/get`), or the URI of a resource (`resources/read`), or a list of them; a `*` at the end, and nowhere else, is
//!   any text. `{ literal: "a*" }` is exactly this text. Both are compared byte for byte, with case. A name in Base64
//!   (`=?base64?…?=`) is decoded.
//! - The most specific message wins: a name in full, then the longest beginning, then the method without `name`, then the route
//!   of the same path without `mcp`. Two routes for one message are an error. A message that no route matches is denied.
//! - A request without `MCP-Protocol-Version`, or of an earlier revision, proves nothing about its message. It is 400, unless the
//!   path has a route without `mcp` that requires everything that each of its other routes does: then that route applies.
//! - A header that is missing otherwise, doubled, malformed or too long is 400, as are a revision that is no date, a session
//!   (`Mcp-Session-Id`) beside revision 2026-07-28. Without any token, each of these is 401 first where no route of the path is
//!   public: the challenge names the authorization server.
//! - Where URIs are compared, a resource URI is 400 unless it is in its normal form: `scheme:path` or `scheme://host:port/path`,
//!   perhaps with a query. Scheme and host are in lower case; there is no user, no default port, no fragment, no empty query, and in
//!   the path no empty segment, no `;`, and no segment that ends in a dot or a blank. An escape is in upper case, and only of what
//!   cannot be written otherwise, never of `/`, `\`, `.`, `%` or a control character. `file` has no host and no query.
//! - `Origin` is compared with `origins` and with the origins of the audiences; any other one is denied, as is `null`. It is compared
//!   for every method of a path that has a route with `mcp`.
//!
//! The body is NOT read without a rule on it (`operation: { arguments }`): a server that does not implement revision 2026-07-28, or that serves earlier ones and chooses among them by
//! the body rather than by `MCP-Protocol-Version`, may run another tool than the one in the headers. What no header mirrors is NOT
//! compared: arguments of a tool without such a rule, and the URIs of `subscriptions/listen`.
//!
#![doc = include_str!("findings.md")]
#![doc = include_str!("limits.md")]
#![doc = include_str!("operation.md")]
#![doc = include_str!("shadow.md")]
//! # Parties
//!
//! The [`Profile`](crate::profile::Profile) of an issuer states which claims hold the subject, the current actor, the client, the
//! scopes and the kinds. A party is named by its identifier alone (`sub`), which means the token's own issuer, or by
//! `{ issuer: .., subject: .. }`. A subject that is its own actor is no delegation: a machine then meets no rule on `actor`, and a
//! human is denied (`self_actor`).
//! A chain that its issuer declares incomplete meets no rule on `chain` (`chain_incomplete`).
//!
//! A proven machine as the subject, with another party that is a proven human as its current actor, is an inverted chain: a
//! delegation goes from a person to a machine. It is denied (`chain_inverted`) where a requirement has a rule on a kind, any
//! word of `actor` or of `chain`, `may_act`, or an `expression` that reads `initiator.kind`, `actor` or `chain`, also by `require` and in
//! one alternative of `any_of`, whichever alternative the token meets, and everywhere in a policy with ceilings or `unregistered_agents`.
//! Requirements without such a rule do not depend on it.
//!
#![doc = include_str!("agents.md")]
//! # Values
//!
//! Parties, clients, scopes and all other values are compared byte for byte with those of the token. A text in a list is an error
//! if it looks like a pattern (`*`, `evil-*`, `evil?`, `(a|b)`, `re:evil`, `!bot`, `^bot`, `[0-9]`, `${NAME}`) or like several names
//! (`a, b`), or has a blank at an end: it would be compared as it is, so that `none_of` would deny no token. `auth0|64f` and
//! `CN=a, O=b` are names. Where a token has exactly this text, write `{ subject: "a*b" }` for a party and
//! `{ literal: "orders:*" }` for any other value.
//!
//! # Details
//!
//! ```yaml
//! authorization_details:
//!   type: payment
//!   actions: [initiate]                       # each of these is in `actions`
//!   locations: https://bank.example           # each of these is in `locations`
//!   members:
//!     currency: EUR                           # as in `claims`: a value, `one_of`, `contains`
//!     /instructedAmount/amount: { max: 500 }  # `min` and `max`, both inclusive
//! ```
//!
//! One detail has all of it: two details do not meet a rule together. A detail of a type that is in no rule grants nothing: a token
//! with such details alone is denied. Beside a detail that meets the rule it does not deny, as each detail adds a grant and none
//! restricts another, and RFC 9396 section 2 has tokens with details of several types for several APIs. A token without the
//! claim, with one that is no list of objects with a `type` each, a member that is missing, and one of another type are denied.
//! Numbers are compared exactly, never rounded: 500.000000000000001 is above 500. A text such as `"123.50"` is a number for `min`
//! and `max`, but not with an exponent. Whether the request keeps within the details is the API's to check.
//!
//! # Time
//!
//! `zone` is a name of the IANA time zone database, which is a part of the program, or `UTC`. `days` is a day (`sat`), a range
//! (`mon-fri`) or a list of these, `hours` a range or a list of them. A range includes its first minute and not its last:
//! `08:00-18:00` ends after 17:59:59, and `18:00-24:00` at midnight. A range over midnight (`22:00-06:00`) belongs to the day on
//! which it begins: with `days: fri` it ends on Saturday at 06:00. Without `hours` the whole day is accepted, without `days` each day.
//!
//! The clock is that of the zone, with its daylight saving. An hour that the clock leaves out is accepted on no such day; one that it
//! repeats is accepted both times. A request is decided when it arrives, and a long response is not ended by these hours.
//!
#![doc = include_str!("expressions.md")]
//! # Two tiers
//!
//! **Core** rules (`scopes`, `initiator`, `actor`, `client`, `claims`, `token`, `may_act`, `time`, `authorization_details`, `operation`, `expression`, `any_of`) read the token's top-level claims, the request and the
//! current actor, as RFC 8693 section 4.1 asks. **History** rules (`chain`, and an `expression` on it) read prior actors: they are local policy, only
//! deny further, and rely on the issuer's record of earlier hops. They need `prior_actors: enforce` of every trusted
//! issuer.
//!
//! An issuer may drop prior actors from a chain. Then a rule can pass that the whole chain would not: the actor that is dropped
//! is not counted (`max_depth`), not compared (`all_of`, `none_of`, `kinds`, `issuers`, `repeats`), or another actor takes its
//! place (`starts_with`, `path`, `called_by`, `first`). These rules need a chain that is `complete`, unless `accept_truncation: true` is
//! beside them. `any_of` and `via` need neither: an actor that they find is in the whole chain as well, and one that was dropped
//! is missing. A rule on each actor is met by a token without any: `actor: { required: true }` requires one.

mod across;
mod agents;
mod also_changed;
mod alternatives;
mod branches;
mod change;
mod changed;
mod check;
mod claim_sources;
mod claim_uses;
mod common_paths;
mod compile;
mod conjunction;
mod coverage;
mod decoded_slashes;
mod defaults;
mod document;
mod error;
mod escaped_slash;
mod evaluate;
mod evaluation_time;
mod exact;
mod foreign;
mod group_members;
mod hash;
mod key;
mod limit;
mod lookalikes;
mod mcp;
mod methods;
mod mode;
mod near_miss;
mod origins;
mod other_access;
mod other_keys;
mod parties;
mod path_choice;
#[allow(
    clippy::module_inception,
    reason = "the type of the module's name has a file of its own"
)]
pub(crate) mod policy;
mod presenters;
mod provable;
mod read;
mod refinements;
mod registry;
mod relation;
mod require;
mod requirement;
mod resolved;
mod route_pattern;
mod route_table;
mod routers;
mod rules;
mod samples;
#[cfg(feature = "schema")]
mod schema;
mod scope_hierarchy;
mod scope_rules;
mod segment;
mod shadow;
mod spelling;
mod syntax;
pub(crate) mod tree;
mod unused_ceilings;
mod weaker;

pub use agents::Agent;
pub use check::{Check, Outcome, Tier};
pub use claim_uses::{ClaimUse, RequestUse};
pub use error::{PolicyDiagnostic, PolicyError, PolicyWarnings};
pub use hash::PolicyHash;
pub use mode::Mode;
#[cfg(feature = "schema")]
pub use schema::json_schema;

pub(crate) use branches::RuleBranch;
pub(crate) use change::{Change, Changes, Fact, Login, OTHER_ACTOR, OTHER_CLIENT, Remedies, Times, Value, is_other};
pub(crate) use changed::{Changed, Evaluated};
pub(crate) use check::{Collect, Recorder, Skipping, StopAtFirst};
pub(crate) use evaluate::{ByBody, MetByToken, Unmet, evaluate, evaluate_after};
pub(crate) use evaluation_time::EvaluationTime;
pub use limit::PolicyLimit;
pub(crate) use limit::{Limit, OF_POLICY};
pub(crate) use policy::{Deciding, Policy};
pub(crate) use provable::Provable;
pub(crate) use read::{Need, Place, Reads};
pub(crate) use requirement::{HistoryNeed, Requirement};
pub(crate) use route_table::{Access, Route};
pub(crate) use rules::{MESSAGE, RequestFacts, Truncation, agreeing};
pub(crate) use spelling::Ambiguity;

#[cfg(test)]
mod testing;
