// An OpenID provider, as others run one: oidc-provider, unmodified, with its
// own pages for signing in, on which any name and any password will do. Its
// issuer is on the first line of standard output, as JSON; it runs until its
// standard input ends. Clients register themselves.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const server = createServer();
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  // Who somebody is, is the name that they type. It is their address too; that of
  // whose name begins with "rumour" is not verified.
  findAccount: (_, name) => ({
    accountId: name,
    claims: () => ({
      sub: name,
      email: name,
      email_verified: !name.startsWith("rumour"),
      given_name: "Ana",
      family_name: "Roe",
    }),
  }),
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["given_name", "family_name"] },
  pkce: { required: () => true },
  features: { registration: { enabled: true }, devInteractions: { enabled: true } },
});
server.on("request", provider.callback());
console.log(JSON.stringify({ issuer }));
process.stdin.resume().on("end", () => process.exit(0));
