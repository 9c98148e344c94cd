//! The arguments of `actgate token`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The end of its help.
pub(crate) const TOKEN_NOTES: &str = "\
The access token is the only line on standard output. What a person has to do is on standard error.
The secret of a client is in the variable ACTGATE_CLIENT_SECRET or in --secret-file, not on the command line, which other users
of the machine can see. A client that the issuer knows by a public key signs with --key-file (private_key_jwt). A client without
either is public. Tokens to use are read from a file, or from standard input as `-`.
With the built-in registry of `actgate issuer`:
  ACTGATE_CLIENT_SECRET=warehouse-secret actgate token client-credentials --client warehouse \\
    --resource https://orders.example --scope orders:read
  actgate token login --client terminal --resource https://orders.example --scope 'openid orders:read'
  actgate token device --client terminal --resource https://orders.example --scope orders:read
A user's token, exchanged by the agent that received it:
  ACTGATE_CLIENT_SECRET=assistant-secret actgate token exchange --client assistant \\
    --subject-token user.token --resource https://orders.example --scope orders:read
Exit code 0, or 1 with the error of the issuer.";

/// The arguments of `token`.
#[derive(Debug, Args)]
pub(crate) struct TokenArguments {
    /// How to get the token.
    #[command(subcommand)]
    pub(crate) grant: Grant,
}

/// How to get a token.
#[derive(Debug, Subcommand)]
pub(crate) enum Grant {
    /// A token of the client itself (RFC 6749 section 4.4)
    ClientCredentials(Request),
    /// A token of a user who signs in with a browser: authorization code with PKCE
    Login {
        /// The request.
        #[command(flatten)]
        request: Request,
        /// Redirect URI of the client: http on loopback. Port 0 takes a free port
        #[arg(long, value_name = "URI", default_value = "http://127.0.0.1:0/callback")]
        redirect_uri: String,
    },
    /// A token of a user who enters a code on another device (RFC 8628)
    Device(Request),
    /// A token of a user who approves the request on another device: back-channel authentication (CIBA)
    Approval {
        /// The request.
        #[command(flatten)]
        request: Request,
        /// User who is asked
        #[arg(long, value_name = "NAME")]
        user: String,
        /// Text that the user sees, to recognise the request
        #[arg(long, value_name = "TEXT")]
        message: Option<String>,
    },
    /// A token in exchange for another one: the client becomes the current actor (RFC 8693)
    Exchange {
        /// The request.
        #[command(flatten)]
        request: Request,
        /// File with the token of the party that the client acts for, or `-`
        #[arg(long, value_name = "FILE")]
        subject_token: PathBuf,
        /// File with a token of the client itself, where the issuer requires one
        #[arg(long, value_name = "FILE")]
        actor_token: Option<PathBuf>,
    },
    /// A new token for a refresh token
    Refresh {
        /// The request.
        #[command(flatten)]
        request: Request,
        /// File with the refresh token, or `-`
        #[arg(long, value_name = "FILE")]
        refresh_token: PathBuf,
    },
}

/// What every grant needs.
#[derive(Debug, Args)]
pub(crate) struct Request {
    /// Issuer
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9400")]
    pub(crate) issuer: String,
    /// Client
    #[arg(long, value_name = "ID")]
    pub(crate) client: String,
    /// File with the secret of the client [default: the variable ACTGATE_CLIENT_SECRET]
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// File with the private key of the client in PEM (PKCS #8), as `openssl genpkey` writes it: EC on P-256, Ed25519 or RSA
    #[arg(long, value_name = "FILE", conflicts_with = "secret_file")]
    pub(crate) key_file: Option<PathBuf>,
    /// `kid` of the key of --key-file, for an issuer that requires it
    #[arg(long, value_name = "ID", requires = "key_file")]
    pub(crate) key_id: Option<String>,
    /// API that the token is for (RFC 8707)
    #[arg(long, value_name = "URI")]
    pub(crate) resource: Option<String>,
    /// Scopes, separated by spaces
    #[arg(long, value_name = "SCOPES")]
    pub(crate) scope: Option<String>,
    /// Print the whole response as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
