// The server of the TypeScript MCP SDK with the tools, resources and prompts that the MCP conformance suite calls.

const http = require('node:http');
const { localhostHostValidation, localhostOriginValidation, toNodeHandler } = require('@modelcontextprotocol/node');
const { McpServer, ResourceTemplate, completable, createMcpHandler, fromJsonSchema } = require('@modelcontextprotocol/server');
const { z } = require('zod');
const { listening } = require('./announce');

// One black pixel, and a header of a sound without samples.
const IMAGE = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';
const SOUND = Buffer.from('RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\0\0\0\0', 'latin1').toString('base64');

const text = (value) => ({ type: 'text', text: value });
const image = { type: 'image', data: IMAGE, mimeType: 'image/png' };
const sound = { type: 'audio', data: SOUND, mimeType: 'audio/wav' };
const embedded = (uri) => ({ type: 'resource', resource: { uri, mimeType: 'text/plain', text: 'An embedded resource.' } });
const message = (content) => ({ role: 'user', content });

function tools(server) {
  const tool = (name, content) => server.registerTool(name, { description: name }, () => ({ content }));
  tool('test_simple_text', [text('This is a simple text response for testing.')]);
  tool('test_image_content', [image]);
  tool('test_audio_content', [sound]);
  tool('test_embedded_resource', [embedded('test://embedded-resource')]);
  tool('test_multiple_content_types', [text('Multiple content types:'), image, embedded('test://mixed-content-resource')]);
  server.registerTool('test_error_handling', { description: 'Fails' }, () => {
    throw new Error('This tool intentionally returns an error for testing');
  });
  server.registerTool('test_tool_with_progress', { description: 'Reports its progress' }, async (context) => {
    const { mcpReq } = context;
    for (const progress of [0, 50, 100]) {
      const params = { progressToken: mcpReq._meta?.progressToken, progress, total: 100 };
      await mcpReq.notify({ method: 'notifications/progress', params });
    }
    return { content: [text('Done.')] };
  });
  for (const name of ['test_tool_with_logging', 'test_logging_tool']) {
    server.registerTool(name, { description: 'Logs' }, async ({ mcpReq }) => {
      for (const data of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
        await mcpReq.log('info', data);
      }
      return { content: [text('Done.')] };
    });
  }
  const region = { type: 'string', 'x-mcp-header': 'Region' };
  const inputSchema = fromJsonSchema({ type: 'object', properties: { region } });
  server.registerTool('test_custom_headers', { description: 'Mirrors an argument', inputSchema }, () => ({ content: [text('Done.')] }));
}

function resources(server) {
  const resource = (name, uri, content) => server.registerResource(name, uri, {}, () => ({ contents: [{ uri, ...content }] }));
  resource('static-text', 'test://static-text', { mimeType: 'text/plain', text: 'This is the content of the static text resource.' });
  resource('static-binary', 'test://static-binary', { mimeType: 'image/png', blob: IMAGE });
  const template = new ResourceTemplate('test://template/{id}/data', { list: undefined });
  server.registerResource('template', template, {}, (uri, { id }) => {
    const data = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` });
    return { contents: [{ uri: uri.href, mimeType: 'application/json', text: data }] };
  });
}

function prompts(server) {
  const prompt = (name, argsSchema, messages) => {
    server.registerPrompt(name, { description: name, argsSchema }, (values) => ({ messages: messages(values) }));
  };
  const any = (value) => (value ? [value] : ['one', 'two']);
  prompt('test_simple_prompt', undefined, () => [message(text('This is a simple prompt for testing.'))]);
  prompt('test_prompt_with_arguments', z.object({ arg1: completable(z.string(), any), arg2: z.string() }), ({ arg1, arg2 }) => [
    message(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  ]);
  prompt('test_prompt_with_embedded_resource', z.object({ resourceUri: z.string() }), ({ resourceUri }) => [
    message(embedded(resourceUri)),
    message(text('Please process the embedded resource above.')),
  ]);
  prompt('test_prompt_with_image', undefined, () => [message(image), message(text('Please analyze the image above.'))]);
}

const handler = toNodeHandler(createMcpHandler(() => {
  const capabilities = { logging: {} };
  const server = new McpServer({ name: 'conformance', version: '1.0.0' }, { capabilities });
  tools(server);
  resources(server);
  prompts(server);
  return server;
}));

const [validHost, validOrigin] = [localhostHostValidation(), localhostOriginValidation()];
const server = http.createServer((request, response) => {
  if (validHost(request, response) && validOrigin(request, response)) {
    handler(request, response);
  }
});
server.listen(0, '127.0.0.1', () => listening(server));
