// One Chromium for the tests of a file, and what they share.
import { withChromium } from './chromium.js';

export const scenario = withChromium();
export const url = need('GATEHOUSE_URL');
const login = need('GATEHOUSE_LOGIN_URL');
// In these pools, people may come in by their mailbox alone; and go by names,
// and need a second factor.
export const mailbox = need('GATEHOUSE_MAILBOX_LOGIN_URL');
export const names = need('GATEHOUSE_NAMES_LOGIN_URL');
// In this one, people need a code of their app behind the password.
export const guarded = need('GATEHOUSE_GUARDED_LOGIN_URL');
// A pool in which a code by text message is a first factor.
export const texts = need('GATEHOUSE_TEXTS_LOGIN_URL');
// A pool in which who signs up has a proof of work before them.
export const captcha = need('GATEHOUSE_CAPTCHA_LOGIN_URL');
// A pool that lets people in through an OpenID provider.
export const social = { login: need('GATEHOUSE_SOCIAL_LOGIN_URL'), service: need('GATEHOUSE_SOCIAL_SERVICE_TOKEN') };
// A pool that lets people in through a SAML identity provider, and that provider.
export const saml = { login: need('GATEHOUSE_SAML_LOGIN_URL'), service: need('GATEHOUSE_SAML_SERVICE_TOKEN'), provider: need('GATEHOUSE_SAML_PROVIDER') };
// A pool that takes passkeys.
export const passkeys = { login: need('GATEHOUSE_PASSKEYS_LOGIN_URL'), service: need('GATEHOUSE_PASSKEYS_SERVICE_TOKEN') };
// A pool in which people accept what is in force before they come in.
export const agreements = { login: need('GATEHOUSE_AGREEMENTS_LOGIN_URL'), service: need('GATEHOUSE_AGREEMENTS_SERVICE_TOKEN') };
export const inbox = need('GATEHOUSE_INBOX');
export const service = need('GATEHOUSE_SERVICE_TOKEN');
export const callback = 'https://someurl.com/callbacklink';
export const password = 'a phrase for the browser 9';

function need(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: the tests are run by go test ./compat`);
  return value;
}

// visit opens a window of its own. The application that the browser is sent
// back to is played here; every complaint of the page is kept.
export async function visit(browser, options = {}) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    // An answer of 400 to a form is no fault of the page.
    if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) complaints.push(message.text());
  });
  await context.route(`${callback}**`, (route) => route.fulfill({ contentType: 'text/html', body: '<h1>The application</h1>' }));
  return { context, page, complaints };
}

export function authorize(query = {}, pages = login) {
  return `${pages}/authorize?${new URLSearchParams({ redirect_uri: callback, state: 'state-of-the-application', ...query })}`;
}

// arrived waits for the application and returns the code that it got.
export async function arrived(page) {
  // A redirect may go past the application that is played here, and end at a
  // name that is not there. Its address is what was to be seen.
  await page.waitForURL(`${callback}**`).catch(async (error) => {
    for (let tries = 0; tries < 100 && !page.url().startsWith(callback); tries++) await new Promise((resolve) => setTimeout(resolve, 100));
    if (!page.url().startsWith(callback)) throw error;
  });
  const query = new URL(page.url()).searchParams;
  return { code: query.get('code'), state: query.get('state') };
}

let people = 0;
export const somebody = () => `browser.${process.pid}.${Date.now()}.${++people}@example.org`;

const limit = () => AbortSignal.timeout(30_000);

// mailsTo lists what came to an address or a telephone, the newest first.
export async function mailsTo(address) {
  return (await fetch(`${inbox}?to=${encodeURIComponent(address)}`, { signal: limit() })).json();
}

export async function mailTo(address, subject = /./) {
  for (let tries = 0; tries < 100; tries++) {
    const mails = await mailsTo(address);
    const mail = mails.find((m) => subject.test(m.subject));
    if (mail) return mail;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no mail to ${address}`);
}

// codeTo waits for so many mails and returns the digits in the newest.
export async function codeTo(address, count = 1) {
  for (let tries = 0; tries < 100; tries++) {
    const mails = await mailsTo(address);
    if (mails.length >= count) return mails[0].text.match(/^[0-9]{6}$/m)[0];
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no code came to ${address}`);
}

export async function api(path, body, token = service) {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    signal: limit(),
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });
  return response.json();
}

// proveMailbox opens the link of a sign-up's mail beside its page, and goes on
// there.
export async function proveMailbox(page, email) {
  const link = await page.context().newPage();
  await link.goto((await mailTo(email)).links[0]);
  const confirm = link.getByRole('button', { name: 'Confirm my e-mail address' });
  await confirm.click();
  await confirm.waitFor({ state: 'detached' }); // a page that is closed before may take its request along
  await link.close();
  await page.getByRole('button', { name: 'Continue' }).click();
}

// signUp goes all the way through the pages.
export async function signUp(browser, email) {
  const { context, page, complaints } = await visit(browser);
  await page.goto(authorize({ screen: 'signup' }));
  await page.getByLabel('E-mail address').fill(email);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('heading', { name: 'Check your mail' }).waitFor();
  await proveMailbox(page, email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByLabel('First name').fill('Ana');
  await page.getByLabel('Last name').fill('Roe');
  await page.getByRole('button', { name: 'Continue' }).click();
  const { code, state } = await arrived(page);
  await context.close();
  return { code, state, complaints };
}
