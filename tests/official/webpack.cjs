// How pusher-js' own specs are bundled: with the package's own webpack settings, unmodified,
// but for two things.
//
// - ts-loader only translates. Checking types would need react-native's packages, which the
//   suite for Node and browsers never runs
// - the browser's bundle goes to a file, since Karma (whose plugins come from git, not from
//   npm) is not used: `browser.mjs` runs the same bundle under the same Jasmine
//
// Run in the unpacked package's folder: the package's settings name files from there.

const { createRequire } = require("node:module");
const path = require("node:path");

const inPackage = createRequire(path.resolve("package.json"));
const { merge } = inPackage("webpack-merge");

module.exports = ({ suite }) => translateOnly({ node, browser }[suite]());

/** `make node_integration` */
function node() {
  return inPackage("./spec/config/jasmine/webpack.integration.js");
}

/** `make web_integration` */
function browser() {
  const karma = inPackage("./spec/config/karma/config.integration.js");
  return merge(karma.webpack, {
    entry: { pusher: path.resolve("spec/javascripts/integration/index.web.js") },
    output: { path: path.resolve("tmp/web_integration"), filename: "specs.js" },
  });
}

function translateOnly(config) {
  const rules = config.module.rules.map((rule) =>
    rule.loader === "ts-loader" ? { ...rule, options: { transpileOnly: true } } : rule,
  );
  return { ...config, module: { ...config.module, rules } };
}
