// A page that uses the vendor's OAuth client as its documentation does.
import { OAuthClient } from '@pangeacyber/oauth-js';

const show = (selector, text) => { document.querySelector(selector).textContent = text; };

const client = new OAuthClient({
  ...window.settings,
  onStateChange: ({ state, user, error }) => {
    show('h1', state);
    show('[aria-label=Name]', user?.username ?? '');
    show('[role=alert]', error ?? '');
  },
}, window.settings.cookies);

for (const [id, press] of Object.entries({ login: () => client.login(), refresh: () => client.refresh(true), logout: () => client.logout() })) {
  document.getElementById(id).addEventListener('click', press);
}
setInterval(() => show('[aria-label=Token]', JSON.parse(localStorage.getItem('pangea-session') ?? '{}').access_token ?? ''), 50);
client.init();
