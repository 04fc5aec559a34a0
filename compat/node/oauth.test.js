// The OAuth server, as a relying party that knows nothing of it sees it:
// openid-client, which is certified as one by the OpenID foundation.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { createRemoteJWKSet, decodeJwt, jwtVerify } from "jose";
import * as client from "openid-client";

import { browser } from "./browser.js";
import { NEW_PASSWORD, signIn as signInOver, signUp } from "./person.js";
import { CALLBACK, logoutsURL, oauth } from "./pool.js";
import { badToken, isID } from "./shape.js";

const local = { execute: [client.allowInsecureRequests] };
const issuer = new URL(oauth.loginURL);

const configure = (app, auth, algorithm = "oidc") => client.discovery(issuer, app.id, undefined, auth ?? client.None(), { ...local, algorithm });
const shop = () => configure(oauth.shop, client.ClientSecretBasic(oauth.shop.secret));

// signIn goes through the hosted pages, as far as an application's address or
// another question.
async function signIn(config, who, more = {}) {
  const verifier = client.randomPKCECodeVerifier();
  const checks = { pkceCodeVerifier: verifier, expectedState: client.randomState(), expectedNonce: client.randomNonce() };
  const begin = client.buildAuthorizationUrl(config, {
    redirect_uri: CALLBACK, scope: "openid email", state: checks.expectedState, nonce: checks.expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256", ...more,
  });
  const visitor = browser();
  let page = await visitor.visit(begin);
  page = await visitor.send(page, "set_email", { email: who.email });
  page = await visitor.send(page, "password", { password: who.password });
  return { page, checks, ...visitor };
}

const tokens = (config, { page, checks }) => client.authorizationCodeGrant(config, page.left, checks);

test("discovery, by either document and from either place", async () => {
  for (const algorithm of ["oidc", "oauth2"]) {
    const server = (await configure(oauth.shop, undefined, algorithm)).serverMetadata();
    assert.equal(server.issuer, oauth.loginURL);
    assert.ok(server.authorization_endpoint.endsWith("/authorize"));
    assert.deepEqual(server.code_challenge_methods_supported, ["S256"]);
    assert.equal(server.authorization_response_iss_parameter_supported, true);
    assert.ok(server.scopes_supported.includes("reports"));
  }
});

test("a code with PKCE gives tokens, an ID token that holds, and what the scopes say", async () => {
  const config = await shop();
  const { who } = await signUp(oauth.service());
  const flow = await signIn(config, who);
  assert.equal(flow.page.left.origin + flow.page.left.pathname, CALLBACK);
  assert.deepEqual([...flow.page.left.searchParams.keys()].sort(), ["code", "iss", "state"]);
  const given = await tokens(config, flow);
  assert.deepEqual([given.token_type, given.scope], ["bearer", "openid email"]);
  assert.ok(isID("ptu", given.access_token) && isID("ptr", given.refresh_token));
  const claims = given.claims();
  assert.deepEqual([claims.iss, claims.aud, claims.email], [oauth.loginURL, oauth.shop.id, who.email]);

  // The signature too, which the library leaves to TLS where a code is exchanged.
  const keys = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri));
  const { payload } = await jwtVerify(given.id_token, keys, { issuer: oauth.loginURL, audience: oauth.shop.id });
  assert.equal(payload.at_hash, createHash("sha256").update(given.access_token).digest().subarray(0, 16).toString("base64url"));
  assert.equal(payload.azp, oauth.shop.id);

  const info = await client.fetchUserInfo(config, given.access_token, claims.sub);
  assert.deepEqual(info, { sub: claims.sub, email: who.email, email_verified: false, preferred_username: who.email });

  const said = await client.tokenIntrospection(config, given.access_token);
  assert.deepEqual([said.active, said.sub, said.client_id, said.scope, said.username, said.sub_type], [true, claims.sub, oauth.shop.id, "openid email", who.email, "user"]);
  assert.deepEqual(said.aud, ["https://api.example.org"]);

  // The vendor's own check knows the token too, and what it may tell.
  const { result } = await oauth.client().client.clientToken.check(given.access_token);
  assert.deepEqual([result.client_id, result.scopes, result.email, result.profile], [oauth.shop.id, ["openid", "email"], who.email, {}]);
  await badToken(oauth.client().client.session.list(given.access_token));
  await badToken(oauth.client().client.session.refresh(given.refresh_token, {}));

  const renewed = await client.refreshTokenGrant(config, given.refresh_token);
  assert.notEqual(renewed.refresh_token, given.refresh_token);
  assert.equal(renewed.claims().sub, claims.sub);
  await assert.rejects(client.refreshTokenGrant(config, renewed.refresh_token, { scope: "openid email reports" }), { error: "invalid_scope" });

  await client.tokenRevocation(config, renewed.refresh_token);
  assert.deepEqual(await client.tokenIntrospection(config, renewed.access_token), { active: false });
  await assert.rejects(client.refreshTokenGrant(config, renewed.refresh_token), { error: "invalid_grant" });
  await assert.rejects(client.fetchUserInfo(config, renewed.access_token, claims.sub), { code: "OAUTH_WWW_AUTHENTICATE_CHALLENGE" });
});

test("a code works once, and who comes with it again ends what it began", async () => {
  const config = await shop();
  const { who } = await signUp(oauth.service());
  const flow = await signIn(config, who);
  const given = await tokens(config, flow);
  await assert.rejects(tokens(config, flow), { error: "invalid_grant" });
  assert.equal((await client.tokenIntrospection(config, given.access_token)).active, false);
});

test("people are asked what an application may have, once, and may say no", async () => {
  const config = await shop();
  const { who } = await signUp(oauth.service());
  const ask = { scope: "openid reports" };
  let flow = await signIn(config, who, ask);
  assert.match(flow.page.html, /May SHOP have this\?[\s\S]*Reports[\s\S]*Read your reports\./);
  const [, action] = flow.page.html.match(/action="([^"]*)"/);
  const denied = await flow.visit(new URL(action, flow.page.url), { choice: "oauth_consent", action: "deny" });
  await assert.rejects(client.authorizationCodeGrant(config, denied.left, flow.checks), { error: "access_denied" });

  flow = await signIn(config, who, ask);
  flow.page = await flow.send(flow.page, "oauth_consent", { "scope.reports": "allow" });
  assert.equal((await tokens(config, flow)).scope, "openid reports");
  flow = await signIn(config, who, ask);
  assert.ok(flow.page.left, "what was allowed is not asked for again");
});

test("what is wrong with a request is told to the application", async () => {
  const config = await shop();
  for (const [more, error] of [
    [{ scope: "openid admin" }, "invalid_scope"], [{ prompt: "none" }, "login_required"], [{ response_type: "token" }, "unsupported_response_type"],
    [{ code_challenge_method: "plain" }, "invalid_request"], [{ request_uri: "http://127.0.0.1:1/x" }, "request_uri_not_supported"],
  ]) {
    const { left } = await browser().visit(client.buildAuthorizationUrl(config, { redirect_uri: CALLBACK, state: "s", code_challenge: "a".repeat(43), code_challenge_method: "S256", ...more }));
    assert.deepEqual([left.origin + left.pathname, left.searchParams.get("error"), left.searchParams.get("state"), left.searchParams.get("iss")], [CALLBACK, error, "s", oauth.loginURL]);
  }
  const page = await browser().visit(client.buildAuthorizationUrl(config, { redirect_uri: "https://evil.example/cb" }));
  assert.equal(page.status, 400);
});

test("a program's own token stands for it and for nobody", async () => {
  const config = await configure(oauth.robot, client.ClientSecretPost(oauth.robot.secret));
  const { access_token, scope, refresh_token, expires_in } = await client.clientCredentialsGrant(config, { scope: "reports" });
  assert.deepEqual([scope, refresh_token, expires_in], ["reports", undefined, 3600]);
  const said = await client.tokenIntrospection(await shop(), access_token);
  assert.deepEqual([said.active, said.sub, said.client_id, said.sub_type, said.username], [true, oauth.robot.id, oauth.robot.id, "client", undefined]);
  await badToken(oauth.client().client.clientToken.check(access_token));
  await assert.rejects(client.clientCredentialsGrant(config, { scope: "admin" }), { error: "invalid_scope" });
  await assert.rejects(client.clientCredentialsGrant(await configure(oauth.robot, client.ClientSecretPost("pck_" + "a".repeat(32)))), { error: "invalid_client" });
  await client.tokenRevocation(config, access_token);
  assert.equal((await client.tokenIntrospection(await shop(), access_token)).active, false);
});

test("signing out at the application's wish", async () => {
  const config = await shop();
  const { who } = await signUp(oauth.service());
  const given = await tokens(config, await signIn(config, who));
  const leave = client.buildEndSessionUrl(config, { id_token_hint: given.id_token, post_logout_redirect_uri: "https://someurl.com/bye", state: "x" });
  const { left } = await browser().visit(leave);
  assert.equal(left.href, "https://someurl.com/bye?state=x");
  assert.equal((await client.tokenIntrospection(config, given.access_token)).active, false);
  const asked = await browser().visit(client.buildEndSessionUrl(config, { post_logout_redirect_uri: "https://someurl.com/bye" }));
  assert.match(asked.html, /Sign out\?/);
});

for (const [way, end] of Object.entries({
  "an administrator": ({ sid }) => oauth.service().session.invalidate(`pmt_${sid}`),
  "a new password": async ({ who }) => {
    const { active_token } = await signInOver(oauth.client(), who);
    await oauth.client().client.password.change(active_token.token, who.password, NEW_PASSWORD);
  },
  "the person's deletion": ({ sub }) => oauth.service().user.delete({ id: sub }),
  "the application itself": ({ config, given }) => browser().visit(client.buildEndSessionUrl(config, { id_token_hint: given.id_token })),
})) {
  test(`an application is told of a logout by ${way}`, async () => {
    const config = await shop();
    assert.equal(config.serverMetadata().backchannel_logout_supported, true);
    assert.equal(config.serverMetadata().backchannel_logout_session_supported, true);
    const { who } = await signUp(oauth.service());
    const given = await tokens(config, await signIn(config, who));
    const { sub, sid } = given.claims();
    await end({ who, config, given, sub, sid });
    const keys = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri));
    const told = async () => {
      const all = await (await fetch(logoutsURL)).json();
      return all.filter((token) => decodeJwt(token).sid === sid);
    };
    for (const deadline = Date.now() + 30_000; (await told()).length === 0; await sleep(50)) assert.ok(Date.now() < deadline, "it was not told");
    const [token, ...more] = await told();
    assert.deepEqual(more, []);
    const { payload: claims } = await jwtVerify(token, keys, { issuer: oauth.loginURL, audience: oauth.shop.id, typ: "logout+jwt", maxTokenAge: "2m", requiredClaims: ["jti", "exp"] });
    assert.deepEqual([claims.sub, claims.nonce, claims.events], [sub, undefined, { "http://schemas.openid.net/event/backchannel-logout": {} }]);
  });
}

test("a flow over the API is tied to an application", async () => {
  const api = async (path, body) => {
    const response = await fetch(`${oauth.url}${path}`, { method: "POST", headers: { "Content-Type": "application/json", Authorization: `Bearer ${oauth.clientToken}` }, body: JSON.stringify(body) });
    const { status, summary, result } = await response.json();
    assert.equal(status, "Success", summary);
    return result;
  };
  const { who } = await signUp(oauth.service());
  const { flow_id } = await api("/v2/flow/start", { email: who.email, client_id: oauth.page.id });
  await api("/v2/flow/update", { flow_id, choice: "password", data: { password: who.password } });
  const done = await api("/v2/flow/complete", { flow_id });
  assert.deepEqual([done.client_id, done.scope, done.oauth_response_types, done.oauth2_redirect_uri], [oauth.page.id, "openid profile email", ["code"], "http://localhost:3000/oauth.html"]);
  assert.deepEqual([done.active_token.client_id, done.active_token.scopes], [oauth.page.id, ["openid", "profile", "email"]]);
  const page = await configure(oauth.page);
  assert.equal((await client.tokenIntrospection(page, done.active_token.token)).active, true);
  assert.ok((await client.refreshTokenGrant(page, done.refresh_token.token)).access_token);
});
