"use strict";
/* The list of a kind's samples: filters, order, cards, and the sample that is open. */

const CARDS = 24;

/** Return the chosen range of a column of numbers as [low, high], null for all of it. */
function rangeOf(query, name) {
  const wanted = query.get(name)?.split("..").map(Number);
  return wanted?.length === 2 && wanted.every((value) => !Number.isNaN(value)) ? wanted : null;
}

/** Tell whether a sample has a word of a column of words, or of sets of words. */
const has = (column, place, code) => (column.sets ? (column.sets[place] >>> code) & 1 : column.codes[place] === code);

/** Return the places that the query's filters leave, in the order they are written in. */
function matching(found, query) {
  const tests = [];
  for (const column of found.columns) {
    const range = column.words ? null : rangeOf(query, column.name);
    if (column.words && query.has(column.name)) {
      const code = column.words.indexOf(query.get(column.name));
      tests.push((place) => code >= 0 && has(column, place, code));
    } else if (range) {
      // a little slack: a handle's number is rounded on its way through the address
      const slack = (range[1] - range[0]) * 1e-6;
      tests.push((place) => column.values[place] >= range[0] - slack && column.values[place] <= range[1] + slack);
    }
  }
  const id = query.get("id")?.trim().toLowerCase();
  if (id) tests.push((place) => found.ids[place].startsWith(id));
  const places = [];
  for (let place = 0; place < found.number; place += 1) {
    if (tests.every((test) => test(place))) places.push(place);
  }
  return places;
}

const usualOrder = (name) => summary.kinds[name].order;

/** Return places in the wanted order: as written, mixed (by id, a hash), or by a column of numbers, unknown ones last. */
function inOrder(found, places, wanted) {
  if (wanted === "written") return places;
  if (wanted === "mixed") {
    const { ids } = found;
    return [...places].sort((a, b) => (ids[a] < ids[b] ? -1 : ids[a] > ids[b] ? 1 : a - b));
  }
  const column = found.byName[wanted.replace("-", "")];
  if (!column?.values) return places;
  const sign = wanted.startsWith("-") ? -1 : 1;
  const key = (place) => (Number.isNaN(column.values[place]) ? Infinity : sign * column.values[place]);
  return [...places].sort((a, b) => key(a) - key(b) || a - b || 0);
}

function orders(found) {
  const names = { written: "as written", mixed: "mixed" };
  for (const column of found.columns.filter((one) => one.values)) {
    names[`-${column.name}`] = `most ${column.label}`;
    names[column.name] = `least ${column.label}`;
  }
  return names;
}

function Explorer({ name, words }) {
  const route = useRoute();
  const last = useRef(route.section === name ? route : routeOf(`#${name}`));
  if (route.section === name) last.current = route;
  const { value: found, error } = useKind(name);
  if (error) return h(Failure, { error });
  if (!found) return h(Waiting);
  if (!found.number) return h("p", { className: "plain" }, `There are no ${words}.`);
  return h(Listed, { found, words, query: last.current.query, sample: route.section === name ? route.sample : "" });
}

function Listed({ found, words, query, sample }) {
  const { name } = found;
  const filters = filterKey(query);
  const places = useMemo(() => matching(found, query), [found, filters]);
  const wanted = query.get("sort") ?? usualOrder(name);
  const order = useMemo(() => inOrder(found, places, wanted), [places, wanted]);
  const pages = Math.max(1, Math.ceil(order.length / CARDS));
  const at = Math.min(Math.max(1, Number(query.get("at")) || 1), pages);
  const change = (changes) => {
    const next = new URLSearchParams(query);
    next.delete("at");
    for (const [key, value] of Object.entries(changes)) {
      if (value === null || value === "") next.delete(key);
      else next.set(key, value);
    }
    go(address(name, "", next), true);
  };
  const opened = sample ? found.find(sample) : undefined;
  return h(
    React.Fragment,
    null,
    h(Filters, { found, places, query, change, wanted }),
    h(
      "p",
      { className: "tally", role: "status" },
      h("b", null, order.length.toLocaleString("en")),
      ` of ${found.number.toLocaleString("en")} ${words}`,
      filters && h("button", { type: "button", onClick: () => go(address(name, "", new URLSearchParams()), true) }, "show all"),
    ),
    h(Cards, { found, places: order.slice((at - 1) * CARDS, at * CARDS), query }),
    !order.length && h("p", { className: "plain" }, "Nothing is like that. Widen a filter, or show all."),
    pages > 1 && h(Pager, { at, pages, turn: (to) => change({ at: to === 1 ? null : to }) }),
    sample && opened === undefined && h("p", { className: "warning", role: "alert" }, `No sample ${sample} is held here.`),
    opened !== undefined && h(Sample, { found, place: opened, order, query }),
  );
}

/** Return what of a query filters, as text, so that turning a page does not filter again. */
function filterKey(query) {
  return [...query].filter(([name]) => !["at", "sort", "show"].includes(name)).join("&");
}

function Filters({ found, places, query, change, wanted }) {
  const [id, setId] = useState(query.get("id") ?? "");
  useEffect(() => setId(query.get("id") ?? ""), [query.get("id")]);
  const classes = found.columns.filter((column) => column.words && column.words.length > 1 && column.words.length <= 200);
  const overlays = ["photographs", "synthetic"].includes(found.name);
  const named = (column) => {
    const counts = new Array(column.words.length).fill(0);
    if (column.codes) for (const code of column.codes) counts[code] += 1;
    else for (const set of column.sets) counts.forEach((_, code) => (counts[code] += (set >>> code) & 1));
    return Object.fromEntries([["", "any"], ...column.words.map((word, k) => [word, `${word || "none"} (${counts[k]})`])]);
  };
  const [open, setOpen] = useState(() => matchMedia("(min-width: 40rem)").matches);
  return h(
    "details",
    { className: "filters", open, onToggle: (event) => setOpen(event.currentTarget.open) },
    h("summary", null, "Filters and order"),
    h(
      "div",
      { className: "bar" },
      classes.map((column) =>
        h(ClassChoice, { key: column.name, column, named, value: query.get(column.name) ?? "", set: (word) => change({ [column.name]: word }) }),
      ),
      h(Choice, { label: "order", value: wanted, options: Object.keys(orders(found)), names: orders(found), set: (value) => change({ sort: value === usualOrder(found.name) ? null : value }) }),
      overlays && h(Choice, { label: "draw over them", value: query.get("show") ?? "", options: Object.keys(OVERLAYS), names: OVERLAYS, set: (value) => change({ show: value }) }),
      h(
        "label",
        { className: "choice" },
        h("span", null, "id"),
        h("input", { type: "search", value: id, size: 12, spellCheck: false, placeholder: "first digits", onChange: (event) => { setId(event.target.value); change({ id: event.target.value }); } }),
      ),
    ),
    h(
      "div",
      { className: "ranges" },
      found.columns.filter((column) => column.values).map((column) =>
        h(Between, {
          key: column.name,
          column,
          places,
          chosen: rangeOf(query, column.name),
          onChoose: (range) => change({ [column.name]: range && range.map((value) => Number(value.toPrecision(7))).join("..") }),
        }),
      ),
    ),
  );
}

function ClassChoice({ column, named, value, set }) {
  const names = useMemo(() => named(column), [column]);
  return h(Choice, { label: column.label, value, options: ["", ...column.words], names, set });
}

/** The cards of a page; arrow keys go from one to the next, up and down by rows. */
function Cards({ found, places, query }) {
  const list = useRef(null);
  const keyed = (event) => {
    const cards = [...list.current.querySelectorAll("a.card")];
    const from = cards.indexOf(document.activeElement);
    if (from < 0) return;
    const across = cards.findIndex((card) => card.offsetTop !== cards[0].offsetTop);
    const row = across < 0 ? cards.length : across;
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: row, ArrowUp: -row }[event.key];
    if (by === undefined || !cards[from + by]) return;
    event.preventDefault();
    cards[from + by].focus();
  };
  return h(
    "ul",
    { className: `cards ${found.name}`, ref: list, onKeyDown: keyed },
    places.map((place) => h("li", { key: place }, h(Card, { found, place, query }))),
  );
}

function Card({ found, place, query }) {
  const { value, error } = useRow(found.name, place);
  const href = address(found.name, found.key(place), query);
  if (error) return h(Failure, { error });
  if (!value) return h("a", { className: "card", href, "aria-busy": true }, h("div", { className: "frame blank" }), h("span", { className: "caption" }, "reading …"));
  const { row, pictures } = value;
  return h(
    "a",
    { className: "card", href },
    h(Preview, { found, row, pictures, show: query.get("show") }),
    h(
      "span",
      { className: "caption" },
      h("b", null, row.says),
      row.tags.filter(Boolean).map((tag) => h("span", { key: tag }, tag)),
      row.reason && h("em", null, row.reason),
    ),
  );
}

function Preview({ found, row, pictures, show }) {
  if (!row.pictures.length) return h("div", { className: "frame blank" }, h("span", null, "no image"));
  if (found.name === "pairs") return h("div", { className: "two" }, row.pictures.map((picture, k) => h("img", { key: k, src: pictures[picture.at], alt: "" })));
  if (found.name === "edits") {
    const steps = row.pictures.slice(0, 4);
    return h("div", { className: `many n${steps.length}` }, steps.map((picture, k) => h("img", { key: k, src: pictures[picture.at], alt: "" })));
  }
  return h(Shown, { picture: row.pictures[0], pictures, row, show, alt: "" });
}

function Pager({ at, pages, turn }) {
  const button = (to, words, label) => h("button", { type: "button", disabled: to < 1 || to > pages || to === at, onClick: () => turn(to), "aria-label": label }, words);
  return h(
    "nav",
    { className: "pager", "aria-label": "pages of samples" },
    button(1, "⇤", "first page"),
    button(at - 1, "←", "previous page"),
    h("span", { role: "status" }, `page ${at.toLocaleString("en")} of ${pages.toLocaleString("en")}`),
    button(at + 1, "→", "next page"),
    button(pages, "⇥", "last page"),
  );
}
