// One person, one machine, two vendors' SDKs: who comes in by one comes in by
// the other, and what one of them ends has ended for both.

import assert from "node:assert/strict";
import { test } from "node:test";

import { AuthN } from "pangea-node-sdk";

import { person, signIn, signUp, start } from "./person.js";
import { pool, strict } from "./pool.js";

const refusedWith = (call) => assert.rejects(call).then(() => call.catch((error) => error));

// What the one vendor says to a wrong password.
async function wrong(authn, who) {
  const { flow_id } = await start(authn, who.email, [AuthN.FlowType.SIGNIN]);
  const error = await refusedWith(authn.flow.update({ flow_id, choice: AuthN.Flow.Choice.PASSWORD, data: { password: "a wrong password" } }));
  return error.response.status;
}

const code = async (call) => (await refusedWith(call)).code;

test("from Pangea to Authing", async () => {
  const { who, tokens } = await signUp(pool.service());
  const client = pool.authing();
  const user = await client.loginByEmail(who.email, who.password);
  assert.equal("pui_" + user.id, tokens.active_token.identity);
  assert.deepEqual([user.givenName, user.familyName], [who.profile.first_name, who.profile.last_name]);
  assert.equal((await pool.client().client.clientToken.check(user.token)).result.identity, tokens.active_token.identity);
  assert.equal((await client.checkLoginStatus(tokens.active_token.token)).data.id, user.id);
});

test("from Authing to Pangea", async () => {
  const who = person();
  const client = pool.authing();
  const user = await client.registerByEmail(who.email, who.password, { givenName: who.profile.first_name, familyName: who.profile.last_name }, { forceLogin: true });
  const tokens = await signIn(pool.client(), who);
  assert.equal(tokens.active_token.identity, "pui_" + user.id);
  assert.deepEqual(tokens.active_token.profile, who.profile);
  await pool.client().client.session.logout(user.token);
  assert.equal(await client.getCurrentUser(), null);
  await pool.authing({ token: tokens.active_token.token }).logout();
  await assert.rejects(pool.client().client.clientToken.check(tokens.active_token.token));
});

for (const first of ["pangea", "authing"]) {
  test(`one lockout, begun through ${first}`, async () => {
    const { who } = await signUp(strict.service());
    const client = strict.authing();
    const doors = { pangea: () => wrong(strict.service(), who), authing: () => code(client.loginByEmail(who.email, "a wrong password")) };
    const said = [];
    for (let i = 0; i < 7; i++) said.push(await doors[first]());
    assert.deepEqual([said[0], said.at(-1)], first === "pangea" ? ["AuthenticationFailure", "TooManyRequests"] : [2333, 2057]);
    assert.equal(await code(client.loginByEmail(who.email, who.password)), 2057);
    assert.equal(await wrong(strict.service(), who), "TooManyRequests");
    await strict.service().user.update({ email: who.email, unlock: true });
    assert.ok((await client.loginByEmail(who.email, who.password)).token);
  });
}
