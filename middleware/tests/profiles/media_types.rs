//! No preset accepts the media type of another token, and no profile can.

use actgate::profile::Profile;

use crate::fixture::Case;
use crate::fixtures;
use crate::gate::Gate;

/// Media types of tokens that are never access tokens. The library has a list of its own, and its unit tests read that list:
/// they cannot find a media type that it lacks. This one can.
const NEVER: &[&str] = &[
    "aic+jwt",
    "client-authentication+jwt",
    "dc+sd-jwt",
    "dpop+jwt",
    "entity-statement+jwt",
    "jwk-set+jwt",
    "kb+jwt",
    "logout+jwt",
    "mission-txn-token+jwt",
    "oauth-authz-req+jwt",
    "oauth-client-attestation+jwt",
    "oauth-client-attestation-pop+jwt",
    "oauth-id-jag+jwt",
    "oauth-wag+jwt",
    "secevent+jwt",
    "statuslist+jwt",
    "token-introspection+jwt",
    "trust-mark+jwt",
    "txn-authz-challenge+jwt",
    "txntoken+jwt",
    "vc+jwt",
    "vc+sd-jwt",
    "wit+jwt",
    "wpt+jwt",
];

#[tokio::test]
async fn no_preset_accepts_a_media_type_of_other_tokens() {
    for name in Profile::names() {
        let gate = Gate::with_preset(name);
        let fixtures = fixtures(name);
        let access_token = fixtures
            .iter()
            .find(|fixture| fixture.case == Some(Case::Human))
            .unwrap();
        for typ in NEVER {
            for typ in [(*typ).to_owned(), typ.to_uppercase(), format!("application/{typ}")] {
                let got = gate.read("/any", &access_token.token_of_type(Some(&typ))).await;
                let got = got.unwrap_err().to_string();
                assert_eq!(
                    got, "the `typ` in the header of the token is not an accepted one",
                    "{name}: {typ}"
                );
            }
        }
    }
}

#[test]
fn no_profile_can_accept_one_either() {
    for typ in NEVER {
        let yaml = format!("{{ preset: rfc9068, access_token: [{{ typ: {typ} }}] }}");
        let error = Profile::from_yaml(&yaml).unwrap_err().to_string();
        let expected = format!("a token of type `{typ}` is never an access token");
        assert!(error.contains(&expected), "{error}");
    }
}
