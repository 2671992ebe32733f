import "@vscode/codicons/dist/codicon.css";
import "@vscode-elements/elements/dist/vscode-button/index.js";
import "@vscode-elements/elements/dist/vscode-progress-bar/index.js";
import "@vscode-elements/elements/dist/vscode-toolbar-button/index.js";
import "./style.css";
import "./composer.css";
import "./markdown.css";
import { Composer } from "./composer.js";
import { element } from "./elements.js";
import { onMessage, post } from "./host.js";
import type { Message, Status } from "./messages.js";
import { problemBox } from "./problem.js";
import { Activity, Footer } from "./statusLine.js";
import { Transcript } from "./transcript.js";
import { Welcome } from "./welcome.js";

let messages: readonly Message[] = [];
let status: Status | undefined;

let openEditor: string | undefined;

const transcript = new Transcript((id, text) => composer.edit(id, text));
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
    welcome.root,
    transcript.root,
    problem,
    activity.root,
    activity.announcement,
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
      messages = message.messages;
      transcript.show(messages);
      composer.show(messages);
      show();
      break;
    case "text":
      transcript.append(message.id, message.text);
      break;
    case "status":
      status = message.status;
      show();
      break;
    case "openEditor":
      openEditor = message.label;
      composer.showOpenEditor(openEditor);
      show();
      break;
    case "focusInput":
      composer.focus();
      break;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.isComposing) post({ type: "stop" });
});

// Whoever opens the panel means to ask.
window.addEventListener("focus", () => {
  if (document.activeElement === document.body) composer.focus();
});

post({ type: "ready" });
