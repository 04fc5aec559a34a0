// A hosted login: the pages lead back to the application with a code, and
// client.userinfo gives tokens for it, once.

import assert from "node:assert/strict";
import { test } from "node:test";

import { browser } from "./browser.js";
import { signUp, word } from "./person.js";
import { CALLBACK, pool } from "./pool.js";
import { badToken, checkEnvelope, checkTokens, isID } from "./shape.js";

for (const [kind, sdk] of [["client", pool.client()], ["service", pool.service()]]) {
  test(`userinfo of a hosted login (${kind} token)`, async () => {
    const { who } = await signUp(sdk);
    const state = word("state");
    const { visit, send } = browser();
    let page = await visit(`${pool.loginURL}/authorize?${new URLSearchParams({ redirect_uri: CALLBACK, state })}`);
    page = await send(page, "set_email", { email: who.email });
    page = await send(page, "password", { password: who.password });
    assert.equal(page.left.origin + page.left.pathname, CALLBACK);
    assert.deepEqual([...page.left.searchParams.keys()].sort(), ["code", "state"]);
    assert.equal(page.left.searchParams.get("state"), state);
    const code = page.left.searchParams.get("code");
    assert.ok(isID("pmc", code), code);

    const response = await sdk.client.userinfo(code);
    checkEnvelope(response, "Login completed");
    checkTokens(response.result, who);
    await badToken(sdk.client.userinfo(code));
    assert.equal((await sdk.client.clientToken.check(response.result.active_token.token)).success, true);
  });
}
