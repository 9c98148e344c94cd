// openid-client runs each grant and endpoint of the bundled issuer that it has. Argument: the URL of the issuer.
// It prints `open URL` where a person signs in and comes back, and `approve URL` where a person decides elsewhere.

const client = require('openid-client');
const { listen, run } = require('./application');

const [issuer] = process.argv.slice(2);
const ORDERS = 'https://orders.example';
const SHOPPER = 'https://shopper.example';

async function configuration(id, secret, authentication) {
  const options = { execute: [client.allowInsecureRequests] };
  return client.discovery(new URL(issuer), id, secret, authentication, options);
}

function expect(what, holds) {
  if (!holds) {
    throw new Error(what);
  }
  console.log(`did ${what}`);
}

async function refused(promise, error) {
  const found = await promise.then(() => 'nothing', (reason) => reason.error);
  return found === error;
}

run(async () => {
  const assistant = await configuration('assistant', 'assistant-secret', client.ClientSecretBasic('assistant-secret'));
  const api = await configuration('orders-api', 'orders-api-secret');
  const isActive = async (token) => (await client.tokenIntrospection(api, token)).active;

  // Pushed authorization request, code with PKCE, ID token, UserInfo.
  const application = await listen();
  console.log(`callback ${application.redirectUri}`);
  const terminal = await configuration('terminal', undefined, client.None());
  const verifier = client.randomPKCECodeVerifier();
  const [state, nonce] = [client.randomState(), client.randomNonce()];
  const url = await client.buildAuthorizationUrlWithPAR(terminal, {
    redirect_uri: application.redirectUri,
    scope: 'openid offline_access orders:read orders:write',
    resource: ORDERS,
    state,
    nonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  expect('pushed request', url.searchParams.has('request_uri') && !url.searchParams.has('scope'));
  const callback = await application.signIn(url);
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce };
  const tokens = await client.authorizationCodeGrant(terminal, callback, checks);
  expect('ID token', tokens.claims().sub === 'alice');
  expect('UserInfo', (await client.fetchUserInfo(terminal, tokens.access_token, 'alice')).sub === 'alice');

  // Refresh with rotation, introspection, revocation.
  const refreshed = await client.refreshTokenGrant(terminal, tokens.refresh_token, { scope: 'orders:read' });
  expect('rotation', refreshed.refresh_token !== tokens.refresh_token && refreshed.scope === 'orders:read');
  expect('introspection', await isActive(refreshed.access_token));
  await client.tokenRevocation(terminal, refreshed.refresh_token);
  expect('revocation', !(await isActive(refreshed.access_token)));
  expect('refusal after it', await refused(client.refreshTokenGrant(terminal, refreshed.refresh_token), 'invalid_grant'));

  // Client credentials, then an exchange by the agent that the token is for.
  const warehouse = await configuration('warehouse', 'warehouse-secret');
  const own = await client.clientCredentialsGrant(warehouse, { scope: 'orders:read', resource: ORDERS });
  expect('client credentials', await isActive(own.access_token));
  const first = await client.clientCredentialsGrant(assistant, { scope: 'orders:read', resource: SHOPPER });
  const shopper = await configuration('shopper', 'shopper-secret');
  const exchanged = await client.genericGrantRequest(shopper, 'urn:ietf:params:oauth:grant-type:token-exchange', {
    subject_token: first.access_token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    resource: ORDERS,
    scope: 'orders:read',
  });
  const { act } = await client.tokenIntrospection(api, exchanged.access_token);
  expect('exchange', act.sub === 'shopper');

  // The device grant, and backchannel authentication.
  const device = await client.initiateDeviceAuthorization(terminal, { scope: 'orders:read', resource: ORDERS });
  console.log(`approve ${device.verification_uri_complete}`);
  const connected = await client.pollDeviceAuthorizationGrant(terminal, device);
  expect('device', await isActive(connected.access_token));
  const asked = await client.initiateBackchannelAuthentication(assistant, {
    scope: 'openid orders:read',
    resource: ORDERS,
    login_hint: 'alice',
    binding_message: 'Order 17',
  });
  console.log(`approve ${issuer}/ciba`);
  const approved = await client.pollBackchannelAuthenticationGrant(assistant, asked);
  expect('backchannel authentication', approved.claims().sub === 'alice');

  // Dynamic registration.
  const metadata = { redirect_uris: ['http://127.0.0.1/callback'], token_endpoint_auth_method: 'none' };
  const options = { execute: [client.allowInsecureRequests] };
  const registered = await client.dynamicClientRegistration(new URL(issuer), metadata, client.None(), options);
  expect('registration', registered.clientMetadata().client_id.length > 0);
});
