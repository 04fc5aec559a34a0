// How the server says no, as the SDK's errors show it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { AuthN } from "pangea-node-sdk";

import { address } from "./person.js";
import { pool } from "./pool.js";
import { invalid, notFound, unauthorized } from "./shape.js";

const tail = "a".repeat(32);
const id = "pui_" + tail;

// Every method of the SDK that is served and needs a service token.
const SERVICE_ONLY = {
  "user.create": (a) => a.user.create({ email: address(), profile: {} }),
  "user.delete": (a) => a.user.delete({ id }),
  "user.list": (a) => a.user.list({}),
  "user.update": (a) => a.user.update({ id, disabled: true }),
  "user.profile.getProfile": (a) => a.user.profile.getProfile({ id }),
  "user.profile.update": (a) => a.user.profile.update({ id, profile: {} }),
  "user.invite": (a) => a.user.invite({ inviter: "a@b.cd", email: "c@b.cd", callback: "https://someurl.com/callbacklink", state: "whatever" }),
  "user.invites.list": (a) => a.user.invites.list(),
  "user.invites.delete": (a) => a.user.invites.delete("pmi_" + tail),
  "client.password.expire": (a) => a.client.password.expire(id),
  "session.invalidate": (a) => a.session.invalidate("pmt_" + tail),
  "session.list": (a) => a.session.list({}),
  "session.logout": (a) => a.session.logout(id),
  "user.authenticators.delete": (a) => a.user.authenticators.delete({ authenticator_id: "pau_" + tail, id }),
  "user.authenticators.list": (a) => a.user.authenticators.list({ id }),
  "agreements.create": (a) => a.agreements.create({ type: "eula", name: "a", text: "b" }),
  "agreements.delete": (a) => a.agreements.delete({ type: "eula", id: "peu_" + tail }),
  "agreements.list": (a) => a.agreements.list(),
  "agreements.update": (a) => a.agreements.update({ type: "eula", id: "peu_" + tail }),
  "user.group.assign": (a) => a.user.group.assign({ id, group_ids: ["pgi_" + tail] }),
  "user.group.remove": (a) => a.user.group.remove({ id, group_id: "pgi_" + tail }),
  "user.group.list": (a) => a.user.group.list(id),
  "group.create": (a) => a.group.create({ name: "a", type: "b" }),
  "group.delete": (a) => a.group.delete("pgi_" + tail),
  "group.get": (a) => a.group.get("pgi_" + tail),
  "group.list": (a) => a.group.list({}), // without an argument the SDK falls over by itself
  "group.listUsers": (a) => a.group.listUsers({ id: "pgi_" + tail }),
  "group.update": (a) => a.group.update({ id: "pgi_" + tail }),
};

// And those that take a client token too.
const ANY_TOKEN = {
  "flow.start": (a) => a.flow.start({}),
  "flow.update": (a) => a.flow.update({ flow_id: "pfl_" + tail, choice: AuthN.Flow.Choice.PASSWORD, data: { password: "x" } }),
  "flow.restart": (a) => a.flow.restart({ flow_id: "pfl_" + tail, choice: AuthN.Flow.Choice.PASSWORD, data: {} }),
  "flow.complete": (a) => a.flow.complete("pfl_" + tail),
  "client.userinfo": (a) => a.client.userinfo("pmc_" + tail),
  "client.jwks": (a) => a.client.jwks(),
  "client.clientToken.check": (a) => a.client.clientToken.check("ptu_" + tail),
  "client.password.change": (a) => a.client.password.change("ptu_" + tail, "x", "y"),
  "client.session.invalidate": (a) => a.client.session.invalidate("ptu_" + tail, "pmt_" + tail),
  "client.session.list": (a) => a.client.session.list("ptu_" + tail),
  "client.session.logout": (a) => a.client.session.logout("ptu_" + tail),
  "client.session.refresh": (a) => a.client.session.refresh("ptr_" + tail, {}),
};

const EVERYTHING = { ...SERVICE_ONLY, ...ANY_TOKEN };

// Every method of the SDK's AuthN that makes a request.
function methods(sdk, path = "") {
  const own = path === "" ? [] : Object.getOwnPropertyNames(Object.getPrototypeOf(sdk)).filter((name) => name !== "constructor").map((name) => path + name);
  const parts = Object.entries(sdk).filter(([, part]) => part?.serviceName === "authn");
  return [...own, ...parts.flatMap(([name, part]) => methods(part, `${path}${name}.`))];
}

test("the SDK is the published one", () => {
  const { version } = JSON.parse(readFileSync(new URL("node_modules/pangea-node-sdk/package.json", import.meta.url)));
  assert.equal(version, "5.6.0");
});

test("every method of the SDK is called", () => {
  assert.deepEqual(methods(pool.service()).sort(), Object.keys(EVERYTHING).sort());
});

for (const [name, call] of Object.entries(EVERYTHING)) {
  test(`${name} with a token that is unknown`, async () => {
    for (const token of ["pts_" + tail, "pcl_" + tail, "ptu_" + tail, "x"]) await unauthorized(call(pool.sdk(token)));
  });
}

for (const [name, call] of Object.entries(SERVICE_ONLY)) {
  test(`${name} with a client token`, () => unauthorized(call(pool.client()), 403));
}

for (const [name, call] of Object.entries(ANY_TOKEN)) {
  test(`${name} with either token`, async () => {
    for (const sdk of [pool.service(), pool.client()]) {
      await call(sdk).catch((problem) => assert.ok(!["Unauthorized", "InternalError"].includes(problem.response?.status ?? "InternalError"), problem));
    }
  });
}

test("a validation error", async () => {
  const problem = await invalid(pool.service().user.create({}), ["FieldRequired", "/email"], ["FieldRequired", "/profile"]);
  assert.equal(problem.summary, "2 problems found in the request body");
});

test("a flow that is unknown", async () => {
  const { flow } = pool.service();
  await notFound(flow.complete("pfl_" + tail), "/flow_id");
  await invalid(flow.complete("some flow"), ["DoesNotMatchPattern", "/flow_id"]);
  await invalid(flow.complete(""), ["FieldRequired", "/flow_id"]);
});

test("a poll of an unknown request", async () => {
  const authn = pool.service();
  await notFound(authn.pollResult("prq_" + tail));
  await notFound(authn.pollResult((await authn.user.list({})).request_id));
  await invalid(authn.pollResult("prq_x"), ["DoesNotMatchPattern", "/request_id"]);
});
