"use strict";
/* Where the explorer grows in the page, and which section is shown. */

/** Requested against counted people, every synthetic image a dot. */
function CountScatter() {
  const { value: found, error } = useKind("synthetic");
  const dots = useMemo(() => {
    if (!found) return null;
    const { requested, count, maker } = found.byName;
    return { x: requested.values, y: count.values, group: maker.codes, names: maker.words };
  }, [found]);
  if (error) return h(Failure, { error });
  if (!found) return h(Waiting);
  return h(Scatter, {
    dots,
    xLabel: "people requested",
    yLabel: "people there",
    label: "people there against people requested",
    words: (place) => `, ${dots.names[dots.group[place]]}`,
    onOpen: (place) => go(address("synthetic", found.key(place), new URLSearchParams())),
    preview: (place) => ({ kind: "synthetic", place }),
  });
}

/** True against predicted people, every measured photograph and counter a dot. */
function Predictions() {
  const { value: said_, error } = useLoaded(() => read("predictions"), "predictions");
  const { value: found, error: lost } = useKind("photographs");
  const dots = useMemo(() => said_ && allDots(said_.counters), [said_]);
  if (error || lost) return h(Failure, { error: error ?? lost });
  if (!dots || !found) return h(Waiting);
  return h(Scatter, {
    dots,
    xLabel: "people annotated",
    yLabel: "people counted",
    label: "people counted against people annotated",
    words: (k) => `, ${dots.names[dots.group[k]]}`,
    onOpen: (k) => found.find(dots.ids[k]) !== undefined && go(address("photographs", dots.ids[k], new URLSearchParams())),
    preview: (k) => ({ kind: "photographs", place: found.find(dots.ids[k]) }),
  });
}

function allDots(counters) {
  const [x, y, group, ids] = [[], [], [], []];
  counters.forEach((counter, k) => {
    const named = counter.ids ? counter.ids.split(" ") : [];
    x.push(...floats(counter.true));
    y.push(...floats(counter.predicted));
    group.push(...named.map(() => k));
    ids.push(...named);
  });
  return { x, y, group, ids, names: counters.map((counter) => counter.counter) };
}

const SCENES = 6;

/** What a generator draws as the label alone changes: a scene to a row, labels rising from left to right. */
function Sweep() {
  const { value: found, error } = useKind("drawn");
  const [sampler, setSampler] = useState(null);
  const rows = useMemo(() => found && sweepOf(found, sampler ?? 0), [found, sampler]);
  if (error) return h(Failure, { error });
  if (!found) return h(Waiting);
  if (!rows.labels.length) return null;
  const samplers = found.byName.sampler.words;
  return h(
    "div",
    { className: "sweep" },
    h("h3", null, "Sweep over labels"),
    samplers.length > 1 && h("div", { className: "bar" }, h(Choice, { label: "sampler", value: String(sampler ?? 0), options: samplers.map((_, k) => String(k)), names: samplers, set: (k) => setSampler(Number(k)) })),
    h(
      "div",
      { className: "scroll", role: "region", "aria-label": "sweep", tabIndex: 0 },
      h(
        "table",
        null,
        h("thead", null, h("tr", null, h("td"), rows.labels.map((label) => h("th", { key: label, scope: "col" }, label)))),
        h(
          "tbody",
          null,
          rows.scenes.map(({ seed, places }) =>
            h(
              "tr",
              { key: seed },
              h("th", { scope: "row" }, `seed ${seed}`),
              places.map((place, k) => h("td", { key: k }, place !== undefined && h(SweepCell, { found, place, label: rows.labels[k] }))),
            ),
          ),
        ),
      ),
    ),
  );
}

function sweepOf(found, sampler) {
  const { sampler: by, label, asked, seed } = found.byName;
  const [labels, scenes] = [new Map(), new Map()];
  for (let place = 0; place < found.number; place += 1) {
    if (by.codes[place] !== sampler || !kept(found, place)) continue;
    const word = label.words[label.codes[place]];
    labels.set(word, asked.values[place]);
    const scene = seed.values[place];
    if (!scenes.has(scene)) scenes.set(scene, {});
    scenes.get(scene)[word] = place;
  }
  const rising = [...labels].sort((a, b) => a[1] - b[1]).map(([word]) => word);
  const first = [...scenes].sort((a, b) => a[0] - b[0]).slice(0, SCENES);
  return { labels: rising, scenes: first.map(([number, places]) => ({ seed: number, places: rising.map((word) => places[word]) })) };
}

function SweepCell({ found, place, label }) {
  const { value } = useRow("drawn", place);
  if (!value) return h("div", { className: "frame blank" });
  const picture = value.row.pictures[0];
  return h("a", { href: address("drawn", found.key(place), new URLSearchParams()) }, h("img", { src: value.pictures[picture.at], width: picture.w, height: picture.h, alt: `drawn for ${label}` }));
}

const ISLANDS = { explore: Explorer, counts: CountScatter, predictions: Predictions, curves: Curves, sweep: Sweep };

/** Show the section that the address names, and let its islands grow the first time it is seen. */
function show() {
  const route = routeOf(location.hash);
  const sections = [...document.querySelectorAll("main > section")];
  const shown = sections.find((section) => section.classList.contains("current"));
  const current = sections.find((section) => section.id === route.section) ?? shown ?? sections[0];
  const changed = !current.classList.contains("current");
  for (const section of sections) section.classList.toggle("current", section === current);
  for (const link of document.querySelectorAll("body > nav a")) {
    if (link.hash !== `#${current.id}`) link.removeAttribute("aria-current");
    else if (!link.hasAttribute("aria-current")) {
      link.setAttribute("aria-current", "page");
      link.parentElement.scrollLeft = link.offsetLeft - link.parentElement.offsetLeft - 40;
    }
  }
  for (const place of current.querySelectorAll("[data-island]:not([data-grown])")) {
    place.dataset.grown = "";
    place.replaceChildren();
    ReactDOM.createRoot(place).render(h(ISLANDS[place.dataset.island], { name: place.dataset.kind, words: place.dataset.words }));
  }
  return changed && current;
}

addEventListener("hashchange", () => {
  const current = show();
// the browser goes to the section's place in the page by itself, past the title
addEventListener("load", () => routeOf(location.hash).sample || scrollTo(0, 0));
  if (!current) return;
  scrollTo(0, 0);
  current.querySelector("h2").focus({ preventScroll: true });
});
show();
// the browser goes to the section's place in the page by itself, past the title
addEventListener("load", () => routeOf(location.hash).sample || scrollTo(0, 0));
