// Visits what runs in a container's root, from outside of the root: node inside.mjs ROOT UID:GID ENV ENTRYPOINT
import { visit } from "./visit.mjs";

const [root, user, env, entrypoint] = process.argv.slice(2);
const [uid, gid] = user.split(":");
// In the name space of processes that this runs in; the first who comes in mounts it.
const enter = ["sh", "-ec", 'mountpoint -q "$0/proc" || mount -t proc none "$0/proc"; exec "$@"', root, "chroot", `--userspec=${uid}:${gid}`, root];
const found = await visit([...enter, ...JSON.parse(entrypoint)], "/", { PATH: process.env.PATH, ...JSON.parse(env) });
console.log(JSON.stringify(found));
