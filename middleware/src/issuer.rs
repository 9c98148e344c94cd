//! Trusted issuers: keys, accepted audiences and token profile.

use std::sync::Arc;

use http::HeaderName;
use http::header::AUTHORIZATION;

use crate::error::ConfigError;
use crate::issuer_identifier;
use crate::keys::{Algorithm, Fetch, KeySet, KeySetError, KeySource, OwnFetch, PlainHttp, RefreshPolicy};
use crate::look::Look;
use crate::profile::{ChainCompleteness, Kinds, PriorActors, Profile};
use crate::request::header_meaning::has_another_meaning;
use crate::required_claims::{ClaimValue, RequiredClaim};
use crate::shared_issuers::SharedIssuer;
use crate::token::introspection::Introspection;

/// One trusted issuer and what its tokens must contain. Pure: it holds no key that is fetched and no task.
///
/// Its keys verify its own tokens only; keys are never looked up across issuers.
///
/// ```
/// use actgate::TrustedIssuer;
///
/// let issuer = TrustedIssuer::discover("https://idp.example.com")?.audience("https://orders.example.com")?;
/// assert_eq!(issuer.identifier(), "https://idp.example.com");
///
/// assert!(TrustedIssuer::discover("idp.example.com").is_err());
/// # Ok::<(), actgate::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TrustedIssuer {
    pub(crate) issuer: Arc<str>,
    pub(crate) audiences: Vec<Box<str>>,
    pub(crate) keys: KeySource,
    pub(crate) plain_http: PlainHttp,
    pub(crate) fetch: Option<OwnFetch>,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) refresh_policy: RefreshPolicy,
    pub(crate) profile: Profile,
    pub(crate) kinds: Kinds,
    pub(crate) agent_clients: Vec<Box<str>>,
    pub(crate) prior_actors: PriorActors,
    pub(crate) required_claims: Vec<RequiredClaim>,
    /// The header that its tokens have to themselves.
    pub(crate) header: Option<HeaderName>,
    pub(crate) introspection: Option<Introspection>,
    chain_completeness: Option<ChainCompleteness>,
}

impl TrustedIssuer {
    /// An issuer whose keys are found by discovery (OpenID Connect Discovery 1.0, RFC 8414).
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn discover(issuer: &str) -> Result<TrustedIssuer, ConfigError> {
        TrustedIssuer::new(issuer, KeySource::Discovery)
    }

    /// An issuer with its keys. `issuer` is compared byte for byte with `iss` and with the issuer's metadata: a slash at the
    /// end, upper case in scheme and host, and a default port count. With a `jwks_uri` or a static set it may be any text,
    /// such as `rke` or `spiffe://example.org`.
    ///
    /// The defaults: every [`Algorithm`], the profile of RFC 9068, prior actors for audit only. At least one
    /// [`audience`](Self::audience) is needed.
    ///
    /// # Errors
    /// [`ConfigError::Issuer`] for an issuer that discovery needs to be an `https` URL and is none, that is empty, a pattern
    /// or the address of a document, or that has a user, a query or a fragment; [`ConfigError::Url`] for an address of
    /// keys that is neither `https` nor on loopback.
    pub fn new(issuer: &str, keys: impl Into<KeySource>) -> Result<TrustedIssuer, ConfigError> {
        TrustedIssuer::of(issuer, keys.into(), PlainHttp::OnLoopback)
    }

    /// As [`new`](Self::new), for keys that may be fetched over plain `http` from any host.
    ///
    /// **Insecure**: a party on the network path can replace the keys, and then forge any token of the issuer. It is for
    /// networks that are protected by other means; each start warns of it. The metadata of an `https` issuer never leads
    /// to keys over `http`, here too.
    ///
    /// # Errors
    /// As [`new`](Self::new), but for addresses of scheme `http`.
    pub fn with_insecure_http(issuer: &str, keys: impl Into<KeySource>) -> Result<TrustedIssuer, ConfigError> {
        TrustedIssuer::of(issuer, keys.into(), PlainHttp::Everywhere)
    }

    fn of(issuer: &str, keys: KeySource, plain_http: PlainHttp) -> Result<TrustedIssuer, ConfigError> {
        match keys {
            KeySource::Discovery => issuer_identifier::check_url(issuer)?,
            _ => issuer_identifier::check(issuer)?,
        }
        keys.endpoint(issuer, plain_http)?;
        Ok(TrustedIssuer {
            issuer: issuer.into(),
            audiences: Vec::new(),
            keys,
            plain_http,
            fetch: None,
            algorithms: Algorithm::all().to_vec(),
            refresh_policy: RefreshPolicy::default(),
            profile: Profile::default(),
            kinds: Kinds::default(),
            agent_clients: Vec::new(),
            prior_actors: PriorActors::default(),
            required_claims: Vec::new(),
            header: None,
            introspection: None,
            chain_completeness: None,
        })
    }

    /// Accepts one more audience, compared byte for byte.
    ///
    /// # Errors
    /// [`ConfigError::EmptyAudience`]; [`ConfigError::Audience`] for a pattern, a control character, and white space at an end.
    pub fn audience(mut self, audience: &str) -> Result<TrustedIssuer, ConfigError> {
        check_audience(audience)?;
        self.audiences.push(audience.into());
        Ok(self)
    }

    /// Requires every token of the issuer to have this claim with one of these values, each compared with its type and
    /// byte for byte. `claim` is the exact name of a claim, or a JSON Pointer (RFC 6901) such as `/kubernetes.io/namespace`.
    ///
    /// A token without it is rejected (401), whatever the policy allows. Public issuers whose tenants share one issuer
    /// identifier need it: without a claim that identifies a tenant, [`build`](crate::AuthorizerBuilder::build) fails for them.
    ///
    /// ```
    /// use actgate::TrustedIssuer;
    ///
    /// let issuer = TrustedIssuer::discover("https://token.actions.githubusercontent.com")?
    ///     .audience("https://orders.example.com")?
    ///     .require_claim("repository_owner_id", ["123"])?;
    /// # Ok::<(), actgate::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError::RequiredClaim`] for no value, and for a name or a value that is empty or a pattern.
    pub fn require_claim<V: Into<ClaimValue>>(
        mut self,
        claim: &str,
        values: impl IntoIterator<Item = V>,
    ) -> Result<TrustedIssuer, ConfigError> {
        let values = values.into_iter().map(Into::into).collect();
        self.required_claims.push(RequiredClaim::new(claim, values)?);
        Ok(self)
    }

    /// Accepts the tokens of this issuer in this header alone, as the text of the token without a scheme, and no token of
    /// another issuer there: `cf-access-jwt-assertion` of Cloudflare Access, `x-goog-iap-jwt-assertion` of Google's
    /// Identity-Aware Proxy, `x-amzn-oidc-accesstoken` of an AWS load balancer. Without it they are accepted in `Authorization`.
    ///
    /// A request with a token here and an `Authorization` field, or with two such headers, is ambiguous (400).
    ///
    /// # Errors
    /// [`ConfigError::Header`] for a header with [another meaning](crate::request::header_meaning::has_another_meaning).
    pub fn header(mut self, header: HeaderName) -> Result<TrustedIssuer, ConfigError> {
        let invalid = |reason, help| {
            Err(ConfigError::Header {
                header: header.to_string(),
                reason,
                help,
            })
        };
        if header == AUTHORIZATION {
            return invalid("it is where tokens are accepted without `header`", "remove it");
        }
        if has_another_meaning(header.as_str()) {
            return invalid("it has another meaning", "name the header that the proxy in front sets");
        }
        self.header = Some(header);
        Ok(self)
    }

    /// Accepts these algorithms instead of all.
    ///
    /// # Errors
    /// [`ConfigError::NoAlgorithm`] for an empty list.
    pub fn algorithms(mut self, algorithms: &[Algorithm]) -> Result<TrustedIssuer, ConfigError> {
        if algorithms.is_empty() {
            return Err(ConfigError::NoAlgorithm(self.issuer.to_string()));
        }
        self.algorithms = algorithms.to_vec();
        Ok(self)
    }

    /// Sets when keys are fetched and how long they are used.
    ///
    /// # Errors
    /// [`ConfigError::Duration`] for a duration out of range.
    pub fn refresh_policy(mut self, refresh_policy: RefreshPolicy) -> Result<TrustedIssuer, ConfigError> {
        refresh_policy.check()?;
        self.refresh_policy = refresh_policy;
        Ok(self)
    }

    /// Fetches the metadata and the keys of this issuer with `fetch`, instead of the fetcher that the authorizer is
    /// started with: for private roots, or a token that the server of the keys demands.
    #[must_use]
    pub fn fetch_with(mut self, fetch: impl Fetch) -> TrustedIssuer {
        self.fetch = Some(OwnFetch::new(fetch));
        self
    }

    /// As [`fetch_with`](Self::fetch_with), with a name. Two fetchers of one name are taken to be the same, so that keys keep being
    /// fetched where an authorizer starts [in place of](crate::Authorizer::in_place_of) another: the name states everything
    /// that `fetch` depends on, such as the roots.
    #[must_use]
    pub fn fetch_by_name(mut self, name: &str, fetch: impl Fetch) -> TrustedIssuer {
        self.fetch = Some(OwnFetch::named(name, fetch));
        self
    }

    /// Whether the keys of both are those of one issuer, found and fetched in the same way.
    pub(crate) fn has_keys_of(&self, other: &TrustedIssuer) -> bool {
        self.issuer == other.issuer
            && self.keys == other.keys
            && self.plain_http == other.plain_http
            && self.fetch == other.fetch
            && self.algorithms == other.algorithms
            && self.refresh_policy == other.refresh_policy
    }

    /// Verifies with the keys of this JWK set (RFC 7517 section 5) instead of fetching any.
    ///
    /// # Errors
    /// [`KeySetError`] for a document without a key of the accepted algorithms.
    pub fn key_set(mut self, document: &[u8]) -> Result<TrustedIssuer, KeySetError> {
        self.keys = KeySet::from_json(document, &self.algorithms)?.into();
        Ok(self)
    }

    /// Sets where the facts are found in the issuer's tokens.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> TrustedIssuer {
        self.profile = profile;
        self
    }

    /// Adds evidence of the kind of a party to that of the profile, for an issuer that does not state it. It is evidence for
    /// the initiator, and for an actor of this issuer.
    ///
    /// Evidence that contradicts that of the profile makes the kind unknown; a warning is logged at most once a minute.
    #[must_use]
    pub fn kinds(mut self, kinds: Kinds) -> TrustedIssuer {
        self.kinds = kinds;
        self
    }

    /// States that a client is an agent that acts for the subject of its tokens: it is the current actor of a token that has
    /// no `act`, and the token a delegation unless the client is the subject. A token whose initiator is a machine is none: the
    /// machine acts for itself.
    ///
    /// # Errors
    /// [`ConfigError::AgentClient`] for an empty text, a pattern, a control character, and white space at an end.
    pub fn agent_client(mut self, client: &str) -> Result<TrustedIssuer, ConfigError> {
        check_client(client)?;
        self.agent_clients.push(client.into());
        Ok(self)
    }

    /// Sets which actors the issuer's chain contains, instead of what the profile states.
    #[must_use]
    pub fn chain_completeness(mut self, completeness: ChainCompleteness) -> TrustedIssuer {
        self.chain_completeness = Some(completeness);
        self
    }

    /// Sets how prior actors are used.
    #[must_use]
    pub fn prior_actors(mut self, prior_actors: PriorActors) -> TrustedIssuer {
        self.prior_actors = prior_actors;
        self
    }

    /// Asks the issuer whether tokens are active (RFC 7662), and for the claims of opaque ones.
    ///
    /// Without an answer a request is denied with [`Error::IntrospectionUnavailable`](crate::Error::IntrospectionUnavailable) (503):
    /// no token is active unless the issuer states it.
    #[must_use]
    pub fn introspection(mut self, introspection: Introspection) -> TrustedIssuer {
        self.introspection = Some(introspection);
        self
    }

    /// The header that its tokens have to themselves; [`None`] where they are in `Authorization`.
    pub fn carrier(&self) -> Option<&HeaderName> {
        self.header.as_ref()
    }

    /// The identifier, where clients can obtain tokens there by themselves: it is a URL, its profile is that of an authorization
    /// server, and no proxy in front sets the tokens.
    pub(crate) fn authorization_server(&self) -> Option<&str> {
        let is_url = ["https://", "http://"].iter().any(|scheme| {
            let start = self.issuer.get(..scheme.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        });
        (is_url && self.profile.authorization_server && self.header.is_none()).then_some(&*self.issuer)
    }

    /// The issuer identifier (`iss`).
    pub fn identifier(&self) -> &str {
        &self.issuer
    }

    /// Checks that a token is of a known tenant, where the tenants of the issuer share its keys.
    ///
    /// # Errors
    /// [`ConfigError::SharedIssuer`].
    pub(crate) fn check_tenant(&self) -> Result<(), ConfigError> {
        let Some(shared) = SharedIssuer::of(&self.issuer) else {
            return Ok(());
        };
        let required = self.required_claims.iter();
        let mut of_tenant = required.filter(|claim| shared.tenant_claims.contains(&claim.name()));
        let mut numbers = of_tenant.clone().filter(|claim| !claim.is_text());
        // A number would match no token.
        let (claim, help) = match (of_tenant.next(), numbers.next()) {
            (Some(_), None) => return Ok(()),
            (_, Some(claim)) => {
                let name = claim.name().to_owned();
                let help = format!("`{name}` is a text in its tokens: write each value in quotes");
                (Some(name), help)
            }
            (None, None) => (None, shared.help()),
        };
        Err(ConfigError::SharedIssuer {
            issuer: self.issuer.to_string(),
            product: shared.product,
            claim,
            help,
        })
    }

    pub(crate) fn completeness(&self) -> ChainCompleteness {
        self.chain_completeness.unwrap_or(self.profile.chain_completeness)
    }
}

fn check_client(client: &str) -> Result<(), ConfigError> {
    let reason = if client.trim().is_empty() {
        "it is empty"
    } else if client.trim() != client || client.contains(char::is_control) {
        "it has white space at an end, or a control character"
    } else if Look::is_expanded(client) {
        "it is a pattern, and clients are compared as they are written"
    } else {
        return Ok(());
    };
    Err(ConfigError::AgentClient {
        client: client.escape_debug().to_string(),
        reason,
    })
}

pub(crate) fn check_audience(audience: &str) -> Result<(), ConfigError> {
    let invalid = |reason, help| {
        Err(ConfigError::Audience {
            audience: audience.escape_debug().to_string(),
            reason,
            help,
        })
    };
    if audience.trim().is_empty() {
        return Err(ConfigError::EmptyAudience);
    }
    if audience.trim() != audience || audience.contains(char::is_control) {
        let reason = "it has white space at an end, or a control character";
        return invalid(reason, "write it as the issuer writes it in `aud`");
    }
    if audience.contains(['*', '{', '}']) || Look::is_expanded(audience) {
        let reason = "it is a pattern, and audiences are compared as they are written";
        return invalid(
            reason,
            "write each audience of this API, as the issuer writes it in `aud`",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audience_is_a_text_that_a_token_can_contain() {
        let check = |audience: &str| {
            TrustedIssuer::discover("https://idp.example")
                .unwrap()
                .audience(audience)
                .map(|_| ())
        };
        for valid in ["https://orders.example.com", "orders", "the orders", "api://x"] {
            assert_eq!(check(valid), Ok(()), "{valid}");
        }
        for blank in ["", " ", "\u{3000}"] {
            assert_eq!(check(blank), Err(ConfigError::EmptyAudience), "{blank:?}");
        }
        for (text, why) in [
            ("*", "it is a pattern"),
            ("api://{x}", "it is a pattern"),
            ("https://*.example.com", "it is a pattern"),
            ("orders-*", "it is a pattern"),
            (" https://orders.example.com", "it has white space at an end"),
            ("orders\n", "it has white space at an end"),
            ("or\tders", "it has white space at an end"),
        ] {
            match check(text) {
                Err(ConfigError::Audience { reason, .. }) => assert!(reason.starts_with(why), "{text:?}: {reason}"),
                other => panic!("{text:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_header_with_another_meaning_carries_no_token() {
        let accepts = |name: &'static str| {
            let issuer = TrustedIssuer::discover("https://idp.example").unwrap();
            issuer.header(HeaderName::from_static(name)).is_ok()
        };
        for name in [
            "authorization",
            "cookie",
            "te",
            "content_type",
            "x-forwarded-for",
            "mcp-name",
            "via",
        ] {
            assert!(!accepts(name), "{name}");
        }
        for name in [
            "cf-access-jwt-assertion",
            "x-goog-iap-jwt-assertion",
            "x-amzn-oidc-accesstoken",
        ] {
            assert!(accepts(name), "{name}");
        }
    }

    #[test]
    fn keys_come_over_https_or_from_loopback() {
        assert!(TrustedIssuer::discover("http://idp.internal").is_err());
        assert!(TrustedIssuer::discover("http://127.0.0.1:9400").is_ok());
        let jwks_uri = |uri: &str| TrustedIssuer::new("http://idp.internal", KeySource::JwksUri(uri.to_owned()));
        assert!(jwks_uri("https://idp.internal/jwks").is_ok());
        assert!(jwks_uri("http://idp.internal/jwks").is_err());
        assert!(jwks_uri("").is_err());
        for metadata in ["openid-configuration", "oauth-authorization-server/t"] {
            let error = jwks_uri(&format!("https://idp.internal/.well-known/{metadata}")).unwrap_err();
            assert!(error.to_string().contains("the address of metadata"), "{error}");
        }
        assert!(jwks_uri("https://idp.internal/.well-known/jwks.json").is_ok());
    }

    #[test]
    fn keys_come_over_plain_http_where_it_is_allowed_by_name() {
        let jwks_uri = |uri: &str| KeySource::JwksUri(uri.to_owned());
        assert!(TrustedIssuer::with_insecure_http("http://idp.internal", KeySource::Discovery).is_ok());
        assert!(TrustedIssuer::with_insecure_http("rke", jwks_uri("http://idp.internal/jwks")).is_ok());
        assert!(TrustedIssuer::with_insecure_http("rke", KeySource::Discovery).is_err());
        assert!(TrustedIssuer::with_insecure_http("rke", jwks_uri("ftp://idp.internal/jwks")).is_err());
    }

    #[test]
    fn empty_lists_and_odd_durations_are_errors() {
        let issuer = || TrustedIssuer::discover("https://idp.example").unwrap();
        assert!(matches!(issuer().algorithms(&[]), Err(ConfigError::NoAlgorithm(_))));
        let never = RefreshPolicy {
            cooldown: std::time::Duration::ZERO,
            ..RefreshPolicy::default()
        };
        assert!(matches!(
            issuer().refresh_policy(never),
            Err(ConfigError::Duration { name: "cooldown", .. })
        ));
    }

    #[test]
    fn an_authorization_server_is_a_url_where_clients_can_obtain_tokens() {
        let listed = |issuer: &str, profile: &str| {
            let keys = KeySource::JwksUri("https://idp.example/jwks".to_owned());
            let issuer = TrustedIssuer::new(issuer, keys).unwrap();
            let issuer = issuer.profile(Profile::from_yaml(profile).unwrap());
            issuer.authorization_server().is_some()
        };
        let mut unlisted: Vec<&str> = Profile::names()
            .iter()
            .copied()
            .filter(|preset| !listed("https://idp.example", preset))
            .collect();
        unlisted.sort_unstable();
        let expected = ["cloudflare-access", "github-actions", "gitlab", "kubernetes", "spiffe"];
        assert_eq!(unlisted, expected);
        assert!(!listed("spiffe://idp.example", "rfc9068"));
        assert!(!listed(
            "https://idp.example",
            "{ preset: rfc9068, authorization_server: false }"
        ));
        assert!(listed(
            "https://idp.example",
            "{ preset: gitlab, authorization_server: true }"
        ));
        let header = http::HeaderName::from_static("x-assertion");
        let behind_proxy = TrustedIssuer::discover("https://idp.example")
            .unwrap()
            .header(header)
            .unwrap();
        assert_eq!(behind_proxy.authorization_server(), None);
    }

    #[test]
    fn the_profile_states_the_completeness_unless_it_is_overridden() {
        let issuer = TrustedIssuer::discover("https://idp.example").unwrap();
        assert_eq!(issuer.completeness(), ChainCompleteness::OuterOnly);
        let complete = issuer.chain_completeness(ChainCompleteness::Complete);
        assert_eq!(complete.completeness(), ChainCompleteness::Complete);
    }
}
