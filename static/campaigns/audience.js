// The audience of a campaign or a segment: built by hand here, kept as the API's JSON in the form's text field.

// From a value of the JSON to the row that shows it, and back.
const kindOf = (value) => (value === null ? "null" : typeof value === "object" ? "string" : typeof value);
const WITHOUT_TYPE = ["exists"];
// What no value of an attribute that is so can meet.
const UNFIT = { number: ["contains"], boolean: ["gt", "gte", "lt", "lte", "contains"] };
const ISO_DAY = /^(\d{4}-\d{2}-\d{2})?$/;
const COMPARED = ["gt", "gte", "lt", "lte"];

export class AudienceBuilder {
  // `field`: the text field with the JSON; `changed` is told of every change.
  constructor(root, field, attributes, words, changed) {
    Object.assign(this, { root, field, attributes, words, changed });
    this.kept = {}; // what the parts cannot show, such as labels that are no more
    for (const part of root.querySelectorAll(".pg-conditions")) {
      part.querySelector("[data-add]").addEventListener("click", () => this.addRow(part).querySelector("[data-key]").focus());
      part.addEventListener("input", () => this.write());
      part.addEventListener("change", () => this.write());
    }
    field.addEventListener("input", () => {
      this.read();
      changed();
    });
    this.read();
  }

  part(name) {
    return this.root.querySelector(`[data-part="${name}"]`);
  }

  // --- From the JSON -------------------------------------------------------------------------------

  read() {
    let audience;
    try {
      audience = JSON.parse(this.field.value || "{}");
    } catch {
      return; // somebody is writing it
    }
    if (audience === null || typeof audience !== "object") return;
    this.show(this.part("include"), audience);
    this.show(this.part("exclude"), audience.exclude ?? {});
    document.getElementById("exclude").open ||= Object.keys(audience.exclude ?? {}).length > 0;
  }

  show(part, conditions) {
    const labels = Array.isArray(conditions.labels) ? conditions.labels : [];
    const boxes = [...part.querySelectorAll("[data-label]")];
    for (const box of boxes) box.checked = labels.includes(box.dataset.label);
    const known = new Set(boxes.map((box) => box.dataset.label));
    // An empty list means nobody, which no row of boxes can say: it stays as it is until one is ticked.
    this.kept[part.dataset.part] = { labels: labels.filter((label) => !known.has(label)), isGiven: "labels" in conditions };
    const ids = Array.isArray(conditions.contact_ids) ? conditions.contact_ids : [];
    part.querySelector("[data-contacts]").value = ids.join(", ");
    part.querySelector("details").open ||= ids.length > 0;
    part.querySelector("[data-rows]").replaceChildren();
    for (const [key, condition] of Object.entries(conditions.custom_attributes ?? {})) this.addRow(part, key, condition);
  }

  addRow(part, key = "", condition = "") {
    const row = document.getElementById("condition-row").content.firstElementChild.cloneNode(true);
    const isOperator = condition !== null && typeof condition === "object";
    const op = isOperator ? condition.op : "eq";
    const value = isOperator ? condition.value : condition;
    const first = Array.isArray(value) ? value[0] : value;
    row.querySelector("[data-key]").value = key;
    row.querySelector("[data-op]").value = op;
    row.querySelector("[data-type]").value = kindOf(first ?? (value === null ? null : ""));
    row.querySelector("[data-value]").value = Array.isArray(value) ? value.join(", ") : (value ?? "");
    row.querySelector("[data-yes]").value = String(first === true || first === "");
    row.querySelector("[data-remove]").addEventListener("click", () => {
      row.remove();
      this.write();
    });
    row.querySelector("[data-key]").addEventListener("change", () => {
      const known = this.attributes[row.querySelector("[data-key]").value];
      if (known) row.querySelector("[data-type]").value = known.type;
      this.fit(row);
      this.write();
    });
    for (const select of row.querySelectorAll("[data-op], [data-type]")) select.addEventListener("change", () => this.fit(row));
    part.querySelector("[data-rows]").append(row);
    this.fit(row);
    return row;
  }

  // Shows what this comparison asks for.
  fit(row) {
    const find = (name) => row.querySelector(`[data-${name}]`);
    const op = find("op").value;
    const type = find("type");
    const kind = this.attributes[find("key").value]?.kind ?? "";
    for (const option of find("op").options) option.disabled = option.value !== op && (UNFIT[kind] ?? []).includes(option.value);
    if (COMPARED.includes(op) && !["string", "number"].includes(type.value)) type.value = "number";
    const isYesNo = WITHOUT_TYPE.includes(op) || (type.value === "boolean" && op !== "in");
    type.hidden = WITHOUT_TYPE.includes(op);
    find("yes").hidden = !isYesNo;
    find("value").hidden = isYesNo || type.value === "null";
    const isDay = kind === "date" && type.value === "string" && !["in", "contains"].includes(op) && ISO_DAY.test(find("value").value);
    find("value").type = isDay ? "date" : "text";
    find("value").placeholder = op === "in" ? this.words.listHint : "";
    find("value").inputMode = type.value === "number" ? "decimal" : "text";
    find("value").setAttribute("list", op === "in" ? "" : this.listOf(find("key").value));
  }

  // The id of a list of values that contacts have for this key.
  listOf(key) {
    const examples = this.attributes[key]?.examples ?? [];
    if (!examples.length) return "";
    const id = `values-${Object.keys(this.attributes).indexOf(key)}`;
    if (!document.getElementById(id)) {
      const list = document.createElement("datalist");
      list.id = id;
      list.append(...examples.map((example) => Object.assign(document.createElement("option"), { value: example })));
      document.getElementById("value-lists").append(list);
    }
    return id;
  }

  // --- To the JSON ----------------------------------------------------------------------------------

  write() {
    const audience = this.conditions(this.part("include"));
    const exclude = this.conditions(this.part("exclude"));
    if (Object.keys(exclude).length) audience.exclude = exclude;
    this.field.value = JSON.stringify(audience);
    this.changed();
  }

  conditions(part) {
    const conditions = {};
    const kept = this.kept[part.dataset.part];
    const ticked = [...part.querySelectorAll("[data-label]:checked")].map((box) => box.dataset.label);
    const labels = [...ticked, ...kept.labels];
    if (labels.length) conditions.labels = labels;
    const ids = part.querySelector("[data-contacts]").value.match(/\d+/g);
    if (ids) conditions.contact_ids = [...new Set(ids.map(Number))];
    const attributes = {};
    for (const row of part.querySelectorAll(".pg-row")) {
      const key = row.querySelector("[data-key]").value.trim();
      const condition = key ? this.condition(row) : undefined;
      if (condition !== undefined) attributes[key] = condition;
    }
    if (Object.keys(attributes).length) conditions.custom_attributes = attributes;
    return conditions;
  }

  // undefined while there is no value yet.
  condition(row) {
    const find = (name) => row.querySelector(`[data-${name}]`);
    const op = find("op").value;
    if (op === "exists") return { op, value: find("yes").value === "true" };
    const text = find("value").value;
    const type = find("type").value;
    const typed = (raw) => {
      if (type === "null") return null;
      if (type === "boolean") return op === "in" ? raw === "true" || raw === this.words.yes : find("yes").value === "true";
      if (type !== "number") return raw;
      const number = Number(raw.replace(",", "."));
      return raw.trim() === "" || Number.isNaN(number) ? raw : number;
    };
    delete row.dataset.bad;
    if (op === "in") {
      const values = text.split(",").map((one) => one.trim()).filter(Boolean);
      return values.length ? { op, value: values.map(typed) } : undefined;
    }
    if (!["boolean", "null"].includes(type) && text.trim() === "") return undefined;
    const value = typed(text);
    if (type === "number" && typeof value !== "number") row.dataset.bad = "";
    return op === "eq" ? value : { op, value };
  }
}
