import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { api, arrived, authorize, launch, mailTo, password, signUp, somebody, visit } from './browser.js';

let browser;
before(async () => { browser = await launch(); });
after(async () => { await browser.close(); });

test('sign-up ends at the application with a code that gives tokens, once', async () => {
  const email = somebody();
  const { code, state, complaints } = await signUp(browser, email);
  assert.match(code, /^pmc_[a-z2-7]{32}$/);
  assert.equal(state, 'state-of-the-application');
  assert.deepEqual(complaints, []);
  const first = await api('/v2/client/userinfo', { code });
  assert.equal(first.status, 'Success');
  assert.equal(first.result.active_token.email, email);
  assert.deepEqual(first.result.active_token.profile, { first_name: 'Ana', last_name: 'Roe' });
  assert.equal((await api('/v2/client/userinfo', { code })).status, 'InvalidToken');
  assert.equal((await api('/v2/user/profile/get', { email })).result.verified, true);
});

test('sign-in works without JavaScript', async () => {
  const email = somebody();
  await signUp(browser, email);
  const { context, page, complaints } = await visit(browser, { javaScriptEnabled: false });
  await page.goto(authorize());
  await page.getByLabel('E-mail address').fill(email);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByLabel('Password').fill('not this one');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').getByText(/wrong/).waitFor();
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  assert.match((await arrived(page)).code, /^pmc_/);
  assert.deepEqual(complaints, []);
  await context.close();
});

test('a forgotten password is replaced where the mail is read, and nowhere else', async () => {
  const email = somebody();
  await signUp(browser, email);
  const { context, page } = await visit(browser);
  await page.goto(authorize({ email }));
  await page.getByRole('button', { name: 'Forgot your password?' }).click();
  await page.getByRole('heading', { name: 'Check your mail' }).waitFor();
  const mail = await mailTo(email, /password/i);
  const phone = await visit(browser, { viewport: { width: 390, height: 844 } });
  await phone.page.goto(mail.links[0]);
  await phone.page.getByRole('button').click();
  await phone.page.getByLabel('New password').fill(`${password} new`);
  await phone.page.getByRole('button').first().click();
  const { code } = await arrived(phone.page);
  assert.equal((await api('/v2/client/userinfo', { code })).status, 'Success');
  await phone.page.goto(mail.links[0]);
  await phone.page.getByText(/no longer works/).first().waitFor();
  await phone.context.close();
  // The window that asked for the mail has nothing to go on with.
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('heading', { name: 'This page has expired' }).waitFor();
  await context.close();
});

test('an address that has an account looks the same in sign-up, and is told by mail', async () => {
  const known = somebody();
  await signUp(browser, known);
  const looks = [];
  for (const email of [known, somebody()]) {
    const { context, page } = await visit(browser);
    await page.goto(authorize({ screen: 'signup' }));
    await page.getByLabel('E-mail address').fill(email);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('heading', { name: 'Check your mail' }).waitFor();
    looks.push((await page.locator('main').innerText()).replaceAll(email, 'EMAIL').replace(/\d+ seconds?/, 'N seconds'));
    await context.close();
  }
  assert.equal(looks[0], looks[1]);
  assert.match((await mailTo(known, /already/i)).text, /already/i);
});

test('W1: scripts of a page see no cookie, and W13: password managers are welcome', async () => {
  const { context, page } = await visit(browser);
  await page.goto(authorize());
  assert.equal(await page.evaluate(() => document.cookie), '');
  const [cookie] = await context.cookies();
  assert.equal(cookie.httpOnly, true);
  assert.equal(cookie.sameSite, 'Lax');
  assert.equal(await page.getByLabel('E-mail address').getAttribute('autocomplete'), 'username');
  await page.getByLabel('E-mail address').fill(somebody());
  await page.getByRole('button', { name: 'Continue' }).click();
  const field = page.getByLabel('Password');
  assert.equal(await field.getAttribute('autocomplete'), 'current-password');
  await field.evaluate((input) => {
    const paste = new ClipboardEvent('paste', { bubbles: true, cancelable: true, clipboardData: new DataTransfer() });
    if (!input.dispatchEvent(paste)) throw new Error('pasting was prevented');
  });
  await context.close();
});

test('an address that is not registered is never gone to', async () => {
  const { context, page } = await visit(browser);
  const answer = await page.goto(authorize({ redirect_uri: 'https://evil.example/cb' }));
  assert.equal(answer.status(), 400);
  assert.equal(new URL(page.url()).hostname, new URL(authorize()).hostname);
  await context.close();
});
