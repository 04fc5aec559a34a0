// Somebody who comes in through another provider: a real one, of others.
import assert from 'node:assert/strict';

import { api, arrived, authorize, callback, scenario, social, somebody, visit } from './browser.js';

// SCREENSHOTS names a folder for pictures of the pages, to be looked at.
const picture = (page, name) => process.env.SCREENSHOTS && page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}.png` });

// visiting opens a window that reaches this machine alone: the provider's pages ask
// for a font elsewhere.
async function visiting(browser, options) {
  const window = await visit(browser, options);
  const elsewhere = (url) => !['127.0.0.1', 'localhost'].includes(url.hostname) && !url.href.startsWith(callback);
  await window.context.route(elsewhere, (route) => route.fulfill({ contentType: 'text/css', body: '' }));
  return window;
}

// agree signs in at the provider, on its own pages.
async function agree(page, name) {
  await page.locator('input[name=login]').fill(name);
  await page.locator('input[name=password]').fill('any');
  await page.locator('button[type=submit]').click();
  await page.locator('input[name=login]').waitFor({ state: 'detached' });
  await page.locator('button[type=submit]').click();
}

scenario('somebody signs up and in through a provider', async (browser) => {
  const email = somebody();
  for (const [screen, heading] of [['signup', 'Create an account'], ['signin', 'Sign in']]) {
    const { context, page, complaints } = await visiting(browser);
    await page.goto(authorize({ screen }, social.login));
    await page.getByRole('heading', { name: heading }).waitFor();
    await picture(page, `social-${screen}`);
    await page.getByRole('link', { name: 'Continue with Example' }).click();
    await agree(page, email);
    const { code, state } = await arrived(page);
    assert.match(code, /^pmc_/);
    assert.equal(state, 'state-of-the-application');
    const { result } = await api('/v2/client/userinfo', { code }, social.service);
    assert.deepEqual([result.active_token.email, result.active_token.profile], [email, { first_name: 'Ana', last_name: 'Roe' }]);
    assert.deepEqual(complaints, []);
    await context.close();
  }
});

scenario('whoever changes their mind at the provider is back where they began', async (browser) => {
  const { context, page, complaints } = await visiting(browser, { viewport: { width: 390, height: 844 }, javaScriptEnabled: false });
  await page.goto(authorize({ social: 'google' }, social.login)); // as an application may ask for
  await page.getByRole('link', { name: 'Cancel' }).click();
  await page.getByText('You could not be signed in that way.').waitFor();
  await picture(page, 'social-refused');
  await page.getByRole('link', { name: 'Continue with Example' }).click();
  const email = `rumour.${somebody()}`;
  await agree(page, email);
  // The provider does not vouch for this address: it is proved by mail.
  await page.getByRole('heading', { name: 'Check your mail' }).waitFor();
  await picture(page, 'social-mail');
  assert.deepEqual(complaints, []);
  await context.close();
});
