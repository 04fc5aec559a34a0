// Somebody who was made by an application, and enrols behind a link.

import assert from "node:assert/strict";
import { test } from "node:test";

import { AuthN, PangeaErrors } from "pangea-node-sdk";

import { linkTo, ticket } from "./inbox.js";
import { PASSWORD, address, choices, offered, start } from "./person.js";
import { pool, texts } from "./pool.js";
import { NEVER, refused } from "./shape.js";

// The SDK has no name for it.
const choice = "provisional_enrollment";
const { Choice } = AuthN.Flow;

async function made(authn) {
  const email = address();
  await authn.user.create({ email, profile: {} });
  return email;
}

test("somebody whom an application made chooses a password behind a link", async () => {
  const authn = pool.service();
  const email = await made(authn);
  let flow = await start(authn, email);
  const { flow_id } = flow;
  assert.deepEqual([flow.flow_type, choices(flow)], [["signin"], ["reset_password", choice]]);
  const { state, ...rest } = offered(flow, choice);
  assert.deepEqual(rest, { sent: false, resend_time: NEVER });
  flow = (await authn.flow.restart({ flow_id, choice, data: {} })).result;
  assert.ok(offered(flow, choice).sent && offered(flow, choice).resend_time > NEVER);
  const code = ticket(await linkTo(email, choice));
  await refused(authn.flow.update({ flow_id, choice, data: { state: "pcb_" + "a".repeat(32), code } }), PangeaErrors.APIError, "InvalidToken", 400);
  flow = (await authn.flow.update({ flow_id, choice, data: { state, code } })).result;
  assert.deepEqual([flow.flow_phase, choices(flow), offered(flow, Choice.PASSWORD).enrollment], ["phase_primary", ["password"], true]);
  await authn.flow.update({ flow_id, choice: Choice.PASSWORD, data: { password: PASSWORD } });
  assert.equal((await authn.flow.complete(flow_id)).result.active_token.email, email);
  assert.deepEqual(choices(await start(authn, email)), ["password", "reset_password"]);
});

test("where other ways are taken, all of them are offered behind the link", async () => {
  const authn = texts.service();
  const email = await made(authn);
  let flow = await start(authn, email);
  const { flow_id } = flow;
  await authn.flow.update({ flow_id, choice, data: {} });
  const data = { state: offered(flow, choice).state, code: ticket(await linkTo(email, choice)) };
  flow = (await authn.flow.update({ flow_id, choice, data })).result;
  assert.deepEqual(choices(flow), ["password", "sms_otp"]);
  assert.deepEqual(offered(flow, Choice.SMS_OTP), { enrollment: true, sent: false, resend_time: NEVER, need_phone: true });
});
