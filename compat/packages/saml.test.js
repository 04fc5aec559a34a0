// A SAML identity provider of others, in an application that vanilla-js keeps the
// flow of.
import assert from 'node:assert/strict';

import { origin, pool, scenario, visit } from './application.js';

async function press(page, name) {
  await page.getByRole('button', { name, exact: true }).click();
}

const heading = (page, text) => page.getByRole('heading', { name: text, exact: true }).first().waitFor();

scenario('somebody signs up and in through a SAML provider', async (browser) => {
  const { context, page, complaints } = await visit(browser, pool('SAML').client);
  for (const first of [true, false]) {
    await page.goto('/flow.html');
    await press(page, 'Begin');
    await page.getByRole('form', { name: 'saml', exact: true }).getByRole('button', { name: 'Send' }).click();
    // The provider remembers who has signed in there.
    if (first) {
      await page.locator('input[name=username]').fill('ada');
      await page.locator('input[name=password]').fill('of-tests');
      await page.locator('button[type=submit], input[type=submit]').first().click();
    }
    await page.waitForURL(`${origin}/flow.html?**code=**`);
    await heading(page, 'phase_completed');
    await press(page, 'Finish');
    await heading(page, 'Hello, ada@example.org');
    const session = await page.evaluate(() => JSON.parse(localStorage.getItem('session')));
    assert.deepEqual(session.active_token.profile, { first_name: 'Ada', last_name: 'Lovelace' });
    await press(page, 'Sign out');
    await heading(page, 'Welcome');
  }
  assert.deepEqual(complaints, []);
  await context.close();
});
