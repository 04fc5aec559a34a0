// The ways in beside a password: codes and links by e-mail, names in place of
// addresses, second factors.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";

import { AuthN, PangeaErrors } from "pangea-node-sdk";

import { codeTo, linkTo, mailsTo, ticket } from "./inbox.js";
import { PASSWORD, address, choices, offered, start } from "./person.js";
import { CALLBACK, mailbox, names } from "./pool.js";
import { NEVER, invalid, refused } from "./shape.js";

const { Choice } = AuthN.Flow;
const wrong = (code) => (code[0] === "0" ? "1" : "0") + code.slice(1);
const state = async (promise) => (await promise).result;

test("a code by e-mail signs up and in", async () => {
  const authn = mailbox.service();
  const email = address();
  for (const enrollment of [true, false]) {
    let flow = await start(authn, email);
    const { flow_id } = flow;
    assert.deepEqual(choices(flow), enrollment ? ["password", "email_otp", "magiclink"] : ["email_otp", "reset_password"]);
    assert.deepEqual(offered(flow, Choice.EMAIL_OTP), { enrollment, sent: false, resend_time: NEVER });
    flow = await state(authn.flow.restart({ flow_id, choice: Choice.EMAIL_OTP, data: {} }));
    const { sent, resend_time } = offered(flow, Choice.EMAIL_OTP);
    assert.ok(sent && resend_time > NEVER);
    const code = await codeTo(email, enrollment ? 1 : 2);
    await refused(authn.flow.update({ flow_id, choice: Choice.EMAIL_OTP, data: { code: wrong(code) } }), PangeaErrors.APIError, "AuthenticationFailure", 400);
    flow = await state(authn.flow.update({ flow_id, choice: Choice.EMAIL_OTP, data: { code } }));
    assert.equal(flow.flow_phase, "phase_completed");
    const tokens = await state(authn.flow.complete(flow_id));
    assert.equal(tokens.active_token.email, email);
  }
  const { authenticators } = await state(authn.user.authenticators.list({ email }));
  assert.deepEqual(authenticators.map(({ type, phase, enabled }) => ({ type, phase, enabled })), [{ type: "email_otp", phase: "primary", enabled: true }]);
});

test("a link by e-mail signs up, and nothing is sent before it is asked for", async () => {
  const authn = mailbox.service();
  const email = address();
  let flow = await start(authn, email);
  const { flow_id } = flow;
  const { state: mine, ...rest } = offered(flow, Choice.MAGICLINK);
  assert.deepEqual(rest, { sent: false, resend_time: NEVER });
  assert.deepEqual(await mailsTo(email), []);
  await authn.flow.restart({ flow_id, choice: Choice.MAGICLINK, data: {} });
  const code = ticket(await linkTo(email, "magic_link"));
  await refused(authn.flow.update({ flow_id, choice: Choice.MAGICLINK, data: { state: "pcb_" + "a".repeat(32), code } }), PangeaErrors.APIError, "InvalidToken", 400);
  flow = await state(authn.flow.update({ flow_id, choice: Choice.MAGICLINK, data: { state: mine, code } }));
  assert.equal(flow.flow_phase, "phase_completed");
  assert.equal((await state(authn.flow.complete(flow_id))).active_token.email, email);
});

test("people go by names, and need a second factor", async () => {
  const authn = names.service();
  const email = address();
  const username = `n_${randomBytes(8).toString("hex")}`;
  let flow = await state(authn.flow.start({ cb_uri: CALLBACK }));
  const { flow_id } = flow;
  assert.equal(flow.username_format, "string");
  assert.deepEqual(flow.flow_choices, [{ choice: "set_username", data: { required_for: ["password"] } }]);
  flow = await state(authn.flow.update({ flow_id, choice: "set_username", data: { username } }));
  assert.deepEqual([flow.flow_type, flow.username, flow.email], [["signup"], username, undefined]);
  assert.equal(offered(flow, Choice.PASSWORD).need_email, true);
  flow = await state(authn.flow.update({ flow_id, choice: "set_phone", data: { phone: "+18085550173" } }));
  assert.equal(flow.phone, "+18085550173");
  await invalid(authn.flow.update({ flow_id, choice: Choice.PASSWORD, data: { password: PASSWORD } }), ["FieldRequired", "/data/email"]);
  flow = await state(authn.flow.update({ flow_id, choice: Choice.PASSWORD, data: { password: PASSWORD, email } }));
  assert.equal(flow.flow_phase, "phase_secondary");
  assert.deepEqual(offered(flow, Choice.EMAIL_OTP), { enrollment: true, sent: false, resend_time: NEVER });
  await invalid(authn.flow.complete(flow_id), ["BadState", "/flow_id"]);
  await authn.flow.restart({ flow_id, choice: Choice.EMAIL_OTP, data: {} });
  flow = await state(authn.flow.update({ flow_id, choice: Choice.EMAIL_OTP, data: { code: await codeTo(email, 1) } }));
  assert.equal(flow.flow_phase, "phase_completed");
  await authn.flow.complete(flow_id);
  const user = await state(authn.user.profile.getProfile({ username }));
  assert.deepEqual([user.email, user.username, user.phone], [email, username, "+18085550173"]);
});
