/*
  identity.js: who this window is. The client id lives as long as the window (two windows are two members of a
  room); the name is remembered by the browser. Nothing here proves anything: the lab has no accounts.
*/

const CLIENT_KEY = "lab-client";
const NAME_KEY = "lab-name";

/** An id nobody else has; works without HTTPS, where crypto.randomUUID does not exist. */
export function newId() {
  return Array.from(crypto.getRandomValues(new Uint32Array(3)), (part) => part.toString(36)).join("-");
}

/** @returns {string} */
export function clientId() {
  const id = read(sessionStorage, CLIENT_KEY) ?? `chat-${newId()}`;
  write(sessionStorage, CLIENT_KEY, id);
  return id;
}

/** @returns {string} in a tab that a class was sent here from, its name there; else the remembered name, or a made-up one to start with */
export function rememberedName() {
  const inClass = nameInClass();
  if (inClass !== null) return inClass;
  const name = read(localStorage, NAME_KEY) ?? `Guest ${100 + Math.floor(Math.random() * 900)}`;
  rememberName(name);
  return name;
}

/** As the phone's page has it (class/phone/page.js and page-link.js). */
function nameInClass() {
  const from = read(sessionStorage, "lab-from-class");
  try {
    const kept = JSON.parse(read(localStorage, "lab-class") ?? "null");
    return from !== null && kept?.of === from && typeof kept.name === "string" ? String(kept.name) : null;
  } catch {
    return null;
  }
}

/** @param {string} name */
export function rememberName(name) {
  write(localStorage, NAME_KEY, name);
}

/** Storage may be refused (private windows, policies): then it is forgotten with the page.
 * @param {Storage} storage  @param {string} key */
function read(storage, key) {
  try { return storage.getItem(key); } catch { return null; }
}

/** @param {Storage} storage  @param {string} key  @param {string} value */
function write(storage, key, value) {
  try { storage.setItem(key, value); } catch { /* see read */ }
}
