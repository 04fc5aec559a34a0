// Somebody who was made by an application, where they meet the pages.
import assert from 'node:assert/strict';

import { api, arrived, authorize, mailTo, mailsTo, passkeys, scenario, somebody, texts, visit } from './browser.js';

// SCREENSHOTS names a folder for pictures of the pages, to be looked at.
const picture = (page, name) => process.env.SCREENSHOTS && page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}.png` });

scenario('somebody sets up an account that was made for them', async (browser) => {
  const email = somebody();
  await api('/v2/user/create', { email, profile: {} }, passkeys.service);
  const asked = await visit(browser);
  await asked.page.goto(authorize({ email }, passkeys.login));
  await asked.page.getByRole('link', { name: 'Set up an account that was made for you' }).click();
  await picture(asked.page, 'set-up');
  await asked.page.getByRole('button', { name: 'Send the link' }).click();
  await asked.page.getByRole('heading', { name: 'Check your mail' }).waitFor();
  await picture(asked.page, 'set-up-sent');
  const mail = await mailTo(email, /set up your account/i);

  // The mail is read on another device: there the way in is chosen.
  const { context, page, complaints } = await visit(browser, { viewport: { width: 390, height: 844 } });
  const devices = await context.newCDPSession(page);
  await devices.send('WebAuthn.enable');
  await devices.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  await page.goto(mail.links[0]);
  await picture(page, 'set-up-link');
  await page.getByRole('button', { name: 'Set up my account' }).click();
  await page.getByRole('heading', { name: 'Choose a password' }).waitFor();
  await picture(page, 'set-up-password');
  await page.getByRole('link', { name: 'Use a passkey instead' }).click();
  await page.getByRole('button', { name: 'Create a passkey' }).click();
  assert.match((await arrived(page)).code, /^pmc_/);
  await asked.page.getByRole('button', { name: 'Continue' }).click();
  await asked.page.getByRole('heading', { name: 'This page has expired' }).waitFor();
  const { result } = await api('/v2/user/authenticators/list', { email }, passkeys.service);
  assert.deepEqual(result.authenticators.map(({ type, phase }) => [type, phase]), [['passkey', 'primary']]);
  assert.deepEqual([...complaints, ...asked.complaints], []);
  await context.close();
  await asked.context.close();
});

scenario('whoever has nothing to set up sees the same, and gets no mail', async (browser) => {
  const email = somebody();
  const { context, page, complaints } = await visit(browser);
  await page.goto(authorize({ email }, texts));
  await page.getByRole('link', { name: 'Set up an account that was made for you' }).click();
  await page.getByRole('button', { name: 'Send the link' }).click();
  await page.getByRole('heading', { name: 'Check your mail' }).waitFor();
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText('has not been opened yet').waitFor();
  assert.deepEqual(await mailsTo(email), []);
  assert.deepEqual(complaints, []);
  await context.close();
});
