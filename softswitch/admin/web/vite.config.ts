import { readdirSync } from "node:fs";
import { defineConfig } from "vite";

// One page for each HTML file beside this one. The server gives dist/ under /web/ and each page under its own name.
const pages = readdirSync(import.meta.dirname).filter((name) => name.endsWith(".html"));

export default defineConfig({
  base: "/web/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2022",
    rolldownOptions: { input: pages },
    // Everything is a file of its own: the pages' Content-Security-Policy allows nothing inline.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    chunkSizeWarningLimit: 400,
  },
});
