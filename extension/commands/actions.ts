import * as vscode from "vscode";
import type { Action } from "../../webview/messages.js";
import { raiseRamCap, updateSetting } from "../config/write.js";
import type { FlintContext } from "./context.js";
import { exportConversation } from "./conversations.js";

/** Does what a button of a problem says. */
export async function perform(action: Action, { engine, models, output, conversations }: FlintContext): Promise<void> {
  switch (action.kind) {
    case "chooseModel":
      return models.choose();
    case "askAgain":
      return conversations.current.askAgain();
    case "restartEngine":
      return engine.restart();
    case "loadAgain":
      await engine.load();
      return;
    case "showLog":
      return output.show();
    case "stopConversion":
      return models.stopConversion();
    case "storeAgain":
      return conversations.store();
    case "exportChat":
      return exportConversation(conversations);
    case "raiseCap":
      return raiseRamCap(action.bytes);
    case "useContext":
      return updateSetting("contextSize", action.tokens);
    case "openSetting":
      await vscode.commands.executeCommand("workbench.action.openSettings", action.setting);
  }
}
