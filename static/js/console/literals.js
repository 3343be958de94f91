/*
  literals.js: a JSON value as a literal of a programming language, and text as a quoted string of it. Pure.
  JSON itself is a literal of JavaScript; Rust's json! takes it but for the escapes in its strings.
*/

/** @typedef {"node" | "python" | "php" | "ruby" | "rust" | "shell"} Language */

/** @param {string} text */
const doubleQuoted = (text) => JSON.stringify(text);

/** A quoted string. @type {Record<Language, (text: string) => string>} */
export const quote = {
  node: doubleQuoted,
  python: doubleQuoted,
  // Single quotes: nothing in them is replaced, and \ and ' are all that need a backslash.
  php: (text) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`,
  ruby: (text) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`,
  // As Rust writes it: other escapes than JSON's, for control characters.
  rust: (text) => `"${text.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n").replaceAll("\r", "\\r").replaceAll("\t", "\\t").replace(/[\u0000-\u001f\u007f]/g, (c) => `\\u{${c.charCodeAt(0).toString(16)}}`)}"`,
  shell: (text) => `'${text.replaceAll("'", "'\\''")}'`,
};

/** @type {Partial<Record<Language, {null: string, true: string, false: string, arrow: string, list: [string, string], map: [string, string], emptyMap: string}>>} */
const FORMS = {
  python: { null: "None", true: "True", false: "False", arrow: ": ", list: ["[", "]"], map: ["{", "}"], emptyMap: "{}" },
  php: { null: "null", true: "true", false: "false", arrow: " => ", list: ["[", "]"], map: ["[", "]"], emptyMap: "new stdClass()" },
  rust: { null: "null", true: "true", false: "false", arrow: ": ", list: ["[", "]"], map: ["{", "}"], emptyMap: "{}" },
  ruby: { null: "nil", true: "true", false: "false", arrow: " => ", list: ["[", "]"], map: ["{ ", " }"], emptyMap: "{}" },
};

/** @param {Language} language  @param {unknown} value  of JSON */
export function literal(language, value) {
  const form = FORMS[language];
  if (form === undefined) return JSON.stringify(value);
  /** @param {unknown} part @returns {string} */
  const write = (part) => {
    if (part === null || typeof part === "boolean") return form[part === null ? "null" : part ? "true" : "false"];
    if (typeof part === "number") return JSON.stringify(part);
    if (typeof part === "string") return quote[language](part);
    if (Array.isArray(part)) return form.list[0] + part.map(write).join(", ") + form.list[1];
    const pairs = Object.entries(/** @type {Record<string, unknown>} */ (part)).map(([key, of]) => `${quote[language](key)}${form.arrow}${write(of)}`);
    if (pairs.length === 0) return form.emptyMap;
    // An array of PHP whose keys look like numbers would come out as a JSON array.
    const cast = language === "php" && Object.keys(/** @type {object} */ (part)).some((key) => /^-?\d+$/.test(key)) ? "(object) " : "";
    return cast + form.map[0] + pairs.join(", ") + form.map[1];
  };
  return write(value);
}

/**
 * The object or array that a text of JSON stands for, if writing it again gives the same JSON; otherwise undefined
 * (numbers beyond a double's precision, doubled keys, anything that is no JSON), and the text is to be sent as it is.
 * @param {string} text
 */
export function faithfulValue(text) {
  try {
    const value = JSON.parse(text);
    if (typeof value !== "object" || value === null) return undefined;
    // In a literal of JavaScript this key means something else.
    if (text.includes("__proto__")) return undefined;
    return JSON.stringify(value) === withoutSpace(text) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** JSON without the space between its tokens. @param {string} json */
const withoutSpace = (json) => json.replace(/("(?:[^"\\]|\\.)*")|\s+/g, "$1");
