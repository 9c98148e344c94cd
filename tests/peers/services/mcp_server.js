// The server of the TypeScript MCP SDK over streamable HTTP, with its defaults and no authorization of its own.

const http = require('node:http');
const { localhostHostValidation, localhostOriginValidation, toNodeHandler } = require('@modelcontextprotocol/node');
const { McpServer, createMcpHandler } = require('@modelcontextprotocol/server');
const { z } = require('zod');
const { listening } = require('./announce');

const text = (value) => ({ content: [{ type: 'text', text: value }] });

function orders() {
  const server = new McpServer({ name: 'orders', version: '1.0.0' });
  const inputSchema = z.object({ number: z.number() });
  server.registerTool('get_order', { description: 'An order', inputSchema }, ({ number }) => text(`order ${number}`));
  server.registerTool('delete_order', { description: 'Deletes an order', inputSchema }, ({ number }) => text(`deleted ${number}`));
  return server;
}

const handler = toNodeHandler(createMcpHandler(orders));
const [validHost, validOrigin] = [localhostHostValidation(), localhostOriginValidation()];
const server = http.createServer((request, response) => {
  const fields = ['mcp-protocol-version', 'mcp-method', 'mcp-name'].map((name) => request.headers[name] ?? '-');
  console.log('request', ...fields);
  if (validHost(request, response) && validOrigin(request, response)) {
    handler(request, response);
  }
});
server.listen(0, '127.0.0.1', () => listening(server));
