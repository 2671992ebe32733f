/** "1,234", as the language of the page writes it. */
export const integer = (value: number): string => value.toLocaleString(document.documentElement.lang || "en");
