/*
  unread.js: what came while nobody looked. Looking means: the window is visible and the log is at its end.
  Otherwise the first new message gets a line above it, the title a number, and the log a button to the end.
*/

/**
 * @param {object} options
 * @param {HTMLOListElement} options.list
 * @param {HTMLButtonElement} options.button
 * @param {ReturnType<typeof import("./log.js").createLog>} options.log
 */
export function createUnread({ list, button, log }) {
  const title = document.title;
  const line = document.createElement("li");
  line.className = "unread-line";
  line.textContent = "New messages";
  let count = 0;

  function show() {
    document.title = count > 0 ? `(${count}) ${title}` : title;
    button.hidden = count === 0 || log.atBottom();
    button.textContent = count === 1 ? "1 new message ↓" : `${count} new messages ↓`;
  }

  function looked() {
    if (document.hidden || !log.atBottom()) return;
    count = 0;
    show();
  }

  list.addEventListener("scroll", looked, { passive: true });
  document.addEventListener("visibilitychange", looked);
  button.addEventListener("click", () => {
    log.toBottom();
    list.focus();
    looked();
  });

  return {
    /** @param {HTMLLIElement} entry  a message of somebody else that has just been added  @param {boolean} wasAtBottom */
    arrived(entry, wasAtBottom) {
      if (!document.hidden && wasAtBottom) return;
      if (count === 0) entry.before(line);
      count += 1;
      show();
    },
    /** The visitor wrote something: everything above has been read. */
    answered() {
      line.remove();
      count = 0;
      show();
    },
  };
}
