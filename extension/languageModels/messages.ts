/** VS Code's messages as the engine's, and back. */
import * as vscode from "vscode";
import type { ChatMessage, ToolDefinition } from "../../protocol/messages.js";

/** One message may hold text, calls and results; results come before the text that follows them. */
export function toMessages(messages: readonly vscode.LanguageModelChatRequestMessage[]): ChatMessage[] {
  return messages.flatMap(({ role, content }): ChatMessage[] => {
    const text = content.map(textOf).join("");
    if (role === vscode.LanguageModelChatMessageRole.Assistant) {
      const toolCalls = content
        .filter((part) => part instanceof vscode.LanguageModelToolCallPart)
        .map(({ callId, name, input }) => ({ id: callId, name, arguments: JSON.stringify(input) }));
      return [{ role: "assistant", text, ...(toolCalls.length > 0 ? { toolCalls } : {}) }];
    }
    const results = content
      .filter((part) => part instanceof vscode.LanguageModelToolResultPart)
      .map((part): ChatMessage => ({ role: "tool", toolCallId: part.callId, text: part.content.map(textOf).join("") }));
    const said: ChatMessage[] = text === "" && results.length > 0 ? [] : [{ role: roleOf(role), text }];
    return [...results, ...said];
  });
}

/** The system's role is 3 where VS Code has it; its types do not tell of it yet. */
const roleOf = (role: vscode.LanguageModelChatMessageRole) => (Number(role) === 3 ? "system" : "user");

/** Other parts, such as images and marks for caches of other vendors, are not for this model. */
function textOf(part: unknown): string {
  if (part instanceof vscode.LanguageModelTextPart) return part.value;
  return typeof part === "string" ? part : "";
}

export function toTools(tools: readonly vscode.LanguageModelChatTool[]): ToolDefinition[] {
  return tools.map(({ name, description, inputSchema }) => ({
    name,
    description,
    ...(inputSchema ? { parameters: { ...inputSchema } } : {}),
  }));
}
