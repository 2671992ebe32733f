/** Order in which the files of a folder are attached. Pure. */

export interface RankedFile {
  /** From the workspace folder, with slashes. */
  path: string;
}

/** Written by programs, or for none: what a question is seldom about. */
const seldomAsked =
  /(^|\/)(package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|Cargo\.lock|poetry\.lock|uv\.lock|go\.sum|LICEN[CS]E[^/]*)$|\.(min\.(js|css)|map|snap|svg|csv|tsv|log|lock)$|(^|\/)(dist|build|out|target|vendor|node_modules|__pycache__|coverage)\//i;
const manifest = /(^|\/)(package\.json|pyproject\.toml|Cargo\.toml|go\.mod|CMakeLists\.txt|pom\.xml|README(\.\w+)?)$/i;

/**
 * Those that matter most first: what is open in an editor, then source, then manifests, last what programs wrote; of these
 * the files near the folder before those deep inside.
 * @param open paths of the files that are open in editors
 */
export function rankFiles<File extends RankedFile>(files: readonly File[], open: ReadonlySet<string>): File[] {
  const kind = ({ path }: File) => {
    if (open.has(path)) return 0;
    if (seldomAsked.test(path)) return 3;
    return manifest.test(path) ? 2 : 1;
  };
  const depth = ({ path }: File) => path.split("/").length;
  return [...files].sort((a, b) => kind(a) - kind(b) || depth(a) - depth(b) || (a.path < b.path ? -1 : 1));
}
