import type { FromWebview, ToWebview } from "./messages.js";

/** Provided by VS Code to the page, once. */
declare function acquireVsCodeApi(): {
  postMessage(message: FromWebview): void;
};

const api = acquireVsCodeApi();

export function post(message: FromWebview): void {
  api.postMessage(message);
}

/** What is said about a session, without its id. */
type AboutSession = FromWebview extends infer Each
  ? Each extends { sessionId: string }
    ? Omit<Each, "sessionId">
    : never
  : never;

let sessionId = "";

/** The session on show is this one from now on. */
export function showSession(id: string): void {
  sessionId = id;
}

/** Sends what the person does with the session on show. */
export function postToSession(message: AboutSession): void {
  post({ ...message, sessionId });
}

/** Calls `handler` for each message of the extension. Only the extension can reach this window. */
export function onMessage(handler: (message: ToWebview) => void): void {
  window.addEventListener("message", (event: MessageEvent<ToWebview>) => handler(event.data));
}
