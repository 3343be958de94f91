// What `npm run check` looks for beside the types (jsconfig.json): names that are not there, what is made and not used,
// comparisons that convert, promises whose failure nobody hears of. Layout is not looked at.

import js from "@eslint/js";
import globals from "globals";
import { parser, plugin } from "typescript-eslint";

export default [
  { ignores: ["target/", "pushlab-data/"] },
  js.configs.recommended,
  {
    plugins: { typed: plugin },
    // The parser has the types of JSDoc, without which no rule can tell a promise from anything else.
    languageOptions: { parser, parserOptions: { project: ["./jsconfig.json", "./tests/jsconfig.json"], tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "array-callback-return": "error",
      eqeqeq: "error",
      "no-control-regex": "off", // the console quotes control characters, tests look for them
      "no-empty": ["error", { allowEmptyCatch: true }],
      "no-self-compare": "error",
      "no-throw-literal": "error",
      "no-unmodified-loop-condition": "error",
      "no-unreachable-loop": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_", ignoreRestSiblings: true }],
      "typed/await-thenable": "error",
      "typed/ban-ts-comment": "error",
      "typed/no-floating-promises": ["error", { allowForKnownSafeCalls: [{ from: "package", package: "node:test", name: ["test", "it", "describe", "suite"] }] }],
      "typed/no-for-in-array": "error",
      "typed/no-misused-promises": "error",
      "typed/restrict-plus-operands": "error",
    },
  },
  { files: ["static/**/*.js"], languageOptions: { globals: globals.browser } },
  // What Playwright evaluates stands in these files and runs in a page.
  {
    files: ["tests/**/*.{mjs,cjs}", "packaging/*.mjs", "eslint.config.js"],
    languageOptions: { globals: { ...globals.node, ...globals.browser, Pusher: "readonly", io: "readonly" } },
    rules: { "typed/no-misused-promises": "off" }, // what a callback rejects with ends Node, and is heard of
  },
];
