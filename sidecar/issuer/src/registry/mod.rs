//! Who and what the issuer knows: resources, users and clients.
//!
//! # The file
//!
//! Three maps, all keys strict. [`Registry::SAMPLE`] is a whole file with comments; this is the shortest useful one:
//!
//! ```yaml
//! resources:
//!   https://orders.example: { scopes: [orders:read, orders:write] }
//!   https://assistant.example: { scopes: [orders:read] }
//! users:
//!   alice: { password: wonderland, scopes: [orders:read] }
//! clients:
//!   assistant:
//!     profile: ai_agent
//!     secret: assistant-secret
//!     grants: [client_credentials, token_exchange]
//!     scopes: [orders:read]
//!     resources: [https://orders.example]
//!     exchange:
//!       serves: https://assistant.example
//!       may_act_for: [alice]
//! ```
//!
//! **`resources`**: resource identifier (RFC 8707: an absolute URI without fragment) to `scopes`, what can be
//! asked for there.
//!
//! **`users`**: login name (also the `sub` of the tokens) to
//! `password`; `second_factor` (optional: a fixed code that stands in for a one-time password; giving it at login
//! makes `amr` `["pwd","otp","mfa"]`); `scopes`, all that the user may grant.
//!
//! **`clients`**: client identifier to
//!
//! | Key | Meaning |
//! |---|---|
//! | `name` | what the consent page shows; the identifier if left out |
//! | `profile` | `ai_agent`, `service`, `web_app`, `native_app` or `browser_app` |
//! | `secret` | left out: a public client, good for `authorization_code` only |
//! | `grants` | of `client_credentials`, `authorization_code`, `token_exchange` |
//! | `redirect_uris` | with `authorization_code` only: `https`, or `http` on loopback; compared as written |
//! | `scopes` | all the client may ask for; `openid` is for ID tokens and belongs to no resource |
//! | `resources` | the audiences the client may ask for; a single one is the default |
//! | `exchange` | with `token_exchange` only, see below |
//!
//! **`exchange`** says whose tokens the client may exchange:
//!
//! | Key | Meaning |
//! |---|---|
//! | `serves` | the client's own resource: a token must have this audience to be exchanged |
//! | `from` | further audiences whose tokens it may exchange |
//! | `may_act_for` | users and clients whose tokens it may exchange; its own need no mention |
//! | `actor_token` | `required` (default), or `optional`: the client's authentication may name the actor |
//! | `own_token` | `plain` (default), or `self_act`: exchanging its own token yields `act.sub` equal to `sub` |

mod document;
mod entries;
mod error;
mod redirect_uri;

pub use self::entries::Registry;
pub(crate) use self::entries::{ActorToken, Client, Exchange, OwnToken, Resource, User};
pub use self::error::RegistryError;
