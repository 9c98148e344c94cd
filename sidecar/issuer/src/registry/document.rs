//! Reading a registry file, and the checks of its entries.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actgate_yaml::{Diagnostics, Omissions, Span, Spanned, nearest, parse_duration, read};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use url::Url;

use super::entries::{Client, Credential, Exchange, Grant, Registry, Resource, User, is_redirect_uri};
use super::form::{
    ClientDocument, Document, ExchangeDocument, KeySetDocument, ResourceDocument, UserDocument, items, values,
};
use crate::scope::{PROTOCOL_SCOPES, is_scope};
use crate::{PublicKey, Secret, Totp};

/// The message about a redirect URI, which has an error code of its own in RFC 7591.
pub(crate) const NOT_A_REDIRECT_URI: &str = "this is not a redirect URI";

impl Registry {
    /// A commented file with resources, users and clients: the registry of the demo.
    pub const SAMPLE: &str = include_str!("sample.yaml");

    /// The file format: a small registry with every key and its meaning.
    pub const REFERENCE: &str = include_str!("reference.yaml");

    /// Reads a registry. The error has every mistake of the file, and none of its secrets.
    pub fn from_yaml(text: &str) -> Result<Registry, Diagnostics> {
        read::<Spanned<Document>>(text).check(|document, omissions, diagnostics| {
            let (document, span) = (&document.value, document.span());
            let mut check = Check::new(document, omissions, diagnostics);
            check.required("resources", &document.resources, span);
            check.required("clients", &document.clients, span);
            let mut registry = Registry::default();
            for (identifier, entry) in document.resources.iter().flat_map(|resources| &resources.value) {
                let resource = check.resource(identifier, entry);
                registry.resources.insert(identifier.clone(), Arc::new(resource));
            }
            for (scope, entry) in &document.scopes {
                check.reference("scope", scope, entry.span(), |names| &names.scopes);
                let description = entry.value.description.clone();
                registry.scope_descriptions.insert(scope.clone(), description);
            }
            for (name, entry) in document.users.iter().flatten() {
                let user = check.user(name, entry);
                registry.users.extend(user.map(|user| (name.clone(), user)));
            }
            for (id, entry) in document.clients.iter().flatten() {
                let client = check.client(id, entry).map(Arc::new);
                registry.clients.extend(client.map(|client| (id.clone(), client)));
            }
            Some(registry)
        })
    }

    /// The built-in registry: [`Registry::SAMPLE`]. The sign-in page shows its users with passwords and one-time codes.
    pub fn demo() -> Result<Registry, Diagnostics> {
        let sample_users = &[("alice", "wonderland"), ("bob", "builder")];
        let registry = Registry::from_yaml(Registry::SAMPLE)?;
        Ok(Registry {
            sample_users,
            ..registry
        })
    }
}

/// The names that an entry can refer to.
pub(crate) struct Names<'a> {
    pub(crate) resources: Option<Vec<&'a str>>,
    pub(crate) scopes: Option<Vec<&'a str>>,
    pub(crate) users: Option<Vec<&'a str>>,
    pub(crate) users_and_clients: Option<Vec<&'a str>>,
}

/// The names that a reference is one of.
type NamesOf<'a> = for<'n> fn(&'n Names<'a>) -> &'n Option<Vec<&'a str>>;

impl Names<'_> {
    /// Reads an entry of `clients` that is not in the file: JSON, without a secret.
    pub(crate) fn client(
        self,
        id: &str,
        entry: &Map<String, Value>,
        credentials: Option<Vec<Credential>>,
    ) -> Result<Client, Diagnostics> {
        self.check(entry, |check, entry| {
            check.has_credentials = credentials.is_some();
            if check.names.users.iter().flatten().any(|user| *user == id) {
                check.both(id, entry.span());
            }
            let client = check.client(id, entry)?;
            Some(Client { credentials, ..client })
        })
    }

    /// Reads an entry of `resources` that is not in the file.
    pub(crate) fn resource(self, identifier: &str, entry: &Map<String, Value>) -> Result<Resource, Diagnostics> {
        self.check(entry, |check, entry| Some(check.resource(identifier, entry)))
    }

    fn check<D: DeserializeOwned, E>(
        self,
        entry: &Map<String, Value>,
        check: impl FnOnce(&mut Check<'_>, &Spanned<D>) -> Option<E>,
    ) -> Result<E, Diagnostics> {
        // JSON is YAML, so an entry has one form and one check.
        let text = Value::from(entry.clone()).to_string();
        read::<Spanned<D>>(&text).check(|document, omissions, diagnostics| {
            let mut checks = Check {
                names: self,
                has_credentials: false,
                omissions,
                diagnostics,
            };
            check(&mut checks, &document)
        })
    }
}

/// Checks the meaning of the entries, and reports every mistake but those that only follow from another.
struct Check<'a> {
    names: Names<'a>,
    has_credentials: bool,
    omissions: &'a Omissions,
    diagnostics: &'a mut Diagnostics,
}

impl<'a> Check<'a> {
    fn new(document: &'a Document, omissions: &'a Omissions, diagnostics: &'a mut Diagnostics) -> Check<'a> {
        let resources = document.resources.as_ref();
        let entries = resources.iter().flat_map(|resources| resources.value.values());
        let scopes = entries.clone().flat_map(|entry| items(&entry.value.scopes));
        // An omission that is not inside an entry is an entry.
        let lost_entry = |map: &Spanned<_>| {
            omissions.within(map.span()) && !entries.clone().any(|entry| omissions.within(entry.span()))
        };
        let lost_scope = |entry: &Spanned<ResourceDocument>| match &entry.value.scopes {
            Some(scopes) => omissions.within(scopes.span()),
            None => true,
        };
        let has_scopes = !resources.is_none_or(lost_entry) && !entries.clone().any(lost_scope);
        let users = document.users.iter().flat_map(BTreeMap::keys);
        let clients = document.clients.iter().flat_map(BTreeMap::keys);
        let has_parties = document.clients.is_some() && (document.users.is_some() || !omissions.has_key("users"));
        let names = Names {
            resources: resources.map(|resources| resources.value.keys().map(String::as_str).collect()),
            scopes: has_scopes.then(|| scopes.map(|scope| scope.value.as_str()).collect()),
            users: has_parties.then(|| users.clone().map(String::as_str).collect()),
            users_and_clients: has_parties.then(|| users.chain(clients).map(String::as_str).collect()),
        };
        Check {
            names,
            has_credentials: false,
            omissions,
            diagnostics,
        }
    }

    fn resource(&mut self, identifier: &str, entry: &Spanned<ResourceDocument>) -> Resource {
        if Url::parse(identifier).is_err() || identifier.contains('#') {
            let message = format!("`{identifier}` is not a resource identifier");
            let help = "write an absolute URI without fragment, such as https://orders.example";
            self.diagnostics.push(entry.span(), message, help);
        }
        self.required("scopes", &entry.value.scopes, entry.span());
        for scope in items(&entry.value.scopes) {
            if !is_scope(&scope.value) || PROTOCOL_SCOPES.contains(&&*scope.value) {
                let message = format!("`{}` cannot be a scope of a resource", scope.value);
                let help = "write printable ASCII characters without space, quote and backslash, other than openid and offline_access";
                self.diagnostics.push(scope.span(), message, help);
            }
        }
        Resource {
            identifier: identifier.to_owned(),
            scopes: values(items(&entry.value.scopes)),
            open_to_registration: entry.value.open_to_registration,
        }
    }

    fn user(&mut self, name: &str, entry: &Spanned<UserDocument>) -> Option<User> {
        self.name(name, entry.span());
        // RFC 9068 section 5: a subject must not identify two parties.
        let parties = self.names.users_and_clients.iter().flatten();
        if parties.filter(|other| **other == name).count() > 1 {
            self.both(name, entry.span());
        }
        let user = &entry.value;
        self.required("password", &user.password, entry.span());
        self.required("scopes", &user.scopes, entry.span());
        self.references("scope", items(&user.scopes), |names| &names.scopes);
        Some(User {
            subject: name.to_owned(),
            second_factor: user.second_factor.as_ref().and_then(|secret| self.totp(secret)),
            password: user.password.as_ref().map(|secret| self.secret(secret))?,
            scopes: values(items(&user.scopes)),
        })
    }

    fn client(&mut self, id: &str, entry: &Spanned<ClientDocument>) -> Option<Client> {
        self.name(id, entry.span());
        let client = &entry.value;
        self.required("profile", &client.profile, entry.span());
        self.required("grants", &client.grants, entry.span());
        self.required("scopes", &client.scopes, entry.span());
        self.required("resources", &client.resources, entry.span());
        self.grants(client, entry.span());
        let scopes = items(&client.scopes);
        let of_resources = scopes.iter().filter(|scope| !PROTOCOL_SCOPES.contains(&&*scope.value));
        self.references("scope", of_resources, |names| &names.scopes);
        let resources = items(&client.resources);
        self.references("resource", resources, |names| &names.resources);
        self.references("resource", items(&client.introspects), |names| &names.resources);
        self.references("user", client.owner.as_slice(), |names| &names.users);
        let after_logout = items(&client.post_logout_redirect_uris);
        for uri in items(&client.redirect_uris).iter().chain(after_logout) {
            if !is_redirect_uri(&uri.value) {
                let help = "write an https URI, or http on loopback, without user and fragment";
                self.diagnostics.push(uri.span(), NOT_A_REDIRECT_URI, help);
            }
        }
        let secret = client.secret.as_ref().map(|secret| self.secret(secret));
        let lifetime = client.token_lifetime.as_ref();
        Some(Client {
            id: id.to_owned(),
            name: client.name.clone().unwrap_or_else(|| id.to_owned()),
            credentials: secret.map(|secret| vec![Credential::new("registry".to_owned(), secret, 0)]),
            revocations: 0,
            token_lifetime: lifetime.and_then(|written| self.lifetime(written)),
            keys: client.jwks.as_ref().map_or_else(Vec::new, |keys| self.keys(keys)),
            exchange: client.exchange.as_ref().map(|exchange| self.exchange(exchange)),
            profile: client.profile?,
            owner: client.owner.as_ref().map(|owner| owner.value.clone()),
            grants: client.grants.as_ref()?.value.clone(),
            redirect_uris: values(items(&client.redirect_uris)),
            post_logout_redirect_uris: values(after_logout),
            has_rs256_id_tokens: client.id_token_signed_response_alg.is_some(),
            scopes: values(scopes),
            resources: values(resources),
            introspects: values(items(&client.introspects)),
            is_self_registered: false,
            must_push: client.require_pushed_authorization_requests,
        })
    }

    /// Checks that a client has what its grants need, and nothing that they do not use.
    fn grants(&mut self, client: &ClientDocument, span: Span) {
        let grants = match &client.grants {
            Some(grants) if !self.omissions.within(grants.span()) => &grants.value,
            _ => return,
        };
        let uris = client.redirect_uris.as_ref();
        let uris = uris.is_some_and(|uris| !uris.value.is_empty() || self.omissions.within(uris.span()));
        let exchange = client.exchange.is_some();
        for (grant, name, key, is_written) in [
            (Grant::AuthorizationCode, "authorization_code", "redirect_uris", uris),
            (Grant::TokenExchange, "token_exchange", "exchange", exchange),
        ] {
            if grants.contains(&grant) != is_written && !self.lost(key, span) {
                let message = format!("the grant `{name}` and the key `{key}` require each other");
                let help = "add the missing one, or remove the other";
                self.diagnostics.push(span, message, help);
            }
        }
        let resources = client.resources.as_ref();
        let has_none = resources.is_some_and(|list| list.value.is_empty() && !self.omissions.within(list.span()));
        if has_none && !grants.is_empty() {
            let message = "a client with a grant needs a resource";
            self.diagnostics.push(span, message, "name an API under `resources`");
        }
        let has_secret = client.secret.is_some() || self.has_credentials;
        if let (true, Some(keys)) = (has_secret, &client.jwks) {
            let message = "a client has a `secret` or `jwks`, not both";
            self.diagnostics.push(keys.span(), message, "remove one of them");
        }
        let is_public = !has_secret && client.jwks.is_none();
        let is_public = is_public && !self.lost("secret", span) && !self.lost("jwks", span);
        if is_public && grants.iter().any(|grant| !Grant::OF_PUBLIC_CLIENTS.contains(grant)) {
            let message =
                "a client without a credential can use the grants `authorization_code` and `device_code` only";
            let help = "add a `secret` or `jwks`, or remove the other grants";
            self.diagnostics.push(span, message, help);
        }
    }

    fn keys(&mut self, written: &Spanned<KeySetDocument>) -> Vec<PublicKey> {
        let mut keys = Vec::new();
        for jwk in &written.value.keys {
            match PublicKey::read(&jwk.value) {
                Some(key) => keys.push(key),
                None => {
                    let help = match jwk.value.get("d") {
                        Some(_) => "it is private: keep it at the client, and write it without its private members",
                        None => "write a public JWK: EC with P-256, OKP with Ed25519, or RSA with 2048 bits or more",
                    };
                    let message = "this is not a public key for client assertions";
                    self.diagnostics.push(jwk.span(), message, help);
                }
            }
        }
        if !(1..=8).contains(&written.value.keys.len()) {
            let message = "a client has at least one key, and at most 8";
            self.diagnostics
                .push(written.span(), message, "write one key, and more while you rotate");
        }
        keys
    }

    fn exchange(&mut self, entry: &Spanned<ExchangeDocument>) -> Exchange {
        let exchange = &entry.value;
        self.required("serves", &exchange.serves, entry.span());
        let audiences = [exchange.serves.as_slice(), items(&exchange.from)].concat();
        self.references("resource", &audiences, |names| &names.resources);
        let parties = items(&exchange.may_act_for);
        self.references("user or client", parties, |names| &names.users_and_clients);
        Exchange {
            audiences: values(&audiences),
            may_act_for: values(parties),
            actor_token: exchange.actor_token,
            own_token: exchange.own_token,
        }
    }

    /// Reports names that refer to nothing, unless their entry was left out with a mistake.
    fn references<'s>(
        &mut self,
        kind: &str,
        written: impl IntoIterator<Item = &'s Spanned<String>>,
        known: NamesOf<'a>,
    ) {
        for name in written {
            self.reference(kind, &name.value, name.span(), known);
        }
    }

    fn reference(&mut self, kind: &str, name: &str, span: Span, known: NamesOf<'a>) {
        let Some(known) = known(&self.names) else { return };
        if !known.contains(&name) && !self.omissions.has_key(name) {
            let help = nearest(name, known);
            self.diagnostics.push(span, format!("unknown {kind} `{name}`"), help);
        }
    }

    fn required<T>(&mut self, key: &str, value: &Option<T>, entry: Span) {
        if value.is_none() && !self.lost(key, entry) {
            let message = format!("the key `{key}` is missing");
            self.diagnostics.push(entry, message, format!("add `{key}: …`"));
        }
    }

    /// Whether the key may have been left out of an entry with a mistake.
    fn lost(&self, key: &str, entry: Span) -> bool {
        self.omissions.within(entry) && self.omissions.has_key(key)
    }

    /// Names become claims, form values and headers, so they have characters that are the same in each.
    fn name(&mut self, name: &str, span: Span) {
        if !(1..=128).contains(&name.len()) || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            let message = format!("`{}` cannot be a name", name.escape_debug());
            let help = "write 1 to 128 printable ASCII characters without spaces";
            self.diagnostics.push(span, message, help);
        }
    }

    fn both(&mut self, name: &str, span: Span) {
        let message = format!("`{name}` is both a user and a client");
        self.diagnostics.push(span, message, "rename one of them");
    }

    fn lifetime(&mut self, written: &Spanned<String>) -> Option<Duration> {
        let lifetime = parse_duration(&written.value).ok();
        let lifetime = lifetime.filter(|lifetime| (1..=86_400).contains(&lifetime.as_secs()));
        if lifetime.is_none() {
            let (message, help) = ("this is not a token lifetime", "write 1s to 1d, such as 10m");
            self.diagnostics.push(written.span(), message, help);
        }
        lifetime
    }

    fn totp(&mut self, written: &Spanned<String>) -> Option<Totp> {
        Totp::read(&written.value).or_else(|| {
            let help = "write 26 or more letters A to Z and digits 2 to 7 (base32)";
            let message = "this is not the secret of one-time passwords";
            self.diagnostics.push(written.span(), message, help);
            None
        })
    }

    fn secret(&mut self, written: &Spanned<String>) -> Secret {
        if written.value.is_empty() {
            let (message, help) = ("a secret must not be empty", "write at least one character");
            self.diagnostics.push(written.span(), message, help);
        }
        Secret::new(&written.value)
    }
}

#[cfg(test)]
mod tests {
    use super::super::entries::{ActorToken, OwnToken, Registry};
    use crate::claims::EntityProfile;

    /// The mistakes of the sample with one text replaced by another, each on one line.
    fn mistakes(from: &str, to: &str) -> Vec<String> {
        assert!(Registry::SAMPLE.contains(from), "{from}");
        let Err(mistakes) = Registry::from_yaml(&Registry::SAMPLE.replacen(from, to, 1)) else {
            return Vec::new();
        };
        mistakes
            .iter()
            .map(|mistake| mistake.to_string().replace("\n  help: ", "; "))
            .collect()
    }

    #[test]
    fn the_sample_is_a_registry() {
        let registry = Registry::demo().unwrap();
        let refund_agent = registry.clients.get("refund-agent").unwrap();
        assert_eq!(refund_agent.profile, EntityProfile::AiAgent);
        assert_eq!(
            refund_agent.exchange.as_ref().unwrap().actor_token,
            ActorToken::Required
        );
        let ledger_bot = registry.clients.get("ledger-bot").unwrap();
        assert_eq!(ledger_bot.exchange.as_ref().unwrap().own_token, OwnToken::SelfActor);
        assert!(registry.clients.get("terminal").unwrap().is_public());
        assert!(registry.users.get("alice").unwrap().second_factor.is_some());
        let shown = registry.sample_users.iter();
        for (name, password) in shown.clone() {
            assert!(registry.users.get(*name).unwrap().password.matches(password), "{name}");
        }
        assert_eq!(shown.len(), registry.users.len());
        let of_a_file = Registry::from_yaml(Registry::SAMPLE).unwrap();
        assert!(of_a_file.sample_users.is_empty());
    }

    #[test]
    fn the_reference_has_every_key() {
        Registry::from_yaml(Registry::REFERENCE).unwrap();
        let unknown = "resources: { r: { k: } }\nusers: { u: { k: } }\nclients: { c: { k: , exchange: { k: } } }";
        let text = Registry::from_yaml(unknown).unwrap_err().to_string();
        let keys: Vec<&str> = text
            .lines()
            .filter_map(|line| line.split_once("expected "))
            .flat_map(|(_, keys)| keys.split('`').skip(1).step_by(2))
            .collect();
        assert!(keys.len() > 15, "{text}");
        for key in keys {
            assert!(Registry::REFERENCE.contains(&format!(" {key}:")), "{key}");
        }
    }

    #[test]
    fn a_mistake_has_its_place_and_help() {
        for (from, to, expected) in [
            (
                "grants: [authorization_code]",
                "grants: [authorisation_code]",
                "unknown word `authorisation_code`; did you mean `authorization_code`?",
            ),
            (
                "password: wonderland",
                "pasword: wonderland",
                "unknown key `pasword`; did you mean `password`?",
            ),
            (
                "second_factor: GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
                "second_factor: 246810",
                "expected a text, not a number; put a text in quotes",
            ),
            (
                "scopes: [openid, offline_access, orders:read, orders:write]",
                "scopes: [openid, orders:raed]",
                "unknown scope `orders:raed`; did you mean `orders:read`?",
            ),
            (
                "scopes: [orders:read, orders:write]",
                "scopes: [openid]",
                "`openid` cannot be a scope of a resource; write printable",
            ),
            (
                "serves: https://shopper.example",
                "serves: https://shoper.example",
                "unknown resource `https://shoper.example`; did you mean `https://shopper.example`?",
            ),
            (
                "may_act_for: [alice, assistant]",
                "may_act_for: [alic, assistant]",
                "unknown user or client `alic`; did you mean `alice`?",
            ),
            (
                "clients:",
                "  warehouse: { password: x, scopes: [] }\nclients:",
                "`warehouse` is both a user and a client; rename one of them",
            ),
            (
                "clients:",
                "clientes:",
                "unknown key `clientes`; did you mean `clients`?",
            ),
            (
                "clients:",
                "  carol: { password: x }\nclients:",
                "the key `scopes` is missing; add `scopes: …`",
            ),
            (
                "redirect_uris: [\"http",
                "redirect_uri: [\"http",
                "unknown key `redirect_uri`",
            ),
            (
                "  warehouse:",
                "  ware house:",
                "`ware house` cannot be a name; write 1 to 128",
            ),
            (
                "http://127.0.0.1:8400/callback",
                "http://shop.example/",
                "this is not a redirect URI; write an https URI",
            ),
            ("secret: shopper-secret", "secret: ''", "a secret must not be empty"),
            (
                "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
                "'246810'",
                "this is not the secret of one-time passwords; write 26",
            ),
            (
                "    secret: shopper-secret\n",
                "",
                "a client without a credential can use the grants `authorization_code` and `device_code` only; add a `secret` or `jwks`",
            ),
            (
                "secret: shopper-secret",
                "jwks: { keys: [{ kty: EC, crv: P-384 }] }",
                "this is not a public key for client assertions; write a public JWK: EC with P-256",
            ),
            (
                "secret: shopper-secret",
                "jwks: { keys: [{ kty: EC, crv: P-256, d: x }] }",
                "this is not a public key for client assertions; it is private: keep it at the client",
            ),
            (
                "    resources: [https://orders.example]\n",
                "    resources: []\n",
                "a client with a grant needs a resource; name an API under `resources`",
            ),
            (
                "secret: shopper-secret",
                "jwks: { keys: [] }",
                "a client has at least one key",
            ),
            (
                "secret: shopper-secret",
                "secret: x\n    jwks: { keys: [{ kty: OKP, crv: Ed25519, x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo }] }",
                "a client has a `secret` or `jwks`, not both",
            ),
            (
                "grants: [client_credentials]",
                "grants: [client_credentials, token_exchange]",
                "the grant `token_exchange` and the key `exchange` require each other; add",
            ),
            (
                "grants: [client_credentials]",
                "grants: [client_credentials, authorization_code]",
                "the grant `authorization_code` and the key `redirect_uris` require each other; add",
            ),
            (
                "  terminal:",
                "  storefront:",
                "the key `storefront` occurs twice; keep one of them",
            ),
        ] {
            let found = mistakes(from, to);
            let [mistake] = &found[..] else {
                panic!("{to}: {found:#?}");
            };
            let (place, text) = mistake.split_once(": ").unwrap();
            assert!(text.contains(expected), "{mistake} should say {expected}");
            let (line, column) = place.split_once(':').unwrap();
            assert!(
                line.parse::<u64>().unwrap() > 1 && column.parse::<u64>().unwrap() > 0,
                "{mistake}"
            );
        }
    }

    #[test]
    fn every_mistake_is_reported_in_one_run_and_no_consequence_of_one() {
        let text = "\
resources:
  https://orders.example: { scopes: [orders:read], colour: red }
  orders: { scopes: [orders:write] }
users:
  alice: { pasword: wonderland, scopes: [orders:read] }
  bob: { password: [builder], scopes: [orders:raed] }
clients:
  agent:
    profile: agent
    secret: x
    grants: [client_credentials]
    scopes: [orders:read]
    resources: [https://orders.example]
  bot:
    profile: ai_agent
    secret: x
    grants: [client_credentials, exchange_token]
    scopes: [orders:read, orders:write]
    resources: [https://order.example, orders]
    exchange: { serves: https://orders.example, may_act_for: [alice, bob, agent, carol] }
";
        let mistakes = Registry::from_yaml(text).unwrap_err();
        let starts: Vec<String> = mistakes
            .iter()
            .map(|mistake| format!("{}:{}: {}", mistake.line, mistake.column, mistake.message))
            .collect();
        assert_eq!(
            starts,
            [
                "2:52: unknown key `colour`",
                "3:11: `orders` is not a resource identifier",
                "5:12: unknown key `pasword`",
                "6:20: expected a text, not a list",
                "6:40: unknown scope `orders:raed`",
                "9:14: unknown word `agent`",
                "17:34: unknown word `exchange_token`",
                "19:17: unknown resource `https://order.example`",
                "20:82: unknown user or client `carol`",
            ]
        );
        assert!(
            mistakes
                .iter()
                .all(|mistake| mistake.help.is_some() || mistake.line == 6)
        );
    }

    #[test]
    fn a_reference_to_an_entry_with_a_mistake_is_not_another_mistake() {
        let of_scopes = mistakes(
            "scopes: [orders:read, shipping:write]",
            "scope: [orders:read, shipping:write]",
        );
        assert_eq!(of_scopes, ["9:5: unknown key `scope`; did you mean `scopes`?"]);
        let of_a_scope = mistakes("[orders:read, shipping:write]", "[orders:read, [shipping:write]]");
        assert_eq!(of_a_scope, ["9:27: expected a text, not a list; write a single value"]);
        let of_every_resource = mistakes("resources:", "resource:");
        assert_eq!(of_every_resource.len(), 1, "{of_every_resource:?}");
        let of_every_user = mistakes("\nusers:", "\nuser:");
        assert_eq!(of_every_user.len(), 1, "{of_every_user:?}");
        let of_a_user = mistakes("password: builder", "password: 1");
        assert_eq!(of_a_user.len(), 1, "{of_a_user:?}");
    }

    #[test]
    fn an_empty_file_lacks_its_required_keys() {
        let text = Registry::from_yaml("").unwrap_err().to_string();
        assert!(
            text.contains("`resources` is missing") && text.contains("`clients` is missing"),
            "{text}"
        );
    }

    #[test]
    fn a_mistake_does_not_show_a_secret() {
        for secret in ["[hunter2]", "{ hunter2: x }", "'hunter2"] {
            let found = mistakes("password: wonderland", &format!("password: {secret}"));
            assert!(
                !found.is_empty() && found.iter().all(|mistake| !mistake.contains("hunter2")),
                "{found:?}"
            );
        }
    }
}
