//! Who appears in the demo, and the tokens they come with.

use actgate_issuer::IssuerHandle;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::flows::{ActorToken, Client, Flows, Person, Tokens, Wanted};
use crate::exit::Failure;

const ALICE: Person = Person {
    name: "alice",
    password: "wonderland",
    second_factor: Some("246810"),
};

const STOREFRONT: Client = client("storefront", "storefront-secret", "https://storefront.example/callback");
const ASSISTANT: Client = client("assistant", "assistant-secret", "https://assistant.example/callback");
const SHOPPER: Client = client("shopper", "shopper-secret", "");
const NIGHT_BATCH: Client = client("night-batch", "night-batch-secret", "");
const LEDGER_BOT: Client = client("ledger-bot", "ledger-bot-secret", "");
const REFUND_AGENT: Client = Client {
    actor_token: ActorToken::Presented(Wanted {
        resource: ORDERS,
        scope: "orders:read",
    }),
    ..client("refund-agent", "refund-agent-secret", "")
};

const fn client(id: &'static str, secret: &'static str, redirect_uri: &'static str) -> Client {
    Client {
        id,
        secret,
        redirect_uri,
        actor_token: ActorToken::LeftOut,
    }
}

/// The resources of the issuer's built-in registry that the demo uses.
pub const ORDERS: &str = "https://orders.example";
/// The other API, with an audience of its own.
pub const SHIPPING: &str = "https://shipping.example";
const FOR_ASSISTANT: &str = "https://assistant.example";
const FOR_SHOPPER: &str = "https://shopper.example";
const FOR_REFUND_AGENT: &str = "https://refund-agent.example";
const FOR_LEDGER_BOT: &str = "https://ledger-bot.example";

/// A login this long ago is beyond what the policy takes for fresh (5 minutes), while its token still lives (15 minutes).
const STALE_LOGIN: i64 = -400;
/// A token issued this long ago has expired.
const EXPIRED: i64 = -3600;

/// What a request comes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// Nothing.
    None,
    /// Alice, in an ordinary web application.
    Person,
    /// Alice, through the assistant that she signed in to.
    ThroughAgent,
    /// Alice, her shop's assistant, and the refund agent: each hop for one audience, with less scope.
    TwoHops,
    /// The same two hops, but to the planner instead of the refund agent.
    OtherAgent,
    /// Alice, assistant, planner, refund agent.
    ThreeHops,
    /// Two hops from a login without a second factor.
    NoSecondFactor,
    /// Two hops from a login that is older than the policy wants.
    StaleLogin,
    /// An agent that nobody sits behind.
    Autonomous,
    /// The same, in the form in which some issuers write it: subject and actor are one.
    ActingForItself,
    /// A token that has expired.
    Expired,
    /// A good token with one claim changed.
    Tampered,
    /// A good token's claims, with `alg` none and no signature.
    Unsigned,
    /// Alice's ID token, which says who signed in and permits nothing.
    IdToken,
}

/// Brings tokens onto the stage.
#[derive(Clone)]
pub struct Cast {
    flows: Flows,
    issuer: IssuerHandle,
}

impl Cast {
    /// Everybody whom the issuer's built-in registry knows.
    pub fn of(flows: Flows, issuer: IssuerHandle) -> Cast {
        Cast { flows, issuer }
    }

    /// The token of a credential, fresh from the issuer.
    pub async fn token(&self, credential: Credential) -> Result<Option<String>, Failure> {
        let read = Wanted {
            resource: ORDERS,
            scope: "orders:read",
        };
        let write = Wanted {
            resource: ORDERS,
            scope: "orders:read orders:write",
        };
        let tokens = match credential {
            Credential::None => return Ok(None),
            Credential::Person => self.flows.sign_in(ALICE, STOREFRONT, write).await?,
            Credential::ThroughAgent => self.flows.sign_in(ALICE, ASSISTANT, write).await?,
            Credential::TwoHops => self.refund_chain(ALICE).await?,
            Credential::OtherAgent => {
                let planned = self.to_shopper().await?;
                self.flows
                    .on_behalf(
                        SHOPPER,
                        &planned,
                        Wanted {
                            resource: ORDERS,
                            scope: "refunds:write",
                        },
                    )
                    .await?
            }
            Credential::ThreeHops => {
                let planned = self.to_shopper().await?;
                let wanted = Wanted {
                    resource: FOR_REFUND_AGENT,
                    scope: "refunds:write",
                };
                let handed = self.flows.on_behalf(SHOPPER, &planned, wanted).await?;
                self.flows
                    .on_behalf(
                        REFUND_AGENT,
                        &handed.access,
                        Wanted {
                            resource: ORDERS,
                            scope: "refunds:write",
                        },
                    )
                    .await?
            }
            Credential::NoSecondFactor => {
                self.refund_chain(Person {
                    second_factor: None,
                    ..ALICE
                })
                .await?
            }
            Credential::StaleLogin => self.at_another_time(STALE_LOGIN, self.refund_chain(ALICE)).await?,
            Credential::Autonomous => self.flows.on_its_own(NIGHT_BATCH, write).await?,
            Credential::ActingForItself => {
                let own = Wanted {
                    resource: FOR_LEDGER_BOT,
                    scope: "orders:read",
                };
                let own = self.flows.on_its_own(LEDGER_BOT, own).await?;
                self.flows.on_behalf(LEDGER_BOT, &own.access, read).await?
            }
            Credential::Expired => {
                self.at_another_time(EXPIRED, self.flows.on_its_own(NIGHT_BATCH, read))
                    .await?
            }
            Credential::Tampered => {
                let good = self.flows.on_its_own(NIGHT_BATCH, read).await?;
                return Ok(Some(with_claims(
                    &good.access,
                    |claims| claims.replace("\"night-batch\"", "\"alice\""),
                    Signature::Kept,
                )));
            }
            Credential::Unsigned => {
                let good = self.flows.on_its_own(NIGHT_BATCH, read).await?;
                return Ok(Some(with_claims(&good.access, str::to_owned, Signature::None)));
            }
            Credential::IdToken => {
                let wanted = Wanted {
                    resource: ORDERS,
                    scope: "openid orders:read",
                };
                return Ok(self.flows.sign_in(ALICE, STOREFRONT, wanted).await?.id);
            }
        };
        Ok(Some(tokens.access))
    }

    /// An exchange for a scope that the token handed in does not have. The error of the issuer.
    pub async fn widen(&self) -> Result<(String, Option<String>), Failure> {
        let wanted = Wanted {
            resource: FOR_ASSISTANT,
            scope: "orders:read",
        };
        let narrow = self.flows.sign_in(ALICE, STOREFRONT, wanted).await?;
        let wider = Wanted {
            resource: ORDERS,
            scope: "orders:read refunds:write",
        };
        let answer = self.flows.try_on_behalf(ASSISTANT, &narrow.access, wider).await?;
        Ok((narrow.access, answer.err().map(|refused| refused.error)))
    }

    /// New signing keys, twice, so that the gate cannot have seen the one that signs from now on.
    pub fn rotate_keys(&self) -> Result<(), Failure> {
        for _ in 0..2 {
            self.issuer
                .rotate_key()
                .map_err(|error| Failure::runtime("key rotation", error))?;
        }
        Ok(())
    }

    async fn refund_chain(&self, person: Person) -> Result<Tokens, Failure> {
        let wanted = Wanted {
            resource: FOR_ASSISTANT,
            scope: "orders:read refunds:write",
        };
        let signed_in = self.flows.sign_in(person, STOREFRONT, wanted).await?;
        let wanted = Wanted {
            resource: FOR_REFUND_AGENT,
            scope: "refunds:write",
        };
        let handed = self.flows.on_behalf(ASSISTANT, &signed_in.access, wanted).await?;
        self.flows
            .on_behalf(
                REFUND_AGENT,
                &handed.access,
                Wanted {
                    resource: ORDERS,
                    scope: "refunds:write",
                },
            )
            .await
    }

    async fn to_shopper(&self) -> Result<String, Failure> {
        let wanted = Wanted {
            resource: FOR_ASSISTANT,
            scope: "refunds:write",
        };
        let signed_in = self.flows.sign_in(ALICE, STOREFRONT, wanted).await?;
        let wanted = Wanted {
            resource: FOR_SHOPPER,
            scope: "refunds:write",
        };
        Ok(self.flows.on_behalf(ASSISTANT, &signed_in.access, wanted).await?.access)
    }

    /// Plays a flow with the issuer's clock moved by `seconds`, so that nobody has to wait for time to pass.
    async fn at_another_time(
        &self,
        seconds: i64,
        flow: impl Future<Output = Result<Tokens, Failure>>,
    ) -> Result<Tokens, Failure> {
        self.issuer.set_clock_offset(seconds);
        let tokens = flow.await;
        self.issuer.set_clock_offset(0);
        tokens
    }
}

/// What becomes of the signature of a token that is tampered with.
enum Signature {
    Kept,
    None,
}

/// The token with other claims, as a forger would write it.
fn with_claims(token: &str, change: impl Fn(&str) -> String, signature: Signature) -> String {
    let mut parts = token.split('.');
    let (header, claims, signed) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let claims = URL_SAFE_NO_PAD.decode(claims).unwrap_or_default();
    let claims = URL_SAFE_NO_PAD.encode(change(&String::from_utf8_lossy(&claims)));
    match signature {
        Signature::Kept => format!("{header}.{claims}.{signed}"),
        Signature::None => format!(
            "{}.{claims}.",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"at+jwt"}"#)
        ),
    }
}
