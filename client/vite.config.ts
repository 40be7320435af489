import { defineConfig } from 'vite';

/** The element for other sites: its address must not change with its contents. */
const ELEMENT = 'visavis-call';

// The call page, a page that shows the element inside somebody else's site, and the element by itself.
export default defineConfig({
  base: './',
  build: {
    outDir: '../dist/client',
    emptyOutDir: true,
    target: 'es2022',
    rolldownOptions: {
      input: { index: 'client/index.html', embed: 'client/embed.html', [ELEMENT]: 'client/visavis-call.ts' },
      preserveEntrySignatures: 'exports-only',
      output: { entryFileNames: ({ name }) => (name === ELEMENT ? `assets/${ELEMENT}.js` : 'assets/[name]-[hash].js') },
    },
  },
});
