// A pool as an application sees it: an address, and two keys of one vendor or an
// id and a public key of the other. compat_test.go starts the server and says
// through the environment where it is; see ../python/conftest.py for the names.
// Nothing is skipped.

import authingSDK from "authing-js-sdk";
import { AuthNService, PangeaConfig } from "pangea-node-sdk";

// Registered with every pool. The first is what the vendor's own suites use,
// the second what its samples do.
export const CALLBACK = "https://someurl.com/callbacklink";
export const SAMPLE_CALLBACK = "https://www.myserver.com/callback";

function variable(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: compat_test.go sets it`);
  return value;
}

class Pool {
  constructor(prefix) {
    this.url = variable("GATEHOUSE_URL");
    this.serviceToken = variable(`GATEHOUSE_${prefix}SERVICE_TOKEN`);
    this.clientToken = variable(`GATEHOUSE_${prefix}CLIENT_TOKEN`);
    this.loginURL = variable(`GATEHOUSE_${prefix}LOGIN_URL`);
    this.appID = variable(`GATEHOUSE_${prefix}APP_ID`);
    this.publicKey = variable(`GATEHOUSE_${prefix}PUBLIC_KEY`);
  }

  // The SDK asks for an unknown request four times, a few seconds in all; it is
  // told not to.
  sdk(token) {
    return new AuthNService(token, new PangeaConfig({ baseUrlTemplate: this.url, requestRetries: 0 }));
  }

  service() {
    return this.sdk(this.serviceToken);
  }

  client() {
    return this.sdk(this.clientToken);
  }

  // The other vendor's SDK, for this pool's application, in English. It prints
  // errors unless it is told what to do with them; it throws them all the same.
  authing(more = {}) {
    return new authingSDK.AuthenticationClient({ appId: this.appID, appHost: this.url, lang: "en-US", onError: () => {}, ...more });
  }
}

// The pool that most tests work in; another, which gives spent refresh tokens
// no grace; one in which people prove their mailbox before they come in; one in
// which they accept what is in force; one whose user tokens are signed (JWT); one
// in which a lockout lasts; two in which people may come in by their mailbox alone,
// and go by names and need a second factor; one in which that is the code of an app;
// one in which a code by text message is a first factor, and a second one; one with
// rules about where people come from; and two
// with the preset of Authing: one
// asks for a field "source" of its own, the other one tells nobody the schema, wants
// mailboxes proved, and has lockouts that last.
export const pool = new Pool("");
export const other = new Pool("OTHER_");
export const verify = new Pool("VERIFY_");
export const agreements = new Pool("AGREEMENTS_");
export const signed = new Pool("SIGNED_");
export const strict = new Pool("STRICT_");
export const mailbox = new Pool("MAILBOX_");
export const names = new Pool("NAMES_");
export const guarded = new Pool("GUARDED_");
export const texts = new Pool("TEXTS_");
// Who signs up has a proof of work before them.
export const captcha = new Pool("CAPTCHA_");
// People come in through an OpenID provider, which vouches for addresses that do
// not begin with rumour.
export const social = new Pool("SOCIAL_");
export const judged = new Pool("JUDGED_");
// People sign in to applications of it by OAuth 2.0: one that keeps a secret, one
// that runs in browsers, a program that is nobody, and a device without a browser.
export const oauth = Object.assign(new Pool("OAUTH_"), Object.fromEntries(["shop", "page", "robot", "tv"].map((name) => [name, {
  id: variable(`GATEHOUSE_OAUTH_${name.toUpperCase()}_ID`), secret: process.env[`GATEHOUSE_OAUTH_${name.toUpperCase()}_SECRET`],
}])));
// Where the first of them is told of logouts; a GET lists the tokens that came.
export const logoutsURL = variable("GATEHOUSE_OAUTH_LOGOUTS");
export const authing = new Pool("AUTHING_");
export const hidden = new Pool("HIDDEN_");
export const inboxURL = variable("GATEHOUSE_INBOX");
