//! No preset accepts the media type of another token.

use actgate::profile::Profile;

use crate::fixture::Case;
use crate::fixtures;
use crate::gate::Gate;

/// Media types of tokens that are never access tokens.
const NEVER: &[&str] = &[
    "aic+jwt",
    "client-authentication+jwt",
    "dpop+jwt",
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
    "txn-authz-challenge+jwt",
    "txntoken+jwt",
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
