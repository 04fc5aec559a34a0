// An application with forms of its own. The package keeps the state of the
// flow, and each choice in it is a form here.
import { AuthFlow, AuthNClient, AuthNFlowClient } from '@pangeacyber/vanilla-js';

import { solve } from './captcha.js';
import { answerOf } from './passkey.js';

const { Choice } = AuthFlow;
// What a customer would have built in, the tests say as the page begins.
const config = { ...window.settings, callbackUri: location.origin + location.pathname };
const flow = new AuthNFlowClient(config, window.settings.flows);
const client = new AuthNClient(config);

// choices says of each choice what a restart asks for, what an answer asks for,
// and how the answer is sent. A choice without `restart` is never restarted.
const choices = {
  [Choice.SET_EMAIL]: { asks: ['email'], send: (data) => flow.setEmail(data) },
  [Choice.SET_USERNAME]: { asks: ['username'], send: (data) => flow.setUsername(data) },
  [Choice.SET_PHONE]: { asks: ['phone'], send: (data) => flow.setPhone(data) },
  [Choice.PASSWORD]: { asks: ['password'], send: (data) => flow.verifyPassword(data) },
  [Choice.SET_PASSWORD]: { asks: ['password'], send: (data) => flow.setPassword(data) },
  [Choice.RESET_PASSWORD]: { send: () => flow.resetPassword() },
  [Choice.VERIFY_EMAIL]: { restart: () => [], send: () => flow.verifyEmail() },
  [Choice.EMAIL_OTP]: { restart: () => [], asks: ['code'], send: (data) => flow.emailOtp(data) },
  [Choice.SMS_OTP]: { restart: (data) => (data.need_phone ? ['phone'] : []), asks: ['code'], send: (data) => flow.smsOtp(data) },
  [Choice.TOTP]: { asks: ['code'], send: (data) => flow.totp(data) },
  [Choice.MAGICLINK]: { restart: () => [], send: () => flow.getFlowState() },
  [Choice.CAPTCHA]: { send: async () => flow.verifyCaptcha({ code: await solve(flow.state.captcha.challenge) }) },
  [Choice.PASSKEY]: {
    send: async () => {
      const { success, response } = await flow.restart(Choice.PASSKEY);
      return success ? flow.sendPasskey(await answerOf(flow.state.passkey)) : { success, response };
    },
  },
  [Choice.SOCIAL]: {
    send: async () => {
      location.href = flow.state.socialProviderMap.google.redirect_uri;
      return new Promise(() => {}); // the page is left
    },
  },
  [Choice.SAML]: {
    send: async () => {
      location.href = flow.state.samlChoices[0].redirect_uri;
      return new Promise(() => {});
    },
  },
  [Choice.PROFILE]: {
    get asks() { return flow.state.profile.fields.map((field) => field.id); },
    send: (data) => flow.updateProfile({ profile: data }),
  },
  [Choice.CONSENT]: {
    send: () => {
      const { scopes } = flow.state.flowChoices.find(({ choice }) => choice === Choice.CONSENT).data;
      return flow.oauthConsent({ scope_selections: scopes.map(({ name }) => ({ scope: name, is_allowed: true })) });
    },
  },
  [Choice.AGREEMENTS]: { send: () => flow.acceptAgreement({ agreed: flow.state.agreements.map((agreement) => agreement.id) }) },
};

const heading = document.querySelector('h1');
const status = document.querySelector('[role=status]');
const forms = document.querySelector('#forms');

// form draws a form of a name with fields, whose buttons do what `actions` say.
function form(name, asks, actions) {
  const element = document.createElement('form');
  element.ariaLabel = name;
  for (const ask of asks) {
    const label = document.createElement('label');
    label.append(ask, Object.assign(document.createElement('input'), { name: ask }));
    element.append(label);
  }
  for (const [text, action] of Object.entries(actions)) {
    const button = Object.assign(document.createElement('button'), { type: 'button', textContent: text });
    button.addEventListener('click', () => run(action, Object.fromEntries(new FormData(element))));
    element.append(button);
  }
  forms.append(element);
}

// run does something with the package, and shows what came of it.
async function run(action, data) {
  status.textContent = '';
  let said;
  try {
    const { success, response } = await action(data);
    said = success ? '' : `${response.status}: ${response.summary}`;
  } catch (error) { // the browser's own, such as a passkey that was refused
    said = String(error);
  }
  draw();
  status.textContent = said || 'Done';
}

function draw() {
  forms.replaceChildren();
  const session = JSON.parse(localStorage.getItem('session'));
  if (session) drawSession(session);
  else if (flow.state.flowId) drawFlow();
  else drawStart();
}

function drawStart() {
  heading.textContent = 'Welcome';
  form('start', ['email'], { Begin: ({ email }) => flow.start({ ...(email && { email }), ...(config.clientId && { client_id: config.clientId }) }) });
}

function drawFlow() {
  const { phase, flowChoices, flowId, complete, totp, agreements } = flow.state;
  // The link of a mail may come back to another window of this browser.
  localStorage.setItem('flow', flowId);
  heading.textContent = phase;
  for (const { choice, data } of flowChoices) {
    const { restart, asks = [], send } = choices[choice] ?? {};
    if (restart) form(`begin ${choice}`, restart(data), { Begin: (fields) => flow.restart(choice, fields) });
    if (send) form(choice, asks, { Send: send });
  }
  if (totp?.totp_secret) forms.append(Object.assign(document.createElement('img'), { alt: totp.totp_secret.secret, src: totp.totp_secret.qr_image }));
  for (const agreement of agreements) forms.append(Object.assign(document.createElement('article'), { textContent: agreement.text }));
  if (complete) form('complete', [], { Finish: finish });
}

async function finish() {
  const { success, response } = await flow.complete();
  if (success) localStorage.setItem('session', JSON.stringify(response.result));
  return { success, response };
}

function drawSession({ active_token, refresh_token }) {
  heading.textContent = `Hello, ${active_token.email}`;
  form('session', [], {
    Check: () => client.validate(active_token.token),
    Refresh: async () => {
      const { success, response } = await client.refresh(active_token.token, refresh_token.token);
      if (success) localStorage.setItem('session', JSON.stringify(response.result));
      return { success, response };
    },
    'Sign out': async () => {
      const { success, response } = await client.logout(active_token.token);
      if (success) localStorage.removeItem('session');
      return { success, response };
    },
  });
}

// back goes on in a flow that this browser began. The link of a mail, which ends
// here with a code, was the proof itself. What a provider sent is for the flow to
// look at; the package knows by the state from whom it is.
async function back() {
  const known = await flow.getFlowState();
  const [choice, provider, name] = (flow.state.callbackStateMap[new URLSearchParams(location.search).get('state')] ?? '').split(':');
  if (choice === Choice.SAML) return flow.verifySaml({ provider_id: provider, provider_name: name, uri: location.href });
  return choice === Choice.SOCIAL ? flow.verifySocial({ social_provider: provider, uri: location.href }) : known;
}

if (['code', 'error'].some((name) => new URLSearchParams(location.search).has(name)) && localStorage.getItem('flow')) {
  flow.initState({ flowId: localStorage.getItem('flow') });
  await run(back);
} else {
  draw();
}
