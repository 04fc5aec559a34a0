// Somebody who comes in through a SAML identity provider: SimpleSAMLphp.
import assert from 'node:assert/strict';

import { api, arrived, authorize, saml, scenario, visit } from './browser.js';

// SCREENSHOTS names a folder for pictures of the pages, to be looked at.
const picture = (page, name) => process.env.SCREENSHOTS && page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}.png` });

// agree signs in at the provider, on its own pages.
async function agree(page, name) {
  await page.locator('input[name=username]').fill(name);
  await page.locator('input[name=password]').fill('of-tests');
  await page.locator('button[type=submit], input[type=submit]').first().click();
}

// who fetches the tokens of whoever arrived.
async function who(page) {
  const { code, state } = await arrived(page);
  const { result } = await api('/v2/client/userinfo', { code }, saml.service);
  return { state, ...result.active_token };
}

scenario('somebody signs up and in through a SAML provider, on another site', async (browser) => {
  assert.notEqual(new URL(saml.login).hostname, new URL(saml.provider).hostname, 'the cookies of the pages are of the same site as the provider');
  for (const [screen, heading] of [['signup', 'Create an account'], ['signin', 'Sign in']]) {
    const { context, page, complaints } = await visit(browser);
    await page.goto(authorize({ screen }, saml.login));
    await page.getByRole('heading', { name: heading }).waitFor();
    await picture(page, `saml-${screen}`);
    await page.getByRole('link', { name: 'Continue with Acme SSO' }).click();
    await agree(page, 'ada');
    const { state, email, profile } = await who(page);
    assert.deepEqual([state, email, profile], ['state-of-the-application', 'ada@example.org', { first_name: 'Ada', last_name: 'Lovelace' }]);
    assert.deepEqual(complaints.filter((text) => !text.includes(saml.provider)), []);
    await context.close();
  }
});

scenario('our pages of it work without JavaScript', async (browser) => {
  const { context, page } = await visit(browser, { viewport: { width: 390, height: 844 }, javaScriptEnabled: false });
  await page.goto(authorize({ screen: 'signup' }, saml.login));
  await page.getByRole('link', { name: 'Continue with Acme SSO' }).click();
  await agree(page, 'grace');
  await page.locator('#postLoginSubmitButton').dispatchEvent('click'); // what its script does, or its button
  assert.equal((await who(page)).email, 'grace@elsewhere.example');
  await context.close();
});

scenario('somebody begins at the provider', async (browser) => {
  const { context, page } = await visit(browser);
  const ours = `${saml.login}/flow/saml/acme/metadata`;
  await page.goto(`${saml.provider}/saml2/idp/SSOService.php?${new URLSearchParams({ spentityid: ours, RelayState: 'https://evil.example/' })}`);
  await agree(page, 'ada');
  await page.getByRole('heading', { name: 'You are signed in' }).waitFor();
  await picture(page, 'saml-begun');
  assert.equal(new URL(page.url()).pathname, `${new URL(saml.login).pathname}/login-success`);
  await context.close();
});
