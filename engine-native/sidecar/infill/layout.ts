/** The order of a prompt's parts for each family of models, before there are tokens. */
import type { CompleteParams } from "../../../protocol/messages.js";
import type { InfillFamily } from "./families.js";

/** A special token by its name, or plain text. */
export type Part = { mark: string } | { text: string };

export interface Layout {
  /** Other files: each may be left out as a whole. Empty where the family's prompt has none. */
  opening: Part[];
  files: Part[][];
  /** What follows the other files, if there are any: the path of the file that is completed. */
  own: Part[];
  /** Around the text before and after the cursor. */
  beforePrefix: Part[];
  beforeSuffix: Part[];
  /** After both. */
  end: Part[];
  order: InfillFamily["order"];
}

/** Stands for the repository, whose name says little about code and less to others. */
const repositoryName = "workspace";

export type LayoutParams = Pick<CompleteParams, "files" | "path">;

/** Where the prefix and the suffix go, and what goes around them. */
export function layoutOf({ marks, order, files: form }: InfillFamily, { files = [], path }: LayoutParams): Layout {
  const separator: Part[] =
    form === undefined ? [{ text: "# " }] : form.plain ? [{ text: form.separator }] : [{ mark: form.separator }];
  const ownPath = path ?? "file";
  const inPrefix = form?.pathInPrefix === true;
  const some = files.length > 0;
  return {
    opening: some && form?.repository !== undefined ? [{ mark: form.repository }, { text: `${repositoryName}\n` }] : [],
    files: files.map(({ name, text }) => [...separator, { text: `${name}\n${withLineEnd(text)}` }]),
    own: some ? [...separator, ...(inPrefix ? [] : [{ text: `${ownPath}\n` }])] : [],
    beforePrefix: [{ mark: marks.prefix }, ...(some && inPrefix ? [{ text: `${ownPath}\n` }] : [])],
    beforeSuffix: [{ mark: marks.suffix }],
    end: marks.middle === undefined ? [] : [{ mark: marks.middle }],
    order,
  };
}

const withLineEnd = (text: string) => (text.endsWith("\n") ? text : `${text}\n`);

/** The parts in the order in which the model reads them. */
export function inOrder<T>(layout: Layout, read: { part(part: Part): T; prefix: T; suffix: T }): T[] {
  const parts = (list: readonly Part[]) => list.map(read.part);
  const prefix = [...parts(layout.beforePrefix), read.prefix];
  const suffix = [...parts(layout.beforeSuffix), read.suffix];
  return [
    ...parts(layout.opening),
    ...layout.files.flatMap(parts),
    ...parts(layout.own),
    ...(layout.order === "prefix-suffix-middle" ? [...prefix, ...suffix] : [...suffix, ...prefix]),
    ...parts(layout.end),
  ];
}
