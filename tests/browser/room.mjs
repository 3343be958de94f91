// A visitor in a chat room: the chat page by what a person sees and does there.

import assert from "node:assert/strict";
import { LANES, visit } from "./visit.mjs";

/** How long a cut connection may take to come back: an attempt that failed during the cut keeps pusher-js waiting for
 * the rest of its 15 s, however soon the network is whole again. */
const COMES_BACK = { timeout: 90_000 };

/** Rooms are the tests' own, so that no test sees another's messages. */
export function newRoom() {
  return `room-${process.pid}-${Math.random().toString(36).slice(2, 10)}`;
}

/**
 * Opens a room and waits until the page is connected.
 * @param {import("playwright-core").Browser} browser
 * @param {{url: string, room: string, lane: string, name: string,
 *          network?: Awaited<ReturnType<typeof import("./network.mjs").startNetwork>>}} where
 */
export async function enter(browser, { url, room, lane, name, network }) {
  const address = `${network?.url ?? url}/chat?room=${room}&transport=${lane}`;
  const remembered = [{ origin: new URL(address).origin, localStorage: [{ name: "lab-name", value: name }] }];
  const options = { storageState: { cookies: [], origins: remembered } };
  const visitor = await visit(browser, address, options, async (context) => network?.carry(context));
  const { page } = visitor;
  const log = page.getByRole("list", { name: "Messages" });
  const inChat = {
    ...visitor,
    name,
    log,

    /** Entries of the log that contain a text. @param {string} text */
    entry: (text) => log.getByRole("listitem").filter({ hasText: text }),

    /** @param {string} text */
    say: async (text) => {
      await page.getByRole("textbox", { name: "Message" }).fill(text);
      await page.getByRole("button", { name: "Send" }).click();
    },

    /** Waits for a text and makes sure that it is there once. @param {string} text */
    sees: async (text) => {
      await inChat.entry(text).first().waitFor();
      assert.equal(await inChat.entry(text).count(), 1, `${name} should see "${text}" once`);
    },

    /** Waits until the room has confirmed an own message: no state stands below it any more. @param {string} text */
    isConfirmed: async (text) => {
      await inChat.entry(text).filter({ hasNot: page.locator(".message-status") }).waitFor();
      await inChat.sees(text);
    },

    /** @param {"open" | "reconnecting"} state */
    isState: (state) => page.locator("#state").filter({ hasText: new RegExp(`^${state}$`) }).waitFor(COMES_BACK),

    /** Waits until "Who is here" lists exactly these people. @param {string[]} names */
    seesPeople: async (...names) => {
      const people = page.locator("#people .chat-person");
      await page.waitForFunction(
        (wanted) => {
          const shown = [...document.querySelectorAll("#people .chat-person")].map((person) => person.textContent);
          return JSON.stringify(shown.map((text) => text.replace(" (you)", "")).sort()) === JSON.stringify(wanted);
        },
        [...names].sort(),
      ).catch(async (error) => {
        throw new Error(`${name} should see ${names}, and sees ${await people.allTextContents()}`, { cause: error });
      });
    },

    /** @param {string} lane */
    chooses: async (lane) => {
      await page.getByRole("combobox", { name: "via transport" }).selectOption({ label: LANES[lane] });
      await inChat.isState("open");
    },
  };
  await inChat.isState("open");
  // The page would take its default where it does not know the lane.
  assert.equal(await page.locator("#transport").inputValue(), lane);
  return inChat;
}
