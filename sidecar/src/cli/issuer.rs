//! `actgate issuer`: the bundled authorization server.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use actgate_issuer::{
    AdminSecret, DataError, IssuancePolicy, Registry, Server, Settings, SettingsError, Signing, StartError,
};
use actgate_yaml::{Diagnostic, Diagnostics, Span};
use tracing::Level;

use crate::cli::issuance_policy::GuardPolicy;
use crate::cli::issuer_arguments::{AuditCommand, IssuerArguments, IssuerCommand, SigningAlgorithm, TokenDialect};
use crate::cli::issuer_audit;
use crate::cli::output::print;
use crate::exit::{Context as _, Failure};
use crate::files::text_file::read_text;
use crate::log::process_log::ProcessLog;
use crate::server::signals::{self, ShutdownSignals};

/// The first lines on standard error.
const BANNER: &str = "\
*** actgate issuer: for demos, tests and development, NOT FOR PRODUCTION ***
*** users and secrets come from a plain file, and private keys are not encrypted ***";

/// Shell commands that get tokens from the built-in registry. `ISSUER` is the address.
const FIRST_TOKENS: &str = r#"
A token for a service: client warehouse, secret warehouse-secret.

  curl -s -w '\n' ISSUER/token -u warehouse:warehouse-secret -d grant_type=client_credentials \
    -d resource=https://orders.example -d scope=orders:read

A token for a user: user alice, password wonderland, through the application storefront. Its audience is the
assistant, not the gate below. The variables login, consent and code are the steps of a browser, whose cookies
are in a file.

  jar=$(mktemp)
  form() { sed -n 's/.*name="transaction" value="\([^"]*\)".*/transaction=\1/p'; }
  login=$(curl -s -G -c "$jar" ISSUER/authorize -d response_type=code -d client_id=storefront \
    -d redirect_uri=https://storefront.example/callback -d resource=https://assistant.example -d scope=orders:read \
    -d prompt=consent -d code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM -d code_challenge_method=S256 | form)
  consent=$(curl -s -b "$jar" -c "$jar" ISSUER/login -d "$login" -d username=alice -d password=wonderland | form)
  code=$(curl -s -b "$jar" -o /dev/null -w '%{redirect_url}' ISSUER/consent -d "$consent" -d decision=allow |
    sed 's/.*[?&]\(code=[^&]*\).*/\1/')
  token=$(curl -s ISSUER/token -u storefront:storefront-secret -d grant_type=authorization_code -d "$code" \
    -d redirect_uri=https://storefront.example/callback -d code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk |
    sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  echo "$token"

A token for an agent that acts on behalf of the user, for the gate: client assistant exchanges the token above.

  curl -s -w '\n' ISSUER/token -u assistant:assistant-secret \
    -d grant_type=urn:ietf:params:oauth:grant-type:token-exchange -d resource=https://orders.example \
    -d subject_token="$token" -d subject_token_type=urn:ietf:params:oauth:token-type:access_token

The one-time code of alice, for a login with a second factor. The sign-in page shows it too.

  curl -s ISSUER/consents | sed -n 's/.*id="code-of-alice">\([0-9]*\).*/\1/p'
"#;

/// The same for another registry, whose secrets are not shown.
const FIRST_TOKEN: &str = "
A token for a client of the registry with the grant client_credentials:

  curl -s -w '\\n' ISSUER/token -u CLIENT:SECRET -d grant_type=client_credentials -d resource=RESOURCE
";

/// Runs the issuer until a signal stops it, or the command in place of that.
pub(crate) async fn issuer(arguments: &IssuerArguments, log: &ProcessLog) -> Result<(), Failure> {
    if let Some(IssuerCommand::Audit { command }) = &arguments.command {
        let AuditCommand::Verify(arguments) = command;
        return issuer_audit::verify(arguments);
    }
    let registry = match &arguments.registry {
        Some(file) => read_registry(file)?,
        None => Registry::demo().context("built-in registry")?,
    };
    let settings = Settings {
        issuer_url: arguments.issuer.clone(),
        signing: match arguments.signing {
            SigningAlgorithm::Es256 => Signing::Es256,
            SigningAlgorithm::Rs256 => Signing::Rs256,
            SigningAlgorithm::Eddsa => Signing::EdDsa,
        },
        dialect: arguments.dialect.into(),
        token_lifetime: arguments.token_lifetime,
        refresh_lifetime: arguments.refresh_lifetime,
        data: arguments.data.clone(),
        admin_secret: arguments.admin_secret_file.as_deref().map(admin_secret).transpose()?,
        issuance_policy: arguments
            .guard
            .as_deref()
            .map(|file| guard(file, arguments))
            .transpose()?,
        registration: arguments.registration,
        client_metadata_documents: arguments.client_metadata_documents,
        expose_to_network: arguments.expose_to_network,
    };
    let server = Server::bind(arguments.listen, settings, registry)
        .await
        .map_err(start_failure)?;
    let mut signals = ShutdownSignals::watch().context("signal handling")?;
    signals::survive_full_files().context("signal handling")?;
    let address = server.local_addr();
    log.line(Level::WARN, BANNER);
    if !address.ip().is_loopback() {
        let warning = format!(
            "actgate: warning: {address} is open to the network: anyone who reaches it can obtain tokens with the
  development passwords and secrets of the registry, which cross the network in clear text"
        );
        log.line(Level::WARN, &warning);
    }
    log.line(Level::INFO, &format!("actgate: issuer on {address}"));
    print(&first_steps(&server, arguments.registry.is_some(), arguments.dialect))?;
    server.serve(async move { signals.next().await }).await;
    Ok(())
}

fn start_failure(error: StartError) -> Failure {
    let help = match &error {
        StartError::Settings(SettingsError::NotLoopback(_)) => {
            "\n  help: listen on 127.0.0.1, or add --expose-to-network to let anyone who reaches it obtain tokens"
        }
        StartError::Settings(SettingsError::NoIssuerUrl(_)) => "\n  help: add --issuer with the URL that clients use",
        StartError::Data(error) => data_help(error),
        _ => "",
    };
    let text = format!("issuer: {error}{help}");
    match error {
        StartError::Settings(_) => Failure::Usage(text),
        _ => Failure::Runtime(text),
    }
}

fn data_help(error: &DataError) -> &'static str {
    match error {
        DataError::Permissions(_) => "\n  help: the private keys are in it: chmod 700, or name another folder",
        DataError::InUse(_) => "\n  help: stop the other issuer, or name another folder",
        DataError::Version(_) => "\n  help: name another folder, or run the version of actgate that wrote it",
        DataError::OtherIssuer(_) => {
            "\n  help: add --issuer with this URL, or name another folder: the tokens of the store are of that issuer"
        }
        DataError::Audit(_) => {
            "\n  help: `actgate issuer audit verify --data FOLDER` shows the line; restore the file, or name another folder"
        }
        _ => "",
    }
}

pub(super) fn read_registry(file: &Path) -> Result<Registry, Failure> {
    let text = read_text(file).map_err(|error| {
        let mistake = Diagnostic::new(Span::default(), error.message, error.help);
        Failure::Configuration(Diagnostics::from_iter([mistake]).in_file(file))
    })?;
    Registry::from_yaml(&text).map_err(|mistakes| Failure::Configuration(mistakes.in_file(file)))
}

fn guard(file: &Path, arguments: &IssuerArguments) -> Result<Arc<dyn IssuancePolicy>, Failure> {
    let own = format!("http://{}", arguments.listen);
    let issuer = arguments.issuer.as_deref().unwrap_or(&own);
    Ok(Arc::new(GuardPolicy::read(file, issuer)?))
}

fn admin_secret(file: &Path) -> Result<AdminSecret, Failure> {
    let text = read_text(file).map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
    Ok(AdminSecret::new(text.trim_ascii_end()))
}

/// The addresses, the commands for a first token, and the configuration of a gate.
fn first_steps(server: &Server, has_registry: bool, dialect: TokenDialect) -> String {
    let issuer = server.issuer_url();
    let address = format!("http://{}", reachable(server.local_addr()));
    let (first_tokens, audience) = match has_registry {
        true => (FIRST_TOKEN, "RESOURCE"),
        false => (FIRST_TOKENS, "https://orders.example"),
    };
    let first_tokens = first_tokens.replace("ISSUER", &address);
    let admin_secret = server
        .admin_secret()
        .map(|secret| format!(", with the header Authorization: Bearer {secret}"));
    let admin_secret = admin_secret.unwrap_or_default();
    let profile = match dialect {
        TokenDialect::Rfc9068 => String::new(),
        dialect => format!("\n      profile: {}", dialect.preset()),
    };
    // A dialect leaves out what its product leaves out.
    let chain = match dialect {
        TokenDialect::Rfc9068 => {
            "\n      chain_completeness: complete   # with the next line, rules on the whole chain can be written\n      \
            prior_actors: enforce"
        }
        _ => "",
    };
    format!(
        "\
issuer     {issuer}
metadata   {address}/.well-known/openid-configuration
keys       {address}/jwks
admin      {address}/admin/agents{admin_secret}
pages      {address}/consents, {address}/activity, {address}/ciba, {address}/device
{first_tokens}
A gate that trusts the issuer has in its actgate.yaml:

  audience: {audience}
  issuers:
    - issuer: {issuer}{profile}{chain}
"
    )
}

/// The address as a client on the same machine uses it.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}
