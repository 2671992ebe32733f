/** `flint.backends`, checked. */
import * as l10n from "@vscode/l10n";
import * as z from "zod";
import { InvalidSetting } from "../../engine/errors.js";

const setting = "flint.backends";

const backendSchema = z.strictObject({
  name: z.string().regex(/^[\w .-]{1,64}$/, l10n.t("must be 1 to 64 letters, digits, spaces, _, - or .")),
  url: z.url({ protocol: /^https?$/, error: l10n.t("must be an address like https://gpu-box:8080") }),
});

/** Another machine's engine. */
export interface BackendSettings {
  name: string;
  /** Without `/v1` and a slash at the end. */
  url: string;
  /** For a person: where text goes. */
  host: string;
}

/** @throws InvalidSetting */
export function parseBackends(value: unknown): BackendSettings[] {
  const checked = z.array(backendSchema).safeParse(value ?? []);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    const where = (issue?.path ?? []).map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
    throw new InvalidSetting(setting, `${setting}${where} ${issue?.message ?? l10n.t("is not valid")}.`);
  }
  const names = checked.data.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new InvalidSetting(setting, l10n.t("{0} has two backends called {1}.", setting, twice));
  }
  return checked.data.map(({ name, url }) => ({
    name,
    url: url.replace(/\/+$/, "").replace(/\/v1$/, ""),
    host: new URL(url).host,
  }));
}
