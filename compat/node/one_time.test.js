// One-time flows. The SDK takes what it has no names for.

import assert from "node:assert/strict";
import { test } from "node:test";

import { AuthN, PangeaErrors } from "pangea-node-sdk";

import { address, choices } from "./person.js";
import { texts } from "./pool.js";
import { refused } from "./shape.js";

const { Choice } = AuthN.Flow;

test("a password that is nobody's", async () => {
  const [server, page] = [texts.service(), texts.client()];
  const one_time_auths = [{ auth_type: "password", password: "open sesame" }, { auth_type: "email_otp", email: address() }];
  let { result: flow } = await server.flow.start({ flow_types: ["one_time"], one_time_auths });
  const { flow_id } = flow;
  assert.deepEqual([flow.flow_type, flow.flow_phase, choices(flow)], [["one_time"], "phase_one_time", ["password", "set_email"]]);
  await refused(page.flow.update({ flow_id, choice: Choice.PASSWORD, data: { password: "a guess" } }), PangeaErrors.APIError, "AuthenticationFailure", 400);
  flow = (await page.flow.update({ flow_id, choice: Choice.PASSWORD, data: { password: "open sesame" } })).result;
  assert.deepEqual([flow.flow_phase, flow.flow_choices], ["phase_completed", []]);
  assert.deepEqual((await server.flow.complete(flow_id)).result, { one_time: { auth_type: "password" } });
  await assert.rejects(server.flow.complete(flow_id));
});
