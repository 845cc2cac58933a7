"use strict";
/* Charts: a range with its histogram, a scatter whose dots can be looked at, and lines over steps. */

const COLOURS = 6;
const colour = (k) => `var(--c${k % COLOURS})`;

/** Return round values from 0, or from ``low``, up to ``high``. */
function ticks(low, high, wanted = 5) {
  const span = high - low || 1;
  const rough = span / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step / 1e6; value += step) {
    found.push(Number(value.toPrecision(12)));
  }
  return found;
}

function extent(values) {
  let [low, high, whole] = [Infinity, -Infinity, true];
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
    if (whole && !Number.isInteger(value)) whole = false;
  }
  return { low, high, whole };
}

const BINS = 28;

function histogram(values, places, low, high) {
  const bins = new Array(BINS).fill(0);
  const scale = BINS / (high - low);
  const count = (value) => {
    if (!Number.isNaN(value)) bins[Math.min(BINS - 1, Math.floor((value - low) * scale))] += 1;
  };
  if (places) for (const place of places) count(values[place]);
  else for (const value of values) count(value);
  return bins;
}

/** A column of numbers to choose a range of: two handles under the numbers' histogram. */
function Between({ column, places, chosen, onChoose }) {
  const { low, high, whole } = useMemo(() => extent(column.values), [column]);
  const all = useMemo(() => (low < high ? histogram(column.values, null, low, high) : []), [column]);
  const here = useMemo(() => (low < high ? histogram(column.values, places, low, high) : []), [column, places]);
  if (!(low < high)) return null;
  const step = whole ? 1 : (high - low) / 200;
  const [from, to] = chosen ?? [low, high];
  const top = Math.max(...all);
  const tall = (number) => (number ? 2 + 26 * Math.sqrt(number / top) : 0);
  const bars = (bins, name) =>
    bins.map((number, k) =>
      h("rect", { key: k, className: name, x: k * 10 + 1, width: 8, y: 28 - tall(number), height: tall(number) }),
    );
  const choose = (next) => onChoose(next[0] <= low && next[1] >= high ? null : next);
  const handle = (which, value, change) =>
    h("input", {
      type: "range",
      min: low,
      max: high,
      step,
      value,
      "aria-label": `${column.label}, ${which}`,
      "aria-valuetext": said(value),
      onChange: (event) => change(Number(event.target.value)),
    });
  return h(
    "fieldset",
    { className: "range" },
    h("legend", null, column.label, " ", h("output", null, `${said(from)} to ${said(to)}`)),
    h(
      "svg",
      { viewBox: `0 0 ${BINS * 10} 28`, preserveAspectRatio: "none", "aria-hidden": true },
      bars(all, "all"),
      bars(here, "here"),
    ),
    h(
      "div",
      { className: "handles" },
      handle("least", from, (value) => choose([Math.min(value, to), to])),
      handle("most", to, (value) => choose([from, Math.max(value, from)])),
    ),
  );
}

const WIDE = 720;
const TALL = 380;
const LEFT = 52;
const BELOW = 40;
const REACH = 14;

/** Return each number on the scale of an axis, 0 to 1; ``log`` spreads the small ones. */
const scaled = (value, top, log) => (log ? Math.log1p(Math.max(0, value)) / Math.log1p(top) : value / top);

/** Dots of two counts each; the one pointed at, or stepped to by the arrow keys, is shown with its image. */
function Scatter({ dots, xLabel, yLabel, words, onOpen, preview, label }) {
  const canvas = useRef(null);
  const [log, setLog] = useState(false);
  const [at, setAt] = useState(null);
  const dark = useDark();
  const top = useMemo(() => {
    const [x, y] = [extent(dots.x).high, extent(dots.y).high];
    return { x: Math.max(x, 1) * 1.04, y: Math.max(y, 1) * 1.04 };
  }, [dots]);
  const placed = useMemo(() => place(dots, top, log), [dots, top, log]);
  useLayoutEffect(() => paint(canvas.current, dots, placed), [dots, placed, dark]);
  const pointed = (event) => {
    const box = canvas.current.getBoundingClientRect();
    const scale = WIDE / box.width;
    setAt(nearest(placed, (event.clientX - box.left) * scale, (event.clientY - box.top) * scale));
  };
  const keyed = (event) => {
    const move = { ArrowRight: 1, ArrowLeft: -1, ArrowUp: 10, ArrowDown: -10, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === "Enter" && at !== null) onOpen(at);
    else if (event.key === "Escape") setAt(null);
    else if (move !== undefined) {
      const rank = at === null ? -1 : placed.rank[at];
      setAt(placed.order[Math.max(0, Math.min(placed.order.length - 1, rank + move))]);
    } else return;
    event.preventDefault();
  };
  const told = at === null ? "" : `${said(dots.x[at])} ${xLabel}, ${said(dots.y[at])} ${yLabel}${words(at)}`;
  return h(
    "figure",
    { className: "chart" },
    h(
      "div",
      {
        className: "plane",
        tabIndex: 0,
        role: "application",
        "aria-roledescription": "scatter plot",
        "aria-label": `${label}: ${placed.order.length} dots. Arrow keys step through them, Enter opens one.`,
        onKeyDown: keyed,
        onPointerMove: pointed,
        onPointerLeave: () => setAt(null),
        onClick: () => at !== null && onOpen(at),
        style: { cursor: at === null ? "default" : "pointer" },
      },
      h(Axes, { top, log, xLabel, yLabel }),
      h("canvas", { ref: canvas, width: WIDE * 2, height: TALL * 2, "aria-hidden": true }),
      at !== null && h(Pointed, { x: placed.x[at], y: placed.y[at], told, preview: preview(at) }),
    ),
    h("p", { className: "unseen", role: "status" }, told),
    h(
      "figcaption",
      null,
      h(Legend, { names: dots.names }),
      h(Switch, { on: log, set: setLog }, "logarithmic"),
    ),
  );
}

function place(dots, top, log) {
  const number = dots.x.length;
  const [x, y] = [new Float32Array(number), new Float32Array(number)];
  const order = [];
  for (let k = 0; k < number; k += 1) {
    if (Number.isNaN(dots.x[k]) || Number.isNaN(dots.y[k])) {
      x[k] = NaN;
      continue;
    }
    x[k] = LEFT + scaled(dots.x[k], top.x, log) * (WIDE - LEFT - 8);
    y[k] = TALL - BELOW - scaled(dots.y[k], top.y, log) * (TALL - BELOW - 8);
    order.push(k);
  }
  order.sort((a, b) => x[a] - x[b] || y[b] - y[a]);
  const rank = new Int32Array(number);
  order.forEach((k, position) => {
    rank[k] = position;
  });
  const cells = new Map();
  for (const k of order) {
    const cell = Math.floor(x[k] / REACH) * 4096 + Math.floor(y[k] / REACH);
    if (cells.has(cell)) cells.get(cell).push(k);
    else cells.set(cell, [k]);
  }
  return { x, y, order, rank, cells };
}

function nearest(placed, x, y) {
  let [best, least] = [null, REACH * REACH];
  const [column, row] = [Math.floor(x / REACH), Math.floor(y / REACH)];
  for (let i = column - 1; i <= column + 1; i += 1) {
    for (let j = row - 1; j <= row + 1; j += 1) {
      for (const k of placed.cells.get(i * 4096 + j) ?? []) {
        const distance = (placed.x[k] - x) ** 2 + (placed.y[k] - y) ** 2;
        if (distance < least) [best, least] = [k, distance];
      }
    }
  }
  return best;
}

function paint(canvas, dots, placed) {
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(canvas);
  const colours = Array.from({ length: COLOURS }, (_, k) => style.getPropertyValue(`--c${k}`).trim());
  pen.setTransform(2, 0, 0, 2, 0, 0);
  pen.clearRect(0, 0, WIDE, TALL);
  const size = placed.order.length > 5000 ? 1.6 : 3.2;
  pen.globalAlpha = placed.order.length > 5000 ? 0.35 : 0.65;
  for (const k of placed.order) {
    pen.fillStyle = colours[(dots.group ? dots.group[k] : 0) % COLOURS];
    pen.beginPath();
    pen.arc(placed.x[k], placed.y[k], size, 0, 2 * Math.PI);
    pen.fill();
  }
}

function Axes({ top, log, xLabel, yLabel }) {
  const shown = (high) => (log ? [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000] : ticks(0, high)).filter((value) => value <= high);
  const x = (value) => LEFT + scaled(value, top.x, log) * (WIDE - LEFT - 8);
  const y = (value) => TALL - BELOW - scaled(value, top.y, log) * (TALL - BELOW - 8);
  const both = Math.min(top.x, top.y);
  const diagonal = Array.from({ length: 41 }, (_, k) => (log ? Math.expm1((k / 40) * Math.log1p(both)) : (k / 40) * both));
  return h(
    "svg",
    { viewBox: `0 0 ${WIDE} ${TALL}`, "aria-hidden": true },
    shown(top.y).map((value) => [
      h("line", { key: value, className: "rule", x1: LEFT, x2: WIDE - 8, y1: y(value), y2: y(value) }),
      h("text", { key: `t${value}`, x: LEFT - 8, y: y(value) + 4, textAnchor: "end" }, said(value)),
    ]),
    shown(top.x).map((value) => h("text", { key: value, x: x(value), y: TALL - BELOW + 18, textAnchor: "middle" }, said(value))),
    h("polyline", { className: "same", points: diagonal.map((value) => `${x(value)},${y(value)}`).join(" ") }),
    h("text", { className: "name", x: (LEFT + WIDE) / 2, y: TALL - 6, textAnchor: "middle" }, xLabel),
    h("text", { className: "name", transform: `translate(13 ${(TALL - BELOW) / 2}) rotate(-90)`, textAnchor: "middle" }, yLabel),
  );
}

/** The dot that is looked at, and a small image of what it stands for. */
function Pointed({ x, y, told, preview }) {
  const { value } = useRow(preview.kind, preview.place ?? 0);
  const picture = preview.place !== undefined && value && value.row.pictures[0];
  const style = { left: `${(100 * x) / WIDE}%`, top: `${(100 * y) / TALL}%` };
  const side = `${x > WIDE / 2 ? "left" : "right"} ${y > TALL / 2 ? "above" : "below"}`;
  return h(
    "div",
    { className: "pointed", style },
    h("div", { className: `tip ${side}` }, picture && h("img", { src: value.pictures[picture.at], alt: "" }), h("span", null, told)),
  );
}

const Legend = ({ names }) =>
  names.length > 1 &&
  h(
    "ul",
    { className: "legend" },
    names.map((name, k) => h("li", { key: name }, h("i", { style: { background: colour(k) } }), name)),
  );

const Switch = ({ on, set, children }) =>
  h("label", { className: "switch" }, h("input", { type: "checkbox", checked: on, onChange: (event) => set(event.target.checked) }), children);

function useDark() {
  const query = useMemo(() => matchMedia("(prefers-color-scheme: dark)"), []);
  const [dark, setDark] = useState(query.matches);
  useEffect(() => {
    const changed = () => setDark(query.matches);
    query.addEventListener("change", changed);
    return () => query.removeEventListener("change", changed);
  }, []);
  return dark;
}

const LINES_TALL = 240;

/** Lines over training steps, one per run, with the values at the step that is pointed at and a table of the last ones. */
function Lines({ name, lines }) {
  const [at, setAt] = useState(null);
  const steps = extent(lines.flatMap((line) => line.x));
  const values = extent(lines.flatMap((line) => line.y));
  const pad = (values.high - values.low || Math.abs(values.high) || 1) * 0.05;
  const [low, high] = [values.low - pad, values.high + pad];
  const x = (step) => LEFT + ((step - steps.low) / (steps.high - steps.low || 1)) * (WIDE - LEFT - 12);
  const y = (value) => LINES_TALL - BELOW - ((value - low) / (high - low)) * (LINES_TALL - BELOW - 8);
  const near = (line) => {
    let best = 0;
    line.x.forEach((step, k) => {
      if (Math.abs(step - at) < Math.abs(line.x[best] - at)) best = k;
    });
    return best;
  };
  const pointed = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    const place = ((event.clientX - box.left) / box.width) * WIDE;
    setAt(steps.low + ((place - LEFT) / (WIDE - LEFT - 12)) * (steps.high - steps.low));
  };
  return h(
    "figure",
    { className: "chart lines" },
    h("figcaption", null, h("b", null, name), h(Legend, { names: lines.map((line) => line.label) })),
    h(
      "svg",
      {
        viewBox: `0 0 ${WIDE} ${LINES_TALL}`,
        role: "img",
        "aria-label": `${name} over steps: ${lines.map((line) => `${line.label} ends at ${said(line.y.at(-1))}`).join(", ")}`,
        onPointerMove: pointed,
        onPointerLeave: () => setAt(null),
      },
      ticks(low, high, 4).map((value) => [
        h("line", { key: value, className: "rule", x1: LEFT, x2: WIDE - 12, y1: y(value), y2: y(value) }),
        h("text", { key: `t${value}`, x: LEFT - 8, y: y(value) + 4, textAnchor: "end" }, said(value)),
      ]),
      ticks(steps.low, steps.high).map((step) => h("text", { key: step, x: x(step), y: LINES_TALL - BELOW + 18, textAnchor: "middle" }, said(step))),
      h("text", { className: "name", x: (LEFT + WIDE) / 2, y: LINES_TALL - 4, textAnchor: "middle" }, "steps"),
      lines.map((line, k) =>
        h("polyline", { key: line.label, style: { stroke: colour(k) }, points: line.x.map((step, j) => `${x(step)},${y(line.y[j])}`).join(" ") }),
      ),
      at !== null &&
        lines.map((line, k) => {
          const j = near(line);
          return h(
            "g",
            { key: line.label },
            h("circle", { cx: x(line.x[j]), cy: y(line.y[j]), r: 4, style: { fill: colour(k) } }),
            h("text", { className: "value", x: Math.min(x(line.x[j]) + 8, WIDE - 60), y: y(line.y[j]) - 8 }, `${said(line.y[j])} at ${said(line.x[j])}`),
          );
        }),
    ),
    h(
      "details",
      null,
      h("summary", null, "as a table"),
      h(
        "table",
        null,
        h("thead", null, h("tr", null, ["run", "first", "lowest", "highest", "last"].map((head) => h("th", { key: head, scope: "col" }, head)))),
        h(
          "tbody",
          null,
          lines.map((line) => {
            const { low: least, high: most } = extent(line.y);
            return h(
              "tr",
              { key: line.label },
              h("th", { scope: "row" }, line.label),
              [line.y[0], least, most, line.y.at(-1)].map((value, k) => h("td", { key: k }, said(value))),
            );
          }),
        ),
      ),
    ),
  );
}

/** Every training's curves, one quantity of one stage's models at a time. */
function Curves() {
  const { value, error } = useLoaded(() => read("curves"), "curves");
  const [stage, setStage] = useState(null);
  const [name, setName] = useState(null);
  if (error) return h(Failure, { error });
  if (!value) return h(Waiting);
  if (!value.length) return h("p", null, "Nothing was trained.");
  const stages = [...new Set(value.map((run) => run.stage))];
  const runs = value.filter((run) => run.stage === (stage ?? stages[0]));
  const quantities = [...new Set(runs.flatMap((run) => Object.keys(run.series)))].sort();
  const shown = quantities.includes(name) ? [name] : quantities.filter((one) => /^(loss|val_mae|Loss\/G\/loss|Loss\/D\/loss)$/.test(one));
  return h(
    "div",
    null,
    h(
      "div",
      { className: "bar" },
      stages.length > 1 && h(Choice, { label: "stage", value: stage ?? stages[0], options: stages, set: setStage }),
      h(Choice, { label: "quantity", value: quantities.includes(name) ? name : "", options: ["", ...quantities], names: { "": "the usual ones" }, set: setName }),
    ),
    h(
      "div",
      { className: "sheet charts" },
      (shown.length ? shown : quantities.slice(0, 2)).map((quantity) => {
        const lines = runs
          .filter((run) => run.series[quantity])
          .map((run) => ({ label: `${run.model} ${run.run}`, x: run.series[quantity][0], y: run.series[quantity][1] }));
        return h(Lines, { key: quantity, name: quantity, lines });
      }),
    ),
  );
}

const Waiting = () => h("p", { className: "waiting", role: "status" }, "reading …");

function Choice({ label, value, options, names = {}, set }) {
  const id = useId();
  return h(
    "div",
    { className: "choice" },
    h("label", { htmlFor: id }, label),
    h(
      "select",
      { id, value, onChange: (event) => set(event.target.value) },
      options.map((option) => h("option", { key: option, value: option }, names[option] ?? option)),
    ),
  );
}
