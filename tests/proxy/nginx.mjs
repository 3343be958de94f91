// A real nginx before every lane of a lab. The configuration is the one that docs/operations.md documents.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { portOf } from "../browser/lab.mjs";

export const NGINX_MISSING = "no nginx; on Debian: apt-get install nginx-light";

/** @returns {string | undefined} */
export function findNginx() {
  return ["nginx", "/usr/sbin/nginx"].find((program) => spawnSync(program, ["-v"]).status === 0);
}

/** What WebSockets need, beside nginx's defaults: it speaks HTTP/1.0 to upstreams and drops `Upgrade`. */
export const DOCUMENTED = `
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;`;

/** Much copied: it says \`upgrade\` on every request. */
export const COPIED = `
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_set_header Host $host;`;

/** Compresses whatever it can: nginx does not look at `no-transform`. */
export const GZIP = `
      gzip on;
      gzip_types *;
      gzip_proxied any;
      gzip_min_length 0;
      gzip_http_version 1.0;`;

/**
 * Starts one nginx with a server for each upstream.
 * @param {Record<string, {url: string, lines?: string}>} upstreams  lines: in its \`location /\`
 * @returns {Promise<{lanes: Record<string, string>, stop: () => Promise<void>}>}
 */
export async function startNginx(upstreams) {
  const folder = mkdtempSync(path.join(tmpdir(), "pushlab-nginx-"));
  const names = Object.keys(upstreams);
  const ports = await freePorts(names.length);
  // By default nginx names the upstream as the host, and a lab answers under no name that it does not know.
  const servers = Object.values(upstreams).map(({ url, lines = "" }, index) => `
  upstream lane${index} { server ${new URL(url).host}; keepalive 16; }
  server {
    listen 127.0.0.1:${ports[index]};
    location / {
      proxy_pass http://${lines.includes("Host") ? `lane${index}` : new URL(url).host};${lines}
    }
  }`);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `  ${kind}_temp_path ${folder}/${kind};`);
  const file = path.join(folder, "nginx.conf");
  writeFileSync(file, `daemon off;
worker_processes 1;
pid ${folder}/pid;
error_log ${folder}/error.log;
events { worker_connections 1024; }
http {
${temporary.join("\n")}
  access_log off;
  map $http_upgrade $connection_upgrade { default upgrade; "" ""; }
${servers.join("\n")}
}
`);
  const child = spawn(findNginx() ?? "nginx", ["-c", file, "-p", folder, "-e", `${folder}/error.log`], { stdio: "ignore" });
  const exited = once(child, "exit");
  const ended = exited.then(() => {
    throw new Error(`nginx ended: ${readFileSync(`${folder}/error.log`, "utf8")}`);
  });
  ended.catch(() => {});
  await Promise.race([ended, Promise.all(ports.map(listening))]);
  return {
    lanes: Object.fromEntries(names.map((name, index) => [name, `http://127.0.0.1:${ports[index]}`])),
    stop: async () => {
      child.kill("SIGTERM");
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Ports that were free a moment ago: nginx cannot say which one the system chose. */
async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map(portOf);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}

/** Resolves once something accepts there. */
async function listening(port) {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; ) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    } finally {
      socket.destroy();
    }
  }
  throw new Error(`nginx did not listen on ${port}`);
}
