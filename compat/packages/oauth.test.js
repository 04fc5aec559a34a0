// @pangeacyber/oauth-js, in a page of another site that runs in a browser and
// keeps no secret.
import assert from 'node:assert/strict';

import { api, need, origin, password, pool, scenario, somebody, visit } from './application.js';

const clientId = need('GATEHOUSE_OAUTH_PAGE_ID');
const callbackUri = `${origin}/oauth.html`;

async function person(of) {
  const email = somebody();
  const { flow_id } = await api(of, '/v2/flow/start', { email });
  await api(of, '/v2/flow/update', { flow_id, choice: 'password', data: { password } });
  await api(of, '/v2/flow/complete', { flow_id });
  return email;
}

// The package drops the port of the metadata's address unless it loads it.
const enter = (browser, { loginUrl }, more = {}) => visit(browser, {
  clientId, callbackUri, metadataUrl: `${loginUrl}/.well-known/oauth-authorization-server`, loadMetadata: true, ...more,
});

const is = (page, state) => page.getByRole('heading', { name: state, exact: true }).waitFor();
const shown = (page, label) => page.getByLabel(label, { exact: true });

async function signIn(page, email) {
  await page.goto('/oauth.html');
  await is(page, 'NOAUTH');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByLabel('E-mail address').fill(email);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await shown(page, 'Name').filter({ hasText: email }).waitFor();
  await token(page);
}

// The page looks into the package's storage 20 times a second, so a page that
// has just been loaded shows the token a moment after the name.
async function token(page) {
  const token = shown(page, 'Token').filter({ hasText: /\S/ });
  await token.waitFor();
  return token.innerText();
}

const active = async (of, text) => (await (await fetch(`${of.loginUrl}/v1beta/oauth/token/introspect`, { method: 'POST', body: new URLSearchParams({ client_id: clientId, token: text }) })).json()).active;

for (const format of ['opaque', 'jwt']) {
  scenario(`the package signs in, goes on after a reload, refreshes and signs out (${format} tokens)`, async (browser) => {
    const of = format === 'jwt' ? pool('OAUTH_SIGNED') : pool('OAUTH');
    const own = format === 'jwt' ? { clientId: need('GATEHOUSE_OAUTH_SIGNED_PAGE_ID') } : {};
    const { context, page, complaints } = await enter(browser, of, own);
    const email = await person(of);
    await signIn(page, email);
    // Neither code nor state stay in the address; whose answer it was (RFC 9207)
    // the package does not know, and leaves.
    const at = new URL(page.url());
    assert.deepEqual([at.origin + at.pathname, [...at.searchParams.keys()]], [callbackUri, ['iss']]);
    const first = await token(page);
    assert.match(first, format === 'jwt' ? /^eyJ/ : /^ptu_/);

    await page.reload();
    await shown(page, 'Name').filter({ hasText: email }).waitFor();
    assert.equal(await token(page), first);

    await page.getByRole('button', { name: 'Refresh' }).click();
    await shown(page, 'Token').filter({ hasNotText: first }).filter({ hasText: /\S/ }).waitFor();
    const second = await token(page);

    const left = page.waitForResponse('**/v1beta/oauth/logout');
    await page.getByRole('button', { name: 'Sign out' }).click();
    assert.equal((await left).status(), 200);
    await is(page, 'NOAUTH');
    if (format === 'opaque') for (const text of [first, second]) assert.equal(await active(of, text), false);
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

scenario('a token that is about to expire is refreshed by the package on its own', async (browser) => {
  const of = pool('OAUTH');
  const email = await person(of);
  const { context, page, complaints } = await enter(browser, of);
  await page.clock.install();
  await page.goto('/oauth.html');
  await page.clock.runFor(1000);
  await signIn(page, email);
  const first = await token(page);
  await page.clock.fastForward((600 - 10) * 1000);
  await page.clock.runFor(11_000);
  await shown(page, 'Token').filter({ hasNotText: first }).filter({ hasText: /^ptu_/ }).waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});
