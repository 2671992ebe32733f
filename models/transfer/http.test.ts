import { expect, test } from "vitest";
import { DownloadError } from "../errors.js";
import { Backoff, httpOver, readBody, retryAfterMs, Transient } from "./http.js";

test("Retry-After is seconds or a date", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  expect(retryAfterMs("120", now)).toBe(120_000);
  expect(retryAfterMs("Thu, 01 Jan 2026 00:00:30 GMT", now)).toBe(30_000);
  expect(retryAfterMs("Wed, 31 Dec 2025 00:00:00 GMT", now)).toBe(0);
  expect(retryAfterMs("soon", now)).toBeUndefined();
  expect(retryAfterMs(null, now)).toBeUndefined();
});

test("it is given up after so many failures in a row, which progress ends", async () => {
  const backoff = new Backoff({ attempts: 3, firstPauseMs: 1, stallMs: 1 });
  const { signal } = new AbortController();
  const failure = new Transient("The server sneezed");
  await backoff.wait(failure, signal);
  await backoff.wait(failure, signal);
  backoff.progressed();
  await backoff.wait(failure, signal);
  await backoff.wait(failure, signal);
  await expect(backoff.wait(failure, signal)).rejects.toBeInstanceOf(DownloadError);
});

test("a stream that stalls is left at once when it is no longer wanted, whatever fetch does", async () => {
  const stop = new AbortController();
  let cancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(3)),
    cancel: () => {
      cancelled = true;
    },
  });
  const http = httpOver(async () => new Response(stream));
  const response = await http("https://server.example/m", { headers: {}, signal: stop.signal });
  const seen: number[] = [];
  const read = async () => {
    for await (const chunk of readBody(response, 3_600_000, stop.signal)) {
      seen.push(chunk.length);
      setImmediate(() => stop.abort());
    }
  };
  await expect(read()).rejects.toMatchObject({ name: "AbortError" });
  expect(seen).toEqual([3]);
  expect(cancelled).toBe(true);
});
