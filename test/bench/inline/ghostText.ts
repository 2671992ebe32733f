/** What the editor shows in grey, as it is drawn. */
import type { Page } from "playwright-core";

/** Ghost text, from so many ms on, with the frame that shows it; "" where it vanished. */
export interface Sight {
  ms: number;
  text: string;
}

/** Times are the page's own, in ms. */
export interface GhostText {
  /** All that was seen since the last call, and the time of the last key. */
  take(): Promise<{ sights: Sight[]; keyMs: number; nowMs: number }>;
}

/** Watches the active editor from now on. */
export async function watchGhostText(page: Page): Promise<GhostText> {
  await page.evaluate(() => {
    const watched: { sights: { ms: number; text: string }[]; keyMs: number; last: string } = {
      sights: [],
      keyMs: 0,
      last: "",
    };
    Object.assign(globalThis, { flintGhostText: watched });
    const plain = (nodes: Iterable<Element>) =>
      [...nodes]
        .map((node) => node.textContent ?? "")
        .join("")
        .replaceAll("\u00a0", " ");
    const read = () => {
      const marks = [...document.querySelectorAll(".view-line .ghost-text-decoration, .view-line .ghost-text")];
      const inZone = (node: Element) => node.closest(".view-zones") !== null;
      const first = plain(marks.filter((node) => !inZone(node)));
      // Further lines stand in a zone of their own.
      const lines = new Set(marks.filter(inZone).map((node) => node.closest(".view-line")));
      for (const line of document.querySelectorAll(".view-zones .suggest-preview-text .view-line")) lines.add(line);
      const others = [...lines].flatMap((line) => (line ? [plain([line])] : []));
      return [first, ...others].join("\n").replace(/\n+$/, "");
    };
    const look = () => {
      const text = read();
      if (text === watched.last) return;
      watched.last = text;
      watched.sights.push({ ms: performance.now(), text });
    };
    // What comes and goes between two frames nobody sees: a message comes after the frame is painted.
    const painted = new MessageChannel();
    let isDue = false;
    painted.port1.onmessage = () => {
      isDue = false;
      look();
    };
    const lookAfterFrame = () => {
      if (isDue) return;
      isDue = true;
      requestAnimationFrame(() => painted.port2.postMessage(undefined));
    };
    new MutationObserver(lookAfterFrame).observe(document.body, {
      subtree: true,
      childList: true,
      characterData: true,
    });
    const key = () => {
      watched.keyMs = performance.now();
    };
    document.addEventListener("keydown", key, true);
    document.addEventListener("beforeinput", key, true);
  });
  return {
    take: () =>
      page.evaluate(() => {
        const { flintGhostText: watched } = globalThis as unknown as {
          flintGhostText: { sights: { ms: number; text: string }[]; keyMs: number };
        };
        const { keyMs } = watched;
        const sights = watched.sights.splice(0);
        return { sights, keyMs, nowMs: performance.now() };
      }),
  };
}
