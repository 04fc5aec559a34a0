// The mails that the server has caught in place of sending them.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

import { inboxURL } from "./pool.js";

// How long a mail may be on its way, in milliseconds. A worker of its own sends it.
const PATIENCE = 30_000;

// The mails to an address, newest first.
export async function mailsTo(address) {
  const response = await fetch(`${inboxURL}?${new URLSearchParams({ to: address })}`);
  assert.equal(response.status, 200);
  return (await response.json()).filter((mail) => mail.to === address);
}

// The link of a kind in the newest mail that has one.
export async function linkTo(address, kind) {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    for (const mail of await mailsTo(address)) {
      const link = mail.links.find((l) => new URL(l).searchParams.get("for") === kind);
      if (link) return link;
    }
    assert.ok(Date.now() < deadline, `no mail with a ${kind} link came to ${address}`);
    await sleep(50);
  }
}

// The digits in the newest of so many mails to an address.
export async function codeTo(address, count) {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const mails = await mailsTo(address);
    if (mails.length >= count) {
      const [code] = mails[0].text.match(/^[0-9]{6}$/m) ?? assert.fail(`no mail to ${address} has a code`);
      return code;
    }
    assert.ok(Date.now() < deadline, `${mails.length} of ${count} mails came to ${address}`);
    await sleep(50);
  }
}

// The code of a link, as an application is given it.
export const ticket = (link) => "pmc_" + new URL(link).searchParams.get("code");
