// Whether this browser's visitor has looked at bytes before: then the lab is asked to keep those of the next run as well,
// from whichever tab it is started.

const KEY = "pushlab-wants-bytes";

export function rememberBytes() {
  try {
    localStorage.setItem(KEY, "yes");
  } catch {
    // Where nothing can be kept, the bytes are kept of runs that are started from their tabs.
  }
}

export function wantsBytes() {
  try {
    return localStorage.getItem(KEY) !== null;
  } catch {
    return false;
  }
}
