import type { Page } from "playwright-core";

/**
 * From the browser's own click or letter until an element is drawn, in ms by the page's clock. What the test itself takes to
 * reach into the browser is not counted. `text`: what the page must say as well.
 */
export async function timeInPage(page: Page, act: () => Promise<void>, selector: string, text = ""): Promise<number> {
  // As text: it runs in the page, and this file is compiled for Node.
  const start = `(${startStopwatch})(${JSON.stringify(selector)}, ${JSON.stringify(text)})`;
  // Void, or the browser's promise would be waited for here, before anything was done.
  await page.evaluate(`void (globalThis.stopwatch = ${start})`);
  await act();
  return page.evaluate<number>("globalThis.stopwatch");
}

const startStopwatch = `(selector, text) => new Promise((resolve) => {
  let from = 0;
  const look = () => {
    if (document.querySelector(selector) !== null && document.body.innerText.includes(text)) resolve(performance.now() - from);
    else requestAnimationFrame(look);
  };
  const start = () => {
    if (from > 0) return;
    from = performance.now();
    requestAnimationFrame(look);
  };
  for (const kind of ["click", "input"]) addEventListener(kind, start, { capture: true, once: true });
})`;
