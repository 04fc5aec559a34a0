// Authing's published JavaScript SDK: sign-up, sign-in, and what becomes of
// tokens. Every sample that the SDK prints beside these methods is here, with an
// address of its own.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { decodeJwt, createRemoteJWKSet, jwtVerify } from "jose";

import { address } from "./person.js";
import { authing, hidden } from "./pool.js";

// What the vendor's samples use.
const PASSWORD = "passw0rd";

// code is the number that a call is refused with.
async function code(call) {
  let refusal;
  await assert.rejects(call, (error) => {
    refusal = error;
    return true;
  });
  if (refusal instanceof Error) refusal = JSON.parse(refusal.message); // REST
  assert.ok(refusal.message, JSON.stringify(refusal));
  return refusal.code;
}

test("the SDK is the pinned one", async () => {
  const installed = JSON.parse(await readFile(new URL("node_modules/authing-js-sdk/package.json", import.meta.url)));
  const wanted = JSON.parse(await readFile(new URL("package.json", import.meta.url)));
  assert.equal(installed.version, wanted.dependencies["authing-js-sdk"]);
});

test("registerByEmail", async () => {
  const client = authing.authing();
  const email = address();
  const user = await client.registerByEmail(email, PASSWORD);
  assert.equal(user.email, email);
  assert.equal(user.arn, `arn:cn:authing:${user.userPoolId}:user:${user.id}`);
  assert.deepEqual(
    [user.emailVerified, user.token, user.password, user.username, user.loginsCount, user.status, user.gender],
    [false, null, null, null, 0, "Activated", "U"],
  );
});

test("registerByEmail with a profile and custom data", async () => {
  const client = authing.authing();
  const user = await client.registerByEmail(
    address(), PASSWORD, { nickname: "Nick", company: "蒸汽记忆" },
    { forceLogin: true, generateToken: true, clientIp: "203.0.113.9", customData: { source: "google" }, context: { tenant: "x" } },
  );
  assert.deepEqual([user.nickname, user.company, user.loginsCount], ["Nick", "蒸汽记忆", 1]);
  const me = await client.getCurrentUser();
  assert.deepEqual([me.id, me.token, me.identities, me.customData], [user.id, user.token, [], { source: "google" }]);
});

test("loginByEmail", async () => {
  const client = authing.authing();
  const email = address();
  const created = await client.registerByEmail(email, PASSWORD);
  const user = await client.loginByEmail(email, PASSWORD, { captchaCode: "xj72" });
  assert.deepEqual([user.id, user.loginsCount, user.newlyCreated, user.customData], [created.id, 1, false, {}]);
  const claims = decodeJwt(user.token);
  assert.deepEqual([claims.sub, claims.data.id, claims.aud, claims.exp - claims.iat], [user.id, user.id, authing.appID.replace("app_", ""), 1209600]);
  const again = await client.loginByEmail(email.toUpperCase(), PASSWORD, { customData: { source: "letter" } });
  assert.deepEqual([again.email, again.customData], [email, { source: "letter" }]);
});

test("loginByEmail registers who is new", async () => {
  const client = authing.authing();
  const email = address();
  const user = await client.loginByEmail(email, PASSWORD, { autoRegister: true });
  assert.equal(user.newlyCreated, true);
  assert.equal((await client.loginByEmail(email, PASSWORD, { autoRegister: true })).id, user.id);
});

test("a token verifies against the pool's keys", async () => {
  const { token, id } = await authing.authing().registerByEmail(address(), PASSWORD, {}, { forceLogin: true });
  const keys = createRemoteJWKSet(new URL(authing.loginURL + "/.well-known/jwks.json"));
  assert.equal((await jwtVerify(token, keys, { issuer: authing.loginURL, algorithms: ["ES256"] })).payload.sub, id);
});

test("checkLoginStatus", async () => {
  const client = authing.authing();
  const { token, id } = await client.registerByEmail(address(), PASSWORD, {}, { forceLogin: true });
  for (const status of [await client.checkLoginStatus(token), await client.checkLoginStatus()]) {
    assert.deepEqual([status.code, status.status, status.message, status.data.id, status.exp - status.iat], [200, true, "Signed in", id, 1209600]);
  }
  const expired = { code: 2206, status: false, message: "The sign-in has expired", exp: null, iat: null, data: null };
  for (const bad of ["TOKEN", "wrong token", "a.b.c", token.slice(0, -6) + "AAAAAA", undefined]) {
    assert.deepEqual({ ...(await authing.authing().checkLoginStatus(bad)) }, expired);
  }
  assert.equal((await authing.authing({ lang: undefined }).checkLoginStatus("TOKEN")).message, "登录信息已过期");
});

test("getCurrentUser", async () => {
  const client = authing.authing();
  assert.equal(await client.getCurrentUser(), null);
  const { token, id } = await client.registerByEmail(address(), PASSWORD, {}, { forceLogin: true });
  assert.equal((await client.getCurrentUser()).id, id);
  assert.equal((await authing.authing({ token }).getCurrentUser()).token, token);
  assert.equal(await authing.authing({ token: "wrong token" }).getCurrentUser(), null);
});

test("logout", async () => {
  const client = authing.authing();
  const { token } = await client.registerByEmail(address(), PASSWORD, {}, { forceLogin: true });
  await client.logout();
  assert.equal((await authing.authing().checkLoginStatus(token)).status, false);
  assert.equal(await authing.authing({ token }).getCurrentUser(), null);
  assert.equal(await code(authing.authing({ token }).logout()), 2020);
});

test("a stale token does no harm", async () => {
  const client = authing.authing({ token: "stale" });
  const email = address();
  await client.registerByEmail(email, PASSWORD);
  const stale = authing.authing({ token: "stale" });
  assert.ok((await stale.loginByEmail(email, PASSWORD)).token);
});

test("errors", async () => {
  const client = authing.authing();
  const email = address();
  await client.registerByEmail(email, PASSWORD);
  const others = authing.authing({ publicKey: hidden.publicKey });
  for (const [name, want, call] of [
    ["a wrong password", 2333, () => client.loginByEmail(email, "wrong password")],
    ["nobody", 2333, () => client.loginByEmail(address(), PASSWORD)],
    ["no address", 2003, () => client.loginByEmail("no address", PASSWORD)],
    ["taken", 2026, () => client.registerByEmail(email, PASSWORD)],
    ["no address to sign up", 2003, () => client.registerByEmail("no address", PASSWORD)],
    ["a short password", 2029, () => client.registerByEmail(address(), "short")],
    ["a field that is not asked for", 400, () => client.registerByEmail(address(), PASSWORD, { website: "https://x.example" })],
    ["custom data that is not asked for", 400, () => client.registerByEmail(address(), PASSWORD, {}, { customData: { plan: "gold" } })],
    ["another pool's key, to sign in", 2333, () => others.loginByEmail(email, PASSWORD)],
    ["an application that is none", 2011, () => authing.authing({ appId: "nobody" }).loginByEmail(email, PASSWORD)],
    ["not served yet", 501, () => client.sendEmail(email, "VERIFY_EMAIL")],
    ["nobody signed in", 2020, () => client.logout()],
  ]) {
    assert.equal(await code(call()), want, name);
  }
});

test("another pool's key", async () => {
  // What is made up for a password that does not decrypt is empty, or one letter,
  // once in a hundred times: that is too short.
  const others = authing.authing({ publicKey: hidden.publicKey });
  assert.ok([2016, 2029].includes(await code(others.registerByEmail(address(), PASSWORD))));
});

test("a lockout, and a mailbox that is not proved", async () => {
  const client = hidden.authing();
  const email = address();
  assert.equal((await client.registerByEmail(email, PASSWORD, {}, { forceLogin: true })).token, null);
  assert.equal(await code(client.loginByEmail(email, PASSWORD)), 2042);
  const codes = [];
  for (let i = 0; i < 7; i++) codes.push(await code(client.loginByEmail(email, "wrong password")));
  assert.deepEqual([codes[0], codes.at(-1)], [2333, 2057]);
  assert.equal(await code(client.loginByEmail(email, PASSWORD)), 2057);
});
