// Rooms of Linux in which a program is alone: no network but the loopback, and folders that are empty.
// It takes `unshare` and `ip`, and the right to make namespaces: root's, or a kernel that gives it to everybody.

import { spawnSync } from "node:child_process";

const UNSHARE = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", ...(process.getuid?.() === 0 ? [] : ["--map-root-user"])];

/**
 * A command, as it is to be spawned to run without a network.
 * @param {string[]} command
 * @param {{hidden?: string[]}} [room]  folders that are empty there
 */
export function alone(command, { hidden = [] } = {}) {
  const lines = ["ip link set lo up", "mount -t proc none /proc", ...hidden.map((folder) => `mount -t tmpfs none ${quoted(folder)}`)];
  return [...UNSHARE, "sh", "-ec", `${lines.join("; ")}; exec "$@"`, "sh", ...command];
}

/** @returns {string | undefined} why no such room can be made here */
export function noRoom() {
  const [program, ...args] = alone(["true"]);
  const { status, error, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status === 0) return undefined;
  return `no namespaces can be made here (${(error?.message ?? stderr).trim() || `exit ${status}`})`;
}

/** @param {string} text */
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
