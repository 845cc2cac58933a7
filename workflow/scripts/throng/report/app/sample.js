"use strict";
/* One sample, opened: its images at their largest, what is said of it table by table, and where it comes from. */

/** The dialog of one sample; ``order`` is what the list behind it shows, to step through. */
function Sample({ found, place, order, query }) {
  const dialog = useRef(null);
  const { value, error } = useRow(found.name, place);
  const close = () => go(address(found.name, "", query), true);
  const rank = useMemo(() => order.indexOf(place), [order, place]);
  const step = (by) => {
    const next = order[rank + by];
    if (rank >= 0 && next !== undefined) go(address(found.name, found.key(next), query), true);
  };
  useEffect(() => {
    if (!dialog.current.open) dialog.current.showModal();
  }, []);
  const keyed = (event) => {
    const moves = event.target.matches("input, select, summary, pre") ? undefined : { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!moves) return;
    event.preventDefault();
    step(moves);
  };
  return h(
    "dialog",
    {
      ref: dialog,
      "aria-labelledby": "sample-title",
      onClose: close,
      onKeyDown: keyed,
      onClick: (event) => event.target === dialog.current && dialog.current.close(),
    },
    h(
      "div",
      { className: "sample" },
      h(
        "header",
        null,
        h("h2", { id: "sample-title" }, value ? value.row.says : "reading …", " ", value && h("small", null, value.row.tags.join(" · "))),
        h(
          "div",
          { className: "steps" },
          h("button", { type: "button", onClick: () => step(-1), disabled: rank <= 0, "aria-label": "previous sample" }, "←"),
          h("button", { type: "button", onClick: () => step(1), disabled: rank < 0 || rank >= order.length - 1, "aria-label": "next sample" }, "→"),
          h("button", { type: "button", onClick: () => dialog.current.close(), "aria-label": "close" }, "✕"),
        ),
      ),
      error && h(Failure, { error }),
      value && h(Opened, { key: place, found, place, ...value }),
    ),
  );
}

function Opened({ found, place, row, pictures }) {
  const bodies = { pairs: PairBody, edits: EditsBody, drawn: DrawnBody };
  const Body = bodies[found.name] ?? PointsBody;
  return h(
    React.Fragment,
    null,
    row.reason && h("p", { className: "refused" }, h("b", null, "not kept: "), row.reason),
    row.pictures.length > 0 && h(Body, { found, place, row, pictures }),
    row.text && h("blockquote", null, row.text),
    h("h3", null, "Where it comes from"),
    h("p", null, h("code", null, row.id || "unreadable, so without an id")),
    h(Origins, { found, row }),
    h("h3", null, "What is said of it, and by whom"),
    row.tables.map((table, k) => h(Facts, { key: k, table, open: k === 0 })),
  );
}

/** The samples that this one comes from, and those made of it, as links where they can be looked at. */
function Origins({ found, row }) {
  const links = [...row.from];
  if (found.name === "photographs" && row.id) links.push(["edits", row.id, "edits of it"]);
  if (!links.length) return h("p", null, found.name === "photographs" ? "It was ingested." : "It shows no photograph's pixels.");
  return h("ul", { className: "origins" }, links.map(([kind, id, words], k) => h("li", { key: k }, h(Origin, { kind, id, words }))));
}

function Origin({ kind, id, words }) {
  const { value, error } = useKind(kind);
  const there = value && value.find(id) !== undefined;
  const text = [`${words} `, h("code", { key: "id" }, id)];
  if (there) return h("a", { href: address(kind, id, new URLSearchParams()) }, text);
  return h("span", null, text, (value || error) && " (not among what is held here)");
}

/** What one table says of a sample, and what made the part of it that says so. */
function Facts({ table: [name, part, values], open }) {
  const made = summary.made[name]?.[part];
  const meanings = summary.meanings[name] ?? {};
  return h(
    "details",
    { open, className: "facts" },
    h(
      "summary",
      null,
      h("b", null, name),
      made && h("span", null, `stage ${made.stage}`),
      made?.backend && h("span", null, made.backend),
      made && h("code", { title: `code digest ${made.code}` }, made.code.slice(0, 12)),
    ),
    h(
      "dl",
      null,
      Object.entries(values).map(([column, value]) => [
        h("dt", { key: column, title: meanings[column] }, column),
        h("dd", { key: `${column} value` }, h(Told, { value })),
      ]),
      made?.model && [h("dt", { key: "model" }, "model"), h("dd", { key: "model value" }, h(Told, { value: made.model }))],
    ),
    made && h("p", null, h("a", { href: "#provenance", onClick: () => unfold(name) }, "configuration and parents of the table")),
  );
}

function unfold(table) {
  const made = document.getElementById(`made-${table}`);
  if (made) made.open = true;
}

function Told({ value }) {
  if (value === null || value === undefined || value === "") return h("span", { className: "nothing" }, "–");
  if (typeof value === "string" && /^[{[]/.test(value)) {
    try {
      return h(Told, { value: JSON.parse(value) });
    } catch {
      return value;
    }
  }
  if (Array.isArray(value)) return value.length ? value.map((one) => (typeof one === "object" ? JSON.stringify(one) : said(one))).join(", ") : h("span", { className: "nothing" }, "none");
  if (typeof value === "object") {
    return h("dl", null, Object.entries(value).map(([name, one]) => [h("dt", { key: name }, name), h("dd", { key: `${name} value` }, h(Told, { value: one }))]));
  }
  return said(value);
}

const OVERLAYS = { "": "nothing", points: "head points", boxes: "boxes", density: "density" };

function PointsBody({ row, pictures, found }) {
  const query = routeOf(location.hash).query;
  const [show, setShow] = useState(query.get("show") ?? (row.points ? "points" : ""));
  const picture = row.pictures[0];
  const [sigma, setSigma] = useState(Math.max(2, Math.round(picture.w / 40)));
  const known = Object.keys(OVERLAYS).filter((name) => !name || (name === "boxes" ? row.boxes : row.points));
  return h(
    "div",
    { className: "body" },
    h(Shown, { picture, pictures, row, show, sigma, large: true, alt: `${row.says}: ${row.text || row.tags.join(", ")}` }),
    h(
      "div",
      { className: "bar" },
      h(Choice, { label: "draw over it", value: show, options: known, names: OVERLAYS, set: setShow }),
      show === "density" &&
        h(
          "label",
          { className: "choice" },
          h("span", null, `sigma ${sigma} px`),
          h("input", { type: "range", min: 2, max: Math.round(picture.w / 10), value: sigma, onChange: (event) => setSigma(Number(event.target.value)) }),
        ),
      show === "density" && h("small", null, `its sum is ${row.points.length / 2} people`),
    ),
    h(Small, { picture }),
  );
}

/** A word on the size, where only a thumbnail is held. */
const Small = ({ picture }) =>
  !picture.view && h("p", { className: "small" }, h("small", null, `Held here as a thumbnail of an image of ${picture.w} × ${picture.h} pixels; report.views says of how many samples images are kept large.`));

function PairBody({ row, pictures }) {
  const [outline, setOutline] = useState(true);
  const [first, second] = row.pictures;
  const names = ["first image", "second image"];
  return h(
    "div",
    { className: "body" },
    row.slide
      ? h(Slider, { first, second, pictures, gone: row.gone, names, outline })
      : h(
          "div",
          { className: "two" },
          [first, second].map((picture, k) =>
            h(
              "div",
              { key: k, className: "frame", style: { aspectRatio: `${picture.w} / ${picture.h}` } },
              h("img", { src: source(picture, pictures, true), alt: names[k] }),
              k === 0 && outline && h(Marks, { width: picture.w, height: picture.h, window: row.window }),
            ),
          ),
        ),
    h("div", { className: "bar" }, h(Switch, { on: outline, set: setOutline }, row.slide ? "outline who went" : "outline the second image in the first")),
    h(Small, { picture: first }),
  );
}

function EditsBody({ row, pictures }) {
  const kept = row.steps.filter((step) => step.picture !== null);
  const chain = kept.filter((step) => step.recipe === kept[0]?.recipe);
  const [chosen, setChosen] = useState(chain[chain.length - 1]);
  const [outline, setOutline] = useState(false);
  const recipes = [...new Set(row.steps.map((step) => step.recipe))];
  const words = (step) => `${step.says}, ${step.done}`;
  return h(
    "div",
    { className: "body" },
    chosen &&
      h(Slider, {
        first: row.pictures[0],
        second: row.pictures[chosen.picture],
        pictures,
        gone: chosen.gone,
        names: ["photograph", words(chosen)],
        outline,
      }),
    chosen && h("div", { className: "bar" }, h(Switch, { on: outline, set: setOutline }, "outline who went")),
    recipes.map((recipe) =>
      h(
        React.Fragment,
        { key: recipe },
        h("h3", null, summary.recipes[recipe] ?? recipe),
        h(
          "div",
          { className: "strip", role: "group", "aria-label": summary.recipes[recipe] ?? recipe },
          h("figure", null, h("img", { src: pictures[row.pictures[0].at], alt: "photograph" }), h("figcaption", null, h("b", null, "photograph"))),
          row.steps.filter((step) => step.recipe === recipe).map((step, k) =>
            step.picture === null
              ? h("figure", { key: k, className: "without" }, h("figcaption", null, h("b", null, step.says), h("span", null, step.reason)))
              : h(
                  "button",
                  { key: k, type: "button", "aria-pressed": step === chosen, onClick: () => setChosen(step) },
                  h("img", { src: pictures[row.pictures[step.picture].at], alt: "" }),
                  h("span", null, h("b", null, step.says), " ", step.done),
                ),
          ),
        ),
      ),
    ),
    chosen && h(Facts, { key: chosen.table[2].id, table: chosen.table, open: false }),
    h(Small, { picture: row.pictures[0] }),
  );
}

/** A drawn image, and the others of its scene by the label that was asked for. */
function DrawnBody({ found, place, row, pictures }) {
  const siblings = useMemo(() => {
    const { scene, asked, sampler } = found.byName;
    const same = [];
    for (let k = 0; k < found.number; k += 1) {
      if (scene.codes[k] === scene.codes[place] && sampler.codes[k] === sampler.codes[place] && kept(found, k)) same.push(k);
    }
    return same.sort((a, b) => asked.values[a] - asked.values[b]);
  }, [found, place]);
  const [at, setAt] = useState(place);
  const labels = found.byName.label;
  return h(
    "div",
    { className: "body" },
    at === place
      ? h(Shown, { picture: row.pictures[0], pictures, row, large: true, alt: `drawn for label ${row.says}` })
      : h(Other, { kind: "drawn", place: at }),
    siblings.length > 1 &&
      h(
        "label",
        { className: "choice" },
        h("span", null, `label ${labels.words[labels.codes[at]]}`),
        h("input", {
          type: "range",
          min: 0,
          max: siblings.length - 1,
          value: Math.max(0, siblings.indexOf(at)),
          "aria-valuetext": labels.words[labels.codes[at]],
          onChange: (event) => setAt(siblings[Number(event.target.value)]),
        }),
      ),
  );
}

const kept = (found, place) => found.byName.reason.words[found.byName.reason.codes[place]] === "kept";

function Other({ kind, place }) {
  const { value } = useRow(kind, place);
  if (!value?.row.pictures.length) return h("div", { className: "frame blank" });
  return h(Shown, { picture: value.row.pictures[0], pictures: value.pictures, row: value.row, large: true, alt: `drawn for label ${value.row.says}` });
}
