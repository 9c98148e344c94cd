// An editor with yaml-language-server: opens files, and asks what the server offers at a place. Each argument is
// QUESTION:LINE:COLUMN:FILE with places from 0; `complete`, `hover` or `check`. Prints a line `answer` with JSON for each.
'use strict';

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

const server = spawn(process.execPath, [require.resolve('yaml-language-server/bin/yaml-language-server'), '--stdio']);
server.stderr.pipe(process.stderr);
server.on('exit', (code) => {
  console.log(`failed: the server has ended with ${code}`);
  process.exit(1);
});

const waiting = new Map();
const published = new Map();
const opened = new Set();
let sent = 0;
let received = Buffer.alloc(0);

function write(message) {
  const body = JSON.stringify({ jsonrpc: '2.0', ...message });
  server.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

function request(method, params) {
  sent += 1;
  write({ id: sent, method, params });
  return new Promise((resolve) => waiting.set(sent, resolve));
}

function answer(message) {
  if (message.method === 'textDocument/publishDiagnostics') {
    published.get(message.params.uri)?.(message.params.diagnostics);
  } else if (message.method && message.id !== undefined) {
    // The server asks for settings; it is to have its own, and to fetch no catalogue of schemas.
    const items = message.params?.items ?? [];
    const settings = (item) => (item.section === 'yaml' ? { validate: true, hover: true, completion: true, schemaStore: { enable: false } } : {});
    write({ id: message.id, result: items.map(settings) });
  } else if (message.id !== undefined) {
    if (message.error) console.log(`failed: ${JSON.stringify(message.error)}`);
    waiting.get(message.id)?.(message.result);
  }
}

server.stdout.on('data', (data) => {
  received = Buffer.concat([received, data]);
  for (;;) {
    const end = received.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = Number(/Content-Length: (\d+)/i.exec(received.subarray(0, end).toString())[1]);
    if (received.length < end + 4 + length) return;
    const body = received.subarray(end + 4, end + 4 + length).toString();
    received = received.subarray(end + 4 + length);
    answer(JSON.parse(body));
  }
});

const textOf = (documentation) => documentation?.value ?? documentation ?? '';

async function ask(question) {
  const [kind, line, character, ...rest] = question.split(':');
  const file = path.resolve(rest.join(':'));
  const uri = pathToFileURL(file).href;
  const diagnostics = new Promise((resolve) => {
    if (kind === 'check') published.set(uri, resolve);
  });
  if (!opened.has(uri)) {
    opened.add(uri);
    const text = fs.readFileSync(file, 'utf8');
    write({ method: 'textDocument/didOpen', params: { textDocument: { uri, languageId: 'yaml', version: 1, text } } });
  }
  const place = { textDocument: { uri }, position: { line: Number(line), character: Number(character) } };
  if (kind === 'complete') {
    const list = await request('textDocument/completion', place);
    return list.items.map((item) => ({ label: item.label, documentation: textOf(item.documentation) }));
  }
  if (kind === 'hover') {
    return textOf((await request('textDocument/hover', place))?.contents);
  }
  return (await diagnostics).map((found) => ({ line: found.range.start.line, message: found.message, severity: found.severity }));
}

async function main() {
  await request('initialize', {
    processId: process.pid,
    rootUri: null,
    capabilities: {
      workspace: { configuration: true },
      textDocument: { completion: { completionItem: { documentationFormat: ['markdown'] } }, hover: { contentFormat: ['markdown'] } },
    },
  });
  write({ method: 'initialized', params: {} });
  for (const answer of await Promise.all(process.argv.slice(2).map(ask))) {
    console.log(`answer ${JSON.stringify(answer)}`);
  }
  process.exit(0);
}

main().catch((error) => {
  console.log(`failed: ${error.stack}`);
  process.exit(1);
});
