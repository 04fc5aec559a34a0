// The applications, built and served as a customer would, and what their tests
// share.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

import { build, preview } from 'vite';

import { withChromium } from '../browser/chromium.js';

// Nothing is waited for longer than this, in milliseconds.
const patience = 60_000;

const url = need('GATEHOUSE_URL');
const inbox = need('GATEHOUSE_INBOX');
// A proxy that speaks TLS for the server, whatever name it is called by.
const secure = need('GATEHOUSE_SECURE_ADDRESS');
export const password = 'a phrase for the packages 9';

// With such a domain the packages call http://authn.localhost:PORT, and with any
// other one https://authn.DOMAIN.
export const development = `localhost:${new URL(url).port}`;
export const production = 'example.com';

// pool is what an application knows of a pool of the server.
export function pool(name = '') {
  const prefix = name && `${name}_`;
  return {
    service: need(`GATEHOUSE_${prefix}SERVICE_TOKEN`),
    client: { domain: development, clientToken: need(`GATEHOUSE_${prefix}CLIENT_TOKEN`) },
    loginUrl: need(`GATEHOUSE_${prefix}LOGIN_URL`),
  };
}

export function need(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: the tests are run by go test ./compat`);
  return value;
}

// Chromium takes the proxy for this name's server.
export const scenario = withChromium([`--host-resolver-rules=MAP authn.${production} ${secure}`]);

// The applications are built into a folder of their own and served. Everything
// that the server has is below /auth/ too, as behind a proxy that the
// application has for itself.
process.chdir(import.meta.dirname);
const outDir = await mkdtemp(join(tmpdir(), 'gatehouse-packages-'));
await build({ build: { outDir } });
const server = await preview({
  build: { outDir },
  preview: { host: '127.0.0.1', port: 0, proxy: { '/auth/': { target: url, rewrite: (path) => path.slice('/auth'.length) } } },
});
export const origin = `http://localhost:${server.httpServer.address().port}`;
after(async () => {
  await server.close();
  await rm(outDir, { recursive: true });
}, { timeout: patience });

// visit opens a window of its own, in which the applications have these
// settings. Every complaint of a page is kept.
export async function visit(browser, settings) {
  // The certificate is one of tests.
  const context = await browser.newContext({ baseURL: origin, ignoreHTTPSErrors: true });
  context.setDefaultTimeout(patience);
  const complaints = [];
  context.on('weberror', (error) => complaints.push(String(error.error())));
  context.on('console', (message) => {
    // An answer of 400 is no fault of the page, and the package knows nothing of recovery codes.
    if (['error', 'warning'].includes(message.type()) && !/status of 4\d\d|Unknown choice/.test(message.text())) complaints.push(message.text());
  });
  await context.addInitScript((known) => { window.settings = known; }, settings);
  return { context, page: await context.newPage(), complaints };
}

let people = 0;
export const somebody = () => `packages.${process.pid}.${Date.now()}.${++people}@example.org`;

async function request(address, options) {
  return (await fetch(address, { ...options, signal: AbortSignal.timeout(patience) })).json();
}

export const messagesTo = (address) => request(`${inbox}?to=${encodeURIComponent(address)}`);

// messageTo waits for so many mails or text messages and returns the newest.
export async function messageTo(address, count = 1) {
  for (let tries = 0; tries < 100; tries++) {
    const messages = await messagesTo(address);
    if (messages.length >= count) return messages[0];
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`message ${count} to ${address} did not come`);
}

// codeTo is the code in a mail or a text message.
export async function codeTo(address, count) {
  return (await messageTo(address, count)).codes[0];
}

// api calls the server as the application's own server does.
export async function api({ service }, path, body) {
  const { status, summary, result } = await request(`${url}${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${service}` },
    body: JSON.stringify(body),
  });
  assert.equal(status, 'Success', summary);
  return result;
}

// device gives a window an authenticator, which belongs to that window.
export async function device(page) {
  const session = await page.context().newCDPSession(page);
  await session.send('WebAuthn.enable');
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  return { credentials: async () => (await session.send('WebAuthn.getCredentials', { authenticatorId })).credentials };
}
