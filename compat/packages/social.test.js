// A real OpenID provider of others, in an application that vanilla-js keeps the
// flow of.
import assert from 'node:assert/strict';

import { origin, pool, scenario, somebody, visit } from './application.js';

// outside answers what the provider's pages ask for elsewhere, which is a font.
const outside = (url) => !['127.0.0.1', 'localhost', 'authn.localhost'].includes(url.hostname);

async function press(page, name) {
  await page.getByRole('button', { name, exact: true }).click();
}

const heading = (page, text) => page.getByRole('heading', { name: text, exact: true }).first().waitFor();

scenario('somebody signs up and in through a provider', async (browser) => {
  const email = somebody();
  const { context, page, complaints } = await visit(browser, pool('SOCIAL').client);
  await context.route(outside, (route) => route.fulfill({ contentType: 'text/css', body: '' }));
  for (const first of [true, false]) {
    await page.goto('/flow.html');
    await press(page, 'Begin');
    const leave = page.getByRole('form', { name: 'social', exact: true }).getByRole('button', { name: 'Send' });
    if (first) {
      // Whoever changes their mind is back in the flow, which goes on.
      await leave.click();
      await page.getByRole('link', { name: 'Cancel' }).click();
      await page.waitForURL(`${origin}/flow.html?**error=access_denied**`);
      await page.getByText('AuthenticationFailure: ').waitFor();
    }
    await leave.click();
    // The provider remembers who has agreed: the second time it asks nothing.
    if (first) {
      await page.locator('input[name=login]').fill(email);
      await page.locator('input[name=password]').fill('any');
      await page.locator('button[type=submit]').click();
      await page.locator('input[name=login]').waitFor({ state: 'detached' });
      await page.locator('button[type=submit]').click();
    }
    await page.waitForURL(`${origin}/flow.html?**code=**`);
    await heading(page, 'phase_completed');
    await press(page, 'Finish');
    await heading(page, `Hello, ${email}`);
    const session = await page.evaluate(() => JSON.parse(localStorage.getItem('session')));
    assert.deepEqual(session.active_token.profile, { first_name: 'Ana', last_name: 'Roe' });
    await press(page, 'Sign out');
    await heading(page, 'Welcome');
  }
  assert.deepEqual(complaints, []);
  await context.close();
});
