// A person in a real browser uses the pages of the bundled issuer: narrow and dark, wide and light.
// Arguments: the URL of the issuer, and a folder for screenshots. Each page is checked by axe-core (WCAG 2 A and AA).

const { chromium } = require('playwright-core');
const axe = require('axe-core');

const [issuer, folder] = process.argv.slice(2);
const ORDERS = 'https://orders.example';
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const VIEWS = [
  { name: 'narrow', viewport: { width: 360, height: 740 }, colorScheme: 'dark' },
  { name: 'wide', viewport: { width: 1280, height: 800 }, colorScheme: 'light' },
];

async function post(path, client, form) {
  const response = await fetch(issuer + path, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${client}:${client}-secret`)}` },
    body: new URLSearchParams(form),
  });
  return response.json();
}

function authorization(client, scope) {
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: client,
    redirect_uri: `https://${client}.example/callback`,
    scope,
    resource: ORDERS,
    state: 's',
    code_challenge: CHALLENGE,
    code_challenge_method: 'S256',
    prompt: 'consent',
  });
  return `${issuer}/authorize?${query}`;
}

class Person {
  static async open(browser, view) {
    // The check of accessibility is a script, which the pages do not allow.
    const context = await browser.newContext({ ...view, bypassCSP: true });
    // Where the browser comes back to does not exist.
    await context.route('https://*.example/**', (route) => route.fulfill({ body: 'the application' }));
    const page = await context.newPage();
    page.on('pageerror', (error) => {
      throw error;
    });
    return Object.assign(new Person(), { page, view });
  }

  async looksAt(name) {
    await this.page.screenshot({ path: `${folder}/${name}-${this.view.name}.png`, fullPage: true });
    await this.page.evaluate(axe.source);
    const found = await this.page.evaluate(() => window.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] }));
    const wide = await this.page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
    const faults = found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
    if (faults.length > 0 || wide) {
      throw new Error(`${name}-${this.view.name}: ${wide ? 'wider than the window ' : ''}${faults.join('; ')}`);
    }
    console.log(`looked at ${name}-${this.view.name}`);
  }

  async signsIn(password = 'wonderland') {
    await this.page.getByLabel('Name').fill('alice');
    await this.page.getByLabel('Password').fill(password);
    await this.page.getByRole('button', { name: 'Sign in' }).click();
  }

  async chooses(name) {
    await this.page.getByRole('button', { name }).click();
  }

  callback() {
    return new URL(this.page.url()).searchParams;
  }
}

async function login(person) {
  await person.page.goto(authorization('storefront', 'openid orders:read'));
  await person.looksAt('sign-in');
  await person.signsIn('a wrong one');
  await person.looksAt('sign-in-again');
  await person.signsIn();
  await person.looksAt('consent-application');
  await person.chooses('Deny');
  await person.page.waitForURL('https://storefront.example/**');
  expect('denial', person.callback().get('error'), 'access_denied');
  await person.page.goto(authorization('assistant', 'openid offline_access orders:read refunds:write'));
  await person.looksAt('consent-agent');
  await person.chooses('Allow');
  await person.page.waitForURL('https://assistant.example/**');
  const tokens = await post('/token', 'assistant', {
    grant_type: 'authorization_code',
    code: person.callback().get('code'),
    redirect_uri: 'https://assistant.example/callback',
    code_verifier: VERIFIER,
  });
  expect('login', tokens.token_type, 'Bearer');
}

async function approval(person) {
  const asked = { scope: 'openid orders:read', resource: ORDERS, login_hint: 'alice', binding_message: 'Order 17' };
  for (const [choice, outcome] of [['Deny', 'access_denied'], ['Allow', undefined]]) {
    const { auth_req_id } = await post('/bc-authorize', 'assistant', asked);
    await person.page.goto(`${issuer}/ciba`);
    await person.looksAt('approvals');
    await person.page.getByRole('link', { name: 'Shopping assistant' }).click();
    await person.looksAt('approval');
    await person.chooses(choice);
    await person.looksAt(choice === 'Allow' ? 'approved' : 'denied');
    const grant = { grant_type: 'urn:openid:params:grant-type:ciba', auth_req_id };
    const tokens = await post('/token', 'assistant', grant);
    expect(`approval ${choice}`, tokens.error, outcome);
  }
}

async function device(person) {
  const response = await fetch(`${issuer}/device_authorization`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: 'terminal', scope: 'orders:read', resource: ORDERS }),
  });
  const { device_code, user_code, verification_uri } = await response.json();
  await person.page.goto(verification_uri);
  await person.looksAt('device');
  await person.page.getByLabel('code').fill('BBBB-BBBB');
  await person.chooses('Continue');
  await person.looksAt('device-again');
  await person.page.getByLabel('code').fill(user_code.toLowerCase());
  await person.chooses('Continue');
  await person.looksAt('device-approval');
  await person.chooses('Allow');
  const grant = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code, client_id: 'terminal' };
  const tokens = await fetch(`${issuer}/token`, { method: 'POST', body: new URLSearchParams(grant) });
  expect('device', (await tokens.json()).token_type, 'Bearer');
}

async function lists(person) {
  await person.page.goto(`${issuer}/activity`);
  await person.looksAt('activity');
  await person.page.locator('.list a').first().click();
  await person.looksAt('transaction');
  await person.page.goto(`${issuer}/consents`);
  await person.looksAt('consents');
  await person.chooses('Withdraw terminal');
  expect('withdrawal', await person.page.getByRole('button', { name: 'Withdraw terminal' }).count(), 0);
  const error = authorization('storefront', 'orders:read').replace('storefront.example', 'elsewhere.example');
  await person.page.goto(error);
  await person.looksAt('error');
}

function expect(what, found, expected) {
  if (found !== expected) {
    throw new Error(`${what}: ${found} instead of ${expected}`);
  }
  console.log(`did ${what}`);
}

(async () => {
  const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args });
  try {
    for (const view of VIEWS) {
      const person = await Person.open(browser, view);
      for (const step of [login, approval, device, lists]) {
        await step(person);
      }
    }
    console.log('done');
  } finally {
    await browser.close();
  }
})().catch((error) => {
  console.log(`failed ${String(error.message).split('\n').join(' ')}`);
  process.exitCode = 1;
});
