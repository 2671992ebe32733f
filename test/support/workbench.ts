/** A real VS Code on a fresh profile with the packaged extension in it, opened in a real browser. */
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium, type Page } from "playwright-core";
import { browser } from "../../scripts/browser.mjs";
import { root } from "../../scripts/root.mjs";
import { prepareProfile, startServer, vscodeServer } from "../../scripts/vscode-server.mjs";
import { packagePath } from "../../scripts/vsix.mjs";

/** How long a test waits for what is to appear, on a busy machine too. */
const patienceMs = 120_000;

export interface WorkbenchOptions {
  /** Machine settings. */
  settings: Record<string, unknown>;
  /** Files of the opened folder by name. */
  files?: Record<string, string>;
  flags?: string[];
  /** The opened folder is not trusted, and nobody is asked about it. */
  untrusted?: boolean;
  /** With VS Code's own chat, which is off by default. */
  vscodeChat?: boolean;
  /** More of the environment of the extension host. */
  env?: Record<string, string>;
}

/** A running server, and one page of a browser that shows nothing yet. */
export interface Workbench {
  /** The opened folder. */
  readonly folder: string;
  /** All that the server keeps: settings, extensions, their storage. */
  readonly profileFolder: string;
  /** Where the packaged extension was unpacked to. */
  readonly extensionFolder: string;
  readonly page: Page;
  /** The address of the workbench, with more to say to it in `query`. */
  address(query?: Record<string, string>): string;
  /** What the server and the page's console have said. */
  log(): string;
  /** Ends the browser, the server and all they started, and removes the profile. */
  close(): Promise<void>;
}

/**
 * Starts a server with the VSIX of `npm run package`, and a browser.
 * @throws when there is no VSIX, VS Code refuses it, or one of the two does not start
 */
export async function startWorkbench(options: WorkbenchOptions): Promise<Workbench> {
  const temporary = await mkdtemp(path.join(tmpdir(), "flint-test-"));
  const cleanups: (() => Promise<void>)[] = [() => rm(temporary, { recursive: true, force: true, maxRetries: 5 })];
  const close = async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  };
  try {
    return await open(temporary, options, cleanups, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function open(
  temporary: string,
  { settings, files = {}, flags = [], untrusted = false, vscodeChat = false, env = {} }: WorkbenchOptions,
  cleanups: (() => Promise<void>)[],
  close: () => Promise<void>,
): Promise<Workbench> {
  // Its name is in the title of every picture.
  const folder = path.join(temporary, "project");
  await mkdir(folder);
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
  const [program, chrome] = await Promise.all([vscodeServer(), browser()]);
  const profile = { folder: path.join(temporary, "profile"), settings, untrusted, vscodeChat };
  await prepareProfile(program, profile, await packagePath());

  const said: string[] = [];
  const onLog = (text: string) => void said.push(text);
  const server = await startServer(program, profile, { ports: "0", flags, env, onLog });
  cleanups.push(server.stop);

  const context = await chromium.launchPersistentContext(path.join(temporary, "browser"), {
    executablePath: chrome.executablePath,
    args: chrome.args,
    env: { ...process.env, ...chrome.env },
    viewport: { width: 1280, height: 800 },
  });
  cleanups.push(() => context.close());
  // The key for its secrets, which the program around this server hands out; without it they end with the window.
  const key = randomBytes(32);
  await context.route("**/mint-key", (route) => route.fulfill({ body: key }));
  const page = context.pages()[0] ?? (await context.newPage());
  page.setDefaultTimeout(patienceMs);
  page.on("console", (message) => onLog(`${message.type()}: ${message.text()}\n`));

  const extensions = path.join(profile.folder, "extensions");
  const installed = (await readdir(extensions)).find((name) => name.startsWith("flint.flint-"));
  if (!installed) throw new Error("VS Code has not installed the package.");
  return {
    folder,
    profileFolder: profile.folder,
    extensionFolder: path.join(extensions, installed),
    page,
    address: (query = {}) => `${server.address}/?${new URLSearchParams({ folder, ...query })}`,
    log: () => said.join(""),
    close,
  };
}

/**
 * Takes a picture of the window: for the documentation where FLINT_UPDATE_PICTURES is set, else for looking at after a
 * run, so that tests leave the checkout as it is.
 */
export async function picture(page: Page, name: string): Promise<void> {
  const { FLINT_UPDATE_PICTURES } = process.env;
  const folder = FLINT_UPDATE_PICTURES ? "docs/images" : "build/test/images";
  await page.screenshot({ path: path.join(root, folder, `${name}.png`), animations: "disabled", caret: "initial" });
}

/** Leaves a picture and a log of a failed test in build/test/failures. */
export async function keepFailure({ page, log }: Workbench, test: string): Promise<void> {
  const file = path.join(root, "build/test/failures", test.replaceAll(/\W+/g, "-"));
  await mkdir(path.dirname(file), { recursive: true });
  await page.screenshot({ path: `${file}.png` });
  await writeFile(`${file}.log`, log());
}
