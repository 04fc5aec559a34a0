// Three pages, as three applications would have them.
import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname + '/app',
  logLevel: 'error',
  oxc: { jsx: { runtime: 'automatic' } },
  build: { emptyOutDir: true, rolldownOptions: { input: ['app/index.html', 'app/flow.html', 'app/oauth.html'] } },
});
