// client.jwks, and user tokens that are signed: verified with jose against the
// key set, as the vendor's browser packages do.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createLocalJWKSet, createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";

import { NEW_PASSWORD, signIn, signUp } from "./person.js";
import { other, pool, signed } from "./pool.js";
import { badToken, checkEnvelope, checkToken, isID } from "./shape.js";

async function keySet(sdk) {
  const response = await sdk.client.jwks();
  checkEnvelope(response, "Keys listed");
  for (const key of response.result.keys) {
    assert.deepEqual(Object.keys(key).sort(), ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    assert.deepEqual([key.kty, key.alg, key.crv, key.use], ["EC", "ES256", "P-256", "sig"]);
  }
  return response.result;
}

test("a pool of opaque tokens has no keys", async () => assert.deepEqual(await keySet(other.service()), { keys: [] }));

for (const [kind, sdk] of [["client", signed.client()], ["service", signed.service()]]) {
  test(`a signed token (${kind} token)`, async () => {
    const { who, tokens } = await signUp(sdk);
    const { token, ...active } = tokens.active_token;
    assert.ok(isID("ptr", tokens.refresh_token.token));
    const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(await keySet(sdk)));
    assert.deepEqual(Object.keys(protectedHeader).sort(), ["alg", "kid", "typ"]);
    const { iat, exp, ...claims } = payload;
    assert.equal(exp - iat, 48 * 3600);
    assert.deepEqual(claims, {
      iss: signed.loginURL, sub: active.identity, jti: active.id, email: who.email, username: who.email, profile: who.profile, intelligence: {},
      "pangea.profile": who.profile, "pangea.intelligence": {}, "pangea.claims": {},
    });
    checkToken(active, "user", who, false);
    const { result } = await sdk.client.clientToken.check(token);
    checkToken(result, "user", who, false);
    for (const name of ["id", "identity", "expire", "created_at"]) assert.equal(result[name], active[name]);

    const remote = createRemoteJWKSet(new URL(signed.loginURL + "/.well-known/jwks.json"));
    assert.equal((await jwtVerify(token, remote, { issuer: signed.loginURL })).payload.sub, active.identity);

    const [head, body, signature] = token.split(".");
    const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString("base64url");
    for (const forged of [`${none}.${body}.${signature}`, `${head}.${body}.${[...signature].reverse().join("")}`]) {
      await assert.rejects(jwtVerify(forged, remote));
      await badToken(sdk.client.clientToken.check(forged));
    }
  });

  test(`a signed token wherever a user token is taken (${kind} token)`, async () => {
    const { who, tokens } = await signUp(sdk);
    const first = tokens.active_token.token;
    await badToken(pool.service().client.clientToken.check(first));
    assert.deepEqual((await sdk.client.session.list(first)).result.sessions.map((s) => s.id), [tokens.refresh_token.id]);
    const elsewhere = await signIn(sdk, who);
    assert.ok((await sdk.client.session.invalidate(first, elsewhere.refresh_token.id)).success);
    await badToken(sdk.client.clientToken.check(elsewhere.active_token.token));
    assert.ok((await sdk.client.password.change(first, who.password, NEW_PASSWORD)).success);

    const { result: second } = await sdk.client.session.refresh(tokens.refresh_token.token, { user_token: first });
    const { result: again } = await sdk.client.session.refresh(tokens.refresh_token.token, { user_token: first });
    assert.equal(again.active_token.token, second.active_token.token);
    assert.notEqual(second.active_token.token, first);
    assert.equal(decodeProtectedHeader(second.active_token.token).kid, decodeProtectedHeader(first).kid);
    assert.ok((await sdk.client.clientToken.check(first)).result.life <= 10);

    assert.ok((await sdk.client.session.logout(second.active_token.token)).success);
    for (const token of [first, second.active_token.token]) await badToken(sdk.client.clientToken.check(token));
    await badToken(sdk.client.session.refresh(second.refresh_token.token, { user_token: second.active_token.token }));
  });
}

test("the vendor's suite logs a token out as a person", async () => {
  const { tokens } = await signUp(signed.service());
  assert.ok((await signed.service().session.logout(tokens.active_token.token)).success);
});
