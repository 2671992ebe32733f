/** Who may ask: holders of a key, or programs of this machine. */
import { createHash, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import type { MiddlewareHandler } from "hono";
import { ApiError } from "./errors.js";

/** One key a line. @throws where there is none */
export async function readKeys(path: string): Promise<string[]> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new Error(`${path} can't be read: ${error instanceof Error ? error.message : String(error)}`);
  });
  const keys = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  if (keys.length === 0) throw new Error(`${path} has no key: write one in a line`);
  return keys;
}

/** Whether only programs of this machine reach an address. */
export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || host === "[::1]" || (isIP(host) === 4 && host.startsWith("127."));

/**
 * Without keys, only requests that name this machine by itself and do not come from a web site: a browser that was led here by a
 * site's name (DNS rebinding) says so in Host, one that was told this address says where it comes from in Origin.
 */
export function access(keys: readonly string[]): MiddlewareHandler {
  const digests = keys.map(digest);
  return async ({ req }, next) => {
    if (digests.length > 0) {
      const given = /^Bearer\s+(.+)$/i.exec(req.header("authorization") ?? "")?.[1] ?? req.header("x-api-key") ?? "";
      const found = digest(given.trim());
      if (!digests.some((each) => timingSafeEqual(each, found))) {
        throw new ApiError(401, "authentication_error", "Invalid API key.", "invalid_api_key");
      }
    } else {
      const host = hostName(`http://${req.header("host") ?? ""}`);
      if (host === undefined || !isLoopback(host)) {
        throw new ApiError(
          403,
          "permission_error",
          "Without a key this server answers only to localhost.",
          "wrong_host",
        );
      }
      const origin = req.header("origin");
      if (origin !== undefined && !isOwnOrigin(origin)) {
        throw new ApiError(403, "permission_error", "Without a key this server answers no web site.", "wrong_origin");
      }
    }
    await next();
  };
}

/** Pages of this machine, and those of VS Code. */
export function isOwnOrigin(origin: string): boolean {
  if (origin.startsWith("vscode-webview://") || origin.startsWith("vscode-file://")) return true;
  const host = hostName(origin);
  return host !== undefined && isLoopback(host);
}

function hostName(address: string): string | undefined {
  try {
    return new URL(address).hostname;
  } catch {
    return undefined;
  }
}

const digest = (text: string) => createHash("sha256").update(text).digest();
