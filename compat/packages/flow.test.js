// @pangeacyber/vanilla-js, in an application with forms of its own.
import assert from 'node:assert/strict';

import { appCode } from '../browser/totp.js';
import { api, codeTo, device, development, messagesTo, messageTo, need, origin, password, pool, production, scenario, somebody, visit } from './application.js';

// start opens the application for a pool and begins a flow.
async function start(browser, { client }, email = '') {
  const window = await visit(browser, client);
  await window.page.goto('/flow.html');
  await begin(window.page, email);
  return window;
}

const begin = (page, email = '') => answer(page, 'start', { email }, 'Begin');

// answer fills in a form of the application, sends it, and waits for what came
// of it, which is "Done" unless something else is expected.
async function answer(page, name, fields = {}, button = 'Send', outcome = /^Done$/) {
  const form = page.getByRole('form', { name, exact: true });
  for (const [label, value] of Object.entries(fields)) await form.getByLabel(label, { exact: true }).fill(value);
  await form.getByRole('button', { name: button }).click();
  const status = page.getByRole('status');
  await status.filter({ hasText: /./ }).waitFor();
  assert.match(await status.innerText(), outcome);
}

const phase = (page) => page.getByRole('heading').first().innerText();
const offered = (page) => page.getByRole('form').evaluateAll((forms) => forms.map((form) => form.ariaLabel));
const session = (page) => page.evaluate(() => JSON.parse(localStorage.getItem('session')));

// finish completes the flow and returns the session, as the application keeps it.
async function finish(page, email) {
  assert.equal(await phase(page), 'phase_completed');
  await answer(page, 'complete', {}, 'Finish');
  assert.equal(await phase(page), `Hello, ${email}`);
  return session(page);
}

const signOut = (page) => answer(page, 'session', {}, 'Sign out');

// confirm opens the link of a mail on another device and presses its button.
async function confirm(browser, link, button) {
  const { context, page } = await visit(browser, {});
  await page.goto(link);
  await page.getByRole('button', { name: button }).click();
  await page.waitForURL(`${origin}/flow.html?**`);
  await context.close();
}

const names = { first_name: 'Ana', last_name: 'Roe' };

scenario('somebody signs up and in by a password; their session is refreshed and ended', async (browser) => {
  const verify = pool('VERIFY');
  const email = somebody();
  const { context, page, complaints } = await start(browser, verify);
  await answer(page, 'set_email', { email });
  await answer(page, 'password', { password: 'short' }, 'Send', /^ValidationError: /);
  await answer(page, 'password', { password });
  assert.equal(await phase(page), 'phase_profile');
  await answer(page, 'profile', names);
  assert.equal(await phase(page), 'phase_verify_email');
  // The package's verifyEmail sends the mail first, and looks from then on.
  await answer(page, 'verify_email');
  await confirm(browser, (await messageTo(email)).links[0], 'Confirm my e-mail address');
  await answer(page, 'verify_email');
  const { active_token: made } = await finish(page, email);
  assert.deepEqual(made.profile, names);
  await signOut(page);

  await begin(page, email);
  await answer(page, 'password', { password: `${password} not` }, 'Send', /^AuthenticationFailure: /);
  await answer(page, 'password', { password });
  const first = await finish(page, email);
  await answer(page, 'session', {}, 'Check');
  await answer(page, 'session', {}, 'Refresh');
  const second = await session(page);
  assert.notEqual(second.active_token.token, first.active_token.token);
  assert.notEqual(second.refresh_token.token, first.refresh_token.token);
  await answer(page, 'session', {}, 'Check');
  await signOut(page);
  assert.equal(await phase(page), 'Welcome');
  // What the application still has of the session is worth nothing.
  await page.evaluate((kept) => localStorage.setItem('session', JSON.stringify(kept)), second);
  await page.reload();
  await answer(page, 'session', {}, 'Check', /^InvalidToken: /);
  await answer(page, 'session', {}, 'Refresh', /^InvalidToken: /);
  assert.deepEqual(complaints, []);
  await context.close();
});

scenario('a forgotten password is replaced by the link of a mail', async (browser) => {
  const email = somebody();
  const { context, page, complaints } = await start(browser, pool(), email);
  await answer(page, 'password', { password });
  await answer(page, 'profile', names);
  await finish(page, email);
  await signOut(page);
  await begin(page, email);
  await answer(page, 'reset_password');
  await page.goto((await messageTo(email)).links[0]);
  await page.getByRole('button').first().click();
  await page.waitForURL(`${origin}/flow.html?**`);
  await answer(page, 'set_password', { password: `${password} new` });
  await finish(page, email);
  assert.deepEqual(complaints, []);
  await context.close();
});

scenario('a captcha stands before a sign-up, and before no sign-in', async (browser) => {
  const email = somebody();
  const { context, page, complaints } = await start(browser, pool('CAPTCHA'), email);
  assert.deepEqual(await offered(page), ['captcha', 'password']);
  await answer(page, 'password', { password });
  assert.equal(await phase(page), 'phase_captcha');
  await answer(page, 'captcha');
  await finish(page, email);
  await signOut(page);
  await begin(page, email);
  assert.ok(!(await offered(page)).includes('captcha'));
  await answer(page, 'password', { password });
  await finish(page, email);
  assert.deepEqual(complaints, []);
  await context.close();
});

scenario('somebody signs up and in by a code of a mail', async (browser) => {
  const email = somebody();
  const { context, page, complaints } = await start(browser, pool('MAILBOX'), email);
  for (const count of [1, 2]) {
    await answer(page, 'begin email_otp', {}, 'Begin');
    const code = await codeTo(email, count);
    await answer(page, 'email_otp', { code: code === '000000' ? '111111' : '000000' }, 'Send', /^AuthenticationFailure: /);
    await answer(page, 'email_otp', { code });
    await finish(page, email);
    await signOut(page);
    if (count === 1) await begin(page, email);
  }
  assert.deepEqual(complaints, []);
  await context.close();
});

scenario('a magic link lets in the window that asked for it, wherever it is opened', async (browser) => {
  const email = somebody();
  const { context, page, complaints } = await start(browser, pool('MAILBOX'), email);
  // The mail is read on another device, and this window looks whether it was.
  await answer(page, 'begin magiclink', {}, 'Begin');
  await answer(page, 'magiclink');
  assert.equal(await phase(page), 'phase_primary');
  await confirm(browser, (await messageTo(email)).links[0], 'Let me in');
  await answer(page, 'magiclink');
  await finish(page, email);
  await signOut(page);
  // The mail is read in this browser, which comes back to the application.
  await begin(page, email);
  await answer(page, 'begin magiclink', {}, 'Begin');
  await page.goto((await messageTo(email, 2)).links[0]);
  await page.getByRole('button', { name: 'Let me in' }).click();
  await page.waitForURL(`${origin}/flow.html?**`);
  await page.getByRole('status').getByText('Done').waitFor();
  await finish(page, email);
  assert.deepEqual(complaints, []);
  await context.close();
});

scenario('somebody signs up and in by a code of a text message', async (browser) => {
  const email = somebody();
  const phone = `+1808555${String(Date.now() % 10_000).padStart(4, '0')}`;
  const count = (await messagesTo(phone)).length;
  const { context, page, complaints } = await start(browser, pool('TEXTS'), email);
  await answer(page, 'begin sms_otp', { phone: '911' }, 'Begin', /^ValidationError: /);
  await answer(page, 'begin sms_otp', { phone }, 'Begin');
  await answer(page, 'sms_otp', { code: await codeTo(phone, count + 1) });
  await finish(page, email);
  await signOut(page);
  await begin(page, email);
  await answer(page, 'begin sms_otp', {}, 'Begin');
  await answer(page, 'sms_otp', { code: await codeTo(phone, count + 2) });
  await finish(page, email);
  assert.deepEqual(complaints, []);
  await context.close();
});

scenario('an app for codes is set up behind the password, and asked for from then on', async (browser) => {
  const email = somebody();
  const { context, page, complaints } = await start(browser, pool('GUARDED'), email);
  await answer(page, 'password', { password });
  assert.equal(await phase(page), 'phase_secondary');
  const image = page.getByRole('img');
  assert.ok(await image.evaluate((img) => img.decode().then(() => img.naturalWidth > 100)), 'the QR code is no picture');
  const secret = await image.getAttribute('alt');
  await answer(page, 'totp', { code: await appCode(secret) });
  await finish(page, email);
  await signOut(page);
  await begin(page, email);
  await answer(page, 'password', { password });
  assert.equal(await image.count(), 0);
  await answer(page, 'totp', { code: await appCode(secret, -3) }, 'Send', /^AuthenticationFailure: /);
  await answer(page, 'totp', { code: await appCode(secret, 1) });
  await finish(page, email);
  assert.deepEqual(complaints, []);
  await context.close();
});

scenario('somebody signs up with a passkey, and in with it, named or not', async (browser) => {
  const passkeys = pool('PASSKEYS');
  const email = somebody();
  const { context, page, complaints } = await start(browser, passkeys, email);
  const phone = await device(page);
  await answer(page, 'passkey');
  await finish(page, email);
  const [credential] = await phone.credentials();
  assert.equal(credential.rpId, 'localhost');
  for (const named of [email, '']) {
    await signOut(page);
    await begin(page, named);
    await answer(page, 'passkey');
    await finish(page, email);
  }
  assert.equal((await phone.credentials())[0].signCount, credential.signCount + 2);
  assert.deepEqual((await api(passkeys, '/v2/user/authenticators/list', { email })).authenticators.map((a) => a.type), ['passkey']);
  assert.deepEqual(complaints, []);
  await context.close();

  // A device that has no passkey refuses, and another way goes on.
  const other = await start(browser, passkeys, email);
  await device(other.page);
  await answer(other.page, 'passkey', {}, 'Send', /NotAllowedError/);
  assert.equal(await phase(other.page), 'phase_primary');
  await other.context.close();
});

scenario('a flow to an application asks what that may have, and its tokens are for it', async (browser) => {
  const oauth = pool('OAUTH');
  oauth.client.clientId = need('GATEHOUSE_OAUTH_PARTNER_ID');
  const email = somebody();
  const { context, page, complaints } = await start(browser, oauth, email);
  await answer(page, 'password', { password });
  assert.equal(await phase(page), 'phase_oauth_consent');
  assert.deepEqual(await offered(page), ['oauth_consent']);
  await answer(page, 'oauth_consent');
  const { active_token, client_id, scope } = await finish(page, email);
  assert.deepEqual([client_id, scope, active_token.client_id, active_token.scopes], [oauth.client.clientId, 'openid email reports', client_id, ['openid', 'email', 'reports']]);
  await signOut(page);
  assert.deepEqual(complaints, []);
  await context.close();
});

scenario('agreements are read and accepted', async (browser) => {
  const agreements = pool('AGREEMENTS');
  const made = [];
  for (const type of ['eula', 'privacy_policy']) {
    made.push(await api(agreements, '/v2/agreements/create', { type, name: type, text: `The ${type} for people of packages.`, active: true }));
  }
  const email = somebody();
  const { context, page, complaints } = await start(browser, agreements, email);
  await answer(page, 'password', { password });
  await answer(page, 'profile', names);
  assert.equal(await phase(page), 'phase_agreements');
  assert.deepEqual(await page.getByRole('article').allInnerTexts(), made.map((agreement) => agreement.text));
  await answer(page, 'agreements');
  await finish(page, email);
  const who = await api(agreements, '/v2/user/profile/get', { email });
  assert.deepEqual([who.accepted_eula_id, who.accepted_privacy_policy_id], made.map((agreement) => agreement.id));
  assert.deepEqual(complaints, []);
  await context.close();
});

scenario('people go by a name, with a telephone number and a second factor', async (browser) => {
  const email = somebody();
  const username = `p${Date.now()}`;
  const { context, page, complaints } = await start(browser, pool('NAMES'), email);
  await answer(page, 'set_username', { username });
  await answer(page, 'set_phone', { phone: '+442079460000' });
  await answer(page, 'password', { password });
  assert.equal(await phase(page), 'phase_secondary');
  await answer(page, 'begin email_otp', {}, 'Begin');
  await answer(page, 'email_otp', { code: await codeTo(email) });
  await finish(page, email);
  await signOut(page);
  await begin(page);
  await answer(page, 'set_username', { username });
  await answer(page, 'password', { password });
  await answer(page, 'begin email_otp', {}, 'Begin');
  await answer(page, 'email_otp', { code: await codeTo(email, 2) });
  await finish(page, email);
  assert.deepEqual(complaints, []);
  await context.close();
});

scenario('the packages reach the server by each address that they can be given', async (browser) => {
  const { client } = pool();
  for (const [settings, reached] of [
    [{ domain: development }, `http://authn.${development}/v2/flow/start`],
    [{ domain: production }, `https://authn.${production}/v2/flow/start`],
    [{ domain: production, apiPathPrefix: '/auth/' }, `${origin}/auth/v2/flow/start`],
    [{ domain: production, apiPathPrefix: `http://${development}/` }, `http://${development}/v2/flow/start`],
  ]) {
    const { context, page, complaints } = await visit(browser, { ...client, ...settings });
    const called = page.waitForResponse((response) => response.url().endsWith('/v2/flow/start') && response.request().method() === 'POST');
    await page.goto('/flow.html');
    await begin(page, somebody());
    assert.equal((await called).url(), reached);
    assert.ok((await offered(page)).includes('password'));
    assert.deepEqual(complaints, []);
    await context.close();
  }
});

scenario('a refusal is read by the application, from another origin too', async (browser) => {
  const { client } = pool();
  // The package can read an answer only if it says which origins may.
  const stranger = await start(browser, { client }, somebody());
  await answer(stranger.page, 'password', { password: 'short' }, 'Send', /^ValidationError: /);
  await stranger.context.close();

  const { context, page } = await visit(browser, { ...client, clientToken: 'pcl_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' });
  await page.goto('/flow.html');
  await answer(page, 'start', {}, 'Begin', /^Unauthorized: /);
  await context.close();

  // A flow for signing in alone is not one for somebody new.
  const signin = await visit(browser, { ...client, flows: { signup: false } });
  await signin.page.goto('/flow.html');
  await begin(signin.page, somebody());
  await answer(signin.page, 'password', { password }, 'Send', /^AuthenticationFailure: /);
  await signin.context.close();
});
