// Inside the namespace: the lab on port 80 as Pusher, TLS in front of it on 443, and the
// suite's own application server on 3000 and 3001.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { createInterface } from "node:readline";
import tls from "node:tls";
import { startLab } from "../browser/lab.mjs";
import { HOME, mustRun, unpacked } from "./install.mjs";

/** The keys are those that the specs name; ids and secrets are ours. */
export const APPS = {
  mt1: { id: "1001", key: "c49a449b916bb4246729", secret: "suite-secret-of-mt1" },
  eu: { id: "1002", key: "cb7d5e50f5669e5c9ae6", secret: "suite-secret-of-eu" },
};
const DEADLINE_MS = 10_000;

/** @returns {Promise<() => Promise<void>>} what stops it all again */
export async function startPusher() {
  const settings = path.join(HOME, "pushlab.toml");
  const tables = Object.values(APPS).map(
    ({ id, key, secret }) => `[[apps]]\nid = "${id}"\nkey = "${key}"\nsecret = "${secret}"\nclient_events = true\n`,
  );
  writeFileSync(settings, tables.join("\n"));
  const lab = await startLab(["--single-port", "--hosts", "*.pusher.com", "--config", settings], { log: "official", port: 80 });
  const terminator = await startTls(443, 80);
  return async () => {
    terminator();
    await lab.stop();
  };
}

/** TLS with a certificate made on the spot; what is inside goes to `port` as it is. */
async function startTls(port, target) {
  const { key, cert } = certificate();
  const sockets = new Set();
  const server = tls.createServer({ key, cert, ALPNProtocols: ["http/1.1"] }, (near) => {
    const far = net.connect(target, "127.0.0.1");
    for (const [socket, other] of [[near, far], [far, near]]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
}

function certificate() {
  const folder = path.join(HOME, "tls");
  mkdirSync(folder, { recursive: true });
  const [key, cert] = ["key.pem", "cert.pem"].map((name) => path.join(folder, name));
  const names = "subjectAltName=DNS:*.pusher.com,DNS:localhost";
  const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=*.pusher.com", "-addext", names];
  mustRun("openssl", [...request, "-keyout", key, "-out", cert], folder);
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

/** pusher-js' `integration_tests_server`, unmodified. @returns {Promise<() => Promise<void>>} */
export async function startApplicationServer() {
  const folder = path.join(unpacked("pusher-js"), "integration_tests_server");
  const env = { ...process.env };
  for (const [cluster, { id, key, secret }] of Object.entries(APPS)) {
    const prefix = `INTEGRATION_TESTS_APP_${cluster.toUpperCase()}`;
    Object.assign(env, { [`${prefix}_APP_ID`]: id, [`${prefix}_KEY`]: key, [`${prefix}_SECRET`]: secret });
  }
  const child = spawn("node", ["index.js"], { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  // One line per port.
  let listening = 0;
  const ready = new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", () => (listening += 1) === 2 && resolve(undefined));
    const late = () => reject(new Error(`the suite's application server did not listen within ${DEADLINE_MS} ms`));
    setTimeout(late, DEADLINE_MS).unref();
  });
  await ready;
  return async () => {
    child.kill();
    await exited;
  };
}
