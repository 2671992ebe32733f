// Which room may import which. Arrows go down only: extension, cli → server → models → protocol ← engine-native/sidecar; the chat
// panel stands alone but for its messages. `npm run lint` and `npm test` check it.

/** Rooms by path, each with what it may import besides itself and npm's packages. */
const rooms = {
  extension: ["models", "protocol", "server", "webview/messages[.]ts"],
  cli: ["models", "protocol", "server"],
  server: ["models", "protocol"],
  models: ["protocol"],
  "engine-native/sidecar": ["protocol"],
  webview: [],
  protocol: [],
};

const ours = "^(cli|engine-native|extension|models|protocol|scripts|server|test|webview)/";

const arrows = Object.entries(rooms).map(([room, others]) => ({
  name: `${room} imports only ${[...others, "itself"].join(", ")}`,
  severity: "error",
  // Unit tests stand beside the code, and may start what they need.
  from: { path: `^${room}/`, pathNot: "[.]test[.]ts$" },
  to: { path: ours, pathNot: [room, ...others].map((allowed) => `^${allowed}(/|$)`) },
}));

/**
 * @param {string} name of a package
 * @param {string} room the only one that may import it
 */
const onlyIn = (name, room) => ({
  name: `only ${room} imports ${name}`,
  severity: "error",
  from: { pathNot: [`^${room}/`, "^test/"] },
  to: { path: `(^|/)node_modules/(@types/)?${name}/|^${name}$` },
});

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    ...arrows,
    onlyIn("node-llama-cpp", "engine-native/sidecar"),
    onlyIn("vscode", "extension"),
    { name: "no cycles of files", severity: "error", from: {}, to: { circular: true } },
    {
      name: "no cycles of folders",
      severity: "error",
      scope: "folder",
      from: { path: "^(cli|engine-native|extension|models|protocol|server|webview)" },
      to: { circular: true },
    },
  ],
  options: {
    // The compiler that is used here has no interface for other programs.
    parser: "swc",
    // Types are imports too.
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(dist|build)/|[.]test[.]ts$" },
  },
};
