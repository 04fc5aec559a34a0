// A proof of work at sign-up, as an application solves it in its own pages.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { AuthN, PangeaErrors } from "pangea-node-sdk";

import { PASSWORD, address, choices, offered, start } from "./person.js";
import { captcha } from "./pool.js";
import { invalid, refused } from "./shape.js";

const { Choice } = AuthN.Flow;

// What ALTCHA's widgets do with a challenge.
function solve({ algorithm, challenge, maxnumber, salt, signature }) {
  assert.equal(algorithm, "SHA-256");
  for (let number = 0; number <= maxnumber; number++) {
    if (createHash("sha256").update(salt + number).digest("hex") !== challenge) continue;
    return btoa(JSON.stringify({ algorithm, challenge, number, salt, signature }));
  }
  assert.fail("the challenge has no solution");
}

test("a captcha stands before somebody new, and counts in its own flow", async () => {
  const authn = captcha.service();
  let flow = await start(authn, address());
  const { flow_id } = flow;
  assert.deepEqual(choices(flow), ["captcha", "password"]);
  const update = async (data) => (await authn.flow.update({ flow_id, choice: Choice.CAPTCHA, data })).result;
  const other = offered(await start(authn, address()), Choice.CAPTCHA);
  await refused(update({ code: solve(other.challenge) }), PangeaErrors.APIError, "AuthenticationFailure", 400);
  await invalid(update({}), ["FieldRequired", "/data/code"]);
  flow = (await authn.flow.update({ flow_id, choice: Choice.PASSWORD, data: { password: PASSWORD } })).result;
  assert.equal(flow.flow_phase, "phase_captcha");
  const { site_key, provider, challenge } = offered(flow, Choice.CAPTCHA);
  assert.deepEqual([site_key, provider], ["", "altcha"]);
  flow = await update({ code: solve(challenge) });
  assert.equal(flow.flow_phase, "phase_completed");
  const { result } = await authn.flow.complete(flow_id);
  const again = await start(authn, result.active_token.email);
  assert.deepEqual(choices(again), ["password", "reset_password"]);
});
