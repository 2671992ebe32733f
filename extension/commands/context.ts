import type * as vscode from "vscode";
import type { CommitMessages } from "../chat/commitMessage/commitMessage.js";
import type { Proposals } from "../chat/edits/proposals.js";
import type { InlineEdits } from "../chat/inlineEdit/inlineEdit.js";
import type { ChatView } from "../chat/panel/view.js";
import type { Conversations } from "../chat/sessions/conversations.js";
import type { TemplateStore } from "../chat/templates/templateStore.js";
import type { EngineClient } from "../engine/engine.js";
import type { KvCacheFolder } from "../engine/kvCache.js";
import type { InlineSuggestions } from "../inline/inline.js";
import type { Models } from "../models/models.js";
import type { RemoteModels } from "../models/remoteModels.js";
import type { EngineServer } from "../serving/engineServer.js";

/** The parts of the extension that commands act on. */
export interface FlintContext {
  readonly extensionPath: string;
  readonly output: vscode.LogOutputChannel;
  readonly engine: EngineClient;
  readonly kvCache: KvCacheFolder;
  readonly conversations: Conversations;
  readonly chat: ChatView;
  readonly templates: TemplateStore;
  readonly commitMessages: CommitMessages;
  readonly edits: InlineEdits;
  readonly models: Models;
  readonly remote: RemoteModels;
  readonly inline: InlineSuggestions;
  readonly proposals: Proposals;
  readonly server: EngineServer;
}
