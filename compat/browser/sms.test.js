// Codes by text message, where people meet them.
import assert from 'node:assert/strict';

import { arrived, authorize, mailsTo, proveMailbox, scenario, somebody, texts, visit } from './browser.js';

// SCREENSHOTS names a folder for pictures of the pages, to be looked at.
const picture = (page, name) => process.env.SCREENSHOTS && page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}.png` });

// codeTo waits for so many text messages and returns the digits in the newest.
async function codeTo(phone, count) {
  for (let tries = 0; tries < 100; tries++) {
    const messages = await mailsTo(phone);
    if (messages.length >= count) return messages[0].codes[0];
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no code came to ${phone}`);
}

scenario('a code by text message signs somebody up and in', async (browser) => {
  const email = somebody();
  const phone = `+1808555${String(Date.now() % 10_000).padStart(4, '0')}`;
  const count = (await mailsTo(phone)).length;
  const { context, page, complaints } = await visit(browser);
  await page.goto(authorize({ screen: 'signup' }, texts));
  await page.getByLabel('E-mail address').fill(email);
  await page.getByRole('button', { name: 'Continue' }).click();
  await proveMailbox(page, email);
  await page.getByRole('link', { name: 'Get a code by text message instead' }).click();
  await picture(page, 'text-number');
  await page.getByLabel('Telephone number').fill('911');
  await page.getByRole('button', { name: 'Send the code' }).click();
  await page.getByRole('alert').getByText(/not a telephone number/).waitFor();
  await picture(page, 'text-number-wrong');
  await page.getByLabel('Telephone number').fill(phone);
  await page.getByRole('button', { name: 'Send the code' }).click();
  const field = page.getByLabel('Code');
  assert.equal(await field.getAttribute('autocomplete'), 'one-time-code');
  await picture(page, 'text-code');
  await field.fill(await codeTo(phone, count + 1));
  await page.getByRole('button', { name: 'Continue' }).click();
  assert.match((await arrived(page)).code, /^pmc_/);
  await context.close();

  const again = await visit(browser);
  await again.page.goto(authorize({ email }, texts));
  await again.page.getByRole('link', { name: 'Get a code by text message instead' }).click();
  await again.page.getByRole('button', { name: 'Send the code' }).click();
  assert.ok(!(await again.page.locator('main').innerText()).includes(phone), 'the page tells the number');
  await picture(again.page, 'text-code-signin');
  await again.page.getByLabel('Code').fill(await codeTo(phone, count + 2));
  await again.page.getByRole('button', { name: 'Continue' }).click();
  assert.match((await arrived(again.page)).code, /^pmc_/);
  assert.deepEqual([...complaints, ...again.complaints], []);
  await again.context.close();
});
