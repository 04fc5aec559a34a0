// The order of the vendor's own live suites, as far as its methods are served,
// and the values of its printed samples. One story in one pool, which it ends
// by deleting whoever is there.

import assert from "node:assert/strict";
import { test } from "node:test";

import { AuthN } from "pangea-node-sdk";

import { NEW_PASSWORD, PASSWORD, PROFILE, address, person, signIn, signUp, start } from "./person.js";
import { SAMPLE_CALLBACK, other } from "./pool.js";
import { badToken, checkTokens, checkUser, nearNow, notFound, wrongPassword } from "./shape.js";

const authn = other.service();

async function deleteEverybody() {
  for (;;) {
    const { users } = (await authn.user.list({})).result;
    if (users.length === 0) return;
    for (const { email } of users) assert.deepEqual((await authn.user.delete({ email })).result, {});
  }
}

test("the story of the vendor's suites", async (t) => {
  await deleteEverybody();
  let who = person();

  await t.test("create and delete", async () => {
    const gone = person({ email: address("delete") });
    await signUp(authn, gone);
    assert.equal((await authn.user.delete({ email: gone.email })).status, "Success");
    await notFound(authn.user.profile.getProfile({ email: gone.email }));
  });

  await t.test("sign up, sign in, change the password", async () => {
    await signUp(authn, who);
    const tokens = await signIn(authn, who);
    checkTokens(tokens, who);
    const { token } = tokens.active_token;
    assert.deepEqual((await authn.client.password.change(token, PASSWORD, NEW_PASSWORD)).result, {});
    assert.equal((await authn.client.clientToken.check(token)).success, true);
    who = { ...who, password: NEW_PASSWORD };
  });

  await t.test("profile and settings", async () => {
    const { result: user } = await authn.user.profile.getProfile({ email: who.email });
    checkUser(user, who.email, PROFILE, { login_count: 2, last_login_at: nearNow, last_login_ip: "127.0.0.1", locked_out: false });
    assert.deepEqual((await authn.user.profile.getProfile({ id: user.id })).result, user);
    const more = { first_name: "Name updated" };
    assert.deepEqual((await authn.user.profile.update({ id: user.id, profile: more })).result.profile, { ...PROFILE, ...more });
    const { result: updated } = await authn.user.update({ email: who.email, disabled: false });
    assert.deepEqual([updated.id, updated.email, updated.disabled], [user.id, who.email, false]);
  });

  await t.test("refresh and log out", async () => {
    const tokens = await signIn(authn, who);
    const { result } = await authn.client.session.refresh(tokens.refresh_token.token, { user_token: tokens.active_token.token });
    checkTokens(result, { email: who.email, profile: { ...PROFILE, first_name: "Name updated" } });
    assert.equal((await authn.client.session.logout(result.active_token.token)).success, true);
    await badToken(authn.client.clientToken.check(result.active_token.token));
  });

  await t.test("list and delete everybody", async () => {
    for (let i = 0; i < 3; i++) await signUp(authn);
    const { result } = await authn.user.list({ filter: {} });
    assert.deepEqual([result.count, result.users.length, result.last], [4, 4, undefined]);
    await deleteEverybody();
    assert.deepEqual((await authn.user.list({})).result, { users: [], count: 0 });
  });
});

test("the samples' values", async () => {
  const { FlowType, Flow: { Choice } } = AuthN;
  const email = "joe.user@email.com";
  await deleteEverybody();

  let response = await authn.flow.start({ cb_uri: SAMPLE_CALLBACK, email, flow_types: [FlowType.SIGNUP, FlowType.SIGNIN] });
  assert.deepEqual([response.result.email, response.result.flow_type], [email, ["signup"]]);
  const { flow_id } = response.result;
  await authn.flow.restart({ flow_id, choice: Choice.PASSWORD, data: {} });
  response = await authn.flow.update({ flow_id, choice: Choice.PASSWORD, data: { password: "someNewPasswordHere" } });
  assert.equal(response.result.flow_phase, "phase_profile");

  response = await authn.user.create({ email, profile: { first_name: "Joe", last_name: "User" } });
  checkUser(response.result, email, { first_name: "Joe", last_name: "User" });
  response = await authn.user.profile.update({ email, profile: { phone: "18085550173" } });
  checkUser(response.result, email, { first_name: "Joe", last_name: "User", phone: "18085550173" }, { locked_out: false });
  response = await authn.user.update({ email, disabled: true });
  assert.equal(response.result.disabled, true);
  await authn.user.delete({ email });

  const { who, tokens } = await signUp(authn);
  await wrongPassword(authn.client.password.change(tokens.active_token.token, "hunter2", "My2n+Password"));
  await authn.client.password.change(tokens.active_token.token, PASSWORD, "My2n+Password");
  checkTokens(await signIn(authn, { ...who, password: "My2n+Password" }), who);
  assert.equal((await start(authn, who.email)).flow_type[0], "signin");
});
