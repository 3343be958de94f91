/*
  navigation.js: the menu "More" of the header. It opens by itself, being <details>; here it is closed again by
  Escape, which gives the focus back, by a click elsewhere, and when the focus leaves it.
*/

const more = document.querySelector("details.site-more");

if (more instanceof HTMLDetailsElement) {
  const close = () => { more.open = false; };
  more.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !more.open) return;
    close();
    more.querySelector("summary")?.focus();
  });
  more.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget instanceof Node && !more.contains(relatedTarget)) close();
  });
  document.addEventListener("pointerdown", ({ target }) => {
    if (target instanceof Node && !more.contains(target)) close();
  });
}
