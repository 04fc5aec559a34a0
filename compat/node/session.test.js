// session.list, session.invalidate, session.logout, client.session.list,
// client.session.invalidate, user.authenticators and client.password.expire.

import assert from "node:assert/strict";
import { before, test } from "node:test";

import { AuthN } from "pangea-node-sdk";

import { linkTo, ticket } from "./inbox.js";
import { NEW_PASSWORD, PASSWORD, address, choices, offered, person, signIn, signUp, start, word } from "./person.js";
import { other, pool } from "./pool.js";
import { BOTH_POLICIES, badToken, checkEnvelope, checkToken, checkTokens, invalid, isID, moment, nearNow, notFound } from "./shape.js";

const authn = pool.service();
const { Choice } = AuthN.Flow;
const NONE = { sessions: [], count: 0, last: "" };

// Three people with two sessions each, of which every second one was refreshed.
const crowd = word("stay");
const sessions = [];
let listed;

before(async () => {
  for (const [i, letter] of [..."bca"].entries()) {
    const who = person({ email: `${letter}.${crowd}@pangea.cloud`, profile: { first_name: crowd, last_name: `Last_${i}` } });
    sessions.push((await signUp(authn, who)).tokens);
    const tokens = await signIn(authn, who);
    sessions.push((await authn.client.session.refresh(tokens.refresh_token.token, {})).result);
  }
  listed = (await authn.session.list({ filter: { email__contains: [crowd] } })).result.sessions;
});

// All that a list says of a session.
function checkSession({ active_token, ...item }, { refresh_token, active_token: given }, { email, profile }) {
  checkToken(active_token, "user", { email, profile }, false);
  for (const name of ["id", "expire", "created_at", "identity"]) assert.equal(active_token[name], given[name]);
  for (const name of ["id", "expire", "identity"]) assert.equal(item[name], refresh_token[name]);
  // A refresh makes it longer: it begins where it began.
  assert.ok(nearNow(item.created_at) <= moment(refresh_token.created_at));
  assert.ok(item.life > 0 && item.life <= refresh_token.life);
  for (const name of ["id", "expire", "identity", "created_at", "life"]) delete item[name];
  assert.deepEqual(item, { type: "session", enabled: true, email, owner: email, scopes: [], profile });
}

test("list", async () => {
  const response = await authn.session.list({ filter: { email__contains: [crowd] } });
  checkEnvelope(response, "Sessions listed");
  assert.deepEqual([response.result.count, response.result.last, response.result.sessions.length], [6, "", 6]);
  for (const [i, item] of response.result.sessions.entries()) {
    checkSession(item, sessions[i], { email: `${"bca"[i >> 1]}.${crowd}@pangea.cloud`, profile: { first_name: crowd, last_name: `Last_${i >> 1}` } });
  }
  assert.ok((await authn.session.list({})).result.count >= 6);
  assert.deepEqual((await authn.session.list({ filter: { email: address() } })).result, NONE);
});

const all = [0, 1, 2, 3, 4, 5];
const FILTERS = [
  [() => ({ id: sessions[3].refresh_token.id }), [3]],
  [() => ({ id: sessions[3].active_token.id }), []],
  [() => ({ id__contains: [sessions[3].refresh_token.id.slice(8)] }), [3]],
  [() => ({ id__in: [sessions[3].refresh_token.id, sessions[5].refresh_token.id] }), [3, 5]],
  [() => ({ active_token_id: sessions[1].active_token.id }), [1]],
  [() => ({ active_token_id__contains: [sessions[1].active_token.id.slice(8)] }), [1]],
  [() => ({ active_token_id__in: [sessions[1].active_token.id] }), [1]],
  [() => ({ identity: sessions[2].active_token.identity }), [2, 3]],
  [() => ({ identity__contains: [sessions[2].active_token.identity.slice(0, 15)] }), [2, 3]],
  [() => ({ identity__in: [sessions[4].active_token.identity] }), [4, 5]],
  [() => ({ email: sessions[4].active_token.email.toUpperCase() }), [4, 5]],
  [() => ({ email__contains: ["c."] }), [2, 3]],
  [() => ({ email__in: [sessions[0].active_token.email] }), [0, 1]],
  [() => ({ username: sessions[0].active_token.email }), [0, 1]],
  [() => ({ username__contains: ["a." + crowd] }), [4, 5]],
  [() => ({ username__in: [sessions[2].active_token.email] }), [2, 3]],
  [() => ({ created_at: listed[3].created_at }), [3]],
  [() => ({ created_at__gt: listed[3].created_at }), [4, 5]],
  [() => ({ created_at__gte: listed[3].created_at }), [3, 4, 5]],
  [() => ({ created_at__lt: listed[3].created_at }), [0, 1, 2]],
  [() => ({ created_at__lte: listed[3].created_at }), [0, 1, 2, 3]],
  [() => ({ expire: listed[2].expire }), [2]],
  [() => ({ expire__gt: listed[2].expire }), [3, 4, 5]],
  [() => ({ expire__gte: listed[2].expire }), [2, 3, 4, 5]],
  [() => ({ expire__lt: listed[2].expire }), [0, 1]],
  [() => ({ expire__lte: listed[2].expire }), [0, 1, 2]],
  [() => ({ type: "session" }), all],
  [() => ({ type: "user" }), []],
  [() => ({ type__contains: ["sess"] }), all],
  [() => ({ type__in: ["user", "client"] }), []],
  [() => ({ enabled: true }), all],
  [() => ({ enabled: false }), []],
  [() => ({ scopes: ["admin"] }), []],
  [() => ({ scopes: [] }), all],
  [() => ({ profile_last_name: "Last_1" }), [2, 3]],
  [() => ({ profile_last_name__contains: ["t_1", "t_2"] }), [2, 3, 4, 5]],
  [() => ({ profile_first_name__exists: false }), []],
];

for (const [n, [make, expected]] of FILTERS.entries()) {
  test(`filter ${n}: ${String(make).replace(/^.*=> /, "")}`, async () => {
    const filter = { id__in: sessions.map((s) => s.refresh_token.id), ...make() };
    const { result } = await authn.session.list({ filter });
    assert.equal(result.count, result.sessions.length);
    assert.deepEqual(result.sessions.map((s) => sessions.findIndex((own) => own.refresh_token.id === s.id)).sort(), expected);
  });
}

const KEYS = {
  id: (s) => s.id,
  created_at: (s) => s.created_at,
  type: (s) => s.id,
  identity: (s) => `${s.identity} ${s.id}`,
  email: (s) => `${s.email} ${s.id}`,
  expire: (s) => s.expire,
  active_token_id: (s) => s.active_token.id,
};

for (const [order_by, key] of Object.entries(KEYS)) {
  for (const order of Object.values(AuthN.ItemOrder)) {
    test(`pages in the order of ${order_by} ${order}`, async () => {
      const expected = [...listed].sort((a, b) => (key(a) < key(b) ? -1 : 1)).map((s) => s.id);
      if (order === "desc") expected.reverse();
      for (const size of [1, 4, 6]) {
        const got = [];
        let last;
        do {
          const { result } = await authn.session.list({ filter: { email__contains: [crowd] }, order, order_by, size, last });
          assert.ok(result.sessions.length > 0 && result.sessions.length <= size);
          got.push(...result.sessions.map((s) => s.id));
          last = result.last;
        } while (last !== "");
        assert.deepEqual(got, expected);
      }
    });
  }
}

test("lists refuse", async () => {
  await invalid(authn.session.list({ size: 0 }), ["IsTooSmall", "/size"]);
  await invalid(authn.session.list({ last: "somewhere" }), ["DoesNotMatchPattern", "/last"]);
  await invalid(authn.session.list({ order: "up", order_by: "username" }), ["NotEnumMember", "/order"], ["NotEnumMember", "/order_by"]);
  await invalid(authn.session.list({ filter: { colour: "red" } }), ["UnexpectedProperty", "/filter/colour"]);
});

test("invalidate and log out", async () => {
  const { who, tokens: first } = await signUp(authn);
  const [second, third] = [await signIn(authn, who), await signIn(authn, who)];
  const { tokens: stranger } = await signUp(authn);
  await notFound(other.service().session.invalidate(first.refresh_token.id));
  let response = await authn.session.invalidate(first.refresh_token.id);
  checkEnvelope(response, "Session invalidated");
  assert.deepEqual(response.result, {});
  await badToken(authn.client.clientToken.check(first.active_token.token));
  for (const gone of [first.refresh_token.id, first.active_token.id]) await notFound(authn.session.invalidate(gone));
  await invalid(authn.session.invalidate("some session"), ["DoesNotMatchPattern", "/session_id"]);

  response = await authn.session.logout(second.active_token.identity);
  checkEnvelope(response, "Logged out");
  assert.deepEqual(response.result, {});
  for (const tokens of [second, third]) {
    await badToken(authn.client.clientToken.check(tokens.active_token.token));
    await badToken(authn.client.session.refresh(tokens.refresh_token.token, {}));
  }
  // The vendor's suite passes a token, twice.
  for (const nobody of [second.active_token.token, second.active_token.token, stranger.active_token.id]) {
    assert.deepEqual((await authn.session.logout(nobody)).result, {});
  }
  assert.equal((await authn.client.clientToken.check(stranger.active_token.token)).success, true);
});

for (const [kind, sdk] of [["client", pool.client()], ["service", pool.service()]]) {
  test(`one's own sessions (${kind} token)`, async () => {
    const { who, tokens: first } = await signUp(sdk);
    const { tokens: stranger } = await signUp(sdk);
    const second = await signIn(sdk, who);
    const { token } = second.active_token;
    const response = await sdk.client.session.list(token, { filter: {} });
    checkEnvelope(response, "Sessions listed");
    assert.deepEqual(Object.keys(response.result).sort(), ["last", "sessions"]);
    assert.deepEqual([response.result.last, response.result.sessions.length], ["", 2]);
    for (const [i, item] of response.result.sessions.entries()) checkSession(item, [first, second][i], who);
    const page = (await sdk.client.session.list(token, { size: 1, order: "desc", order_by: "created_at" })).result;
    assert.deepEqual(page.sessions.map((s) => s.id), [second.refresh_token.id]);
    const rest = (await sdk.client.session.list(token, { size: 1, order: "desc", order_by: "created_at", last: page.last })).result;
    assert.deepEqual([rest.sessions.map((s) => s.id), rest.last], [[first.refresh_token.id], ""]);

    assert.deepEqual((await sdk.client.session.list(token, { filter: { id: stranger.refresh_token.id } })).result, { sessions: [], last: "" });
    await notFound(sdk.client.session.invalidate(token, stranger.refresh_token.id));
    for (const own of [first, second]) {
      const ended = await sdk.client.session.invalidate(token, own.refresh_token.id);
      checkEnvelope(ended, "Session invalidated");
      assert.deepEqual(ended.result, {});
      await badToken(sdk.client.clientToken.check(own.active_token.token));
    }
    await badToken(sdk.client.session.list(token));
    await badToken(sdk.client.session.invalidate(token, second.refresh_token.id));
    await invalid(sdk.client.session.list(stranger.refresh_token.token), ["DoesNotMatchPattern", "/token"]);
    assert.equal((await sdk.client.clientToken.check(stranger.active_token.token)).success, true);
  });
}

// Gives the password of somebody who signs in.
async function half(who) {
  const { flow_id } = await start(authn, who.email, [AuthN.FlowType.SIGNIN]);
  return (await authn.flow.update({ flow_id, choice: Choice.PASSWORD, data: { password: who.password } })).result;
}

test("password expire", async () => {
  const { who, tokens } = await signUp(authn);
  const { identity } = tokens.active_token;
  for (let i = 0; i < 2; i++) {
    const response = await authn.client.password.expire(identity);
    checkEnvelope(response, "Password expired");
    assert.deepEqual(response.result, {});
  }
  await badToken(authn.client.clientToken.check(tokens.active_token.token));
  const state = await half(who);
  assert.deepEqual([state.flow_phase, choices(state), state.flow_type], ["phase_set_password", ["set_password"], ["signin"]]);
  assert.deepEqual(offered(state, Choice.SET_PASSWORD), { enrollment: false, password_policy: BOTH_POLICIES });
  const { flow_id } = state;
  const choose = (password) => authn.flow.update({ flow_id, choice: Choice.SET_PASSWORD, data: { password } });
  await invalid(authn.flow.complete(flow_id), ["BadState", "/flow_id"]);
  await invalid(choose(who.password), ["ShouldNotBeValid", "/data/password"]);
  assert.equal((await choose(NEW_PASSWORD)).result.flow_phase, "phase_completed");
  checkTokens((await authn.flow.complete(flow_id)).result, who);
  checkTokens(await signIn(authn, { ...who, password: NEW_PASSWORD }), who);
  await notFound(authn.client.password.expire("pui_" + "a".repeat(32)));
  await notFound(other.service().client.password.expire(identity));
  await invalid(authn.client.password.expire(""), ["FieldRequired", "/id"]);
});

for (const by of ["id", "email", "username"]) {
  test(`authenticators by ${by}`, async () => {
    const { who, tokens } = await signUp(authn);
    const selector = { [by]: by === "id" ? tokens.active_token.identity : who.email };
    let response = await authn.user.authenticators.list(selector);
    checkEnvelope(response, "Authenticators listed");
    const [{ id, created_at, updated_at, ...rest }, ...more] = response.result.authenticators;
    assert.deepEqual([rest, more], [{ type: "password", enabled: true, phase: "primary" }, []]);
    assert.ok(isID("pau", id), id);
    assert.equal(nearNow(created_at), nearNow(updated_at));

    const stranger = await signUp(authn);
    await notFound(authn.user.authenticators.delete({ authenticator_id: id, email: stranger.who.email }));
    await notFound(other.service().user.authenticators.delete({ authenticator_id: id, ...selector }));
    await invalid(authn.user.authenticators.delete({ ...selector }), ["FieldRequired", "/authenticator_id"]);
    await invalid(authn.user.authenticators.list({}), ["MustProvideOne", ""]);

    const state = await half(who);
    response = await authn.user.authenticators.delete({ authenticator_id: id, ...selector });
    checkEnvelope(response, "Authenticator deleted");
    assert.deepEqual(response.result, {});
    assert.deepEqual((await authn.user.authenticators.list(selector)).result, { authenticators: [] });
    await notFound(authn.user.authenticators.delete({ authenticator_id: id, ...selector }));
    await badToken(authn.client.clientToken.check(tokens.active_token.token));
    await invalid(authn.flow.complete(state.flow_id), ["BadState", "/flow_id"]);

    // The person enrols again, by mail.
    let again = await start(authn, who.email, [AuthN.FlowType.SIGNIN]);
    assert.deepEqual(choices(again), ["reset_password", "provisional_enrollment"]);
    const { flow_id } = again;
    again = (await authn.flow.restart({ flow_id, choice: Choice.RESET_PASSWORD, data: {} })).result;
    const data = { state: offered(again, Choice.RESET_PASSWORD).state, code: ticket(await linkTo(who.email, "reset_password")) };
    await authn.flow.update({ flow_id, choice: Choice.RESET_PASSWORD, data });
    await authn.flow.update({ flow_id, choice: Choice.SET_PASSWORD, data: { password: PASSWORD } });
    checkTokens((await authn.flow.complete(flow_id)).result, who);
  });
}
