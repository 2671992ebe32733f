/** Numbers and sizes as the display language writes them. */
import { gigabytes } from "../models/disk.js";
import { formatAtLeast, formatSize } from "../protocol/size.js";

let language = "en";

/** For all numbers from then on; without it, as in tests, they are English. @param tag as `vscode.env.language` */
export function setNumberLanguage(tag: string): void {
  language = tag;
}

/** "1,234" */
export const integer = (value: number): string => value.toLocaleString(language, { maximumFractionDigits: 0 });

/** "5.2" */
export const decimal = (value: number, digits = 1): string =>
  value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** "5.2", and from 10 on "12": nobody wants to know it closer. */
export const estimate = (value: number): string => (value < 10 ? decimal(value) : integer(value));

/** "5.4 GiB" @param bytes of memory, or of a file that is loaded into it */
export const memorySize = (bytes: number): string => formatSize(bytes, language);

/** As {@link memorySize}, rounded up. */
export const memorySizeAtLeast = (bytes: number): string => formatAtLeast(bytes, language);

/** "18.2 GB" @param bytes of a disk */
export const diskSize = (bytes: number): string => gigabytes(bytes, language);
