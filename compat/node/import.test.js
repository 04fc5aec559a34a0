// users/sources/upload and users/import. The SDK has no methods for them: they go
// through its own transport.

import assert from "node:assert/strict";
import { test } from "node:test";

import { address, word } from "./person.js";
import { pool } from "./pool.js";
import { checkEnvelope, invalid, isID, nearNow, notFound } from "./shape.js";

const authn = pool.service();
const UPLOAD = { transfer_method: "multipart", file_type: "csv" };

const upload = (rows) => {
  const file = Buffer.from(rows.map((row) => row.join(",") + "\n").join(""));
  return authn.post("v2/users/sources/upload", UPLOAD, { files: { upload: { name: "people.csv", file } } });
};
const mapping = (column, field, more = {}) => ({
  source_field: { source_field_name: column, source_field_type: "string" },
  pangea_field: { pangea_field_name: field, pangea_field_type: "string", ...more },
});

test("users/import", async () => {
  const ana = address();
  const uploaded = await upload([["mail", "first"], [ana, "Ana"], [ana, "Ana"], ["nobody", ""]]);
  checkEnvelope(uploaded, "Source uploaded");
  const { id, source_fields } = uploaded.result.object;
  assert.ok(isID("pus", id));
  assert.deepEqual(source_fields.map((f) => f.source_field_name), ["mail", "first"]);
  const name = word("import_");
  const body = { name, source_id: id, field_mappings: [mapping("mail", "email"), mapping("first", "first_name", { is_profile_field: true })] };
  for (const [path, summary] of [["v2/users/import/validate", "Import validated"], ["v2/users/import", "Users imported"]]) {
    const response = await authn.post(path, body);
    checkEnvelope(response, summary);
    const { total, successful, failed, skipped } = response.result.summary;
    assert.deepEqual([total, successful, failed, skipped, response.result.status], [3, 1, 1, 1, "success"]);
  }
  assert.deepEqual((await authn.user.profile.getProfile({ email: ana })).result.profile, { first_name: "Ana" });
  const listed = await authn.post("v2/users/import/list", { filter: { name } });
  checkEnvelope(listed, "Imports listed");
  assert.equal(listed.result.count, 1);
  const [job] = listed.result.user_imports;
  const got = await authn.post("v2/users/import/get", { id: job.id, verbose_failed: true, verbose_skipped: true });
  checkEnvelope(got, "Import details");
  assert.deepEqual(got.result.details.map((d) => [d.status, typeof d.message]), [["skipped", "string"], ["failed", "string"]]);
  got.result.details.forEach((d) => nearNow(d.created_at));
  await invalid(authn.post("v2/users/import", body), ["DoesNotExist", "/source_id"]);
  await notFound(authn.post("v2/users/import/get", { id: "pum_" + "a".repeat(32) }));
});
