// What `npm run check` looks for beside the types: names that are not there, values that are made and not used, and
// promises whose failure nobody hears of. Layout is nobody's business here.

import js from "@eslint/js";
import globals from "globals";
import { configs, parser, plugin } from "typescript-eslint";

const IN_BROWSERS = ["static/js/**/*.js"];
const IN_NODE = ["tests/**/*.mjs", "tests/**/*.cjs", "eslint.config.js"];

export default [
  { ignores: ["target/", "node_modules/", "static/vendor/", "docs/"] },
  js.configs.recommended,
  {
    plugins: { "@typescript-eslint": plugin },
    // The parser knows the types of JSDoc; without them no rule could tell a promise.
    languageOptions: { parser, parserOptions: { project: "./jsconfig.json", tsconfigRootDir: import.meta.dirname } },
    rules: {
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-empty": ["error", { allowEmptyCatch: true }],
      eqeqeq: "error",
      "no-constructor-return": "error",
      "no-promise-executor-return": "off",
      "no-self-compare": "error",
      "no-shadow": "off",
      "no-unmodified-loop-condition": "error",
      "no-unreachable-loop": "error",
      "no-use-before-define": ["error", { functions: false, classes: false, variables: false }],
      "no-throw-literal": "error",
      "array-callback-return": "error",
      "require-atomic-updates": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/await-thenable": "error",
      "@typescript-eslint/no-for-in-array": "error",
      "@typescript-eslint/no-unnecessary-condition": "error",
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-base-to-string": "error",
      "@typescript-eslint/restrict-plus-operands": "error",
      "@typescript-eslint/unbound-method": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
    },
  },
  { files: IN_BROWSERS, languageOptions: { globals: globals.browser } },
  // What Playwright evaluates stands in these files and runs in a page.
  { files: IN_NODE, languageOptions: { globals: { ...globals.node, ...globals.browser } } },
];
