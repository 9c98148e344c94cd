//! The crates `openidconnect` and `oauth2` with the bundled issuer. Last argument: the URL of the issuer.
//!
//! It prints `open URL` where a person has to go on with a browser, and `done` at the end.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreDeviceAuthorizationResponse, CoreProviderMetadata, CoreUserInfoClaims,
};
use openidconnect::reqwest::blocking::Client;
use openidconnect::reqwest::redirect::Policy;
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, DeviceAuthorizationUrl, IntrospectionUrl, IssuerUrl, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, RedirectUrl, Scope, TokenIntrospectionResponse as _,
    TokenResponse as _,
};

const ORDERS: &str = "https://orders.example";

fn main() {
    match run() {
        Ok(()) => println!("done"),
        Err(error) => println!("failed {error}"),
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let issuer = std::env::args().next_back().ok_or("no issuer")?;
    let http = Client::builder().redirect(Policy::none()).build()?;
    let metadata = CoreProviderMetadata::discover(&IssuerUrl::new(issuer.clone())?, &http)?;
    let introspection = IntrospectionUrl::new(format!("{issuer}/introspect"))?;

    let listener = TcpListener::bind("127.0.0.1:0")?;
    let callback = format!("http://127.0.0.1:{}/callback", listener.local_addr()?.port());
    let terminal = CoreClient::from_provider_metadata(metadata.clone(), ClientId::new("terminal".to_owned()), None)
        .set_redirect_uri(RedirectUrl::new(callback)?)
        .set_device_authorization_url(DeviceAuthorizationUrl::new(format!("{issuer}/device_authorization"))?);
    let api = CoreClient::from_provider_metadata(
        metadata.clone(),
        ClientId::new("orders-api".to_owned()),
        Some(ClientSecret::new("orders-api-secret".to_owned())),
    )
    .set_introspection_url(introspection);

    // Authorization code with PKCE, and the ID token.
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (page, state, nonce) = terminal
        .authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            CsrfToken::new_random,
            Nonce::new_random,
        )
        .add_scope(Scope::new("orders:read".to_owned()))
        .add_scope(Scope::new("offline_access".to_owned()))
        .add_extra_param("resource", ORDERS)
        .set_pkce_challenge(challenge)
        .url();
    println!("open {page}");
    let (code, returned) = answer(&listener)?;
    if returned != *state.secret() {
        return Err("another state".into());
    }
    let tokens = terminal
        .exchange_code(AuthorizationCode::new(code))?
        .set_pkce_verifier(verifier)
        .request(&http)?;
    let id_token = tokens.id_token().ok_or("no ID token")?;
    let claims = id_token.claims(&terminal.id_token_verifier(), &nonce)?;
    println!("ID token of {}", claims.subject().as_str());

    // UserInfo, introspection and refresh.
    let user: CoreUserInfoClaims = terminal
        .user_info(tokens.access_token().clone(), Some(claims.subject().clone()))?
        .request(&http)?;
    println!("UserInfo of {}", user.subject().as_str());
    let state = api.introspect(tokens.access_token()).request(&http)?;
    println!("introspection: active {}", state.active());
    let refresh_token = tokens.refresh_token().ok_or("no refresh token")?;
    let refreshed = terminal.exchange_refresh_token(refresh_token)?.request(&http)?;
    let next = refreshed.refresh_token().ok_or("no rotated refresh token")?;
    println!("refreshed: {}", next.secret() != refresh_token.secret());
    // The crate revokes at an https URL alone. A second use of a refresh token ends its family.
    println!(
        "second use: {}",
        terminal.exchange_refresh_token(refresh_token)?.request(&http).is_err()
    );
    let state = api.introspect(refreshed.access_token()).request(&http)?;
    println!("introspection after a second use: active {}", state.active());

    // The device grant.
    let device: CoreDeviceAuthorizationResponse = terminal
        .exchange_device_code()
        .add_scope(Scope::new("orders:read".to_owned()))
        .add_extra_param("resource", ORDERS)
        .request(&http)?;
    let page = device.verification_uri_complete().ok_or("no complete URI")?;
    println!("approve {}", page.secret());
    let token = terminal
        .exchange_device_access_token(&device)?
        .request(&http, std::thread::sleep, None)?;
    println!(
        "device: {}",
        api.introspect(token.access_token()).request(&http)?.active()
    );

    // Client credentials.
    let warehouse = CoreClient::from_provider_metadata(
        metadata,
        ClientId::new("warehouse".to_owned()),
        Some(ClientSecret::new("warehouse-secret".to_owned())),
    );
    let token = warehouse
        .exchange_client_credentials()?
        .add_scope(Scope::new("orders:read".to_owned()))
        .add_extra_param("resource", ORDERS)
        .request(&http)?;
    println!(
        "client credentials: {}",
        api.introspect(token.access_token()).request(&http)?.active()
    );
    Ok(())
}

/// The code and the state with which the browser comes back.
fn answer(listener: &TcpListener) -> Result<(String, String), Box<dyn Error>> {
    let (mut stream, _) = listener.accept()?;
    let mut line = String::new();
    BufReader::new(stream.try_clone()?).read_line(&mut line)?;
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    let target = line.split_whitespace().nth(1).ok_or("no target")?;
    let url = openidconnect::url::Url::parse("http://127.0.0.1")?.join(target)?;
    let parameter = |name: &str| {
        let mut pairs = url.query_pairs();
        pairs
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
    };
    Ok((
        parameter("code").ok_or("no code")?,
        parameter("state").ok_or("no state")?,
    ))
}
