import { defineConfig } from 'vite';

// Two entries: the call page, and a page that shows the custom element inside somebody else's site.
export default defineConfig({
  base: './',
  build: {
    outDir: '../dist/client',
    emptyOutDir: true,
    target: 'es2022',
    rolldownOptions: { input: ['client/index.html', 'client/embed.html'] },
  },
});
