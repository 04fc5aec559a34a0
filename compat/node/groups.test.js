// group, user.group, and the groups that stand beside people.

import assert from "node:assert/strict";
import { test } from "node:test";

import { address, word } from "./person.js";
import { other, pool } from "./pool.js";
import { checkEnvelope, invalid, isID, moment, nearNow, notFound } from "./shape.js";

const authn = pool.service();
const NOBODY = "pui_" + "a".repeat(32);
const NOTHING = "pgi_" + "a".repeat(32);

const create = async (sdk, more = {}) => (await sdk.group.create({ name: word("group_"), type: "team", ...more })).result;
const person = async (sdk) => (await sdk.user.create({ email: address(), profile: {} })).result.id;

// All that a group says.
function checkGroup({ id, created_at, updated_at, ...rest }, want) {
  assert.ok(isID("pgi", id), id);
  assert.ok(nearNow(created_at) <= nearNow(updated_at));
  assert.deepEqual(rest, want);
}

test("group.create and group.get", async () => {
  const want = { name: "admins", type: "team", description: "Who may.", attributes: { source: "ACME Directory", größe: "密" } };
  const response = await authn.group.create(want);
  checkEnvelope(response, "Group created");
  checkGroup(response.result, want);
  const got = await authn.group.get(response.result.id);
  checkEnvelope(got, "Group information");
  assert.deepEqual(got.result, response.result);
  // A name may be there twice.
  checkGroup(await create(authn, { name: "admins" }), { name: "admins", type: "team" });
  await invalid(authn.group.create({ name: "Console Users", type: "" }), ["DoesNotMatchPattern", "/name"], ["FieldRequired", "/type"]);
  await invalid(authn.group.create({ name: "a", type: "b", attributes: { n: 1 } }), ["InvalidString", "/attributes/n"]);
  await invalid(authn.group.get("admins"), ["DoesNotMatchPattern", "/id"]);
  await notFound(authn.group.get(NOTHING));
  await notFound(other.service().group.get(response.result.id));
});

test("group.update", async () => {
  const one = await create(authn, { name: "first", description: "d", attributes: { a: "1", b: "2" } });
  const response = await authn.group.update({ id: one.id, name: "second", attributes: { c: "3" } });
  checkEnvelope(response, "Group updated");
  checkGroup(response.result, { name: "second", type: "team", description: "d", attributes: { c: "3" } });
  assert.deepEqual([response.result.id, response.result.created_at], [one.id, one.created_at]);
  assert.ok(moment(response.result.updated_at) > moment(one.updated_at));
  const { result } = await authn.group.update({ id: one.id, type: "crew", description: "", attributes: {} });
  checkGroup(result, { name: "second", type: "crew" });
  assert.deepEqual((await authn.group.update({ id: one.id })).result, result);
  await invalid(authn.group.update({ id: one.id, name: "ü" }), ["DoesNotMatchPattern", "/name"]);
  await notFound(other.service().group.update({ id: one.id, name: "x" }));
  assert.deepEqual((await authn.group.get(one.id)).result, result);
});

test("group.list", async () => {
  const mine = word("list");
  const all = [];
  for (const [name, type] of [["b", "y"], ["A", "x"], ["c", "Z"]]) all.push(await create(authn, { name: `${name}_${mine}`, type }));
  const filter = { name__contains: [mine] };
  const response = await authn.group.list({ filter, order: "desc", order_by: "created_at", size: 2 });
  checkEnvelope(response, "Groups listed");
  const { last, ...page } = response.result;
  assert.deepEqual(page, { groups: [all[2], all[1]], count: 3 });
  assert.deepEqual((await authn.group.list({ filter, order: "desc", order_by: "created_at", size: 2, last })).result, { groups: [all[0]], count: 3 });
  const names = async (order_by) => (await authn.group.list({ filter, order_by, order: "asc" })).result.groups.map((g) => g.name[0]).join("");
  assert.deepEqual([await names("name"), await names("type"), await names("created_at"), await names("updated_at")], ["Abc", "cAb", "bAc", "bAc"]);
  assert.equal((await names("id")).length, 3);
  for (const more of [{ id: all[1].id }, { id__in: [all[1].id, "x"] }, { id__contains: [all[1].id.slice(4, 20)] }, { name: `a_${mine}` }, { name__in: [all[1].name] }, { type: "x" },
    { type__in: ["x"] }, { type__contains: ["x"] }, { created_at: all[1].created_at }, { created_at__gt: all[0].created_at, created_at__lt: all[2].created_at },
    { updated_at__gte: all[1].updated_at, updated_at__lte: all[1].updated_at }, { created_at__contains: all[1].created_at }, { updated_at__contains: all[1].updated_at }]) {
    assert.deepEqual((await authn.group.list({ filter: { ...filter, ...more } })).result, { groups: [all[1]], count: 1 }, JSON.stringify(more));
  }
  assert.equal((await authn.group.list({ filter: { ...filter, created_at__contains: all[0].created_at.slice(0, 4) } })).result.count, 3);
  assert.deepEqual((await other.service().group.list({ filter })).result, { groups: [], count: 0 });
  await invalid(authn.group.list({ filter: { description: "x" } }), ["UnexpectedProperty", "/filter/description"]);
});

test("group.delete", async () => {
  const { id } = await create(authn);
  const user = await person(authn);
  await authn.user.group.assign({ id: user, group_ids: [id] });
  await notFound(other.service().group.delete(id));
  const response = await authn.group.delete(id);
  checkEnvelope(response, "Group deleted");
  assert.deepEqual(response.result, {});
  await notFound(authn.group.delete(id));
  await notFound(authn.group.listUsers({ id }));
  assert.deepEqual((await authn.user.group.list(user)).result, { groups: [], count: 0 });
});

test("user.group", async () => {
  const user = await person(authn);
  const groups = [await create(authn), await create(authn), await create(authn)];
  const response = await authn.user.group.assign({ id: user, group_ids: [groups[0].id] });
  checkEnvelope(response, "Groups assigned");
  assert.deepEqual(response.result, {});
  // In which they are already, they stay.
  await authn.user.group.assign({ id: user, group_ids: [groups[1].id, groups[0].id] });
  await authn.user.group.assign({ id: user, group_ids: [groups[0].id, groups[2].id] });
  const listed = await authn.user.group.list(user);
  checkEnvelope(listed, "Groups listed");
  assert.deepEqual(listed.result, { groups, count: 3 });
  const removed = await authn.user.group.remove({ id: user, group_id: groups[1].id });
  checkEnvelope(removed, "Group removed");
  assert.deepEqual(removed.result, {});
  await notFound(authn.user.group.remove({ id: user, group_id: groups[1].id }));
  assert.deepEqual((await authn.user.group.list(user)).result, { groups: [groups[0], groups[2]], count: 2 });

  const assign = (id, ...group_ids) => authn.user.group.assign({ id, group_ids });
  await invalid(assign(user), ["FieldRequired", "/group_ids"]);
  await invalid(assign(user, groups[1].id, NOTHING), ["DoesNotExist", "/group_ids/1"]);
  await invalid(assign(user, (await create(other.service())).id), ["DoesNotExist", "/group_ids/0"]);
  await invalid(assign(user, groups[1].id, groups[1].id), ["ItemNotUnique", "/group_ids/1"]);
  await invalid(assign(user, ...Array.from({ length: 33 }, (_, n) => NOTHING.slice(0, -2) + "abcdef"[Math.floor(n / 6)] + "abcdef"[n % 6])), ["IsTooBig", "/group_ids"]);
  await notFound(assign(NOBODY, groups[1].id));
  await notFound(assign(await person(other.service()), groups[1].id));
  await notFound(authn.user.group.list(NOBODY));
  assert.equal((await authn.user.group.list(user)).result.count, 2);
});

test("group.listUsers, and groups beside people", async () => {
  const { id } = await create(authn);
  const users = [await person(authn), await person(authn), await person(authn)].reverse();
  assert.deepEqual((await authn.group.listUsers({ id })).result, { users: [], count: 0 });
  assert.equal((await authn.user.profile.getProfile({ id: users[0] })).result.groups, undefined);
  for (const user of users) await authn.user.group.assign({ id: user, group_ids: [id] });
  const response = await authn.group.listUsers({ id, size: 2 });
  checkEnvelope(response, "Users listed");
  assert.deepEqual([response.result.users.map((u) => u.id), response.result.count], [users.slice(0, 2), 3]);
  for (const user of response.result.users) assert.deepEqual([user.groups, "authenticators" in user], [[id], false]);
  const rest = (await authn.group.listUsers({ id, size: 2, last: response.result.last })).result;
  assert.deepEqual([rest.users.map((u) => u.id), rest.count, rest.last], [users.slice(2), 3, undefined]);
  assert.deepEqual((await authn.user.profile.getProfile({ id: users[0] })).result.groups, [id]);
  assert.deepEqual((await authn.user.update({ id: users[0], disabled: false })).result.groups, [id]);
  assert.deepEqual((await authn.user.list({ filter: { id: users[0] } })).result.users[0].groups, [id]);
  await authn.user.delete({ id: users[0] });
  assert.deepEqual((await authn.group.listUsers({ id })).result.users.map((u) => u.id), users.slice(1));
});
