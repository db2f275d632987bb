"use strict";
// Refreshes the live part while somebody looks; everything works without it.
(() => {
  const every = 5000;
  const refresh = async () => {
    const live = document.getElementById("live");
    if (!live || document.hidden) return;
    try {
      const url = new URL(location.href);
      url.searchParams.set("live", "1");
      const answer = await fetch(url, { headers: { Accept: "text/html" }, redirect: "error" });
      if (!answer.ok) {
        if (answer.status === 401) location.reload();
        return;
      }
      const text = await answer.text();
      const made = new DOMParser().parseFromString(text, "text/html").body;
      const focused = live.contains(document.activeElement) ? document.activeElement.id : "";
      if (made.innerHTML === live.dataset.last) return;
      live.dataset.last = made.innerHTML;
      // What is announced stays the same element, so that only a change is read out.
      const old = document.getElementById("summary"), next = made.querySelector("#summary");
      if (old && next) {
        if (old.textContent !== next.textContent) old.textContent = next.textContent;
        next.replaceWith(old);
      }
      for (const open of live.querySelectorAll("details[open][id]")) {
        made.querySelector("#" + open.id)?.setAttribute("open", "");
      }
      live.replaceChildren(...made.childNodes);
      if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    } catch {
      // The daemon is away; the next try may find it again.
    }
  };
  setInterval(refresh, every);
  document.addEventListener("visibilitychange", refresh);
})();
