// A proof of work, by the script of the page in Chromium.
import assert from 'node:assert/strict';

import { arrived, authorize, captcha, password, proveMailbox, scenario, somebody, visit } from './browser.js';

const picture = (page, name) => process.env.SCREENSHOTS && page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}.png` });

async function begin(page, email) {
  await page.goto(authorize({ screen: 'signup' }, captcha));
  await page.getByLabel('E-mail address').fill(email);
  await page.getByRole('button', { name: 'Continue' }).click({ noWaitAfter: true });
}

scenario('the browser works, and nothing is asked of the person', async (browser) => {
  const email = somebody();
  const { context, page, complaints } = await visit(browser);
  const sent = [];
  page.on('request', (request) => { if (request.method() === 'POST' && /choice=captcha/.test(request.postData() ?? '')) sent.push(request.postData()); });
  await begin(page, email);
  await page.getByRole('heading', { name: 'Check your mail' }).waitFor();
  // One answer was sent, and it is what ALTCHA's widgets send.
  assert.equal(sent.length, 1);
  const payload = JSON.parse(atob(new URLSearchParams(sent[0]).get('code')));
  assert.deepEqual(Object.keys(payload), ['algorithm', 'challenge', 'number', 'salt', 'signature']);
  assert.equal(payload.algorithm, 'SHA-256');
  await proveMailbox(page, email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Continue' }).click();
  const { code } = await arrived(page);
  assert.match(code, /^pmc_/);
  assert.deepEqual(complaints, []);
  await context.close();
});

scenario('an answer that is refused is not sent again and again; the button works once more', async (browser) => {
  const { context, page, complaints } = await visit(browser);
  let posts = 0;
  await context.route('**/flow/*', async (route) => {
    const request = route.request();
    if (request.method() !== 'POST' || !/choice=captcha/.test(request.postData() ?? '') || ++posts > 1) return route.continue();
    // Another signature than the server's.
    const form = new URLSearchParams(request.postData());
    const payload = JSON.parse(atob(form.get('code')));
    form.set('code', btoa(JSON.stringify({ ...payload, signature: 'x' })));
    return route.continue({ postData: form.toString() });
  });
  await begin(page, somebody());
  await page.getByText('That was not solved, or was too late.').waitFor();
  await picture(page, 'captcha-refused');
  await new Promise((resolve) => setTimeout(resolve, 1000));
  assert.equal(posts, 1);
  await page.getByRole('button', { name: 'Continue' }).click({ noWaitAfter: true });
  await page.getByRole('heading', { name: 'Check your mail' }).waitFor();
  assert.equal(posts, 2);
  assert.deepEqual(complaints, []);
  await context.close();
});

scenario('without JavaScript the page says that it needs it', async (browser) => {
  const { context, page } = await visit(browser, { javaScriptEnabled: false });
  await begin(page, somebody());
  await page.getByText('This needs JavaScript in this browser.').waitFor();
  await picture(page, 'captcha-without-script');
  await context.close();
});
