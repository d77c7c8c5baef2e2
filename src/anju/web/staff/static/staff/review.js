// Keys for pages that are worked through: an element says in data-key which key presses it. Without this the buttons do.
(() => {
  const pressed = (key) => [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key.split(" ").includes(key));
  let gone = false;  // one key, one answer: what is held down does not answer the next pair
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const typing = event.target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
    if (typing) {
      if (event.key === "Escape") { event.target.blur(); event.preventDefault(); }
      return;
    }
    if (event.key.toLowerCase() === "w") {
      const why = document.getElementById("why");
      if (why) { event.preventDefault(); why.focus(); }
      return;
    }
    if (event.key === "Enter" && event.target.closest("a, button, summary")) return;
    const found = pressed(event.key.length === 1 ? event.key.toLowerCase() : event.key);
    if (!found || gone) return;
    event.preventDefault();
    gone = true;
    found.click();
  });
  addEventListener("pageshow", () => { gone = false; });

  // What was revealed goes back behind its mask by itself.
  document.querySelectorAll("[data-back-after]").forEach((one) => {
    setTimeout(() => location.replace(one.dataset.backTo), Number(one.dataset.backAfter) * 1000);
  });
})();
