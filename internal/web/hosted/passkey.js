// Asks the browser for a passkey and sends what it answers with the form. All
// else that the pages do, they do without a script.
(() => {
  'use strict';
  const form = document.getElementById('passkey');
  if (!form) return;
  document.getElementById('passkey-script').remove(); // it says that this does not run
  const create = form.dataset.ceremony === 'create';
  const say = (what) => {
    for (const name of ['cannot', 'stopped', 'there']) document.getElementById('passkey-' + name).hidden = name !== what;
  };
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
  const text = (buffer) => {
    let binary = '';
    for (const byte of new Uint8Array(buffer)) binary += String.fromCharCode(byte);
    return btoa(binary).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  };

  // WebAuthn Level 3 sections 5.1.8 and 5.1.9: options are JSON, the browser
  // wants bytes. Not every browser has a function for it yet.
  const read = () => {
    const options = JSON.parse(form.dataset.options);
    options.challenge = bytes(options.challenge);
    if (options.user) options.user.id = bytes(options.user.id);
    for (const list of [options.allowCredentials, options.excludeCredentials]) {
      for (const one of list || []) one.id = bytes(one.id);
    }
    return options;
  };

  // The same the other way round, section 5.1.
  const write = (credential) => {
    const from = credential.response;
    const response = { clientDataJSON: text(from.clientDataJSON) };
    if (create) {
      response.attestationObject = text(from.attestationObject);
      response.transports = from.getTransports ? from.getTransports() : [];
    } else {
      response.authenticatorData = text(from.authenticatorData);
      response.signature = text(from.signature);
      if (from.userHandle) response.userHandle = text(from.userHandle);
    }
    return JSON.stringify({
      id: credential.id, rawId: text(credential.rawId), type: credential.type, response,
      clientExtensionResults: {}, authenticatorAttachment: credential.authenticatorAttachment || undefined,
    });
  };

  let busy = false;
  const ask = async () => {
    if (busy) return;
    if (!window.PublicKeyCredential || !navigator.credentials) return say('cannot');
    busy = true;
    say('');
    try {
      const publicKey = read();
      const credential = await (create ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey }));
      form.elements.passkey.value = write(credential);
      form.submit();
    } catch (error) {
      busy = false;
      say(error.name === 'InvalidStateError' ? 'there' : error.name === 'NotAllowedError' || error.name === 'AbortError' ? 'stopped' : 'cannot');
    }
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    ask();
  });
  if ('begin' in form.dataset) ask();
})();
