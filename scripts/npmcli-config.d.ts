/** The part of npm's own settings that its types leave out. */
declare module "@npmcli/config/lib/definitions/index.js" {
  import type Config from "@npmcli/config";

  const known: Pick<Config.Options, "definitions" | "shorthands" | "flatten">;
  export default known;
}
