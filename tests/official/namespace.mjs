// A network of our own, for suites whose host names and ports cannot be changed: they want
// ws-mt1.pusher.com and its like, ports 80, 443 and 3000.
//
// `enter` starts a program where there is no interface but the loopback, and where /etc/hosts
// names these hosts as 127.0.0.1. Nothing of it is seen outside, nothing inside reaches
// another machine, and both end with the program. It takes Linux, `unshare` and `ip`, and the
// right to make namespaces: root's, or a kernel that gives it to everybody.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { HOME } from "./install.mjs";

const CLUSTERS = ["mt1", "eu"];
const HOSTS = CLUSTERS.flatMap((cluster) => ["ws", "api", "sockjs"].map((part) => `${part}-${cluster}.pusher.com`));

/** Only IPv4 by name: the lab listens there, and some clients try ::1 first and only. */
const HOSTS_FILE = ["localhost", ...HOSTS].map((host) => `127.0.0.1 ${host}\n`).join("");

const UNSHARE = ["unshare", "--net", "--mount", ...(process.getuid?.() === 0 ? [] : ["--map-root-user"])];

/** @returns {string | undefined} why no such network can be made here */
export function noNamespace() {
  const [program, ...args] = inside("true", []);
  const { status, error, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status === 0) return undefined;
  return `no network namespace can be made here (${(error?.message ?? stderr).trim() || `exit ${status}`})`;
}

/** @returns {Promise<number>} the program's exit code */
export async function enter(program, args, env) {
  const [unshare, ...rest] = inside(program, args);
  const child = spawn(unshare, rest, { stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, ...env } });
  const [code] = await once(child, "close");
  return code ?? 1;
}

function inside(program, args) {
  const hosts = path.join(HOME, "hosts");
  mkdirSync(HOME, { recursive: true });
  writeFileSync(hosts, HOSTS_FILE);
  const prepare = 'ip link set lo up && mount --bind "$0" /etc/hosts && exec "$@"';
  return [...UNSHARE, "sh", "-c", prepare, hosts, program, ...args];
}
