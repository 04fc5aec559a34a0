// Passkeys, with the authenticator that Chromium has for tests.
import assert from 'node:assert/strict';

import { api, arrived, authorize, passkeys, password, proveMailbox, scenario, somebody, visit } from './browser.js';

const picture = (page, name) => process.env.SCREENSHOTS && page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}.png` });

// device gives a window an authenticator, which belongs to that window.
async function device(page, options = {}) {
  const session = await page.context().newCDPSession(page);
  await session.send('WebAuthn.enable');
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true, ...options },
  });
  return {
    credentials: async () => (await session.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
    verified: (isUserVerified) => session.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified }),
    add: (credential) => session.send('WebAuthn.addCredential', { authenticatorId, credential }),
  };
}

const call = async (path, body) => api(path, body, passkeys.service);

// person makes somebody with a password by the API.
async function person() {
  const email = somebody();
  let { result } = await call('/v2/flow/start', { email });
  const flow_id = result.flow_id;
  await call('/v2/flow/update', { flow_id, choice: 'password', data: { password } });
  ({ result } = await call('/v2/flow/complete', { flow_id }));
  assert.ok(result.active_token, 'nobody was made');
  return email;
}

async function signIn(page, email) {
  await page.goto(authorize({ email }, passkeys.login));
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

scenario('a passkey is made once somebody is in, and lets them in afterwards', async (browser) => {
  const email = await person();
  const { context, page, complaints } = await visit(browser);
  const phone = await device(page);
  await signIn(page, email);
  await page.getByRole('heading', { name: 'Sign in faster next time' }).waitFor();
  await picture(page, 'passkey-offer');
  await page.getByRole('button', { name: 'Create a passkey' }).click();
  assert.match((await arrived(page)).code, /^pmc_/);
  const [credential] = await phone.credentials();
  assert.equal(credential.rpId, 'localhost');
  assert.equal(credential.isResidentCredential, true);

  // Nobody is named: the passkey says who it is.
  await page.goto(authorize({}, passkeys.login));
  await picture(page, 'passkey-start');
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  const { code } = await arrived(page);
  const { result } = await call('/v2/client/userinfo', { code });
  assert.equal(result.active_token.email, email);

  // Somebody is named.
  await page.goto(authorize({ email }, passkeys.login));
  await page.getByRole('link', { name: 'Use a passkey instead' }).click();
  await page.getByRole('heading', { name: 'Use your passkey' }).waitFor();
  await picture(page, 'passkey-named');
  await page.getByRole('button', { name: 'Continue with a passkey' }).click();
  assert.match((await arrived(page)).code, /^pmc_/);
  assert.equal((await phone.credentials())[0].signCount, credential.signCount + 2);
  assert.deepEqual(complaints, []);
  await context.close();
});

scenario('a device without a passkey says so, and there are other ways', async (browser) => {
  const email = await person();
  const { context, page } = await visit(browser);
  const phone = await device(page);
  await page.goto(authorize({ email }, passkeys.login));
  await page.getByRole('link', { name: 'Use a passkey instead' }).click();
  await page.getByRole('button', { name: 'Continue with a passkey' }).click();
  await page.getByText('That was stopped, or no passkey was found.').waitFor();
  await picture(page, 'passkey-stopped');
  await page.getByRole('link', { name: 'Use a password instead' }).click();
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  // Whoever wants none goes on, and is not asked again here.
  await page.getByRole('button', { name: 'Not now' }).click();
  assert.match((await arrived(page)).code, /^pmc_/);
  assert.deepEqual(await phone.credentials(), []);
  await signIn(page, email);
  assert.match((await arrived(page)).code, /^pmc_/);
  await context.close();
});

scenario('somebody new chooses a passkey and no password', async (browser) => {
  const email = somebody();
  const { context, page, complaints } = await visit(browser, { viewport: { width: 390, height: 844 } });
  const phone = await device(page);
  await page.goto(authorize({ screen: 'signup' }, passkeys.login));
  assert.equal(await page.getByRole('button', { name: 'Sign in with a passkey' }).count(), 0);
  await page.getByLabel('E-mail address').fill(email);
  await page.getByRole('button', { name: 'Continue' }).click();
  await proveMailbox(page, email);
  await page.getByRole('link', { name: 'Use a passkey instead' }).click();
  await picture(page, 'passkey-signup');
  await page.getByRole('button', { name: 'Create a passkey' }).click();
  assert.match((await arrived(page)).code, /^pmc_/);
  assert.equal((await phone.credentials()).length, 1);
  assert.deepEqual((await call('/v2/user/authenticators/list', { email })).result.authenticators.map((a) => a.type), ['passkey']);
  assert.deepEqual(complaints, []);
  await context.close();
});

scenario('a copy of a passkey that counts backwards is refused, and the page goes on', async (browser) => {
  const email = await person();
  const { context, page } = await visit(browser);
  const phone = await device(page);
  await signIn(page, email);
  await page.getByRole('button', { name: 'Create a passkey' }).click();
  await arrived(page);
  const [copy] = await phone.credentials();
  await page.goto(authorize({}, passkeys.login));
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await arrived(page);
  const thief = await visit(browser);
  const copied = await device(thief.page);
  await copied.add({ ...copy, signCount: copy.signCount - 1 });
  await thief.page.goto(authorize({}, passkeys.login));
  await thief.page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await thief.page.getByRole('alert').getByText('This passkey was not accepted.').waitFor();
  await picture(thief.page, 'passkey-refused');
  await thief.page.getByRole('link', { name: 'Sign in another way' }).click();
  await thief.page.getByLabel('E-mail address').waitFor();
  await thief.context.close();
  await context.close();
});

scenario('without JavaScript, the page of a passkey says so and the other ways work', async (browser) => {
  const email = await person();
  const { context, page, complaints } = await visit(browser, { javaScriptEnabled: false });
  await page.goto(authorize({}, passkeys.login));
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await page.getByText('A passkey needs JavaScript').waitFor();
  await picture(page, 'passkey-without-javascript');
  await page.getByRole('link', { name: 'Sign in another way' }).click();
  await page.getByLabel('E-mail address').fill(email);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Not now' }).click();
  assert.match((await arrived(page)).code, /^pmc_/);
  assert.deepEqual(complaints, []);
  await context.close();
});

// The vendor's pages are not to be had, so what they do with passkeys is done
// here: user.id goes into base64url, and base64url comes off the user handle.
async function create(page, { publicKey }) {
  return page.evaluate(async (options) => {
    const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
    const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
    const { id, rawId, type, response } = await navigator.credentials.create({
      publicKey: {
        ...options, challenge: bytes(options.challenge), user: { ...options.user, id: Uint8Array.from(options.user.id, (c) => c.charCodeAt(0)) },
        excludeCredentials: options.excludeCredentials.map((c) => ({ ...c, id: bytes(c.id) })),
      },
    });
    return { id, rawId: text(rawId), type, clientExtensionResults: {}, response: { clientDataJSON: text(response.clientDataJSON), attestationObject: text(response.attestationObject), transports: response.getTransports() } };
  }, publicKey);
}

async function get(page, { publicKey }) {
  return page.evaluate(async (options) => {
    const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
    const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
    const { id, rawId, type, response } = await navigator.credentials.get({
      publicKey: { ...options, challenge: bytes(options.challenge), allowCredentials: (options.allowCredentials ?? []).map((c) => ({ ...c, id: bytes(c.id) })) },
    });
    return {
      id, rawId: text(rawId), type, clientExtensionResults: {},
      response: { clientDataJSON: text(response.clientDataJSON), authenticatorData: text(response.authenticatorData), signature: text(response.signature), userHandle: String.fromCharCode(...new Uint8Array(response.userHandle)) },
    };
  }, publicKey);
}

scenario('an application with pages of its own goes through the API, and its passkeys work on the hosted pages', async (browser) => {
  const email = somebody();
  const { context, page, complaints } = await visit(browser);
  await device(page);
  await page.goto(authorize({}, passkeys.login));
  const choice = ({ result }) => result.flow_choices.find((c) => c.choice === 'passkey').data;

  let flow_id = (await call('/v2/flow/start', { email })).result.flow_id;
  let data = choice(await call('/v2/flow/restart', { flow_id, choice: 'passkey', data: {} }));
  assert.equal(data.enrollment, true);
  assert.match(data.registration.publicKey.user.id, /^pui_/);
  let state = await call('/v2/flow/update', { flow_id, choice: 'passkey', data: { registration: await create(page, data.registration) } });
  assert.equal(state.status, 'Success', state.summary);
  assert.equal((await call('/v2/flow/complete', { flow_id })).result.active_token.email, email);

  for (const start of [{}, { email }]) {
    flow_id = (await call('/v2/flow/start', start)).result.flow_id;
    data = choice(await call('/v2/flow/restart', { flow_id, choice: 'passkey', data: {} }));
    assert.equal(data.discovery, start.email === undefined);
    const authentication = await get(page, data.authentication);
    assert.match(authentication.response.userHandle, /^pui_/);
    state = await call('/v2/flow/update', { flow_id, choice: 'passkey', data: { authentication } });
    assert.equal(state.status, 'Success', state.summary);
    assert.equal(state.result.flow_phase, 'phase_completed');
    // The same once more proves nothing.
    const other = (await call('/v2/flow/start', start)).result.flow_id;
    await call('/v2/flow/restart', { flow_id: other, choice: 'passkey', data: {} });
    assert.equal((await call('/v2/flow/update', { flow_id: other, choice: 'passkey', data: { authentication } })).status, 'AuthenticationFailure');
    assert.equal((await call('/v2/flow/complete', { flow_id })).result.active_token.email, email);
  }

  await page.goto(authorize({}, passkeys.login));
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  assert.equal((await call('/v2/client/userinfo', { code: (await arrived(page)).code })).result.active_token.email, email);
  assert.deepEqual(complaints, []);
  await context.close();
});
