//! The written form of a registry, and its checks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use serde_saphyr::{Location, Spanned};
use url::Url;

use super::entries::{ActorToken, Client, Exchange, OwnToken, Registry, Resource, User};
use super::error::RegistryError;
use super::redirect_uri::is_redirect_uri;
use crate::claims::EntityProfile;
use crate::scope::{ScopeSet, is_scope};
use crate::secret::Secret;

/// The scope that asks for an ID token; it belongs to no resource.
const OPENID: &str = "openid";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    resources: BTreeMap<String, Spanned<ResourceEntry>>,
    #[serde(default)]
    users: BTreeMap<String, Spanned<UserEntry>>,
    clients: BTreeMap<String, Spanned<ClientEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourceEntry {
    scopes: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserEntry {
    password: Spanned<String>,
    #[serde(default, deserialize_with = "present")]
    second_factor: Option<Spanned<String>>,
    scopes: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientEntry {
    #[serde(default, deserialize_with = "present")]
    name: Option<String>,
    profile: EntityProfile,
    #[serde(default, deserialize_with = "present")]
    secret: Option<Spanned<String>>,
    grants: Vec<Spanned<Grant>>,
    #[serde(default)]
    redirect_uris: Vec<Spanned<String>>,
    scopes: Vec<Spanned<String>>,
    resources: Vec<Spanned<String>>,
    #[serde(default, deserialize_with = "present")]
    exchange: Option<Spanned<ExchangeEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExchangeEntry {
    serves: Spanned<String>,
    #[serde(default)]
    from: Vec<Spanned<String>>,
    #[serde(default)]
    may_act_for: Vec<Spanned<String>>,
    #[serde(default)]
    actor_token: ActorToken,
    #[serde(default)]
    own_token: OwnToken,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Grant {
    ClientCredentials,
    AuthorizationCode,
    TokenExchange,
}

/// A key without a value is a mistake: a client whose `secret` was left empty must not become a public one.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl Registry {
    /// A commented file with everything in it. It is also the built-in set of the demo.
    pub const SAMPLE: &str = include_str!("sample.yaml");

    /// Reads a registry. Unknown keys, duplicate names and references to nothing are errors.
    pub fn from_yaml(text: &str) -> Result<Registry, RegistryError> {
        read(text)
    }

    /// The built-in set: [`Registry::SAMPLE`].
    pub fn demo() -> Result<Registry, RegistryError> {
        Registry::from_yaml(Registry::SAMPLE)
    }
}

fn read(text: &str) -> Result<Registry, RegistryError> {
    let options = serde_saphyr::options! { with_snippet: false };
    let document: Document =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| RegistryError::of(&error))?;
    let names = Names::of(&document);

    let resources = entries(document.resources, |identifier, entry| {
        names.resource(identifier, entry)
    })?;
    let users = entries(document.users, |name, entry| names.user(name, entry))?;
    let clients = entries(document.clients, |id, entry| Ok(Arc::new(names.client(id, entry)?)))?;
    Ok(Registry {
        resources,
        users,
        clients,
    })
}

fn entries<E, T>(
    written: BTreeMap<String, Spanned<E>>,
    read: impl Fn(&str, Spanned<E>) -> Result<T, RegistryError>,
) -> Result<BTreeMap<String, T>, RegistryError> {
    written
        .into_iter()
        .map(|(name, entry)| Ok((name.clone(), read(&name, entry)?)))
        .collect()
}

/// Every name that can be referred to.
struct Names {
    resources: BTreeSet<String>,
    scopes: BTreeSet<String>,
    users: BTreeSet<String>,
    clients: BTreeSet<String>,
}

impl Names {
    fn of(document: &Document) -> Names {
        let scopes = document.resources.values().flat_map(|entry| &entry.value.scopes);
        Names {
            resources: document.resources.keys().cloned().collect(),
            scopes: scopes.map(|scope| scope.value.clone()).collect(),
            users: document.users.keys().cloned().collect(),
            clients: document.clients.keys().cloned().collect(),
        }
    }

    fn resource(&self, identifier: &str, entry: Spanned<ResourceEntry>) -> Result<Resource, RegistryError> {
        if Url::parse(identifier).is_err() || identifier.contains('#') {
            return Err(
                RegistryError::at(&entry.referenced, format!("`{identifier}` is no resource identifier"))
                    .mend("write an absolute URI without fragment, such as https://orders.example"),
            );
        }
        for scope in &entry.value.scopes {
            if !is_scope(&scope.value) || scope.value == OPENID {
                return Err(RegistryError::at(
                    &scope.referenced,
                    format!("`{}` is no scope of a resource", scope.value),
                ));
            }
        }
        Ok(Resource {
            identifier: identifier.to_owned(),
            scopes: scopes(entry.value.scopes),
        })
    }

    fn user(&self, name: &str, entry: Spanned<UserEntry>) -> Result<User, RegistryError> {
        check_name(name, &entry.referenced)?;
        if self.clients.contains(name) {
            // RFC 9068 section 5: one subject must not mean two parties.
            return Err(
                RegistryError::at(&entry.referenced, format!("`{name}` is both a user and a client"))
                    .mend("give one of them another name"),
            );
        }
        let entry = entry.value;
        self.check_scopes(&entry.scopes, |scope| self.scopes.contains(scope))?;
        Ok(User {
            subject: name.to_owned(),
            password: secret(&entry.password)?,
            second_factor: entry.second_factor.as_ref().map(secret).transpose()?,
            scopes: scopes(entry.scopes),
        })
    }

    fn client(&self, id: &str, entry: Spanned<ClientEntry>) -> Result<Client, RegistryError> {
        check_name(id, &entry.referenced)?;
        let here = entry.referenced;
        let entry = entry.value;
        self.check_scopes(&entry.scopes, |scope| scope == OPENID || self.scopes.contains(scope))?;
        self.check_resources(&entry.resources)?;
        let grants: BTreeSet<Grant> = entry.grants.iter().map(|grant| grant.value).collect();

        let coded = grants.contains(&Grant::AuthorizationCode);
        if coded == entry.redirect_uris.is_empty() {
            return Err(RegistryError::at(
                &here,
                "`redirect_uris` and the grant `authorization_code` go together",
            ));
        }
        if grants.contains(&Grant::TokenExchange) != entry.exchange.is_some() {
            return Err(RegistryError::at(
                &here,
                "`exchange` and the grant `token_exchange` go together",
            ));
        }
        if entry.secret.is_none() && grants.iter().any(|grant| *grant != Grant::AuthorizationCode) {
            return Err(
                RegistryError::at(&here, "a client without a secret can use `authorization_code` only")
                    .mend("add a `secret`, or drop the other grants"),
            );
        }
        for uri in &entry.redirect_uris {
            check_redirect_uri(uri)?;
        }
        Ok(Client {
            id: id.to_owned(),
            name: entry.name.unwrap_or_else(|| id.to_owned()),
            profile: entry.profile,
            secret: entry.secret.as_ref().map(secret).transpose()?,
            client_credentials: grants.contains(&Grant::ClientCredentials),
            redirect_uris: values(entry.redirect_uris),
            scopes: scopes(entry.scopes),
            resources: values(entry.resources),
            exchange: entry.exchange.map(|written| self.exchange(written.value)).transpose()?,
        })
    }

    fn exchange(&self, entry: ExchangeEntry) -> Result<Exchange, RegistryError> {
        let mut from = entry.from;
        from.push(entry.serves);
        self.check_resources(&from)?;
        for name in &entry.may_act_for {
            if !self.users.contains(&name.value) && !self.clients.contains(&name.value) {
                return Err(RegistryError::unknown(
                    "user or client",
                    name,
                    self.users.iter().chain(&self.clients).map(String::as_str),
                ));
            }
        }
        Ok(Exchange {
            audiences: values(from),
            may_act_for: values(entry.may_act_for),
            actor_token: entry.actor_token,
            own_token: entry.own_token,
        })
    }

    fn check_scopes(&self, written: &[Spanned<String>], known: impl Fn(&str) -> bool) -> Result<(), RegistryError> {
        match written.iter().find(|scope| !known(&scope.value)) {
            Some(scope) => Err(RegistryError::unknown(
                "scope",
                scope,
                self.scopes.iter().map(String::as_str),
            )),
            None => Ok(()),
        }
    }

    fn check_resources(&self, written: &[Spanned<String>]) -> Result<(), RegistryError> {
        match written
            .iter()
            .find(|resource| !self.resources.contains(&resource.value))
        {
            Some(resource) => Err(RegistryError::unknown(
                "resource",
                resource,
                self.resources.iter().map(String::as_str),
            )),
            None => Ok(()),
        }
    }
}

/// Names become claims, form values and headers: printable ASCII keeps them the same everywhere.
fn check_name(name: &str, here: &Location) -> Result<(), RegistryError> {
    if !name.is_empty() && name.len() <= 128 && name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(RegistryError::at(
        here,
        "a name is 1 to 128 printable ASCII characters without spaces",
    ))
}

fn check_redirect_uri(uri: &Spanned<String>) -> Result<(), RegistryError> {
    if is_redirect_uri(&uri.value) {
        return Ok(());
    }
    Err(RegistryError::at(&uri.referenced, "this is no redirect URI")
        .mend("write an absolute https URI, or http on loopback, without user and fragment"))
}

fn secret(written: &Spanned<String>) -> Result<Secret, RegistryError> {
    if written.value.is_empty() {
        return Err(RegistryError::at(&written.referenced, "a secret must not be empty"));
    }
    Ok(Secret::new(&written.value))
}

fn scopes(written: Vec<Spanned<String>>) -> ScopeSet {
    written.into_iter().map(|scope| scope.value).collect()
}

fn values(written: Vec<Spanned<String>>) -> BTreeSet<String> {
    written.into_iter().map(|entry| entry.value).collect()
}

#[cfg(test)]
mod tests {
    use super::super::entries::{ActorToken, OwnToken, Registry};
    use crate::claims::EntityProfile;

    #[test]
    fn the_sample_is_a_registry() {
        let registry = Registry::from_yaml(Registry::SAMPLE).unwrap();
        let refund_agent = registry.client("refund-agent").unwrap();
        assert_eq!(refund_agent.profile, EntityProfile::AiAgent);
        assert_eq!(
            refund_agent.exchange.as_ref().unwrap().actor_token,
            ActorToken::Required
        );
        let ledger_bot = registry.client("ledger-bot").unwrap();
        assert_eq!(ledger_bot.exchange.as_ref().unwrap().own_token, OwnToken::SelfAct);
        assert!(registry.client("terminal").unwrap().secret.is_none());
        assert!(registry.user("alice").unwrap().second_factor.is_some());
    }

    #[test]
    fn errors_name_the_place_and_the_mend() {
        for (from, to, expected) in [
            (
                "grants: [client_credentials]",
                "grants: [client_credential]",
                "unknown variant `client_credential`",
            ),
            (
                "password: wonderland",
                "pasword: wonderland",
                "23:5: unknown key `pasword`; did you mean `password`?",
            ),
            (
                "scopes: [openid, orders:read, orders:write]",
                "scopes: [openid, orders:raed]",
                "unknown scope `orders:raed`; did you mean `orders:read`?",
            ),
            (
                "serves: https://shopper.example",
                "serves: https://shoper.example",
                "unknown resource `https://shoper.example`; did you mean `https://shopper.example`?",
            ),
            (
                "may_act_for: [alice, assistant]",
                "may_act_for: [mallory]",
                "unknown user or client `mallory`; define it",
            ),
            ("  bob:", "  assistant:", "`assistant` is both a user and a client"),
            (
                "http://127.0.0.1:8400/callback",
                "http://shop.example/",
                "this is no redirect URI",
            ),
            ("secret: shopper-secret", "secret: ''", "a secret must not be empty"),
            ("    secret: shopper-secret\n", "", "a client without a secret"),
            (
                "grants: [client_credentials]",
                "grants: [client_credentials, token_exchange]",
                "`exchange` and the grant",
            ),
            (
                "grants: [client_credentials]",
                "grants: [client_credentials, authorization_code]",
                "`redirect_uris` and the grant",
            ),
            (
                "https://night-batch.example:\n",
                "night-batch:\n",
                "is no resource identifier",
            ),
        ] {
            assert!(Registry::SAMPLE.contains(from), "{from}");
            let error = Registry::from_yaml(&Registry::SAMPLE.replacen(from, to, 1)).unwrap_err();
            let text = error.to_string();
            assert!(text.contains(expected), "{text} should say {expected}");
            assert!(error.line > 1, "{text} should name its line");
            assert!(!text.contains("secret-"), "{text}");
        }
    }

    #[test]
    fn a_name_twice_is_an_error() {
        let twice = Registry::SAMPLE.replacen("  bob:", "  alice:", 1);
        let text = Registry::from_yaml(&twice).unwrap_err().to_string();
        assert_eq!(text, "26:3: `alice` stands twice; take one out");
    }

    #[test]
    fn an_error_does_not_show_a_secret() {
        let broken = Registry::SAMPLE.replacen("password: wonderland", "password: [hunter2]", 1);
        let text = Registry::from_yaml(&broken).unwrap_err().to_string();
        assert!(!text.contains("hunter2"), "{text}");
    }
}
