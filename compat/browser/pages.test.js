import assert from 'node:assert/strict';

import { agreements, api, arrived, authorize, mailTo, password, scenario, signUp, somebody, visit } from './browser.js';

scenario('sign-up ends at the application with a code that gives tokens, once', async (browser) => {
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

scenario('sign-in works without JavaScript', async (browser) => {
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

scenario('a forgotten password is replaced where the mail is read, and nowhere else', async (browser) => {
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

scenario('an address that has an account looks the same in sign-up, and is told by mail', async (browser) => {
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

scenario('W1: scripts of a page see no cookie, and W13: password managers are welcome', async (browser) => {
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

scenario('an address that is not registered is never gone to', async (browser) => {
  const { context, page } = await visit(browser);
  const answer = await page.goto(authorize({ redirect_uri: 'https://evil.example/cb' }));
  assert.equal(answer.status(), 400);
  assert.equal(new URL(page.url()).hostname, new URL(authorize()).hostname);
  await context.close();
});

scenario('agreements are read and ticked, and W5: they bring nothing but text', async (browser) => {
  const call = async (path, body) => {
    const { status, result, summary } = await api(path, body, agreements.service);
    assert.equal(status, 'Success', summary);
    return result;
  };
  const hostile = '<script>window.broken = 1</script><img src=x onerror="window.broken = 1"><form action="https://evil.example"><button>Win</button></form>'
    + '\n\n[click](javascript:window.broken=1) ![seen](https://evil.example/seen.png)\n\n';
  const text = `# Be good\n\n${hostile}See [why](https://acme.example/why). ${'x'.repeat(2000)}\n\n${'Another line.\n\n'.repeat(100)}`;
  const eula = await call('/v2/agreements/create', { type: 'eula', name: 'Terms of <b>Acme</b>', text, active: true });
  const privacy = await call('/v2/agreements/create', { type: 'privacy_policy', name: 'Privacy', text: 'Nothing is kept.', active: true });
  // Somebody signs up elsewhere, and leaves before they have accepted.
  const email = somebody();
  const { flow_id } = await call('/v2/flow/start', { email });
  await call('/v2/flow/update', { flow_id, choice: 'password', data: { password } });
  await call('/v2/flow/update', { flow_id, choice: 'profile', data: { profile: {} } });

  const { context, page, complaints } = await visit(browser, { viewport: { width: 390, height: 844 } });
  const asked = [];
  page.on('dialog', (dialog) => { asked.push(dialog.message()); dialog.dismiss(); });
  page.on('request', (request) => { if (/evil/.test(request.url())) asked.push(request.url()); });
  await page.goto(authorize({ email }, agreements.login));
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Before you go on' }).waitFor();
  await page.getByRole('heading', { name: 'Be good' }).waitFor();
  const first = page.getByLabel('I have read and accept: Terms of <b>Acme</b>');
  const second = page.getByLabel('I have read and accept: Privacy');
  assert.deepEqual([await first.isChecked(), await second.isChecked()], [false, false]);
  assert.equal(await page.locator('main :is(script, img, b, form form)').count(), 0);
  assert.equal(await page.getByRole('button').count(), 1);
  assert.equal(await page.getByRole('link').count(), 1);
  assert.equal(await page.getByRole('link', { name: 'why' }).getAttribute('rel'), 'nofollow noreferrer noopener');
  assert.equal(await page.evaluate(() => window.broken), undefined);
  // A long text is read in a place of its own, which the keyboard reaches, and no line leaves the screen.
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth));
  const region = page.getByRole('region', { name: 'Terms of <b>Acme</b>' }).and(page.locator('.text'));
  await region.focus();
  for (let tries = 0; (await region.evaluate((text) => text.scrollTop)) === 0; tries++) {
    assert.ok(tries < 100, 'the keyboard does not reach the end of the text');
    await page.keyboard.press('End'); // a busy Chromium forgets one now and then
    await page.waitForTimeout(100);
  }

  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('alert').getByText('Please read and tick what you agree to.').waitFor();
  await second.check();
  await page.getByRole('button', { name: 'Continue' }).click();
  await second.waitFor({ state: 'detached' });
  await first.check();
  await page.getByRole('button', { name: 'Continue' }).click();
  assert.match((await arrived(page)).code, /^pmc_/);
  assert.deepEqual([complaints, asked], [[], []]);
  const who = await call('/v2/user/profile/get', { email });
  assert.deepEqual([who.accepted_eula_id, who.accepted_privacy_policy_id], [eula.id, privacy.id]);
  await context.close();
});
