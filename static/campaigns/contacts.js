// The list of contacts: one tick for the whole page, and how many are ticked.

import { fill } from "../pregonero/words.js";

const form = document.getElementById("bulk");
if (form) {
  const all = document.getElementById("tick-all");
  const said = document.getElementById("ticked");
  const ticks = [...form.querySelectorAll("input[name=id]")];

  const show = () => {
    const count = ticks.filter((tick) => tick.checked).length;
    all.checked = count === ticks.length;
    all.indeterminate = count > 0 && count < ticks.length;
    said.textContent = count ? fill(said.dataset.words, { count }) : "";
  };

  all.addEventListener("change", () => {
    for (const tick of ticks) tick.checked = all.checked;
    show();
  });
  form.addEventListener("change", show);
  show();
}
