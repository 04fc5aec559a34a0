// A hosted login: the pages lead back to the application with a code, and
// client.userinfo gives tokens for it, once.

import assert from "node:assert/strict";
import { test } from "node:test";

import { signUp, word } from "./person.js";
import { CALLBACK, pool } from "./pool.js";
import { badToken, checkEnvelope, checkTokens, isID } from "./shape.js";

// A browser for plain pages: it keeps one cookie, follows redirects within the
// site, and fills in forms.
function browser() {
  let cookie;
  const visit = async (url, form) => {
    const headers = cookie ? { cookie } : {};
    const response = await fetch(url, { redirect: "manual", headers, ...(form && { method: "POST", body: new URLSearchParams(form) }) });
    cookie = response.headers.get("set-cookie")?.split(";")[0] ?? cookie;
    const location = response.headers.get("location");
    if (!location) return { url, status: response.status, html: await response.text() };
    const next = new URL(location, url);
    return next.host === new URL(url).host ? visit(next) : { left: next };
  };
  // The page's form for a choice, with its hidden fields.
  const send = (page, choice, fields) => {
    const form = page.html.match(/<form[^>]*>[\s\S]*?<\/form>/g)?.find((f) => f.includes(`name="choice" value="${choice}"`) && !f.includes('name="action"'));
    assert.ok(form, page.html);
    for (const name of Object.keys(fields)) assert.ok(form.includes(`name="${name}"`), form);
    const [, action] = form.match(/action="([^"]*)"/);
    return visit(new URL(action, page.url), { choice, ...fields });
  };
  return { visit, send };
}

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
