import { join } from "node:path";
import type { Backend } from "../../backends/backend.js";
import { generationResult } from "../../fixtures.js";
import { Conversations, type ConversationsOptions } from "./conversations.js";
import { sessionOptions } from "./sessionFixture.js";
import type { WindowFiles } from "./windowPlace.js";

/** As the only window, or the next one after a crash. */
const alone = (storage: string): WindowFiles => ({
  file: (name) => join(storage, `${name}.json`),
  isShownElsewhere: async () => false,
});

/** What earlier messages are answered with by default. */
export const echo: Backend["chat"] = async ({ messages }) => generationResult(`To ${messages.at(-1)?.text}`);

/** Opens the conversations of a folder, as a window does. */
export function openConversations(
  storage: string,
  { chat = echo, ...more }: Partial<ConversationsOptions> & { chat?: Backend["chat"] } = {},
): Promise<Conversations> {
  return Conversations.open({
    storage,
    window: alone(storage),
    ...sessionOptions(chat),
    log: () => undefined,
    onDamaged: () => undefined,
    onDeleted: () => undefined,
    onMerged: () => undefined,
    ...more,
  });
}
