//! A disk that is full while an issuer runs.

use tempfile::TempDir;

use crate::deployment::bundled_issuer::{ALICE_BY_PASSWORD, BundledIssuer, ORDERS, access_token, error};
use crate::wire::{self, request};

const VERIFIER: &str = "a-verifier-of-forty-three-characters-at-least";

/// The limit of the size of files makes writes fail, as a full disk does. The client learns it at its redirect URI.
#[test]
fn the_client_learns_that_nothing_can_be_issued_now() {
    let folder = TempDir::new().expect("a folder");
    let issuer = BundledIssuer::start_in(&folder.path().join("data"));
    let query = issuer.authorization_query("storefront", ORDERS, "openid orders:read", VERIFIER, &[]);
    let page = format!("/authorize?{query}");
    let page = wire::answer(issuer.address, &request("GET", &page, &["Host: localhost"]));
    let consent = issuer.sign_in_on(&page, ALICE_BY_PASSWORD);

    issuer.limit_files("0");
    let back = issuer.submit(&consent, "/consent", &[("decision", "allow".into())]);
    let location = back
        .field("location")
        .unwrap_or_else(|| panic!("{}", back.everything()));
    let location = url::Url::parse(&location).expect("a URL");
    let parameter = |wanted: &str| {
        let mut pairs = location.query_pairs();
        pairs
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.into_owned())
    };
    assert!(
        location.as_str().starts_with("https://storefront.example/callback?"),
        "{location}"
    );
    assert_eq!(
        parameter("error").as_deref(),
        Some("temporarily_unavailable"),
        "{location}"
    );
    assert_eq!(parameter("state").as_deref(), Some("xyz"));
    assert_eq!(parameter("iss"), Some(issuer.url()), "RFC 9207");
    assert_eq!(parameter("code"), None);
    let own = || issuer.client_credentials("warehouse", ORDERS, "orders:read");
    let refused = own();
    assert_eq!(error(&refused), (503, "temporarily_unavailable".to_owned()));
    assert_eq!(refused.field("retry-after").as_deref(), Some("1"));

    // An operator makes room: nothing has to be started again.
    issuer.limit_files("unlimited");
    access_token(&own());
    let signed_in = issuer.sign_in("storefront", ALICE_BY_PASSWORD, ORDERS, "openid orders:read");
    assert!(issuer.is_active("orders-api", &access_token(&signed_in)));
}
