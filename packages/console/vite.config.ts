import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  build: {
    // What knows light-dark(): older ones would need a second set of colours in the styles.
    target: ["chrome123", "firefox120", "safari17.5"],
    // A small image inlined as data: would be refused by the Content-Security-Policy.
    assetsInlineLimit: 0,
    // The polyfill would be an inline script; every browser of the target loads modules ahead by itself.
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 900,
  },
  // The console's port of a Central Node that runs beside it, for work on the page.
  server: { proxy: { "/api": { target: "https://127.0.0.1:8443", secure: false } } },
});
