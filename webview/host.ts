import type { FromWebview, ToWebview } from "./messages.js";

/** What the page keeps by itself while it is hidden: the rest comes from the extension. */
interface PageState {
  /** What was typed and not yet sent. */
  draft: string;
}

/** Provided by VS Code to the page, once. */
declare function acquireVsCodeApi(): {
  postMessage(message: FromWebview): void;
  getState(): PageState | undefined;
  setState(state: PageState): void;
};

const api = acquireVsCodeApi();

export function post(message: FromWebview): void {
  api.postMessage(message);
}

/** Calls `handler` for each message of the extension. Only the extension can reach this window. */
export function onMessage(handler: (message: ToWebview) => void): void {
  window.addEventListener("message", (event: MessageEvent<ToWebview>) => handler(event.data));
}

/** The draft outlives hiding the panel and reloading the window. */
export const draft = {
  read: (): string => api.getState()?.draft ?? "",
  write: (text: string): void => api.setState({ draft: text }),
};
