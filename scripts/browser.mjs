// A headless Chromium from npm alone, for the tests; no package of the system is needed.
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { cached } from "../models/cache.mjs";
import { npm, run } from "./process.mjs";

const version = "147.0.0";

/**
 * What Playwright launches.
 * @typedef {object} Browser
 * @property {string} executablePath
 * @property {string[]} args
 * @property {Record<string, string>} env added to this process's
 */

/**
 * The browser, which is fetched on the first call and kept outside the checkout.
 * @returns {Promise<Browser>}
 * @throws on anything but Linux on x64, or when the network or the disk fails
 */
export async function browser() {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(
      `There is no browser package for ${process.platform}-${process.arch}: run these tests on linux-x64.`,
    );
  }
  const folder = await cached(`chromium/${version}`, 350e6, unpackBrowser);
  return {
    executablePath: path.join(folder, "chromium"),
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--font-render-hinting=none"],
    env: {
      LD_LIBRARY_PATH: path.join(folder, "al2023/lib"),
      FONTCONFIG_FILE: path.join(folder, "fonts/flint.conf"),
    },
  };
}

/** @param {string} temporary the folder to make */
async function unpackBrowser(temporary) {
  const installed = `${temporary}-package`;
  await mkdir(installed);
  await mkdir(temporary);
  const manifest = { private: true, dependencies: { "@sparticuz/chromium": version } };
  await writeFile(path.join(installed, "package.json"), JSON.stringify(manifest));
  await npm(installed, ["install", "--ignore-scripts"]);
  // The package unpacks into the folder for temporary files, and its libraries only where it takes itself to be hosted.
  const unpack = "import('@sparticuz/chromium').then(({ default: chromium }) => chromium.executablePath())";
  await run(process.execPath, ["--input-type=module", "--eval", unpack], {
    cwd: installed,
    env: { TMPDIR: temporary, AWS_EXECUTION_ENV: "24.x" },
  });
  await rm(installed, { recursive: true });
  await writeFile(
    path.join(temporary, "fonts/flint.conf"),
    `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`,
  );
}
