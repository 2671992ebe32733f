/**
 * The user's pip configuration, as pip itself would find it: its files, its environment variables, and `.netrc`.
 * https://pip.pypa.io/en/stable/topics/configuration/ and …/topics/authentication/. Keyrings are not asked.
 */

import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import * as l10n from "@vscode/l10n";
import { hasCode } from "../../protocol/systemErrors.js";
import { DownloadError } from "../errors.js";

export interface PipConfiguration {
  /** Addresses of the indexes, in the order in which they are asked; without credentials, without a slash at the end. */
  indexes: string[];
  /** The value of the Authorization header for an address, if it gets one. */
  authorization(url: URL): string | undefined;
  proxy: string | undefined;
  /** Certificates to trust instead of those that Node does, in PEM. */
  trusted: string | undefined;
  /** What this client shows of itself: certificate and key, in PEM. */
  own: string | undefined;
  /** Whether a host's certificate is not looked at. */
  trustsHost(url: URL): boolean;
}

type Environment = NodeJS.ProcessEnv;
/** Options by their name on pip's command line; a value may have several lines. */
type Options = Map<string, string>;

const publicIndex = "https://pypi.org/simple";

/** @throws DownloadError `reference` for a setting that makes no sense, and where pip is told to ask nobody */
export async function pipConfiguration(environment: Environment = process.env): Promise<PipConfiguration> {
  const options = await readOptions(environment);
  if (/^(1|true|yes|on)$/i.test(options.get("no-index") ?? "")) {
    throw new DownloadError(
      "reference",
      l10n.t(
        "pip's configuration turns package indexes off (no-index), so `pypi:` can't download anything. Turn no-index off, or use another source.",
      ),
    );
  }
  const listed = words(options.get("extra-index-url"));
  const indexes = [options.get("index-url") ?? publicIndex, ...listed].map(parseIndex);
  const netrc = await readNetrc(environment);
  const trustedHosts = new Set(words(options.get("trusted-host")));
  return {
    indexes: indexes.map(({ address }) => address),
    authorization: (url) => {
      // As pip does: the credentials of an index are for its server, whatever is asked of that.
      const credentials = indexes.find(({ origin, basic }) => origin === url.origin && basic !== undefined)?.basic;
      return credentials ?? netrc(url.hostname);
    },
    proxy: parseProxy(options.get("proxy")),
    trusted: await readPem(options.get("cert") ?? environment["REQUESTS_CA_BUNDLE"] ?? environment["CURL_CA_BUNDLE"]),
    own: await readPem(options.get("client-cert")),
    trustsHost: ({ host, hostname }) => trustedHosts.has(host) || trustedHosts.has(hostname),
  };
}

const words = (text: string | undefined): string[] => text?.split(/\s+/).filter(Boolean) ?? [];
const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

function parseIndex(text: string): { address: string; origin: string; basic: string | undefined } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) {
    // It may hold a password.
    throw new DownloadError(
      "reference",
      l10n.t("An index in pip's configuration has no http(s) address. See `pip config list`."),
    );
  }
  const { username, password, origin } = url;
  const credentials = username ? basic(decodeURIComponent(username), decodeURIComponent(password)) : undefined;
  url.username = url.password = "";
  return { address: url.href.replace(/\/+$/, ""), origin, basic: credentials };
}

/** pip takes them without a scheme too. */
function parseProxy(text: string | undefined): string | undefined {
  if (!text) return undefined;
  const address = /^[a-z0-9]+:\/\//i.test(text) ? text : `http://${text}`;
  if (URL.canParse(address)) return address;
  throw new DownloadError(
    "reference",
    l10n.t("The proxy in pip's configuration is not a valid address. See `pip config list`."),
  );
}

async function readPem(path: string | undefined): Promise<string | undefined> {
  if (!path) return undefined;
  try {
    return await readFile(expand(path), "utf8");
  } catch (error) {
    // A folder of certificates is for OpenSSL's own use.
    if (hasCode(error, "EISDIR")) return undefined;
    throw new DownloadError(
      "reference",
      l10n.t("{0}, which pip's configuration names, can't be read: {1}.", path, String(error)),
      {
        cause: error,
      },
    );
  }
}

const expand = (path: string) => (/^~[/\\]/.test(path) ? join(homedir(), path.slice(2)) : path);

/** Later ones win: for all of this machine, of this user, of the virtual environment, of the environment. */
async function readOptions(environment: Environment): Promise<Options> {
  const { PIP_CONFIG_FILE: chosen } = environment;
  const options: Options = new Map();
  for (const path of configurationFiles(environment, chosen)) {
    for (const [name, value] of await readFileOptions(path)) options.set(name, value);
  }
  for (const [name, value] of Object.entries(environment)) {
    const option = /^PIP_(.+)$/.exec(name)?.[1];
    // What is empty counts as not given.
    if (option && value) options.set(optionName(option), value);
  }
  return options;
}

const optionName = (text: string): string => text.toLowerCase().replaceAll("_", "-").replace(/^--/, "");

/** @param chosen replaces those of the user; of `/dev/null` pip takes that no file counts */
function configurationFiles(environment: Environment, chosen: string | undefined): string[] {
  if (chosen === "/dev/null" || chosen?.toLowerCase() === "nul") return [];
  const { XDG_CONFIG_DIRS, XDG_CONFIG_HOME, APPDATA, PROGRAMDATA, VIRTUAL_ENV } = environment;
  const home = homedir();
  const windows = process.platform === "win32";
  const file = windows ? "pip.ini" : "pip.conf";
  const global = windows
    ? [join(PROGRAMDATA || "C:\\ProgramData", "pip", file)]
    : process.platform === "darwin"
      ? [join("/Library/Application Support/pip", file)]
      : [...(XDG_CONFIG_DIRS || "/etc/xdg").split(":").map((folder) => join(folder, "pip", file)), join("/etc", file)];
  const user = windows
    ? [join(home, "pip", file), join(APPDATA || join(home, "AppData/Roaming"), "pip", file)]
    : [
        join(home, ".pip", file),
        join(XDG_CONFIG_HOME || join(home, ".config"), "pip", file),
        ...(process.platform === "darwin" ? [join(home, "Library/Application Support/pip", file)] : []),
      ];
  return [
    ...global,
    ...(chosen ? [] : user),
    ...(VIRTUAL_ENV ? [join(VIRTUAL_ENV, file)] : []),
    ...(chosen ? [chosen] : []),
  ];
}

/** Of a file those of `[global]`, and over them those of `[download]`. Empty where it is not there. */
async function readFileOptions(path: string): Promise<Options> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (hasCode(error, "ENOENT", "ENOTDIR", "EACCES")) return "";
    throw error;
  });
  const sections = parseConfiguration(text);
  return new Map([...(sections.get("global") ?? []), ...(sections.get("download") ?? [])]);
}

/** What Python's configparser reads: `name = value` or `name: value`, and lines that are indented go on with a value. */
export function parseConfiguration(text: string): Map<string, Options> {
  const sections = new Map<string, Options>();
  let options: Options | undefined;
  let last: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*([#;]|$)/.test(line)) continue;
    const section = /^\[([^\]]+)\]/.exec(line)?.[1];
    const [, name, value] = /^([^\s=:][^=:]*?)\s*[=:]\s*(.*?)\s*$/.exec(line) ?? [];
    if (section !== undefined) {
      options = sections.get(section) ?? new Map<string, string>();
      sections.set(section, options);
      last = undefined;
    } else if (/^\s/.test(line) && options && last !== undefined) {
      options.set(last, `${options.get(last) ?? ""}\n${line.trim()}`.trim());
    } else if (name !== undefined && value !== undefined && options) {
      last = optionName(name);
      options.set(last, value);
    }
  }
  return sections;
}

/** @returns what tells the Authorization header for a host: Python's netrc, whose file NETRC may name */
async function readNetrc({ NETRC }: Environment): Promise<(hostname: string) => string | undefined> {
  const names = NETRC ? [NETRC] : [".netrc", "_netrc"].map((name) => join(homedir(), name));
  for (const name of names) {
    const text = await readFile(name, "utf8").catch((error: unknown) => {
      if (hasCode(error, "ENOENT", "ENOTDIR", "EACCES", "EISDIR")) return undefined;
      throw error;
    });
    if (text !== undefined) {
      const entries = parseNetrc(text);
      return (hostname) => entries.get(hostname) ?? entries.get("");
    }
  }
  return () => undefined;
}

/** By host; that of `default` by no name. */
export function parseNetrc(text: string): Map<string, string> {
  const entries = new Map<string, string>();
  // A macro goes on to the next empty line.
  const tokens = text
    .replace(/^\s*macdef\b[\s\S]*?(\n\s*\n|$(?![\s\S]))/gm, "")
    .replace(/^\s*#.*$/gm, "")
    .match(/"(?:[^"\\]|\\.)*"|\S+/g);
  const left = (tokens ?? []).map((token) => token.replace(/^"(.*)"$/s, "$1").replace(/\\(.)/gs, "$1"));
  let entry: { host: string; login: string; password: string } | undefined;
  const close = () => {
    if (entry && !entries.has(entry.host) && (entry.login || entry.password))
      entries.set(entry.host, basic(entry.login, entry.password));
  };
  for (let token = left.shift(); token !== undefined; token = left.shift()) {
    if (token === "machine" || token === "default") {
      close();
      entry = { host: token === "machine" ? (left.shift() ?? "") : "", login: "", password: "" };
    } else if (entry && (token === "login" || token === "user")) entry.login = left.shift() ?? "";
    else if (entry && token === "password") entry.password = left.shift() ?? "";
    else if (token === "account") left.shift();
  }
  close();
  return entries;
}
