// What an answer must look like, value by value.

import assert from "node:assert/strict";

import { PangeaErrors } from "pangea-node-sdk";

const USER_LIFE = 48 * 3600;
const SESSION_LIFE = 30 * 24 * 3600;

// How far the server's clock and ours may differ, and how old an answer may be,
// in seconds.
const NEAR = 120;
export const NEVER = "0001-01-01T00:00:00.000000Z";

export const isID = (prefix, text) => new RegExp(`^${prefix}_[a-z2-7]{32}$`).test(text);

// Reads a time: RFC 3339 in UTC with six digits behind the second. The answer
// is in microseconds.
export function moment(text) {
  assert.match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  return BigInt(Date.parse(text.slice(0, 19) + "Z")) * 1000n + BigInt(text.slice(20, 26));
}

export function nearNow(text) {
  const at = moment(text);
  assert.ok(Math.abs(Number(at / 1000n) - Date.now()) < NEAR * 1000, text);
  return at;
}

// What is around a result.
export function checkEnvelope(response, summary) {
  assert.equal(response.success, true);
  assert.equal(response.gotResponse.status, 200);
  assert.equal(response.status, "Success");
  assert.equal(response.summary, summary);
  checkRequest(response);
}

function checkRequest(response) {
  assert.ok(isID("prq", response.request_id), response.request_id);
  assert.equal(response.gotResponse.headers.get("x-request-id"), response.request_id);
  assert.equal(response.gotResponse.headers.get("content-type"), "application/json");
  assert.ok(nearNow(response.request_time) <= nearNow(response.response_time));
}

// All that a token says. withToken: the token itself is there too.
export function checkToken(given, kind, { email, profile }, withToken) {
  const [prefix, life] = kind === "user" ? ["ptu", USER_LIFE] : ["ptr", SESSION_LIFE];
  const token = { ...given };
  if (withToken) {
    assert.ok(isID(prefix, token.token), token.token);
    delete token.token;
  }
  assert.ok(isID("pmt", token.id), token.id);
  assert.ok(isID("pui", token.identity), token.identity);
  assert.ok(token.life <= life && token.life > life - NEAR, String(token.life));
  assert.equal(moment(token.expire) - nearNow(token.created_at), BigInt(life) * 1_000_000n);
  for (const name of ["id", "identity", "life", "expire", "created_at"]) delete token[name];
  assert.deepEqual(token, { type: kind, enabled: true, email, owner: email, scopes: [], profile });
}

// A fresh pair of tokens of one person.
export function checkTokens(pair, who) {
  assert.deepEqual(Object.keys(pair).sort(), ["active_token", "refresh_token"]);
  checkToken(pair.active_token, "user", who, true);
  checkToken(pair.refresh_token, "session", who, true);
  assert.equal(pair.active_token.identity, pair.refresh_token.identity);
  assert.notEqual(pair.active_token.id, pair.refresh_token.id);
}

// All that is known of a person. What is not named has its default;
// last_login_at is given as nearNow.
export function checkUser(given, email, profile, expected = {}) {
  const user = { ...given };
  assert.ok(isID("pui", user.id), user.id);
  nearNow(user.created_at);
  delete user.id;
  delete user.created_at;
  expected = { email, username: email, profile, verified: false, disabled: false, login_count: 0, ...expected };
  if (expected.last_login_at === nearNow) {
    nearNow(user.last_login_at);
    expected.last_login_at = user.last_login_at;
  }
  assert.deepEqual(user, expected);
}

const POLICY = { chars_min: 8, chars_max: 256, lower_min: 0, upper_min: 0, punct_min: 0, number_min: 0 };
// The vendor's live service has one spelling, its document the other.
export const BOTH_POLICIES = { ...POLICY, ...Object.fromEntries(Object.entries(POLICY).map(([name, n]) => ["password_" + name, n])) };

export const FIELDS = [["first_name", "First name"], ["last_name", "Last name"]].map(([id, label]) => ({
  id, name: label, label, type: "string", required: false, show_on_signup: true, builtin: true, display_disabled: false,
}));

// Expects the SDK to throw this very error, for an answer with this status and
// HTTP code and exactly these errors, as [code, source].
export async function refused(promise, type, status, http, ...errors) {
  const problem = await promise.then(
    (response) => assert.fail(`it was not refused: ${JSON.stringify(response.result)}`),
    (error) => error,
  );
  if (!(problem instanceof PangeaErrors.APIError)) throw problem;
  assert.equal(problem.constructor, type, String(problem.message));
  assert.deepEqual([problem.response.status, problem.response.gotResponse.status], [status, http], problem.message);
  assert.deepEqual(problem.errors.map((e) => [e.code, e.source]).sort(), errors.sort(), problem.message);
  assert.ok(problem.errors.every((e) => typeof e.detail === "string" && e.detail !== ""));
  assert.ok(problem.summary);
  checkRequest(problem.response);
  return problem;
}

export const invalid = (promise, ...errors) => refused(promise, PangeaErrors.ValidationError, "ValidationError", 400, ...errors);
export const unauthorized = (promise, http = 401) => refused(promise, PangeaErrors.UnauthorizedError, "Unauthorized", http);
export const notFound = (promise, source = "") => refused(promise, PangeaErrors.NotFound, "NotFound", 404, ["DoesNotExist", source]);
export const wrongPassword = (promise) => refused(promise, PangeaErrors.APIError, "AuthenticationFailure", 400);
export const badToken = (promise) => refused(promise, PangeaErrors.APIError, "InvalidToken", 400);
