// Says how many are before this picture; without it the form works all the same.
"use strict";
const form = document.getElementById("form");
form.addEventListener("submit", () => {
  const state = document.getElementById("state");
  state.textContent = "sending the picture";
  const ask = async () => {
    try {
      const answer = await fetch(`/queue/${form.dataset.ticket}`, { cache: "no-store" });
      if (answer.ok) {
        const { before } = await answer.json();
        state.textContent = before ? `${before} before this picture` : "reading the picture";
      }
    } catch { return; }
    setTimeout(ask, 1000);
  };
  setTimeout(ask, 500);
});
