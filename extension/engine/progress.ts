import { randomUUID } from "node:crypto";
import type { MessageConnection, ProgressType } from "vscode-jsonrpc";

/** Runs `request` with a progress token of its own, whose reports go to `onProgress`. */
export async function withProgress<P, R>(
  connection: MessageConnection,
  type: ProgressType<P>,
  onProgress: (progress: P) => void,
  request: (token: string) => Promise<R>,
): Promise<R> {
  const token = randomUUID();
  const subscription = connection.onProgress(type, token, onProgress);
  try {
    return await request(token);
  } finally {
    subscription.dispose();
  }
}
