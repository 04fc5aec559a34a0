// The proof of work that a captcha asks for, as ALTCHA's widgets send it.
export async function solve({ algorithm, challenge, maxnumber, salt, signature }) {
  for (let number = 0; number <= maxnumber; number++) {
    const hash = new Uint8Array(await crypto.subtle.digest(algorithm, new TextEncoder().encode(salt + number)));
    const digits = Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
    if (digits === challenge) return btoa(JSON.stringify({ algorithm, challenge, number, salt, signature }));
  }
  throw new Error('the challenge has no solution');
}
