// Shows how many images are ahead in the queue; without it the form works all the same.
"use strict";
const form = document.getElementById("form");
form.addEventListener("submit", () => {
  const state = document.getElementById("state");
  state.textContent = "sending the image";
  const ask = async () => {
    try {
      const answer = await fetch(`/queue/${form.dataset.ticket}`, { cache: "no-store" });
      if (answer.ok) {
        const { before } = await answer.json();
        state.textContent = before ? `${before} ahead of this image` : "reading the image";
      }
    } catch { return; }
    setTimeout(ask, 1000);
  };
  setTimeout(ask, 500);
});
