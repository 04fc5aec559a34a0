// flow.start, flow.update, flow.restart, flow.complete.

import assert from "node:assert/strict";
import { test } from "node:test";

import { AuthN, PangeaErrors } from "pangea-node-sdk";

import { linkTo, mailsTo, ticket } from "./inbox.js";
import { NEW_PASSWORD, PASSWORD, PROFILE, address, answer, choices, offered, person, signIn, signUp, start } from "./person.js";
import { CALLBACK, pool, verify } from "./pool.js";
import { BOTH_POLICIES, FIELDS, NEVER, badToken, checkEnvelope, checkTokens, checkUser, invalid, isID, moment, nearNow, notFound, refused, wrongPassword } from "./shape.js";

const { Choice } = AuthN.Flow;
const { SIGNIN, SIGNUP } = AuthN.FlowType;
const authn = pool.service();

// The whole of a flow's state, after its envelope and id were looked at.
function stateOf(response, summary = "Flow updated") {
  checkEnvelope(response, summary);
  const { flow_id, ...rest } = response.result;
  assert.ok(isID("pfl", flow_id), flow_id);
  return rest;
}

// The state of a flow that is about somebody.
const known = (email, flow_phase, type, ...flow_choices) => ({
  flow_type: [type], username_format: "email", username: email, email, flow_phase, flow_choices,
});

const password = (enrollment) => ({ choice: "password", data: { enrollment, password_policy: BOTH_POLICIES } });

// A choice whose link was not sent yet.
function unsent(choice, { state }) {
  assert.ok(isID("pcb", state), state);
  return { choice, data: { sent: false, resend_time: NEVER, state } };
}

test("sign-up says all it needs at every step", async () => {
  const who = person();
  let response = await authn.flow.start({ cb_uri: CALLBACK, email: who.email, flow_types: [SIGNUP, SIGNIN] });
  assert.deepEqual(stateOf(response, "Flow started"), known(who.email, "phase_primary", "signup", password(true)));
  const { flow_id } = response.result;

  response = await authn.flow.update({ flow_id, choice: Choice.PASSWORD, data: { password: who.password } });
  assert.deepEqual(stateOf(response), known(who.email, "phase_profile", "signup", { choice: "profile", data: { fields: FIELDS } }));
  assert.equal(response.result.flow_id, flow_id);

  response = await authn.flow.update({ flow_id, choice: Choice.PROFILE, data: { profile: who.profile } });
  assert.deepEqual(stateOf(response), known(who.email, "phase_completed", "signup"));

  response = await authn.flow.complete(flow_id);
  checkEnvelope(response, "Flow completed");
  checkTokens(response.result, who);
  const user = (await authn.user.profile.getProfile({ email: who.email })).result;
  assert.equal(user.id, response.result.active_token.identity);
  checkUser(user, who.email, PROFILE, { login_count: 1, last_login_at: nearNow, last_login_ip: "127.0.0.1", locked_out: false });
});

test("sign-in says all it needs at every step", async () => {
  const { who, tokens } = await signUp(authn);
  let response = await authn.flow.start({ cb_uri: CALLBACK, email: who.email, flow_types: [SIGNUP, SIGNIN] });
  const reset = unsent("reset_password", offered(response.result, Choice.RESET_PASSWORD));
  assert.deepEqual(stateOf(response, "Flow started"), known(who.email, "phase_primary", "signin", password(false), reset));
  const { flow_id } = response.result;
  response = await authn.flow.update({ flow_id, choice: Choice.PASSWORD, data: { password: who.password } });
  assert.deepEqual(stateOf(response), known(who.email, "phase_completed", "signin"));
  response = await authn.flow.complete(flow_id);
  checkTokens(response.result, who);
  assert.equal(response.result.active_token.identity, tokens.active_token.identity);
  assert.notEqual(response.result.refresh_token.id, tokens.refresh_token.id);
});

test("without an address the flow asks for it", async () => {
  let response = await authn.flow.start({});
  assert.deepEqual(stateOf(response, "Flow started"), {
    flow_type: ["signup", "signin"], username_format: "email", flow_phase: "phase_primary",
    flow_choices: [{ choice: "set_email", data: { required_for: ["password"] } }],
  });
  // The SDK's own constant for this choice is set_mail; the document says set_email.
  const email = address();
  response = await authn.flow.update({ flow_id: response.result.flow_id, choice: Choice.SET_EMAIL, data: { email } });
  assert.deepEqual(stateOf(response), known(email, "phase_primary", "signup", password(true)));
  const { flow_id } = (await authn.flow.start({ flow_types: [SIGNIN] })).result;
  response = await authn.flow.update({ flow_id, choice: "set_email", data: { email } });
  assert.equal(response.result.email, email);
});

test("sign-in of nobody looks like one and fails", async () => {
  const state = await start(authn, address(), [SIGNIN]);
  assert.deepEqual([state.flow_type, choices(state)], [["signin"], ["password", "reset_password"]]);
  await wrongPassword(authn.flow.update({ flow_id: state.flow_id, choice: Choice.PASSWORD, data: { password: PASSWORD } }));
});

test("sign-up with an address that is taken", async () => {
  const { who } = await signUp(authn);
  await invalid(start(authn, who.email, [SIGNUP]), ["ItemNotUnique", "/email"]);
  const { flow_id } = (await authn.flow.start({ flow_types: [SIGNUP] })).result;
  await invalid(authn.flow.update({ flow_id, choice: Choice.SET_EMAIL, data: { email: who.email } }), ["ItemNotUnique", "/data/email"]);
});

test("a wrong password leaves the flow as it is", async () => {
  const { who } = await signUp(authn);
  const state = await start(authn, who.email);
  const { flow_id } = state;
  await wrongPassword(authn.flow.update({ flow_id, choice: Choice.PASSWORD, data: { password: who.password + "x" } }));
  await invalid(authn.flow.complete(flow_id), ["BadState", "/flow_id"]);
  assert.equal((await answer(authn, state, who)).flow_phase, "phase_completed");
});

test("a password must keep the rules", async () => {
  const { flow_id } = await start(authn, address());
  for (const [given, code] of [["Sh0rt!", "BelowMinLength"], ["My1s+" + "x".repeat(252), "AboveMaxLength"], ["password123", "ShouldNotBeValid"]]) {
    await invalid(authn.flow.update({ flow_id, choice: Choice.PASSWORD, data: { password: given } }), [code, "/data/password"]);
  }
  const { result } = await authn.flow.update({ flow_id, choice: Choice.PASSWORD, data: { password: PASSWORD } });
  assert.equal(result.flow_phase, "phase_profile");
});

test("a flow completes once", async () => {
  const who = person();
  const { flow_id } = await answer(authn, await start(authn, who.email), who);
  await authn.flow.complete(flow_id);
  await notFound(authn.flow.complete(flow_id), "/flow_id");
  await notFound(authn.flow.update({ flow_id, choice: Choice.PASSWORD, data: { password: PASSWORD } }), "/flow_id");
  await notFound(authn.flow.restart({ flow_id, choice: Choice.PASSWORD, data: {} }), "/flow_id");
});

test("what is not on offer is refused", async () => {
  const { flow_id } = await start(authn, address());
  for (const [choice, data] of [
    [Choice.PROFILE, { profile: PROFILE }], [Choice.SET_PASSWORD, { password: PASSWORD }], [Choice.RESET_PASSWORD, {}],
    [Choice.VERIFY_EMAIL, {}], [Choice.SET_EMAIL, { email: address() }], [Choice.TOTP, { code: "123456" }],
  ]) {
    await invalid(authn.flow.update({ flow_id, choice, data }), ["BadState", "/choice"]);
  }
  await invalid(authn.flow.restart({ flow_id, choice: Choice.SMS_OTP, data: { phone: "+18085550173" } }), ["BadState", "/choice"]);
});

test("a restart of the password, and an empty choice, change nothing", async () => {
  const before = await authn.flow.start({ email: address() });
  const { flow_id } = before.result;
  assert.deepEqual(stateOf(await authn.flow.restart({ flow_id, choice: Choice.PASSWORD, data: {} })), stateOf(before, "Flow started"));
  assert.deepEqual(stateOf(await authn.flow.update({ flow_id, choice: "", data: {} })), stateOf(before, "Flow started"));
});

test("a disabled person is told so after the right password only", async () => {
  const { who } = await signUp(authn);
  const underWay = await answer(authn, await start(authn, who.email), who);
  await authn.user.update({ email: who.email, disabled: true });
  const { flow_id } = await start(authn, who.email);
  const give = (given) => authn.flow.update({ flow_id, choice: Choice.PASSWORD, data: { password: given } });
  await wrongPassword(give("Not1s+Password"));
  await refused(give(who.password), PangeaErrors.APIError, "DisabledUser", 403);
  await refused(authn.flow.complete(underWay.flow_id), PangeaErrors.APIError, "DisabledUser", 403);
  await authn.user.update({ email: who.email, disabled: false });
  checkTokens(await signIn(authn, who), who);
});

test("lockout and unlock", async () => {
  const { who } = await signUp(authn);
  const state = await start(authn, who.email);
  let locked = false;
  // The door stays shut for longer each time; one look is bound to see it shut.
  for (let i = 0; i < 60 && !locked; i++) {
    const problem = await authn.flow.update({ flow_id: state.flow_id, choice: Choice.PASSWORD, data: { password: "Not1s+Password" } }).catch((e) => e);
    if (problem.response.status === "AuthenticationFailure") continue;
    assert.equal(problem.constructor, PangeaErrors.RateLimitError);
    assert.deepEqual([problem.response.status, problem.response.gotResponse.status], ["TooManyRequests", 429]);
    locked = (await authn.user.profile.getProfile({ email: who.email })).result.locked_out;
  }
  assert.equal(locked, true);
  assert.equal((await authn.user.update({ email: who.email, unlock: true })).result.locked_out, false);
  assert.equal((await answer(authn, state, who)).flow_phase, "phase_completed");
});

test("a callback must be registered", async () => {
  await invalid(authn.flow.start({ cb_uri: "https://evil.example/callback" }), ["DoesNotExist", "/cb_uri"]);
  await invalid(authn.flow.start({ email: "not an address" }), ["BadFormatEmail", "/email"]);
  assert.equal((await authn.flow.start({ cb_uri: "" })).success, true);
});

test("a client token drives a flow", async () => {
  const { who, tokens } = await signUp(pool.client());
  checkTokens(tokens, who);
  checkTokens(await signIn(pool.client(), who), who);
});

test("verify_email by the code of its link", async () => {
  const sdk = verify.service();
  const who = person();
  let state = await answer(sdk, await start(sdk, who.email), who);
  const { flow_id } = state;
  const shown = offered(state, Choice.VERIFY_EMAIL);
  assert.equal(state.flow_phase, "phase_verify_email");
  assert.deepEqual(state.flow_choices, [unsent("verify_email", shown)]);
  await invalid(sdk.flow.complete(flow_id), ["BadState", "/flow_id"]);

  const response = await sdk.flow.restart({ flow_id, choice: Choice.VERIFY_EMAIL, data: {} });
  const sent = offered(response.result, Choice.VERIFY_EMAIL);
  assert.deepEqual([sent.sent, sent.state], [true, shown.state]);
  assert.ok(moment(sent.resend_time) > moment(response.response_time));
  const code = ticket(await linkTo(who.email, "verify_email"));
  const prove = (data) => sdk.flow.update({ flow_id, choice: Choice.VERIFY_EMAIL, data });
  await badToken(prove({ state: shown.state, code: "pmc_" + "a".repeat(32) }));
  await badToken(prove({ state: "pcb_" + "a".repeat(32), code }));
  assert.deepEqual(stateOf(await prove({ state: shown.state, code })), known(who.email, "phase_completed", "signup"));
  checkTokens((await sdk.flow.complete(flow_id)).result, who);
  assert.equal((await sdk.user.profile.getProfile({ email: who.email })).result.verified, true);
});

test("reset_password", async () => {
  const { who, tokens } = await signUp(authn);
  const state = await start(authn, who.email, [SIGNIN]);
  const { flow_id } = state;
  const first = offered(state, Choice.RESET_PASSWORD);
  let response = await authn.flow.restart({ flow_id, choice: Choice.RESET_PASSWORD, data: {} });
  const sent = offered(response.result, Choice.RESET_PASSWORD);
  assert.deepEqual([sent.sent, sent.state], [true, first.state]);
  // Too soon for another mail: that is no error, and nothing changes.
  const again = await authn.flow.restart({ flow_id, choice: Choice.RESET_PASSWORD, data: {} });
  assert.deepEqual(again.result, response.result);

  const code = ticket(await linkTo(who.email, "reset_password"));
  response = await authn.flow.update({ flow_id, choice: Choice.RESET_PASSWORD, data: { state: first.state, code } });
  const setPassword = { choice: "set_password", data: { enrollment: false, password_policy: BOTH_POLICIES } };
  assert.deepEqual(stateOf(response), known(who.email, "phase_primary", "signin", { choice: "reset_password", data: sent }, setPassword));
  response = await authn.flow.update({ flow_id, choice: Choice.SET_PASSWORD, data: { password: NEW_PASSWORD } });
  assert.deepEqual(stateOf(response), known(who.email, "phase_completed", "signin"));
  checkTokens((await authn.flow.complete(flow_id)).result, who);
  await wrongPassword(signIn(authn, who));
  checkTokens(await signIn(authn, { ...who, password: NEW_PASSWORD }), who);
  await badToken(authn.client.clientToken.check(tokens.active_token.token));
});

test("a reset for nobody looks the same and sends nothing", async () => {
  const email = address();
  const { flow_id } = await start(authn, email, [SIGNIN]);
  const { result } = await authn.flow.restart({ flow_id, choice: Choice.RESET_PASSWORD, data: {} });
  assert.equal(offered(result, Choice.RESET_PASSWORD).sent, true);
  // A mail that was asked for later has come: this one would have, too.
  const { who } = await signUp(authn);
  const state = await start(authn, who.email, [SIGNIN]);
  await authn.flow.restart({ flow_id: state.flow_id, choice: Choice.RESET_PASSWORD, data: {} });
  await linkTo(who.email, "reset_password");
  assert.deepEqual(await mailsTo(email), []);
});
