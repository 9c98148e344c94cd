//! The UserInfo endpoint: OpenID Connect Core section 5.3.

use axum::Json;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::scope::OPENID;
use crate::{Issuer, OAuthError, SubjectProfile};

/// Why there are no claims; the challenge is of RFC 6750 section 3.
pub(crate) enum UserInfoError {
    /// No token was sent: the challenge has no error code.
    NoToken,
    InvalidRequest,
    InvalidToken,
    InsufficientScope,
    Unavailable(OAuthError),
}

impl From<OAuthError> for UserInfoError {
    fn from(error: OAuthError) -> UserInfoError {
        UserInfoError::Unavailable(error)
    }
}

impl IntoResponse for UserInfoError {
    fn into_response(self) -> Response {
        let (status, challenge) = match self {
            UserInfoError::NoToken => (StatusCode::UNAUTHORIZED, "Bearer"),
            UserInfoError::InvalidRequest => (StatusCode::BAD_REQUEST, "Bearer error=\"invalid_request\""),
            UserInfoError::InvalidToken => (StatusCode::UNAUTHORIZED, "Bearer error=\"invalid_token\""),
            UserInfoError::InsufficientScope => (
                StatusCode::FORBIDDEN,
                "Bearer error=\"insufficient_scope\", scope=\"openid\"",
            ),
            UserInfoError::Unavailable(error) => return error.into_response(),
        };
        (status, [(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))]).into_response()
    }
}

/// `GET` and `POST /userinfo`: the claims of the user whose access token, with the scope `openid`, is in the
/// `Authorization` header. A token without a user is refused.
pub(crate) fn userinfo(server: &Issuer, headers: &HeaderMap) -> Result<Json<Value>, UserInfoError> {
    let issued = server.read(bearer(headers)?)?.ok_or(UserInfoError::InvalidToken)?;
    let claims = issued.claims;
    if !claims.scope.contains(OPENID) {
        return Err(UserInfoError::InsufficientScope);
    }
    if claims.sub_profile != SubjectProfile::User || !server.registry.users.contains_key(&claims.sub) {
        return Err(UserInfoError::InvalidToken);
    }
    let sub = server.settings.dialect.user(&claims.sub);
    Ok(Json(json!({ "sub": sub, "preferred_username": claims.sub })))
}

/// The token of the `Authorization` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str, UserInfoError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(match headers.contains_key(AUTHORIZATION) {
            true => UserInfoError::InvalidRequest,
            false => UserInfoError::NoToken,
        });
    };
    match value.to_str().ok().and_then(|value| value.split_once(' ')) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim_start_matches(' ')),
        _ => Err(UserInfoError::NoToken),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::AUTHORIZATION;
    use axum::http::{HeaderMap, HeaderValue};
    use axum::response::IntoResponse;

    use super::bearer;

    #[test]
    fn one_bearer_token_is_read() {
        for (values, expected) in [
            (vec!["Bearer a.b.c"], Ok("a.b.c")),
            (vec!["bearer  a"], Ok("a")),
            (vec![], Err(401)),
            (vec!["Basic a"], Err(401)),
            (vec!["Bearer"], Err(401)),
            (vec!["Bearer a", "Bearer a"], Err(400)),
        ] {
            let mut headers = HeaderMap::new();
            for value in &values {
                headers.append(AUTHORIZATION, HeaderValue::from_static(value));
            }
            let found = bearer(&headers).map_err(|error| error.into_response().status().as_u16());
            assert_eq!(found, expected, "{values:?}");
        }
    }
}
