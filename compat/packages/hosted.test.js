// @pangeacyber/react-auth, in an application that leaves signing in to the hosted
// pages.
import assert from 'node:assert/strict';

import { api, origin, password, pool, scenario, somebody, visit } from './application.js';

// person makes somebody with a password.
async function person(of) {
  const email = somebody();
  const { flow_id } = await api(of, '/v2/flow/start', { email });
  await api(of, '/v2/flow/update', { flow_id, choice: 'password', data: { password } });
  await api(of, '/v2/flow/update', { flow_id, choice: 'profile', data: { profile: { first_name: 'Ana', last_name: 'Roe' } } });
  await api(of, '/v2/flow/complete', { flow_id });
  return email;
}

const enter = (browser, { client, loginUrl }, settings = {}) => visit(browser, { ...client, loginUrl, ...settings });

// signIn goes from the application through the hosted pages back to it.
async function signIn(page, email, path = '/') {
  await page.goto(path);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByLabel('E-mail address').fill(email);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Hello, Ana' }).waitFor();
}

const shown = (page, label) => page.getByLabel(label, { exact: true }).innerText();
const stranger = (page) => page.getByRole('heading', { name: 'Hello, stranger' }).waitFor();
const isGone = async (of, token) => assert.rejects(api(of, '/v2/client/token/check', { token }), /token/i);

// renewed waits until the application has another token.
const renewed = (page, token) => page.getByLabel('Token', { exact: true }).filter({ hasNotText: token }).filter({ hasText: /^ptu_/ }).waitFor();

scenario('the hosted pages lead back with a code, which the package exchanges; it keeps, refreshes and ends the session', async (browser) => {
  const main = pool();
  const email = await person(main);
  const { context, page, complaints } = await enter(browser, main);
  await signIn(page, email);
  // Neither code nor state stay in the address.
  assert.equal(page.url(), `${origin}/`);
  assert.deepEqual([await shown(page, 'Name'), await shown(page, 'Address')], [email, email]);
  const first = await shown(page, 'Token');

  // A page that is opened again asks whether the token still holds.
  const checked = page.waitForResponse('**/v2/client/token/check');
  await page.reload();
  assert.equal((await checked).status(), 200);
  await page.getByRole('heading', { name: 'Hello, Ana' }).waitFor();
  assert.equal(await shown(page, 'Token'), first);

  await page.getByRole('button', { name: 'Refresh' }).click();
  await renewed(page, first);
  const second = await shown(page, 'Token');

  const left = page.waitForResponse('**/v2/client/session/logout');
  await page.getByRole('button', { name: 'Sign out' }).click();
  assert.equal((await left).status(), 200);
  await stranger(page);
  await isGone(main, second);
  assert.equal(await page.evaluate(() => localStorage.getItem('pangea-session')), null);
  assert.deepEqual(complaints, []);
  await context.close();
});

scenario('a token that is about to expire is refreshed by the package on its own', async (browser) => {
  const main = pool();
  const email = await person(main);
  const { context, page, complaints } = await enter(browser, main);
  await page.clock.install();
  await signIn(page, email);
  const first = await shown(page, 'Token');
  const { life } = await page.evaluate(() => JSON.parse(localStorage.getItem('pangea-session')).user.active_token);
  await page.clock.fastForward((life - 20) * 1000);
  await renewed(page, first);
  assert.deepEqual(complaints, []);
  await context.close();
});

scenario('a session that was ended elsewhere ends in the application at the next refresh', async (browser) => {
  const main = pool();
  const email = await person(main);
  const { context, page } = await enter(browser, main);
  await signIn(page, email);
  const { identity } = await api(main, '/v2/client/token/check', { token: await shown(page, 'Token') });
  await api(main, '/v2/session/logout', { user_id: identity });
  await page.getByRole('button', { name: 'Refresh' }).click();
  await stranger(page);
  await context.close();
});

scenario('the package keeps its tokens in cookies and signs out at the hosted pages, where the application wants that', async (browser) => {
  const main = pool();
  const email = await person(main);
  const { context, page, complaints } = await enter(browser, main, { cookieOptions: { useCookie: true }, redirectOnLogout: true });
  await signIn(page, email);
  const kept = async () => (await context.cookies(origin)).filter((c) => c.name.startsWith('pangea-')).map((c) => c.name).sort();
  assert.deepEqual(await kept(), ['pangea-refresh', 'pangea-token']);
  const left = page.waitForRequest('**/logout?**');
  await page.getByRole('button', { name: 'Sign out' }).click();
  assert.equal(new URL((await left).url()).searchParams.get('local_redirect_uri'), origin);
  await stranger(page);
  assert.equal(new URL(page.url()).origin, origin);
  assert.deepEqual(await kept(), []);
  assert.deepEqual(complaints, []);
  await context.close();
});

scenario('signed tokens are checked in the browser, with the keys of the pool', async (browser) => {
  const signed = pool('SIGNED');
  const email = await person(signed);
  const { context, page, complaints } = await enter(browser, signed, { useJwt: true });
  const keys = page.waitForResponse('**/v2/client/jwks');
  await signIn(page, email);
  assert.equal((await keys).status(), 200);
  assert.match(await shown(page, 'Token'), /^eyJ/);
  await page.reload();
  await page.getByRole('heading', { name: 'Hello, Ana' }).waitFor();
  assert.deepEqual([await shown(page, 'Name'), await shown(page, 'Address')], [email, email]);
  assert.deepEqual(complaints, []);
  await context.close();
});

scenario('an application passes an address on, and the hosted pages begin with it', async (browser) => {
  const main = pool();
  const email = await person(main);
  const { context, page, complaints } = await enter(browser, main, { passAuthMethod: true });
  await page.goto(`/?email=${encodeURIComponent(email)}&pm=spring`);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Hello, Ana' }).waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});

scenario('a code works once, and only where its sign-in was begun', async (browser) => {
  const main = pool();
  const email = await person(main);
  const { context, page } = await enter(browser, main);
  const arrived = page.waitForRequest(`${origin}/?**`);
  await signIn(page, email);
  const back = (await arrived).url();
  const { state } = Object.fromEntries(new URL(back).searchParams);
  assert.ok(state);

  // Who is led there with somebody else's code has not begun anything.
  const other = await enter(browser, main);
  await other.page.goto(back);
  await other.page.getByRole('alert').getByText('Invalid session state').waitFor();
  // And where that is not looked at, the code is spent.
  await other.context.addInitScript((known) => localStorage.setItem('state', known), state);
  await other.page.goto(back);
  await other.page.getByRole('alert').filter({ hasNotText: 'Invalid session state' }).waitFor();
  await stranger(other.page);
  await other.context.close();
  await context.close();
});
