// Somebody who comes in through another provider: a real one, of others.

import assert from "node:assert/strict";
import { test } from "node:test";

import { AuthN, PangeaErrors } from "pangea-node-sdk";

import { address, choices, offered } from "./person.js";
import { CALLBACK, social } from "./pool.js";
import { refused } from "./shape.js";

// The SDK's types know no such answer; its calls carry it.
const choice = AuthN.Flow.Choice.SOCIAL ?? "social";

// A browser as far as this goes: cookies, redirects and forms.
class Browser {
  cookies = new Map();

  async walk(url, form) {
    for (let step = 0; step < 20; step++) {
      if (url.startsWith(CALLBACK)) return { url };
      const jar = this.cookies.get(new URL(url).host) ?? new Map();
      const response = await fetch(url, {
        method: form ? "POST" : "GET",
        body: form,
        redirect: "manual",
        headers: { Cookie: [...jar].map(([name, value]) => `${name}=${value}`).join("; ") },
      });
      for (const line of response.headers.getSetCookie()) {
        const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
        jar.set(name, value);
      }
      this.cookies.set(new URL(url).host, jar);
      const next = response.headers.get("location");
      if (!next) return { url, status: response.status, text: await response.text() };
      url = new URL(next, url).href;
      form = undefined;
    }
    assert.fail(`the pages lead in circles: ${url}`);
  }

  // press sends the one form of a page.
  press(page, fields) {
    const [, action] = page.text.match(/<form[^>]* action="([^"]+)"/);
    return this.walk(new URL(action, page.url).href, new URLSearchParams(fields));
  }
}

async function through(item, login) {
  const browser = new Browser();
  let page = await browser.walk(item.redirect_uri);
  page = await browser.press(page, { prompt: "login", login, password: "any" });
  return (await browser.press(page, { prompt: "consent" })).url;
}

test("somebody signs up and in through a provider", async () => {
  const authn = social.service();
  const email = address();
  for (const type of ["signup", "signin"]) {
    let flow = (await authn.flow.start({ cb_uri: CALLBACK, flow_types: ["signup", "signin"] })).result;
    const { flow_id } = flow;
    assert.deepEqual(choices(flow), ["set_email", "social"]);
    const item = offered(flow, choice);
    assert.deepEqual([item.social_provider, item.enrollment], ["google", true]);
    const uri = await through(item, email);
    await refused(authn.flow.update({ flow_id, choice, data: { social_provider: "google", uri: uri.replace(/state=[^&]+/, "state=x") } }), PangeaErrors.APIError, "AuthenticationFailure", 400);
    flow = (await authn.flow.update({ flow_id, choice, data: { social_provider: "google", uri } })).result;
    assert.deepEqual([flow.flow_type, flow.flow_phase], [[type], "phase_completed"]);
    const { active_token } = (await authn.flow.complete(flow_id)).result;
    assert.deepEqual([active_token.email, active_token.profile], [email, { first_name: "Ana", last_name: "Roe" }]);
  }
  const { authenticators } = (await authn.user.authenticators.list({ email })).result;
  assert.deepEqual(authenticators.map(({ type, provider, provider_name }) => [type, provider, provider_name]), [["social", "google", "Example"]]);
});
