// openid-client finds the authorization server by the metadata of an API, and a missing scope by its challenge.
// Arguments: the URL of the API, the client and its secret.

const oauth = require('oauth4webapi');
const client = require('openid-client');
const { listen, run } = require('./application');

const [api, clientId, secret] = process.argv.slice(2);
const insecure = { [oauth.allowInsecureRequests]: true };

async function metadata() {
  const refused = await fetch(`${api}/orders/1`);
  const challenge = refused.headers.get('www-authenticate') ?? '';
  console.log(`without a token ${refused.status}`);
  const [, location] = /resource_metadata="([^"]*)"/.exec(challenge) ?? [];
  const [, scope] = /scope="([^"]*)"/.exec(challenge) ?? [];
  const named = await oauth.processResourceDiscoveryResponse(new URL(api), await fetch(location));
  const wellKnown = await oauth.resourceDiscoveryRequest(new URL(api), insecure);
  const found = await oauth.processResourceDiscoveryResponse(new URL(api), wellKnown);
  if (JSON.stringify(named) !== JSON.stringify(found)) {
    throw new Error(`${location} and the well-known address differ`);
  }
  return { ...named, scope };
}

async function token(config, application, resource, scope) {
  const verifier = client.randomPKCECodeVerifier();
  const state = client.randomState();
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: application.redirectUri,
    scope,
    resource,
    state,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  const callback = await application.signIn(url);
  const checks = { pkceCodeVerifier: verifier, expectedState: state };
  const granted = await client.authorizationCodeGrant(config, callback, checks, { resource });
  return granted.access_token;
}

run(async () => {
  const application = await listen();
  const { authorization_servers: [issuer], resource, scope } = await metadata();
  const options = { execute: [client.allowInsecureRequests] };
  const config = await client.discovery(new URL(issuer), clientId, secret, client.ClientSecretBasic(secret), options);

  const reader = await token(config, application, resource, scope);
  const read = await client.fetchProtectedResource(config, reader, new URL(`${api}/orders/1`), 'GET');
  console.log(`with the scope of the challenge ${read.status}`);

  const refund = (bearer) => client.fetchProtectedResource(config, bearer, new URL(`${api}/refunds`), 'POST');
  const refused = await refund(reader).catch((error) => error);
  const [{ parameters }] = refused.cause;
  console.log(`without a scope ${refused.status} ${parameters.error}`);
  const writer = await token(config, application, resource, parameters.scope);
  console.log(`with the scopes of the challenge ${(await refund(writer)).status}`);
});
