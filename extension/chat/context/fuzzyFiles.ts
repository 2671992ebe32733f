import fuzzysort from "fuzzysort";

/** The paths that have the letters of `query` in their order, the best match first. */
export function fuzzyFiles<File extends { path: string }>(files: readonly File[], query: string, most: number): File[] {
  return fuzzysort.go(query, files, { key: "path", limit: most }).map(({ obj }) => obj);
}
