// node-oidc-provider with its development pages: any name signs in. It issues JWT access tokens for any resource on loopback.
// POST /rotate replaces its keys.

const http = require('node:http');
const { generateKeyPairSync, randomUUID } = require('node:crypto');
const { json } = require('node:stream/consumers');
const { Provider } = require('oidc-provider');
const { listening } = require('./announce');

const SCOPES = ['orders:read', 'refunds:write', 'mcp:use', 'mcp:admin'];

const clients = [
  {
    client_id: 'storefront',
    client_secret: 'storefront-secret',
    application_type: 'native',
    grant_types: ['authorization_code'],
    redirect_uris: ['http://127.0.0.1/callback'],
  },
  {
    client_id: 'night-batch',
    client_secret: 'night-batch-secret',
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  },
];

const key = (type, options, algorithm) => {
  const jwk = generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' });
  return { ...jwk, kid: randomUUID(), use: 'sig', alg: algorithm };
};

const getResourceServerInfo = (context, resource) => ({
  scope: SCOPES.join(' '),
  audience: resource,
  accessTokenFormat: 'jwt',
  jwt: { sign: { alg: 'ES256' } },
});

const provider = (issuer) => new Provider(issuer, {
  clients,
  scopes: ['openid', 'offline_access', ...SCOPES],
  jwks: { keys: [key('ec', { namedCurve: 'P-256' }, 'ES256'), key('rsa', { modulusLength: 2048 }, 'RS256')] },
  cookies: { keys: [randomUUID()] },
  features: {
    clientCredentials: { enabled: true },
    registration: { enabled: true },
    resourceIndicators: { enabled: true, getResourceServerInfo, useGrantedResource: () => true },
  },
});

let answer;
const server = http.createServer(async (request, response) => {
  if (request.url === '/rotate') {
    answer = provider(issuer()).callback();
    response.end();
    return;
  }
  // MCP SDKs register with the scopes of their first challenge. They do not limit what the client can request later.
  if (request.method === 'POST' && request.url === '/reg') {
    const { scope, ...metadata } = await json(request);
    request.body = metadata;
  }
  answer(request, response);
});
const issuer = () => `http://127.0.0.1:${server.address().port}`;
server.listen(0, '127.0.0.1', () => {
  answer = provider(issuer()).callback();
  listening(server);
});
