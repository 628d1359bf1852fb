// What pages do beyond links and forms. Each piece stands alone, and every page works without.

// Times in the reader's own zone; the exact one stays on hover.
for (const time of document.querySelectorAll("time[datetime]")) {
  const at = new Date(time.dateTime);
  if (!Number.isNaN(at.valueOf())) {
    time.textContent = at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
  }
}

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
