// People who sign up and in, in the way of the vendor's own suites: whatever
// choice is listed is answered for as long as it is listed.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";

import { AuthN } from "pangea-node-sdk";

import { CALLBACK } from "./pool.js";

const { Choice } = AuthN.Flow;
const { SIGNIN, SIGNUP } = AuthN.FlowType;

// What the vendor's suites use, and what their pools must take.
export const PASSWORD = "My1s+Password";
export const NEW_PASSWORD = "My1s+Password_new";
export const PROFILE = { first_name: "Name", last_name: "Last" };

export const word = (prefix) => prefix + randomBytes(8).toString("hex");

// An address that nobody has. It has + and _ in it, as the vendor's have.
export const address = (who = "user.email") => word(`${who}+test_`) + "@pangea.cloud";

export const person = (more = {}) => ({ email: address(), password: PASSWORD, profile: { ...PROFILE }, ...more });

// The data of a choice that is on offer.
export const offered = (state, choice) => state.flow_choices.find((item) => item.choice === choice)?.data;

export const choices = (state) => state.flow_choices.map((item) => item.choice);

// Answers choices until the flow is complete, or until none of those is listed
// that a person can answer without a mailbox.
export async function answer(authn, state, who) {
  for (let i = 0; i < 10; i++) {
    let choice, data;
    if (state.flow_phase === "phase_completed") return state;
    else if (offered(state, Choice.PASSWORD)) [choice, data] = [Choice.PASSWORD, { password: who.password }];
    else if (offered(state, Choice.PROFILE)) [choice, data] = [Choice.PROFILE, { profile: who.profile }];
    else return state;
    state = (await authn.flow.update({ flow_id: state.flow_id, choice, data })).result;
  }
  assert.fail(`a choice stays listed though it was answered: ${JSON.stringify(state)}`);
}

export async function start(authn, email, types = [SIGNUP, SIGNIN]) {
  const response = await authn.flow.start({ cb_uri: CALLBACK, email, flow_types: types });
  assert.equal(response.success, true);
  return response.result;
}

export async function signUp(authn, who = person()) {
  const state = await answer(authn, await start(authn, who.email), who);
  assert.equal(state.flow_phase, "phase_completed");
  return { who, tokens: (await authn.flow.complete(state.flow_id)).result };
}

export async function signIn(authn, who) {
  const { flow_id } = await start(authn, who.email, [SIGNIN]);
  await authn.flow.update({ flow_id, choice: Choice.PASSWORD, data: { password: who.password } });
  return (await authn.flow.complete(flow_id)).result;
}
