// Rules about where people come from, through the SDK of an application that
// says for whom it calls. The file of places knows addresses that are nobody's:
// 192.0.2.0/25 is Berlin, 198.51.100.0/24 New York, 203.0.113.64/26 Tehran.

import assert from "node:assert/strict";
import { test } from "node:test";

import { AuthN, PangeaErrors } from "pangea-node-sdk";

import { codeTo } from "./inbox.js";
import { choices, offered, person, signIn, signUp, start } from "./person.js";
import { judged } from "./pool.js";
import { notFound, refused, unauthorized, wrongPassword } from "./shape.js";

const { Choice } = AuthN.Flow;
const { SIGNIN } = AuthN.FlowType;
const [BERLIN, LISTED, NEW_YORK, TEHRAN] = ["192.0.2.10", "192.0.2.20", "198.51.100.10", "203.0.113.70"];

// The SDK of a server that calls for somebody at an address.
function at(address) {
  const sdk = judged.service();
  sdk.flow.request.setExtraHeaders({ "X-End-User-Address": address });
  return sdk;
}

const give = async (authn, { flow_id }, who) =>
  (await authn.flow.update({ flow_id, choice: Choice.PASSWORD, data: { password: who.password } })).result;

test("impossible travel", async () => {
  const { who } = await signUp(at(BERLIN));
  const [away, home] = [at(NEW_YORK), at(BERLIN)];
  let state = await start(away, who.email, [SIGNIN]);
  await refused(give(away, state, who), PangeaErrors.APIError, "TravelDistanceExceeded", 403);
  // The flow is usable still, from where one can be.
  state = await give(home, state, who);
  assert.equal(state.flow_phase, "phase_completed");
  await refused(away.flow.complete(state.flow_id), PangeaErrors.APIError, "TravelDistanceExceeded", 403);
  await home.flow.complete(state.flow_id);
  const user = (await home.user.profile.getProfile({ email: who.email })).result;
  assert.deepEqual([user.last_login_ip, user.last_login_city, user.last_login_country], [BERLIN, "Berlin", "Germany"]);
});

test("embargo", async () => {
  const { who } = await signUp(at(BERLIN));
  const away = at(TEHRAN);
  await unauthorized(signIn(away, who), 403);
  const stranger = person();
  await unauthorized(signUp(away, stranger), 403);
  await notFound(away.user.profile.getProfile({ email: stranger.email }));
  // A wrong password is that and no more, wherever it comes from.
  await wrongPassword(signIn(away, { ...who, password: "Not1s+Password" }));
});

test("domains for throwing away", async () => {
  await unauthorized(signUp(at(BERLIN), person({ email: "somebody@mailinator.com" })), 403);
});

test("a second factor is asked for", async () => {
  const [who, there, home] = [person(), at(LISTED), at(BERLIN)];
  let sent = 0;
  const prove = async ({ flow_id }) => {
    await there.flow.restart({ flow_id, choice: Choice.EMAIL_OTP, data: {} });
    const code = await codeTo(who.email, ++sent);
    const state = (await there.flow.update({ flow_id, choice: Choice.EMAIL_OTP, data: { code } })).result;
    assert.equal(state.flow_phase, "phase_completed");
    await there.flow.complete(flow_id);
  };
  let state = await give(there, await start(there, who.email), who);
  assert.deepEqual([state.flow_phase, choices(state), offered(state, Choice.EMAIL_OTP).enrollment], ["phase_secondary", ["email_otp"], true]);
  await prove(state);
  await signIn(home, who);
  state = await give(there, await start(there, who.email, [SIGNIN]), who);
  assert.deepEqual([state.flow_phase, offered(state, Choice.EMAIL_OTP).enrollment], ["phase_secondary", false]);
  await prove(state);
});

test("who has no second factor is kept out", async () => {
  const { who } = await signUp(at(BERLIN));
  await unauthorized(signIn(at(LISTED), who), 403);
});

test("an address that nobody tells is not judged", async () => {
  const { who } = await signUp(judged.service());
  await signIn(judged.service(), who);
  // Nor does a client token tell one.
  const client = judged.client();
  client.flow.request.setExtraHeaders({ "X-End-User-Address": TEHRAN, "X-Forwarded-For": TEHRAN });
  await signIn(client, who);
});
