/** Sizes of memory as people write and read them. Units are binary: G, GB and GiB all mean 2^30 bytes. */

const prefixes = ["", "K", "M", "G", "T"];

/** Reads `2300MiB`, `4GiB`, `4G`, `1.5g` or a plain number of bytes; undefined when the text is no size. */
export function parseSize(text: string): number | undefined {
  const [, number, prefix = ""] = /^\s*(\d+(?:\.\d+)?)\s*(?:([KMGT])(?:i?B)?|B)?\s*$/i.exec(text) ?? [];
  if (number === undefined) return undefined;
  const bytes = Math.round(Number(number) * 1024 ** prefixes.indexOf(prefix.toUpperCase()));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** `bytes` in GiB with one decimal, as "5.4 GiB"; below 1 GiB in whole MiB, as "768 MiB". @param language of the decimal point */
export function formatSize(bytes: number, language = "en"): string {
  const mebibytes = Math.round(bytes / 1024 ** 2);
  return mebibytes < 1024 ? `${mebibytes} MiB` : `${oneDecimal(bytes / 1024 ** 3, language)} GiB`;
}

/** As {@link formatSize}, rounded up: a cap of what is shown does suffice. */
export function formatAtLeast(bytes: number, language = "en"): string {
  const step = bytes < 1024 ** 3 ? 1024 ** 2 : 1024 ** 3 / 10;
  return formatSize(Math.ceil(bytes / step) * step, language);
}

const oneDecimal = (value: number, language: string) =>
  value.toLocaleString(language, { minimumFractionDigits: 1, maximumFractionDigits: 1, useGrouping: false });
