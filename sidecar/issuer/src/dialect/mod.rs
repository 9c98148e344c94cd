//! The forms that other products give to the same facts, so that a gate's preset for each can be tried without it.
//!
//! A dialect changes what is signed, not what is granted: exchange, introspection and revocation read the facts of the
//! token from the store. A dialect leaves out what the product leaves out of its tokens, prior actors above all.

mod shapes;

use serde_json::{Map, Value};
use url::Url;

pub(crate) use self::shapes::{Minting, without_null};
use crate::AccessClaims;

/// The product whose access tokens the issuer's have the form of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// RFC 9068 with entity profiles and the whole chain.
    #[default]
    Rfc9068,
    /// PingOne Advanced Identity Cloud: a port in `iss`, two audiences, one actor.
    PingAic,
    /// ThunderID: `grant_type` in place of a kind, the current actor alone.
    ThunderId,
    /// Keycloak: subjects by UUID, the current actor alone, and only after an exchange.
    Keycloak,
    /// Auth0: `gty`, `sub_profile`, the current actor and the application of the login.
    Auth0,
    /// Okta: no media type, `scp` as a list, prior actors in `delegated_through`.
    Okta,
    /// Microsoft Entra ID v2.0: no `act`; facets mark an agent.
    Entra,
    /// Amazon Cognito: no media type, no `aud`, no `act`.
    Cognito,
    /// WSO2 Identity Server: `aut` for the kind, the whole chain.
    Wso2,
    /// ZITADEL: no kind, no scope, no client; the current actor alone, in ID tokens too.
    Zitadel,
}

/// The path of the issuer identifier, `typ` of an access token, the subject of a user, and the claims; none where they are
/// those of RFC 9068.
type Form = (
    &'static str,
    Option<&'static str>,
    fn(&str) -> String,
    Option<fn(&Minting<'_>, &AccessClaims) -> Value>,
);

impl Dialect {
    /// What differs between the products, one row for each.
    fn form(self) -> Form {
        let (at_jwt, jwt) = (Some("at+jwt"), Some("JWT"));
        match self {
            Dialect::Rfc9068 => ("", at_jwt, str::to_owned, None),
            Dialect::PingAic => (shapes::PING_PATH, jwt, str::to_owned, Some(shapes::ping_aic)),
            Dialect::ThunderId => ("", at_jwt, shapes::uuid, Some(shapes::thunder_id)),
            Dialect::Keycloak => ("/realms/actgate", jwt, shapes::uuid, Some(shapes::keycloak)),
            Dialect::Auth0 => ("/", at_jwt, shapes::auth0_user, Some(shapes::auth0)),
            Dialect::Okta => ("/oauth2/default", None, str::to_owned, Some(shapes::okta)),
            Dialect::Entra => (shapes::ENTRA_PATH, jwt, shapes::uuid, Some(shapes::entra)),
            Dialect::Cognito => ("/eu-central-1_actgate", None, shapes::uuid, Some(shapes::cognito)),
            Dialect::Wso2 => ("/oauth2/token", at_jwt, shapes::uuid, Some(shapes::wso2)),
            Dialect::Zitadel => ("", jwt, shapes::number, Some(shapes::zitadel)),
        }
    }

    /// The issuer identifier at an origin: some products have a path in it, or the port of the scheme.
    pub(crate) fn issuer(self, origin: &str) -> String {
        let (path, ..) = self.form();
        let url = Url::parse(origin).ok();
        let port = url.and_then(|url| Some((url.port(), url.port_or_known_default()?)));
        match (self, port) {
            (Dialect::PingAic, Some((None, port))) => format!("{origin}:{port}{path}"),
            _ => format!("{origin}{path}"),
        }
    }

    /// `typ` of an access token.
    pub(crate) fn typ(self) -> Option<&'static str> {
        let (_, typ, ..) = self.form();
        typ
    }

    /// The payload of an access token; none where it is the claims themselves.
    pub(crate) fn shape(self, minting: &Minting<'_>) -> Option<Value> {
        let (.., shape) = self.form();
        let claims = minting.claims;
        let own = shape?(minting, claims);
        // Every product has these. The token id has the transaction too, so that the store finds the token.
        let (id, prefix) = self.token_id_claim();
        let mut payload = Map::from_iter([
            ("iss".to_owned(), claims.iss.clone().into()),
            ("iat".to_owned(), claims.iat.into()),
            ("exp".to_owned(), claims.exp.into()),
            (id.to_owned(), format!("{prefix}{}.{}", claims.txn, claims.jti).into()),
        ]);
        if let Value::Object(own) = own {
            payload.extend(own.into_iter().filter(|(_, value)| !value.is_null()));
        }
        Some(payload.into())
    }

    /// The transaction and the identifier of a token that the issuer signed.
    pub(crate) fn token_id(self, payload: &Value) -> Option<(&str, &str)> {
        let text = |name: &str| payload.get(name).and_then(Value::as_str);
        let (id, prefix) = self.token_id_claim();
        match self {
            Dialect::Rfc9068 => Some((text("txn")?, text(id)?)),
            _ => text(id)?.strip_prefix(prefix)?.split_once('.'),
        }
    }

    /// Whether an access token has every actor of its chain.
    pub(crate) fn keeps_chain(self) -> bool {
        matches!(self, Dialect::Rfc9068 | Dialect::Okta | Dialect::Wso2)
    }

    /// The subject of an ID token, which is that of the access tokens.
    pub(crate) fn user(self, name: &str) -> String {
        let (_, _, user, _) = self.form();
        user(name)
    }

    /// The claim with the token id, and the beginning of its value.
    fn token_id_claim(self) -> (&'static str, &'static str) {
        match self {
            Dialect::Entra => ("uti", ""),
            Dialect::Okta => ("jti", "AT."),
            _ => ("jti", ""),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{AccessClaims, Dialect, Minting};

    #[test]
    fn an_identifier_has_the_path_and_the_port_of_the_product() {
        for (dialect, origin, issuer) in [
            (Dialect::Rfc9068, "https://issuer.example", "https://issuer.example"),
            (Dialect::Auth0, "https://issuer.example", "https://issuer.example/"),
            (
                Dialect::Keycloak,
                "http://127.0.0.1:9400",
                "http://127.0.0.1:9400/realms/actgate",
            ),
            (
                Dialect::PingAic,
                "https://issuer.example",
                "https://issuer.example:443/am/oauth2/realms/root/realms/alpha",
            ),
            (
                Dialect::PingAic,
                "http://127.0.0.1:9400",
                "http://127.0.0.1:9400/am/oauth2/realms/root/realms/alpha",
            ),
        ] {
            assert_eq!(dialect.issuer(origin), issuer);
        }
    }

    #[test]
    fn the_store_finds_a_token_of_every_dialect() {
        let claims = json!({
            "iss": "https://issuer.example", "sub": "alice", "sub_profile": "user", "aud": "https://orders.example",
            "client_id": "assistant", "client_profile": "ai_agent", "scope": "orders:read", "iat": 1, "nbf": 1, "exp": 2,
            "jti": "j", "txn": "t",
        });
        let payload = claims.clone();
        let claims: AccessClaims = serde_json::from_value(claims).unwrap();
        assert_eq!(Dialect::Rfc9068.token_id(&payload), Some(("t", "j")));
        for dialect in [
            Dialect::PingAic,
            Dialect::ThunderId,
            Dialect::Keycloak,
            Dialect::Auth0,
            Dialect::Okta,
            Dialect::Entra,
            Dialect::Cognito,
            Dialect::Wso2,
            Dialect::Zitadel,
        ] {
            let minting = Minting {
                claims: &claims,
                grant: "authorization_code",
                parent: None,
            };
            let payload = dialect.shape(&minting).unwrap();
            assert_eq!(dialect.token_id(&payload), Some(("t", "j")), "{dialect:?}: {payload}");
            assert!(!payload.to_string().contains("null"), "{payload}");
            assert_eq!(dialect.token_id(&json!({ "jti": "t", "uti": 1 })), None, "{dialect:?}");
        }
    }
}
