// What pages do beyond links and forms. Everything here is a convenience: without it each page still works.
(() => {
  const busy = () => document.getElementById("busy");
  const setBusy = (on) => busy()?.classList.toggle("is-busy", on);

  // One open menu or note at a time; Escape and a tap elsewhere close it.
  const floats = () => document.querySelectorAll("details.menu[open], details.tap[open], details.source[open]");
  document.addEventListener("click", (event) => {
    floats().forEach((one) => { if (!one.contains(event.target)) one.open = false; });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      floats().forEach((one) => { one.open = false; one.querySelector("summary")?.focus(); });
    }
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const box = document.querySelector("[data-find]") || document.getElementById("top-find");
      if (box) { event.preventDefault(); box.focus(); box.select(); }
    }
    if ((event.key === "j" || event.key === "k") && !typing) moveRow(event.key === "j" ? 1 : -1);
  });

  // j and k walk through the rows of a list; Enter opens the row's link.
  function moveRow(step) {
    const links = [...document.querySelectorAll("table[data-rows] tbody a.row-link")];
    if (!links.length) return;
    const at = links.indexOf(document.activeElement);
    links[Math.min(Math.max(at + step, 0), links.length - 1)].focus();
  }

  // A row is as wide a target as its link.
  document.addEventListener("click", (event) => {
    const row = event.target.closest("table[data-rows] tbody tr");
    if (!row || event.target.closest("a, button, summary, details, input, label") || getSelection().toString()) return;
    row.querySelector("a.row-link")?.click();
  });

  // Filters apply when they change; the button stays for those without scripts.
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-auto]");
    if (form) form.requestSubmit();
  });

  // Say that something is under way; do not let a form go twice.
  document.addEventListener("submit", (event) => {
    setBusy(true);
    const button = event.submitter;
    if (button && event.target.method === "post" && !event.target.hasAttribute("hx-post")) {
      setTimeout(() => { button.disabled = true; }, 0);
    }
  });
  addEventListener("pageshow", () => {
    setBusy(false);
    document.querySelectorAll("button[disabled]:not([data-disabled])").forEach((one) => { one.disabled = false; });
  });
  document.addEventListener("htmx:beforeRequest", () => setBusy(true));
  document.addEventListener("htmx:afterRequest", () => setBusy(false));
  document.addEventListener("htmx:sendError", () => {
    setBusy(false);
    const note = document.getElementById("offline-note");
    if (note) note.hidden = false;
  });

  // A revealed value goes back behind its mask when its time is over.
  const masks = new WeakMap();
  document.addEventListener("htmx:beforeSwap", (event) => {
    const form = event.detail.elt;
    const landed = new URL(event.detail.xhr.responseURL, location.href);
    if (landed.pathname !== new URL(event.detail.pathInfo.requestPath, location.href).pathname) {
      event.detail.shouldSwap = false;  // sent elsewhere, to name a purpose for instance: go there
      location.href = landed;
    } else if (form.matches("form[hx-swap='outerHTML']")) {
      const box = document.createElement("span");
      box.className = "reveal-box";
      form.before(box);
      box.append(form);
      event.detail.target = form;
      masks.set(box, form.cloneNode(true));
    }
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    document.querySelectorAll("[data-hide-after]").forEach((one) => {
      const box = one.closest(".reveal-box");
      setTimeout(() => {
        box.replaceChildren(masks.get(box));
        htmx.process(box);
      }, Number(one.dataset.hideAfter) * 1000);
      one.removeAttribute("data-hide-after");
    });
  });
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.elt.matches("form")) event.detail.elt.submit();  // show the answer as a page of its own
  });

  // Print buttons.
  document.addEventListener("click", (event) => { if (event.target.closest("[data-print]")) print(); });
})();
