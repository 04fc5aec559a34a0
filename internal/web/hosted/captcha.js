// Finds the number that a proof of work asks for, and sends it with the form.
// The search runs in a worker, which is this very file.
(() => {
  'use strict';
  if (typeof document === 'undefined') {
    // 2,000 digests at a time: each one alone would wait for its turn.
    const together = 2000;
    const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, '0')).join('');
    onmessage = async ({ data: { salt, challenge, maxnumber } }) => {
      const encoder = new TextEncoder();
      for (let from = 0; from <= maxnumber; from += together) {
        const numbers = Array.from({ length: Math.min(together, maxnumber + 1 - from) }, (_, n) => from + n);
        const digests = await Promise.all(numbers.map((n) => crypto.subtle.digest('SHA-256', encoder.encode(salt + n))));
        const found = digests.findIndex((digest) => hex(digest) === challenge);
        if (found >= 0) return postMessage({ number: from + found });
      }
      postMessage({});
    };
    return;
  }

  const form = document.getElementById('captcha');
  if (!form) return;
  document.getElementById('captcha-script').remove(); // it says that this does not run
  const work = JSON.parse(form.dataset.work);
  const button = form.querySelector('button');
  const show = (what) => {
    for (const name of ['working', 'cannot']) document.getElementById('captcha-' + name).hidden = name !== what;
    button.disabled = what === 'working';
  };
  const cannot = () => show('cannot');

  const solve = () => {
    if (!window.Worker || !window.crypto || !crypto.subtle) return cannot();
    show('working');
    const worker = new Worker(src);
    worker.onerror = cannot;
    worker.onmessage = ({ data: { number } }) => {
      worker.terminate();
      if (number === undefined) return cannot();
      const { algorithm, challenge, salt, signature } = work;
      form.elements.code.value = btoa(JSON.stringify({ algorithm, challenge, number, salt, signature }));
      form.submit();
    };
    worker.postMessage(work);
  };
  const src = document.currentScript.src;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    solve();
  });
  // Who was refused presses the button: a page must not send itself for ever.
  if ('begin' in form.dataset) solve();
})();
