// The ways in beside a password, where people meet them.
import assert from 'node:assert/strict';

import { arrived, authorize, codeTo, guarded, mailbox, mailTo, names, password, proveMailbox, scenario, somebody, visit } from './browser.js';
import { appCode } from './totp.js';

// SCREENSHOTS names a folder for pictures of the pages, to be looked at.
const picture = (page, name) => process.env.SCREENSHOTS && page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}.png` });

scenario('a code by e-mail signs somebody up and in', async (browser) => {
  const email = somebody();
  for (const query of [{ screen: 'signup' }, {}]) {
    const { context, page, complaints } = await visit(browser);
    await page.goto(authorize(query, mailbox));
    await page.getByLabel('E-mail address').fill(email);
    await page.getByRole('button', { name: 'Continue' }).click();
    await picture(page, query.screen ? 'first-signup' : 'first-signin');
    await page.getByRole('link', { name: 'Get a code by e-mail instead' }).click();
    await picture(page, 'code-unsent');
    await page.getByRole('button', { name: 'Send the code' }).click();
    const code = await codeTo(email, query.screen ? 2 : 3);
    const field = page.getByLabel('Code');
    assert.equal(await field.getAttribute('autocomplete'), 'one-time-code');
    await field.fill(code[0] === '0' ? '111111' : '000000');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('This is not the code that we sent last.').waitFor();
    await picture(page, 'code-wrong');
    await page.getByLabel('Code').fill(`${code.slice(0, 3)} ${code.slice(3)}`);
    await page.getByRole('button', { name: 'Continue' }).click();
    assert.match((await arrived(page)).code, /^pmc_/);
    assert.deepEqual(complaints, []);
    await context.close();
  }
});

scenario('a magic link lets in the window that asked for it', async (browser) => {
  const email = somebody();
  const { context, page } = await visit(browser);
  await page.goto(authorize({ email }, mailbox));
  await page.getByRole('link', { name: 'Get a link by e-mail instead' }).click();
  await page.getByRole('button', { name: 'Send the link' }).click();
  await page.getByRole('heading', { name: 'Check your mail' }).waitFor();
  // Nobody has this address: nothing was sent, and the page looks the same.
  await picture(page, 'link-sent');
  await context.close();

  const first = await visit(browser);
  await first.page.goto(authorize({ screen: 'signup' }, mailbox));
  await first.page.getByLabel('E-mail address').fill(email);
  await first.page.getByRole('button', { name: 'Continue' }).click();
  await first.page.getByRole('link', { name: 'Get a link by e-mail instead' }).click();
  await first.page.getByRole('button', { name: 'Send the link' }).click();
  const mail = await mailTo(email, /link to sign in/i);
  const phone = await visit(browser, { viewport: { width: 390, height: 844 } });
  await phone.page.goto(mail.links[0]);
  await picture(phone.page, 'link-page');
  await phone.page.getByRole('button', { name: 'Let me in' }).click();
  await phone.page.getByRole('heading', { name: 'Done' }).waitFor();
  await phone.context.close();
  await first.page.getByRole('button', { name: 'Continue' }).click();
  assert.match((await arrived(first.page)).code, /^pmc_/);
  assert.deepEqual(first.complaints, []);
  await first.context.close();
});

scenario('people go by a name, and a code follows upon their password', async (browser) => {
  const email = somebody();
  const name = `n${Date.now()}`;
  const { context, page, complaints } = await visit(browser);
  await page.goto(authorize({ screen: 'signup' }, names));
  await page.getByLabel('E-mail address').fill(email);
  await page.getByRole('button', { name: 'Continue' }).click();
  await proveMailbox(page, email);
  await page.getByLabel('Username').fill('two words');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('alert').getByText(/2 to 320/).waitFor();
  await picture(page, 'username-wrong');
  await page.getByLabel('Username').fill(name);
  await page.getByRole('button', { name: 'Continue' }).click();
  await picture(page, 'named-password');
  await page.getByRole('link', { name: 'Add a telephone number' }).click();
  await picture(page, 'phone');
  await page.getByLabel('Telephone number').fill('+44 20 7946 0000');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Continue' }).click();
  await picture(page, 'second');
  await page.getByLabel('Code').fill(await codeTo(email, 2));
  await page.getByRole('button', { name: 'Continue' }).click();
  assert.match((await arrived(page)).code, /^pmc_/);
  await context.close();

  const again = await visit(browser);
  await again.page.goto(authorize({}, names));
  await again.page.getByLabel('Username').fill(name.toUpperCase());
  await again.page.getByRole('button', { name: 'Continue' }).click();
  await again.page.getByLabel('Password').fill(password);
  await again.page.getByRole('button', { name: 'Sign in' }).click();
  assert.ok(!(await again.page.locator('main').innerText()).includes(email), 'the page tells the address');
  await again.page.getByLabel('Code').fill(await codeTo(email, 3));
  await again.page.getByRole('button', { name: 'Continue' }).click();
  assert.match((await arrived(again.page)).code, /^pmc_/);
  assert.deepEqual([...complaints, ...again.complaints], []);
  await again.context.close();
});

scenario('an app is set up and used, and a recovery code stands for it, without a script', async (browser) => {
  const email = somebody();
  const { context, page, complaints } = await visit(browser, { javaScriptEnabled: false });
  await page.goto(authorize({ screen: 'signup' }, guarded));
  await page.getByLabel('E-mail address').fill(email);
  await page.getByRole('button', { name: 'Continue' }).click();
  await proveMailbox(page, email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Continue' }).click();
  const drawn = await page.getByRole('img', { name: /QR code for Acme/ }).boundingBox();
  assert.ok(drawn.width > 150 && drawn.width === drawn.height, `the QR code is ${drawn.width} by ${drawn.height}`);
  await picture(page, 'app-setup');
  const key = await page.locator('code').innerText();
  await page.getByLabel('Code').fill(await appCode(key));
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('heading', { name: 'Keep these recovery codes' }).waitFor();
  await picture(page, 'recovery-codes');
  const codes = await page.getByRole('listitem').allInnerTexts();
  assert.equal(codes.length, 10);
  await page.getByRole('button', { name: 'I have kept them' }).click();
  assert.match((await arrived(page)).code, /^pmc_/);
  for (const way of ['app', 'code']) {
    await page.goto(authorize({ email }, guarded));
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await picture(page, `second-${way}`);
    if (way === 'code') {
      await page.getByRole('link', { name: 'Use a recovery code instead' }).click();
      await picture(page, 'recovery-code');
      await page.getByLabel('Recovery code').fill(codes[0].toUpperCase());
    } else {
      await page.getByLabel('Code').fill(await appCode(key, 1));
    }
    await page.getByRole('button', { name: 'Continue' }).click();
    assert.match((await arrived(page)).code, /^pmc_/);
  }
  assert.deepEqual(complaints, []);
  await context.close();
});
