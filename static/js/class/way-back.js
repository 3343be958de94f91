/*
  way-back.js: on a page that the class was sent to, a link back to the phone's page. Only in a tab that came from there.
*/

try {
  if (sessionStorage.getItem("lab-from-class") !== null && document.body.dataset.here !== "phone") {
    const link = document.createElement("a");
    link.className = "button button-small way-back";
    link.href = "/phone";
    link.textContent = "← Back to the class";
    document.querySelector(".site-head-row")?.after(link);
  }
} catch { /* storage is refused: then nobody was sent here by it */ }
