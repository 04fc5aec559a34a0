// user.create, user.delete, user.list, user.update, user.profile.

import assert from "node:assert/strict";
import { before, test } from "node:test";

import { AuthN } from "pangea-node-sdk";

import { PROFILE, address, person, signIn, signUp, word } from "./person.js";
import { other, pool } from "./pool.js";
import { badToken, checkEnvelope, checkUser, invalid, nearNow, notFound } from "./shape.js";

const authn = pool.service();
const SELECTORS = ["id", "email", "username"];

test("create", async () => {
  const email = address();
  const response = await authn.user.create({ email, profile: PROFILE });
  checkEnvelope(response, "User created");
  checkUser(response.result, email, PROFILE);
  await invalid(authn.user.create({ email, profile: {} }), ["ItemNotUnique", "/email"]);
  await invalid(authn.user.create({ email: "someone", profile: {} }), ["BadFormatEmail", "/email"]);
  await invalid(authn.user.create({ email: address() }), ["FieldRequired", "/profile"]);
  await invalid(authn.user.create({ email: address(), profile: { age: 41 } }), ["InvalidString", "/profile/age"]);
});

test("create with a username", async () => {
  const [email, username] = [address(), word("user_")];
  const { result } = await authn.user.create({ email, username, profile: {} });
  checkUser(result, email, {}, { username });
  for (const selector of [{ id: result.id }, { email }, { username }]) {
    assert.equal((await authn.user.profile.getProfile(selector)).result.id, result.id);
  }
  await invalid(authn.user.create({ email: address(), username, profile: {} }), ["ItemNotUnique", "/username"]);
});

for (const by of SELECTORS) {
  test(`one person's story by ${by}`, async () => {
    const { result: user } = await authn.user.create({ email: address(), profile: PROFILE });
    const selector = { [by]: user[by] };

    let response = await authn.user.profile.getProfile(selector);
    checkEnvelope(response, "User profile");
    checkUser(response.result, user.email, PROFILE, { locked_out: false });
    assert.deepEqual([response.result.id, response.result.created_at], [user.id, user.created_at]);

    response = await authn.user.profile.update({ ...selector, profile: { first_name: "Ana", phone: "18085550173" } });
    checkEnvelope(response, "User profile updated");
    checkUser(response.result, user.email, { ...PROFILE, first_name: "Ana", phone: "18085550173" }, { locked_out: false });
    // This SDK sends what it is given: a null removes.
    response = await authn.user.profile.update({ ...selector, profile: { phone: null } });
    checkUser(response.result, user.email, { ...PROFILE, first_name: "Ana" }, { locked_out: false });

    for (const disabled of [true, false]) {
      response = await authn.user.update({ ...selector, disabled });
      checkEnvelope(response, "User updated");
      assert.equal(response.result.id, user.id);
      checkUser(response.result, user.email, { ...PROFILE, first_name: "Ana" }, { disabled, locked_out: false });
    }
    response = await authn.user.update({ ...selector, unlock: true });
    assert.equal(response.result.id, user.id);

    response = await authn.user.delete(selector);
    checkEnvelope(response, "User deleted");
    assert.deepEqual(response.result, {}); // the SDK's reading of null
    await notFound(authn.user.delete(selector));
    await notFound(authn.user.profile.getProfile({ id: user.id }));
  });
}

test("selectors", async () => {
  const { result: user } = await authn.user.create({ email: address(), profile: {} });
  for (const call of [
    (who) => authn.user.profile.getProfile(who),
    (who) => authn.user.profile.update({ ...who, profile: {} }),
    (who) => authn.user.update({ ...who, disabled: false }),
    (who) => authn.user.delete(who),
  ]) {
    await invalid(call({}), ["MustProvideOne", ""]);
    await invalid(call({ id: user.id, email: user.email }), ["MutuallyExclusive", ""]);
    await notFound(call({ id: "pui_" + "a".repeat(32) }));
    await notFound(call({ email: address() }));
    await notFound(call({ username: word("nobody_") }));
    await invalid(call({ email: "nobody" }), ["BadFormatEmail", "/email"]);
  }
});

test("disabling and deleting end sessions", async () => {
  for (const end of [(email) => authn.user.update({ email, disabled: true }), (email) => authn.user.delete({ email })]) {
    const { who, tokens } = await signUp(authn);
    await end(who.email);
    await badToken(authn.client.clientToken.check(tokens.active_token.token));
    await badToken(authn.client.session.refresh(tokens.refresh_token.token, {}));
  }
});

// Lists. Seven people with a word of their own in their addresses: the first
// three have signed in, once, twice and three times; the fourth is disabled.

const crowd = word("crowd");
const people = [];

before(async () => {
  const emails = [..."dbagcfe"].map((letter) => `${letter}.${crowd}@pangea.cloud`);
  for (const [i, email] of emails.entries()) {
    if (i >= 3) {
      await authn.user.create({ email, profile: { word: crowd, number: String(i) } });
      continue;
    }
    const sdk = pool.service();
    sdk.flow.request.setExtraHeaders({ "X-End-User-Address": `203.0.113.${i}` });
    const who = person({ email, profile: { first_name: crowd, last_name: `Last_${i}` } });
    await signUp(sdk, who);
    for (let n = 0; n < i; n++) await signIn(sdk, who);
  }
  await authn.user.update({ email: emails[3], disabled: true });
  for (const email of emails) people.push((await authn.user.profile.getProfile({ email })).result);
});

test("list", async () => {
  const response = await authn.user.list({ filter: { email__contains: [crowd] }, use_new: true });
  checkEnvelope(response, "Users listed");
  assert.deepEqual([response.result.count, response.result.users.length, "last" in response.result], [7, 7, false]);
  for (const [i, { id, email }] of people.entries()) {
    const user = response.result.users.find((u) => u.id === id);
    const signedIn = i < 3 ? { login_count: i + 1, last_login_at: nearNow, last_login_ip: `203.0.113.${i}` } : {};
    checkUser(user, email, i < 3 ? { first_name: crowd, last_name: `Last_${i}` } : { word: crowd, number: String(i) }, { disabled: i === 3, ...signedIn });
  }
  assert.ok((await authn.user.list({})).result.count >= 7);
  assert.deepEqual((await authn.user.list({ filter: { email: address() } })).result, { users: [], count: 0 });
});

const all = [0, 1, 2, 3, 4, 5, 6];

// What is asked for, and whom of the crowd it finds.
const FILTERS = [
  [(p) => ({ email: p[0].email }), [0]],
  [(p) => ({ email__contains: ["a.crowd"] }), [2]],
  [(p) => ({ email__in: [p[1].email, p[5].email] }), [1, 5]],
  [(p) => ({ id: p[4].id }), [4]],
  [(p) => ({ id__contains: [p[4].id.slice(8)] }), [4]],
  [(p) => ({ id__in: [p[4].id, p[6].id] }), [4, 6]],
  [(p) => ({ created_at: p[3].created_at }), [3]],
  [(p) => ({ created_at__gt: p[3].created_at }), [4, 5, 6]],
  [(p) => ({ created_at__gte: p[3].created_at }), [3, 4, 5, 6]],
  [(p) => ({ created_at__lt: p[3].created_at }), [0, 1, 2]],
  [(p) => ({ created_at__lte: p[3].created_at }), [0, 1, 2, 3]],
  [(p) => ({ last_login_at: p[1].last_login_at }), [1]],
  [(p) => ({ last_login_at__gt: p[1].last_login_at }), [2]],
  [(p) => ({ last_login_at__gte: p[1].last_login_at }), [1, 2]],
  [(p) => ({ last_login_at__lt: p[1].last_login_at }), [0]],
  [(p) => ({ last_login_at__lte: p[1].last_login_at }), [0, 1]],
  [() => ({ last_login_ip: "203.0.113.2" }), [2]],
  [() => ({ last_login_ip__contains: ["203.0", "113.1"] }), [1]],
  [() => ({ last_login_ip__in: ["203.0.113.0", "203.0.113.2"] }), [0, 2]],
  [() => ({ login_count: 0 }), [3, 4, 5, 6]],
  [() => ({ login_count__gt: 1 }), [1, 2]],
  [() => ({ login_count__gte: 1 }), [0, 1, 2]],
  [() => ({ login_count__lt: 2 }), [0, 3, 4, 5, 6]],
  [() => ({ login_count__lte: 2 }), [0, 1, 3, 4, 5, 6]],
  [() => ({ disabled: true }), [3]],
  [() => ({ disabled: false }), [0, 1, 2, 4, 5, 6]],
  [() => ({ verified: true }), []],
  [() => ({ verified: false }), all],
  [() => ({ disabled: false, login_count: 0 }), [4, 5, 6]],
  [() => ({ accepted_eula_id: "peu_x" }), []],
  [() => ({ accepted_eula_id__contains: ["peu"] }), []],
  [() => ({ accepted_eula_id__in: ["peu_x"] }), []],
  [() => ({ last_login_city: "Oslo" }), []],
  [() => ({ last_login_city__contains: ["Os"] }), []],
  [() => ({ last_login_city__in: ["Oslo"] }), []],
  [() => ({ last_login_country: "Norway" }), []],
  [() => ({ last_login_country__contains: ["No"] }), []],
  [() => ({ last_login_country__in: ["Norway"] }), []],
  [() => ({ require_mfa: true }), []],
  [() => ({ require_mfa: false }), all],
  [() => ({ scopes: ["admin"] }), []],
  [() => ({ scopes: [] }), all],
  // The document's, which this SDK's types do not stand in the way of.
  [(p) => ({ username: p[0].email }), [0]],
  [() => ({ profile_word: crowd }), [3, 4, 5, 6]],
  [() => ({ profile_last_name__contains: ["t_1", "t_2"] }), [1, 2]],
  [() => ({ profile_number__exists: true }), [3, 4, 5, 6]],
  [() => ({ profile_number__exists: false }), [0, 1, 2]],
];

for (const [n, [make, expected]] of FILTERS.entries()) {
  test(`filter ${n}: ${String(make).replace(/^.*=> /, "")}`, async () => {
    const filter = { id__in: people.map((p) => p.id), ...make(people) };
    const { result } = await authn.user.list({ filter });
    assert.equal(result.count, result.users.length);
    assert.deepEqual(result.users.map((u) => people.findIndex((p) => p.id === u.id)).sort(), expected);
  });
}

const byKey = (key) => (a, b) => (key(a) < key(b) ? -1 : 1);
const ORDERS = {
  id: byKey((u) => u.id),
  created_at: byKey((u) => u.created_at),
  email: byKey((u) => u.email),
  last_login_at: byKey((u) => (u.last_login_at ?? "") + " " + u.id),
};

for (const order_by of Object.values(AuthN.User.ListOrderBy)) {
  for (const order of Object.values(AuthN.ItemOrder)) {
    test(`pages in the order of ${order_by} ${order}`, async () => {
      const expected = [...people].sort(ORDERS[order_by]);
      if (order === "desc") expected.reverse();
      for (const size of [1, 3, 7]) {
        const users = [];
        let last;
        do {
          const { result } = await authn.user.list({ filter: { email__contains: [crowd] }, order, order_by, size, last });
          assert.equal(result.count, 7);
          assert.ok(result.users.length > 0 && result.users.length <= size);
          users.push(...result.users);
          last = result.last;
        } while (last !== undefined);
        assert.deepEqual(users.map((u) => u.email), expected.map((u) => u.email));
      }
    });
  }
}

test("lists refuse", async () => {
  await invalid(authn.user.list({ size: 0 }), ["IsTooSmall", "/size"]);
  await invalid(authn.user.list({ last: "somewhere" }), ["DoesNotMatchPattern", "/last"]);
  await invalid(authn.user.list({ order: "up", order_by: "shoe_size" }), ["NotEnumMember", "/order"], ["NotEnumMember", "/order_by"]);
  await invalid(authn.user.list({ filter: { colour: "red" } }), ["UnexpectedProperty", "/filter/colour"]);
});

test("a person is of one pool", async () => {
  await notFound(other.service().user.profile.getProfile({ id: people[0].id }));
  assert.equal((await other.service().user.list({ filter: { email: people[0].email } })).result.count, 0);
});
