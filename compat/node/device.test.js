// A device without a browser, as openid-client plays one; whoever signs in for it
// has Chromium, without JavaScript.

import assert from "node:assert/strict";

import * as client from "openid-client";

import { withChromium } from "../browser/chromium.js";
import { signUp } from "./person.js";
import { oauth } from "./pool.js";

const scenario = withChromium();

const GRANT = "urn:ietf:params:oauth:grant-type:device_code";

const configure = (app, auth = client.None()) => client.discovery(new URL(oauth.loginURL), app.id, undefined, auth, { execute: [client.allowInsecureRequests] });

// A window of somebody's own.
async function visit(browser, options = {}) {
  const context = await browser.newContext({ javaScriptEnabled: false, ...options });
  context.setDefaultTimeout(60_000);
  return context.newPage();
}

const press = (page, name) => page.getByRole("button", { name }).click();

async function signIn(page, who) {
  await page.getByLabel("E-mail address").fill(who.email);
  await press(page, "Continue");
  await page.getByLabel("Password").fill(who.password);
  await press(page, "Sign in");
}

const done = (page) => page.getByRole("heading", { name: "You are signed in on your device" }).waitFor();

scenario("somebody types in what a device shows, signs in, and the device gets tokens", async (browser) => {
  const config = await configure(oauth.tv);
  const server = config.serverMetadata();
  assert.ok(server.grant_types_supported.includes(GRANT) && server.device_authorization_endpoint);
  const { who } = await signUp(oauth.service());
  const waits = await client.initiateDeviceAuthorization(config, { scope: "openid email reports" });
  assert.match(waits.user_code, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
  assert.deepEqual([waits.expires_in, waits.interval, waits.verification_uri], [600, 5, `${oauth.loginURL}/device`]);
  const tokens = client.pollDeviceAuthorizationGrant(config, waits, undefined, { signal: AbortSignal.timeout(120_000) });
  tokens.catch(() => {}); // it is waited for below

  const page = await visit(browser, { viewport: { width: 390, height: 844 } });
  await page.goto(waits.verification_uri);
  await page.getByLabel("Code").fill("bcdf ghjk");
  await press(page, "Continue");
  await page.getByRole("alert").getByText("No device waits with this code").waitFor();
  await page.getByLabel("Code").fill(` ${waits.user_code.replace("-", " ").toLowerCase()}`);
  await press(page, "Continue");
  await page.getByRole("heading", { name: "Is this your device?" }).waitFor();
  for (const text of ["TV", waits.user_code]) await page.getByText(text, { exact: true }).waitFor();
  await press(page, "Continue");
  await signIn(page, who);
  await page.getByRole("heading", { name: "May TV have this?" }).waitFor();
  await press(page, "Allow");
  await done(page);

  const given = await tokens;
  assert.deepEqual([given.scope, given.claims().email, given.claims().aud], ["openid email reports", who.email, oauth.tv.id]);
  const info = await client.fetchUserInfo(config, given.access_token, given.claims().sub);
  assert.equal(info.email, who.email);
  assert.ok((await client.refreshTokenGrant(config, given.refresh_token)).access_token);
  await assert.rejects(client.genericGrantRequest(config, GRANT, { device_code: waits.device_code }), { error: "invalid_grant" });
  await page.context().close();
});

scenario("of two people with one code the first goes on, and a link only fills it in", async (browser) => {
  const config = await configure(oauth.tv);
  const { who } = await signUp(oauth.service());
  const waits = await client.initiateDeviceAuthorization(config, { scope: "openid" });
  const [first, second] = [await visit(browser), await visit(browser)];
  for (const page of [first, second]) {
    await page.goto(waits.verification_uri_complete);
    assert.equal(await page.getByLabel("Code").inputValue(), waits.user_code);
    await press(page, "Continue");
    await page.getByRole("heading", { name: "Is this your device?" }).waitFor();
  }
  await press(first, "Continue");
  await first.getByLabel("E-mail address").waitFor();
  await press(second, "Continue");
  await second.getByRole("alert").getByText("No device waits with this code").waitFor();
  // Who had begun may type the code in again.
  await first.goto(waits.verification_uri);
  await first.getByLabel("Code").fill(waits.user_code);
  await press(first, "Continue");
  await press(first, "Continue");
  await signIn(first, who);
  await done(first);
  const given = await client.pollDeviceAuthorizationGrant(config, waits, undefined, { signal: AbortSignal.timeout(120_000) });
  assert.equal(given.scope, "openid");
  for (const page of [first, second]) await page.context().close();
});

scenario("a device is told of a refusal, and when it asks too often", async (browser) => {
  const config = await configure(oauth.tv);
  const ask = (waits, as = config) => client.genericGrantRequest(as, GRANT, { device_code: waits.device_code });
  const waits = await client.initiateDeviceAuthorization(config, {});
  await assert.rejects(ask(waits), { error: "authorization_pending" });
  await assert.rejects(ask(waits), { error: "slow_down" });
  const page = await visit(browser);
  await page.goto(waits.verification_uri_complete);
  await press(page, "Continue");
  await press(page, "This was not me");
  await page.getByRole("heading", { name: "Nobody was signed in" }).waitFor();
  await assert.rejects(client.pollDeviceAuthorizationGrant(config, waits), { error: "access_denied" });

  const { who } = await signUp(oauth.service());
  const again = await client.initiateDeviceAuthorization(config, { scope: "openid reports" });
  await page.goto(again.verification_uri_complete);
  await press(page, "Continue");
  await press(page, "Continue");
  await signIn(page, who);
  await press(page, "Deny");
  await page.getByRole("heading", { name: "Nobody was signed in" }).waitFor();
  await assert.rejects(ask(again), { error: "access_denied" });
  await page.context().close();

  await assert.rejects(client.initiateDeviceAuthorization(config, { scope: "openid admin" }), { error: "invalid_scope" });
  await assert.rejects(client.initiateDeviceAuthorization(await configure(oauth.page), {}), { error: "unauthorized_client" });
  await assert.rejects(ask(await client.initiateDeviceAuthorization(config, {}), await configure(oauth.page)), { error: "unauthorized_client" });
});
