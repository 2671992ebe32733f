import { expect, test } from "vitest";
import { DownloadError } from "./errors.js";
import { Backoff, retryAfterMs, Transient } from "./http.js";

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
