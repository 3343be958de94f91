/*
  way-back.js: on a page that the class was sent to, a link back to the phone's page. Only in a tab that came from there:
  for everybody else this looks once and does nothing.
*/

let from = null;
try { from = sessionStorage.getItem("lab-from-class"); } catch { /* storage is refused: then nobody was sent here by it */ }

if (from !== null) {
  const link = document.createElement("a");
  link.className = "button way-back";
  link.href = "/phone";
  link.textContent = "← Back to the class";
  document.querySelector(".site-head-row")?.after(link);
  void import("./phone/away.js").then(({ stayInClass }) => stayInClass());
}

export {};
