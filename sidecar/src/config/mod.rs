//! The configuration: `actgate.yaml` and the policy it names.

mod document;
mod read;
mod roots;
mod secrets;
mod settings;
mod tls;

#[cfg(test)]
pub(crate) use self::document::configuration;
pub(crate) use self::document::introspection::Tokens;
pub(crate) use self::read::{NO_ROUTE, admin_of, load, load_noting, parse};
pub(crate) use self::roots::check_named_roots;
pub(crate) use self::secrets::{api_key_in, client_secret_in, signing_key_in};
pub(crate) use self::settings::{
    ApiKeySettings, CredentialSettings, InternalTokenSettings, IssuerSettings, KeyLocation, RevocationSettings,
    Settings, TokenExchangeSettings, diagnostic,
};
pub(crate) use self::tls::{TlsSettings, UnusableFile};
