// A client of the TypeScript MCP SDK with its own OAuth flow: it lists the tools and calls two, the second with another scope.
// Arguments: the URL of the server, a file for what the client keeps, the major version of the SDK, and the mode of version
// negotiation or `default`; then a further grant, if the client is to register for one.

const { readFileSync, writeFileSync } = require('node:fs');
const { listen, run } = require('./application');

const [url, file, version, mode, grant] = process.argv.slice(2);
const { Client, StreamableHTTPClientTransport, UnauthorizedError } = version === '1'
  ? {
    ...require('@modelcontextprotocol/sdk/client/index.js'),
    ...require('@modelcontextprotocol/sdk/client/streamableHttp.js'),
    ...require('@modelcontextprotocol/sdk/client/auth.js'),
  }
  : require('@modelcontextprotocol/client');

// What the SDK asks an application to keep.
class Memory {
  constructor(application) {
    this.application = application;
    this.redirectUrl = application.redirectUri;
    this.clientMetadata = { client_name: 'peer', redirect_uris: [application.redirectUri], application_type: 'native' };
    if (grant) {
      this.clientMetadata.grant_types = ['authorization_code', grant];
    }
    this.kept = JSON.parse(readFileSync(file, 'utf8') || '{}');
  }
  keep(kept) {
    Object.assign(this.kept, kept);
    writeFileSync(file, JSON.stringify(this.kept));
  }
  clientInformation() { return this.kept.client; }
  saveClientInformation(client) { this.keep({ client }); }
  tokens() { return this.kept.tokens; }
  saveTokens(tokens) {
    this.keep({ tokens });
    console.log(`granted ${tokens.scope}`);
  }
  codeVerifier() { return this.verifier; }
  saveCodeVerifier(verifier) { this.verifier = verifier; }
  redirectToAuthorization(address) { this.callback = this.application.signIn(address); }
}

run(async () => {
  const memory = new Memory(await listen());
  const options = mode === 'default' ? {} : { versionNegotiation: { mode } };
  let client;
  let transport;
  const connect = async () => {
    client = new Client({ name: 'peer', version: '1.0.0' }, options);
    transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: memory });
    await client.connect(transport);
  };
  // Signs in when the SDK says so, and does it again.
  const authorized = async (action) => {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof UnauthorizedError)) {
        throw error;
      }
      const { searchParams } = await memory.callback;
      await transport.finishAuth(version === '1' ? searchParams.get('code') : searchParams);
      return action();
    }
  };
  const call = async (name) => {
    const { content: [{ text }] } = await authorized(() => client.callTool({ name, arguments: { number: 7 } }));
    console.log(`called ${text}`);
  };

  await authorized(connect);
  const { tools } = await client.listTools();
  console.log(`tools ${tools.map(({ name }) => name).sort().join(' ')}`);
  await call('get_order');
  await call('delete_order');
  await client.close();
});
