//! One answer of an issuer about a token (RFC 7662 section 2.2).

use crate::error::{Error, Reason};
use crate::json::{self, Json, JsonError};
use crate::limits::Limits;

/// What an issuer answers about a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The token is active.
    Active {
        /// The members of the answer.
        payload: Box<[u8]>,
        /// `chain_complete: false`: the issuer left actors out (OAuth Actor Profile).
        is_cut: bool,
    },
    /// The token is not active, for whatever reason.
    Inactive,
    /// The token is active and none to accept: of another issuer, or no access token. The error states the member.
    Unaccepted(Error),
    /// There is no answer, or none that can be used.
    Failed,
}

impl Answer {
    /// Reads the answer of `issuer`.
    ///
    /// # Errors
    /// Why it cannot be used. The reason contains no part of the answer.
    pub(super) fn read(document: &[u8], issuer: &str, limits: &Limits) -> Result<Answer, &'static str> {
        let object = json::object(document, limits).map_err(|error| match error {
            JsonError::Invalid => "it is not a strict JSON object",
            JsonError::Duplicate => "it has a member twice",
            JsonError::TooLarge => "it is nested deeper, or has more values, than are accepted",
        })?;
        match object.get("active") {
            Some(Json::Bool(true)) => {}
            Some(Json::Bool(false)) => return Ok(Answer::Inactive),
            _ => return Err("its member `active` is neither `true` nor `false`"),
        }
        let unaccepted = |claim| Ok(Answer::Unaccepted(Error::claim(claim, Reason::Mismatch)));
        match object.get("iss") {
            None => {}
            Some(Json::String(named)) if **named == *issuer => {}
            Some(_) => return unaccepted("iss"),
        }
        // Refresh tokens are active too. RFC 7662 section 2.2: the type is that of RFC 6749 section 5.1.
        match object.get("token_type") {
            None => {}
            Some(Json::String(name)) if ["bearer", "dpop"].iter().any(|known| known.eq_ignore_ascii_case(name)) => {}
            Some(_) => return unaccepted("token_type"),
        }
        Ok(Answer::Active {
            payload: document.into(),
            is_cut: matches!(object.get("chain_complete"), Some(Json::Bool(false))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://idp.example";

    fn read(text: &str) -> Result<Answer, &'static str> {
        Answer::read(text.as_bytes(), ISSUER, &Limits::default())
    }

    #[test]
    fn active_is_what_the_issuer_states_and_nothing_else() {
        for text in [
            r#"{"active":true}"#,
            r#"{"active":true,"iss":"https://idp.example","token_type":"Bearer"}"#,
            r#"{"active":true,"token_type":"DPoP"}"#,
        ] {
            let payload = text.as_bytes().into();
            assert_eq!(read(text), Ok(Answer::Active { payload, is_cut: false }), "{text}");
        }
        for text in [r#"{"active":false}"#, r#"{"active":false,"iss":7,"exp":"x"}"#] {
            assert_eq!(read(text), Ok(Answer::Inactive), "{text}");
        }
        for text in [
            "",
            "{}",
            "[]",
            "true",
            "<html>",
            r#"{"active":"true"}"#,
            r#"{"active":1}"#,
            r#"{"active":null}"#,
            r#"{"Active":true}"#,
            r#"{"active":false,"active":true}"#,
            r#"{"active":true} x"#,
            r#"{"error":"invalid_client"}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        let deep = format!(r#"{{"active":true,"x":{}{}}}"#, "[".repeat(40), "]".repeat(40));
        assert!(read(&deep).is_err());
    }

    #[test]
    fn another_issuer_and_another_kind_of_token_are_not_accepted() {
        let claim = |text| match read(text) {
            Ok(Answer::Unaccepted(Error::InvalidClaim { claim, .. })) => claim,
            other => panic!("{text}: {other:?}"),
        };
        for text in [
            r#"{"active":true,"iss":"https://idp.example/"}"#,
            r#"{"active":true,"iss":["https://idp.example"]}"#,
            r#"{"active":true,"iss":null}"#,
        ] {
            assert_eq!(claim(text), "iss");
        }
        for text in [
            r#"{"active":true,"token_type":"refresh_token"}"#,
            r#"{"active":true,"token_type":"N_A"}"#,
            r#"{"active":true,"token_type":null}"#,
        ] {
            assert_eq!(claim(text), "token_type");
        }
    }

    #[test]
    fn a_chain_that_was_cut_is_known_as_such() {
        for (text, expected) in [
            (r#"{"active":true,"chain_complete":false}"#, true),
            (r#"{"active":true,"chain_complete":true}"#, false),
        ] {
            assert!(
                matches!(read(text), Ok(Answer::Active { is_cut, .. }) if is_cut == expected),
                "{text}"
            );
        }
    }
}
