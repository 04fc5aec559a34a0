// A passkey's ceremony with the library that the vendor's own forms use. The
// API takes and gives the person's handle as it is, the library in base64url.
import { base64URLStringToBuffer, bufferToBase64URLString, startAuthentication, startRegistration } from '@simplewebauthn/browser';

// answerOf asks the browser for what the choice wants.
export async function answerOf({ registration, authentication }) {
  if (registration) {
    const { user, ...options } = registration.publicKey;
    const handle = bufferToBase64URLString(new TextEncoder().encode(user.id));
    return { registration: await startRegistration({ optionsJSON: { ...options, user: { ...user, id: handle } } }) };
  }
  const assertion = await startAuthentication({ optionsJSON: authentication.publicKey });
  const handle = assertion.response.userHandle;
  if (handle) assertion.response.userHandle = new TextDecoder().decode(base64URLStringToBuffer(handle));
  return { authentication: assertion };
}
