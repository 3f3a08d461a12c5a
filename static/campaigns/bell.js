// The bell of the header: its panel, its count, live over a WebSocket of its own. Without this script it is a link to
// the page of notifications. What is shown comes from the server, in the reader's language.
document.addEventListener("DOMContentLoaded", () => {
  const bell = document.getElementById("bell");
  if (!bell) return;
  const button = document.getElementById("bell-button");
  const panel = document.getElementById("bell-panel");
  const badge = button.querySelector(".pg-bell-badge");
  const said = document.getElementById("bell-said");

  const isOpen = () => !panel.hidden;

  function show({ badge: count, label }, aloud = false) {
    badge.textContent = count;
    badge.hidden = !count;
    button.setAttribute("aria-label", label);
    button.title = label;
    if (aloud) said.textContent = label;
  }

  // The panel as it is now; null where the session has ended.
  async function fetchPanel() {
    const response = await fetch(bell.dataset.panel, { cache: "no-store" });
    if (!response.ok || response.redirected) return null;
    const template = document.createElement("template");
    template.innerHTML = await response.text();
    return template.content;
  }

  // Tells the server that what is shown in `part` has been seen. It stays marked there until it is shown again.
  async function markSeen(part, csrf) {
    const ids = [...part.querySelectorAll("[data-unread]")].map((one) => one.dataset.unread);
    if (!ids.length || !csrf) return;
    const body = new URLSearchParams(ids.map((id) => ["id", id]));
    const headers = { "X-CSRFToken": csrf, Accept: "application/json" };
    const response = await fetch(bell.dataset.read, { method: "POST", body, headers });
    if (response.ok && !response.redirected) show(await response.json());
  }

  const tokenIn = (part) => part.querySelector("input[name=csrfmiddlewaretoken]")?.value;

  async function fill(aloud) {
    const content = await fetchPanel();
    if (!content) return false;
    show(content.querySelector("[data-bell]").dataset, aloud);
    if (isOpen()) {
      panel.replaceChildren(content);
      await markSeen(panel, tokenIn(panel));
    }
    return true;
  }

  async function open() {
    panel.hidden = false;
    button.setAttribute("aria-expanded", "true");
    panel.setAttribute("aria-busy", "true");
    const filled = await fill(false).catch(() => false);
    panel.removeAttribute("aria-busy");
    if (!filled) location.assign(button.href);
    else if (isOpen()) panel.focus();
  }

  function close(takesFocus) {
    panel.hidden = true;
    button.setAttribute("aria-expanded", "false");
    if (takesFocus) button.focus();
  }

  button.setAttribute("role", "button");
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-controls", panel.id);
  button.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // in a tab of its own
    event.preventDefault();
    if (isOpen()) close(true);
    else open();
  });
  button.addEventListener("keydown", (event) => {
    if (event.key !== " ") return;
    event.preventDefault();
    button.click();
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && isOpen() && close(true));
  document.addEventListener("click", (event) => isOpen() && !event.composedPath().includes(bell) && close(false));
  bell.addEventListener("focusout", (event) => {
    if (isOpen() && event.relatedTarget && !bell.contains(event.relatedTarget)) close(false);
  });

  const page = document.querySelector("[data-sees]");
  if (page) markSeen(page, tokenIn(page)).catch(() => {});

  let wait = 1_000;
  function listen() {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${bell.dataset.socket}`);
    const pings = setInterval(() => socket.readyState === 1 && socket.send('{"type": "ping"}'), 25_000);
    socket.onopen = () => {
      if (wait > 1_000) fill(true).catch(() => {}); // what was told meanwhile
      wait = 1_000;
    };
    socket.onmessage = ({ data }) => JSON.parse(data).type === "notification" && fill(true).catch(() => {});
    socket.onclose = ({ code }) => {
      clearInterval(pings);
      if (code === 4401 || code === 4404) return;
      setTimeout(listen, wait);
      wait = Math.min(2 * wait, 60_000);
    };
  }
  listen();
});
