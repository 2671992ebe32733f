import "./translations.js";
import "@vscode/codicons/dist/codicon.css";
import "@vscode-elements/elements/dist/vscode-button/index.js";
import "@vscode-elements/elements/dist/vscode-progress-bar/index.js";
import "@vscode-elements/elements/dist/vscode-toolbar-button/index.js";
import "./style.css";
import "./composer.css";
import "./markdown.css";
import "./welcome.css";
import * as l10n from "@vscode/l10n";
import { Composer } from "./composer.js";
import { onFilesDropped } from "./droppedFiles.js";
import { element } from "./elements.js";
import { onMessage, post, postToSession, showSession } from "./host.js";
import type { ShownMessage, Status } from "./messages.js";
import { Notices } from "./notices.js";
import { problemBox } from "./problem.js";
import { Queue } from "./queue.js";
import { Activity, Footer } from "./statusLine.js";
import { Transcript } from "./transcript.js";
import { Welcome } from "./welcome.js";

let messages: readonly ShownMessage[] = [];
let status: Status | undefined;

let openEditor: string | undefined;

const transcript = new Transcript((id, text) => composer.edit(id, text));
const notices = new Notices();
const queue = new Queue((id, text) => composer.edit(id, text));
const problem = element("div", "problem-place");
problem.role = "alert";
const activity = new Activity();
const composer = new Composer(
  () => status?.phase !== "empty",
  () => post({ type: "act", action: { kind: "chooseModel" } }),
);
const welcome = new Welcome((text, attach) => composer.propose(text, attach));
const footer = new Footer();
document.body.append(
  element(
    "main",
    "chat",
    // Whoever reads by headings begins here; for the eye VS Code has it above the panel.
    element("h1", "unseen", l10n.t("Flint Chat")),
    welcome.root,
    transcript.root,
    transcript.speech.root,
    notices.root,
    problem,
    activity.root,
    activity.announcement,
    queue.root,
    composer.root,
    footer.root,
  ),
);

function show(): void {
  if (!status) return;
  welcome.root.hidden = messages.length > 0;
  transcript.root.hidden = messages.length === 0;
  welcome.show(status, openEditor);
  activity.show(status);
  footer.show(status);
  composer.showThinking(status.thinking);
  showProblem(status);
}

let shownProblem = "";
function showProblem({ phase, problem: current }: Status): void {
  const last = messages.at(-1);
  // Told already: by the answer that failed of it, or by the words of an empty chat.
  const told = (last?.role === "assistant" && last.state === "error") || (phase === "empty" && messages.length === 0);
  const key = current && !told ? JSON.stringify(current) : "";
  // Drawn only when it changes: it is announced, and its buttons may have the focus.
  if (key === shownProblem) return;
  shownProblem = key;
  problem.replaceChildren(...(current && !told ? [problemBox(current)] : []));
}

onMessage((message) => {
  switch (message.type) {
    case "conversation":
      showSession(message.sessionId);
      messages = message.messages;
      transcript.show(message.sessionId, messages);
      composer.show(messages, message.queue);
      queue.show(message.queue, composer.isBusy);
      notices.show(message.notice, message.canUndo);
      show();
      break;
    case "draft":
      composer.showDraft(message.draft);
      break;
    case "text":
      transcript.append(message.id, message.text);
      break;
    case "thought":
      transcript.think(message.id, message);
      break;
    case "status":
      status = message.status;
      show();
      break;
    case "openEditor":
      openEditor = message.editor?.label;
      composer.attachments.showOpenEditor(message.editor);
      show();
      break;
    case "context":
      composer.attachments.showContext(message.chips, message.meter);
      transcript.showMeter(message.meter);
      break;
    case "picked":
      composer.picked(message.attached);
      break;
    case "commands":
      composer.showCommands(message.commands);
      break;
    case "propose":
      composer.propose(message.text, false);
      break;
    case "focusInput":
      composer.focus();
      break;
  }
});

onFilesDropped((uris) => post({ type: "attachFiles", uris }));

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.isComposing) postToSession({ type: "stop" });
});

// Whoever opens the panel means to ask.
window.addEventListener("focus", () => {
  if (document.activeElement === document.body) composer.focus();
});

post({ type: "ready" });
