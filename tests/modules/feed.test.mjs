// The feed of a class opens no stream after it was closed, nor while the browser keeps its page unseen.

import assert from "node:assert/strict";
import { test } from "node:test";

/** @type {FakeSource[]} */
const opened = [];
class FakeSource extends EventTarget {
  isClosed = false;
  readyState = 0;
  constructor(/** @type {string} */ url) {
    super();
    this.url = url;
    opened.push(this);
  }
  close() { this.isClosed = true; }
}

/** Answers to `GET /api/class`, in the order they were asked. @type {((answer: Response) => void)[]} */
const asked = [];
const STATE = JSON.stringify({ revision: 1, class: "one" });

const page = Object.assign(new EventTarget(), { setTimeout: (/** @type {() => void} */ then) => setTimeout(then, 0), setInterval: () => 0 });
const looked = Object.assign(new EventTarget(), { hidden: false });
Object.assign(globalThis, {
  window: page, document: looked, EventSource: FakeSource, clearInterval: () => {},
  fetch: () => new Promise((resolve) => asked.push(resolve)),
});
const { startFeed } = await import("../../static/js/class/feed.js");

const turn = () => new Promise((resolve) => setTimeout(resolve, 5));
const event = (/** @type {string} */ name) => Object.assign(new Event(name), { persisted: true });
const open = () => opened.filter(({ isClosed }) => !isClosed).length;

/** Its stream broke, and it has asked why. */
async function broken() {
  opened.length = asked.length = 0;
  const feed = startFeed({ onState: () => {} });
  opened[0].dispatchEvent(new Event("error"));
  await turn();
  assert.equal(asked.length, 1);
  return { feed, answer: async () => { asked[0](new Response(STATE)); await turn(); } };
}

test("a stream that broke is opened again after the answer", async () => {
  const { feed, answer } = await broken();
  await answer();
  assert.equal(open(), 1);
  feed.close();
  assert.equal(open(), 0);
});

test("an answer that comes after close() opens none", async () => {
  const { feed, answer } = await broken();
  feed.close();
  await answer();
  assert.equal(open(), 0);
});

test("a page that is kept unseen opens none, and one when it is seen again", async () => {
  const { feed, answer } = await broken();
  page.dispatchEvent(event("pagehide"));
  await answer();
  assert.equal(open(), 0);
  page.dispatchEvent(event("pageshow"));
  assert.equal(open(), 1);
  feed.close();
});

test("why a stream was refused is told, in the server's words", async () => {
  opened.length = asked.length = 0;
  /** @type {string[]} */
  const told = [];
  const feed = startFeed({ onState: () => {}, onRefused: ({ status, code, hint }) => told.push(`${status} ${code}: ${hint}`) });
  Object.assign(opened[0], { readyState: 2 }).dispatchEvent(new Event("error"));
  await turn();
  asked[0](new Response(STATE));
  await turn();
  assert.equal(asked.length, 2);
  assert.equal(open(), 0, "it is asked before the next attempt");
  asked[1](new Response('{"error":{"code":"too_many_readers","message":"100 walls are open","hint":"Close one."}}', { status: 503 }));
  await turn();
  assert.deepEqual(told, ["503 too_many_readers: Close one."]);
  assert.equal(open(), 1);
  feed.close();
});
