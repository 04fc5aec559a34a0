// client.userinfo, client.clientToken, client.session, client.password: what a
// browser may call, with its client token.

import assert from "node:assert/strict";
import { test } from "node:test";

import { PangeaErrors } from "pangea-node-sdk";

import { NEW_PASSWORD, signIn, signUp } from "./person.js";
import { other, pool } from "./pool.js";
import { badToken, checkEnvelope, checkToken, checkTokens, invalid, refused, wrongPassword } from "./shape.js";

for (const [kind, sdk] of [["client", pool.client()], ["service", pool.service()]]) {
  test(`token check (${kind} token)`, async () => {
    const { who, tokens } = await signUp(sdk);
    const response = await sdk.client.clientToken.check(tokens.active_token.token);
    checkEnvelope(response, "Token checked");
    checkToken(response.result, "user", who, false);
    for (const name of ["id", "identity", "expire", "created_at"]) assert.equal(response.result[name], tokens.active_token[name]);
    await badToken(sdk.client.clientToken.check("ptu_" + "a".repeat(32)));
    await badToken(sdk.client.clientToken.check(tokens.refresh_token.token));
    await badToken(other.service().client.clientToken.check(tokens.active_token.token));
    await invalid(sdk.client.clientToken.check("some token"), ["DoesNotMatchPattern", "/token"]);
    await invalid(sdk.client.clientToken.check(""), ["FieldRequired", "/token"]);
  });

  test(`refresh (${kind} token)`, async () => {
    const { who, tokens: first } = await signUp(sdk);
    const response = await sdk.client.session.refresh(first.refresh_token.token, { user_token: first.active_token.token });
    checkEnvelope(response, "Session refreshed");
    const second = response.result;
    checkTokens(second, who);
    assert.equal(second.refresh_token.id, first.refresh_token.id);
    assert.notEqual(second.refresh_token.token, first.refresh_token.token);
    assert.notEqual(second.active_token.id, first.active_token.id);
    // The spent one answers the same for a moment, and the token before runs out.
    const { result: again } = await sdk.client.session.refresh(first.refresh_token.token, {});
    assert.deepEqual([again.refresh_token.token, again.active_token.token], [second.refresh_token.token, second.active_token.token]);
    assert.ok((await sdk.client.clientToken.check(first.active_token.token)).result.life <= 10);
    checkTokens((await sdk.client.session.refresh(second.refresh_token.token, {})).result, who);

    await badToken(sdk.client.session.refresh("ptr_" + "a".repeat(32), {}));
    await invalid(sdk.client.session.refresh(first.active_token.token, {}), ["DoesNotMatchPattern", "/refresh_token"]);
  });

  test(`logout (${kind} token)`, async () => {
    const { who, tokens } = await signUp(sdk);
    const elsewhere = await signIn(sdk, who);
    const response = await sdk.client.session.logout(tokens.active_token.token);
    checkEnvelope(response, "Logged out");
    assert.deepEqual(response.result, {});
    await badToken(sdk.client.clientToken.check(tokens.active_token.token));
    await badToken(sdk.client.session.refresh(tokens.refresh_token.token, {}));
    await badToken(sdk.client.session.logout(tokens.active_token.token));
    checkToken((await sdk.client.clientToken.check(elsewhere.active_token.token)).result, "user", who, false);
  });

  test(`password change (${kind} token)`, async () => {
    const { who, tokens } = await signUp(sdk);
    const elsewhere = await signIn(sdk, who);
    const token = tokens.active_token.token;
    await wrongPassword(sdk.client.password.change(token, "Not1s+Password", NEW_PASSWORD));
    await invalid(sdk.client.password.change(token, who.password, "short"), ["BelowMinLength", "/new_password"]);
    const response = await sdk.client.password.change(token, who.password, NEW_PASSWORD);
    checkEnvelope(response, "Password changed");
    assert.deepEqual(response.result, {});
    checkToken((await sdk.client.clientToken.check(token)).result, "user", who, false);
    await badToken(sdk.client.clientToken.check(elsewhere.active_token.token));
    await wrongPassword(signIn(sdk, who));
    checkTokens(await signIn(sdk, { ...who, password: NEW_PASSWORD }), who);
  });

  test(`userinfo refuses (${kind} token)`, async () => {
    await badToken(sdk.client.userinfo("pmc_" + "a".repeat(32)));
    await invalid(sdk.client.userinfo("1234"), ["DoesNotMatchPattern", "/code"]);
    await invalid(sdk.client.userinfo(""), ["FieldRequired", "/code"]);
  });
}

test("a spent refresh token without grace ends the session", async () => {
  const sdk = other.client();
  const { tokens: first } = await signUp(sdk);
  const { result: second } = await sdk.client.session.refresh(first.refresh_token.token, {});
  await refused(sdk.client.clientToken.check(first.active_token.token), PangeaErrors.APIError, "ExpiredToken", 400);
  await badToken(sdk.client.session.refresh(first.refresh_token.token, {}));
  await badToken(sdk.client.session.refresh(second.refresh_token.token, {}));
  await badToken(sdk.client.clientToken.check(second.active_token.token));
});

test("however many come with one refresh token, they share one successor", async () => {
  const sdk = pool.client();
  const { tokens } = await signUp(sdk);
  const results = await Promise.all(Array.from({ length: 10 }, () => sdk.client.session.refresh(tokens.refresh_token.token, {})));
  assert.equal(new Set(results.map((r) => r.result.refresh_token.token)).size, 1);
  assert.equal(new Set(results.map((r) => r.result.active_token.token)).size, 1);
});
