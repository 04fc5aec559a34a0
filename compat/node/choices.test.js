// The ways in beside a password: codes and links by e-mail, names in place of
// addresses, second factors.

import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { test } from "node:test";

import { AuthN, PangeaErrors } from "pangea-node-sdk";

import { codeTo, linkTo, mailsTo, ticket } from "./inbox.js";
import { PASSWORD, address, choices, offered, start } from "./person.js";
import { CALLBACK, guarded, mailbox, names } from "./pool.js";
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

// One of the two codes that are good now (RFC 6238). That of the enrolment is
// used up, so whoever comes back at once has the second. Where this step is
// about to end, the next one is waited for.
async function appCode(secret, nth = 0) {
  const left = 30_000 - (Date.now() % 30_000);
  if (left < 8_000) await new Promise((resolve) => setTimeout(resolve, left));
  const bits = [...secret].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) - 1 + nth));
  const digest = createHmac("sha1", key).update(step).digest();
  return String((digest.readUInt32BE(digest[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

test("the code of an app is a second factor, and a recovery code stands for it", async () => {
  const authn = guarded.service();
  const email = address();
  const behindPassword = async () => {
    const { flow_id } = await start(authn, email);
    return state(authn.flow.update({ flow_id, choice: Choice.PASSWORD, data: { password: PASSWORD } }));
  };
  const update = ({ flow_id }, choice, code) => authn.flow.update({ flow_id, choice, data: { code } });
  let flow = await behindPassword();
  const { enrollment, totp_secret } = offered(flow, Choice.TOTP);
  assert.deepEqual([flow.flow_phase, enrollment, Object.keys(totp_secret).sort()], ["phase_secondary", true, ["qr_image", "secret"]]);
  assert.match(totp_secret.qr_image, /^data:image\/png;base64,iVBOR/);
  await invalid(authn.flow.complete(flow.flow_id), ["BadState", "/flow_id"]);
  const used = await appCode(totp_secret.secret);
  await refused(update(flow, Choice.TOTP, await appCode("A".repeat(32))), PangeaErrors.APIError, "AuthenticationFailure", 400);
  flow = await state(update(flow, Choice.TOTP, used));
  assert.deepEqual([flow.flow_phase, choices(flow)], ["phase_completed", ["recovery_code"]]);
  const { codes } = offered(flow, "recovery_code");
  assert.equal(new Set(codes).size, 10);
  assert.equal((await state(authn.flow.complete(flow.flow_id))).active_token.email, email);
  const { authenticators } = await state(authn.user.authenticators.list({ email }));
  assert.deepEqual(authenticators.map(({ type, phase }) => [type, phase]), [["password", "primary"], ["totp", "secondary"]]);

  flow = await behindPassword();
  assert.deepEqual(flow.flow_choices, [{ choice: "totp", data: { enrollment: false } }, { choice: "recovery_code", data: { enrollment: false } }]);
  await refused(update(flow, Choice.TOTP, used), PangeaErrors.APIError, "AuthenticationFailure", 400);
  flow = await state(update(flow, Choice.TOTP, await appCode(totp_secret.secret, 1)));
  assert.deepEqual([flow.flow_phase, flow.flow_choices], ["phase_completed", []]);
  await authn.flow.complete(flow.flow_id);

  flow = await state(update(await behindPassword(), "recovery_code", codes[5]));
  assert.equal(flow.flow_phase, "phase_completed");
  await authn.flow.complete(flow.flow_id);
  await refused(update(await behindPassword(), "recovery_code", codes[5]), PangeaErrors.APIError, "AuthenticationFailure", 400);
});
