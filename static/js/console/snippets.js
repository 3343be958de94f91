/*
  snippets.js: the call that publishes an event, in six languages. Pure: where and what go in, text comes out.
  Checked: tests/clients/snippets.test.mjs runs curl, Node and Python as the page shows them. PHP (pusher-http-php 7.2) and Ruby
  (pusher-http-ruby 2.0) were run by hand with the libraries' own sources, objects and plain text alike. Rust (the community's
  crate pusher 0.4.5) was compiled and run once; tests/modules/snippets.test.mjs holds the text to what was compiled.
*/

import { faithfulValue, literal, quote } from "./literals.js";
import { bodyOf } from "./event.js";

/**
 * @typedef {object} Target
 * @property {string} host   name or address, without a port
 * @property {string} port
 * @property {boolean} tls
 * @property {string} appId
 * @property {string} key
 * @property {string} secret  or what stands for it
 */

/** @typedef {import("./event.js").LabEvent} LabEvent */

/** Data as an argument: a literal where that is the same JSON, otherwise the text. @param {import("./literals.js").Language} language  @param {LabEvent} event */
function dataOf(language, { data }) {
  const value = faithfulValue(data);
  return value === undefined ? quote[language](data) : literal(language, value);
}

/** @param {Target} at */
const origin = (at) => `${at.tls ? "https" : "http"}://${at.host}:${at.port}`;

/** @param {Target} at  @param {LabEvent} event */
function curl(at, event) {
  return `SECRET=${quote.shell(at.secret)}
BODY=${quote.shell(bodyOf(event))}
CALL=/apps/${at.appId}/events
MD5=$(printf %s "$BODY" | openssl dgst -md5 -r | cut -d' ' -f1)
QUERY="auth_key=${at.key}&auth_timestamp=$(date +%s)&auth_version=1.0&body_md5=$MD5"
SIGNATURE=$(printf 'POST\\n%s\\n%s' "$CALL" "$QUERY" | openssl dgst -sha256 -hmac "$SECRET" -r | cut -d' ' -f1)
curl -sS -H 'Content-Type: application/json' --data-binary "$BODY" \\
  "${origin(at)}$CALL?$QUERY&auth_signature=$SIGNATURE"
`;
}

/** @param {Target} at  @param {LabEvent} event */
function node(at, event) {
  const options = event.socketId === "" ? "" : `, { socket_id: ${quote.node(event.socketId)} }`;
  return `const Pusher = require("pusher");

const pusher = new Pusher({
  appId: ${quote.node(at.appId)},
  key: ${quote.node(at.key)},
  secret: ${quote.node(at.secret)},
  host: ${quote.node(at.host)},
  port: ${quote.node(at.port)},
  useTLS: ${at.tls},
});

pusher
  .trigger(${quote.node(event.channel)}, ${quote.node(event.event)}, ${dataOf("node", event)}${options})
  .then((answer) => console.log(answer.status))
  .catch((error) => console.error(error.message, error.body));
`;
}

/** @param {Target} at  @param {LabEvent} event */
function python(at, event) {
  const socket = event.socketId === "" ? "" : `, ${quote.python(event.socketId)}`;
  return `import pusher

client = pusher.Pusher(
    app_id=${quote.python(at.appId)},
    key=${quote.python(at.key)},
    secret=${quote.python(at.secret)},
    host=${quote.python(at.host)},
    port=${at.port},
    ssl=${at.tls ? "True" : "False"},
)

print(client.trigger(${quote.python(event.channel)}, ${quote.python(event.event)}, ${dataOf("python", event)}${socket}))
`;
}

/** @param {Target} at  @param {LabEvent} event */
function php(at, event) {
  const isText = faithfulValue(event.data) === undefined;
  const params = event.socketId === "" ? "[]" : `['socket_id' => ${quote.php(event.socketId)}]`;
  // PHP encodes data as JSON unless told that it is encoded already.
  const more = isText ? `, ${params}, true` : event.socketId === "" ? "" : `, ${params}`;
  return `<?php
require __DIR__ . '/vendor/autoload.php';

$pusher = new Pusher\\Pusher(${quote.php(at.key)}, ${quote.php(at.secret)}, ${quote.php(at.appId)}, [
    'host' => ${quote.php(at.host)},
    'port' => ${at.port},
    'scheme' => '${at.tls ? "https" : "http"}',
    'useTLS' => ${at.tls},
]);

$pusher->trigger(${quote.php(event.channel)}, ${quote.php(event.event)}, ${dataOf("php", event)}${more});
`;
}

/** @param {Target} at  @param {LabEvent} event */
function ruby(at, event) {
  const params = event.socketId === "" ? "" : `, { socket_id: ${quote.ruby(event.socketId)} }`;
  return `require 'pusher'

pusher = Pusher::Client.new(
  app_id: ${quote.ruby(at.appId)},
  key: ${quote.ruby(at.key)},
  secret: ${quote.ruby(at.secret)},
  host: ${quote.ruby(at.host)},
  port: ${at.port},
  use_tls: ${at.tls}
)

pusher.trigger(${quote.ruby(event.channel)}, ${quote.ruby(event.event)}, ${dataOf("ruby", event)}${params})
`;
}

/** @param {Target} at  @param {LabEvent} event */
function rust(at, event) {
  const value = faithfulValue(event.data);
  const data = value === undefined ? quote.rust(event.data) : `serde_json::json!(${literal("rust", value)})`;
  const [call, socket] = event.socketId === "" ? ["trigger", ""] : ["trigger_exclusive", `, ${quote.rust(event.socketId)}`];
  return `use pusher::PusherBuilder;

#[tokio::main]
async fn main() {
    let pusher = PusherBuilder::new(${quote.rust(at.appId)}, ${quote.rust(at.key)}, ${quote.rust(at.secret)})
        .host(${quote.rust(`${at.host}:${at.port}`)})${at.tls ? "\n        .secure()" : ""}
        .finalize();
    let data = ${data};
    match pusher.${call}(${quote.rust(event.channel)}, ${quote.rust(event.event)}, data${socket}).await {
        Ok(_) => println!("sent"),
        Err(error) => eprintln!("{error}"),
    }
}
`;
}

/** @type {{id: string, label: string, note: string, text: (at: Target, event: LabEvent) => string}[]} */
export const SNIPPETS = [
  { id: "curl", label: "curl", note: "A POSIX shell with openssl and curl: the signature by hand.", text: curl },
  { id: "node", label: "Node", note: "npm install pusher", text: node },
  { id: "python", label: "Python", note: "pip install pusher", text: python },
  { id: "php", label: "PHP", note: "composer require pusher/pusher-php-server", text: php },
  { id: "ruby", label: "Ruby", note: "gem install pusher", text: ruby },
  { id: "rust", label: "Rust", note: "cargo add pusher@0.4 serde_json, and tokio with the features macros and rt-multi-thread. A community crate: it always sends JSON, so plain text arrives as a JSON string, which clients decode to the same.", text: rust },
];
