/** Finds the texts of TypeScript that a person sees: it knows the places where such texts stand. */
import { parseSync } from "@swc/core";

/** Functions whose arguments are shown. */
const shownCalls =
  /^(show(Information|Warning|Error)Message|createWebviewPanel|separator|refuse|element|textButton|iconButton|copyButton)$/;
/** Of these the first arguments name a kind, a tag and a class, or an icon. */
const namesBefore: Readonly<Record<string, number>> = { createWebviewPanel: 1, element: 2, iconButton: 1 };
/** Of quick picks, dialogs, notifications, tree items, buttons and elements. */
const shownProperties = new Set([
  ...["label", "title", "description", "detail", "message", "placeHolder", "placeholder", "prompt", "tooltip"],
  ...["openLabel", "saveLabel", "validationMessage", "ariaLabel", "textContent", "omitted", "activity"],
]);
/** Errors whose message is shown as it is. */
const shownErrors = /(Error|Transient|Restart|NothingToAttach|InvalidSetting)$/;

interface Texts {
  /** Given to `l10n.t`. */
  translated: string[];
  /** Shown without that, or given to it in a variable, so that nobody can know them. */
  untranslated: string[];
}

export function textsOf(source: string): Texts {
  const texts: Texts = { translated: [], untranslated: [] };
  const visit = (value: unknown): void => {
    if (!isNode(value)) return;
    if (isTranslation(value)) {
      const [given] = argumentsOf(value);
      const [text] = literalsOf(given);
      if (text === undefined) texts.untranslated.push(`l10n.t(${nameOf(given)})`);
      else texts.translated.push(text);
    } else {
      texts.untranslated.push(...shownBy(value));
    }
    Object.values(value).forEach(visit);
  };
  visit(parseSync(source, { syntax: "typescript", target: "es2022" }).body);
  return texts;
}

type Node = Readonly<Record<string, unknown>>;
const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null;

/** Of `a`, of `b.a` and of a property `a`. */
function nameOf(node: unknown): string {
  if (!isNode(node)) return "";
  if (node["type"] === "MemberExpression") return nameOf(node["property"]);
  return node["type"] === "Super" ? "super" : String(node["value"] ?? "");
}

const argumentsOf = ({ arguments: given }: Node): unknown[] =>
  Array.isArray(given) ? given.map(({ expression }) => expression) : [];

function isTranslation({ type, callee }: Node): boolean {
  return type === "CallExpression" && nameOf(callee) === "t" && isNode(callee) && nameOf(callee["object"]) === "l10n";
}

function shownBy(node: Node): string[] {
  const called = nameOf(node["callee"]);
  switch (node["type"]) {
    case "CallExpression":
      if (called === "super") return argumentsOf(node).flatMap(literalsOf).filter(isSentence);
      if (!shownCalls.test(called)) return [];
      return argumentsOf(node)
        .slice(namesBefore[called] ?? 0)
        .flatMap(literalsOf)
        .filter(hasWord);
    case "NewExpression":
      return shownErrors.test(called) ? argumentsOf(node).flatMap(literalsOf).filter(isSentence) : [];
    case "KeyValueProperty":
      return shownProperties.has(nameOf(node["key"])) ? literalsOf(node["value"]).filter(hasWord) : [];
    case "AssignmentExpression":
      return shownProperties.has(nameOf(node["left"])) ? literalsOf(node["right"]).filter(hasWord) : [];
    default:
      return [];
  }
}

/** The literals that an expression may become, or is put together from. */
function literalsOf(node: unknown): string[] {
  if (!isNode(node)) return [];
  switch (node["type"]) {
    case "StringLiteral":
      return [String(node["value"])];
    case "TemplateLiteral":
      return [(Array.isArray(node["quasis"]) ? node["quasis"] : []).map(({ raw }) => raw).join("…")];
    case "ConditionalExpression":
      return [node["consequent"], node["alternate"]].flatMap(literalsOf);
    case "BinaryExpression":
      return [node["left"], node["right"]].flatMap(literalsOf);
    case "ParenthesisExpression":
      return literalsOf(node["expression"]);
    default:
      return [];
  }
}

/** Icons, units and the product's name are the same in all languages. */
const hasWord = (text: string) =>
  /(?:^|\s)\p{L}[\p{L}']+(?=$|[\s.,:;…!?])/u.test(text.replaceAll(/\$\([\w~-]+\)|\bFlint\b/g, ""));
/** Of an error the other arguments are single words. */
const isSentence = (text: string) => hasWord(text) && text.includes(" ");
