// agreements, and flows that ask for them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { AuthN } from "pangea-node-sdk";

import { PROFILE, answer, offered, person, start, word } from "./person.js";
import { agreements, other, pool } from "./pool.js";
import { checkEnvelope, checkTokens, invalid, isID, moment, nearNow, notFound } from "./shape.js";

const { EULA, PRIVACY_POLICY } = AuthN.Agreements.AgreementType;
const OrderBy = AuthN.Agreements.AgreementListOrderBy;
const { AGREEMENTS } = AuthN.Flow.Choice;
const authn = pool.service();

const create = async (sdk, more = {}) =>
  (await sdk.agreements.create({ type: EULA, name: word("EULA_"), text: "You agree to behave yourself while logged in.", ...more })).result;

const shown = async (id) => (await authn.agreements.list({ filter: { id } })).result.agreements[0];

// All that an agreement says.
function checkAgreement({ id, created_at, updated_at, published_at, ...rest }, want, published) {
  assert.ok(isID("peu", id), id);
  assert.ok(nearNow(created_at) <= nearNow(updated_at));
  assert.equal(published_at !== undefined, published);
  if (published) nearNow(published_at);
  assert.deepEqual(rest, want);
}

test("agreements.create", async () => {
  const response = await authn.agreements.create({ type: EULA, name: "EULA_V1", text: "You agree to behave yourself while logged in." });
  checkEnvelope(response, "Agreement created");
  checkAgreement(response.result, { type: "eula", name: "EULA_V1", text: "You agree to behave yourself while logged in.", active: false }, false);
  const { result } = await authn.agreements.create({ type: PRIVACY_POLICY, name: "Privacy", text: "# 密", active: true });
  checkAgreement(result, { type: "privacy_policy", name: "Privacy", text: "# 密", active: true }, true);
  assert.deepEqual(await shown(result.id), result);
  await invalid(authn.agreements.create({ type: "terms", name: "", text: "x" }), ["NotEnumMember", "/type"], ["FieldRequired", "/name"]);
});

test("agreements.update", async () => {
  const one = await create(authn, { name: "EULA_V1" });
  const response = await authn.agreements.update({ type: EULA, id: one.id, text: "Don't be evil.", active: true });
  checkEnvelope(response, "Agreement updated");
  checkAgreement(response.result, { type: "eula", name: "EULA_V1", text: "Don't be evil.", active: true }, true);
  assert.deepEqual([response.result.id, response.result.created_at], [one.id, one.created_at]);
  assert.ok(moment(response.result.updated_at) > moment(one.updated_at));
  // Without active it stays so.
  const renamed = (await authn.agreements.update({ type: EULA, id: one.id, name: "EULA_1" })).result;
  assert.deepEqual(renamed, { ...response.result, name: "EULA_1", updated_at: renamed.updated_at });
  // One of a type is active.
  const two = await create(authn, { active: true });
  assert.deepEqual([(await shown(one.id)).active, (await shown(two.id)).active], [false, true]);
  await notFound(authn.agreements.update({ type: PRIVACY_POLICY, id: one.id, active: true }));
  await notFound(other.service().agreements.update({ type: EULA, id: one.id, active: true }));
  await invalid(authn.agreements.update({ type: EULA, id: "x" }), ["DoesNotMatchPattern", "/id"]);
});

test("agreements.list", async () => {
  const mine = word("list ");
  const name = (n) => `${n} ${mine}`;
  const all = [await create(authn, { name: name("b"), active: true }), await create(authn, { name: name("A"), type: PRIVACY_POLICY, text: "Nothing is kept." }), await create(authn, { name: name("c") })];
  all[0] = await shown(all[0].id);
  const filter = { name__contains: [mine] };
  const response = await authn.agreements.list({ filter, order: AuthN.ItemOrder.DESC, order_by: OrderBy.CREATED_AT, size: 2 });
  checkEnvelope(response, "Agreements listed");
  const { last, ...page } = response.result;
  assert.deepEqual(page, { agreements: [all[2], all[1]], count: 3 });
  const rest = await authn.agreements.list({ filter, order: AuthN.ItemOrder.DESC, order_by: OrderBy.CREATED_AT, size: 2, last });
  assert.deepEqual(rest.result, { agreements: [all[0]], count: 3 });
  const names = async (order_by) => (await authn.agreements.list({ filter, order_by, order: AuthN.ItemOrder.ASC })).result.agreements.map((a) => a.name[0]).join("");
  assert.equal(await names(OrderBy.NAME), "Abc");
  for (const order_by of Object.values(OrderBy)) assert.equal((await names(order_by)).length, 3, order_by);
  for (const more of [{ id: all[1].id }, { id__in: [all[1].id, "x"] }, { type: "privacy_policy" }, { type__contains: ["privacy"] }, { type__in: ["privacy_policy"] },
    { text: "Nothing is kept." }, { text__contains: ["Nothing", "kept"] }, { name: name("a") }, { name__in: [name("A")] }, { created_at: all[1].created_at, active: false },
    { created_at__gt: all[0].created_at, created_at__lt: all[2].created_at }, { updated_at__gte: all[1].updated_at, updated_at__lte: all[1].updated_at }]) {
    assert.deepEqual((await authn.agreements.list({ filter: { ...filter, ...more } })).result, { agreements: [all[1]], count: 1 }, JSON.stringify(more));
  }
  assert.deepEqual((await authn.agreements.list({ filter: { ...filter, published_at__lte: all[0].published_at, active: true } })).result, { agreements: [all[0]], count: 1 });
  assert.deepEqual((await other.service().agreements.list({ filter })).result, { agreements: [], count: 0 });
  assert.ok((await authn.agreements.list()).result.count >= 3);
});

test("agreements.delete", async () => {
  const { id } = await create(authn);
  await notFound(authn.agreements.delete({ type: PRIVACY_POLICY, id }));
  await notFound(other.service().agreements.delete({ type: EULA, id }));
  const response = await authn.agreements.delete({ type: EULA, id });
  checkEnvelope(response, "Agreement deleted");
  assert.deepEqual(response.result, {});
  await notFound(authn.agreements.delete({ type: EULA, id }));
  assert.deepEqual((await authn.agreements.list({ filter: { id } })).result, { agreements: [], count: 0 });
});

test("a flow asks for agreements, one by one", async () => {
  const sdk = agreements.service();
  const client = agreements.client();
  const eula = await create(sdk, { active: true });
  const privacy = await create(sdk, { type: PRIVACY_POLICY, text: "Nothing is kept.", active: true });
  const who = person();
  const asked = await answer(client, await start(client, who.email), who);
  const { flow_id } = asked;
  const agree = (...agreed) => client.flow.update({ flow_id, choice: AGREEMENTS, data: { agreed } });
  assert.equal(asked.flow_phase, "phase_agreements");
  assert.deepEqual(asked.flow_choices, [{ choice: "agreements", data: { agreements: { eula, privacy_policy: privacy } } }]);
  await invalid(client.flow.complete(flow_id), ["BadState", "/flow_id"]);
  await invalid(agree(), ["FieldRequired", "/data/agreed"]);
  await invalid(agree(eula.id, "peu_" + "a".repeat(32)), ["DoesNotExist", "/data/agreed/1"]);
  const rest = await agree(eula.id);
  checkEnvelope(rest, "Flow updated");
  assert.deepEqual(offered(rest.result, "agreements"), { agreements: { privacy_policy: privacy } });
  assert.deepEqual((await client.flow.restart({ flow_id, choice: AGREEMENTS, data: {} })).result, rest.result);
  const done = (await agree(privacy.id)).result;
  assert.deepEqual([done.flow_phase, done.flow_choices], ["phase_completed", []]);
  checkTokens((await client.flow.complete(flow_id)).result, { email: who.email, profile: PROFILE });
  const { accepted_eula_id, accepted_privacy_policy_id } = (await sdk.user.profile.getProfile({ email: who.email })).result;
  assert.deepEqual([accepted_eula_id, accepted_privacy_policy_id], [eula.id, privacy.id]);
  assert.deepEqual((await sdk.user.list({ filter: { accepted_eula_id: eula.id } })).result.users.map((u) => u.email), [who.email]);
});
