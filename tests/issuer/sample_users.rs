//! The sample users on the sign-in page.

use actgate_issuer::Registry;

use crate::deployment::bundled_issuer::BundledIssuer;
use crate::wire::{self, Answer, request};

fn sign_in_page(issuer: &BundledIssuer) -> Answer {
    let page = wire::answer(issuer.address, &request("GET", "/ciba", &["Host: localhost"]));
    assert_eq!(page.status, 200, "{}", page.everything());
    page
}

#[test]
fn the_page_shows_the_users_of_the_built_in_registry_with_a_code_that_is_valid() {
    let issuer = BundledIssuer::start();
    let answer = sign_in_page(&issuer);
    let page = answer.text();
    for shown in ["alice", "wonderland", "bob", "builder"] {
        assert!(page.contains(&format!("<code>{shown}</code>")), "{shown} in {page}");
    }
    let (_, code) = page.split_once("id=\"code-of-alice\">").expect("a code");
    let code: String = code.chars().take_while(char::is_ascii_digit).collect();
    assert_eq!(code.len(), 6, "{page}");
    assert!(!page.contains("code-of-bob"), "{page}");
    let form = |code: &str| {
        let login = [
            ("username", "alice"),
            ("password", "wonderland"),
            ("second_factor", code),
        ];
        login.map(|(name, value)| (name, value.to_owned()))
    };
    let wrong = issuer.submit(&answer, "/login", &form("00000x"));
    assert!(
        wrong.text().contains("is wrong") && wrong.text().contains("wonderland"),
        "{}",
        wrong.text()
    );
    let next = issuer.submit(&wrong, "/login", &form(&code));
    assert!(next.text().contains("You are signed in as"), "{}", next.text());
}

#[test]
fn the_users_of_a_file_are_not_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("registry.yaml");
    std::fs::write(&file, Registry::SAMPLE).expect("a file");
    let page = sign_in_page(&BundledIssuer::start_with_registry(&file)).text();
    for hidden in ["wonderland", "builder", "code-of-", "<table", "Sample"] {
        assert!(!page.contains(hidden), "{hidden} in {page}");
    }
}
