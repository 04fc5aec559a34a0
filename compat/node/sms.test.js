// Codes by text message.

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { AuthN, PangeaErrors } from "pangea-node-sdk";

import { mailsTo } from "./inbox.js";
import { address, choices, offered, start } from "./person.js";
import { texts } from "./pool.js";
import { NEVER, invalid, refused } from "./shape.js";

const { Choice } = AuthN.Flow;
const wrong = (code) => (code[0] === "0" ? "1" : "0") + code.slice(1);
const state = async (promise) => (await promise).result;

// The digits in the newest of so many text messages to a number.
async function codeTo(phone, count) {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const all = await mailsTo(phone);
    if (all.length >= count) return all[0].codes[0];
    assert.ok(Date.now() < deadline, `${all.length} of ${count} text messages came to ${phone}`);
    await sleep(50);
  }
}

test("a code by text message signs up and in", async () => {
  const authn = texts.service();
  const email = address();
  const phone = `+1808555${String(randomInt(10_000)).padStart(4, "0")}`;
  const before = (await mailsTo(phone)).length;
  let flow = await start(authn, email);
  let { flow_id } = flow;
  assert.deepEqual(choices(flow), ["password", "sms_otp"]);
  assert.deepEqual(offered(flow, Choice.SMS_OTP), { enrollment: true, sent: false, resend_time: NEVER, need_phone: true });
  await invalid(authn.flow.restart({ flow_id, choice: Choice.SMS_OTP, data: {} }), ["FieldRequired", "/data/phone"]);
  flow = await state(authn.flow.restart({ flow_id, choice: Choice.SMS_OTP, data: { phone } }));
  const { sent, resend_time, need_phone } = offered(flow, Choice.SMS_OTP);
  assert.ok(sent && resend_time > NEVER && need_phone === undefined);
  assert.equal(flow.phone, phone);
  const code = await codeTo(phone, before + 1);
  await refused(authn.flow.update({ flow_id, choice: Choice.SMS_OTP, data: { code: wrong(code) } }), PangeaErrors.APIError, "AuthenticationFailure", 400);
  flow = await state(authn.flow.update({ flow_id, choice: Choice.SMS_OTP, data: { code } }));
  assert.equal(flow.flow_phase, "phase_completed");
  await authn.flow.complete(flow_id);
  const { authenticators } = await state(authn.user.authenticators.list({ email }));
  assert.deepEqual(authenticators.map(({ type, phase, enabled }) => ({ type, phase, enabled })), [{ type: "sms_otp", phase: "primary", enabled: true }]);

  flow = await start(authn, email);
  ({ flow_id } = flow);
  assert.deepEqual(offered(flow, Choice.SMS_OTP), { enrollment: false, sent: false, resend_time: NEVER });
  await authn.flow.restart({ flow_id, choice: Choice.SMS_OTP, data: {} });
  flow = await state(authn.flow.update({ flow_id, choice: Choice.SMS_OTP, data: { code: await codeTo(phone, before + 2) } }));
  const tokens = await state(authn.flow.complete(flow_id));
  assert.equal(tokens.active_token.email, email);
});
