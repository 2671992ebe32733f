/** Answers that come in pieces: server-sent events. */
import type { Context } from "hono";
import { streamSSE } from "hono/streaming";
import { toApiError } from "./errors.js";

/** @param event the name of the event, where the API has names */
export type Send = (data: unknown, event?: string) => void;

/**
 * A stream of events, one for each piece that `work` sends. What goes wrong before the first piece is an error with a status; later it
 * is an event.
 * @param end of the stream, as OpenAI has it
 */
export async function eventStream(
  context: Context,
  end: string | undefined,
  work: (send: Send) => Promise<void>,
): Promise<Response> {
  const pieces: { data: string; event?: string }[] = [];
  let wake: () => void = () => undefined;
  const send: Send = (data, event) => {
    pieces.push({ data: JSON.stringify(data), ...(event === undefined ? {} : { event }) });
    wake();
  };
  let ended = false;
  const working = work(send).finally(() => {
    ended = true;
    wake();
  });
  const more = async () => {
    if (pieces.length > 0 || ended) return;
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  };
  working.catch(() => undefined);
  await more();
  if (pieces.length === 0) await working;
  return streamSSE(context, async (stream) => {
    for (; ; await more()) {
      for (const piece of pieces.splice(0)) await stream.writeSSE(piece);
      if (ended && pieces.length === 0) break;
    }
    try {
      await working;
      if (end !== undefined) await stream.writeSSE({ data: end });
    } catch (error) {
      await stream.writeSSE({ data: JSON.stringify(toApiError(error).body) });
    }
  });
}
