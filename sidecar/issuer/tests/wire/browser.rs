//! A user with a browser: reads and submits the forms.

use actgate_issuer::one_time_password;
use url::{Url, form_urlencoded};

use crate::client::{Pairs, Reply, Running, claims};

pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// What a user enters in the login form.
pub(crate) const ALICE: Pairs<'_> = &[("username", "alice"), ("password", "wonderland")];
/// The secret of the one-time passwords of alice.
const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
pub(crate) const ALICE_WITH_PASSWORD: Pairs<'_> =
    &[("username", "alice"), ("password", "wonderland"), ("second_factor", "")];
pub(crate) const BOB: Pairs<'_> = &[("username", "bob"), ("password", "builder")];

pub(crate) fn redirect_uri(client: &str) -> String {
    match client {
        "terminal" => "http://127.0.0.1:8400/callback".to_owned(),
        _ => format!("https://{client}.example/callback"),
    }
}

/// The query of an authorization request.
pub(crate) fn authorization_request(client: &str, resource: &str, scope: &str, parameters: Pairs<'_>) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("response_type", "code"),
            ("client_id", client),
            ("redirect_uri", &redirect_uri(client)),
            ("scope", scope),
            ("resource", resource),
            ("state", "s t&te"),
            ("nonce", "n-1"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ])
        .extend_pairs(parameters)
        .finish()
}

impl Running {
    /// Opens the login page for a request of this client.
    pub(crate) async fn authorize(&self, client: &str, resource: &str, scope: &str) -> Reply {
        let request = authorization_request(client, resource, scope, &[("prompt", "consent")]);
        self.get(&format!("/authorize?{request}")).await
    }

    /// The same, with other parameters and the session of a browser.
    pub(crate) async fn authorize_with(&self, session: &str, parameters: Pairs<'_>) -> Reply {
        let request = authorization_request("storefront", "https://orders.example", "openid orders:read", parameters);
        self.get_with(session, &format!("/authorize?{request}")).await
    }

    pub(crate) async fn get_with(&self, session: &str, path: &str) -> Reply {
        let get = self.http.get(format!("{}{path}", self.base));
        Reply::read(get.header("cookie", format!("theme=dark; {session}"))).await
    }

    pub(crate) async fn submit(&self, page: &Reply, path: &str, pairs: Pairs<'_>) -> Reply {
        let transaction = transaction(page);
        let mut pairs = pairs.to_vec();
        pairs.push(("transaction", &transaction));
        Reply::read(self.form(path, &pairs).header("cookie", &page.cookie)).await
    }

    /// Signs in, allows, and returns the code.
    pub(crate) async fn code(&self, client: &str, resource: &str, scope: &str, who: Pairs<'_>) -> String {
        let page = self.authorize(client, resource, scope).await;
        let page = self.submit(&page, "/login", who).await;
        let reply = self.submit(&page, "/consent", &[("decision", "allow")]).await;
        answer(&reply, "code").unwrap()
    }

    /// The one-time password of alice at the time of the issuer's clock, moved by some seconds.
    pub(crate) async fn one_time_password(&self, seconds: i64) -> String {
        let token = self.client_token("night-batch", "https://orders.example").await;
        let now = claims(&token)["iat"].as_u64().unwrap();
        one_time_password(SECRET, now.saturating_add_signed(seconds)).unwrap()
    }

    /// Redeems a code.
    pub(crate) async fn redeem(&self, client: &str, code: &str) -> Reply {
        let redirect_uri = redirect_uri(client);
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &redirect_uri),
            ("code_verifier", VERIFIER),
        ];
        self.token(client, &pairs).await
    }

    /// The token of a user through a client, by the whole flow.
    pub(crate) async fn user_token(&self, client: &str, resource: &str, scope: &str, who: Pairs<'_>) -> String {
        let code = self.code(client, resource, scope, who).await;
        self.redeem(client, &code).await.access_token()
    }
}

/// The tokens of a response with a refresh token.
pub(crate) struct Offline {
    pub access_token: String,
    pub refresh_token: String,
    /// Empty if there is none.
    pub id_token: String,
}

impl Offline {
    #[track_caller]
    pub(crate) fn read(reply: &Reply) -> Offline {
        let body = reply.json();
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        Offline {
            access_token: reply.access_token(),
            refresh_token: text("refresh_token").unwrap_or_else(|| panic!("no refresh token: {body}")),
            id_token: text("id_token").unwrap_or_default(),
        }
    }
}

/// The hidden transaction id of a page.
#[track_caller]
pub(crate) fn transaction(page: &Reply) -> String {
    let start = "name=\"transaction\" value=\"";
    let (_, rest) = page.text.split_once(start).unwrap_or_else(|| panic!("{}", page.text));
    rest.split_once('"').unwrap().0.to_owned()
}

/// One parameter of a redirect.
#[track_caller]
pub(crate) fn answer(reply: &Reply, name: &str) -> Option<String> {
    assert_eq!(reply.status, 303, "{}", reply.text);
    let location = Url::parse(reply.header("location").unwrap()).unwrap();
    location
        .query_pairs()
        .find(|(n, _)| n == name)
        .map(|(_, value)| value.into_owned())
}

/// The session that a login began, as a browser sends it.
#[track_caller]
pub(crate) fn session(reply: &Reply) -> String {
    let cookie = reply.header("set-cookie").unwrap_or_else(|| panic!("{}", reply.text));
    let (session, attributes) = cookie.split_once(';').unwrap();
    assert_eq!(attributes, " Path=/; Max-Age=28800; HttpOnly; SameSite=Lax");
    session.to_owned()
}
