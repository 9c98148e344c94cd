//! A running issuer and a client that talks to it.

use std::sync::Arc;
use std::time::Duration;

use actgate_issuer::{DataError, IssuerHandle, Registry, Server, Settings, StartError};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::HeaderMap;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use url::form_urlencoded;

pub(crate) const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub(crate) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

pub(crate) type Pairs<'a> = &'a [(&'a str, &'a str)];

/// An issuer on a free port, which stops when the value is dropped.
pub(crate) struct Running {
    pub url: String,
    /// The URL of the listener, which is the issuer identifier unless the settings name one.
    pub(crate) base: String,
    pub handle: IssuerHandle,
    pub http: reqwest::Client,
    stop: Arc<Notify>,
    serving: Option<JoinHandle<()>>,
}

pub(crate) struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// The cookie that the browser has from then on.
    pub cookie: String,
}

impl Running {
    pub(crate) async fn start(settings: Settings) -> Running {
        Running::with_registry(settings, Registry::demo().unwrap()).await
    }

    pub(crate) async fn with_registry(settings: Settings, registry: Registry) -> Running {
        let address = "127.0.0.1:0".parse().unwrap();
        let server = loop {
            match Server::bind(address, settings.clone(), registry.clone()).await {
                // An issuer that was stopped before has not released it yet.
                Err(StartError::Data(DataError::InUse(_))) => tokio::time::sleep(Duration::from_millis(5)).await,
                server => break server.unwrap(),
            }
        };
        let base = format!("http://{}", server.local_addr());
        let stop = Arc::new(Notify::new());
        let (url, handle) = (server.issuer_url().to_owned(), server.handle());
        let stopped = Arc::clone(&stop);
        let serving = tokio::spawn(async move { server.serve(stopped.notified()).await });
        let redirect = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder()
            .no_proxy()
            // The issuer may close an idle connection just as a slow machine reuses it.
            .pool_max_idle_per_host(0)
            .redirect(redirect)
            .build()
            .unwrap();
        Running {
            url,
            base,
            handle,
            http,
            stop,
            serving: Some(serving),
        }
    }

    /// Stops and waits for the end.
    pub(crate) async fn stop(mut self) {
        self.stop.notify_one();
        self.serving.take().unwrap().await.unwrap();
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        Reply::read(self.http.get(format!("{}{path}", self.base))).await
    }

    pub(crate) async fn post(&self, path: &str, pairs: Pairs<'_>) -> Reply {
        Reply::read(self.form(path, pairs)).await
    }

    /// A token request of a client that authenticates with Basic.
    pub(crate) async fn token(&self, client: &str, pairs: Pairs<'_>) -> Reply {
        let secret = format!("{client}-secret");
        Reply::read(self.form("/token", pairs).basic_auth(client, Some(secret))).await
    }

    /// A token of the client itself for a resource.
    pub(crate) async fn client_token(&self, client: &str, resource: &str) -> String {
        let pairs = [("grant_type", "client_credentials"), ("resource", resource)];
        self.token(client, &pairs).await.access_token()
    }

    pub(crate) fn form(&self, path: &str, pairs: Pairs<'_>) -> reqwest::RequestBuilder {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        self.http
            .post(format!("{}{path}", self.base))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.notify_one();
    }
}

impl Reply {
    pub(crate) async fn read(request: reqwest::RequestBuilder) -> Reply {
        let (http, request) = request.build_split();
        let request = request.unwrap();
        let text = |headers: &HeaderMap, name: &str| Some(headers.get(name)?.to_str().unwrap().to_owned());
        let sent = text(request.headers(), "cookie").unwrap_or_default();
        let response = http.execute(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let set = text(&headers, "set-cookie");
        Reply {
            status,
            cookie: set.map_or(sent, |cookie| cookie.split(';').next().unwrap().to_owned()),
            headers,
            text: response.text().await.unwrap(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{} {}", self.status, self.text))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn access_token(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.text);
        assert_eq!(self.header("cache-control"), Some("no-store"));
        self.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// Asserts an `invalid_request` with this reason: many errors share the code.
    #[track_caller]
    pub(crate) fn assert_invalid(&self, reason: &str) {
        self.assert_error(400, "invalid_request");
        let description = self.json()["error_description"].clone();
        assert!(
            description.as_str().unwrap().contains(reason),
            "{description} is not {reason}"
        );
    }

    #[track_caller]
    pub(crate) fn assert_error(&self, status: u16, error: &str) {
        assert_eq!(
            (self.status, self.json()["error"].as_str()),
            (status, Some(error)),
            "{}",
            self.text
        );
        assert_eq!(self.header("cache-control"), Some("no-store"));
    }
}

/// One part of a token, unverified: 0 is the header, 1 the payload.
pub(crate) fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

pub(crate) fn claims(token: &str) -> Value {
    part(token, 1)
}
