// A contact's attributes: as many rows as wanted.

const rows = document.getElementById("attributes");
const more = document.getElementById("add-attribute");

if (more) {
  more.hidden = false;
  more.addEventListener("click", () => {
    const row = rows.lastElementChild.cloneNode(true);
    for (const input of row.querySelectorAll("input")) input.value = "";
    rows.append(row);
    row.querySelector("input").focus();
  });
}
