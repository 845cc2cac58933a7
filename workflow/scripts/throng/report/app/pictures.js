"use strict";
/* Images with what is known of them drawn over: points, boxes, density; two images under one divider. */

const BOX = 4;
const FEW = 3;

/** Split a flat list of numbers into groups of ``size``. */
function grouped(list, size) {
  const found = [];
  for (let k = 0; list && k < list.length; k += size) found.push(list.slice(k, k + size));
  return found;
}

/** Return a density map on a grid of ``columns`` x ``rows``: a Gaussian of ``sigma`` pixels and mass 1 per point. */
function densityMap(points, width, height, columns, rows, sigma) {
  const map = new Float32Array(columns * rows);
  const [sx, sy] = [columns / width, rows / height];
  const [rx, ry] = [Math.max(1, Math.ceil(FEW * sigma * sx)), Math.max(1, Math.ceil(FEW * sigma * sy))];
  for (const [px, py] of points) {
    const [cx, cy] = [(px + 0.5) * sx - 0.5, (py + 0.5) * sy - 0.5];
    const cells = [];
    let mass = 0;
    for (let j = Math.max(0, Math.round(cy) - ry); j <= Math.min(rows - 1, Math.round(cy) + ry); j += 1) {
      for (let i = Math.max(0, Math.round(cx) - rx); i <= Math.min(columns - 1, Math.round(cx) + rx); i += 1) {
        const weight = Math.exp(-(((i - cx) / sx) ** 2 + ((j - cy) / sy) ** 2) / (2 * sigma * sigma));
        cells.push([j * columns + i, weight]);
        mass += weight;
      }
    }
    for (const [cell, weight] of cells) map[cell] += weight / mass;
  }
  return map;
}

// dark violet through red to pale yellow, seen as rising by everybody
const HEAT = [[40, 11, 84], [101, 21, 110], [159, 42, 99], [212, 72, 66], [245, 125, 21], [250, 193, 39], [252, 255, 164]];

function heat(share) {
  const place = Math.min(share, 0.9999) * (HEAT.length - 1);
  const [low, high] = [HEAT[Math.floor(place)], HEAT[Math.floor(place) + 1]];
  return low.map((value, k) => value + (high[k] - value) * (place - Math.floor(place)));
}

function Density({ points, width, height, sigma }) {
  const canvas = useRef(null);
  const columns = Math.min(256, width);
  const rows = Math.max(1, Math.round((columns * height) / width));
  useLayoutEffect(() => {
    const map = densityMap(points, width, height, columns, rows, sigma);
    const top = map.reduce((most, value) => Math.max(most, value), 0) || 1;
    const pen = canvas.current.getContext("2d");
    const image = pen.createImageData(columns, rows);
    map.forEach((value, k) => {
      const share = value / top;
      image.data.set([...heat(share), 255 * Math.min(0.85, share * 4)], 4 * k);
    });
    pen.putImageData(image, 0, 0);
  }, [points, width, height, sigma]);
  return h("canvas", { className: "density", ref: canvas, width: columns, height: rows, "aria-hidden": true });
}

/** Points and boxes in an image's own pixels; 0 is the centre of the first. */
function Marks({ width, height, points = [], boxes = [], window: part, kind = "" }) {
  const size = Math.max(2, width / 110);
  return h(
    "svg",
    { className: `marks ${kind}`, viewBox: `-0.5 -0.5 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": true },
    boxes.map(([x, y, w, t], k) => h("rect", { key: `b${k}`, x, y, width: w, height: t })),
    points.map(([x, y], k) => h("circle", { key: `p${k}`, cx: x, cy: y, r: size })),
    part && h("rect", { className: "part", x: part[0] - 0.5, y: part[1] - 0.5, width: part[2], height: part[3] }),
  );
}

/** One image as large as it is kept, with ``show`` (points, boxes, density) of its row over it. */
function Shown({ picture, pictures, row, show, sigma, alt, large }) {
  const { w, h: tall } = picture;
  const points = useMemo(() => grouped(row?.points, 2), [row]);
  const boxes = useMemo(() => grouped(row?.boxes, BOX), [row]);
  return h(
    "div",
    { className: "frame", style: { aspectRatio: `${w} / ${tall}` } },
    h("img", { src: source(picture, pictures, large), width: w, height: tall, alt }),
    show === "density" && row.points && h(Density, { points, width: w, height: tall, sigma: sigma ?? w / 40 }),
    show === "points" && h(Marks, { width: w, height: tall, points }),
    show === "boxes" && h(Marks, { width: w, height: tall, boxes, kind: "found" }),
  );
}

const source = (picture, pictures, large) =>
  large && picture.view ? `data/views/${picture.view}` : pictures[picture.at];

/** Two images of one size under a divider that is dragged, or moved by the arrow keys. */
function Slider({ first, second, pictures, gone, names, outline }) {
  const [cut, setCut] = useState(50);
  const boxes = useMemo(() => grouped(gone, BOX), [gone]);
  const { w, h: tall } = first;
  return h(
    "div",
    { className: "slider", style: { "--cut": `${cut}%`, aspectRatio: `${w} / ${tall}` } },
    h("img", { src: source(first, pictures, true), width: w, height: tall, alt: names[0] }),
    h("img", { className: "after", src: source(second, pictures, true), width: w, height: tall, alt: names[1] }),
    outline && h(Marks, { width: w, height: tall, boxes }),
    h("b", { className: "left", "aria-hidden": true }, names[0]),
    h("b", { className: "right", "aria-hidden": true }, names[1]),
    h("span", { className: "knob", "aria-hidden": true }),
    h("input", {
      type: "range",
      min: 0,
      max: 100,
      value: cut,
      "aria-label": `divider: to its left ${names[0]}, to its right ${names[1]}`,
      "aria-valuetext": `${cut} % of ${names[0]}`,
      onChange: (event) => setCut(Number(event.target.value)),
    }),
  );
}
