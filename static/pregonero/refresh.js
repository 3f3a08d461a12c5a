// Brings the parts of a page that are marked data-refresh up to date, by asking for the page again:
// what is shown is rendered in one place, by the server.

// The fresh page; null where it is not to be had any more: the session has ended, or the thing is gone.
export async function refresh() {
  const response = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
  if (response.status === 404 || response.status === 403 || response.redirected) return null;
  if (!response.ok) throw new Error(`status ${response.status}`);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const part of document.querySelectorAll("[data-refresh]")) {
    const now = fresh.getElementById(part.id);
    if (now && !now.isEqualNode(part)) part.replaceWith(document.adoptNode(now));
  }
  return fresh;
}
