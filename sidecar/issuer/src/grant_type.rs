//! The grant types of the token endpoint.

pub(crate) const AUTHORIZATION_CODE: &str = "authorization_code";
/// CIBA Core 1.0.
pub(crate) const CIBA: &str = "urn:openid:params:grant-type:ciba";
pub(crate) const CLIENT_CREDENTIALS: &str = "client_credentials";
/// RFC 8628.
pub(crate) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub(crate) const REFRESH_TOKEN: &str = "refresh_token";
pub(crate) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// Whether the text is a grant type of the issuer.
pub(crate) fn is_known(text: &str) -> bool {
    matches!(
        text,
        AUTHORIZATION_CODE | CIBA | CLIENT_CREDENTIALS | DEVICE_CODE | REFRESH_TOKEN | TOKEN_EXCHANGE
    )
}
