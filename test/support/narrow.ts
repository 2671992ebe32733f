import type { Frame } from "playwright-core";

/** @returns what is wider than the panel is then, but for code and tables, which scroll. @param pixels wide */
export function widerThan(frame: Frame, pixels: number): Promise<string[]> {
  return frame.evaluate(async (width) => {
    const main = document.querySelector<HTMLElement>("main");
    if (!main) return ["no main"];
    main.style.width = `${width}px`;
    await new Promise(requestAnimationFrame);
    const edge = main.getBoundingClientRect().right;
    const inside = [...main.querySelectorAll<HTMLElement>("*")].filter(
      (node) => !node.closest("pre, .table-scroller, .unseen"),
    );
    const found = inside
      .filter((node) => node.getBoundingClientRect().right > edge + 1)
      .map(({ outerHTML }) => outerHTML.slice(0, 100));
    main.style.width = "";
    return found;
  }, pixels);
}
