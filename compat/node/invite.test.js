// user.invite, user.invites, and signing up with an invitation.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { AuthN } from "pangea-node-sdk";

import { mailsTo } from "./inbox.js";
import { PROFILE, address, answer, choices, person, word } from "./person.js";
import { CALLBACK, other, pool } from "./pool.js";
import { checkEnvelope, checkTokens, invalid, isID, moment, nearNow, notFound } from "./shape.js";

const LIFE = 48n * 3600n * 1_000_000n;
const { OrderBy } = AuthN.User.Invite;
const authn = pool.service();

const invite = async (more = {}) =>
  (await authn.user.invite({ inviter: "nobody@pangea.cloud", email: address(), callback: CALLBACK, state: word("state_"), ...more })).result;

// The secret of the mail, as flow.start takes it.
async function ticket(email) {
  for (const deadline = Date.now() + 30_000; ; await sleep(50)) {
    const [mail] = await mailsTo(email);
    if (mail) return "pmi_" + new URL(mail.links[0]).searchParams.get("code");
    assert.ok(Date.now() < deadline, `no mail came to ${email}`);
  }
}

test("user.invite", async () => {
  const email = address();
  const state = word("state_");
  const response = await authn.user.invite({ inviter: "admin@pangea.cloud", email, callback: CALLBACK, state });
  checkEnvelope(response, "User invited");
  const { id, created_at, expire, ...rest } = response.result;
  assert.ok(isID("pmi", id), id);
  assert.equal(moment(expire) - nearNow(created_at), LIFE);
  assert.deepEqual(rest, { inviter: "admin@pangea.cloud", invite_org: "", email, callback: CALLBACK, state, require_mfa: false });
  assert.notEqual(await ticket(email), id);
});

test("user.invite refuses", async () => {
  const email = address();
  await authn.user.create({ email, profile: {} });
  await invalid(invite({ email }), ["ItemNotUnique", "/email"]);
  await invalid(invite({ callback: "https://evil.example" }), ["DoesNotExist", "/callback"]);
  await invalid(invite({ state: "1234567" }), ["BelowMinLength", "/state"]);
  await invalid(invite({ inviter: "me" }), ["BadFormatEmail", "/inviter"]);
});

test("user.invites.list", async () => {
  const inviter = word("host+") + "@pangea.cloud";
  const all = [await invite({ inviter }), await invite({ inviter }), await invite({ inviter })];
  const filter = { inviter };
  const response = await authn.user.invites.list({ filter, order: AuthN.ItemOrder.ASC, order_by: OrderBy.CREATED_AT, size: 2 });
  checkEnvelope(response, "Invites listed");
  const { last, ...page } = response.result;
  assert.deepEqual(page, { invites: all.slice(0, 2), count: 3 });
  const rest = await authn.user.invites.list({ filter, order: AuthN.ItemOrder.ASC, order_by: OrderBy.CREATED_AT, size: 2, last });
  assert.deepEqual(rest.result, { invites: all.slice(2), count: 3 });
  for (const more of [{ id__in: [all[1].id] }, { email__contains: [all[1].email.slice(5, 30)] }, { state: all[1].state },
    { created_at__gt: all[0].created_at, expire__lt: all[2].expire }, { email: all[1].email, is_signup: true, require_mfa: false, invite_org: "" }]) {
    const { result } = await authn.user.invites.list({ filter: { ...filter, ...more } });
    assert.deepEqual(result, { invites: [all[1]], count: 1 }, JSON.stringify(more));
  }
  assert.deepEqual((await other.service().user.invites.list({ filter })).result, { invites: [], count: 0 });
  assert.ok((await authn.user.invites.list()).result.count >= 3);
});

test("user.invites.delete", async () => {
  const { id, email } = await invite();
  await notFound(other.service().user.invites.delete(id));
  const response = await authn.user.invites.delete(id);
  checkEnvelope(response, "Invite deleted");
  assert.deepEqual(response.result, {}); // the SDK makes this of null
  await notFound(authn.user.invites.delete(id));
  await invalid(authn.flow.start({ invitation: await ticket(email) }), ["DoesNotExist", "/invitation"]);
});

test("an invitation is accepted once", async () => {
  const { id, email } = await invite();
  const invitation = await ticket(email);
  const client = pool.client();
  await invalid(client.flow.start({ invitation: id }), ["DoesNotExist", "/invitation"]);
  await invalid(client.flow.start({ invitation, email: address() }), ["BadState", "/email"]);
  const { result } = await client.flow.start({ invitation, cb_uri: CALLBACK });
  assert.deepEqual([result.email, result.flow_type, choices(result)], [email, ["signup"], ["password"]]);
  const who = person({ email });
  const { flow_id } = await answer(client, result, who);
  checkTokens((await client.flow.complete(flow_id)).result, { email, profile: PROFILE });
  assert.equal((await authn.user.profile.getProfile({ email })).result.verified, true);
  await invalid(client.flow.start({ invitation }), ["DoesNotExist", "/invitation"]);
});
