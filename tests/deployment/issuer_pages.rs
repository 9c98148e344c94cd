//! A user at the pages of the bundled issuer.

use actgate_issuer::one_time_password;
use aws_lc_rs::digest::{SHA256, digest};

use crate::deployment::bundled_issuer::{BundledIssuer, Login, ORDERS, access_token, claims};
use crate::mint::signing_key::base64url;
use crate::wire::{self, Answer, request};

impl BundledIssuer {
    /// The query of an authorization request with PKCE, which asks for consent, with further parameters.
    pub fn authorization_query(
        &self,
        client: &str,
        resource: &str,
        scope: &str,
        verifier: &str,
        further: &[(&str, &str)],
    ) -> String {
        let challenge = base64url(digest(&SHA256, verifier.as_bytes()));
        url::form_urlencoded::Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", client)
            .append_pair("redirect_uri", &format!("https://{client}.example/callback"))
            .append_pair("scope", scope)
            .append_pair("resource", resource)
            .append_pair("state", "xyz")
            .append_pair("nonce", "n-1")
            .append_pair("prompt", "consent")
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            .extend_pairs(further)
            .finish()
    }

    /// Signs in and returns the authorization code.
    pub fn code(&self, client: &str, login: Login, resource: &str, scope: &str, verifier: &str) -> String {
        let query = self.authorization_query(client, resource, scope, verifier, &[]);
        self.code_in(&self.through_pages(&query, login), client)
    }

    /// The code of an authorization response to a client.
    pub fn code_in(&self, location: &url::Url, client: &str) -> String {
        let parameter = |name: &str| {
            location
                .query_pairs()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.into_owned())
        };
        let callback = format!("https://{client}.example/callback");
        assert!(location.as_str().starts_with(&callback), "{location}");
        assert_eq!(parameter("state").as_deref(), Some("xyz"));
        assert_eq!(parameter("iss"), Some(self.url()), "RFC 9207");
        parameter("code").unwrap_or_else(|| panic!("no code in {location}"))
    }

    /// Signs in and consents on the pages of an authorization request. Returns where the browser is sent.
    pub fn through_pages(&self, query: &str, login: Login) -> url::Url {
        self.decide_on_pages(query, login, "allow")
    }

    /// The same with a decision, `allow` or `deny`.
    pub fn decide_on_pages(&self, query: &str, login: Login, decision: &str) -> url::Url {
        let page = wire::answer(
            self.address,
            &request("GET", &format!("/authorize?{query}"), &["Host: localhost"]),
        );
        let consent = self.sign_in_on(&page, login);
        let back = self.submit(&consent, "/consent", &[("decision", decision.into())]);
        let location = back
            .field("location")
            .unwrap_or_else(|| panic!("{}", back.everything()));
        url::Url::parse(&location).expect("a URL")
    }

    /// Signs in and decides on the page of a request that a client elsewhere waits for. Returns the last page.
    pub fn approve(&self, target: &str, login: Login, decision: &str) -> Answer {
        let page = wire::answer(self.address, &request("GET", target, &["Host: localhost"]));
        let page = self.sign_in_on(&page, login);
        self.submit(&page, target, &[("decision", decision.into())])
    }

    /// Signs in on the list of what waits for a user, and decides on its first entry. Returns the last page.
    pub fn decide_on_what_waits(&self, login: Login, decision: &str) -> Answer {
        let page = wire::answer(self.address, &request("GET", "/ciba", &["Host: localhost"]));
        let list = self.sign_in_on(&page, login).text();
        let (_, link) = list
            .split_once("href=\"/ciba/")
            .unwrap_or_else(|| panic!("nothing waits: {list}"));
        let code = link.split('"').next().expect("a link");
        self.approve(&format!("/ciba/{code}"), login, decision)
    }

    /// Enters the code of a device, signs in and decides. Returns the last page.
    pub fn enter_user_code(&self, code: &str, login: Login, decision: &str) -> Answer {
        let page = wire::answer(self.address, &request("GET", "/device", &["Host: localhost"]));
        let page = self.submit(&page, "/device", &[("user_code", code.into())]);
        let page = self.sign_in_on(&page, login);
        self.submit(&page, "/device", &[("decision", decision.into())])
    }

    /// Withdraws the consent for a client on the page of the user.
    pub fn withdraw_consent(&self, name: &'static str, password: &'static str, client: &str) {
        let page = wire::answer(self.address, &request("GET", "/consents", &["Host: localhost"]));
        let page = self.sign_in_on(&page, (name, password, ""));
        let page = self.submit(&page, "/consents/withdraw", &[("client_id", client.into())]);
        assert_eq!(page.status, 200, "{}", page.everything());
    }

    /// Signs in on a page, and returns the next one.
    pub fn sign_in_on(&self, page: &Answer, (name, password, factor): Login) -> Answer {
        assert_eq!(page.status, 200, "{}", page.everything());
        let mut form = vec![("username", name.to_owned()), ("password", password.to_owned())];
        if !factor.is_empty() {
            // The time of the issuer's clock, which can be moved.
            let token = access_token(&self.client_credentials("warehouse", ORDERS, "orders:read"));
            let now = claims(&token)["iat"].as_u64().expect("a time");
            let code = one_time_password(factor, now).expect("a secret");
            form.push(("second_factor", code));
        }
        let page = self.submit(page, "/login", &form);
        assert_eq!(page.status, 200, "{}", page.everything());
        page
    }

    /// Submits the form of a page to `target`.
    pub fn submit(&self, page: &Answer, target: &str, fields: &[(&str, String)]) -> Answer {
        let transaction = transaction(page);
        let mut form: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        form.push(("transaction", &transaction));
        let mut cookie = self.cookie.lock().expect("no panic");
        if let Some(set) = page.field("set-cookie") {
            *cookie = set.split(';').next().unwrap_or_default().to_owned();
        }
        wire::post_form(
            self.address,
            target,
            &["Host: localhost", &format!("Cookie: {cookie}")],
            &form,
        )
    }
}

/// The hidden field that identifies the transaction in a form.
fn transaction(page: &Answer) -> String {
    let text = page.text();
    let (_, after) = text.split_once("name=\"transaction\" value=\"").expect("a form");
    after.split('"').next().expect("a value").to_owned()
}
