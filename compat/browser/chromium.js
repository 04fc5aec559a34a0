// Chromium, which is replaced where it hangs.
import { after, test } from 'node:test';

import { chromium } from 'playwright-core';

// How long a test may take, in milliseconds. Each step of one ends by itself in
// a minute with an error of its own; what is still going on at this time is
// Chromium, which does not answer.
const patience = 180_000;

// withChromium returns what makes tests that are given Chromium, one for all of
// them, which is launched with these arguments too. A test that Chromium hangs in
// is said so, and run again in another one; one that fails is not.
export function withChromium(args = []) {
  let chrome;
  after(() => quit(), { timeout: 60_000 });

  async function attempt(run) {
    if (!chrome?.browser.isConnected()) chrome = await launch(args);
    await run(chrome.browser);
  }

  // quit ends Chromium, by force if it does not go.
  async function quit() {
    const { browser, pid } = chrome ?? {};
    chrome = undefined;
    if (browser && (await within(20_000, browser.close()))) process.kill(pid, 'SIGKILL');
  }

  return (name, run) => test(name, { timeout: 3 * patience }, async (t) => {
    if (!(await within(patience, attempt(run)))) return;
    t.diagnostic(`Chromium hung in "${name}": the test is run again in another one`);
    await quit();
    if (await within(patience, attempt(run))) throw new Error('Chromium hangs in this test');
  });
}

// within waits for the work, and reports whether the time was over first.
async function within(milliseconds, work) {
  let timer;
  const late = new Promise((resolve) => { timer = setTimeout(resolve, milliseconds, true); });
  work.catch(() => {}); // one that is given up on may fail when its browser ends
  try {
    return (await Promise.race([work, late])) === true;
  } finally {
    clearTimeout(timer);
  }
}

// The flags keep Chromium from looking for its maker.
async function launch(args) {
  const browser = await chromium.launch({
    timeout: 60_000,
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', ...args],
  });
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  return { browser, pid: processInfo.find(({ type }) => type === 'browser').id };
}
