// The upload of contacts: the chosen file's name stands where it was dropped.

const drop = document.getElementById("drop");
const input = drop.querySelector("input");
input.hasChangeListener = true; // of the frame's, which looks for a text box beside the file
document.documentElement.classList.add("pg-scripted");

const show = () => {
  const file = input.files[0];
  document.getElementById("file-name").textContent = file ? file.name : "";
  drop.classList.toggle("pg-drop-filled", Boolean(file));
};

input.addEventListener("change", show);
for (const name of ["dragenter", "dragleave", "drop"]) {
  input.addEventListener(name, () => drop.classList.toggle("pg-drop-over", name === "dragenter"));
}
show(); // going back keeps the file
