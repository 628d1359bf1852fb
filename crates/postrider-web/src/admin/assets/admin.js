// What pages do beyond links and forms. Each piece stands alone, and every page works without.

// Times in the reader's own zone; the exact one stays on hover.
function localise(within) {
  for (const time of within.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.valueOf())) {
      time.textContent = at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
    }
  }
}
localise(document);

async function copy(button, text) {
  await navigator.clipboard.writeText(text);
  const said = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = said; }, 1500);
}
for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button, button.dataset.copy));
}
for (const button of document.querySelectorAll("[data-copy-from]")) {
  button.hidden = false;
  const from = document.getElementById(button.dataset.copyFrom);
  button.addEventListener("click", () => copy(button, from.textContent));
}
for (const button of document.querySelectorAll("[data-copy-link]")) {
  const shown = document.querySelector("[data-link]");
  shown.textContent = location.origin + shown.dataset.link;
  button.hidden = false;
  button.addEventListener("click", () => copy(button, shown.textContent));
}

// One menu at a time; Escape and a click elsewhere close it.
const menus = [...document.querySelectorAll("details.menu")];
document.addEventListener("click", (event) => {
  for (const menu of menus) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  const open = event.key === "Escape" && menus.find((menu) => menu.open);
  if (open) { open.open = false; open.querySelector("summary").focus(); }
});

// Event types: a whole family ticks its types, and the list can be searched.
for (const types of document.querySelectorAll("[data-types]")) {
  for (const family of types.querySelectorAll(".family")) {
    const whole = family.querySelector("[data-whole]");
    const each = [...family.querySelectorAll("[data-type] input")];
    whole.addEventListener("change", () => each.forEach((tick) => { tick.checked = whole.checked; }));
    for (const tick of each) {
      tick.addEventListener("change", () => { if (!tick.checked) whole.checked = false; });
    }
  }
  const find = types.querySelector("[data-find]");
  find.closest("label").hidden = false;
  find.addEventListener("input", () => {
    const words = find.value.toLowerCase();
    for (const family of types.querySelectorAll(".family")) {
      let any = false;
      for (const type of family.querySelectorAll("[data-type]")) {
        type.hidden = !type.textContent.toLowerCase().includes(words);
        any ||= !type.hidden;
      }
      family.hidden = !any;
    }
  });
}

// A filter that is chosen is applied; what is typed waits for Enter or the button.
for (const form of document.querySelectorAll("form.search")) {
  for (const choice of form.querySelectorAll("[name=status],[name=event_type]")) {
    choice.addEventListener("change", () => form.requestSubmit());
  }
  // Fields that say nothing stay out of the address, which people share.
  form.addEventListener("formdata", (event) => {
    const all = [...event.formData];
    const hasValue = all.some(([name, value]) => name === "value" && value);
    for (const [name, value] of all) if (!value || (name === "find" && !hasValue)) event.formData.delete(name);
  });
}

// Deliveries that arrive or move while one looks. What one reads stays where it is: rows change in
// place, and new ones wait behind a button unless the top of the table is in view.
const IDLE_MS_MAX = 15 * 60 * 1000;
const ROWS_MAX = 200;
for (const live of document.querySelectorAll("[data-live]")) {
  const body = live.querySelector("tbody");
  const button = live.querySelector(".fresh button");
  let waiting = [];
  const row = (id) => body.querySelector(`[data-id="${CSS.escape(id)}"]`);
  const show = () => {
    live.querySelector("[data-empty]")?.remove();
    live.querySelector(".scroll").hidden = false;
    body.prepend(...waiting);
    waiting = [];
    button.hidden = true;
    while (body.rows.length > ROWS_MAX) body.rows[ROWS_MAX].remove();
  };
  button.addEventListener("click", () => { show(); body.rows[0]?.querySelector("a").focus(); });
  const take = (event) => {
    const sent = document.createElement("template");
    sent.innerHTML = `<table><tbody>${event.data}</tbody></table>`;
    const fresh = [];
    for (const next of sent.content.querySelectorAll("tr")) {
      localise(next);
      const known = row(next.dataset.id);
      if (!known) fresh.push(next);
      else if (known.dataset.standing !== next.dataset.standing) {
        if (known.contains(document.activeElement)) {
          known.cells[0].replaceWith(next.cells[0]);
          known.dataset.standing = next.dataset.standing;
        } else known.replaceWith(next);
      }
    }
    waiting = fresh;
    if (waiting.length === 0) { button.hidden = true; return; }
    const atTop = body.rows.length === 0 || live.getBoundingClientRect().top >= 0;
    if (atTop && !body.contains(document.activeElement)) { show(); return; }
    button.textContent = waiting.length === 1 ? "1 new delivery" : `${waiting.length} new deliveries`;
    button.hidden = false;
  };
  // Asking keeps the session alive, so it ends when nobody is there.
  let source = null;
  let seen = Date.now();
  const open = () => {
    seen = Date.now();
    if (source || document.hidden) return;
    source = new EventSource(live.dataset.live);
    source.addEventListener("message", take);
    source.addEventListener("error", () => {
      if (Date.now() - seen > IDLE_MS_MAX || source?.readyState === EventSource.CLOSED) close();
    });
  };
  const close = () => { source?.close(); source = null; };
  document.addEventListener("visibilitychange", () => { if (document.hidden) close(); else open(); });
  for (const kind of ["pointerdown", "keydown", "wheel"]) addEventListener(kind, open, { passive: true });
  addEventListener("pagehide", close);
  open();
}

// The preview of a body follows the form.
for (const preview of document.querySelectorAll("[data-preview-of]")) {
  const form = preview.closest("form");
  const asked = preview.querySelector("button");
  let turn = 0;
  const draw = async () => {
    const mine = ++turn;
    const answer = await fetch(asked.formAction, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const drawn = page.querySelector("[data-preview]");
    if (mine === turn && drawn) preview.querySelector("[data-drawn]").replaceChildren(drawn);
  };
  asked.addEventListener("click", (event) => { event.preventDefault(); draw(); });
  form.addEventListener("change", (event) => {
    if (event.target.matches("[name=additional_data],[name=preview_type]")) draw();
  });
}
